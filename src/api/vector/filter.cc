#include "api/vector/filter.h"

#include <charconv>
#include <cmath>
#include <cstddef>
#include <string>
#include <utility>

#include "api/vector/expression_lexer.h"
#include "base/utf8.h"

namespace ocellus::api::vector {
namespace {

using query::Expression;
using query::Filter;
using query::Op;

// Far beyond what a person or a program writes; they keep the cost of a search, and the depth of
// every recursion over the tree, in bounds.
constexpr std::size_t kMaxBytes = std::size_t{256} << 10;
constexpr std::size_t kMaxDepth = 64;         // of parentheses, NOT, signs and arithmetic
constexpr std::size_t kMaxConditions = 4096;  // of one filter
constexpr std::size_t kMaxValues = 10'000;    // of one list
constexpr std::size_t kMaxSortKeys = 16;

Op Flipped(Op op) {
  switch (op) {
    case Op::kLess:
      return Op::kGreater;
    case Op::kLessOrEqual:
      return Op::kGreaterOrEqual;
    case Op::kGreater:
      return Op::kLess;
    case Op::kGreaterOrEqual:
      return Op::kLessOrEqual;
    default:
      return op;
  }
}

std::optional<Op> OpOf(const Token& token) {
  if (token.kind != TokenKind::kSymbol) return std::nullopt;
  if (token.text == "=" || token.text == "==") return Op::kEqual;
  if (token.text == "!=" || token.text == "<>") return Op::kNotEqual;
  if (token.text == "<") return Op::kLess;
  if (token.text == "<=") return Op::kLessOrEqual;
  if (token.text == ">") return Op::kGreater;
  if (token.text == ">=") return Op::kGreaterOrEqual;
  return std::nullopt;
}

// The number that a text writes, an integer when it is one of 64 bits; else null.
Value NumberOf(std::string_view text) {
  const char* const end = text.data() + text.size();
  std::int64_t integer = 0;
  if (const auto read = std::from_chars(text.data(), end, integer);
      read.ec == std::errc() && read.ptr == end && !text.empty()) {
    return integer;
  }
  double number = 0;
  if (const auto read = std::from_chars(text.data(), end, number);
      read.ec == std::errc() && read.ptr == end && std::isfinite(number) && !text.empty()) {
    return number;
  }
  return nullptr;
}

// A value of the text: an expression and what is known of it.
struct Operand {
  Expression expression;
  ValueKind kind = ValueKind::kAny;  // of a field; kNumber of arithmetic
  std::string literal;               // of a number: as written
  std::size_t position = 1;
  std::size_t depth = 1;

  bool is_field() const { return expression.kind == Expression::Kind::kField; }
  bool is_constant() const { return expression.kind == Expression::Kind::kConstant; }
};

class Parser {
 public:
  Parser(std::string_view text, const FieldResolver& resolve) : lexer_(text), resolve_(resolve) {}

  Status Start() { return Advance(); }

  bool at_end() const { return token_.kind == TokenKind::kEnd; }
  Status ExpectEnd(std::string_view expected) { return at_end() ? Status() : Expected(expected); }

  Result<Filter> ParseOr() {
    OCELLUS_ASSIGN_OR_RETURN(Part part, ParseOrPart());
    return FilterOf(std::move(part));
  }

  Result<Expression> ParseValue() {
    OCELLUS_ASSIGN_OR_RETURN(Part part, ParseSum());
    OCELLUS_ASSIGN_OR_RETURN(Operand operand, OperandOf(std::move(part)));
    return std::move(operand.expression);
  }

  Result<std::vector<query::SortKey>> ParseKeys(bool descending) {
    std::vector<query::SortKey> keys;
    while (!at_end()) {
      if (keys.size() == kMaxSortKeys) {
        return WrongAt(token_.position, "more than " + std::to_string(kMaxSortKeys) + " keys");
      }
      bool down = descending;
      if (IsSymbol("+") || IsSymbol("-")) {
        down = IsSymbol("-");
        OCELLUS_RETURN_IF_ERROR(Advance());
      }
      OCELLUS_ASSIGN_OR_RETURN(Expression expression, ParseValue());
      keys.push_back({std::move(expression), down});
      if (at_end()) break;
      if (!IsSymbol(";") && !IsSymbol(",")) return Expected("\";\" or the end");
      OCELLUS_RETURN_IF_ERROR(Advance());
    }
    return keys;
  }

 private:
  // What stands between two keywords: a filter or, as long as no operator says otherwise, a value.
  struct Part {
    std::optional<Filter> filter;
    Operand operand;
    std::size_t position = 1;
  };

