#include "embed/bundle_config.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "base/value.h"
#include "embed/json_fields.h"

namespace ocellus::embed {
namespace {

constexpr std::int64_t kMaxDimension = 4096;
// BERT's; CLIP has 77. A family that takes longer texts is used up to here: cost grows with the
// square of the length.
constexpr std::int64_t kMaxTokens = 512;

// Of what a subject network sees: twice that is beyond any budget of milliseconds.
constexpr std::int64_t kMaxSubjectSide = 1024;

// Above any number of positions that a configuration may claim.
constexpr std::int64_t kMaxPositions = std::int64_t{1} << 40;

// Our own config.json.

Result<std::optional<ScoreCurve>> ReadCurve(const JsonFields& scores, std::string_view name) {
  if (!scores.Has(name)) return std::optional<ScoreCurve>();
  OCELLUS_ASSIGN_OR_RETURN(const JsonFields fields, scores.Object(name));
  ScoreCurve curve;
  OCELLUS_ASSIGN_OR_RETURN(curve.slope, fields.Number("slope"));
  OCELLUS_ASSIGN_OR_RETURN(curve.offset, fields.Number("offset"));
  if (!std::isfinite(curve.slope) || !(curve.slope > 0)) {
    return fields.Error("slope", "expected a number above 0");
  }
  if (!std::isfinite(curve.offset)) return fields.Error("offset", "expected a number");
  return std::optional(curve);
}

std::vector<std::string> OutputNames(const std::string& configured, const char* of_exporters) {
  if (!configured.empty()) return {configured};
  return {"embedding", of_exporters};
}

Status ReadOcellus(const JsonFields& root, Bundle& bundle) {
  OCELLUS_ASSIGN_OR_RETURN(bundle.info.name, root.String("name"));
  if (bundle.info.name.empty()) return root.Error("name", "is empty");
  OCELLUS_ASSIGN_OR_RETURN(bundle.version, root.String("version", ""));
  OCELLUS_ASSIGN_OR_RETURN(const auto dimension, root.Integer("dimension", 1, kMaxDimension));
  bundle.info.dimension = static_cast<std::uint32_t>(dimension);
  bundle.vision.dimension = bundle.info.dimension;
  std::string output;
  if (root.Has("vision")) {
    OCELLUS_ASSIGN_OR_RETURN(const JsonFields vision, root.Object("vision"));
    OCELLUS_ASSIGN_OR_RETURN(output, vision.String("output", ""));
  }
  bundle.vision.outputs = OutputNames(output, "image_embeds");
  if (root.Has("scores")) {
    OCELLUS_ASSIGN_OR_RETURN(const JsonFields scores, root.Object("scores"));
    OCELLUS_ASSIGN_OR_RETURN(bundle.info.picture_scores, ReadCurve(scores, "picture"));
    OCELLUS_ASSIGN_OR_RETURN(bundle.info.text_scores, ReadCurve(scores, "text"));
  }
  if (!root.Has("text")) return {};
  OCELLUS_ASSIGN_OR_RETURN(const JsonFields fields, root.Object("text"));
  Bundle::Text text;
  OCELLUS_ASSIGN_OR_RETURN(output, fields.String("output", ""));
  text.outputs = OutputNames(output, "text_embeds");
  OCELLUS_ASSIGN_OR_RETURN(const auto width, fields.Integer("dimension", 1, dimension, dimension));
  OCELLUS_ASSIGN_OR_RETURN(const auto offset, fields.Integer("offset", 0, dimension - width, 0));
  OCELLUS_ASSIGN_OR_RETURN(const auto tokens, fields.Integer("max_tokens", 3, kMaxTokens));
  OCELLUS_ASSIGN_OR_RETURN(const auto step,
                           fields.Integer("pad_to_multiple_of", 1, kMaxTokens, kPadToMultipleOf));
  text.dimension = static_cast<std::uint32_t>(width);
  text.offset = static_cast<std::uint32_t>(offset);
  text.pad_to_multiple_of = static_cast<std::uint32_t>(step);
  bundle.info.max_text_tokens = static_cast<std::uint32_t>(tokens);
  bundle.text = std::move(text);
  return {};
}

// The families that model hubs have. Where a field may be absent, exporters leave it out when it
// has the value that is written here: it is the family's own default, no guess of ours.
struct Family {
  const char* type;
  // Of the whole, or of vision_config when it begins so; absent: what stands behind it.
  const char* dimension;
  std::int64_t default_dimension;  // 0: required
  const char* positions;           // of text_config
  std::int64_t default_positions;  // 0: none but the tokenizer's
  Bundle::Text::Mask mask;
  bool full_length;  // texts are padded to the limit
  std::vector<std::string> pictures;
  std::vector<std::string> texts;
};

const std::vector<Family>& Families() {
  using Mask = Bundle::Text::Mask;
  static const std::vector<Family> families = {
      {"clip",
       "projection_dim",
       512,
       "max_position_embeddings",
       77,
       Mask::kOptional,
       false,
       {"image_embeds"},
       {"text_embeds"}},
      {"chinese_clip",
       "projection_dim",
       512,
       "max_position_embeddings",
       512,
       Mask::kRequired,
       false,
       {"image_embeds"},
       {"text_embeds"}},
      // The text tower takes the last token, so the padding belongs to the text.
      {"siglip",
       "vision_config.hidden_size",
       768,
       "max_position_embeddings",
       64,
       Mask::kOnes,
       true,
       {"image_embeds", "pooler_output"},
       {"text_embeds", "pooler_output"}},
      // The text tower knows its padding by the id.
      {"jina_clip",
       "projection_dim",
       0,
       "max_position_embeddings",
       0,
       Mask::kOptional,
       false,
       {"image_embeds", "image_embeddings"},
       {"text_embeds", "text_embeddings"}},
  };
  return families;
}

Result<std::int64_t> ReadDimension(const JsonFields& root, const Family& family) {
  constexpr std::string_view kVision = "vision_config.";
  std::string_view name = family.dimension;
  const std::optional<std::int64_t> fallback =
      family.default_dimension == 0 ? std::nullopt : std::optional(family.default_dimension);
  if (!name.starts_with(kVision)) return root.Integer(name, 1, kMaxDimension, fallback);
  name.remove_prefix(kVision.size());
  if (!root.Has("vision_config")) return family.default_dimension;
  OCELLUS_ASSIGN_OR_RETURN(const JsonFields vision, root.Object("vision_config"));
  return vision.Integer(name, 1, kMaxDimension, fallback);
}

Status ReadFamily(const JsonFields& root, const Family& family, bool has_text, Bundle& bundle) {
  OCELLUS_ASSIGN_OR_RETURN(const std::int64_t dimension, ReadDimension(root, family));
  OCELLUS_ASSIGN_OR_RETURN(const std::int64_t kept,
                           root.Integer("truncate_dim", 1, dimension, dimension));
  bundle.info.dimension = static_cast<std::uint32_t>(kept);
  bundle.vision.dimension = static_cast<std::uint32_t>(dimension);
  bundle.vision.outputs = family.pictures;
  if (!has_text) return {};
  std::int64_t tokens = family.default_positions == 0 ? kMaxTokens : family.default_positions;
  if (root.Has("text_config")) {
    OCELLUS_ASSIGN_OR_RETURN(const JsonFields fields, root.Object("text_config"));
    OCELLUS_ASSIGN_OR_RETURN(tokens, fields.Integer(family.positions, 3, kMaxPositions, tokens));
  }
  tokens = std::min(tokens, kMaxTokens);
  Bundle::Text text;
  text.outputs = family.texts;
  text.dimension = bundle.vision.dimension;
  text.mask = family.mask;
  if (family.full_length) text.pad_to_multiple_of = static_cast<std::uint32_t>(tokens);
  bundle.info.max_text_tokens = static_cast<std::uint32_t>(tokens);
  bundle.text = std::move(text);
  return {};
}

std::string KnownTypes() {
  std::string known = "ocellus";
  for (const Family& family : Families()) known += std::string(", ") + family.type;
  return known + " and folders with an open_clip_config.json are";
}

Status ReadOpenClipText(const JsonFields& model, Bundle& bundle) {
  OCELLUS_ASSIGN_OR_RETURN(const JsonFields fields, model.Object("text_cfg"));
  OCELLUS_ASSIGN_OR_RETURN(const std::int64_t tokens,
                           fields.Integer("context_length", 3, kMaxTokens, 77));
  Bundle::Text text;
  text.outputs = {"text_features", "text_embeds", "embedding"};
  text.any_output = true;
  text.dimension = bundle.info.dimension;
  text.mask = Bundle::Text::Mask::kOptional;
  text.pad_to_multiple_of = static_cast<std::uint32_t>(tokens);
  // Without a tokenizer of its own it is open_clip's, which fills up with zeros.
  text.pad_id = fields.Has("hf_tokenizer_name") ? -1 : 0;
  if (fields.Has("tokenizer_kwargs")) {
    OCELLUS_ASSIGN_OR_RETURN(const JsonFields settings, fields.Object("tokenizer_kwargs"));
    OCELLUS_ASSIGN_OR_RETURN(const std::string clean, settings.String("clean", "whitespace"));
    if (clean == "canonicalize") {
      text.cleaning = TextCleaning::kCanonicalize;
    } else if (clean == "lower") {
      text.cleaning = TextCleaning::kLowercase;
    } else if (clean != "whitespace") {
      return settings.Error("clean", "\"" + clean + "\" is not supported");
    }
    OCELLUS_ASSIGN_OR_RETURN(const bool strip, settings.Boolean("strip_sep_token", false));
    if (strip) return settings.Error("strip_sep_token", "only false is supported");
    if (settings.Has("tokenizer_mode")) return settings.Error("tokenizer_mode", "is not supported");
  }
  bundle.info.max_text_tokens = static_cast<std::uint32_t>(tokens);
  bundle.text = std::move(text);
  return {};
}

// "<pad>" or {"content": "<pad>"}; open_clip's own tokenizer does not ask for it.
Status ReadPadToken(const JsonFields& root, Bundle& bundle) {
  const Value* value = root.Find("pad_token");
  if (value == nullptr || (bundle.family == "open_clip" && bundle.text->pad_id == 0)) return {};
  std::string token;
  if (value->as_map() != nullptr) {
    OCELLUS_ASSIGN_OR_RETURN(const JsonFields fields, root.Object("pad_token"));
    OCELLUS_ASSIGN_OR_RETURN(token, fields.String("content"));
  } else {
    OCELLUS_ASSIGN_OR_RETURN(token, root.String("pad_token"));
  }
  const std::optional<std::int32_t> id = bundle.text->tokenizer->IdOfAdded(token);
  if (!id.has_value()) {
    return root.Error("pad_token", "\"" + token + "\" is not among the added tokens");
  }
  bundle.text->pad_id = *id;
  bundle.text->pad_given = true;
  return {};
}

// Absent: 0.5 each.
Result<std::array<double, 3>> ReadThree(const JsonFields& root, const char* name) {
  std::array<double, 3> numbers = {0.5, 0.5, 0.5};
  const Value* value = root.Find(name);
  if (value == nullptr) return numbers;
  const Value::List* list = value->as_list();
  bool fine = list != nullptr && list->size() == numbers.size();
  for (std::size_t i = 0; fine && i < numbers.size(); ++i) {
    fine = (*list)[i].is_number() && std::isfinite((*list)[i].number());
    if (fine) numbers[i] = (*list)[i].number();
  }
  if (!fine) return root.Error(name, "expected three numbers");
  return numbers;
}

}  // namespace

Status ReadBundleConfig(std::string_view config_json, bool has_text, Bundle& bundle) {
  OCELLUS_ASSIGN_OR_RETURN(const Value document, ParseJson(config_json));
  OCELLUS_ASSIGN_OR_RETURN(const JsonFields root, JsonFields::Root(document));
  OCELLUS_ASSIGN_OR_RETURN(bundle.family, root.String("model_type"));
  if (bundle.family == "ocellus") return ReadOcellus(root, bundle);
  for (const Family& family : Families()) {
    if (bundle.family == family.type) return ReadFamily(root, family, has_text, bundle);
  }
  if (bundle.family == "siglip2") {
    return root.Error("model_type",
                      "\"siglip2\" takes pictures of any shape as patches (NaFlex), which is not "
                      "supported; SigLIP2 of a fixed size, whose type is \"siglip\", is");
  }
  return root.Error("model_type", "\"" + bundle.family + "\" is not supported; " + KnownTypes());
}

Status ReadOpenClipConfig(std::string_view open_clip_config_json, bool has_text, Bundle& bundle) {
  OCELLUS_ASSIGN_OR_RETURN(const Value document, ParseJson(open_clip_config_json));
  OCELLUS_ASSIGN_OR_RETURN(const JsonFields root, JsonFields::Root(document));
  OCELLUS_ASSIGN_OR_RETURN(const JsonFields model, root.Object("model_cfg"));
  bundle.family = "open_clip";
  OCELLUS_ASSIGN_OR_RETURN(const auto dimension, model.Integer("embed_dim", 1, kMaxDimension));
  bundle.info.dimension = static_cast<std::uint32_t>(dimension);
  bundle.vision.dimension = bundle.info.dimension;
  bundle.vision.outputs = {"image_features", "image_embeds", "embedding"};
  bundle.vision.any_output = true;
  return has_text ? ReadOpenClipText(model, bundle) : Status();
}

Status ReadTokenizerConfig(std::string_view tokenizer_config_json, Bundle& bundle) {
  OCELLUS_ASSIGN_OR_RETURN(const Value document, ParseJson(tokenizer_config_json));
  OCELLUS_ASSIGN_OR_RETURN(const JsonFields root, JsonFields::Root(document));
  Bundle::Text& text = *bundle.text;
  OCELLUS_ASSIGN_OR_RETURN(const std::string kind, root.String("tokenizer_class", ""));
  if (kind.starts_with("Gemma") || kind == "Siglip2Tokenizer") text.pad_left = true;
  if (const std::optional<bool> left = text.tokenizer->pad_left()) text.pad_left = *left;
  if (root.Has("padding_side")) {
    OCELLUS_ASSIGN_OR_RETURN(const std::string side, root.String("padding_side"));
    if (side != "left" && side != "right") {
      return root.Error("padding_side", "expected \"left\" or \"right\"");
    }
    text.pad_left = side == "left";
  }
  OCELLUS_RETURN_IF_ERROR(ReadPadToken(root, bundle));
  if (kind == "Siglip2Tokenizer" && text.cleaning == TextCleaning::kNone) {
    text.cleaning = TextCleaning::kLowercase;
  }
  // "No limit" is written as 10^30.
  OCELLUS_ASSIGN_OR_RETURN(const double limit, root.Number("model_max_length", 1e30));
  if (!(limit >= 3)) return root.Error("model_max_length", "expected a number above 2");
  const bool full_length = text.pad_to_multiple_of == bundle.info.max_text_tokens;
  if (limit < bundle.info.max_text_tokens && !full_length) {
    bundle.info.max_text_tokens = static_cast<std::uint32_t>(limit);
  }
  return {};
}

Result<SubjectsConfig> ReadSubjectsConfig(std::string_view subjects_json) {
  OCELLUS_ASSIGN_OR_RETURN(const Value document, ParseJson(subjects_json));
  OCELLUS_ASSIGN_OR_RETURN(const JsonFields root, JsonFields::Root(document));
  SubjectsConfig config;
  Bundle::Subjects& subjects = config.subjects;
  OCELLUS_ASSIGN_OR_RETURN(config.model, root.String("model"));
  if (config.model.empty() || config.model.front() == '/' ||
      config.model.find("..") != std::string::npos) {
    return root.Error("model", "expected a file below the bundle's folder");
  }
  OCELLUS_ASSIGN_OR_RETURN(subjects.input, root.String("input", "pixel_values"));
  OCELLUS_ASSIGN_OR_RETURN(subjects.boxes, root.String("boxes", "boxes"));
  OCELLUS_ASSIGN_OR_RETURN(subjects.scores, root.String("scores", "scores"));
  OCELLUS_ASSIGN_OR_RETURN(const auto side, root.Integer("side", 32, kMaxSubjectSide));
  subjects.side = static_cast<std::uint32_t>(side);
  const auto share = [&](const char* name) -> Result<double> {
    OCELLUS_ASSIGN_OR_RETURN(const double number, root.Number(name));
    if (!(number >= 0 && number <= 1)) return root.Error(name, "expected a number from 0 to 1");
    return number;
  };
  OCELLUS_ASSIGN_OR_RETURN(subjects.min_score, share("min_score"));
  OCELLUS_ASSIGN_OR_RETURN(subjects.nms_iou, share("nms_iou"));
  OCELLUS_ASSIGN_OR_RETURN(subjects.mean, ReadThree(root, "image_mean"));
  OCELLUS_ASSIGN_OR_RETURN(subjects.deviation, ReadThree(root, "image_std"));
  for (const double deviation : subjects.deviation) {
    if (!(deviation > 0)) return root.Error("image_std", "expected numbers above 0");
  }
  return config;
}

}  // namespace ocellus::embed
