// Failures of the calls that belong to no front:
//   {"error": {"code": "not_found", "message": "..."}}

#pragma once

#include <string_view>

#include "api/errors.h"
#include "api/request.h"
#include "base/value.h"

namespace ocellus::api::admin {

Response Fail(ErrorId id, std::string_view message);

// The router's: for what no handler saw.
Response WriteError(const Status& status, int http_status);

// For OpenAPI documents.
Value FailureContent();

}  // namespace ocellus::api::admin
