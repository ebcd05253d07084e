#include "api/vector/values.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>

#include "api/vector/pictures.h"

namespace ocellus::api::vector {
namespace {

std::string Cast(FieldType type, const std::string& json, bool multi = false) {
  Value value = *ParseJson(json);
  const Result<Value> cast =
      multi ? CastList(type, std::move(value)) : CastScalar(type, std::move(value));
  return cast.ok() ? WriteJson(*cast) : "! " + cast.status().message();
}

TEST(VectorValues, CastsBySchemaOrRefuses) {
  EXPECT_EQ(Cast(FieldType::kInt8, "300"), "! expected INT8 (-128 to 127), got 300");
  EXPECT_EQ(Cast(FieldType::kInt8, "\" -128\""), "-128");
  EXPECT_EQ(Cast(FieldType::kUint8, "-1"), "! expected UINT8 (0 to 255), got -1");
  EXPECT_EQ(Cast(FieldType::kUint32, "4294967295"), "4294967295");
  EXPECT_EQ(Cast(FieldType::kUint64, "18446744073709551615")[0], '!');
  EXPECT_EQ(Cast(FieldType::kInt64, "9223372036854775807"), "9223372036854775807");
  EXPECT_EQ(Cast(FieldType::kInt64, "9223372036854775808")[0], '!');
  EXPECT_EQ(Cast(FieldType::kInt64, "1e300")[0], '!');
  EXPECT_EQ(Cast(FieldType::kInt32, "5.0"), "5");
  EXPECT_EQ(Cast(FieldType::kInt32, "5.5")[0], '!');
  EXPECT_EQ(Cast(FieldType::kInt32, "\"5x\"")[0], '!');
  EXPECT_EQ(Cast(FieldType::kInt32, "\"\"")[0], '!');
  EXPECT_EQ(Cast(FieldType::kInt32, "true"), "1");
  EXPECT_EQ(Cast(FieldType::kInt32, "[1]")[0], '!');
  EXPECT_EQ(Cast(FieldType::kDouble, "\"1.5e3\""), "1500.0");
  EXPECT_EQ(Cast(FieldType::kDouble, "\"nan\"")[0], '!');
  EXPECT_EQ(Cast(FieldType::kFloat, "1e39")[0], '!');
  EXPECT_EQ(Cast(FieldType::kString, "5"), "\"5\"");
  EXPECT_EQ(Cast(FieldType::kString, "{\"a\":1}"), "! expected STRING, got object");

  EXPECT_EQ(Cast(FieldType::kInt32, "\"1,2,3\"", true), "[1,2,3]");
  EXPECT_EQ(Cast(FieldType::kInt32, "\"1\\u001d2\"", true), "[1,2]");
  EXPECT_EQ(Cast(FieldType::kString, "\"a,b\\u001dc\"", true), "[\"a,b\",\"c\"]");
  EXPECT_EQ(Cast(FieldType::kInt32, "[1,\"2\"]", true), "[1,2]");
  EXPECT_EQ(Cast(FieldType::kInt32, "\"\"", true), "[]");
  EXPECT_EQ(Cast(FieldType::kInt32, "7", true), "[7]");
  EXPECT_EQ(Cast(FieldType::kInt32, "[1,\"x\"]", true).substr(0, 7), "! [1]: ");
  EXPECT_EQ(Cast(FieldType::kInt32, "\"1,,2\"", true)[0], '!');

  EXPECT_TRUE(CastList(FieldType::kInt32, "1,2,3", 3).ok());
  for (const Value& four : {Value("1,2,3,4"), Value(Value::List{1, 2, 3, 4})}) {
    EXPECT_EQ(CastList(FieldType::kInt32, four, 3).status().message(),
              "4 elements, the limit is 3");
  }
  EXPECT_EQ(ElementsInText("1,2,3"), 3U);
  EXPECT_EQ(ElementsInText("1,2\x1D"
                           "3"),
            2U);
  EXPECT_EQ(ElementsInText(""), 0U);
  EXPECT_EQ(ElementsInText(Value(Value::List{1})), 0U);
}

TEST(VectorValues, Vectors) {
  EXPECT_EQ(*CastVector("0.1,0.2"), (store::Vector{0.1F, 0.2F}));
  EXPECT_EQ(*CastVector("1\x1D-2e-3"), (store::Vector{1, -2e-3F}));
  EXPECT_EQ(*CastVector(Value(Value::List{1, "2", 3.5})), (store::Vector{1, 2, 3.5F}));
  for (const char* wrong : {"a", "1,", ",", "1,nan", "1e39", "inf"}) {
    EXPECT_FALSE(CastVector(wrong).ok()) << wrong;
  }
  // What JSON cannot say a protobuf message can.
  EXPECT_EQ(CastVector(Value(Value::List{1, std::nan("")})).status().message(),
            "[1]: expected a finite FLOAT, got NaN");
  EXPECT_FALSE(CastVector(Value(Value::Map())).ok());
  EXPECT_FALSE(CastVector(Value(Value::List{nullptr})).ok());
  EXPECT_EQ(WriteJson(Value(ShortestDouble(0.1F))), "0.1");
  EXPECT_TRUE(std::isinf(ShortestDouble(std::numeric_limits<float>::infinity())));
}

TEST(VectorPictures, AreToldFromTexts) {
  const std::string jpeg = "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAgGBgcGBQgHBwcJ";
  EXPECT_TRUE(LooksLikePicture(jpeg));
  EXPECT_TRUE(LooksLikePicture("  " + jpeg));
  EXPECT_TRUE(LooksLikePicture("data:image/png;base64,AA"));
  EXPECT_TRUE(LooksLikePicture("https://example.org/a.jpg"));
  EXPECT_TRUE(LooksLikePicture("oss://bucket/key"));
  EXPECT_FALSE(LooksLikePicture("a red shoe"));
  EXPECT_FALSE(LooksLikePicture("https"));
  EXPECT_FALSE(LooksLikePicture(""));
  EXPECT_FALSE(LooksLikePicture("see https://example.org/a.jpg"));
  EXPECT_FALSE(LooksLikePicture(std::string(200, 'A')));
}

}  // namespace
}  // namespace ocellus::api::vector
