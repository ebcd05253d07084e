#include "store/row.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace ocellus::store {
namespace {

using testing::HasSubstr;

TableSchema Schema() {
  TableSchema schema;
  schema.name = "t";
  schema.columns = {{.name = "id", .type = ColumnType::kString},
                    {.name = "n", .type = ColumnType::kInt64},
                    {.name = "flag", .type = ColumnType::kBool},
                    {.name = "price", .type = ColumnType::kDouble},
                    {.name = "labels", .type = ColumnType::kString, .multi = true},
                    {.name = "tags", .type = ColumnType::kMap},
                    {.name = "picture", .type = ColumnType::kBlob},
                    {.name = "vector",
                     .type = ColumnType::kVector,
                     .required = true,
                     .vector = {.dimension = 2}}};
  schema.primary_key = {"n", "id"};
  return schema;
}

Row Good() {
  return {
      {Value("a"), Value(7), Value(true), Value(1.5), Value(Value::List{"x", "y"}),
       Value(Value::Map{{"color", "red"}, {"size", Value::List{1, 2.5, "L"}}, {"none", nullptr}}),
       Blob{"bytes"}, Vector{1, 2}}};
}

std::string Refused(std::size_t column, Cell cell) {
  Row row = Good();
  row.cells[column] = std::move(cell);
  const Status status = Validate(Schema(), row);
  EXPECT_EQ(status.code(), Code::kInvalidArgument) << "column " << column;
  return status.message();
}

bool Accepted(std::size_t column, Cell cell) {
  Row row = Good();
  row.cells[column] = std::move(cell);
  return Validate(Schema(), row).ok();
}

TEST(RowTest, GoodRows) {
  EXPECT_TRUE(Validate(Schema(), Good()).ok());
  for (std::size_t optional : {2U, 3U, 4U, 5U, 6U}) {
    EXPECT_TRUE(Accepted(optional, {})) << optional;
    EXPECT_TRUE(Accepted(optional, Value())) << optional;
  }
  EXPECT_TRUE(Accepted(3, Value(3)));  // an integer is a number
  EXPECT_TRUE(Accepted(4, Value(Value::List{})));
  EXPECT_TRUE(Accepted(5, Value(Value::Map{})));
  EXPECT_TRUE(Accepted(0, Value("")));
  EXPECT_TRUE(Accepted(0, Value(std::string("a\0b", 3))));
  EXPECT_TRUE(Accepted(0, Value(std::string(1024, 'k'))));
}

TEST(RowTest, CellCount) {
  Row row = Good();
  row.cells.pop_back();
  EXPECT_THAT(Validate(Schema(), row).message(), HasSubstr("7 cells"));
}

TEST(RowTest, WrongTypesNameTheColumn) {
  EXPECT_THAT(Refused(0, Value(1)), HasSubstr("'id'"));
  EXPECT_THAT(Refused(1, Value("1")), HasSubstr("'n'"));
  EXPECT_THAT(Refused(1, Value(1.0)), HasSubstr("'n'"));
  EXPECT_THAT(Refused(2, Value(1)), HasSubstr("'flag'"));
  EXPECT_THAT(Refused(3, Value("1")), HasSubstr("'price'"));
  EXPECT_THAT(Refused(4, Value("x")), HasSubstr("'labels'"));
  EXPECT_THAT(Refused(4, Value(Value::List{1})), HasSubstr("'labels'"));
  EXPECT_THAT(Refused(4, Value(Value::List{nullptr})), HasSubstr("'labels'"));
  EXPECT_THAT(Refused(5, Value("x")), HasSubstr("'tags'"));
  EXPECT_THAT(Refused(5, Value(Value::Map{{"a", Value::Map{}}})), HasSubstr("'a'"));
  EXPECT_THAT(Refused(5, Value(Value::Map{{"a", Value::List{Value::List{}}}})), HasSubstr("'a'"));
  EXPECT_THAT(Refused(6, Value("x")), HasSubstr("'picture'"));
  EXPECT_THAT(Refused(6, Vector{1, 2}), HasSubstr("'picture'"));
  EXPECT_THAT(Refused(7, Value(Value::List{1, 2})), HasSubstr("'vector'"));
  EXPECT_THAT(Refused(7, Blob{"x"}), HasSubstr("'vector'"));
  EXPECT_THAT(Refused(0, Blob{"x"}), HasSubstr("'id'"));
  EXPECT_THAT(Refused(0, Vector{1, 2}), HasSubstr("'id'"));
}

TEST(RowTest, AbsentWhereRequired) {
  EXPECT_THAT(Refused(0, {}), HasSubstr("'id'"));
  EXPECT_THAT(Refused(1, Value()), HasSubstr("'n'"));
  EXPECT_THAT(Refused(7, {}), HasSubstr("required"));
}

TEST(RowTest, HostileContent) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  EXPECT_THAT(Refused(7, Vector{1}), HasSubstr("1 components"));
  EXPECT_THAT(Refused(7, Vector{1, 2, 3}), HasSubstr("3 components"));
  EXPECT_THAT(Refused(7, Vector{1, kInfinity}), HasSubstr("NaN or infinity"));
  EXPECT_THAT(Refused(7, Vector{std::nanf(""), 1}), HasSubstr("NaN or infinity"));
  EXPECT_THAT(Refused(3, Value(std::nan(""))), HasSubstr("NaN"));
  EXPECT_THAT(Refused(3, Value(double{kInfinity})), HasSubstr("infinity"));
  EXPECT_THAT(Refused(5, Value(Value::Map{{"a", std::nan("")}})), HasSubstr("NaN"));
  EXPECT_THAT(Refused(0, Value("\xC0\x80")), HasSubstr("UTF-8"));
  EXPECT_THAT(Refused(4, Value(Value::List{"\xFF"})), HasSubstr("UTF-8"));
  EXPECT_THAT(Refused(5, Value(Value::Map{{"a", "\xFF"}})), HasSubstr("UTF-8"));
  EXPECT_THAT(Refused(5, Value(Value::Map{{"\xFF", "a"}})), HasSubstr("UTF-8"));
  EXPECT_THAT(Refused(5, Value(Value::Map{{"", "a"}})), HasSubstr("empty"));
  EXPECT_THAT(Refused(5, Value(Value::Map{{std::string(1025, 'k'), "a"}})), HasSubstr("1024"));
  EXPECT_THAT(Refused(0, Value(std::string(1025, 'k'))), HasSubstr("1024"));
}

TEST(RowTest, Keys) {
  const TableSchema schema = Schema();
  EXPECT_EQ(KeyOf(schema, Good()), (Key{7, "a"}));
  EXPECT_TRUE(Validate(schema, Key{7, "a"}).ok());
  EXPECT_THAT(Validate(schema, Key{7}).message(), HasSubstr("1 parts"));
  EXPECT_THAT(Validate(schema, Key{"a", 7}).message(), HasSubstr("'n'"));
  EXPECT_THAT(Validate(schema, Key{7, nullptr}).message(), HasSubstr("'id'"));
  EXPECT_THAT(Validate(schema, Key{7, std::string(1025, 'k')}).message(), HasSubstr("1024"));
}

}  // namespace
}  // namespace ocellus::store
