#include "api/vector/protobuf.h"

#include <algorithm>
#include <bit>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "base/bytes.h"
#include "base/utf8.h"

namespace ocellus::api::vector {
namespace {

enum class Type : std::uint8_t { kInt32, kUint32, kBool, kFloat, kString, kMessage, kTextMap };

// In the order in which the tables below are read.
// NOLINTNEXTLINE(clang-analyzer-optin.performance.Padding)
struct FieldShape {
  std::uint32_t number;
  std::string_view name;
  Type type;
  bool repeated = false;
  std::span<const FieldShape> message = {};  // kMessage
};

// Field numbers of the published client, package com.aliyun.ha3engine.async.models.protobuf.
constexpr FieldShape kSparseData[] = {
    {1, "count", Type::kUint32, true},
    {2, "indices", Type::kUint32, true},
    {3, "values", Type::kFloat, true},
};
constexpr FieldShape kVectorSearchQuery[] = {
    {1, "vector", Type::kFloat, true},
    {2, "vectorCount", Type::kInt32},
    {3, "topK", Type::kInt32},
    {4, "namespace", Type::kString},
    {5, "searchParams", Type::kString},
    {6, "scoreThreshold", Type::kFloat},
    {7, "content", Type::kString},
    {8, "modal", Type::kString},
    {9, "indexName", Type::kString},
    {10, "tableName", Type::kString},
    {11, "filter", Type::kString},
    {12, "includeVector", Type::kBool},
    {13, "outputFields", Type::kString, true},
    {14, "order", Type::kString},
    {16, "weight", Type::kFloat},
    {17, "sort", Type::kString},
    {20, "sparseData", Type::kMessage, false, kSparseData},
    {21, "timeout", Type::kInt32},
    {22, "kvpairs", Type::kTextMap},
};
constexpr FieldShape kVectorSearchQueries[] = {
    {1, "tableName", Type::kString},
    {10, "queries", Type::kMessage, true, kVectorSearchQuery},
    {11, "filter", Type::kString},
    {12, "includeVector", Type::kBool},
    {13, "outputFields", Type::kString, true},
    {14, "order", Type::kString},
    {15, "topK", Type::kInt32},
    {16, "sort", Type::kString},
    {18, "timeout", Type::kInt32},
};
constexpr FieldShape kTextSearchQuery[] = {
    {1, "queryString", Type::kString},   {2, "queryParams", Type::kTextMap},
    {3, "filter", Type::kString},        {4, "weight", Type::kFloat},
    {5, "terminateAfter", Type::kInt32},
};
constexpr FieldShape kRrf[] = {{1, "rankConstant", Type::kInt32}};
constexpr FieldShape kRank[] = {{1, "rrf", Type::kMessage, false, kRrf}};
constexpr FieldShape kHybridSearchQuery[] = {
    {1, "tableName", Type::kString},
    {2, "knn", Type::kMessage, false, kVectorSearchQuery},
    {3, "text", Type::kMessage, false, kTextSearchQuery},
    {4, "size", Type::kInt32},
    {5, "from", Type::kInt32},
    {6, "outputFields", Type::kString, true},
    {7, "order", Type::kString},
    {8, "rank", Type::kMessage, false, kRank},
    {9, "timeout", Type::kInt32},
};
constexpr FieldShape kFetchQuery[] = {
    {1, "tableName", Type::kString},    {2, "ids", Type::kString, true},
    {4, "filter", Type::kString},       {5, "sort", Type::kString},
    {6, "order", Type::kString},        {7, "offset", Type::kUint32},
    {8, "limit", Type::kUint32},        {10, "outputFields", Type::kString, true},
    {11, "includeVector", Type::kBool}, {12, "timeout", Type::kInt32},
};
constexpr FieldShape kAggregateFunction[] = {
    {1, "name", Type::kString},
    {2, "func", Type::kString},
    {3, "args", Type::kString, true},
};
constexpr FieldShape kAggregateOrder[] = {
    {1, "field", Type::kString},
    {2, "direction", Type::kString},
};
constexpr FieldShape kAggregateQuery[] = {
    {1, "tableName", Type::kString},
    {2, "filter", Type::kString},
    {3, "limit", Type::kUint32},
    {4, "groupKeys", Type::kString, true},
    {5, "aggFuncs", Type::kMessage, true, kAggregateFunction},
    {6, "orderBy", Type::kMessage, true, kAggregateOrder},
    {7, "timeout", Type::kInt32},
};
constexpr FieldShape kStatsQuery[] = {{1, "tableName", Type::kString}};
// An entry of map<string, string>.
constexpr FieldShape kTextEntry[] = {{1, "key", Type::kString}, {2, "value", Type::kString}};

std::span<const FieldShape> ShapeOf(Message message) {
  switch (message) {
    case Message::kVectorSearchQuery:
      return kVectorSearchQuery;
    case Message::kVectorSearchQueries:
      return kVectorSearchQueries;
    case Message::kHybridSearchQuery:
      return kHybridSearchQuery;
    case Message::kFetchQuery:
      return kFetchQuery;
    case Message::kAggregateQuery:
      return kAggregateQuery;
    case Message::kStatsQuery:
      break;
  }
  return kStatsQuery;
}

enum WireType : std::uint32_t { kVarint = 0, kFixed64 = 1, kLengthDelimited = 2, kFixed32 = 5 };

WireType WireTypeOf(Type type) {
  switch (type) {
    case Type::kInt32:
    case Type::kUint32:
    case Type::kBool:
      return kVarint;
    case Type::kFloat:
      return kFixed32;
    case Type::kString:
    case Type::kMessage:
    case Type::kTextMap:
      break;
  }
  return kLengthDelimited;
}

// Recursion follows the shapes above, which are four deep; nothing that is sent makes it deeper.
class Decoder {
 public:
  explicit Decoder(std::string_view body) : body_(body) {}

