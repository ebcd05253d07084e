#include "api/access.h"

#include <algorithm>
#include <array>
#include <cstddef>

#include "base/base64.h"
#include "base/digest.h"

namespace ocellus::api {
namespace {

char LowerCase(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

// What follows `scheme` (in lower case) and blanks in the header; none when it is another scheme.
std::optional<std::string_view> After(std::string_view header, std::string_view scheme) {
  if (header.size() <= scheme.size() || header[scheme.size()] != ' ') return std::nullopt;
  for (std::size_t i = 0; i < scheme.size(); ++i) {
    if (LowerCase(header[i]) != scheme[i]) return std::nullopt;
  }
  header.remove_prefix(scheme.size());
  const std::size_t start = header.find_first_not_of(' ');
  const std::size_t end = header.find_last_not_of(" \t");
  if (start == std::string_view::npos) return std::nullopt;
  return header.substr(start, end - start + 1);
}

std::optional<std::string> SecretOf(std::string_view header) {
  if (const auto token = After(header, "bearer")) return std::string(*token);
  const auto basic = After(header, "basic");
  if (!basic.has_value()) return std::nullopt;
  const Result<std::string> decoded = DecodeBase64(*basic);
  if (!decoded.ok()) return std::nullopt;
  const std::size_t colon = decoded->find(':');
  if (colon == std::string::npos) return std::nullopt;
  return decoded->substr(colon + 1);
}

}  // namespace

std::optional<Principal> KeyRing::Authenticate(const std::string* authorization) const {
  if (open()) return Principal{"anonymous", Role::kAdmin, std::nullopt, true};
  if (authorization == nullptr) return std::nullopt;
  const std::optional<std::string> secret = SecretOf(*authorization);
  if (!secret.has_value()) return std::nullopt;
  // All of them, so that the time does not tell which one was near.
  const ApiKey* found = nullptr;
  for (const ApiKey& key : keys_) {
    if (EqualSecrets(key.secret, *secret)) found = &key;
  }
  if (found == nullptr || found->secret.empty()) return std::nullopt;
  return Principal{found->name, found->role, found->tables, found->may_fetch};
}

Status CheckAccess(const Principal& principal, Role role, std::string_view table) {
  constexpr std::array<const char*, 3> kRoleNames = {"read", "write", "admin"};
  if (principal.role < role) {
    return Status(Code::kFailedPrecondition,
                  std::string("this needs a key with the role ") +
                      kRoleNames[static_cast<std::size_t>(role)] + "; the role of \"" +
                      principal.name + "\" is " +
                      kRoleNames[static_cast<std::size_t>(principal.role)]);
  }
  if (!principal.tables.has_value()) return {};
  if (table.empty()) {
    if (role == Role::kRead) return {};
    return Status(Code::kFailedPrecondition, "the key \"" + principal.name +
                                                 "\" is confined to some tables; this needs one "
                                                 "for the whole server");
  }
  if (std::find(principal.tables->begin(), principal.tables->end(), table) !=
      principal.tables->end()) {
    return {};
  }
  return Status(Code::kFailedPrecondition,
                "the key \"" + principal.name + "\" is not for " + std::string(table));
}

Status CheckFetch(const Principal& principal) {
  if (principal.may_fetch) return {};
  return Status(Code::kFailedPrecondition,
                "the key \"" + principal.name +
                    "\" may not have URLs fetched (fetch = true in the keys file); send the "
                    "picture itself");
}

}  // namespace ocellus::api
