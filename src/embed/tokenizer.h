// Tokenizer: text to the token ids that a text model was trained with, id for id as the reference
// implementation (the `tokenizers` library) makes them.
//
// Three kinds exist, chosen by what the file says: WordPiece as BERT's models use it, the
// byte-level BPE of CLIP, and SentencePiece's Unigram and BPE. A file with any setting that is not
// implemented is refused: ids that are nearly right give vectors that are wrong in silence.

#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace ocellus::embed {

// Takes one word's ids after another until a word no longer fits.
class IdSink {
 public:
  IdSink(std::size_t capacity, std::vector<std::int32_t>& ids) : capacity_(capacity), ids_(ids) {}

  // False: enough, the word did not fit. The first word of a text is cut rather than left out.
  bool Add(std::span<const std::int32_t> word);

 private:
  const std::size_t capacity_;
  std::size_t taken_ = 0;
  std::vector<std::int32_t>& ids_;
};

// Thread-safe: nothing changes after construction.
class Tokenizer {
 public:
  virtual ~Tokenizer() = default;

  // A token that is found in the text itself, before any word.
  struct AddedToken {
    std::string content;
    std::int32_t id = 0;
    bool normalized = false;  // looked for in the normalised text, not in the text as given
    bool strip_left = false;  // white space before it is a part of it
    bool strip_right = false;
  };
  struct Frame {
    std::vector<std::int32_t> before;  // around every text
    std::vector<std::int32_t> after;
    std::int32_t pad_id = 0;
    bool pad_given = false;        // the file says so, else it is a guess by the usual name
    std::optional<bool> pad_left;  // which side it goes to, where the file says so
    std::vector<AddedToken> added;
  };

  // The ids of `text`, special tokens included, at most `max_tokens`. What is over is cut between
  // two words (a word is what the model's pre-tokenizer makes one: a sign is a word of its own); a
  // first word that is longer than the limit is cut inside. Of a text beyond kMaxTextBytes the
  // rest is not looked at. A text without a token gives special tokens only.
  //
  // InvalidArgument: not UTF-8. REQUIRES: max_tokens > special_tokens()
  Result<std::vector<std::int32_t>> Encode(std::string_view text, std::size_t max_tokens) const;
  static constexpr std::size_t kMaxTextBytes = std::size_t{1}
                                               << 20;  // far above every model's limit

  // How many ids of each result are not the text's.
  std::size_t special_tokens() const { return frame_.before.size() + frame_.after.size(); }
  // What to lengthen a batch's shorter texts with.
  std::int32_t pad_id() const { return frame_.pad_id; }
  bool pad_given() const { return frame_.pad_given; }
  std::optional<bool> pad_left() const { return frame_.pad_left; }
  // Of an added token.
  std::optional<std::int32_t> IdOfAdded(std::string_view content) const;

 protected:
  // The frame's added tokens must have gone through WithNormalizedTokens().
  explicit Tokenizer(Frame frame) : frame_(std::move(frame)) {}

  // The frame with those added tokens normalised that are looked for in normalised text.
  template <typename Normalizer>
  static Frame WithNormalizedTokens(Frame frame, const Normalizer& normalize) {
    for (AddedToken& token : frame.added) {
      if (token.normalized) token.content = normalize(token.content);
    }
    return frame;
  }

  // REQUIRES: IsUtf8(text)
  virtual std::string Normalize(std::string_view text) const = 0;
  // Hands the words of a normalised text to the sink until it has enough: false then.
  virtual bool EncodeWords(std::string_view normalized, IdSink& sink) const = 0;

 private:
  bool EncodePart(std::string_view part, IdSink& sink) const;

  const Frame frame_;
};

// Reads a tokenizer.json. InvalidArgument names the field that is missing, malformed or asks for
// something that is not implemented.
Result<std::unique_ptr<Tokenizer>> ParseTokenizer(std::string_view tokenizer_json);

// CLIP's tokenizer from its two older files, as CLIP's own release has them.
Result<std::unique_ptr<Tokenizer>> ParseClipTokenizer(std::string_view vocab_json,
                                                      std::string_view merges_txt);

}  // namespace ocellus::embed
