// Router: one table of routes; each front adds its own.

#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/request.h"
#include "base/value.h"

namespace ocellus::api {

// Parts of the path that a pattern's {names} matched.
using PathParameters = std::map<std::string, std::string>;
using Handler = std::function<Response(const Request&, const PathParameters&)>;
// Makes a front's own answer for what its handlers do not see: unknown path, wrong method, wrong
// key, a body over the limit, a failure of ours.
using ErrorWriter = std::function<Response(const Status& status, int http_status)>;

struct Route {
  std::string method;
  std::string
      pattern;      // "/images/{library}/{image_id}"; a last {name*} takes the rest with slashes
  Value operation;  // its OpenAPI Operation Object, without path parameters
  Handler handler;
  bool is_public = false;  // answers without a key
  // Who a request without a key is, by what it carries itself (a signed link); none: nobody. Sees
  // the head of the request.
  std::function<std::optional<Principal>(const Request&, const PathParameters&)> vouch = {};
};

// Built first, then used: thread-safe once nothing is added any more.
class Router {
 public:
  // REQUIRES: no route of that method and pattern yet
  void Add(Route route);

  // Whether a route of exactly that method and pattern is there.
  bool Has(std::string_view method, std::string_view pattern) const;

  // Errors outside a handler under `prefix` are written by `writer`; the longest prefix wins.
  void SetErrorWriter(std::string prefix, ErrorWriter writer);

  // Never throws; 404 and 405 (with Allow) come from the error writer of the path's front. HEAD is
  // answered as GET, body included: the server leaves the body out. A slash too many at the end of
  // a path does no harm.
  Response Handle(const Request& request) const;

  // An answer in the words of the path's front, for failures before a handler is reached.
  Response Error(std::string_view path, const Status& status, int http_status) const;

  // Whether the path answers without a key.
  bool IsPublic(std::string_view method, std::string_view path) const;

  // What the route's `vouch` says of a request without a key.
  std::optional<Principal> Vouch(const Request& request) const;

  // The OpenAPI 3.1 document of all routes.
  Value OpenApi(std::string_view version) const;

  const std::vector<Route>& routes() const { return routes_; }

 private:
  struct Match {
    const Route* route = nullptr;  // for the method
    PathParameters parameters;
    std::vector<std::string_view> methods;  // that the path has
  };

  Match Find(std::string_view method, std::string_view path) const;

  std::vector<Route> routes_;
  std::map<std::string, ErrorWriter, std::less<>> error_writers_;
  std::map<std::string, std::vector<std::size_t>, std::less<>> literal_;  // patterns without names
  std::vector<std::size_t> with_names_;                                   // the other routes
};

}  // namespace ocellus::api
