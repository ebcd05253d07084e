// The steps that bring a text into the form that a SentencePiece model was trained on.

#pragma once

#include <bitset>
#include <cstddef>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "embed/charsmap.h"
#include "embed/json_fields.h"

namespace ocellus::embed {

// The normaliser of a tokenizer.json. Thread-safe: nothing changes after construction.
class TextSteps {
 public:
  // Of the field "normalizer", which may be absent. InvalidArgument names a step that is not
  // implemented: those of the `tokenizers` library are, but for regular expressions other than one
  // set of characters, repeated or not, and what belongs to other kinds of models.
  static Result<TextSteps> Read(const JsonFields& root);

  // REQUIRES: unicode::Check() was ok, IsUtf8(text)
  std::string Apply(std::string_view text) const;

 private:
  enum class Form { kNfc, kNfd, kNfkc, kNfkd, kLowercase, kStripAccents };
  struct Strip {
    bool left;
    bool right;
  };
  struct Prepend {
    std::string text;
  };
  struct ReplaceText {
    std::string text;  // not empty
    std::string by;
  };
  // A run of these characters, or with `single` each of them.
  struct ReplaceRun {
    std::bitset<128> ascii;
    bool space = false;  // all that Unicode calls white space
    bool single = false;
    std::size_t least = 1;
    std::string by;
  };
  using Step = std::variant<Form, Strip, Prepend, ReplaceText, ReplaceRun, Charsmap>;

  static Result<Step> ReadStep(const JsonFields& fields, const std::string& type);
  static Result<Step> ReadReplace(const JsonFields& fields);
  static bool ParseRun(std::string_view pattern, ReplaceRun& run);

  static std::string RunAny(const Step& step, std::string text);
  static std::string Run(const ReplaceRun& step, std::string_view text);
  static std::string Run(Form step, std::string_view text);

  std::vector<Step> steps_;
};

}  // namespace ocellus::embed
