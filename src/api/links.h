// Links to kept pictures that open wherever they are put: absolute, and on a server with keys
// signed and with an end, so that whoever has the link needs no key.
//
// Immutable, so thread-safe.

#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "api/request.h"

namespace ocellus::api {

struct LinkOptions {
  // What stands before "/images": "https://pictures.example.com"; empty: http and the Host header.
  std::string public_url;
  std::string secret;  // of the signatures; empty: links are not signed
  std::chrono::seconds lifetime{24 * 3600};
};

// What a link leads to.
struct LinkedPicture {
  std::string library;
  std::string image_id;
  std::optional<std::string> image_uri;
};

class PictureLinks {
 public:
  explicit PictureLinks(LinkOptions options) : options_(std::move(options)) {}

  // What stands before the path of a link in the answer to `request`; without a slash at the end.
  // Empty when the request does not say.
  std::string BaseOf(const Request& request) const;

  // The link to one picture.
  std::string LinkTo(std::string_view base, std::string_view library, std::string_view image_id,
                     std::string_view image_uri) const;

  // What a link of this server leads to, signed or not; none when `url` does not begin with `base`
  // or is no link to a picture. REQUIRES: base is not empty
  static std::optional<LinkedPicture> Read(std::string_view base, std::string_view url);

  // Who a request for a picture is by its signature alone: somebody who may read that library. None
  // when there is no signature, or it is not of this server, of this picture, or still good.
  std::optional<Principal> Vouch(const Request& request, const std::string& library,
                                 const std::string& image_id) const;

 private:
  std::string Signature(std::string_view library, std::string_view image_id,
                        std::string_view image_uri, std::string_view expires) const;

  const LinkOptions options_;
};

}  // namespace ocellus::api
