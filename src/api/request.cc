#include "api/request.h"

namespace ocellus::api {
namespace {

const std::string* FirstOf(const std::vector<std::pair<std::string, std::string>>& fields,
                           std::string_view name) {
  for (const auto& [key, value] : fields) {
    if (key == name) return &value;
  }
  return nullptr;
}

}  // namespace

const std::string* Request::Header(std::string_view lower_case_name) const {
  return FirstOf(headers, lower_case_name);
}

const std::string* Request::Query(std::string_view name) const {
  return FirstOf(query, name);
}

}  // namespace ocellus::api
