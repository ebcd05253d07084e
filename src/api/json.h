// Small things that every front's JSON needs.

#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "api/request.h"
#include "base/value.h"

namespace ocellus::api {

Response JsonResponse(const Value& body);  // a success
Response JsonResponse(int http_status, const Value& body);

// "2026-04-01T12:00:00Z" of milliseconds since 1970; UTC, to the second.
std::string IsoTime(std::int64_t ms);

// Parts of an OpenAPI Operation Object.
Value JsonSchema(const char* type, const std::string& description);
Value ObjectSchema(Value::Map properties, const std::vector<std::string>& required = {});
Value JsonContent(const std::string& description, Value schema);  // of a request body or an answer
Value QueryParameter(const std::string& name, const std::string& description, Value schema);

}  // namespace ocellus::api
