#include "api/vector/text_query.h"

#include <gtest/gtest.h>

#include <string>

namespace ocellus::api::vector {
namespace {

using query::TextQuery;

TextQueryOptions Options() {
  TextQueryOptions options;
  options.columns_of = [](std::string_view index) -> Result<std::vector<std::string>> {
    if (index == "default") return std::vector<std::string>();
    if (index == "title" || index == "body" || index == "tag") {
      return std::vector<std::string>{std::string(index)};
    }
    return Status(Code::kInvalidArgument,
                  "no text is searched under \"" + std::string(index) + "\"");
  };
  options.is_untokenized = [](std::string_view index) { return index == "tag"; };
  return options;
}

std::string Shown(const TextQuery& query) {
  static constexpr const char* kKinds[] = {"", "and", "or", "andnot"};
  std::string out;
  if (query.kind == TextQuery::Kind::kText) {
    for (const std::string& column : query.columns) out += column + ":";
    static constexpr const char* kQuotes[] = {"'", "|", "\""};
    const char* quote = kQuotes[static_cast<int>(query.match)];
    return out + quote + query.text + quote;
  }
  out = std::string(kKinds[static_cast<int>(query.kind)]) + "(";
  for (const TextQuery& child : query.children) out += Shown(child) + " ";
  out.back() = ')';
  return out;
}

std::string Parsed(const std::string& text, bool any_word = false) {
  TextQueryOptions options = Options();
  options.any_word = any_word;
  const Result<TextQuery> query = ParseTextQuery(text, options);
  return query.ok() ? Shown(*query) : query.status().message();
}

TEST(VectorTextQuery, SurvivesTheWorst) {
  EXPECT_NE(Parsed(std::string(8000, '(')).find("nested deeper"), std::string::npos);
  EXPECT_NE(Parsed(std::string(9000, 'x')).find("the limit is"), std::string::npos);
  std::string many = "a";
  for (int i = 0; i < 100; ++i) many += " OR a";
  EXPECT_NE(Parsed(many).find("more than 64 texts"), std::string::npos);
  EXPECT_EQ(Parsed("title:\xFF"), "not UTF-8");
  for (const char* text :
       {"", "()", "AND", "title:", "title:()", "a AND", "a OR OR b", ":", "'", "a)"}) {
    EXPECT_EQ(Parsed(text).substr(0, 9), "position ") << text << " gave " << Parsed(text);
  }
  EXPECT_EQ(Parsed("title:'cat"), "position 7: the ' has no partner that closes it");
  EXPECT_EQ(Parsed("猫 AND nowhere:'x'"), "position 7: no text is searched under \"nowhere\"");
}

TEST(VectorTextQuery, Parses) {
  EXPECT_EQ(Parsed("title:'cat'"), "title:'cat'");
  EXPECT_EQ(Parsed("'it\\'s'"), "'it's'");
  EXPECT_EQ(Parsed("default:'red shoe'", true), "|red shoe|");
  EXPECT_EQ(Parsed("title:\"red shoe\""), "title:\"red shoe\"");
  EXPECT_EQ(Parsed("red shoe"), "'red shoe'");
  EXPECT_EQ(Parsed("tag:'a b'"), "tag:\"a b\"");
  EXPECT_EQ(Parsed("title:'a' AND (body:'b' OR tag:c) ANDNOT body:'d'"),
            "andnot(and(title:'a' or(body:'b' tag:\"c\")) body:'d')");
  EXPECT_EQ(Parsed("a or b and c"), "or('a' and('b' 'c'))");
  EXPECT_EQ(Parsed("title : 'x'"), "position 7: expected AND, OR, ANDNOT or the end");
  EXPECT_EQ(Parsed("猫"), "'猫'");
}

}  // namespace
}  // namespace ocellus::api::vector
