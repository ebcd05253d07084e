// The parts of a request's head that come as text from outside, checked and taken apart.
//
// Thread safety: functions without state.

#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace ocellus::http {

struct Target {
  std::string path;                                        // percent-decoded
  std::vector<std::pair<std::string, std::string>> query;  // percent-decoded, in order
};

// A request target in origin form ("/a%20b?c=d") or absolute form ("http://host/a"). In a query "+"
// is a space. InvalidArgument: another form, a "%" without two hexadecimal digits, a NUL, or what
// is not UTF-8 when decoded.
Result<Target> ParseTarget(std::string_view target);

// Whether a client's request id may be taken over into logs and answers: 1..128 characters of
// A-Z a-z 0-9 . _ : / + = -
bool IsSaneRequestId(std::string_view id);

// Whether a header may be sent: a token for a name, no control characters in the value. What fails
// would let a caller's words break out of the head.
bool IsSaneHeader(std::string_view name, std::string_view value);

// Guards a server that asks for no key against web pages that a browser on this machine shows: no
// other site's page may call it (Origin), nor a page whose name was pointed at this machine (Host).
// FailedPrecondition with the reason. `origin` is empty where there is none.
Status CheckNotForeignPage(std::string_view host, std::string_view origin);

}  // namespace ocellus::http
