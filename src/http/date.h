// The Date header.

#pragma once

#include <string>

namespace ocellus::http {

// Now, as RFC 9110 section 5.6.7 has it: "Sun, 06 Nov 1994 08:49:37 GMT". Thread-safe.
std::string HttpDate();

}  // namespace ocellus::http