  // Counts the nesting while it lives.
  class Level {
   public:
    explicit Level(std::size_t& depth) : depth_(depth) { ++depth_; }
    ~Level() { --depth_; }
    Level(const Level&) = delete;
    Level& operator=(const Level&) = delete;

   private:
    std::size_t& depth_;
  };

  Status Advance() {
    OCELLUS_ASSIGN_OR_RETURN(token_, lexer_.Next());
    return {};
  }
  bool IsSymbol(std::string_view symbol) const {
    return token_.kind == TokenKind::kSymbol && token_.text == symbol;
  }
  Status Expected(std::string_view what) const {
    return WrongAt(token_.position, "expected " + std::string(what) + ", got " + Shown(token_));
  }
  Status CheckDepth(std::size_t depth) const {
    if (depth <= kMaxDepth) return {};
    return WrongAt(token_.position, "nested deeper than " + std::to_string(kMaxDepth) + " levels");
  }
  Status CountCondition() {
    if (++conditions_ <= kMaxConditions) return {};
    return WrongAt(token_.position, "more than " + std::to_string(kMaxConditions) + " conditions");
  }

  static Result<Filter> FilterOf(Part part) {
    if (part.filter.has_value()) return *std::move(part.filter);
    return WrongAt(part.position, "expected a condition like price > 5, got a value alone");
  }
  static Result<Operand> OperandOf(Part part) {
    if (!part.filter.has_value()) return std::move(part.operand);
    return WrongAt(part.position, "expected a value, got a condition");
  }
  static Part PartOf(Filter filter, std::size_t position) {
    Part part;
    part.filter = std::move(filter);
    part.position = position;
    return part;
  }
  static Part PartOf(Operand operand) {
    Part part;
    part.position = operand.position;
    part.operand = std::move(operand);
    return part;
  }

  // filter OR filter OR ..., or AND: both alike.
  Result<Part> ParseChain(std::string_view keyword, Result<Part> (Parser::*parse)(),
                          Filter (*combine)(std::vector<Filter>)) {
    OCELLUS_ASSIGN_OR_RETURN(Part first, (this->*parse)());
    if (!IsKeyword(token_, keyword)) return first;
    const std::size_t position = first.position;
    std::vector<Filter> children;
    OCELLUS_ASSIGN_OR_RETURN(Filter filter, FilterOf(std::move(first)));
    children.push_back(std::move(filter));
    while (IsKeyword(token_, keyword)) {
      OCELLUS_RETURN_IF_ERROR(Advance());
      OCELLUS_ASSIGN_OR_RETURN(Part next, (this->*parse)());
      OCELLUS_ASSIGN_OR_RETURN(Filter child, FilterOf(std::move(next)));
      children.push_back(std::move(child));
    }
    return PartOf(combine(std::move(children)), position);
  }
  Result<Part> ParseOrPart() { return ParseChain("OR", &Parser::ParseAnd, &Filter::Or); }
  Result<Part> ParseAnd() { return ParseChain("AND", &Parser::ParseNot, &Filter::And); }

  Result<Part> ParseNot() {
    if (!IsKeyword(token_, "NOT")) return ParseCondition();
    const Level level(depth_);
    OCELLUS_RETURN_IF_ERROR(CheckDepth(depth_));
    const std::size_t position = token_.position;
    OCELLUS_RETURN_IF_ERROR(Advance());
    OCELLUS_ASSIGN_OR_RETURN(Part part, ParseNot());
    OCELLUS_ASSIGN_OR_RETURN(Filter child, FilterOf(std::move(part)));
    return PartOf(Filter::Not(std::move(child)), position);
  }

  Result<Part> ParseCondition() {
    OCELLUS_ASSIGN_OR_RETURN(Part left, ParseSum());
    const bool negated = IsKeyword(token_, "NOT");
    if (negated || IsKeyword(token_, "IN")) {
      const std::size_t position = left.position;
      OCELLUS_ASSIGN_OR_RETURN(Operand operand, OperandOf(std::move(left)));
      if (negated) {
        OCELLUS_RETURN_IF_ERROR(Advance());
        if (!IsKeyword(token_, "IN")) return Expected("IN");
      }
      OCELLUS_RETURN_IF_ERROR(Advance());
      OCELLUS_ASSIGN_OR_RETURN(Filter filter, ParseInList(operand, negated));
      return PartOf(std::move(filter), position);
    }
    const std::optional<Op> op = OpOf(token_);
    if (!op.has_value()) return left;
    const std::size_t position = left.position;
    OCELLUS_ASSIGN_OR_RETURN(Operand left_operand, OperandOf(std::move(left)));
    OCELLUS_RETURN_IF_ERROR(Advance());
    OCELLUS_ASSIGN_OR_RETURN(Part right, ParseSum());
    OCELLUS_ASSIGN_OR_RETURN(Operand right_operand, OperandOf(std::move(right)));
    OCELLUS_RETURN_IF_ERROR(CountCondition());
    OCELLUS_ASSIGN_OR_RETURN(Filter filter,
                             Compare(std::move(left_operand), *op, std::move(right_operand)));
    return PartOf(std::move(filter), position);
  }