  Result<Value::Map> Decode(std::span<const FieldShape> shape, std::size_t end) {
    Value::Map map;
    while (at_ < end) {
      const std::size_t start = at_;
      OCELLUS_ASSIGN_OR_RETURN(const std::uint64_t tag, Varint(end));
      const auto wire = static_cast<std::uint32_t>(tag & 7);
      const std::uint64_t number = tag >> 3;
      if (number == 0 || number >> 29 != 0) return Wrong(start, "not a field number");
      const auto field = std::find_if(shape.begin(), shape.end(), [&](const FieldShape& candidate) {
        return candidate.number == number;
      });
      if (field == shape.end()) {
        OCELLUS_RETURN_IF_ERROR(Skip(wire, start, end));
        continue;
      }
      OCELLUS_RETURN_IF_ERROR(DecodeField(*field, wire, start, end, map));
    }
    return map;
  }

 private:
  static Status Wrong(std::size_t at, std::string_view problem) {
    return Status(Code::kInvalidArgument, "body: not the protobuf message of this call: byte " +
                                              std::to_string(at) + ": " + std::string(problem));
  }

  Result<std::uint64_t> Varint(std::size_t end) {
    std::uint64_t value = 0;
    const std::size_t start = at_;
    for (int shift = 0; shift < 64; shift += 7) {
      if (at_ >= end) return Wrong(start, "cut off");
      const auto byte = static_cast<std::uint8_t>(body_[at_++]);
      value |= std::uint64_t{byte & 0x7FU} << shift;
      if ((byte & 0x80) == 0) return value;
    }
    return Wrong(start, "a number of more than ten bytes");
  }

  Result<float> Float(std::size_t end) {
    if (end - at_ < 4) return Wrong(at_, "cut off");
    const std::uint32_t bits = LoadLe32(AsBytes(body_.substr(at_, 4)).data());
    at_ += 4;
    return std::bit_cast<float>(bits);
  }

  // The end of what follows with its length before it.
  Result<std::size_t> Delimited(std::size_t end) {
    const std::size_t start = at_;
    OCELLUS_ASSIGN_OR_RETURN(const std::uint64_t size, Varint(end));
    if (size > end - at_) return Wrong(start, "cut off");
    return at_ + static_cast<std::size_t>(size);
  }

  Status Skip(std::uint32_t wire, std::size_t start, std::size_t end) {
    switch (wire) {
      case kVarint: {
        Result<std::uint64_t> value = Varint(end);
        return value.ok() ? Status() : std::move(value).status();
      }
      case kLengthDelimited: {
        OCELLUS_ASSIGN_OR_RETURN(at_, Delimited(end));
        return {};
      }
      case kFixed64:
      case kFixed32: {
        const std::size_t size = wire == kFixed64 ? 8 : 4;
        if (end - at_ < size) return Wrong(start, "cut off");
        at_ += size;
        return {};
      }
      default:
        return Wrong(start, "an unknown wire type");
    }
  }

