// Bundle: a model as a folder of files, read and checked. Format: docs/format/bundle.md.

#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "embed/embedder.h"
#include "embed/preprocessor.h"
#include "embed/tokenizer.h"
#include "os/file_system.h"

namespace ocellus::embed {

struct Bundle {
  // Where the text tower's numbers stand in a vector, and how texts are handed to it.
  struct Text {
    std::string model_path;
    std::string output;  // empty: whichever of the known names the model has
    std::uint32_t dimension = 0;
    std::uint32_t offset = 0;
    std::uint32_t pad_to_multiple_of = 16;  // tokens; the last step is cut at the limit
    std::unique_ptr<const Tokenizer> tokenizer;
  };
  struct Vision {
    std::string model_path;
    std::string output;  // as above
    PicturePreprocessor preprocessor;
  };

  BundleInfo info;
  std::string version;  // free text of whoever made it
  Vision vision;
  std::optional<Text> text;
};

// Reads the folder and checks all but the models' insides, which MakeEmbedder() checks. Failures
// name the file with its path: NotFound for one that is missing, InvalidArgument, naming the field
// too, for what is malformed or not implemented.
Result<Bundle> LoadBundle(os::FileSystem& files, const std::string& directory);

}  // namespace ocellus::embed
