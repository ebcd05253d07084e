#include "api/json.h"

#include <array>
#include <chrono>
#include <cstdio>
#include <utility>

namespace ocellus::api {

Response JsonResponse(const Value& body) {
  Response response;
  response.body = WriteJson(body);
  return response;
}

Response JsonResponse(int http_status, const Value& body) {
  Response response = JsonResponse(body);
  response.status = http_status;
  return response;
}

std::string IsoTime(std::int64_t ms) {
  using std::chrono::days;
  using std::chrono::floor;
  const std::chrono::sys_seconds time{floor<std::chrono::seconds>(std::chrono::milliseconds(ms))};
  const auto day = floor<days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(time - day);
  std::array<char, 64> text = {};
  std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02dZ",
                static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                static_cast<unsigned>(date.day()), static_cast<int>(clock.hours().count()),
                static_cast<int>(clock.minutes().count()),
                static_cast<int>(clock.seconds().count()));
  return text.data();
}

Value JsonSchema(const char* type, const std::string& description) {
  return Value::Map{{"type", type}, {"description", description}};
}

Value ObjectSchema(Value::Map properties, const std::vector<std::string>& required) {
  Value::Map schema = {{"type", "object"}, {"properties", std::move(properties)}};
  if (!required.empty()) {
    schema.emplace_back("required", Value::List(required.begin(), required.end()));
  }
  return schema;
}

Value JsonContent(const std::string& description, Value schema) {
  return Value::Map{
      {"description", description},
      {"content", Value::Map{{"application/json", Value::Map{{"schema", std::move(schema)}}}}}};
}

Value QueryParameter(const std::string& name, const std::string& description, Value schema) {
  return Value::Map{{"name", name},
                    {"in", "query"},
                    {"required", false},
                    {"description", description},
                    {"schema", std::move(schema)}};
}

}  // namespace ocellus::api