  // Before each element of a list or map, of which a body can say many in few bytes.
  Status CountElement(const FieldShape& field) {
    if (++elements_ <= kMaxValues) return {};
    return Wrong(at_, std::string(field.name) + ": the message has more than " +
                          std::to_string(kMaxValues) + " elements");
  }

  Result<Value> Scalar(Type type, std::size_t end) {
    if (type == Type::kFloat) {
      OCELLUS_ASSIGN_OR_RETURN(const float number, Float(end));
      return Value(double{number});
    }
    OCELLUS_ASSIGN_OR_RETURN(const std::uint64_t number, Varint(end));
    if (type == Type::kBool) return Value(number != 0);
    if (type == Type::kUint32) return Value(static_cast<std::uint32_t>(number));
    // Negative ones come sign-extended to 64 bits.
    return Value(std::int64_t{static_cast<std::int32_t>(static_cast<std::uint32_t>(number))});
  }

  Status DecodeField(const FieldShape& field, std::uint32_t wire, std::size_t start,
                     std::size_t end, Value::Map& map) {
    const WireType expected = WireTypeOf(field.type);
    const bool packed = field.repeated && wire == kLengthDelimited && expected != kLengthDelimited;
    if (wire != expected && !packed) {
      return Wrong(start, std::string(field.name) + ": a wire type that is not its own");
    }
    if (!packed && (field.repeated || field.type == Type::kTextMap)) {
      OCELLUS_RETURN_IF_ERROR(CountElement(field));
    }
    if (packed) {
      OCELLUS_ASSIGN_OR_RETURN(const std::size_t stop, Delimited(end));
      Value::List& list = ListIn(map, field.name);
      while (at_ < stop) {
        OCELLUS_RETURN_IF_ERROR(CountElement(field));
        OCELLUS_ASSIGN_OR_RETURN(Value value, Scalar(field.type, stop));
        list.push_back(std::move(value));
      }
      return {};
    }
    if (expected != kLengthDelimited) {
      OCELLUS_ASSIGN_OR_RETURN(Value value, Scalar(field.type, end));
      Put(map, field, std::move(value));
      return {};
    }
    const std::size_t before = at_;
    OCELLUS_ASSIGN_OR_RETURN(const std::size_t stop, Delimited(end));
    if (field.type == Type::kString) {
      const std::string_view text = body_.substr(at_, stop - at_);
      if (!IsUtf8(text)) return Wrong(before, std::string(field.name) + ": not UTF-8");
      at_ = stop;
      Put(map, field, Value(text));
      return {};
    }
    const bool entry = field.type == Type::kTextMap;
    OCELLUS_ASSIGN_OR_RETURN(
        Value::Map inner,
        Decode(entry ? std::span<const FieldShape>(kTextEntry) : field.message, stop));
    if (!entry) {
      Put(map, field, std::move(inner));
      return {};
    }
    const Value read(std::move(inner));
    const auto text = [&](std::string_view name) {
      const Value* value = read.Find(name);
      return value != nullptr ? *value->as_string() : std::string();
    };
    MapIn(map, field.name).emplace_back(text("key"), text("value"));
    return {};
  }

  static Value& MemberOf(Value::Map& map, std::string_view name, Value empty) {
    const auto found = std::find_if(map.begin(), map.end(),
                                    [&](const auto& member) { return member.first == name; });
    if (found != map.end()) return found->second;
    map.emplace_back(name, std::move(empty));
    return map.back().second;
  }
  static Value::List& ListIn(Value::Map& map, std::string_view name) {
    return *MemberOf(map, name, Value::List()).as_list();
  }
  static Value::Map& MapIn(Value::Map& map, std::string_view name) {
    return *MemberOf(map, name, Value::Map()).as_map();
  }

  static void Put(Value::Map& map, const FieldShape& field, Value value) {
    if (field.repeated) {
      ListIn(map, field.name).push_back(std::move(value));
    } else {
      MemberOf(map, field.name, nullptr) = std::move(value);
    }
  }

  const std::string_view body_;
  std::size_t at_ = 0;
  std::size_t elements_ = 0;
};

}  // namespace

Result<Value> DecodeProtobuf(Message message, std::string_view body) {
  OCELLUS_ASSIGN_OR_RETURN(Value::Map map, Decoder(body).Decode(ShapeOf(message), body.size()));
  return Value(std::move(map));
}

}  // namespace ocellus::api::vector
