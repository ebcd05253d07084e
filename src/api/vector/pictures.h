// Pictures as clients of the OpenSearch front send them: base64, data URLs and locations.

#pragma once

#include <atomic>
#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"
#include "engine/sources.h"

namespace ocellus::api::vector {

struct SentPicture {
  std::string bytes;         // encoded
  bool is_location = false;  // the text said where it is, and does not hold it
};

// Bytes that the pictures behind the locations of one request may have together: what stands in the
// body is held to the body's limit, what a location names is not. Ours: six of the largest
// pictures, hundreds of usual ones.
inline constexpr std::size_t kMaxLocatedBytes = std::size_t{128} << 20;

// Thread-safe. The sources are borrowed and outlive the object.
class PictureReader {
 public:
  PictureReader(engine::Sources& sources, std::size_t max_bytes)
      : sources_(sources), max_bytes_(max_bytes) {}

  // A reader for one request: `located` counts the bytes read from locations.
  PictureReader Counting(std::atomic<std::size_t>& located) const {
    PictureReader reader = *this;
    reader.located_ = &located;
    return reader;
  }

  // Base64 (blanks and line breaks stand anywhere), a data:image/...;base64, URL, or a location
  // with a scheme (http, https, oss, file). With `paths` a text that is no picture in base64 is a
  // path below an import root. Whether the bytes are a picture is for the engine to say.
  // InvalidArgument.
  Result<SentPicture> Read(std::string_view text, bool paths) const;

  std::size_t max_bytes() const { return max_bytes_; }

 private:
  Result<SentPicture> ReadLocation(std::string_view location) const;
  Result<std::string> Decode(std::string_view base64) const;

  engine::Sources& sources_;
  const std::size_t max_bytes_;
  std::atomic<std::size_t>* located_ = nullptr;
};

// Whether a text that may be either is a picture: a data URL, a location, or base64 of something
// that begins as a picture does.
bool LooksLikePicture(std::string_view text);

}  // namespace ocellus::api::vector
