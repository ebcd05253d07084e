// The files that describe a tokenizer. What a file may say and this server does not implement is
// refused here, field by field.

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "base/value.h"
#include "embed/clip_tokenizer.h"
#include "embed/json_fields.h"
#include "embed/piece_tokenizer.h"
#include "embed/tokenizer.h"
#include "embed/tokenizer_fields.h"
#include "embed/unicode.h"
#include "embed/wordpiece_tokenizer.h"

namespace ocellus::embed {
namespace {

constexpr std::string_view kClipPattern =
    R"('s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+)";
constexpr std::string_view kClipMarks = R"(<\|startoftext\|>|<\|endoftext\|>|)";
constexpr std::string_view kWordEnd = "</w>";

Result<std::vector<Tokenizer::AddedToken>> ReadAddedTokens(const JsonFields& root) {
  std::vector<Tokenizer::AddedToken> tokens;
  OCELLUS_ASSIGN_OR_RETURN(const std::vector<JsonFields> list, root.Objects("added_tokens"));
  for (const JsonFields& fields : list) {
    Tokenizer::AddedToken token;
    OCELLUS_ASSIGN_OR_RETURN(token.content, fields.String("content"));
    OCELLUS_ASSIGN_OR_RETURN(const std::int64_t id, fields.Integer("id", 0, kMaxTokenId));
    token.id = static_cast<std::int32_t>(id);
    OCELLUS_ASSIGN_OR_RETURN(token.normalized, fields.Boolean("normalized", true));
    OCELLUS_ASSIGN_OR_RETURN(token.strip_left, fields.Boolean("lstrip", false));
    OCELLUS_ASSIGN_OR_RETURN(token.strip_right, fields.Boolean("rstrip", false));
    OCELLUS_RETURN_IF_ERROR(OnlyBoolean(fields, "single_word", false));
    tokens.push_back(std::move(token));
  }
  return tokens;
}

// One [token, id] of a Roberta- or BertProcessing.
Result<std::int32_t> ReadTokenPair(const JsonFields& fields, std::string_view name) {
  const Value* value = fields.Find(name);
  const Value::List* pair = value == nullptr ? nullptr : value->as_list();
  if (pair == nullptr || pair->size() != 2 || (*pair)[1].as_int() == nullptr ||
      *(*pair)[1].as_int() < 0 || *(*pair)[1].as_int() > kMaxTokenId) {
    return fields.Error(name, "expected a token and its id");
  }
  return static_cast<std::int32_t>(*(*pair)[1].as_int());
}

Status ReadTemplate(const JsonFields& post, Tokenizer::Frame& frame) {
  OCELLUS_ASSIGN_OR_RETURN(const std::vector<JsonFields> parts, post.Objects("single"));
  bool text_seen = false;
  for (const JsonFields& part : parts) {
    if (part.Has("Sequence")) {
      if (text_seen) return part.Error("Sequence", "the text stands twice in the template");
      text_seen = true;
      continue;
    }
    OCELLUS_ASSIGN_OR_RETURN(const JsonFields special, part.Object("SpecialToken"));
    OCELLUS_ASSIGN_OR_RETURN(const std::string token, special.String("id"));
    OCELLUS_ASSIGN_OR_RETURN(const JsonFields all, post.Object("special_tokens"));
    OCELLUS_ASSIGN_OR_RETURN(const JsonFields entry, all.Object(token));
    const Value* ids = entry.Find("ids");
    if (ids == nullptr || ids->as_list() == nullptr) {
      return entry.Expected("ids", "a list of ids", ids);
    }
    for (const Value& id : *ids->as_list()) {
      if (id.as_int() == nullptr || *id.as_int() < 0 || *id.as_int() > kMaxTokenId) {
        return entry.Error("ids", "expected integers 0.." + std::to_string(kMaxTokenId));
      }
      (text_seen ? frame.after : frame.before).push_back(static_cast<std::int32_t>(*id.as_int()));
    }
  }
  if (!text_seen) return post.Error("single", "the text is not in the template");
  return {};
}

Status ReadPostProcessor(const JsonFields& root, Tokenizer::Frame& frame) {
  if (!root.Has("post_processor")) return {};
  OCELLUS_ASSIGN_OR_RETURN(const JsonFields post, root.Object("post_processor"));
  OCELLUS_ASSIGN_OR_RETURN(const std::string type, post.String("type"));
  if (type == "TemplateProcessing") return ReadTemplate(post, frame);
  if (type != "RobertaProcessing" && type != "BertProcessing") {
    return post.Error("type", "\"" + type + "\" is not supported");
  }
  OCELLUS_ASSIGN_OR_RETURN(const std::int32_t first, ReadTokenPair(post, "cls"));
  OCELLUS_ASSIGN_OR_RETURN(const std::int32_t last, ReadTokenPair(post, "sep"));
  frame.before = {first};
  frame.after = {last};
  return {};
}

Result<std::unique_ptr<Tokenizer>> ReadWordPiece(const JsonFields& root, const JsonFields& model,
                                                 Tokenizer::Frame frame) {
  WordPieceTokenizer::Options options;
  OCELLUS_ASSIGN_OR_RETURN(const JsonFields normalizer, root.Object("normalizer"));
  OCELLUS_RETURN_IF_ERROR(OnlyString(normalizer, "type", "BertNormalizer"));
  OCELLUS_ASSIGN_OR_RETURN(options.clean_text, normalizer.Boolean("clean_text", true));
  OCELLUS_ASSIGN_OR_RETURN(options.handle_chinese_chars,
                           normalizer.Boolean("handle_chinese_chars", true));
  OCELLUS_ASSIGN_OR_RETURN(options.lowercase, normalizer.Boolean("lowercase", true));
  // Absent means: when it lowers.
  OCELLUS_ASSIGN_OR_RETURN(options.strip_accents,
                           normalizer.Boolean("strip_accents", options.lowercase));
  OCELLUS_ASSIGN_OR_RETURN(const JsonFields pre, root.Object("pre_tokenizer"));
  OCELLUS_RETURN_IF_ERROR(OnlyString(pre, "type", "BertPreTokenizer"));

  auto vocabulary = ReadVocabulary(model.Find("vocab"));
  if (!vocabulary.ok()) return model.Error("vocab", vocabulary.status().message());
  OCELLUS_ASSIGN_OR_RETURN(const std::string unknown, model.String("unk_token", "[UNK]"));
  const std::optional<std::int32_t> unknown_id = IdOf(*vocabulary, unknown);
  if (!unknown_id) return model.Error("unk_token", "\"" + unknown + "\" is not in the vocabulary");
  options.unknown_id = *unknown_id;
  OCELLUS_ASSIGN_OR_RETURN(const std::int64_t longest,
                           model.Integer("max_input_chars_per_word", 1, 1000, 100));
  options.max_characters_per_word = static_cast<std::size_t>(longest);
  OCELLUS_ASSIGN_OR_RETURN(const std::string prefix,
                           model.String("continuing_subword_prefix", "##"));
  OCELLUS_RETURN_IF_ERROR(ReadPadding(root, IdOf(*vocabulary, "[PAD]").value_or(0), frame));

  Vocabulary continuations;
  for (const auto& [token, id] : *vocabulary) {
    if (token.starts_with(prefix)) continuations[token.substr(prefix.size())] = id;
  }
  return std::unique_ptr<Tokenizer>(std::make_unique<WordPieceTokenizer>(
      std::move(frame), options, *std::move(vocabulary), std::move(continuations)));
}

// The printable character that stands for a byte in the vocabulary's spelling.
char32_t ByteCharacter(unsigned byte) {
  const auto printable = [](unsigned b) {
    return (b >= '!' && b <= '~') || (b >= 0xA1 && b <= 0xAC) || b >= 0xAE;
  };
  if (printable(byte)) return byte;
  char32_t character = 0x100;
  for (unsigned other = 0; other < byte; ++other) {
    if (!printable(other)) ++character;
  }
  return character;
}

Status ReadByteTokens(const Vocabulary& vocabulary, ClipTokenizer::Model& model) {
  for (unsigned byte = 0; byte < 256; ++byte) {
    std::string token;
    unicode::Append(ByteCharacter(byte), token);
    const auto inside = IdOf(vocabulary, token);
    const auto last = IdOf(vocabulary, token + std::string(kWordEnd));
    if (!inside || !last) {
      return {Code::kInvalidArgument,
              "the tokens of byte " + std::to_string(byte) + " are missing"};
    }
    model.bytes[byte] = *inside;
    model.last_bytes[byte] = *last;
  }
  return {};
}

// Whether the pattern has the marks; fails for any other chain of steps than CLIP's.
Result<bool> CheckClipSteps(const JsonFields& root) {
  OCELLUS_ASSIGN_OR_RETURN(const JsonFields normalizer, root.Object("normalizer"));
  OCELLUS_RETURN_IF_ERROR(OnlyString(normalizer, "type", "Sequence"));
  OCELLUS_ASSIGN_OR_RETURN(const auto steps, normalizer.Objects("normalizers"));
  if (steps.size() != 3) return normalizer.Error("normalizers", "expected NFC, Replace, Lowercase");
  OCELLUS_RETURN_IF_ERROR(OnlyString(steps[0], "type", "NFC"));
  OCELLUS_RETURN_IF_ERROR(OnlyString(steps[1], "type", "Replace"));
  OCELLUS_ASSIGN_OR_RETURN(const JsonFields replaced, steps[1].Object("pattern"));
  OCELLUS_RETURN_IF_ERROR(OnlyString(replaced, "Regex", "\\s+"));
  OCELLUS_RETURN_IF_ERROR(OnlyString(steps[1], "content", " "));
  OCELLUS_RETURN_IF_ERROR(OnlyString(steps[2], "type", "Lowercase"));

  OCELLUS_ASSIGN_OR_RETURN(const JsonFields pre, root.Object("pre_tokenizer"));
  OCELLUS_RETURN_IF_ERROR(OnlyString(pre, "type", "Sequence"));
  OCELLUS_ASSIGN_OR_RETURN(const auto splits, pre.Objects("pretokenizers"));
  if (splits.size() != 2) return pre.Error("pretokenizers", "expected Split, ByteLevel");
  OCELLUS_RETURN_IF_ERROR(OnlyString(splits[0], "type", "Split"));
  OCELLUS_RETURN_IF_ERROR(OnlyString(splits[0], "behavior", "Removed"));
  OCELLUS_ASSIGN_OR_RETURN(const bool invert, splits[0].Boolean("invert"));
  if (!invert) return splits[0].Error("invert", "only true is supported");
  OCELLUS_RETURN_IF_ERROR(OnlyString(splits[1], "type", "ByteLevel"));
  OCELLUS_RETURN_IF_ERROR(OnlyBoolean(splits[1], "add_prefix_space", false));
  OCELLUS_RETURN_IF_ERROR(OnlyBoolean(splits[1], "use_regex", true));
  OCELLUS_ASSIGN_OR_RETURN(const JsonFields pattern, splits[0].Object("pattern"));
  OCELLUS_ASSIGN_OR_RETURN(const std::string regex, pattern.String("Regex"));
  const bool marks = regex.starts_with(kClipMarks);
  if (std::string_view(regex).substr(marks ? kClipMarks.size() : 0) != kClipPattern) {
    return pattern.Error("Regex", "only CLIP's pattern is supported");
  }
  return marks;
}

Result<std::unique_ptr<Tokenizer>> ReadClip(const JsonFields& root, const JsonFields& fields,
                                            Tokenizer::Frame frame) {
  OCELLUS_ASSIGN_OR_RETURN(const bool marks, CheckClipSteps(root));
  OCELLUS_ASSIGN_OR_RETURN(const std::string prefix,
                           fields.String("continuing_subword_prefix", ""));
  if (!prefix.empty()) return fields.Error("continuing_subword_prefix", "only \"\" is supported");
  OCELLUS_RETURN_IF_ERROR(OnlyString(fields, "end_of_word_suffix", kWordEnd));
  for (const std::string_view name : {"byte_fallback", "ignore_merges"}) {
    OCELLUS_RETURN_IF_ERROR(OnlyBoolean(fields, name, false));
  }
  auto vocabulary = ReadVocabulary(fields.Find("vocab"));
  if (!vocabulary.ok()) return fields.Error("vocab", vocabulary.status().message());
  ClipTokenizer::Model model;
  const Status bytes = ReadByteTokens(*vocabulary, model);
  if (!bytes.ok()) return fields.Error("vocab", bytes.message());
  OCELLUS_RETURN_IF_ERROR(ReadMerges(fields, *vocabulary, model.merges));
  OCELLUS_RETURN_IF_ERROR(ReadPadding(root, frame.after.empty() ? 0 : frame.after.back(), frame));
  return std::unique_ptr<Tokenizer>(
      std::make_unique<ClipTokenizer>(std::move(frame), std::move(model), marks));
}

}  // namespace

Result<std::unique_ptr<Tokenizer>> ParseTokenizer(std::string_view tokenizer_json) {
  OCELLUS_RETURN_IF_ERROR(unicode::Check());
  OCELLUS_ASSIGN_OR_RETURN(const Value document, ParseJson(tokenizer_json));
  OCELLUS_ASSIGN_OR_RETURN(const JsonFields root, JsonFields::Root(document));
  Tokenizer::Frame frame;
  OCELLUS_ASSIGN_OR_RETURN(frame.added, ReadAddedTokens(root));
  OCELLUS_RETURN_IF_ERROR(ReadPostProcessor(root, frame));
  OCELLUS_ASSIGN_OR_RETURN(const JsonFields model, root.Object("model"));
  OCELLUS_ASSIGN_OR_RETURN(const std::string type, model.String("type"));
  if (type == "WordPiece") return ReadWordPiece(root, model, std::move(frame));
  if (type == "Unigram") return ReadPieceTokenizer(root, model, std::move(frame));
  if (type != "BPE") {
    return model.Error("type", "\"" + type + "\" is not supported; WordPiece, BPE and Unigram are");
  }
  // The mark at a word's end is CLIP's; SentencePiece marks the beginning, in the text itself.
  const bool clip =
      model.Has("end_of_word_suffix") && *model.Find("end_of_word_suffix") != Value("");
  if (clip) return ReadClip(root, model, std::move(frame));
  return ReadPieceTokenizer(root, model, std::move(frame));
}

Result<std::unique_ptr<Tokenizer>> ParseClipTokenizer(std::string_view vocab_json,
                                                      std::string_view merges_txt) {
  OCELLUS_RETURN_IF_ERROR(unicode::Check());
  auto document = ParseJson(vocab_json);
  if (!document.ok()) return std::move(document).status().WithContext("vocab.json");
  auto vocabulary = ReadVocabulary(&*document);
  if (!vocabulary.ok()) return std::move(vocabulary).status().WithContext("vocab.json");
  ClipTokenizer::Model model;
  OCELLUS_RETURN_IF_ERROR(ReadByteTokens(*vocabulary, model).WithContext("vocab.json"));
  Tokenizer::Frame frame;
  for (const std::string_view mark : {"<|startoftext|>", "<|endoftext|>"}) {
    const auto id = IdOf(*vocabulary, mark);
    if (!id) {
      return Status(Code::kInvalidArgument, "vocab.json: " + std::string(mark) + " is missing");
    }
    (frame.before.empty() ? frame.before : frame.after).push_back(*id);
    frame.added.push_back({std::string(mark), *id, false});
  }
  frame.pad_id = frame.after.back();
  for (std::size_t line = 1; !merges_txt.empty(); ++line) {
    const std::string_view text = merges_txt.substr(0, merges_txt.find('\n'));
    merges_txt.remove_prefix(std::min(merges_txt.size(), text.size() + 1));
    if (text.empty() || text.starts_with("#version")) continue;
    const std::size_t space = text.find(' ');
    Status added(Code::kInvalidArgument, "expected two tokens");
    if (space != std::string_view::npos) {
      added = AddMerge(*vocabulary, text.substr(0, space), text.substr(space + 1), model.merges);
    }
    if (!added.ok()) {
      return std::move(added).WithContext("merges.txt line " + std::to_string(line));
    }
  }
  return std::unique_ptr<Tokenizer>(
      std::make_unique<ClipTokenizer>(std::move(frame), std::move(model), true));
}

}  // namespace ocellus::embed
