// The body of POST /responses, read and checked. Failures are InvalidArgument and start with the
// field's name.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/fields.h"
#include "base/result.h"
#include "base/value.h"
#include "query/filter.h"

namespace ocellus::api::responses {

// The tools that are known here; others may stand in a request and do nothing.
inline constexpr std::string_view kImageSearch = "image_search";
inline constexpr std::string_view kWebSearchImage = "web_search_image";

// One search that a request allows.
struct Tool {
  std::string type;
  std::vector<std::string> libraries;  // empty: those of the configuration, or all
  query::Filter filter;                // on the tags
  std::uint32_t max_results = 10;
  double score_threshold = 0;  // results below it are left out
};

// A picture as the request names it.
struct PictureRef {
  std::string url;      // of any form; empty: none
  std::string file_id;  // empty: none
  std::string field;    // where it stood: "input[0].content[1]"
};

struct Part {
  std::string text;
  std::optional<PictureRef> picture;  // in place of a text
};

// One message of the conversation, or what an earlier search found, as its assistant's message.
struct Message {
  std::string role;  // system, developer, user or assistant
  std::vector<Part> parts;
};

enum class ToolChoice : std::uint8_t { kAuto, kNone, kRequired };

struct CreateBody {
  std::string model;
  bool stream = false;
  bool store = true;
  std::string instructions;
  std::string previous_response_id;
  Value::List items;              // `input` as a list of items, each with an id
  std::vector<Message> messages;  // what they mean
  std::vector<Tool> tools;
  ToolChoice choice = ToolChoice::kAuto;
  std::string forced_tool;  // kRequired: that one; empty: any
  std::optional<std::int64_t> max_output_tokens;
  std::optional<double> temperature;
  std::optional<double> top_p;
  // As they were sent, for the answer.
  Value tools_sent;
  Value choice_sent;
  Value metadata;

  const Tool* Find(std::string_view type) const;
};

struct BodyLimits {
  std::uint32_t max_results = 100;       // a tool's max_num_results
  std::size_t max_items = 1000;          // of the input
  std::size_t max_text_bytes = 1 << 20;  // of one text
};

Result<CreateBody> ReadCreate(Fields& fields, const BodyLimits& limits);

// What input items mean: messages, and calls of earlier answers; items of other types are passed
// over. `field` is their name in failures.
Result<std::vector<Message>> ReadItems(const Value::List& items, std::string_view field,
                                       const BodyLimits& limits);

// A tool's `filters`: {"type": "eq", "key": "color", "value": "red"} with eq, ne, gt, gte, lt, lte,
// in, nin; {"type": "and" or "or", "filters": [...]}. Null: every picture.
Result<query::Filter> ReadFilters(const Value& filters, const std::string& field);

}  // namespace ocellus::api::responses
