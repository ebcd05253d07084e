// The envelope of every answer of the AnalyticDB front:
//   {"status": "SUCCESS", "message": null, "data": ...}

#pragma once

#include <string>
#include <string_view>

#include "api/errors.h"
#include "api/request.h"
#include "base/value.h"

namespace ocellus::api::adb {

Response Succeed(const Value& data);

// `data` is JSON text already.
Response SucceedWithJson(std::string_view data);

Response Fail(ErrorId id, std::string_view message);
Response Fail(ErrorId id, const Status& status);

// The router's: for what no handler saw.
Response WriteError(const Status& status, int http_status);

// A failure of the engine about a library that was there a moment ago.
Response FailOfEngine(const Status& status);

}  // namespace ocellus::api::adb
