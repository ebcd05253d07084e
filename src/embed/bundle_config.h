// The files that say whose bundle it is, one reader a family. Used by LoadBundle() alone.

#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "embed/bundle.h"

namespace ocellus::embed {

// Of a config.json: fills all but paths, preprocessor and tokenizer. `has_text`: there is a text
// network, which families that do not say so themselves then have. InvalidArgument names the field.
Status ReadBundleConfig(std::string_view config_json, bool has_text, Bundle& bundle);

// The same of an open_clip_config.json.
Status ReadOpenClipConfig(std::string_view open_clip_config_json, bool has_text, Bundle& bundle);

// Of a tokenizer_config.json, which beside a tokenizer.json decides little: the side of the
// padding, a lower limit of tokens, and for one class lower case.
Status ReadTokenizerConfig(std::string_view tokenizer_config_json, Bundle& bundle);

// Of a subjects.json. `model` is the network's place below the folder. InvalidArgument names the
// field.
struct SubjectsConfig {
  Bundle::Subjects subjects;  // without its path
  std::string model;
};
Result<SubjectsConfig> ReadSubjectsConfig(std::string_view subjects_json);

}  // namespace ocellus::embed
