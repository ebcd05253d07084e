// Stored responses: what GET, DELETE and previous_response_id speak of.
//
// Thread-safe. The records are borrowed and outlive it.

#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "api/responses/request_body.h"
#include "base/result.h"
#include "base/value.h"
#include "engine/records.h"

namespace ocellus::api::responses {

struct StoredResponse {
  Value response;
  Value::List input;  // items, each with an id
};

class StoredResponses {
 public:
  StoredResponses(engine::Records& records, std::chrono::seconds kept)
      : records_(records), kept_(kept) {}

  // On disk when it returns ok.
  Status Put(const std::string& owner, const Value& response, const Value::List& input);

  // NotFound: never was, is another's, has been deleted or is no longer kept.
  Result<StoredResponse> Get(const std::string& id, const std::string& owner);
  Status Delete(const std::string& id, const std::string& owner);

  // The conversation up to and with that response, the oldest first. NotFound: it is not there, or
  // one before it. InvalidArgument: too long.
  Result<std::vector<Message>> Conversation(const std::string& id, const std::string& owner,
                                            const BodyLimits& limits);

 private:
  engine::Records& records_;
  const std::chrono::seconds kept_;
};

}  // namespace ocellus::api::responses
