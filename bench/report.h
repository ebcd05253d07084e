// What the benchmarks share: how they measure, report and give up. They have no caller to report
// failures to: those print their reason and exit.

#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/value.h"

namespace ocellus::bench {

// One line of the report: {"name","value","unit","goal"}, an object of JSON.
inline void Print(const std::string& name, double value, const char* unit, const char* goal = "") {
  std::printf(
      "%s\n",
      WriteJson(Value::Map{{"name", name}, {"value", value}, {"unit", unit}, {"goal", goal}})
          .c_str());
  std::fflush(stdout);
}

[[noreturn]] inline void Die(const std::string& reason) {
  std::fprintf(stderr, "bench: %s\n", reason.c_str());
  std::exit(1);  // NOLINT(concurrency-mt-unsafe)
}

inline void OrDie(const Status& status, const char* what) {
  if (!status.ok()) Die(std::string(what) + ": " + status.message());
}

template <typename T>
T OrDie(Result<T> result, const char* what) {
  if (!result.ok()) OrDie(result.status(), what);
  return *std::move(result);
}

inline double Milliseconds(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start)
      .count();
}

// REQUIRES: !values.empty()
inline double Quantile(std::vector<double> values, double q) {
  std::sort(values.begin(), values.end());
  return values[static_cast<std::size_t>(q * static_cast<double>(values.size() - 1))];
}

}  // namespace ocellus::bench
