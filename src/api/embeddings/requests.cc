#include "api/embeddings/requests.h"

#include <algorithm>
#include <array>
#include <utility>

#include "api/picture_input.h"

namespace ocellus::api::embeddings {
namespace {

constexpr std::array<std::string_view, 1> kModel = {"model"};
constexpr std::array<std::string_view, 1> kInput = {"input"};
constexpr std::array<std::string_view, 2> kEncoding = {"encoding_format", "embedding_type"};
constexpr std::array<std::string_view, 1> kDimensions = {"dimensions"};

constexpr std::size_t kMaxModelBytes = 256;
constexpr std::int64_t kMaxDimensions = 65'536;

// Families of models that clients have tables of; whatever follows is a version.
constexpr std::array<std::string_view, 9> kFamilies = {
    "jina-clip",   "jina-embedding", "text-embedding",   "multimodal-embedding", "clip-",
    "openai-clip", "siglip",         "tongyi-embedding", "qwen3-vl-embedding"};

Status NoTokens(std::string_view field) {
  return InvalidField(field,
                      "token arrays are not accepted, as they are numbers of another model's "
                      "tokenizer; send the text itself");
}

Status ReadText(std::string text, Input& input) {
  if (text.find_first_not_of(" \t\r\n") == std::string::npos) {
    return InvalidField(input.field, "must not be empty");
  }
  input.text = std::move(text);
  return {};
}

Status ReadPicture(std::string text, Input& input) {
  input.kind = IsWebUrl(text) ? Input::Kind::kPictureUrl : Input::Kind::kPicture;
  return ReadText(std::move(text), input);
}

// A string is a text unless it looks like a picture: some clients send a picture's URL that way.
Status ReadString(std::string text, Input& input) {
  if (IsWebUrl(text) || IsPictureDataUrl(text)) return ReadPicture(std::move(text), input);
  return ReadText(std::move(text), input);
}

Status ReadObject(Value& item, Input& input) {
  const Value* text = item.Find("text");
  const Value* picture = item.Find("image");
  const bool has_text = text != nullptr && !text->is_null();
  const bool has_picture = picture != nullptr && !picture->is_null();
  if (has_text == has_picture) {
    return InvalidField(input.field, R"(expected an object with either "text" or "image")");
  }
  const Value& value = has_text ? *text : *picture;
  input.field += has_text ? ".text" : ".image";
  if (value.as_string() == nullptr) {
    return InvalidField(input.field, std::string("expected a string, got ") + value.type_name());
  }
  return has_text ? ReadText(*value.as_string(), input) : ReadPicture(*value.as_string(), input);
}

Result<Input> ReadInput(Value& item, std::string field) {
  Input input;
  input.field = std::move(field);
  Status status;
  if (std::string* text = item.as_string()) {
    status = ReadString(std::move(*text), input);
  } else if (item.as_map() != nullptr) {
    status = ReadObject(item, input);
  } else if (item.is_number() || item.as_list() != nullptr) {
    status = NoTokens(input.field);
  } else {
    status = InvalidField(input.field,
                          std::string("expected a string, {\"text\": ...} or {\"image\": ...}, "
                                      "got ") +
                              item.type_name());
  }
  if (!status.ok()) return status;
  return input;
}

Status ReadInputs(Value sent, Body& body) {
  const std::string field(kInput.front());
  if (sent.is_null()) return InvalidField(field, "required");
  Value::List* list = sent.as_list();
  if (list == nullptr) {
    OCELLUS_ASSIGN_OR_RETURN(Input input, ReadInput(sent, field));
    body.inputs.push_back(std::move(input));
  } else {
    if (list->empty()) return InvalidField(field, "must not be empty");
    if (list->front().is_number()) return NoTokens(field);
    if (list->size() > kMaxInputs) {
      return InvalidField(field, std::to_string(list->size()) + " items, the limit is " +
                                     std::to_string(kMaxInputs));
    }
    for (std::size_t i = 0; i < list->size(); ++i) {
      OCELLUS_ASSIGN_OR_RETURN(Input input,
                               ReadInput((*list)[i], field + "[" + std::to_string(i) + "]"));
      body.inputs.push_back(std::move(input));
    }
  }
  const auto urls = std::count_if(body.inputs.begin(), body.inputs.end(), [](const Input& input) {
    return input.kind == Input::Kind::kPictureUrl;
  });
  body.has_urls = urls > 0;
  if (static_cast<std::size_t>(urls) > kMaxUrls) {
    return InvalidField(field, std::to_string(urls) + " URLs, the limit is " +
                                   std::to_string(kMaxUrls) + "; send the pictures themselves");
  }
  return {};
}

}  // namespace

Result<Body> ReadBody(Fields& fields) {
  Body body;
  OCELLUS_ASSIGN_OR_RETURN(body.model, fields.String(kModel, ""));
  if (body.model.size() > kMaxModelBytes) {
    return InvalidField(kModel.front(), std::to_string(body.model.size()) +
                                            " bytes, the limit is " +
                                            std::to_string(kMaxModelBytes));
  }
  const std::string encoding_field(fields.NameOf(kEncoding));
  OCELLUS_ASSIGN_OR_RETURN(const std::string encoding, fields.String(kEncoding, "float"));
  if (encoding != "float" && encoding != "base64") {
    return InvalidField(encoding_field,
                        "expected \"float\" or \"base64\", got \"" + encoding.substr(0, 64) + "\"");
  }
  body.base64 = encoding == "base64";
  OCELLUS_ASSIGN_OR_RETURN(const std::int64_t dimensions,
                           fields.Integer(kDimensions, 0, 0, kMaxDimensions));
  const Value* sent = fields.Peek(kDimensions);
  if (sent != nullptr && dimensions == 0) {
    return InvalidField(kDimensions.front(), "expected an integer from 1, got 0");
  }
  body.dimensions = static_cast<std::uint32_t>(dimensions);
  OCELLUS_RETURN_IF_ERROR(ReadInputs(fields.Any(kInput), body));
  return body;
}

std::string_view WithoutProvider(std::string_view name) {
  const std::size_t slash = name.rfind('/');
  return slash == std::string_view::npos ? name : name.substr(slash + 1);
}

bool IsWellKnownModel(std::string_view name) {
  const std::string_view own = WithoutProvider(name);
  return own == "default" || std::any_of(kFamilies.begin(), kFamilies.end(),
                                         [&](auto family) { return own.starts_with(family); });
}

}  // namespace ocellus::api::embeddings
