#include "api/json.h"

#include <gtest/gtest.h>

namespace ocellus::api {
namespace {

TEST(Json, WritesTimes) {
  EXPECT_EQ(IsoTime(0), "1970-01-01T00:00:00Z");
  EXPECT_EQ(IsoTime(1'775'044'799'999), "2026-04-01T11:59:59Z");
  EXPECT_EQ(IsoTime(951'782'400'000), "2000-02-29T00:00:00Z");
  EXPECT_EQ(IsoTime(-1), "1969-12-31T23:59:59Z");
}

}  // namespace
}  // namespace ocellus::api
