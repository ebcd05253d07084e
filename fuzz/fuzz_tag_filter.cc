// The AnalyticDB front's tag_filter: whatever parses as JSON is a filter or a refusal that names a
// place, and a filter can be evaluated.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <utility>

#include "api/adb/tag_filter.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using ocellus::Value;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto json = ocellus::ParseJson(text);
  if (!json.ok()) return 0;
  auto filter = ocellus::api::adb::ParseTagFilter(*json, "tags");
  if (!filter.ok()) {
    if (!filter.status().message().starts_with("tag_filter")) std::abort();
    return 0;
  }
  const Value row(Value::Map{{"color", "red"},
                             {"a", 1},
                             {"price", 59.5},
                             {"new", true},
                             {"season", Value::List{"spring", 7, false, 1.5}}});
  const auto cell = [&](const ocellus::query::Field& field) {
    if (field.column != "tags") std::abort();
    const Value* tag = row.Find(field.key);
    return tag != nullptr ? *tag : Value();
  };
  const bool admits = ocellus::query::Matches(*filter, cell);
  if (ocellus::query::Matches(ocellus::query::Filter::Not(*std::move(filter)), cell) == admits) {
    std::abort();
  }
  return 0;
}
