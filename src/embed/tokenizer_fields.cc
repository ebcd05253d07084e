#include "embed/tokenizer_fields.h"

#include <string>

namespace ocellus::embed {

Result<Vocabulary> ReadVocabulary(const Value* value) {
  const Value::Map* map = value == nullptr ? nullptr : value->as_map();
  if (map == nullptr) {
    return Status(Code::kInvalidArgument, "expected an object of tokens and their ids");
  }
  Vocabulary vocabulary;
  vocabulary.reserve(map->size());
  for (const auto& [token, id] : *map) {
    if (id.as_int() == nullptr || *id.as_int() < 0 || *id.as_int() > kMaxTokenId) {
      return Status(Code::kInvalidArgument, "the id of token \"" + token + "\" is no integer 0.." +
                                                std::to_string(kMaxTokenId));
    }
    vocabulary[token] = static_cast<std::int32_t>(*id.as_int());
  }
  return vocabulary;
}

std::optional<std::int32_t> IdOf(const Vocabulary& vocabulary, std::string_view token) {
  const auto found = vocabulary.find(token);
  if (found == vocabulary.end()) return std::nullopt;
  return found->second;
}

// Fails unless the field is absent or has the only value that is implemented.
Status OnlyBoolean(const JsonFields& fields, std::string_view name, bool supported) {
  OCELLUS_ASSIGN_OR_RETURN(const bool value, fields.Boolean(name, supported));
  if (value == supported) return {};
  return fields.Error(name,
                      std::string("only ") + (supported ? "true" : "false") + " is supported");
}

Status OnlyString(const JsonFields& fields, std::string_view name, std::string_view supported) {
  OCELLUS_ASSIGN_OR_RETURN(const std::string value, fields.String(name));
  if (value == supported) return {};
  return fields.Error(
      name, "only \"" + std::string(supported) + "\" is supported, got \"" + value + "\"");
}

Status AddMerge(const Vocabulary& vocabulary, std::string_view left, std::string_view right,
                MergeTable& merges) {
  const std::string merged = std::string(left) + std::string(right);
  const auto left_id = IdOf(vocabulary, left);
  const auto right_id = IdOf(vocabulary, right);
  const auto id = IdOf(vocabulary, merged);
  if (!left_id || !right_id || !id) {
    return {Code::kInvalidArgument, "the merge of \"" + std::string(left) + "\" and \"" +
                                        std::string(right) + "\" is not in the vocabulary"};
  }
  merges.Add(*left_id, *right_id, *id);
  return {};
}

Status ReadMerges(const JsonFields& model, const Vocabulary& vocabulary, MergeTable& merges) {
  const Value* list = model.Find("merges");
  if (list == nullptr || list->as_list() == nullptr)
    return model.Expected("merges", "a list", list);
  for (const Value& merge : *list->as_list()) {
    Status added(Code::kInvalidArgument, "expected \"left right\" or [\"left\", \"right\"]");
    if (const std::string* text = merge.as_string()) {
      const std::size_t space = text->find(' ');
      if (space != std::string::npos) {
        const std::string_view view = *text;
        added = AddMerge(vocabulary, view.substr(0, space), view.substr(space + 1), merges);
      }
    } else if (const Value::List* pair = merge.as_list(); pair != nullptr && pair->size() == 2 &&
                                                          (*pair)[0].as_string() != nullptr &&
                                                          (*pair)[1].as_string() != nullptr) {
      added = AddMerge(vocabulary, *(*pair)[0].as_string(), *(*pair)[1].as_string(), merges);
    }
    if (!added.ok()) return model.Error("merges", added.message());
  }
  return {};
}

Status ReadPadding(const JsonFields& root, std::int32_t fallback, Tokenizer::Frame& frame) {
  frame.pad_id = fallback;
  if (!root.Has("padding")) return {};
  OCELLUS_ASSIGN_OR_RETURN(const JsonFields padding, root.Object("padding"));
  OCELLUS_ASSIGN_OR_RETURN(const std::int64_t id,
                           padding.Integer("pad_id", 0, kMaxTokenId, fallback));
  frame.pad_id = static_cast<std::int32_t>(id);
  frame.pad_given = padding.Has("pad_id");
  OCELLUS_ASSIGN_OR_RETURN(const std::string side, padding.String("direction", "Right"));
  if (side != "Right" && side != "Left") {
    return padding.Error("direction", "expected \"Left\" or \"Right\"");
  }
  if (padding.Has("direction")) frame.pad_left = side == "Left";
  return {};
}

}  // namespace ocellus::embed
