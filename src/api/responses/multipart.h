// multipart/form-data (RFC 7578), as browsers and HTTP libraries send it.
//
// Thread safety: functions without state.

#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace ocellus::api::responses {

struct FormPart {
  std::string name;
  std::optional<std::string> filename;  // without a path
  std::string_view data;                // borrowed from the body
};

// The parts of a body, in order. InvalidArgument: another media type, no boundary, a part without a
// name or an end, too many parts.
Result<std::vector<FormPart>> ParseMultipart(std::string_view content_type, std::string_view body);

}  // namespace ocellus::api::responses
