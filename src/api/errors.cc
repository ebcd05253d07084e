#include "api/errors.h"

namespace ocellus::api {
namespace {

constexpr ErrorInfo kErrors[] = {
#define OCELLUS_ERROR(id, http_status, code, adb_status, vector_code, table_code, meaning) \
  {http_status, code, adb_status, vector_code, table_code, meaning},
#include "api/errors.inc"
#undef OCELLUS_ERROR
};

}  // namespace

std::span<const ErrorInfo> AllErrors() {
  return kErrors;
}

const ErrorInfo& InfoOf(ErrorId id) {
  return kErrors[static_cast<std::size_t>(id)];
}

ErrorId ErrorOf(const Status& status) {
  switch (status.code()) {
    case Code::kInvalidArgument:
      return ErrorId::kInvalidParameter;
    case Code::kNotFound:
      return ErrorId::kNotFound;
    case Code::kAlreadyExists:
      return ErrorId::kLibraryAlreadyExists;
    case Code::kUnavailable:
    case Code::kCancelled:
      return ErrorId::kUnavailable;
    case Code::kOk:
    case Code::kFailedPrecondition:  // what was made by another bundle: nothing the caller did
    case Code::kResourceExhausted:   // a full disk
    case Code::kCorruption:
    case Code::kIoError:
    case Code::kInternal:
      break;
  }
  return ErrorId::kInternal;
}

ErrorId ErrorOfHttpStatus(int http_status) {
  for (std::size_t i = 0; i < std::size(kErrors); ++i) {
    if (kErrors[i].http_status == http_status) return static_cast<ErrorId>(i);
  }
  return http_status >= 500 ? ErrorId::kInternal : ErrorId::kInvalidParameter;
}

}  // namespace ocellus::api
