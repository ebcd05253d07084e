// The failures that clients are told of (errors.inc), and how they come about.

#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/result.h"

namespace ocellus::api {

enum class ErrorId : std::uint8_t {
#define OCELLUS_ERROR(id, http_status, code, adb_status, vector_code, table_code, meaning) id,
#include "api/errors.inc"
#undef OCELLUS_ERROR
};

struct ErrorInfo {
  int http_status;
  const char* code;        // of our own calls
  const char* adb_status;  // of the AnalyticDB front
  int vector_code;         // errorCode of the OpenSearch front's data calls
  const char* table_code;  // code of its table calls
  const char* meaning;
};

// Every row of the table, in its order.
std::span<const ErrorInfo> AllErrors();

const ErrorInfo& InfoOf(ErrorId id);

// What is said for a failure of the engine when its caller knows nothing more precise.
ErrorId ErrorOf(const Status& status);

// What is said for a failure before a handler; the nearest one for a status that is not listed.
ErrorId ErrorOfHttpStatus(int http_status);

}  // namespace ocellus::api
