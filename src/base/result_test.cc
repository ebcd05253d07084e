#include "base/result.h"

#include <gtest/gtest.h>

#include <memory>

namespace ocellus {
namespace {

Result<std::unique_ptr<int>> Half(int n) {
  if (n % 2 != 0) return Status(Code::kInvalidArgument, "odd");
  return std::make_unique<int>(n / 2);
}

Result<int> Quarter(int n) {
  OCELLUS_ASSIGN_OR_RETURN(const auto half, Half(n));
  OCELLUS_ASSIGN_OR_RETURN(const auto quarter, Half(*half));
  return *quarter;
}

Status Check(int n) {
  OCELLUS_RETURN_IF_ERROR(Quarter(n).ok() ? Status() : Status(Code::kInternal, "no quarter"));
  return {};
}

TEST(Result, CarriesAMoveOnlyValueOrAStatus) {
  EXPECT_EQ(**Half(8), 4);
  EXPECT_EQ(Half(3).status().code(), Code::kInvalidArgument);
}

TEST(Result, ThePropagatingMacrosStopAtTheFirstFailure) {
  EXPECT_EQ(*Quarter(8), 2);
  EXPECT_EQ(Quarter(6).status().message(), "odd");
  EXPECT_TRUE(Check(4).ok());
  EXPECT_EQ(Check(2).message(), "no quarter");
}

TEST(Status, ContextIsPrepended) {
  const Status status = Status(Code::kIoError, "disk full").WithContext("open table");
  EXPECT_EQ(status.message(), "open table: disk full");
  EXPECT_TRUE(Status().WithContext("anything").ok());
}

}  // namespace
}  // namespace ocellus
