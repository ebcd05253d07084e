#include "store/embedded/filter_columns.h"

#include <algorithm>
#include <utility>

#include "store/embedded/column_numbers.h"

namespace ocellus::store::embedded {
namespace {

using query::Filter;

constexpr int kMaxFilterDepth = 200;  // evaluation is recursive
// Each level of an expression holds a batch of numbers (32 KiB) on the stack.
constexpr int kMaxExpressionDepth = 32;

bool IsComparison(query::Op op) {
  switch (op) {
    case query::Op::kEqual:
    case query::Op::kNotEqual:
    case query::Op::kLess:
    case query::Op::kLessOrEqual:
    case query::Op::kGreater:
    case query::Op::kGreaterOrEqual:
      return true;
    default:
      return false;
  }
}

Status CheckExpressionDepth(const TableSchema& schema, const query::Expression& expression,
                            const std::string& where, int depth) {
  if (depth > kMaxExpressionDepth) {
    return {Code::kInvalidArgument, where + ": an expression nested more than 32 deep"};
  }
  std::size_t operands = 0;
  if (expression.is_arithmetic()) {
    operands = expression.kind == query::Expression::Kind::kNegate ? 1 : 2;
  }
  if (expression.operands.size() != operands) {
    return {Code::kInvalidArgument, where + ": an operator without its operands"};
  }
  if (expression.constant.as_list() != nullptr || expression.constant.as_map() != nullptr) {
    return {Code::kInvalidArgument, where + ": a constant that is no number, text or boolean"};
  }
  if (expression.kind == query::Expression::Kind::kField) {
    return CheckField(schema, expression.field, where);
  }
  for (const query::Expression& operand : expression.operands) {
    OCELLUS_RETURN_IF_ERROR(CheckExpressionDepth(schema, operand, where, depth + 1));
  }
  return {};
}

Status CheckDepth(const TableSchema& schema, const Filter& filter, int depth) {
  if (depth > kMaxFilterDepth) {
    return {Code::kInvalidArgument, "filter: nested more than 200 deep"};
  }
  if (filter.kind == Filter::Kind::kCondition) {
    return CheckField(schema, filter.condition.field, "filter");
  }
  if (filter.kind == Filter::Kind::kComparison) {
    const query::Comparison& comparison = filter.comparison;
    if (!IsComparison(comparison.op)) {
      return {Code::kInvalidArgument, "filter: expressions are compared by = != < <= > >= only"};
    }
    OCELLUS_RETURN_IF_ERROR(CheckExpression(schema, comparison.left, "filter"));
    return CheckExpression(schema, comparison.right, "filter");
  }
  for (const Filter& child : filter.children) {
    OCELLUS_RETURN_IF_ERROR(CheckDepth(schema, child, depth + 1));
  }
  return {};
}

index::Bitmap All(std::uint32_t slots) {
  index::Bitmap all(slots);
  all.SetAll();
  return all;
}

index::Bitmap EvaluateCondition(const TableSchema& schema, const ColumnSet& columns,
                                const query::Condition& condition, std::uint32_t slots) {
  const LoadedColumn& loaded = *columns[schema.IndexOf(condition.field.column)];
  const auto column = loaded.find(condition.field.key);
  if (column != loaded.end()) return column->second->Evaluate(condition, slots);
  // A key that no row ever had.
  return query::Matches(condition, Value()) ? All(slots) : index::Bitmap(slots);
}

}  // namespace

Status CheckField(const TableSchema& schema, const query::Field& field, const std::string& where) {
  const auto wrong = [&](const char* what) {
    return Status(Code::kInvalidArgument, where + ": column '" + field.column + "' " + what);
  };
  const Column* column = schema.Find(field.column);
  if (column == nullptr) {
    return {Code::kInvalidArgument, where + ": the table has no column '" + field.column + "'"};
  }
  if (column->type == ColumnType::kBlob || column->type == ColumnType::kVector) {
    return wrong("holds bytes or vectors");
  }
  const bool is_map = column->type == ColumnType::kMap;
  if (is_map && field.key.empty()) return wrong("needs a key");
  if (!is_map && !field.key.empty()) return wrong("has no keys");
  return {};
}

Status CheckExpression(const TableSchema& schema, const query::Expression& expression,
                       const std::string& where) {
  return CheckExpressionDepth(schema, expression, where, 1);
}

Status CheckFilter(const TableSchema& schema, const Filter& filter) {
  return CheckDepth(schema, filter, 0);
}

std::vector<std::size_t> ColumnsOf(const TableSchema& schema,
                                   const std::vector<query::Field>& fields) {
  std::vector<std::size_t> positions;
  for (const query::Field& field : fields) {
    positions.push_back(schema.IndexOf(field.column));
  }
  std::sort(positions.begin(), positions.end());
  positions.erase(std::unique(positions.begin(), positions.end()), positions.end());
  return positions;
}

index::Bitmap Evaluate(const TableSchema& schema, const ColumnSet& columns, const Filter& filter,
                       std::uint32_t slots) {
  switch (filter.kind) {
    case Filter::Kind::kAll:
      return All(slots);
    case Filter::Kind::kCondition:
      return EvaluateCondition(schema, columns, filter.condition, slots);
    case Filter::Kind::kComparison:
      return EvaluateComparison(schema, columns, filter.comparison, slots);
    case Filter::Kind::kAnd: {
      index::Bitmap result = All(slots);
      for (const Filter& child : filter.children) {
        result.And(Evaluate(schema, columns, child, slots));
        if (result.None()) break;
      }
      return result;
    }
    case Filter::Kind::kOr:
    case Filter::Kind::kNot: {
      index::Bitmap result(slots);
      for (const Filter& child : filter.children) {
        result.Or(Evaluate(schema, columns, child, slots));
      }
      if (filter.kind == Filter::Kind::kNot) result.Flip();
      return result;
    }
  }
  return index::Bitmap(slots);
}

void ColumnSetBuilder::Load(std::size_t position) {
  columns_[position] = own_[position] = std::make_shared<LoadedColumn>();
  changed_ = true;
}

LoadedColumn& ColumnSetBuilder::Mutable(std::size_t position) {
  std::shared_ptr<LoadedColumn>& own = own_[position];
  if (own == nullptr) {
    own = std::make_shared<LoadedColumn>(*columns_[position]);
    columns_[position] = own;
    changed_ = true;
  }
  return *own;
}

void ColumnSetBuilder::Set(std::size_t position, std::uint32_t slot, const Cell& cell) {
  if (columns_[position] == nullptr) return;
  static const Value kNull;
  const Value* value = std::get_if<Value>(&cell);
  if (value == nullptr) value = &kNull;
  const auto set = [&](const std::string& key, const Value& content) {
    auto found = columns_[position]->find(key);
    if (found == columns_[position]->end()) {
      if (content.is_null()) return;
      LoadedColumn& loaded = Mutable(position);
      found = loaded.emplace(key, std::make_shared<FilterColumn>()).first;
    }
    found->second->Set(slot, content);
  };
  const Value::Map* map = value->as_map();
  if (map == nullptr && !value->is_null()) {
    set("", *value);
    return;
  }
  for (const auto& [key, column] : *columns_[position]) column->Set(slot, kNull);
  if (map == nullptr) return;
  for (const auto& [key, content] : *map) set(key, content);
}

void ColumnSetBuilder::Compact(const index::Bitmap& live, std::uint64_t rows) {
  for (std::size_t position = 0; position < columns_.size(); ++position) {
    if (columns_[position] == nullptr) continue;
    std::vector<std::string> wasteful;
    for (const auto& [key, column] : *columns_[position]) {
      if (column->Wasteful(rows)) wasteful.push_back(key);
    }
    for (const std::string& key : wasteful) {
      std::shared_ptr<FilterColumn>& column = Mutable(position)[key];
      column = column->Compacted(live);
    }
  }
}

}  // namespace ocellus::store::embedded
