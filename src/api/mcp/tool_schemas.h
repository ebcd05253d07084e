// What the tools are called, take and give, as a model is told.

#pragma once

#include <cstdint>
#include <string_view>

namespace ocellus::api::mcp {

inline constexpr std::string_view kListLibraries = "list_libraries";
inline constexpr std::string_view kSearchByText = "search_by_text";
inline constexpr std::string_view kSearchByImage = "search_by_image";
inline constexpr std::string_view kGetImage = "get_image";

// Enough to choose from, few enough for a model's context.
inline constexpr std::int64_t kDefaultResults = 8;
inline constexpr std::int64_t kMaxResults = 50;
// Pixels of the longer side of a picture that is looked at; most models scale to about a thousand.
inline constexpr std::int64_t kDefaultSide = 768;
inline constexpr std::int64_t kSmallestSide = 16;
inline constexpr std::int64_t kLargestSide = 2048;

}  // namespace ocellus::api::mcp
