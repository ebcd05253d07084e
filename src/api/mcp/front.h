// /mcp: the libraries as tools of an assistant, by the Model Context Protocol over streamable HTTP.
// docs/api/mcp.md.
//
// No session is kept: every request stands alone, so that any number of servers may answer behind
// one address. Answers are single JSON objects, and nothing is sent that was not asked for.

#pragma once

#include <string>
#include <vector>

#include "api/links.h"
#include "api/mcp/protocol.h"
#include "api/mcp/tools.h"
#include "api/request.h"
#include "api/router.h"
#include "engine/library.h"
#include "engine/sources.h"

namespace ocellus::api::mcp {

// Thread-safe. What it is given is borrowed and outlives it.
class Front {
 public:
  Front(engine::Libraries& libraries, engine::Sources& sources, FetchSlots& slots,
        const PictureLinks& links, std::string version)
      : tools_(libraries, sources, slots, links), links_(links), version_(std::move(version)) {}

  void AddRoutes(Router& router);

 private:
  struct Exchange;  // one POST: its messages

  Response Post(const Request& request) const;
  Response Answer(const Exchange& exchange) const;
  Value AnswerMessage(const User& user, const Message& message, int& http_status) const;
  Result<Value::Map> Call(const User& user, const Message& message, Error& error) const;

  Value ServerInfo() const;

  const Tools tools_;
  const PictureLinks& links_;
  const std::string version_;
};

}  // namespace ocellus::api::mcp