  static Result<Filter> Compare(Operand left, Op op, Operand right) {
    if (left.is_field() && right.is_constant()) {
      OCELLUS_ASSIGN_OR_RETURN(Value value, ConstantFor(left.kind, right));
      return Filter::Where(std::move(left.expression.field), op, std::move(value));
    }
    if (left.is_constant() && right.is_field()) {
      return Compare(std::move(right), Flipped(op), std::move(left));
    }
    // Arithmetic against a text can never hold.
    for (const auto& [one, other] : {std::pair(&left, &right), std::pair(&right, &left)}) {
      if (one->expression.is_arithmetic() && other->is_constant()) {
        OCELLUS_ASSIGN_OR_RETURN(other->expression.constant,
                                 ConstantFor(ValueKind::kNumber, *other));
      }
    }
    return Filter::Compare(std::move(left.expression), op, std::move(right.expression));
  }

  // A constant as a field of that kind has it.
  static Result<Value> ConstantFor(ValueKind kind, const Operand& operand) {
    const Value& value = operand.expression.constant;
    if (kind == ValueKind::kNumber) {
      if (const bool* boolean = value.as_bool()) return Value(*boolean ? 1 : 0);
      if (value.as_string() == nullptr) return value;
      Value number = NumberOf(*value.as_string());
      if (!number.is_null()) return number;
      return WrongAt(operand.position, "expected a number, got a text");
    }
    if (kind == ValueKind::kText && value.as_string() == nullptr) {
      return Value(operand.literal.empty() ? WriteJson(value) : operand.literal);
    }
    return value;
  }

  // What follows IN: ( constant, ... )
  Result<Filter> ParseInList(const Operand& field, bool negated) {
    if (!field.is_field()) return WrongAt(field.position, "expected a field before IN");
    OCELLUS_RETURN_IF_ERROR(CountCondition());
    if (!IsSymbol("(")) return Expected("\"(\"");
    Value::List values;
    do {
      OCELLUS_RETURN_IF_ERROR(Advance());
      if (values.size() == kMaxValues) {
        return WrongAt(token_.position, "more than " + std::to_string(kMaxValues) + " values");
      }
      OCELLUS_ASSIGN_OR_RETURN(Part part, ParseSum());
      OCELLUS_ASSIGN_OR_RETURN(const Operand operand, OperandOf(std::move(part)));
      if (!operand.is_constant()) return WrongAt(operand.position, "expected a constant");
      OCELLUS_ASSIGN_OR_RETURN(Value value, ConstantFor(field.kind, operand));
      values.push_back(std::move(value));
    } while (IsSymbol(","));
    if (!IsSymbol(")")) return Expected("\",\" or \")\"");
    OCELLUS_RETURN_IF_ERROR(Advance());
    return Filter::Where(field.expression.field, negated ? Op::kNotIn : Op::kIn, std::move(values));
  }

  // What follows the name of in(field, "a|b") and notin(field, "a|b").
  Result<Part> ParseInCall(bool negated, std::size_t position) {
    OCELLUS_RETURN_IF_ERROR(CountCondition());
    OCELLUS_RETURN_IF_ERROR(Advance());  // the parenthesis
    OCELLUS_ASSIGN_OR_RETURN(Part part, ParseSum());
    OCELLUS_ASSIGN_OR_RETURN(const Operand field, OperandOf(std::move(part)));
    if (!field.is_field()) return WrongAt(field.position, "expected a field");
    if (!IsSymbol(",")) return Expected("\",\"");
    OCELLUS_RETURN_IF_ERROR(Advance());
    if (token_.kind != TokenKind::kString && token_.kind != TokenKind::kNumber) {
      return Expected("a text of values like \"a|b\"");
    }
    Operand constant;
    constant.position = token_.position;
    Value::List values;
    std::string_view rest = token_.text;
    for (bool more = true; more;) {
      if (values.size() == kMaxValues) {
        return WrongAt(token_.position, "more than " + std::to_string(kMaxValues) + " values");
      }
      const std::size_t bar = rest.find('|');
      more = bar != std::string_view::npos;
      constant.expression.constant = Value(rest.substr(0, bar));
      OCELLUS_ASSIGN_OR_RETURN(Value value, ConstantFor(field.kind, constant));
      // Of a field of no known type the values may be meant either way.
      if (field.kind == ValueKind::kAny) {
        Value number = NumberOf(rest.substr(0, bar));
        if (!number.is_null()) values.push_back(std::move(number));
      }
      values.push_back(std::move(value));
      if (more) rest.remove_prefix(bar + 1);
    }
    OCELLUS_RETURN_IF_ERROR(Advance());
    if (!IsSymbol(")")) return Expected("\")\"");
    OCELLUS_RETURN_IF_ERROR(Advance());
    return PartOf(
        Filter::Where(field.expression.field, negated ? Op::kNotIn : Op::kIn, std::move(values)),
        position);
  }

