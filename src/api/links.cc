#include "api/links.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/digest.h"
#include "base/value.h"

namespace ocellus::api {
namespace {

constexpr char kExpires[] = "expires";
constexpr char kSignature[] = "signature";
constexpr std::size_t kMaxHost = 255;

bool IsUnreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_' || c == '~';
}

void AppendEncoded(std::string& out, std::string_view text, std::string_view kept = {}) {
  constexpr char kDigits[] = "0123456789ABCDEF";
  for (const char c : text) {
    if (IsUnreserved(c) || kept.find(c) != std::string_view::npos) {
      out += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out += '%';
      out += kDigits[byte >> 4];
      out += kDigits[byte & 15];
    }
  }
}

// Whether clients leave the text alone as a path: no segment that is empty, "." or "..".
bool IsPlainPath(std::string_view path) {
  while (true) {
    const std::size_t slash = path.find('/');
    const std::string_view segment = path.substr(0, slash);
    if (segment.empty() || segment == "." || segment == "..") return false;
    if (slash == std::string_view::npos) return true;
    path.remove_prefix(slash + 1);
  }
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::optional<std::string> Decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    if (i + 2 >= text.size() || HexDigit(text[i + 1]) < 0 || HexDigit(text[i + 2]) < 0) {
      return std::nullopt;
    }
    out += static_cast<char>(HexDigit(text[i + 1]) * 16 + HexDigit(text[i + 2]));
    i += 2;
  }
  return out;
}

bool IsHost(std::string_view host) {
  if (host.empty() || host.size() > kMaxHost) return false;
  for (const char c : host) {
    if (!IsUnreserved(c) && c != ':' && c != '[' && c != ']') return false;
  }
  return true;
}

std::int64_t NowSeconds() {
  return std::chrono::duration_cast<std::chrono::seconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace

std::string PictureLinks::BaseOf(const Request& request) const {
  if (!options_.public_url.empty()) return options_.public_url;
  const std::string* host = request.Header("host");
  return host != nullptr && IsHost(*host) ? "http://" + *host : std::string();
}

std::string PictureLinks::LinkTo(std::string_view base, std::string_view library,
                                 std::string_view image_id, std::string_view image_uri) const {
  std::string link(base);
  link += "/images/";
  AppendEncoded(link, library);
  if (IsPlainPath(image_id)) {
    link += '/';
    AppendEncoded(link, image_id, "/");
    link += "?uri=";
  } else {
    link += "?image_id=";
    AppendEncoded(link, image_id);
    link += "&uri=";
  }
  AppendEncoded(link, image_uri, "/");
  if (options_.secret.empty()) return link;
  const std::string expires = std::to_string(NowSeconds() + options_.lifetime.count());
  link.append("&").append(kExpires).append("=").append(expires);
  link.append("&").append(kSignature).append("=");
  return link + Signature(library, image_id, image_uri, expires);
}

std::optional<LinkedPicture> PictureLinks::Read(std::string_view base, std::string_view url) {
  constexpr std::string_view kImages = "/images/";
  if (!url.starts_with(base) || !url.substr(base.size()).starts_with(kImages)) return std::nullopt;
  url.remove_prefix(base.size() + kImages.size());
  url = url.substr(0, url.find('#'));
  const std::size_t question = url.find('?');
  const std::string_view path = url.substr(0, question);
  std::string_view query =
      question == std::string_view::npos ? std::string_view() : url.substr(question + 1);

  const std::size_t slash = path.find('/');
  const std::optional<std::string> library = Decoded(path.substr(0, slash));
  std::optional<std::string> id;
  if (slash != std::string_view::npos) id = Decoded(path.substr(slash + 1));
  std::optional<std::string> uri;
  while (!query.empty()) {
    const std::string_view field = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(field.size() + 1, query.size()));
    if (field.starts_with("uri=")) uri = Decoded(field.substr(4));
    if (field.starts_with("image_id=")) id = Decoded(field.substr(9));
  }
  if (!library.has_value() || library->empty() || !id.has_value() || id->empty()) {
    return std::nullopt;
  }
  return LinkedPicture{*library, *std::move(id), std::move(uri)};
}

std::optional<Principal> PictureLinks::Vouch(const Request& request, const std::string& library,
                                             const std::string& image_id) const {
  const std::string* expires = request.Query(kExpires);
  const std::string* signature = request.Query(kSignature);
  const std::string* uri = request.Query("uri");
  if (options_.secret.empty() || expires == nullptr || signature == nullptr || uri == nullptr) {
    return std::nullopt;
  }
  if (!EqualSecrets(*signature, Signature(library, image_id, *uri, *expires))) return std::nullopt;
  std::int64_t until = 0;
  const char* end = expires->data() + expires->size();
  const auto [stop, error] = std::from_chars(expires->data(), end, until);
  if (error != std::errc() || stop != end || until < NowSeconds()) return std::nullopt;
  return Principal{"signed-link", Role::kRead, std::vector<std::string>{library}};
}

std::string PictureLinks::Signature(std::string_view library, std::string_view image_id,
                                    std::string_view image_uri, std::string_view expires) const {
  // JSON, so that no two pictures have one text.
  return HmacSha256Hex(options_.secret,
                       WriteJson(Value::List{"picture", library, image_id, image_uri, expires}));
}

}  // namespace ocellus::api
