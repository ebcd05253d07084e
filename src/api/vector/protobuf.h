// The protobuf bodies that the asynchronous Java client sends in place of JSON: proto2 messages of
// known shape, decoded into the JSON object of the same call, so that one reader reads both.

#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"
#include "base/value.h"

namespace ocellus::api::vector {

enum class Message : std::uint8_t {
  kVectorSearchQuery,    // query, inference-query
  kVectorSearchQueries,  // multi-query, batch-query
  kHybridSearchQuery,    // search
  kFetchQuery,           // fetch
  kAggregateQuery,       // aggregate
  kStatsQuery,           // stats
};

// The message as a map with the JSON names of its fields; of a field that is not repeated the last
// one counts, unknown fields are passed over, repeated numbers may be packed or not.
// InvalidArgument with the byte offset: cut off, a wire type that is not the field's, text that is
// not UTF-8.
Result<Value> DecodeProtobuf(Message message, std::string_view body);

}  // namespace ocellus::api::vector
