#include "api/responses/multipart.h"

#include <algorithm>
#include <utility>

#include "base/utf8.h"

namespace ocellus::api::responses {
namespace {

constexpr std::size_t kMaxParts = 32;
constexpr std::size_t kMaxBoundary = 70;       // RFC 2046
constexpr std::size_t kMaxPartHead = 8 << 10;  // far above a name and a file name
constexpr std::size_t kMaxFileName = 512;

Status Malformed(const std::string& what) {
  return Status(Code::kInvalidArgument, "body: not multipart/form-data: " + what);
}

char Lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool StartsWithNoCase(std::string_view text, std::string_view lower) {
  return text.size() >= lower.size() && std::equal(lower.begin(), lower.end(), text.begin(),
                                                   [](char a, char b) { return a == Lower(b); });
}

std::string_view Trimmed(std::string_view text) {
  const std::size_t start = text.find_first_not_of(" \t");
  if (start == std::string_view::npos) return {};
  return text.substr(start, text.find_last_not_of(" \t") - start + 1);
}

// The value of a parameter after the first ';' of a header, unquoted.
std::optional<std::string> ParameterOf(std::string_view header, std::string_view lower_name) {
  std::size_t at = header.find(';');
  while (at != std::string_view::npos) {
    std::string_view rest = header.substr(at + 1);
    rest.remove_prefix(std::min(rest.find_first_not_of(" \t"), rest.size()));
    const std::size_t start = header.size() - rest.size();
    const std::size_t equals = rest.find('=');
    if (equals == std::string_view::npos) return std::nullopt;
    const std::string_view name = Trimmed(rest.substr(0, equals));
    std::string value;
    std::size_t end = equals + 1;
    if (end < rest.size() && rest[end] == '"') {
      for (++end; end < rest.size() && rest[end] != '"'; ++end) {
        // Browsers percent-encode a quote; others put a backslash before it.
        if (rest[end] == '\\' && end + 1 < rest.size() &&
            (rest[end + 1] == '"' || rest[end + 1] == '\\')) {
          ++end;
        }
        value += rest[end];
      }
      if (end >= rest.size()) return std::nullopt;
      ++end;
    } else {
      end = std::min(rest.find(';', end), rest.size());
      value = Trimmed(rest.substr(equals + 1, end - equals - 1));
    }
    if (name.size() == lower_name.size() && StartsWithNoCase(name, lower_name)) return value;
    at = header.find(';', start + end);
  }
  return std::nullopt;
}

std::string BaseName(std::string name) {
  const std::size_t slash = name.find_last_of("/\\");
  if (slash != std::string::npos) name.erase(0, slash + 1);
  return std::string(Utf8Prefix(name = ToUtf8(name), kMaxFileName));
}

Result<FormPart> ReadHead(std::string_view head) {
  FormPart part;
  bool named = false;
  while (!head.empty()) {
    const std::size_t end = std::min(head.find("\r\n"), head.size());
    const std::string_view line = head.substr(0, end);
    head.remove_prefix(std::min(end + 2, head.size()));
    if (!StartsWithNoCase(line, "content-disposition:")) continue;
    const std::string_view value = Trimmed(line.substr(line.find(':') + 1));
    if (!StartsWithNoCase(value, "form-data")) return Malformed("a part that is no form-data");
    std::optional<std::string> name = ParameterOf(value, "name");
    if (!name.has_value()) return Malformed("a part without a name");
    part.name = *std::move(name);
    named = true;
    if (std::optional<std::string> file = ParameterOf(value, "filename")) {
      part.filename = BaseName(*std::move(file));
    }
  }
  if (!named) return Malformed("a part without Content-Disposition");
  return part;
}

}  // namespace

Result<std::vector<FormPart>> ParseMultipart(std::string_view content_type, std::string_view body) {
  if (!StartsWithNoCase(Trimmed(content_type), "multipart/form-data")) {
    return Malformed("its Content-Type is another one");
  }
  const std::optional<std::string> boundary = ParameterOf(content_type, "boundary");
  if (!boundary.has_value() || boundary->empty() || boundary->size() > kMaxBoundary) {
    return Malformed("no boundary of 1 to 70 characters");
  }
  const std::string delimiter = "\r\n--" + *boundary;
  // The first one may stand at the very beginning.
  std::size_t at = 0;
  if (!body.starts_with(std::string_view(delimiter).substr(2))) {
    at = body.find(delimiter);
    if (at == std::string_view::npos) return Malformed("its boundary is nowhere");
    at += 2;
  }
  at += delimiter.size() - 2;

  std::vector<FormPart> parts;
  while (true) {
    if (body.substr(at).starts_with("--")) return parts;
    const std::size_t line_end = body.find("\r\n", at);
    if (line_end == std::string_view::npos || !Trimmed(body.substr(at, line_end - at)).empty()) {
      return Malformed("a boundary that its line does not end with");
    }
    // From the line's end on, so that a head without a line ends too.
    const std::size_t head = body.substr(line_end, kMaxPartHead).find("\r\n\r\n");
    if (head == std::string_view::npos) return Malformed("a part whose head does not end");
    Result<FormPart> part =
        ReadHead(head == 0 ? std::string_view() : body.substr(line_end + 2, head - 2));
    if (!part.ok()) return std::move(part).status();
    const std::size_t data = line_end + head + 4;
    const std::size_t end = body.find(delimiter, data - 2);
    if (end == std::string_view::npos) return Malformed("a part without an end");
    part->data = end < data ? std::string_view() : body.substr(data, end - data);
    parts.push_back(*std::move(part));
    if (parts.size() > kMaxParts) return Malformed("more than 32 parts");
    at = end + delimiter.size();
  }
}

}  // namespace ocellus::api::responses