  Result<Part> ParseSum() { return ParseArithmetic("+", "-", &Parser::ParseProduct); }
  Result<Part> ParseProduct() { return ParseArithmetic("*", "/", &Parser::ParseSigned); }

  Result<Part> ParseArithmetic(std::string_view one, std::string_view other,
                               Result<Part> (Parser::*parse)()) {
    OCELLUS_ASSIGN_OR_RETURN(Part left, (this->*parse)());
    while (IsSymbol(one) || IsSymbol(other)) {
      const bool first = IsSymbol(one);
      const Expression::Kind kind =
          one == "+" ? (first ? Expression::Kind::kAdd : Expression::Kind::kSubtract)
                     : (first ? Expression::Kind::kMultiply : Expression::Kind::kDivide);
      OCELLUS_ASSIGN_OR_RETURN(Operand left_operand, Number(std::move(left)));
      OCELLUS_RETURN_IF_ERROR(Advance());
      OCELLUS_ASSIGN_OR_RETURN(Part right, (this->*parse)());
      OCELLUS_ASSIGN_OR_RETURN(Operand right_operand, Number(std::move(right)));
      OCELLUS_ASSIGN_OR_RETURN(Operand result,
                               Combine(kind, std::move(left_operand), std::move(right_operand)));
      left = PartOf(std::move(result));
    }
    return left;
  }

  // An operand that arithmetic can be done with.
  static Result<Operand> Number(Part part) {
    OCELLUS_ASSIGN_OR_RETURN(Operand operand, OperandOf(std::move(part)));
    const bool fits = operand.is_constant() ? operand.expression.constant.is_number()
                                            : operand.kind != ValueKind::kText;
    if (fits) return operand;
    return WrongAt(operand.position, "expected a number to calculate with, got a text");
  }

  Result<Operand> Combine(Expression::Kind kind, Operand left, Operand right) const {
    Operand result;
    result.kind = ValueKind::kNumber;
    result.position = left.position;
    result.depth = 1 + std::max(left.depth, right.depth);
    OCELLUS_RETURN_IF_ERROR(CheckDepth(result.depth));
    if (left.is_constant() && right.is_constant()) {
      const double value = query::Calculate(kind, left.expression.constant.number(),
                                            right.expression.constant.number());
      if (std::isfinite(value)) {  // else it is for the evaluation to have no value
        result.expression = Expression::Constant(value);
        result.depth = 1;
        return result;
      }
    }
    result.expression =
        Expression::Binary(kind, std::move(left.expression), std::move(right.expression));
    return result;
  }

  Result<Part> ParseSigned() {
    if (!IsSymbol("-") && !IsSymbol("+")) return ParsePrimary();
    const Level level(depth_);
    OCELLUS_RETURN_IF_ERROR(CheckDepth(depth_));
    const bool minus = IsSymbol("-");
    const std::size_t position = token_.position;
    OCELLUS_RETURN_IF_ERROR(Advance());
    if (minus && token_.kind == TokenKind::kNumber) {  // -9223372036854775808 is an integer too
      token_.text = "-" + token_.text;
      OCELLUS_ASSIGN_OR_RETURN(Part part, ParsePrimary());
      part.position = part.operand.position = position;
      return part;
    }
    OCELLUS_ASSIGN_OR_RETURN(Part part, ParseSigned());
    OCELLUS_ASSIGN_OR_RETURN(Operand operand, Number(std::move(part)));
    if (!minus) return PartOf(std::move(operand));
    Operand result;
    result.kind = ValueKind::kNumber;
    result.position = position;
    result.depth = operand.depth + 1;
    OCELLUS_RETURN_IF_ERROR(CheckDepth(result.depth));
    result.expression = operand.is_constant()
                            ? Expression::Constant(-operand.expression.constant.number())
                            : Expression::Negate(std::move(operand.expression));
    return PartOf(std::move(result));
  }

