// Who answers a request: it searches by the tools that the request allows and writes the message.

#pragma once

#include <optional>
#include <string>

#include "api/openai_errors.h"
#include "api/request.h"
#include "api/responses/draft.h"
#include "api/responses/session.h"

namespace ocellus::api::responses {

struct Answered {
  Usage usage;
  std::string incomplete;                // why the message ends early; empty: it is whole
  std::optional<OpenAiFailure> failure;  // no answer
};

// Thread-safe.
class Answerer {
 public:
  virtual ~Answerer() = default;

  // Writes calls and message into the draft, which has begun; the request's own pictures are
  // loaded. Ends soon once the caller is gone.
  virtual Answered Answer(Session& session, Draft& draft, const Caller& caller) = 0;

  // Whether it waits for another server.
  virtual bool IsSlow() const = 0;
};

}  // namespace ocellus::api::responses
