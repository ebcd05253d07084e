// Lines of a manifest: one JSON object a line, the fields of the call that adds one picture,
// without the library.
//
// Thread safety: functions without state.

#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/value.h"

namespace ocellus::cli {

struct ManifestLine {
  std::string image_id;   // the file name of image_uri without its extension when it is left out
  std::string image_uri;  // names the picture, and where it is unless it is in the line
  std::optional<std::string> bytes;  // decoded image_base64
  Value::Map tags;
  bool save_image = true;
};

// InvalidArgument naming the field.
Result<ManifestLine> ParseManifestLine(std::string_view line);

// "dir/IMG_1.jpg" -> "IMG_1"
std::string StemOf(std::string_view path);

}  // namespace ocellus::cli
