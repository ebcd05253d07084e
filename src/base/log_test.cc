#include "base/log.h"

#include <gtest/gtest.h>

namespace ocellus {
namespace {

TEST(LogTest, PlainValuesStandBare) {
  EXPECT_EQ(FormatFields({{"method", "GET"}, {"status", "200"}}), " method=GET status=200");
}

TEST(LogTest, NobodyWritesALineOfHisOwn) {
  EXPECT_EQ(FormatFields({{"path", "/a b\n2026 error \"x\"\\"}, {"id", ""}}),
            " path=\"/a b\\x0a2026 error \\\"x\\\"\\\\\" id=\"\"");
  EXPECT_EQ(FormatFields({{"path", "\x1b[2J\xff"}}), " path=\"\\x1b[2J\\xff\"");
}

}  // namespace
}  // namespace ocellus
