// How two scalars compare.

#pragma once

#include <compare>

#include "base/value.h"

namespace ocellus::query {

// Numbers with numbers, exact also between integers and doubles; strings with strings, by code
// point; booleans with booleans, false first. Else unordered.
std::partial_ordering Compare(const Value& a, const Value& b);

}  // namespace ocellus::query
