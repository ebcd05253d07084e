#include "api/mcp/tool_schemas.h"

#include <string>
#include <utility>

#include "api/json.h"
#include "api/mcp/tools.h"

namespace ocellus::api::mcp {
namespace {

Value Text(const std::string& description) {
  return JsonSchema("string", description);
}

Value Integer(const std::string& description, std::int64_t least, std::int64_t most,
              std::int64_t otherwise) {
  return Value::Map{{"type", "integer"},
                    {"minimum", least},
                    {"maximum", most},
                    {"default", otherwise},
                    {"description", description}};
}

Value ListOf(Value item, const std::string& description) {
  return Value::Map{{"type", "array"}, {"items", std::move(item)}, {"description", description}};
}

Value::Map PictureNames() {
  return {{"library", Text("Its library.")},
          {"image_id", Text("As a search gives it.")},
          {"image_uri", Text("As a search gives it; needed where several pictures share an id.")}};
}

void AddSearchProperties(Value::Map& properties) {
  properties.emplace_back("libraries",
                          ListOf(Value::Map{{"type", "string"}},
                                 "Libraries to search; all that there are when left out."));
  properties.emplace_back("top_k",
                          Integer("Largest number of results.", 1, kMaxResults, kDefaultResults));
  properties.emplace_back(
      "filters", Value::Map{{"type", Value::List{"array", "object"}},
                            {"description",
                             "Conditions on the pictures' tags that must all hold, for example "
                             "[{\"field\": \"color\", \"op\": \"=\", \"value\": \"red\"}]."}});
  properties.emplace_back(
      "score_threshold",
      Value::Map{{"type", "number"},
                 {"minimum", 0},
                 {"maximum", 1},
                 {"description",
                  "Leaves out results below it. Pictures that look alike have 0.6 or more; words "
                  "and fitting pictures have lower scores."}});
  properties.emplace_back(
      "contact_sheet",
      Value::Map{{"type", "boolean"},
                 {"default", false},
                 {"description",
                  "Adds one picture with all results in small, each with its index, to choose by "
                  "looking."}});
}

Value Schema(Value::Map properties, const std::vector<std::string>& required = {}) {
  Value schema = ObjectSchema(std::move(properties), required);
  schema.as_map()->emplace_back("additionalProperties", false);
  return schema;
}

Value ResultsSchema() {
  return ObjectSchema(
      {{"results",
        ListOf(ObjectSchema({{"index", JsonSchema("integer", "From 1; also on contact sheets.")},
                             {"library", Text("Where it is.")},
                             {"image_id", Text("For get_image.")},
                             {"image_uri", Text("For get_image; often a file's name.")},
                             {"score", JsonSchema("number", "0 to 1; larger is more similar.")},
                             {"url", Text("Opens the picture in a browser.")},
                             {"tags", JsonSchema("object", "What is known of the picture.")}},
                            {"index", "library", "image_id", "image_uri", "score"}),
               "The nearest first.")}},
      {"results"});
}

Value LibrariesSchema() {
  return ObjectSchema(
      {{"libraries", ListOf(ObjectSchema({{"name", Text("Its name.")},
                                          {"pictures", JsonSchema("integer", "How many.")},
                                          {"mode", Text("What of a picture is searched.")},
                                          {"description", Text("What it holds.")}},
                                         {"name", "pictures"}),
                            "In the order of their creation.")}},
      {"libraries"});
}

Value::Map Tool(std::string_view name, const char* title, const char* description, Value input) {
  return {{"name", name},
          {"title", title},
          {"description", description},
          {"inputSchema", std::move(input)},
          {"annotations", Value::Map{{"readOnlyHint", true},
                                     {"destructiveHint", false},
                                     {"idempotentHint", true},
                                     {"openWorldHint", false}}}};
}

}  // namespace

Value::List Tools::Describe() {
  Value::Map list =
      Tool(kListLibraries, "List picture libraries",
           "Lists the picture libraries that can be searched, and how many pictures each has.",
           Schema({}));
  list.emplace_back("outputSchema", LibrariesSchema());

  Value::Map by_text = {{"text", Text("What the pictures should show, in plain English words: "
                                      "\"a red bicycle leaning on a wall\".")}};
  AddSearchProperties(by_text);
  Value::Map text = Tool(kSearchByText, "Search pictures by words",
                         "Finds the pictures that fit a description best. get_image shows one of "
                         "the results; contact_sheet shows all of them in small.",
                         Schema(std::move(by_text), {"text"}));
  text.emplace_back("outputSchema", ResultsSchema());

  Value like = ObjectSchema(PictureNames(), {"library", "image_id"});
  like.as_map()->emplace_back("description", "A picture of a library, instead of `image`.");
  Value::Map by_image = {{"image", Text("The picture to compare with: base64, a data URL, or an "
                                        "http(s) URL where the server allows it.")},
                         {"like", std::move(like)}};
  AddSearchProperties(by_image);
  Value::Map image = Tool(kSearchByImage, "Search pictures by a picture",
                          "Finds the pictures that look most like a given one. Give either "
                          "`image` or `like`.",
                          Schema(std::move(by_image)));
  image.emplace_back("outputSchema", ResultsSchema());

  Value::Map names = PictureNames();
  names.emplace_back("max_side", Integer("Pixels of the longer side at most.", kSmallestSide,
                                         kLargestSide, kDefaultSide));
  Value::Map get =
      Tool(kGetImage, "Look at a picture", "Shows one picture of a library, scaled down as a JPEG.",
           Schema(std::move(names), {"library", "image_id"}));
  return {std::move(list), std::move(text), std::move(image), std::move(get)};
}

bool Tools::Has(std::string_view name) {
  return name == kListLibraries || name == kSearchByText || name == kSearchByImage ||
         name == kGetImage;
}

}  // namespace ocellus::api::mcp
