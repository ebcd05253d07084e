// Who calls, and what they may do. Access is decided here and nowhere else.

#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace ocellus::api {

enum class Role { kRead, kWrite, kAdmin };  // each may all that the one before may

struct Principal {
  std::string name;  // of the key, for the access log; "anonymous" on an open server
  Role role = Role::kRead;
  std::optional<std::vector<std::string>> tables;  // confined to these; none: all of them
  bool may_fetch = false;                          // may have this server open URLs of its choice
};

struct ApiKey {
  std::string name;
  std::string secret;
  Role role = Role::kRead;
  std::optional<std::vector<std::string>> tables;
  bool may_fetch = false;
};

// The keys of the configuration. Immutable, so thread-safe.
class KeyRing {
 public:
  explicit KeyRing(std::vector<ApiKey> keys) : keys_(std::move(keys)) {}

  // No keys: everybody is admin. (The server refuses to listen beyond loopback then.)
  bool open() const { return keys_.empty(); }

  // The principal of an Authorization header: "Bearer <secret>", or "Basic" with the secret as the
  // password. None when it is missing or wrong. Secrets are compared in constant time.
  std::optional<Principal> Authenticate(const std::string* authorization) const;

 private:
  const std::vector<ApiKey> keys_;
};

// FailedPrecondition naming what is missing, unless the principal has `role` for `table` (empty:
// for the server as a whole, which a confined key never has beyond reading).
Status CheckAccess(const Principal& principal, Role role, std::string_view table);

// FailedPrecondition, unless the principal may have this server open URLs. (Whether the server
// opens any is the configuration's matter.)
Status CheckFetch(const Principal& principal);

}  // namespace ocellus::api
