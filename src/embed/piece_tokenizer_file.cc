#include <cmath>
#include <cstdio>
#include <utility>

#include "embed/piece_tokenizer.h"
#include "embed/tokenizer_fields.h"

namespace ocellus::embed {
namespace {

// The byte tokens, when the file wants them and has all; none of them is not an error for the
// `tokenizers` library either.
Result<std::optional<ByteIds>> ReadBytes(const JsonFields& model, const Vocabulary& vocabulary) {
  OCELLUS_ASSIGN_OR_RETURN(const bool wanted, model.Boolean("byte_fallback", false));
  if (!wanted) return std::optional<ByteIds>();
  ByteIds ids{};
  std::size_t found = 0;
  for (unsigned byte = 0; byte < ids.size(); ++byte) {
    char name[8];
    std::snprintf(name, sizeof(name), "<0x%02X>", byte);
    const std::optional<std::int32_t> id = IdOf(vocabulary, name);
    if (!id.has_value()) continue;
    ids[byte] = *id;
    ++found;
  }
  if (found == 0) return std::optional<ByteIds>();
  if (found < ids.size()) {
    return model.Error("byte_fallback", "only " + std::to_string(found) +
                                            " of 256 byte tokens are in the vocabulary");
  }
  return std::optional(ids);
}

Result<std::unique_ptr<const PieceModel>> ReadUnigram(const JsonFields& model,
                                                      Vocabulary& vocabulary) {
  const Value* value = model.Find("vocab");
  if (value == nullptr || value->as_list() == nullptr) {
    return model.Expected("vocab", "a list of pieces and their scores", value);
  }
  const Value::List& list = *value->as_list();
  if (list.empty() || static_cast<std::int64_t>(list.size()) > kMaxTokenId) {
    return model.Error("vocab", "expected 1.." + std::to_string(kMaxTokenId) + " pieces, got " +
                                    std::to_string(list.size()));
  }
  std::vector<std::pair<std::string, double>> pieces;
  pieces.reserve(list.size());
  for (const Value& entry : list) {
    const Value::List* pair = entry.as_list();
    if (pair == nullptr || pair->size() != 2 || (*pair)[0].as_string() == nullptr ||
        !(*pair)[1].is_number() || !std::isfinite((*pair)[1].number())) {
      return model.Error(
          "vocab", "entry " + std::to_string(pieces.size()) + ": expected a piece and its score");
    }
    vocabulary[*(*pair)[0].as_string()] = static_cast<std::int32_t>(pieces.size());
    pieces.emplace_back(*(*pair)[0].as_string(), (*pair)[1].number());
  }
  UnigramModel::Options options;
  if (model.Has("unk_id")) {
    OCELLUS_ASSIGN_OR_RETURN(
        const std::int64_t id,
        model.Integer("unk_id", 0, static_cast<std::int64_t>(pieces.size()) - 1));
    options.unknown_id = static_cast<std::int32_t>(id);
  }
  OCELLUS_ASSIGN_OR_RETURN(options.bytes, ReadBytes(model, vocabulary));
  if (!options.unknown_id.has_value()) {
    return model.Error("unk_id", "a vocabulary without an unknown piece is not supported");
  }
  return std::unique_ptr<const PieceModel>(std::make_unique<UnigramModel>(pieces, options));
}

Result<std::unique_ptr<const PieceModel>> ReadMergeModel(const JsonFields& model,
                                                         Vocabulary& vocabulary) {
  for (const std::string_view name : {"continuing_subword_prefix", "end_of_word_suffix"}) {
    OCELLUS_ASSIGN_OR_RETURN(const std::string text, model.String(name, ""));
    if (!text.empty()) return model.Error(name, "only \"\" is supported here");
  }
  OCELLUS_ASSIGN_OR_RETURN(const double dropout, model.Number("dropout", 0.0));
  if (dropout != 0) return model.Error("dropout", "only 0 is supported");
  Result<Vocabulary> read = ReadVocabulary(model.Find("vocab"));
  if (!read.ok()) return model.Error("vocab", read.status().message());
  vocabulary = *std::move(read);
  MergeTable merges;
  OCELLUS_RETURN_IF_ERROR(ReadMerges(model, vocabulary, merges));
  PieceMergeModel::Options options;
  if (model.Has("unk_token")) {
    OCELLUS_ASSIGN_OR_RETURN(const std::string unknown, model.String("unk_token"));
    options.unknown_id = IdOf(vocabulary, unknown);
    if (!options.unknown_id.has_value()) {
      return model.Error("unk_token", "\"" + unknown + "\" is not in the vocabulary");
    }
  }
  OCELLUS_ASSIGN_OR_RETURN(options.fuse_unknown, model.Boolean("fuse_unk", false));
  OCELLUS_ASSIGN_OR_RETURN(options.whole_words_first, model.Boolean("ignore_merges", false));
  OCELLUS_ASSIGN_OR_RETURN(options.bytes, ReadBytes(model, vocabulary));
  return std::unique_ptr<const PieceModel>(
      std::make_unique<PieceMergeModel>(vocabulary, std::move(merges), options));
}

Result<PieceTokenizer::Splitting::Metaspace> ReadMetaspace(const JsonFields& step) {
  PieceTokenizer::Splitting::Metaspace settings;
  OCELLUS_ASSIGN_OR_RETURN(settings.mark, step.String("replacement", settings.mark));
  if (settings.mark.empty()) return step.Error("replacement", "is empty");
  OCELLUS_ASSIGN_OR_RETURN(const bool add, step.Boolean("add_prefix_space", true));
  OCELLUS_ASSIGN_OR_RETURN(const std::string scheme,
                           step.String("prepend_scheme", add ? "always" : "never"));
  if (scheme != "always" && scheme != "never") {
    return step.Error("prepend_scheme",
                      "\"" + scheme + "\" is not supported; always and never are");
  }
  settings.prepend = scheme == "always";
  OCELLUS_ASSIGN_OR_RETURN(settings.split, step.Boolean("split", true));
  return settings;
}

// One step, which must not come before those that are set already.
Status ReadSplit(const JsonFields& step, PieceTokenizer::Splitting& splitting) {
  OCELLUS_ASSIGN_OR_RETURN(const std::string type, step.String("type"));
  const bool last = splitting.metaspace.has_value() || splitting.behind_spaces;
  if (type == "WhitespaceSplit" && !last) {
    splitting.at_white_space = true;
    return {};
  }
  if (type == "Metaspace" && !last) {
    OCELLUS_ASSIGN_OR_RETURN(splitting.metaspace, ReadMetaspace(step));
    return {};
  }
  if (type == "Split" && !last) {
    OCELLUS_ASSIGN_OR_RETURN(const JsonFields pattern, step.Object("pattern"));
    OCELLUS_RETURN_IF_ERROR(OnlyString(pattern, "String", " "));
    OCELLUS_RETURN_IF_ERROR(OnlyString(step, "behavior", "MergedWithPrevious"));
    OCELLUS_RETURN_IF_ERROR(OnlyBoolean(step, "invert", false));
    splitting.behind_spaces = true;
    return {};
  }
  return step.Error("type", "\"" + type + "\" is not supported here");
}

Result<PieceTokenizer::Splitting> ReadSplitting(const JsonFields& root) {
  PieceTokenizer::Splitting splitting;
  if (!root.Has("pre_tokenizer")) return splitting;
  OCELLUS_ASSIGN_OR_RETURN(const JsonFields pre, root.Object("pre_tokenizer"));
  OCELLUS_ASSIGN_OR_RETURN(const std::string type, pre.String("type"));
  if (type != "Sequence") {
    OCELLUS_RETURN_IF_ERROR(ReadSplit(pre, splitting));
    return splitting;
  }
  OCELLUS_ASSIGN_OR_RETURN(const auto steps, pre.Objects("pretokenizers"));
  for (const JsonFields& step : steps) OCELLUS_RETURN_IF_ERROR(ReadSplit(step, splitting));
  return splitting;
}

}  // namespace

Result<std::unique_ptr<Tokenizer>> ReadPieceTokenizer(const JsonFields& root,
                                                      const JsonFields& model,
                                                      Tokenizer::Frame frame) {
  OCELLUS_ASSIGN_OR_RETURN(TextSteps steps, TextSteps::Read(root));
  OCELLUS_ASSIGN_OR_RETURN(PieceTokenizer::Splitting splitting, ReadSplitting(root));
  OCELLUS_ASSIGN_OR_RETURN(const std::string type, model.String("type"));
  Vocabulary vocabulary;
  std::unique_ptr<const PieceModel> pieces;
  if (type == "Unigram") {
    OCELLUS_ASSIGN_OR_RETURN(pieces, ReadUnigram(model, vocabulary));
  } else {
    OCELLUS_ASSIGN_OR_RETURN(pieces, ReadMergeModel(model, vocabulary));
  }
  // T5 fills up with what its files call "<pad>", SigLIP's with "</s>": see its "padding".
  OCELLUS_RETURN_IF_ERROR(ReadPadding(root, IdOf(vocabulary, "<pad>").value_or(0), frame));
  return std::unique_ptr<Tokenizer>(std::make_unique<PieceTokenizer>(
      std::move(frame), std::move(steps), std::move(splitting), std::move(pieces)));
}

}  // namespace ocellus::embed
