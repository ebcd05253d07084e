#include "http/request_parts.h"

#include <algorithm>
#include <optional>

#include "base/utf8.h"

namespace ocellus::http {
namespace {

std::optional<unsigned> HexDigit(char c) {
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a' + 10);
  if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A' + 10);
  return std::nullopt;
}

Result<std::string> PercentDecode(std::string_view text, bool plus_is_space) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus_is_space) {
      out += ' ';
    } else if (text[i] != '%') {
      out += text[i];
    } else {
      const auto high = i + 2 < text.size() ? HexDigit(text[i + 1]) : std::nullopt;
      const auto low = i + 2 < text.size() ? HexDigit(text[i + 2]) : std::nullopt;
      if (!high || !low) {
        return Status(Code::kInvalidArgument,
                      "the address has a '%' that no two hexadecimal digits follow");
      }
      out += static_cast<char>(*high * 16 + *low);
      i += 2;
    }
  }
  if (out.find('\0') != std::string::npos) {
    return Status(Code::kInvalidArgument, "the address has a NUL character in it");
  }
  if (!IsUtf8(out)) return Status(Code::kInvalidArgument, "the address is not UTF-8");
  return out;
}

bool IsAlphanumeric(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool StartsWith(std::string_view text, std::string_view prefix) {
  return text.substr(0, prefix.size()) == prefix;
}

// Of "host", "host:port", "[::1]:port".
std::string_view WithoutPort(std::string_view authority) {
  if (StartsWith(authority, "[")) {
    const std::size_t end = authority.find(']');
    return end == std::string_view::npos ? authority : authority.substr(0, end + 1);
  }
  return authority.substr(0, authority.find(':'));
}

// An IP address needs no name server, so nobody can point it elsewhere.
bool IsAddressOrLocalhost(std::string_view host) {
  if (StartsWith(host, "[")) return true;
  std::string lower(host);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  if (lower == "localhost") return true;
  return !lower.empty() && std::all_of(lower.begin(), lower.end(),
                                       [](char c) { return (c >= '0' && c <= '9') || c == '.'; });
}

}  // namespace

Result<Target> ParseTarget(std::string_view target) {
  if (StartsWith(target, "http://") || StartsWith(target, "https://")) {
    const std::size_t slash = target.find('/', target.find("//") + 2);
    target = slash == std::string_view::npos ? "/" : target.substr(slash);
  }
  if (!StartsWith(target, "/")) {
    return Status(Code::kInvalidArgument, "the address must begin with '/'");
  }
  target = target.substr(0, target.find('#'));
  const std::size_t question = target.find('?');
  Target out;
  OCELLUS_ASSIGN_OR_RETURN(out.path, PercentDecode(target.substr(0, question), false));
  std::string_view rest =
      question == std::string_view::npos ? std::string_view() : target.substr(question + 1);
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('&'), rest.size());
    const std::string_view pair = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (pair.empty()) continue;
    const std::size_t equals = std::min(pair.find('='), pair.size());
    OCELLUS_ASSIGN_OR_RETURN(std::string name, PercentDecode(pair.substr(0, equals), true));
    OCELLUS_ASSIGN_OR_RETURN(std::string value,
                             PercentDecode(pair.substr(std::min(equals + 1, pair.size())), true));
    out.query.emplace_back(std::move(name), std::move(value));
  }
  return out;
}

bool IsSaneRequestId(std::string_view id) {
  return !id.empty() && id.size() <= 128 && std::all_of(id.begin(), id.end(), [](char c) {
    return IsAlphanumeric(c) || std::string_view("._:/+=-").find(c) != std::string_view::npos;
  });
}

bool IsSaneHeader(std::string_view name, std::string_view value) {
  constexpr std::string_view kTokenMarks = "!#$%&'*+-.^_`|~";
  const bool token = !name.empty() && std::all_of(name.begin(), name.end(), [&](char c) {
    return IsAlphanumeric(c) || kTokenMarks.find(c) != std::string_view::npos;
  });
  return token && std::all_of(value.begin(), value.end(), [](char c) {
           return static_cast<unsigned char>(c) >= ' ' && c != '\x7f';
         });
}

Status CheckNotForeignPage(std::string_view host, std::string_view origin) {
  if (!IsAddressOrLocalhost(WithoutPort(host))) {
    return {Code::kFailedPrecondition,
            "this server runs without keys, so it is called by its address or as localhost only; "
            "configure a key to call it by a name"};
  }
  const std::size_t scheme = origin.find("://");
  const std::string_view origin_host =
      scheme == std::string_view::npos ? origin : origin.substr(scheme + 3);
  if (!origin.empty() && origin_host != host) {
    return {Code::kFailedPrecondition,
            "this server runs without keys, so pages of other sites may not call it; configure a "
            "key to call it from them"};
  }
  return {};
}

}  // namespace ocellus::http
