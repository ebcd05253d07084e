// The OpenSearch front's filter and sort expressions: whatever the text is, a filter that can be
// evaluated or a refusal that names a position inside the text.

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "api/vector/filter.h"
#include "base/value.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

using ocellus::Status;
using ocellus::Value;
using ocellus::api::vector::ResolvedField;
using ocellus::api::vector::ValueKind;

std::optional<ResolvedField> Resolve(std::string_view name) {
  if (name == "none") return std::nullopt;
  if (name == "price" || name == "a" || name == "sizes") {
    return ResolvedField{{std::string(name)}, ValueKind::kNumber};
  }
  if (name == "tag" || name == "tags" || name == "s") {
    return ResolvedField{{std::string(name)}, ValueKind::kText};
  }
  return ResolvedField{{"extra", std::string(name)}, ValueKind::kAny};
}

Value CellOf(const ocellus::query::Field& field) {
  if (field.column == "price") return 2.5;
  if (field.column == "a") return -7;
  if (field.column == "sizes") return Value::List{1, 2.5, -3};
  if (field.column == "tag") return "demo";
  if (field.column == "tags") return Value::List{"demo", "x y", ""};
  if (field.column == "extra" && field.key == "doc_id") return "n1";
  return {};
}

void CheckRefusal(const Status& status, std::string_view text) {
  const std::string_view message = status.message();
  constexpr std::string_view kPosition = "position ";
  if (!message.starts_with(kPosition)) {
    // Only what is wrong with the whole text has no place.
    if (message != "not UTF-8" && message.find("bytes, the limit is") == message.npos) std::abort();
    return;
  }
  std::size_t position = 0;
  std::from_chars(message.data() + kPosition.size(), message.data() + message.size(), position);
  if (position == 0 || position > text.size() + 1) std::abort();
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using ocellus::query::Filter;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  auto filter = ocellus::api::vector::ParseFilter(text, Resolve);
  if (filter.ok()) {
    const bool admits = ocellus::query::Matches(*filter, CellOf);
    if (ocellus::query::Matches(Filter::Not(*std::move(filter)), CellOf) == admits) std::abort();
  } else {
    CheckRefusal(filter.status(), text);
  }
  const auto keys = ocellus::api::vector::ParseSort(text, size % 2 == 0, Resolve);
  if (keys.ok()) {
    for (const auto& key : *keys) (void)ocellus::query::Evaluate(key.expression, CellOf);
  } else {
    CheckRefusal(keys.status(), text);
  }
  const auto expression = ocellus::api::vector::ParseExpression(text, Resolve);
  if (!expression.ok()) CheckRefusal(expression.status(), text);
  return 0;
}
