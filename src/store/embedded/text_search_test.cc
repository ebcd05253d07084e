// Full-text search: what words are, what queries mean, and scores held to a plain computation.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <random>

#include "store/embedded/sqlite.h"
#include "store/embedded/test_tables.h"

namespace ocellus::store {
namespace {

using query::TextQuery;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Match = TextQuery::Match;

TableSchema NoteSchema() {
  TableSchema schema;
  schema.name = "notes";
  schema.columns = {
      {.name = "id", .type = ColumnType::kInt64},
      {.name = "title", .type = ColumnType::kString, .full_text = true},
      {.name = "group", .type = ColumnType::kInt64},
      {.name = "body", .type = ColumnType::kString, .full_text = true},
  };
  schema.primary_key = {"id"};
  return schema;
}

Cell TextCell(const std::string& text) {
  return text.empty() ? Cell() : Cell(Value(text));
}

Row Note(std::int64_t id, const std::string& title, const std::string& body = "",
         std::int64_t group = 0) {
  return {{Value(id), TextCell(title), Value(group), TextCell(body)}};
}

class TextSearchTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK(fixture_.Open());
    ASSERT_OK(fixture_.store().CreateTable(NoteSchema()));
    table_ = fixture_.Open("notes");
  }

  void Put(std::vector<Row> rows) { ASSERT_OK(table_->Write(Upsert(std::move(rows)))); }

  std::vector<Hit> Hits(TextSearchRequest request) {
    request.columns = {"id"};
    auto hits = table_->SearchText(request);
    EXPECT_OK(hits);
    return hits.ok() ? *std::move(hits) : std::vector<Hit>();
  }
  static std::vector<std::int64_t> IdsOf(const std::vector<Hit>& hits) {
    std::vector<std::int64_t> ids;
    for (const Hit& hit : hits) ids.push_back(*std::get<Value>(hit.row.cells[0]).as_int());
    return ids;
  }
  // In the order of the score.
  std::vector<std::int64_t> Found(TextQuery query) {
    return IdsOf(Hits({.query = std::move(query), .top_k = 100}));
  }
  std::vector<std::int64_t> FoundSorted(TextQuery query) {
    std::vector<std::int64_t> ids = Found(std::move(query));
    std::sort(ids.begin(), ids.end());
    return ids;
  }
  std::string Refusal(TextQuery query) {
    const auto hits = table_->SearchText({.query = std::move(query)});
    EXPECT_EQ(hits.status().code(), Code::kInvalidArgument);
    return hits.status().message();
  }

  StoreFixture fixture_;
  std::shared_ptr<Table> table_;
};

TEST_F(TextSearchTest, CaseAndDiacriticsAreFolded) {
  Put({Note(1, "Crème BRÛLÉE"), Note(2, "ÄPFEL und Birnen"), Note(3, "Привет, МИР!"),
       Note(4, "iPhone15-Pro")});
  EXPECT_THAT(Found(TextQuery::Text("creme brulee")), ElementsAre(1));
  EXPECT_THAT(Found(TextQuery::Text("äpfel")), ElementsAre(2));
  EXPECT_THAT(Found(TextQuery::Text("ПРИВЕТ мир")), ElementsAre(3));
  EXPECT_THAT(Found(TextQuery::Text("iphone15")), ElementsAre(4));
  EXPECT_THAT(Found(TextQuery::Text("pro")), ElementsAre(4));
  EXPECT_THAT(Found(TextQuery::Text("phone")), IsEmpty());
}

