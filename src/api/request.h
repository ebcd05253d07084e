// What a front sees of a call, and what it answers: HTTP's meaning without its sockets.

#pragma once

#include <functional>
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

// Who waits for an answer that takes long. Thread-safe.
class Caller {
 public:
  virtual ~Caller() = default;

  // The client has hung up, or the server can wait no longer: whatever is done for it should end
  // soon.
  virtual bool gone() const = 0;
};

// Takes a body in parts, while it is made. One owner thread: the one that makes the body.
class BodySink : public Caller {
 public:
  // Sends the part now. Waits while the client is far behind, so that what is held stays bounded.
  // False: nobody takes it any more.
  virtual bool Write(std::string_view part) = 0;
};

struct Response {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;  // beyond those of the server itself

  // For what takes long, by waiting for another server say. At most one of the two is set; it runs
  // once, on a thread that is neither a worker nor shared, after the handler has returned: what it
  // needs of the request it must have by itself. 503 in its place when too many run already.
  //
  // Makes the whole answer; the other members here mean nothing then.
  std::function<Response(const Caller&)> later = {};
  // Makes the body while it is sent, in chunks; `body` means nothing then. The client has the
  // status and the headers before it runs.
  std::function<void(BodySink&)> stream = {};
};

}  // namespace ocellus::api
