#include "api/admin/bundles.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <thread>

#include "api/testing/harness.h"

namespace ocellus::api::admin {
namespace {

using engine::testing::kBlue;
using engine::testing::kRed;
using testing::At;
using testing::BodyOf;
using testing::Harness;

constexpr char kUse[] = "/api/v1/admin/libraries/shoes/bundle";

Value Finished(const Harness& harness, const Value& job) {
  const std::string path = "/api/v1/admin/jobs/" + *At(job, "id").as_string();
  for (int i = 0; i < 2000; ++i) {
    const Value now = BodyOf(harness.Call("GET", path));
    if (At(now, "finished_ms") != Value(0)) return now;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return nullptr;
}

TEST(Bundles, AreListed) {
  const Harness harness;
  const Value body = BodyOf(harness.Call("GET", "/api/v1/admin/bundles"));
  EXPECT_EQ(At(body, "bundles.0.name"), Value("colour"));
  EXPECT_EQ(At(body, "bundles.1.name"), Value("other"));
  EXPECT_EQ(At(body, "bundles.1.digest"), Value("digest-2"));
  EXPECT_EQ(At(body, "bundles.0.calibrated"), Value(false));
}

TEST(Bundles, ALibraryTakesAnother) {
  const Harness harness;
  harness.CreateLibrary("shoes");
  harness.AddPicture("shoes", "a", kRed);
  harness.AddPicture("shoes", "b", kBlue);
  const Response started = harness.Call("POST", kUse, R"({"bundle":"other"})");
  ASSERT_EQ(started.status, 200) << started.body;
  EXPECT_EQ(At(BodyOf(started), "library"), Value("shoes"));
  const Value done = Finished(harness, BodyOf(started));
  EXPECT_EQ(At(done, "state"), Value("succeeded"));
  EXPECT_EQ(At(done, "success"), Value(2));
  EXPECT_EQ(At(done, "total"), Value(2));
  const Value found =
      BodyOf(harness.Adb("/search/by-text", R"({"library_name":"shoes","text":"blue"})"));
  EXPECT_EQ(At(found, "data.results.0.image_id"), Value("b"));
}

TEST(Bundles, WhatCannotFollowIsNamed) {
  const Harness harness;
  harness.CreateLibrary("shoes");
  harness.AddPicture("shoes", "a", kRed, {}, false);
  const Value done = Finished(harness, BodyOf(harness.Call("POST", kUse, R"({"bundle":"other"})")));
  EXPECT_EQ(At(done, "state"), Value("failed"));
  EXPECT_EQ(At(done, "failed"), Value(1));
  EXPECT_EQ(At(done, "errors.0.image_id"), Value("a"));
  EXPECT_EQ(At(done, "errors.0.message"), Value("its picture was not kept: import it again"));
}

TEST(Bundles, BadRequestsAreRefused) {
  Harness harness;
  harness.CreateLibrary("shoes");
  const auto refused = [&](const std::string& body) {
    const Response response = harness.Call("POST", kUse, body);
    EXPECT_EQ(response.status, 400) << response.body;
    return response.body;
  };
  EXPECT_NE(refused("{}").find("bundle: required"), std::string::npos);
  EXPECT_NE(refused("[]").find("body"), std::string::npos);
  EXPECT_NE(refused(R"({"bundle":"x"})").find("bundle: there is no bundle"), std::string::npos);
  EXPECT_NE(refused(R"({"bundle":"colour"})").find("uses the bundle colour already"),
            std::string::npos);
  EXPECT_NE(refused(R"({"bundle":"other","leave_behind":1})").find("leave_behind"),
            std::string::npos);
  EXPECT_EQ(
      harness.Call("POST", "/api/v1/admin/libraries/hats/bundle", R"({"bundle":"other"})").status,
      404);
  EXPECT_EQ(harness.Call("GET", "/api/v1/admin/jobs/none").status, 404);
  harness.principal = {"reader", Role::kWrite, std::nullopt};
  EXPECT_EQ(harness.Call("POST", kUse, R"({"bundle":"other"})").status, 403);
}

}  // namespace
}  // namespace ocellus::api::admin