  Result<Part> ParsePrimary() {
    const Token token = token_;
    if (IsSymbol("(")) {
      const Level level(depth_);
      OCELLUS_RETURN_IF_ERROR(CheckDepth(depth_));
      OCELLUS_RETURN_IF_ERROR(Advance());
      OCELLUS_ASSIGN_OR_RETURN(Part part, ParseOrPart());
      if (!IsSymbol(")")) return Expected("\")\"");
      OCELLUS_RETURN_IF_ERROR(Advance());
      return part;
    }
    if (token.kind == TokenKind::kEnd || token.kind == TokenKind::kSymbol) {
      return Expected("a field, a number or a text");
    }
    OCELLUS_RETURN_IF_ERROR(Advance());
    Operand operand;
    operand.position = token.position;
    if (token.kind == TokenKind::kString) {
      operand.expression = Expression::Constant(token.text);
      return PartOf(std::move(operand));
    }
    if (token.kind == TokenKind::kNumber) {
      Value number = NumberOf(token.text);
      if (number.is_null()) return WrongAt(token.position, "the number is too large");
      operand.expression = Expression::Constant(std::move(number));
      operand.literal = token.text;
      operand.kind = ValueKind::kNumber;
      return PartOf(std::move(operand));
    }
    if (IsSymbol("(") && !token.quoted) {
      if (IsKeyword(token, "IN")) return ParseInCall(false, token.position);
      if (IsKeyword(token, "NOTIN")) return ParseInCall(true, token.position);
      return WrongAt(token.position,
                     "unknown function " + Shown(token) + "; the functions are in and notin");
    }
    if (IsKeyword(token, "TRUE") || IsKeyword(token, "FALSE")) {
      operand.expression = Expression::Constant(IsKeyword(token, "TRUE"));
      return PartOf(std::move(operand));
    }
    for (const std::string_view keyword : {"AND", "OR", "NOT", "IN"}) {
      if (!IsKeyword(token, keyword)) continue;
      return WrongAt(token.position, "expected a field, a number or a text, got " + Shown(token));
    }
    std::optional<ResolvedField> field = resolve_(token.text);
    if (!field.has_value()) return WrongAt(token.position, "unknown field " + Shown(token));
    operand.expression = Expression::Of(std::move(field->field));
    operand.kind = field->kind;
    return PartOf(std::move(operand));
  }

  ExpressionLexer lexer_;
  const FieldResolver& resolve_;
  Token token_;
  std::size_t depth_ = 0;
  std::size_t conditions_ = 0;
};

Status CheckText(std::string_view text) {
  if (text.size() > kMaxBytes) {
    return Status(Code::kInvalidArgument, std::to_string(text.size()) + " bytes, the limit is " +
                                              std::to_string(kMaxBytes));
  }
  if (!IsUtf8(text)) return Status(Code::kInvalidArgument, "not UTF-8");
  return {};
}

}  // namespace

Result<Filter> ParseFilter(std::string_view text, const FieldResolver& resolve) {
  OCELLUS_RETURN_IF_ERROR(CheckText(text));
  Parser parser(text, resolve);
  OCELLUS_RETURN_IF_ERROR(parser.Start());
  if (parser.at_end()) return Filter();
  OCELLUS_ASSIGN_OR_RETURN(Filter filter, parser.ParseOr());
  OCELLUS_RETURN_IF_ERROR(parser.ExpectEnd("AND, OR or the end"));
  return filter;
}

Result<std::vector<query::SortKey>> ParseSort(std::string_view text, bool descending,
                                              const FieldResolver& resolve) {
  OCELLUS_RETURN_IF_ERROR(CheckText(text));
  Parser parser(text, resolve);
  OCELLUS_RETURN_IF_ERROR(parser.Start());
  return parser.ParseKeys(descending);
}

Result<Expression> ParseExpression(std::string_view text, const FieldResolver& resolve) {
  OCELLUS_RETURN_IF_ERROR(CheckText(text));
  Parser parser(text, resolve);
  OCELLUS_RETURN_IF_ERROR(parser.Start());
  OCELLUS_ASSIGN_OR_RETURN(Expression expression, parser.ParseValue());
  OCELLUS_RETURN_IF_ERROR(parser.ExpectEnd("an operator or the end"));
  return expression;
}

}  // namespace ocellus::api::vector