TEST_F(TextSearchTest, ScriptsWithoutSpacesMatchAsTheyStand) {
  Put({Note(1, "红色的苹果手机壳"), Note(2, "苹果"), Note(3, "果苹"), Note(4, "りんごのケーキ"),
       Note(5, "빨간 사과"), Note(6, "苹 果"), Note(7, "新款iPhone手机2024")});
  EXPECT_THAT(FoundSorted(TextQuery::Text("苹果")), ElementsAre(1, 2));
  EXPECT_THAT(FoundSorted(TextQuery::Text("果")), ElementsAre(1, 2, 3, 6));
  EXPECT_THAT(FoundSorted(TextQuery::Text("苹果手机")), ElementsAre(1));
  EXPECT_THAT(FoundSorted(TextQuery::Text("苹果 手机")), ElementsAre(1));
  EXPECT_THAT(FoundSorted(TextQuery::Text("手机", Match::kAnyWord)), ElementsAre(1, 7));
  EXPECT_THAT(FoundSorted(TextQuery::Text("ケーキ")), ElementsAre(4));
  EXPECT_THAT(FoundSorted(TextQuery::Text("사과")), ElementsAre(5));
  // A phrase goes on across scripts.
  EXPECT_THAT(FoundSorted(TextQuery::Text("新款iPhone手机", Match::kPhrase)), ElementsAre(7));
  EXPECT_THAT(FoundSorted(TextQuery::Text("手机2024", Match::kPhrase)), ElementsAre(7));
  EXPECT_THAT(FoundSorted(TextQuery::Text("款手机", Match::kPhrase)), IsEmpty());
}

