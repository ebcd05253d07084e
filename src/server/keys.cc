#include "server/keys.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>
#include <utility>
#include <variant>

#include "server/toml_reader.h"

namespace ocellus::server {
namespace {

constexpr std::size_t kMaxFileBytes = 1 << 20;
// What can be guessed is no key; `openssl rand -hex 16` gives twice as many.
constexpr std::size_t kMinSecret = 16;
constexpr char kHowToMake[] = "make one with `openssl rand -hex 24`";

Status Wrong(const std::string& key, const std::string& what) {
  return {Code::kInvalidArgument, "key '" + key + "': " + what};
}

bool IsVisibleAscii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c <= '~'; });
}

Result<api::ApiKey> ToKey(const std::map<std::string, TomlValue>& table) {
  api::ApiKey key;
  const auto name = table.find("name");
  const std::string* name_text =
      name == table.end() ? nullptr : std::get_if<std::string>(&name->second);
  if (name_text == nullptr || name_text->empty()) {
    return Status(Code::kInvalidArgument, "a key needs a name, a string: name = \"uploader\"");
  }
  key.name = *name_text;
  bool has_role = false;
  bool has_fetch = false;
  for (const auto& [field, value] : table) {
    const auto* text = std::get_if<std::string>(&value);
    if (field == "name") continue;
    if (field == "secret") {
      if (text == nullptr) return Wrong(key.name, "secret must be a string");
      key.secret = *text;
    } else if (field == "role") {
      has_role = true;
      if (text != nullptr && *text == "read") {
        key.role = api::Role::kRead;
      } else if (text != nullptr && *text == "write") {
        key.role = api::Role::kWrite;
      } else if (text != nullptr && *text == "admin") {
        key.role = api::Role::kAdmin;
      } else {
        return Wrong(key.name, "role must be \"read\", \"write\" or \"admin\"");
      }
    } else if (field == "tables") {
      const auto* tables = std::get_if<std::vector<std::string>>(&value);
      if (tables == nullptr) return Wrong(key.name, "tables must be a list of names");
      key.tables = *tables;
    } else if (field == "fetch") {
      const auto* fetch = std::get_if<bool>(&value);
      if (fetch == nullptr) return Wrong(key.name, "fetch must be true or false");
      key.may_fetch = *fetch;
      has_fetch = true;
    } else {
      return Wrong(key.name,
                   "it has no field '" + field + "'; it has name, secret, role, tables, fetch");
    }
  }
  if (!has_role) return Wrong(key.name, "role is missing: \"read\", \"write\" or \"admin\"");
  if (!has_fetch) key.may_fetch = key.role == api::Role::kAdmin;
  if (key.secret.size() < kMinSecret) {
    return Wrong(key.name, "its secret has fewer than " + std::to_string(kMinSecret) +
                               " characters; " + kHowToMake);
  }
  if (!IsVisibleAscii(key.secret)) {
    return Wrong(key.name, "its secret has spaces or characters beyond ASCII");
  }
  return key;
}

bool IsLoopback(const std::string& address) {
  return address == "::1" || address == "localhost" || address.compare(0, 4, "127.") == 0;
}

}  // namespace

Result<std::vector<api::ApiKey>> ParseKeys(std::string_view toml) {
  OCELLUS_ASSIGN_OR_RETURN(const auto tables, ReadTables(toml, "key"));
  std::vector<api::ApiKey> keys;
  std::set<std::string> names;
  std::set<std::string> secrets;
  for (const auto& table : tables) {
    OCELLUS_ASSIGN_OR_RETURN(api::ApiKey key, ToKey(table));
    if (!names.insert(key.name).second) return Wrong(key.name, "there are two of that name");
    if (!secrets.insert(key.secret).second) return Wrong(key.name, "another has the same secret");
    keys.push_back(std::move(key));
  }
  return keys;
}

Result<std::vector<api::ApiKey>> LoadKeys(os::FileSystem& files, const std::string& keys_file,
                                          const char* from_environment) {
  std::vector<api::ApiKey> keys;
  if (!keys_file.empty()) {
    const auto text = os::ReadWholeFile(files, keys_file, kMaxFileBytes);
    if (!text.ok()) return Status(text.status()).WithContext("keys file");
    Result<std::vector<api::ApiKey>> parsed = ParseKeys(AsText(*text));
    if (!parsed.ok()) return std::move(parsed).status().WithContext("keys file " + keys_file);
    // An empty list would open the server that its owner wanted to close.
    if (parsed->empty()) {
      return Status(Code::kInvalidArgument, "keys file " + keys_file + ": there is no key in it");
    }
    keys = *std::move(parsed);
  }
  if (from_environment != nullptr && *from_environment != '\0') {
    api::ApiKey key;
    key.name = "OCELLUS_API_KEY";
    key.secret = from_environment;
    key.role = api::Role::kAdmin;
    key.may_fetch = true;
    if (key.secret.size() < kMinSecret || !IsVisibleAscii(key.secret)) {
      return Status(Code::kInvalidArgument, "OCELLUS_API_KEY must have at least " +
                                                std::to_string(kMinSecret) +
                                                " visible ASCII characters; " + kHowToMake);
    }
    keys.push_back(std::move(key));
  }
  return keys;
}

Status CheckOpenServer(const std::string& address, bool has_keys) {
  if (has_keys || IsLoopback(address)) return {};
  return {Code::kFailedPrecondition,
          "listening on " + address +
              " lets others on the network in, so an API key is needed. Set one for everything:\n\n"
              "  export OCELLUS_API_KEY=$(openssl rand -hex 24)\n\n"
              "or name a file with several keys and roles as keys_file in the configuration "
              "(docs/operations.md). Clients send it as 'Authorization: Bearer <key>'. "
              "To stay without keys, listen on 127.0.0.1"};
}

}  // namespace ocellus::server
