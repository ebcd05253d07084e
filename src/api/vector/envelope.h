// What the OpenSearch front's answers look like: those of data calls, of pushes and of table calls.

#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/request.h"
#include "api/vector/outcome.h"
#include "base/value.h"

namespace ocellus::api::vector {

// Data calls and pushes answer HTTP 200 also when they fail, but for a key that may not do this;
// the body tells:
//   {"errorCode":10004,"errorMsg":"filter: ...","result":[],"totalCount":0}
Value FailureBody(const Failure& failure);
Response AnswerData(Outcome<std::string> json);

// Pushes: {"status":"OK","code":200}, or {"status":"FAIL","errors":[{"code":...,"message":...}],
// and errorCode and errorMsg of the first}.
Response PushDone();
Response PushFailed(const std::vector<Failure>& failures);

// Table calls: {"requestId":...,"result":...}, or with an HTTP status of its own
// {"requestId":...,"code":"table.NotFound","message":...}.
Response AnswerTables(const Request& request, const Outcome<Value>& outcome);

// What no handler saw, under the paths of each: no key, no such path, a body over the limit.
Response WriteDataError(const Status& status, int http_status);
Response WritePushError(const Status& status, int http_status);
Response WriteTableError(const Status& status, int http_status);

}  // namespace ocellus::api::vector
