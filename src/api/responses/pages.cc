#include "api/responses/pages.h"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <utility>

#include "api/fields.h"

namespace ocellus::api::responses {
namespace {

Value IdOf(const Value& item) {
  const Value* id = item.Find("id");
  return id != nullptr ? *id : Value();
}

}  // namespace

Result<Value> PageOf(const Request& request, Value::List items, std::size_t default_limit,
                     std::size_t max_limit) {
  std::size_t limit = default_limit;
  if (const std::string* text = request.Query("limit")) {
    const char* end = text->data() + text->size();
    const auto [stop, error] = std::from_chars(text->data(), end, limit);
    if (error != std::errc() || stop != end || limit < 1 || limit > max_limit) {
      return InvalidField("limit", "expected an integer from 1 to " + std::to_string(max_limit));
    }
  }
  const std::string* order = request.Query("order");
  if (order != nullptr && *order != "asc" && *order != "desc") {
    return InvalidField("order", "expected asc or desc");
  }
  if (order == nullptr || *order == "desc") std::reverse(items.begin(), items.end());
  auto first = items.begin();
  if (const std::string* after = request.Query("after")) {
    first = std::find_if(items.begin(), items.end(),
                         [&](const Value& item) { return IdOf(item) == Value(*after); });
    if (first == items.end()) return InvalidField("after", "no such item in this list");
    ++first;
  }
  const auto left = static_cast<std::size_t>(std::distance(first, items.end()));
  const auto last = first + static_cast<std::ptrdiff_t>(std::min(limit, left));
  Value::List page(std::make_move_iterator(first), std::make_move_iterator(last));
  Value first_id = page.empty() ? Value() : IdOf(page.front());
  Value last_id = page.empty() ? Value() : IdOf(page.back());
  return Value(Value::Map{{"object", "list"},
                          {"data", std::move(page)},
                          {"first_id", std::move(first_id)},
                          {"last_id", std::move(last_id)},
                          {"has_more", left > limit}});
}

}  // namespace ocellus::api::responses
