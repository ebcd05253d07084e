// Bundle: a model as a folder of files, read and checked. Format: docs/format/bundle.md.

#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "embed/embedder.h"
#include "embed/preprocessor.h"
#include "embed/text_cleaning.h"
#include "embed/tokenizer.h"
#include "os/file_system.h"

namespace ocellus::embed {

// Lengths that text networks see where the files do not say it. Each length costs 2 MB for good,
// and most texts that are searched for have 4 to 10 tokens: docs/decisions/0004-inference.md.
inline constexpr std::uint32_t kPadToMultipleOf = 8;

struct Bundle {
  // Where a tower is and what it gives.
  struct Tower {
    std::string model_path;
    std::vector<std::string> outputs;  // names, the first one that the network has is taken
    bool any_output = false;           // or its only one, whatever its name
    std::uint32_t dimension = 0;       // numbers that it gives; the first info.dimension are used
  };
  // How texts are handed to the tower, and where its numbers stand in a vector if they are fewer.
  struct Text : Tower {
    enum class Mask : std::uint8_t {
      kOptional,  // 1 for tokens, 0 for padding, where the network takes it
      kRequired,  // a network that does not take it would see the padding
      kOnes,      // the padding is a part of the text
    };
    std::uint32_t offset = 0;
    std::uint32_t pad_to_multiple_of = kPadToMultipleOf;  // tokens; the last is cut at the limit
    bool pad_left = false;
    std::int32_t pad_id = 0;
    bool pad_given = false;  // by a file; else the usual token
    Mask mask = Mask::kOptional;
    TextCleaning cleaning = TextCleaning::kNone;
    std::unique_ptr<const Tokenizer> tokenizer;
  };
  struct Vision : Tower {
    PicturePreprocessor preprocessor;
  };

  // A network that finds subjects: it looks at the whole picture, squashed to side x side. No
  // vector depends on it alone, so it has no part in the bundle's digest.
  struct Subjects {
    std::string bundle;  // name
    std::string model_path;
    std::string input;
    std::string boxes;   // output float [n, k, 4]: x0, y0, x1, y1 of 0..1
    std::string scores;  // output float [n, k], 0..1
    std::uint32_t side = 0;
    double min_score = 0;
    double nms_iou = 0;  // of two boxes that overlap more the better one stays
    std::array<double, 3> mean = {};
    std::array<double, 3> deviation = {};
  };

  BundleInfo info;
  std::string family;   // "clip", "siglip", ...: of the file that describes it
  std::string version;  // free text of whoever made it
  Vision vision;
  std::optional<Text> text;
  std::optional<Subjects> subjects;
  std::vector<std::string> files;  // all that the bundle is made of, below its folder
};

struct BundleOptions {
  std::string name = {};     // of a bundle whose files have none; empty: the folder's
  std::string variant = {};  // of the networks, as FindNetworks() takes it
};

// Reads the folder and checks all but the models' insides, which MakeEmbedder() checks. Failures
// name the file with its path: NotFound for one that is missing, InvalidArgument, naming the field
// too, for what is malformed or not implemented.
Result<Bundle> LoadBundle(os::FileSystem& files, const std::string& directory,
                          const BundleOptions& options = {});

// The name that LoadBundle() would give it, without looking at more than what describes it. Codes
// as there.
Result<std::string> ReadBundleName(os::FileSystem& files, const std::string& directory);

}  // namespace ocellus::embed
