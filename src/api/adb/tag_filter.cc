#include "api/adb/tag_filter.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <initializer_list>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace ocellus::api::adb {
namespace {

using query::Filter;
using query::Op;

// Far beyond what a person or a program writes; keeps a search's cost in bounds.
constexpr std::size_t kMaxDepth = 16;
constexpr std::size_t kMaxConditions = 1000;
constexpr std::size_t kMaxValues = 10'000;  // of one list
constexpr std::size_t kMaxNameBytes = 256;

struct OpName {
  std::string_view name;  // lower case, words separated by one blank
  Op op;
};
constexpr OpName kOps[] = {
    {"=", Op::kEqual},
    {"==", Op::kEqual},
    {"eq", Op::kEqual},
    {"!=", Op::kNotEqual},
    {"<>", Op::kNotEqual},
    {"ne", Op::kNotEqual},
    {"in", Op::kIn},
    {"not in", Op::kNotIn},
    {"nin", Op::kNotIn},
    {"contains", Op::kContains},
    {"like", Op::kLike},
    {">", Op::kGreater},
    {"gt", Op::kGreater},
    {">=", Op::kGreaterOrEqual},
    {"gte", Op::kGreaterOrEqual},
    {"<", Op::kLess},
    {"lt", Op::kLess},
    {"<=", Op::kLessOrEqual},
    {"lte", Op::kLessOrEqual},
    {"exists", Op::kExists},
};
constexpr std::string_view kKnownOps =
    "=, ==, eq, !=, <>, ne, in, not in, nin, contains, like, >, gt, >=, gte, <, lt, <=, lte, "
    "exists, "
    "and, or, not";

// Of the object forms of and, or, not: where the parts stand.
constexpr std::array<std::string_view, 4> kPartNames = {"conditions", "filters", "children",
                                                        "value"};

// Lower case, "_" and runs of blanks as one blank: "NOT_IN", "Not  In".
std::string Normal(std::string_view op) {
  std::string out;
  for (char c : op) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    if (c == '_' || c == '\t' || c == '\n' || c == '\r') c = ' ';
    if (c == ' ' && (out.empty() || out.back() == ' ')) continue;
    out += c;
  }
  if (out.ends_with(' ')) out.pop_back();
  return out;
}

std::optional<Filter::Kind> LogicOf(std::string_view normal) {
  if (normal == "and") return Filter::Kind::kAnd;
  if (normal == "or") return Filter::Kind::kOr;
  if (normal == "not") return Filter::Kind::kNot;
  return std::nullopt;
}

bool IsScalar(const Value& value) {
  return value.as_bool() != nullptr || value.is_number() || value.as_string() != nullptr;
}

class Parser {
 public:
  explicit Parser(std::string_view tags_column) : tags_column_(tags_column) {}

  Result<Filter> Parse(const Value& value, const std::string& at, std::size_t depth) {
    if (depth > kMaxDepth) {
      return Wrong(at, "nested deeper than " + std::to_string(kMaxDepth) + " levels");
    }
    if (value.as_list() != nullptr) return ParseList(*value.as_list(), at, depth);
    if (value.as_map() != nullptr) return ParseObject(value, at, depth);
    return Wrong(
        at, std::string("expected a list of conditions or a condition, got ") + value.type_name());
  }

 private:
  static Status Wrong(const std::string& at, std::string_view problem) {
    return Status(Code::kInvalidArgument, at + ": " + std::string(problem));
  }

  // ok: no member but those of `known`.
  static Status CheckMembers(const Value& object, const std::string& at,
                             std::initializer_list<std::string_view> known) {
    for (const auto& member : *object.as_map()) {
      if (std::find(known.begin(), known.end(), member.first) == known.end()) {
        return Wrong(at, "unknown member \"" + member.first + "\"");
      }
    }
    return {};
  }

  Result<Filter> ParseList(const Value::List& list, const std::string& at, std::size_t depth) {
    if (list.empty()) return Filter();  // no condition: every row
    OCELLUS_ASSIGN_OR_RETURN(std::vector<Filter> parts, ParseParts(list, at, depth));
    if (parts.size() == 1) return std::move(parts.front());
    return Filter::And(std::move(parts));
  }

  Result<std::vector<Filter>> ParseParts(const Value::List& list, const std::string& at,
                                         std::size_t depth) {
    std::vector<Filter> parts;
    parts.reserve(list.size());
    for (std::size_t i = 0; i < list.size(); ++i) {
      OCELLUS_ASSIGN_OR_RETURN(Filter part,
                               Parse(list[i], at + "[" + std::to_string(i) + "]", depth + 1));
      parts.push_back(std::move(part));
    }
    return parts;
  }

  Result<Filter> ParseObject(const Value& object, const std::string& at, std::size_t depth) {
    if (object.Find("field") != nullptr) return ParseCondition(object, at);
    for (const std::string_view word : {"op", "logic"}) {
      const Value* op = object.Find(word);
      if (op == nullptr) continue;
      const std::string place = at + "." + std::string(word);
      if (op->as_string() == nullptr) {
        return Wrong(place, std::string("expected a string, got ") + op->type_name());
      }
      const auto kind = LogicOf(Normal(*op->as_string()));
      if (!kind.has_value()) {
        return Wrong(at, "expected \"field\" beside \"op\", unless op is and, or, not");
      }
      return ParseNamedParts(object, word, *kind, at, depth);
    }
    if (object.as_map()->size() == 1) {  // {"and": [...]}
      const auto& [name, parts] = object.as_map()->front();
      if (const auto kind = LogicOf(Normal(name))) {
        return Combine(*kind, parts, at + "." + name, depth);
      }
    }
    return Wrong(at,
                 "expected a condition {\"field\", \"op\", \"value\"}, or one of \"and\", \"or\", "
                 "\"not\" alone in an object");
  }

