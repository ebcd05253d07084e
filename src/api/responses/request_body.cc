#include "api/responses/request_body.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "base/digest.h"
#include "engine/library.h"

namespace ocellus::api::responses {
namespace {

using Name = std::array<std::string_view, 1>;
constexpr Name kModel = {"model"};
constexpr Name kInput = {"input"};
constexpr Name kStream = {"stream"};
constexpr Name kStore = {"store"};
constexpr Name kBackground = {"background"};
constexpr Name kInstructions = {"instructions"};
constexpr Name kPrevious = {"previous_response_id"};
constexpr Name kConversation = {"conversation"};
constexpr Name kTools = {"tools"};
constexpr Name kToolChoice = {"tool_choice"};
constexpr Name kMetadata = {"metadata"};
constexpr Name kTemperature = {"temperature"};
constexpr Name kTopP = {"top_p"};
constexpr Name kMaxOutputTokens = {"max_output_tokens"};
constexpr Name kLibraries = {"libraries"};
constexpr Name kFilters = {"filters"};
constexpr Name kMaxNumResults = {"max_num_results"};
constexpr Name kScoreThreshold = {"score_threshold"};

constexpr std::size_t kMaxTools = 64;
constexpr std::size_t kMaxLibraries = 64;
constexpr std::size_t kMaxNameBytes = 512;
constexpr std::size_t kMaxMetadataBytes = 16 << 10;
constexpr int kMaxFilterDepth = 16;
constexpr std::int64_t kMinOutputTokens = 16;        // as upstream has it
constexpr std::int64_t kMostOutputTokens = 1 << 20;  // above every model's
constexpr std::size_t kMaxReplayBytes = 8 << 10;     // of an earlier call's results

std::string At(std::string_view field, std::size_t index) {
  return std::string(field) + "[" + std::to_string(index) + "]";
}

const std::string* TextOf(const Value& object, std::string_view name) {
  const Value* value = object.Find(name);
  return value != nullptr ? value->as_string() : nullptr;
}

Result<std::optional<double>> Number(Fields& fields, Names names, double least, double most) {
  const Value value = fields.Any(names);
  if (value.is_null()) return std::optional<double>();
  if (value.is_number() && value.number() >= least && value.number() <= most) {
    return std::optional<double>(value.number());
  }
  return InvalidField(names.front(),
                      "expected a number from " + WriteJson(least) + " to " + WriteJson(most) +
                          ", got " +
                          (value.is_number() ? WriteJson(value) : std::string(value.type_name())));
}

Result<Part> ReadPicture(const Value& part, const std::string& field) {
  PictureRef picture;
  picture.field = field;
  const Value* url = part.Find("image_url");
  // Chat completions wrap the URL.
  if (url != nullptr && url->as_map() != nullptr) url = url->Find("url");
  if (url != nullptr && !url->is_null()) {
    if (url->as_string() == nullptr) {
      return InvalidField(field + ".image_url",
                          std::string("expected a string, got ") + url->type_name());
    }
    picture.url = *url->as_string();
  }
  const Value* file = part.Find("file_id");
  if (file != nullptr && !file->is_null()) {
    if (file->as_string() == nullptr) {
      return InvalidField(field + ".file_id",
                          std::string("expected a string, got ") + file->type_name());
    }
    picture.file_id = *file->as_string();
  }
  return Part{{}, std::move(picture)};
}

Result<Part> ReadPart(const Value& part, const std::string& field, const BodyLimits& limits) {
  if (part.as_map() == nullptr) {
    return InvalidField(field, std::string("expected an object, got ") + part.type_name());
  }
  const std::string* type = TextOf(part, "type");
  if (type == nullptr) return InvalidField(field + ".type", "expected a string");
  if (*type == "input_image" || *type == "image_url") return ReadPicture(part, field);
  if (*type != "input_text" && *type != "output_text" && *type != "text" && *type != "refusal") {
    return InvalidField(field + ".type",
                        "expected input_text or input_image, got \"" + type->substr(0, 64) + "\"");
  }
  const std::string name = *type == "refusal" ? "refusal" : "text";
  const std::string* text = TextOf(part, name);
  if (text == nullptr) return InvalidField(field + "." + name, "expected a string");
  if (text->size() > limits.max_text_bytes) {
    return InvalidField(field + "." + name, std::to_string(text->size()) + " bytes, the limit is " +
                                                std::to_string(limits.max_text_bytes));
  }
  return Part{*text, {}};
}

Result<Message> ReadMessage(const Value& item, const std::string& field, const BodyLimits& limits) {
  Message message;
  const std::string* role = TextOf(item, "role");
  if (role == nullptr) return InvalidField(field + ".role", "required");
  if (*role != "user" && *role != "assistant" && *role != "system" && *role != "developer") {
    return InvalidField(field + ".role", "expected user, assistant, system or developer, got \"" +
                                             role->substr(0, 64) + "\"");
  }
  message.role = *role;
  const Value* content = item.Find("content");
  if (content == nullptr) return InvalidField(field + ".content", "required");
  if (const std::string* text = content->as_string()) {
    const Value part(Value::Map{{"type", "input_text"}, {"text", *text}});
    OCELLUS_ASSIGN_OR_RETURN(Part read, ReadPart(part, field + ".content", limits));
    message.parts.push_back(std::move(read));
    return message;
  }
  const Value::List* parts = content->as_list();
  if (parts == nullptr) {
    return InvalidField(field + ".content",
                        std::string("expected a string or a list, got ") + content->type_name());
  }
  if (parts->size() > limits.max_items) {
    return InvalidField(field + ".content",
                        "more than " + std::to_string(limits.max_items) + " parts");
  }
  for (std::size_t i = 0; i < parts->size(); ++i) {
    OCELLUS_ASSIGN_OR_RETURN(Part part, ReadPart((*parts)[i], At(field + ".content", i), limits));
    message.parts.push_back(std::move(part));
  }
  return message;
}

// A call of an earlier answer, in words.
std::optional<Message> ReadCall(const Value& item, std::string_view type) {
  if (type != "image_search_call" && type != "web_search_image_call") return std::nullopt;
  const std::string* arguments = TextOf(item, "arguments");
  const std::string* output = TextOf(item, "output");
  if (arguments == nullptr || output == nullptr) return std::nullopt;
  std::string text = "(Searched: " + std::string(type.substr(0, type.rfind("_call"))) + " " +
                     *arguments + " found " + *output;
  if (text.size() > kMaxReplayBytes) {
    std::size_t end = kMaxReplayBytes;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
    text.resize(end);
    text += "...";
  }
  return Message{"assistant", {Part{text + ")", {}}}};
}

Result<std::vector<std::string>> ReadNames(Fields& fields, const std::string& field) {
  std::vector<std::string> names;
  if (fields.Peek(kLibraries) == nullptr) return names;
  Result<Value::List> list = fields.List(kLibraries);
  if (!list.ok()) return std::move(list).status().WithContext(field);
  if (list->empty() || list->size() > kMaxLibraries) {
    return InvalidField(field + ".libraries",
                        "expected 1 to " + std::to_string(kMaxLibraries) + " names");
  }
  for (const Value& name : *list) {
    if (name.as_string() == nullptr || name.as_string()->size() > kMaxNameBytes) {
      return InvalidField(field + ".libraries", "expected a list of names");
    }
    if (std::find(names.begin(), names.end(), *name.as_string()) == names.end()) {
      names.push_back(*name.as_string());
    }
  }
  return names;
}

Result<std::optional<Tool>> ReadTool(const Value& sent, const std::string& field,
                                     const BodyLimits& limits) {
  if (sent.as_map() == nullptr) {
    return InvalidField(field, std::string("expected an object, got ") + sent.type_name());
  }
  const std::string* type = TextOf(sent, "type");
  if (type == nullptr) return InvalidField(field + ".type", "required");
  if (*type != kImageSearch && *type != kWebSearchImage) return std::optional<Tool>();
  Tool tool;
  tool.type = *type;
  Fields fields(sent);
  OCELLUS_ASSIGN_OR_RETURN(tool.libraries, ReadNames(fields, field));
  OCELLUS_ASSIGN_OR_RETURN(tool.filter, ReadFilters(fields.Any(kFilters), field + ".filters"));
  Result<std::int64_t> most =
      fields.Integer(kMaxNumResults, tool.max_results, 1, limits.max_results);
  if (!most.ok())
    return InvalidField(field + "." + std::string(kMaxNumResults.front()),
                        most.status().message().substr(kMaxNumResults.front().size() + 2));
  tool.max_results = static_cast<std::uint32_t>(*most);
  Result<std::optional<double>> least = Number(fields, kScoreThreshold, 0, 1);
  if (!least.ok())
    return InvalidField(field + "." + std::string(kScoreThreshold.front()),
                        least.status().message().substr(kScoreThreshold.front().size() + 2));
  tool.score_threshold = least->value_or(0);
  return std::optional<Tool>(std::move(tool));
}

Status ReadTools(Fields& fields, const BodyLimits& limits, CreateBody& body) {
  body.tools_sent = Value::List();
  if (fields.Peek(kTools) == nullptr) return {};
  OCELLUS_ASSIGN_OR_RETURN(Value::List tools, fields.List(kTools));
  if (tools.size() > kMaxTools) {
    return InvalidField("tools", "more than " + std::to_string(kMaxTools));
  }
  for (std::size_t i = 0; i < tools.size(); ++i) {
    OCELLUS_ASSIGN_OR_RETURN(std::optional<Tool> tool, ReadTool(tools[i], At("tools", i), limits));
    if (!tool.has_value()) continue;
    if (body.Find(tool->type) != nullptr) {
      return InvalidField(At("tools", i), "there is a tool of the type " + tool->type + " already");
    }
    body.tools.push_back(*std::move(tool));
  }
  body.tools_sent = std::move(tools);
  return {};
}

Status ReadChoice(Fields& fields, CreateBody& body) {
  body.choice_sent = fields.Any(kToolChoice);
  if (body.choice_sent.is_null()) {
    body.choice_sent = "auto";
    return {};
  }
  if (const std::string* word = body.choice_sent.as_string()) {
    if (*word == "auto") return {};
    if (*word == "none") return body.choice = ToolChoice::kNone, Status();
    if (*word == "required") {
      body.choice = ToolChoice::kRequired;
      if (!body.tools.empty()) return {};
      return InvalidField("tool_choice",
                          "\"required\" wants a tool in tools: image_search or "
                          "web_search_image");
    }
  }
  if (const std::string* type = TextOf(body.choice_sent, "type")) {
    body.choice = ToolChoice::kRequired;
    body.forced_tool = *type;
    if (body.Find(*type) != nullptr) return {};
    return InvalidField("tool_choice.type",
                        "\"" + type->substr(0, 64) + "\" is not a search in tools");
  }
  return InvalidField("tool_choice",
                      "expected \"auto\", \"none\", \"required\" or {\"type\": \"image_search\"}");
}

Status ReadInput(Fields& fields, const BodyLimits& limits, CreateBody& body) {
  Value input = fields.Any(kInput);
  if (input.is_null()) return InvalidField("input", "required");
  if (const std::string* text = input.as_string()) {
    body.items.push_back(
        Value::Map{{"type", "message"},
                   {"role", "user"},
                   {"content", Value::List{Value::Map{{"type", "input_text"}, {"text", *text}}}}});
  } else if (Value::List* items = input.as_list()) {
    body.items = std::move(*items);
  } else {
    return InvalidField(
        "input", std::string("expected a string or a list of items, got ") + input.type_name());
  }
  if (body.items.empty()) return InvalidField("input", "must not be empty");
  OCELLUS_ASSIGN_OR_RETURN(body.messages, ReadItems(body.items, "input", limits));
  for (Value& item : body.items) {
    Value::Map* map = item.as_map();
    if (map == nullptr) continue;
    if (item.Find("id") == nullptr || item.Find("id")->is_null()) {
      std::erase_if(*map, [](const auto& member) { return member.first == "id"; });
      map->insert(map->begin(), {"id", "msg_" + RandomHex(16)});
    }
    if (item.Find("type") == nullptr) map->insert(map->begin() + 1, {"type", "message"});
  }
  return {};
}

Result<query::Op> ReadOp(const std::string& type, const std::string& field) {
  constexpr std::array<std::pair<std::string_view, query::Op>, 8> kOps = {{
      {"eq", query::Op::kEqual},
      {"ne", query::Op::kNotEqual},
      {"gt", query::Op::kGreater},
      {"gte", query::Op::kGreaterOrEqual},
      {"lt", query::Op::kLess},
      {"lte", query::Op::kLessOrEqual},
      {"in", query::Op::kIn},
      {"nin", query::Op::kNotIn},
  }};
  for (const auto& [name, op] : kOps) {
    if (type == name) return op;
  }
  return InvalidField(
      field + ".type",
      "expected eq, ne, gt, gte, lt, lte, in, nin, and, or; got \"" + type.substr(0, 64) + "\"");
}

bool IsScalar(const Value& value) {
  return value.as_bool() != nullptr || value.is_number() || value.as_string() != nullptr;
}

Result<query::Filter> ReadFilter(const Value& filter, const std::string& field, int depth) {
  if (depth > kMaxFilterDepth) return InvalidField(field, "nested too deeply");
  if (filter.as_map() == nullptr) {
    return InvalidField(field, std::string("expected an object, got ") + filter.type_name());
  }
  const std::string* type = TextOf(filter, "type");
  if (type == nullptr) return InvalidField(field + ".type", "required");
  if (*type == "and" || *type == "or") {
    const Value* parts = filter.Find("filters");
    if (parts == nullptr || parts->as_list() == nullptr || parts->as_list()->empty()) {
      return InvalidField(field + ".filters", "expected a list of filters");
    }
    std::vector<query::Filter> children;
    for (std::size_t i = 0; i < parts->as_list()->size(); ++i) {
      OCELLUS_ASSIGN_OR_RETURN(
          query::Filter child,
          ReadFilter((*parts->as_list())[i], At(field + ".filters", i), depth + 1));
      children.push_back(std::move(child));
    }
    return *type == "and" ? query::Filter::And(std::move(children))
                          : query::Filter::Or(std::move(children));
  }
  OCELLUS_ASSIGN_OR_RETURN(const query::Op op, ReadOp(*type, field));
  const std::string* key = TextOf(filter, "key");
  if (key == nullptr || key->empty()) return InvalidField(field + ".key", "expected a tag's name");
  const Value* value = filter.Find("value");
  const bool wants_list = op == query::Op::kIn || op == query::Op::kNotIn;
  const Value::List* list = value != nullptr ? value->as_list() : nullptr;
  if (wants_list && (list == nullptr || !std::all_of(list->begin(), list->end(), IsScalar))) {
    return InvalidField(field + ".value", "expected a list of strings, numbers or booleans");
  }
  if (!wants_list && (value == nullptr || !IsScalar(*value))) {
    return InvalidField(field + ".value", "expected a string, a number or a boolean");
  }
  return query::Filter::Where({engine::kLibraryTagsColumn, *key}, op, *value);
}

}  // namespace

const Tool* CreateBody::Find(std::string_view type) const {
  const auto tool =
      std::find_if(tools.begin(), tools.end(), [&](const Tool& t) { return t.type == type; });
  return tool == tools.end() ? nullptr : &*tool;
}

Result<query::Filter> ReadFilters(const Value& filters, const std::string& field) {
  if (filters.is_null()) return query::Filter();
  return ReadFilter(filters, field, 1);
}

Result<std::vector<Message>> ReadItems(const Value::List& items, std::string_view field,
                                       const BodyLimits& limits) {
  if (items.size() > limits.max_items) {
    return InvalidField(field, std::to_string(items.size()) + " items, the limit is " +
                                   std::to_string(limits.max_items));
  }
  std::vector<Message> messages;
  for (std::size_t i = 0; i < items.size(); ++i) {
    const Value& item = items[i];
    const std::string at = At(field, i);
    if (item.as_map() == nullptr) {
      return InvalidField(at, std::string("expected an object, got ") + item.type_name());
    }
    const std::string* type = TextOf(item, "type");
    if (type == nullptr || *type == "message") {
      OCELLUS_ASSIGN_OR_RETURN(Message message, ReadMessage(item, at, limits));
      messages.push_back(std::move(message));
    } else if (std::optional<Message> call = ReadCall(item, *type)) {
      messages.push_back(*std::move(call));
    }
  }
  return messages;
}

Result<CreateBody> ReadCreate(Fields& fields, const BodyLimits& limits) {
  CreateBody body;
  OCELLUS_ASSIGN_OR_RETURN(body.model, fields.String(kModel));
  if (body.model.empty() || body.model.size() > kMaxNameBytes) {
    return InvalidField("model", "expected a name of at most 512 bytes");
  }
  OCELLUS_ASSIGN_OR_RETURN(body.stream, fields.Boolean(kStream, false));
  OCELLUS_ASSIGN_OR_RETURN(body.store, fields.Boolean(kStore, true));
  OCELLUS_ASSIGN_OR_RETURN(const bool background, fields.Boolean(kBackground, false));
  if (background) return InvalidField("background", "not supported: an answer takes seconds");
  if (fields.Peek(kConversation) != nullptr) {
    return InvalidField("conversation", "not supported; use previous_response_id");
  }
  OCELLUS_ASSIGN_OR_RETURN(body.instructions, fields.String(kInstructions, ""));
  if (body.instructions.size() > limits.max_text_bytes) {
    return InvalidField("instructions",
                        "over the limit of " + std::to_string(limits.max_text_bytes) + " bytes");
  }
  OCELLUS_ASSIGN_OR_RETURN(body.previous_response_id, fields.String(kPrevious, ""));
  OCELLUS_RETURN_IF_ERROR(ReadTools(fields, limits, body));
  OCELLUS_RETURN_IF_ERROR(ReadChoice(fields, body));
  OCELLUS_ASSIGN_OR_RETURN(body.temperature, Number(fields, kTemperature, 0, 2));
  OCELLUS_ASSIGN_OR_RETURN(body.top_p, Number(fields, kTopP, 0, 1));
  if (fields.Peek(kMaxOutputTokens) != nullptr) {
    OCELLUS_ASSIGN_OR_RETURN(
        body.max_output_tokens,
        fields.Integer(kMaxOutputTokens, kMinOutputTokens, kMinOutputTokens, kMostOutputTokens));
  }
  OCELLUS_ASSIGN_OR_RETURN(Value::Map metadata, fields.Object(kMetadata));
  body.metadata = std::move(metadata);
  if (WriteJson(body.metadata).size() > kMaxMetadataBytes) {
    return InvalidField("metadata", "over the limit of 16384 bytes");
  }
  OCELLUS_RETURN_IF_ERROR(ReadInput(fields, limits, body));
  return body;
}

}  // namespace ocellus::api::responses
