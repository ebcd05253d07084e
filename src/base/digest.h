// SHA-256 and git's names, for content addresses, and comparison of secrets.

#pragma once

#include <string>
#include <string_view>

#include "base/bytes.h"

namespace ocellus {

// SHA-256 (FIPS 180-4) of `bytes` as 64 lower-case hexadecimal digits.
std::string Sha256Hex(Bytes bytes);

// HMAC with SHA-256 (RFC 2104) of `text` under `key`, as 64 lower-case hexadecimal digits.
std::string HmacSha256Hex(std::string_view key, std::string_view text);

// SHA-1 of a file's content as git names it (a "blob"): 40 digits. For checking what a hub says
// about a file, against accidents and not against attackers.
std::string GitBlobHex(Bytes bytes);

// Whether two secrets are equal, in a time that does not depend on where they differ.
bool EqualSecrets(std::string_view a, std::string_view b);

// `count` bytes of the system's randomness as 2*count hexadecimal digits: identifiers that nobody
// can guess. REQUIRES: count <= 64
std::string RandomHex(int count);

}  // namespace ocellus
