#include "query/compare.h"

#include <cmath>
#include <cstdint>

namespace ocellus::query {
namespace {

// Exact also where the integer has no double of its own.
std::partial_ordering Compare(std::int64_t a, double b) {
  constexpr double kTwoTo63 = 9223372036854775808.0;
  if (std::isnan(b)) return std::partial_ordering::unordered;
  if (b >= kTwoTo63) return std::partial_ordering::less;
  if (b < -kTwoTo63) return std::partial_ordering::greater;
  const double whole = std::trunc(b);
  const auto truncated = static_cast<std::int64_t>(whole);
  if (a != truncated) return a <=> truncated;
  return 0.0 <=> b - whole;
}

}  // namespace

std::partial_ordering Compare(const Value& a, const Value& b) {
  if (const std::int64_t* integer = a.as_int()) {
    if (const std::int64_t* other = b.as_int()) return *integer <=> *other;
    if (const double* other = b.as_double()) return Compare(*integer, *other);
  } else if (const double* number = a.as_double()) {
    if (const double* other = b.as_double()) return *number <=> *other;
    if (const std::int64_t* other = b.as_int()) return 0 <=> Compare(*other, *number);
  } else if (const std::string* text = a.as_string()) {
    // Byte order of UTF-8 is code point order.
    if (const std::string* other = b.as_string()) return *text <=> *other;
  } else if (const bool* boolean = a.as_bool()) {
    if (const bool* other = b.as_bool()) return *boolean <=> *other;
  }
  return std::partial_ordering::unordered;
}

}  // namespace ocellus::query
