// The body of POST /v1/embeddings, in OpenAI's and Jina's shapes, read and checked. Failures are
// InvalidArgument and start with the field's name.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "api/fields.h"
#include "base/result.h"

namespace ocellus::api::embeddings {

// OpenAI's own limit.
inline constexpr std::size_t kMaxInputs = 2048;
// Each may keep a thread waiting for another server.
inline constexpr std::size_t kMaxUrls = 128;

struct Input {
  enum class Kind : std::uint8_t { kText, kPicture, kPictureUrl };
  Kind kind = Kind::kText;
  std::string text;   // the text, the picture in base64 or as data URL, or its URL
  std::string field;  // "input[3].image"
};

struct Body {
  std::string model;  // as sent; empty when it was not
  std::vector<Input> inputs;
  bool base64 = false;           // the vectors, instead of numbers
  std::uint32_t dimensions = 0;  // 0: not said
  bool has_urls = false;
};

Result<Body> ReadBody(Fields& fields);

// Whether clients have this name built in for an embedding model of somebody else, which the
// default bundle stands in for: "jina-clip-v2", "openai/text-embedding-3-small".
bool IsWellKnownModel(std::string_view name);

// "x" of "jina_ai/x": some clients leave their provider's name before the model's.
std::string_view WithoutProvider(std::string_view name);

}  // namespace ocellus::api::embeddings
