#include "api/router.h"

#include <algorithm>
#include <exception>
#include <optional>
#include <utility>

#include "api/errors.h"
#include "base/utf8.h"

namespace ocellus::api {
namespace {

int StatusOf(ErrorId id) {
  return InfoOf(id).http_status;
}

// The segment up to the next slash, and the rest after it; none when there is no slash.
std::pair<std::string_view, std::optional<std::string_view>> Split(std::string_view path) {
  const std::size_t slash = path.find('/');
  if (slash == std::string_view::npos) return {path, std::nullopt};
  return {path.substr(0, slash), path.substr(slash + 1)};
}

bool IsName(std::string_view segment) {
  return segment.starts_with('{') && segment.ends_with('}');
}
bool TakesRest(std::string_view segment) {
  return IsName(segment) && segment.ends_with("*}");
}

std::string_view NameIn(std::string_view segment) {
  segment.remove_prefix(1);
  segment.remove_suffix(segment.ends_with("*}") ? 2 : 1);
  return segment;
}

bool MatchPattern(std::string_view pattern, std::string_view path, PathParameters& parameters) {
  std::optional<std::string_view> pattern_rest = pattern;
  std::optional<std::string_view> path_rest = path;
  while (pattern_rest.has_value()) {
    if (!path_rest.has_value()) return false;
    const auto [wanted, next_pattern] = Split(*pattern_rest);
    if (TakesRest(wanted)) {
      if (path_rest->empty()) return false;
      parameters[std::string(NameIn(wanted))] = std::string(*path_rest);
      return true;
    }
    const auto [segment, next_path] = Split(*path_rest);
    if (IsName(wanted)) {
      if (segment.empty()) return false;
      parameters[std::string(NameIn(wanted))] = std::string(segment);
    } else if (segment != wanted) {
      return false;
    }
    pattern_rest = next_pattern;
    path_rest = next_path;
  }
  return !path_rest.has_value();
}

std::string LowerCase(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

// The pattern as OpenAPI writes it, and its names.
std::string OpenApiPath(std::string_view pattern, std::vector<std::string>& names) {
  std::string out;
  std::optional<std::string_view> rest = pattern;
  while (rest.has_value()) {
    const auto [segment, next] = Split(*rest);
    if (IsName(segment)) {
      names.emplace_back(NameIn(segment));
      out += "{" + names.back() + "}";
    } else {
      out += segment;
    }
    rest = next;
    if (rest.has_value()) out += '/';
  }
  return out;
}

Value OperationOf(const Route& route, const std::vector<std::string>& names) {
  Value::Map operation;
  Value::List parameters;
  for (const std::string& name : names) {
    parameters.push_back(Value::Map{{"name", name},
                                    {"in", "path"},
                                    {"required", true},
                                    {"schema", Value::Map{{"type", "string"}}}});
  }
  if (const Value::Map* own = route.operation.as_map()) {
    for (const auto& [key, value] : *own) {
      if (key == "parameters" && value.as_list() != nullptr) {
        parameters.insert(parameters.end(), value.as_list()->begin(), value.as_list()->end());
      } else {
        operation.emplace_back(key, value);
      }
    }
  }
  if (!parameters.empty()) operation.emplace_back("parameters", std::move(parameters));
  Value::List security;
  if (!route.is_public) {
    security.push_back(Value::Map{{"bearer", Value::List()}});
    security.push_back(Value::Map{{"basic", Value::List()}});
  }
  operation.emplace_back("security", std::move(security));
  return operation;
}

}  // namespace

void Router::Add(Route route) {
  const std::size_t at = routes_.size();
  if (route.pattern.find('{') == std::string::npos) {
    literal_[route.pattern].push_back(at);
  } else {
    with_names_.push_back(at);
  }
  routes_.push_back(std::move(route));
}

bool Router::Has(std::string_view method, std::string_view pattern) const {
  return std::any_of(routes_.begin(), routes_.end(), [&](const Route& route) {
    return route.method == method && route.pattern == pattern;
  });
}

void Router::SetErrorWriter(std::string prefix, ErrorWriter writer) {
  error_writers_[std::move(prefix)] = std::move(writer);
}

Router::Match Router::Find(std::string_view method, std::string_view path) const {
  Match match;
  const auto consider = [&](const Route& route, const PathParameters& parameters) {
    match.methods.emplace_back(route.method);
    const bool head = method == "HEAD" && route.method == "GET" && match.route == nullptr;
    if (route.method != method && !head) return;
    if (match.route != nullptr && match.route->method == method) return;  // the first one stays
    match.route = &route;
    match.parameters = parameters;
  };
  // A literal path goes before a pattern that would take it too.
  const auto literal = literal_.find(path);
  if (literal != literal_.end()) {
    for (const std::size_t at : literal->second) consider(routes_[at], {});
  }
  if (match.route != nullptr) return match;
  for (const std::size_t at : with_names_) {
    PathParameters parameters;
    if (MatchPattern(routes_[at].pattern, path, parameters)) consider(routes_[at], parameters);
  }
  if (match.methods.empty() && path.size() > 1 && path.ends_with('/') && !path.ends_with("//")) {
    return Find(method, path.substr(0, path.size() - 1));
  }
  return match;
}

Response Router::Handle(const Request& request) const {
  const Match match = Find(request.method, request.path);
  if (match.route == nullptr && match.methods.empty()) {
    return Error(request.path, Status(Code::kNotFound, "no such path: " + request.path),
                 StatusOf(ErrorId::kNotFound));
  }
  if (match.route == nullptr) {
    std::string allow;
    for (const std::string_view method : match.methods) {
      if (allow.find(method) != std::string::npos) continue;
      allow += (allow.empty() ? "" : ", ") + std::string(method);
      if (method == "GET") allow += ", HEAD";
    }
    Response response =
        Error(request.path,
              Status(Code::kInvalidArgument,
                     request.method + " is not allowed for " + request.path + "; use " + allow),
              StatusOf(ErrorId::kMethodNotAllowed));
    response.headers.emplace_back("Allow", allow);
    return response;
  }
  try {
    return match.route->handler(request, match.parameters);
  } catch (const std::exception& error) {  // nothing of ours throws; memory may run out
    return Error(request.path, Status(Code::kInternal, error.what()), StatusOf(ErrorId::kInternal));
  }
}

Response Router::Error(std::string_view path, const Status& status, int http_status) const {
  const ErrorWriter* writer = nullptr;
  std::size_t longest = 0;
  for (const auto& [prefix, candidate] : error_writers_) {
    if (!path.starts_with(prefix) || (writer != nullptr && prefix.size() < longest)) continue;
    writer = &candidate;
    longest = prefix.size();
  }
  if (writer != nullptr) return (*writer)(status, http_status);
  Response response;
  response.status = http_status;
  response.body =
      WriteJson(Value::Map{{"error", Value::Map{{"message", ToUtf8(status.message())}}}});
  return response;
}

bool Router::IsPublic(std::string_view method, std::string_view path) const {
  const Match match = Find(method, path);
  return match.route != nullptr && match.route->is_public;
}

std::optional<Principal> Router::Vouch(const Request& request) const {
  const Match match = Find(request.method, request.path);
  if (match.route == nullptr || !match.route->vouch) return std::nullopt;
  return match.route->vouch(request, match.parameters);
}

Value Router::OpenApi(std::string_view version) const {
  Value::Map paths;
  for (const Route& route : routes_) {
    std::vector<std::string> names;
    const std::string path = OpenApiPath(route.pattern, names);
    auto item = std::find_if(paths.begin(), paths.end(),
                             [&](const auto& entry) { return entry.first == path; });
    if (item == paths.end()) item = paths.insert(paths.end(), {path, Value::Map()});
    item->second.as_map()->emplace_back(LowerCase(route.method), OperationOf(route, names));
  }
  const Value::Map schemes = {
      {"bearer", Value::Map{{"type", "http"}, {"scheme", "bearer"}}},
      {"basic", Value::Map{{"type", "http"}, {"scheme", "basic"}}},
  };
  return Value::Map{
      {"openapi", "3.1.0"},
      {"info", Value::Map{{"title", "Ocellus"}, {"version", version}}},
      {"paths", std::move(paths)},
      {"components", Value::Map{{"securitySchemes", schemes}}},
  };
}

}  // namespace ocellus::api
