// What a front sees of a call, and what it answers: HTTP's meaning without its sockets.

#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/access.h"

namespace ocellus::api {

struct Request {
  std::string method;                                        // upper case
  std::string path;                                          // percent-decoded, without the query
  std::vector<std::pair<std::string, std::string>> query;    // percent-decoded, in order
  std::vector<std::pair<std::string, std::string>> headers;  // names in lower case
  std::string body;  // decoded (Content-Encoding undone), within the server's limits
  Principal principal;
  std::string id;  // the request id of logs and answers

  // The first one of that name, or null. Borrowed.
  const std::string* Header(std::string_view lower_case_name) const;
  const std::string* Query(std::string_view name) const;
};

struct Response {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;  // beyond those of the server itself
};

}  // namespace ocellus::api