TEST_F(TextSearchTest, WordsPhrasesAndOperators) {
  Put({Note(1, "red apple"), Note(2, "apple red", "green"), Note(3, "green apple"),
       Note(4, "red", "apple")});
  EXPECT_THAT(FoundSorted(TextQuery::Text("red apple")), ElementsAre(1, 2, 4));
  EXPECT_THAT(FoundSorted(TextQuery::Text("red apple", Match::kPhrase)), ElementsAre(1));
  EXPECT_THAT(FoundSorted(TextQuery::Text("red green", Match::kAnyWord)), ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(FoundSorted(TextQuery::Text("apple", Match::kAllWords, {"body"})), ElementsAre(4));
  EXPECT_THAT(FoundSorted(TextQuery::Text("green", Match::kAllWords, {"body", "title"})),
              ElementsAre(2, 3));
  EXPECT_THAT(FoundSorted(TextQuery::And({TextQuery::Text("apple"), TextQuery::Text("green")})),
              ElementsAre(2, 3));
  EXPECT_THAT(FoundSorted(TextQuery::AndNot({TextQuery::Text("apple"), TextQuery::Text("green"),
                                             TextQuery::Text("apple", Match::kPhrase, {"body"})})),
              ElementsAre(1));
  EXPECT_THAT(FoundSorted(TextQuery::Or({TextQuery::Text("green"), TextQuery::Text("nothing")})),
              ElementsAre(2, 3));
}

TEST_F(TextSearchTest, WhatRowsBecomeIsWhatIsFound) {
  Put({Note(1, "one"), Note(2, "two")});
  Put({Note(1, "three")});
  EXPECT_THAT(Found(TextQuery::Text("one")), IsEmpty());
  EXPECT_THAT(Found(TextQuery::Text("three")), ElementsAre(1));
  ASSERT_OK(table_->Write(Delete({{Value(2)}})));
  EXPECT_THAT(Found(TextQuery::Text("two")), IsEmpty());
  Put({Note(1, "")});  // no text at all
  EXPECT_THAT(Found(TextQuery::Text("three")), IsEmpty());
  Put({Note(3, "one three")});  // takes a slot that was used
  EXPECT_THAT(Found(TextQuery::Text("three")), ElementsAre(3));
}

TEST_F(TextSearchTest, FilterTopKAndTies) {
  std::vector<Row> rows;
  for (int i = 0; i < 50; ++i) rows.push_back(Note(i, "same words", "", i % 5));
  Put(std::move(rows));
  TextSearchRequest request = {.query = TextQuery::Text("words"), .top_k = 3};
  request.filter = query::Filter::Where({"group", ""}, query::Op::kEqual, 2);
  EXPECT_THAT(IdsOf(Hits(request)), ElementsAre(2, 7, 12));
  request.top_k = 0;
  EXPECT_THAT(Hits(request), IsEmpty());
  request.top_k = 10;
  request.filter = query::Filter::Where({"nope", ""}, query::Op::kEqual, 2);
  EXPECT_EQ(table_->SearchText(request).status().code(), Code::kInvalidArgument);
}

// FTS5's own syntax has no way in.
TEST_F(TextSearchTest, WhateverIsInATextIsText) {
  Put({Note(1, "near or and not title body"), Note(2, "plain")});
  for (const char* text :
       {"\"", "\" OR \"", "plain\" OR \"near", "title:plain*", "NEAR(plain near)", "^plain",
        "plain -near", "{title}:plain", "(plain", "a\"\"b plain", "plain;DROP TABLE rows"}) {
    SCOPED_TRACE(text);
    for (const Match match : {Match::kAllWords, Match::kAnyWord, Match::kPhrase}) {
      const auto hits = table_->SearchText({.query = TextQuery::Text(text, match)});
      EXPECT_TRUE(hits.ok() || hits.status().code() == Code::kInvalidArgument);
    }
  }
  EXPECT_THAT(Found(TextQuery::Text("title:plain*", Match::kAnyWord)), testing::SizeIs(2));
  EXPECT_THAT(Found(TextQuery::Text("plain OR near")), IsEmpty());  // "or" is a word
  EXPECT_THAT(Found(TextQuery::Text("near OR not")), ElementsAre(1));
  const std::string with_nul("plain\0near", 10);
  EXPECT_THAT(FoundSorted(TextQuery::Text(with_nul, Match::kAnyWord)), ElementsAre(1, 2));
  EXPECT_THAT(FoundSorted(TextQuery::Text(with_nul, Match::kPhrase)), IsEmpty());
}

TEST_F(TextSearchTest, BadQueriesAreRefused) {
  EXPECT_THAT(Refusal(TextQuery::Text("")), HasSubstr("no word"));
  EXPECT_THAT(Refusal(TextQuery::Text(" ,.!\xE3\x80\x82")), HasSubstr("no word"));
  EXPECT_THAT(Refusal(TextQuery::Text("x", Match::kAllWords, {"group"})),
              HasSubstr("'group' is no full-text column"));
  EXPECT_THAT(Refusal(TextQuery::Text("x", Match::kAllWords, {"a} : b"})),
              HasSubstr("no full-text column"));
  Refusal(TextQuery::And({}));
  Refusal(TextQuery::AndNot({TextQuery::Text("x")}));
  Refusal(TextQuery::Or(std::vector<TextQuery>(64, TextQuery::Text("x"))));
  std::string words;
  for (int i = 0; i < 1025; ++i) words += "w ";
  EXPECT_THAT(Refusal(TextQuery::Text(words)), HasSubstr("1024 words"));
  words.resize(2 * 1024);
  for (const Match match : {Match::kAllWords, Match::kAnyWord, Match::kPhrase}) {
    EXPECT_OK(table_->SearchText({.query = TextQuery::Text(words, match)}));
  }
  Refusal(TextQuery::Text(std::string(70'000, 'x')));
  TextQuery deep = TextQuery::Text("x");
  for (int i = 0; i < 63; ++i) deep = TextQuery::And({std::move(deep)});
  EXPECT_OK(table_->SearchText({.query = deep}));
  Refusal(TextQuery::And({std::move(deep)}));

  ASSERT_OK(fixture_.store().CreateTable(ProbeSchema()));
  const auto without = fixture_.Open("probes")->SearchText({.query = TextQuery::Text("x")});
  EXPECT_EQ(without.status().code(), Code::kInvalidArgument);
}

TEST_F(TextSearchTest, TextsThatAreNotOnesWordsAreKept) {
  std::string odd("nul\0inside", 10);
  Put({Note(1, odd), Note(2, std::string(200'000, 'x')),
       Note(3, "\xF0\xA0\x80\x80\xF0\xA0\x80\x81")});
  EXPECT_THAT(Found(TextQuery::Text("inside")), ElementsAre(1));
  EXPECT_THAT(Found(TextQuery::Text("\xF0\xA0\x80\x81")), ElementsAre(3));  // beyond the BMP
}

// ---- scores

struct Token {
  std::string text;
  bool joined;  // no space before it
};
using Tokens = std::vector<Token>;

// A plain computation of everything over words of one letter and two Chinese characters.
class NaiveTexts {
 public:
  static Tokens Split(const std::string& text) {
    Tokens tokens;
    for (std::size_t i = 0; i < text.size();) {
      const std::size_t length = static_cast<unsigned char>(text[i]) < 0x80 ? 1 : 3;
      if (text[i] != ' ') tokens.push_back({text.substr(i, length), i > 0 && text[i - 1] != ' '});
      i += length;
    }
    return tokens;
  }

  void Set(std::int64_t id, const std::string& title, const std::string& body) {
    Erase(id);
    rows_[id] = {Split(title), Split(body)};
    order_.push_back(id);
  }
  void Erase(std::int64_t id) {
    if (rows_.erase(id) > 0) order_.erase(std::find(order_.begin(), order_.end(), id));
  }

  struct Phrase {
    Tokens tokens;
    std::vector<int> columns;
  };

  // What is one word in the query is one in the row.
  static bool Stands(const Token& wanted, const Token& token) {
    return wanted.text == token.text && (token.joined || !wanted.joined);
  }

  // How often the phrase stands in the row.
  int Count(std::int64_t id, const Phrase& phrase) const {
    int count = 0;
    for (const int column : phrase.columns) {
      const Tokens& tokens = rows_.at(id)[static_cast<std::size_t>(column)];
      for (std::size_t at = 0; at + phrase.tokens.size() <= tokens.size(); ++at) {
        if (std::equal(phrase.tokens.begin(), phrase.tokens.end(),
                       tokens.begin() + static_cast<std::ptrdiff_t>(at), Stands)) {
          ++count;
        }
      }
    }
    return count;
  }

  double Score(std::int64_t id, const std::vector<Phrase>& phrases) const {
    double rows = 0;
    double tokens = 0;
    for (const auto& [other, columns] : rows_) {
      if (columns[0].empty() && columns[1].empty()) continue;
      ++rows;
      tokens += static_cast<double>(columns[0].size() + columns[1].size());
    }
    const auto length = static_cast<double>(rows_.at(id)[0].size() + rows_.at(id)[1].size());
    double score = 0;
    for (const Phrase& phrase : phrases) {
      double n = 0;
      for (const auto& [other, columns] : rows_) n += Count(other, phrase) > 0 ? 1 : 0;
      const double count = Count(id, phrase);
      const double idf = std::log(1 + (rows - n + 0.5) / (n + 0.5));
      score += idf * count * 2.2 / (count + 1.2 * (0.25 + 0.75 * length / (tokens / rows)));
    }
    return score;
  }

  const std::vector<std::int64_t>& ids() const { return order_; }  // in the order of insertion

 private:
  std::map<std::int64_t, std::array<Tokens, 2>> rows_;
  std::vector<std::int64_t> order_;
};

// A random query as the store takes it, and what it means.
struct Case {
  TextQuery query;
  std::vector<NaiveTexts::Phrase> phrases;  // in the order in which they stand
  std::function<bool(const NaiveTexts&, std::int64_t)> matches;
};

class Chance {
 public:
  explicit Chance(std::uint32_t seed) : engine_(seed) {}
  int Below(int end) { return std::uniform_int_distribution<int>(0, end - 1)(engine_); }

  std::string Text() {
    static const char* const kWords[] = {"a", "b", "c", "d", "e"};
    static const char* const kCharacters[] = {"红", "苹", "果"};
    std::string text;
    for (int i = Below(8); i > 0; --i) {
      if (Below(3) == 0) {
        for (int j = 1 + Below(3); j > 0; --j) text += kCharacters[Below(3)];
        text += " ";
      } else {
        text += std::string(kWords[Below(5)]) + " ";
      }
    }
    return text;
  }

  Case RandomCase(int depth = 0) {
    const int kind = Below(depth < 2 ? 8 : 5);
    if (kind < 5) return RandomText();
    std::vector<Case> children;
    for (int i = kind == 7 ? 2 : 1 + Below(3); i > 0; --i) {
      children.push_back(RandomCase(depth + 1));
    }
    Case result;
    std::vector<TextQuery> queries;
    for (const Case& child : children) {
      queries.push_back(child.query);
      if (kind == 7 && queries.size() > 1) continue;  // what must not be there does not count
      result.phrases.insert(result.phrases.end(), child.phrases.begin(), child.phrases.end());
    }
    if (kind == 7) {
      result.query = TextQuery::AndNot(queries);
    } else {
      result.query = kind == 5 ? TextQuery::And(queries) : TextQuery::Or(queries);
    }
    result.matches = [children, kind](const NaiveTexts& texts, std::int64_t id) {
      if (kind == 7) return children[0].matches(texts, id) && !children[1].matches(texts, id);
      const auto matches = [&](const Case& child) { return child.matches(texts, id); };
      return kind == 5 ? std::all_of(children.begin(), children.end(), matches)
                       : std::any_of(children.begin(), children.end(), matches);
    };
    return result;
  }

 private:
  Case RandomText() {
    static const std::vector<std::vector<std::string>> kNames = {
        {}, {"title"}, {"body"}, {"body", "title"}};
    static const std::vector<std::vector<int>> kColumns = {{0, 1}, {0}, {1}, {0, 1}};
    std::string text = Text();
    if (NaiveTexts::Split(text).empty()) text = "a";
    const auto where = static_cast<std::size_t>(Below(4));
    const Match match = static_cast<Match>(Below(3));
    Case result;
    result.query = TextQuery::Text(text, match, kNames[where]);
    if (match == Match::kPhrase) {
      result.phrases = {{NaiveTexts::Split(text), kColumns[where]}};
    } else {
      // A run of characters is one word.
      std::size_t begin = 0;
      for (std::size_t at = 0; at <= text.size(); ++at) {
        if (at < text.size() && text[at] != ' ') continue;
        if (at > begin) {
          result.phrases.push_back(
              {NaiveTexts::Split(text.substr(begin, at - begin)), kColumns[where]});
        }
        begin = at + 1;
      }
    }
    result.matches = [match, phrases = result.phrases](const NaiveTexts& texts, std::int64_t id) {
      const auto there = [&](const NaiveTexts::Phrase& phrase) {
        return texts.Count(id, phrase) > 0;
      };
      return match == Match::kAnyWord ? std::any_of(phrases.begin(), phrases.end(), there)
                                      : std::all_of(phrases.begin(), phrases.end(), there);
    };
    return result;
  }

  std::mt19937 engine_;
};

TEST_F(TextSearchTest, ScoresAreThoseOfAPlainComputation) {
  const char* given = std::getenv("OCELLUS_SEED");  // NOLINT(concurrency-mt-unsafe)
  const auto seed =
      given != nullptr ? static_cast<std::uint32_t>(std::stoul(given)) : std::random_device()();
  SCOPED_TRACE("OCELLUS_SEED=" + std::to_string(seed));
  Chance chance(seed);
  NaiveTexts texts;
  for (int round = 0; round < 300 && !HasFailure(); ++round) {
    for (int i = chance.Below(4); i > 0; --i) {
      const std::int64_t id = chance.Below(40);
      if (chance.Below(4) == 0) {
        ASSERT_OK(table_->Write(Delete({{Value(id)}})));
        texts.Erase(id);
      } else {
        const std::string title = chance.Text();
        const std::string body = chance.Text();
        Put({Note(id, title, body)});
        texts.Set(id, title, body);
      }
    }
    if (chance.Below(50) == 0) {
      table_.reset();
      ASSERT_OK(fixture_.Reopen());
      EXPECT_THAT(fixture_.log(), IsEmpty());
      table_ = fixture_.Open("notes");
    }
    const Case random = chance.RandomCase();
    std::vector<std::pair<double, std::int64_t>> want;
    for (const std::int64_t id : texts.ids()) {
      if (random.matches(texts, id)) want.emplace_back(texts.Score(id, random.phrases), id);
    }
    std::map<std::int64_t, double> score_of;
    for (const auto& [score, id] : want) score_of[id] = score;
    const std::vector<Hit> hits = Hits({.query = random.query, .top_k = 100});
    ASSERT_EQ(hits.size(), want.size()) << "round " << round;
    float last = std::numeric_limits<float>::infinity();
    for (const Hit& hit : hits) {
      const std::int64_t id = *std::get<Value>(hit.row.cells[0]).as_int();
      ASSERT_TRUE(score_of.contains(id)) << "round " << round;
      EXPECT_NEAR(hit.score, score_of[id], 1e-4 * std::abs(score_of[id]) + 1e-6);
      EXPECT_LE(hit.score, last);
      last = hit.score;
    }
  }
}

}  // namespace
}  // namespace ocellus::store