  // {"op": "and", "conditions": [...]}
  Result<Filter> ParseNamedParts(const Value& object, std::string_view word, Filter::Kind kind,
                                 const std::string& at, std::size_t depth) {
    OCELLUS_RETURN_IF_ERROR(CheckMembers(
        object, at, {word, kPartNames[0], kPartNames[1], kPartNames[2], kPartNames[3]}));
    const Value* parts = nullptr;
    std::string place;
    for (const std::string_view name : kPartNames) {
      const Value* found = object.Find(name);
      if (found == nullptr) continue;
      if (parts != nullptr) return Wrong(at, "conditions stand twice");
      parts = found;
      place = at + "." + std::string(name);
    }
    if (parts == nullptr) return Wrong(at, "\"conditions\" is missing");
    return Combine(kind, *parts, place, depth);
  }

  Result<Filter> Combine(Filter::Kind kind, const Value& parts, const std::string& at,
                         std::size_t depth) {
    if (kind == Filter::Kind::kNot) {  // of a filter, of which a list is one
      OCELLUS_ASSIGN_OR_RETURN(Filter child, Parse(parts, at, depth + 1));
      return Filter::Not(std::move(child));
    }
    if (parts.as_list() == nullptr) {
      return Wrong(at, std::string("expected a list of conditions, got ") + parts.type_name());
    }
    OCELLUS_ASSIGN_OR_RETURN(std::vector<Filter> children, ParseParts(*parts.as_list(), at, depth));
    return kind == Filter::Kind::kAnd ? Filter::And(std::move(children))
                                      : Filter::Or(std::move(children));
  }

  Result<Filter> ParseCondition(const Value& object, const std::string& at) {
    if (++conditions_ > kMaxConditions) {
      return Wrong(at, "more than " + std::to_string(kMaxConditions) + " conditions");
    }
    OCELLUS_RETURN_IF_ERROR(CheckMembers(object, at, {"field", "op", "value"}));
    const Value& field = *object.Find("field");
    if (field.as_string() == nullptr) {
      return Wrong(at + ".field", std::string("expected a string, got ") + field.type_name());
    }
    if (field.as_string()->empty() || field.as_string()->size() > kMaxNameBytes) {
      return Wrong(at + ".field", "expected a tag's name of 1 to 256 bytes");
    }
    const Value* op_value = object.Find("op");
    if (op_value == nullptr) return Wrong(at + ".op", "required");
    if (op_value->as_string() == nullptr) {
      return Wrong(at + ".op", std::string("expected a string, got ") + op_value->type_name());
    }
    const std::string op_name = Normal(*op_value->as_string());
    const auto* known = std::find_if(std::begin(kOps), std::end(kOps),
                                     [&](const OpName& row) { return row.name == op_name; });
    if (known == std::end(kOps)) {
      return Wrong(at + ".op", "unknown operator \"" + *op_value->as_string() +
                                   "\"; the operators are " + std::string(kKnownOps));
    }
    OCELLUS_ASSIGN_OR_RETURN(Value value,
                             OperandOf(known->op, object.Find("value"), at + ".value"));
    return Filter::Where({std::string(tags_column_), *field.as_string()}, known->op,
                         std::move(value));
  }

  static Result<Value> OperandOf(Op op, const Value* value, const std::string& at) {
    if (op == Op::kExists) {
      if (value == nullptr || value->is_null()) return Value(true);
      if (value->as_bool() == nullptr) {
        return Wrong(at, std::string("expected true or false, got ") + value->type_name());
      }
      return *value;
    }
    if (value == nullptr) return Wrong(at, "required");
    if (op == Op::kIn || op == Op::kNotIn) return ListOperand(*value, at);
    if (!IsScalar(*value)) {
      return Wrong(at, std::string("expected a string, a number or a boolean, got ") +
                           value->type_name() +
                           (value->as_list() != nullptr ? "; for several values use \"in\"" : ""));
    }
    if (op == Op::kLike && value->as_string() == nullptr) {
      return Wrong(at, std::string("expected a string, got ") + value->type_name());
    }
    const bool ordered = op == Op::kLess || op == Op::kLessOrEqual || op == Op::kGreater ||
                         op == Op::kGreaterOrEqual;
    if (ordered && value->as_bool() != nullptr) {
      return Wrong(at, "expected a number or a string, got boolean");
    }
    return *value;
  }

  static Result<Value> ListOperand(const Value& value, const std::string& at) {
    if (IsScalar(value)) return Value(Value::List{value});
    if (value.as_list() == nullptr) {
      return Wrong(at, std::string("expected a list, got ") + value.type_name());
    }
    const Value::List& list = *value.as_list();
    if (list.size() > kMaxValues) {
      return Wrong(at, "more than " + std::to_string(kMaxValues) + " values");
    }
    for (std::size_t i = 0; i < list.size(); ++i) {
      if (IsScalar(list[i])) continue;
      return Wrong(
          at + "[" + std::to_string(i) + "]",
          std::string("expected a string, a number or a boolean, got ") + list[i].type_name());
    }
    return value;
  }

  const std::string_view tags_column_;
  std::size_t conditions_ = 0;
};

}  // namespace

Result<Filter> ParseTagFilter(const Value& filter, std::string_view tags_column) {
  if (filter.is_null()) return Filter();
  return Parser(tags_column).Parse(filter, "tag_filter", 0);
}

}  // namespace ocellus::api::adb
