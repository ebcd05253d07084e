// Failures as OpenAI's clients expect them:
//   {"error": {"message": "...", "type": "...", "param": null, "code": "..."}, "request_id": "..."}

#pragma once

#include <string>
#include <string_view>

#include "api/errors.h"
#include "api/request.h"
#include "base/result.h"
#include "base/value.h"

namespace ocellus::api {

struct OpenAiFailure {
  ErrorId id = ErrorId::kInternal;
  std::string message;
  std::string code = {};   // empty: the row's of errors.inc
  std::string param = {};  // the field that is wrong; empty: none
};

// A failure of reading a body: the field's name stands before the message's ": ".
OpenAiFailure InvalidRequest(const Status& status);

// Any failure of the engine.
OpenAiFailure FailureOf(const Status& status);

Response Fail(const OpenAiFailure& failure, std::string_view request_id);

// The router's: for what no handler saw.
Response WriteOpenAiError(const Status& status, int http_status);

// For OpenAPI documents.
Value OpenAiFailureContent();

}  // namespace ocellus::api
