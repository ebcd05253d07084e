// The tokenizers against the ids that the reference implementation gave the texts of
// testdata/tokenizer_cases.jsonl, and against what tokenizer files may get wrong.

#include "embed/tokenizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/digest.h"
#include "base/value.h"
#include "embed/testing/files.h"

namespace ocellus::embed {
namespace {

using ::testing::HasSubstr;

constexpr std::size_t kNoLimit = std::size_t{1} << 30;
constexpr const char* kCases = "testdata/tokenizer_cases.jsonl";

void AppendUtf8(std::uint32_t c, std::string& out) {
  const auto put = [&](std::uint32_t byte) { out += static_cast<char>(byte); };
  if (c < 0x80) return put(c);
  if (c < 0x800) return put(0xC0 | (c >> 6)), put(0x80 | (c & 63));
  if (c >= 0x10000) put(0xF0 | (c >> 18)), put(0x80 | ((c >> 12) & 63));
  if (c < 0x10000) put(0xE0 | (c >> 12));
  put(0x80 | ((c >> 6) & 63));
  put(0x80 | (c & 63));
}

std::string Expand(const Value& text) {
  std::string out;
  if (const std::string* plain = text.as_string()) return *plain;
  if (const Value* repeat = text.Find("repeat")) {
    const std::int64_t times = *text.Find("times")->as_int();
    for (std::int64_t i = 0; i < times; ++i) out += *repeat->as_string();
    return out;
  }
  const Value::List& range = *text.Find("characters")->as_list();
  const std::int64_t group = *text.Find("group")->as_int();
  std::int64_t in_group = 0;
  for (std::int64_t c = *range[0].as_int(); c <= *range[1].as_int(); ++c) {
    if (c >= 0xD800 && c < 0xE000) continue;
    if (in_group == 0) out += 'a';
    AppendUtf8(static_cast<std::uint32_t>(c), out);
    if (++in_group < group && c != *range[1].as_int()) continue;
    out += "b ";
    in_group = 0;
  }
  return out;
}

// The ids in the cases' own notation.
Value Compact(const std::vector<std::int32_t>& ids) {
  if (ids.size() <= 40) {
    Value::List list;
    for (const std::int32_t id : ids) list.emplace_back(std::int64_t{id});
    return list;
  }
  std::vector<std::uint8_t> bytes(ids.size() * 4);
  for (std::size_t i = 0; i < ids.size(); ++i) {
    StoreLe32(static_cast<std::uint32_t>(ids[i]), &bytes[4 * i]);
  }
  return Value::Map{{"count", static_cast<std::int64_t>(ids.size())},
                    {"sha256", Sha256Hex(bytes).substr(0, 16)}};
}

// column: 1 WordPiece, 2 CLIP
void ExpectReferenceIds(const Tokenizer& tokenizer, std::size_t column) {
  const auto content = testing::ReadFile(kCases);
  ASSERT_TRUE(content.has_value()) << kCases;
  std::string_view rest = *content;
  int cases = 0;
  int failures = 0;
  while (!rest.empty() && failures < 10) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    const auto parsed = ParseJson(line);
    ASSERT_TRUE(parsed.ok()) << line;
    const Value::List& row = *parsed->as_list();
    const auto ids = tokenizer.Encode(Expand(row[0]), kNoLimit);
    ASSERT_TRUE(ids.ok()) << ids.status().message();
    const Value got = Compact(*ids);
    ++cases;
    if (got == row[column]) continue;
    ++failures;
    ADD_FAILURE() << WriteJson(row[0]) << "\n  reference " << WriteJson(row[column]) << "\n  got "
                  << WriteJson(got);
  }
  EXPECT_GE(cases, 2000);
}

// A small WordPiece file; each test spoils one part of it.
std::string SmallWordPiece() {
  return R"({"added_tokens":[{"id":1,"content":"[CLS]","normalized":false},
      {"id":2,"content":"[SEP]","normalized":false}],
    "normalizer":{"type":"BertNormalizer","clean_text":true,"handle_chinese_chars":true,
      "strip_accents":null,"lowercase":true},
    "pre_tokenizer":{"type":"BertPreTokenizer"},
    "post_processor":{"type":"TemplateProcessing",
      "single":[{"SpecialToken":{"id":"[CLS]","type_id":0}},{"Sequence":{"id":"A","type_id":0}},
        {"SpecialToken":{"id":"[SEP]","type_id":0}}],
      "special_tokens":{"[CLS]":{"ids":[1]},"[SEP]":{"ids":[2]}}},
    "model":{"type":"WordPiece","unk_token":"[UNK]","continuing_subword_prefix":"##",
      "max_input_chars_per_word":100,
      "vocab":{"[PAD]":0,"[CLS]":1,"[SEP]":2,"[UNK]":3,"a":4,"dog":5,"##s":6,"bark":7,"##ing":8,
        ",":9}}})";
}

std::string Replaced(std::string text, std::string_view from, std::string_view to) {
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

std::vector<std::int32_t> Ids(const Tokenizer& tokenizer, std::string_view text,
                              std::size_t max_tokens) {
  auto ids = tokenizer.Encode(text, max_tokens);
  EXPECT_TRUE(ids.ok());
  return ids.ok() ? *ids : std::vector<std::int32_t>{};
}

// What ParseTokenizer says about a file that it refuses.
std::string Complaint(const std::string& json) {
  const auto tokenizer = ParseTokenizer(json);
  EXPECT_FALSE(tokenizer.ok());
  if (tokenizer.ok()) return "";
  EXPECT_EQ(tokenizer.status().code(), Code::kInvalidArgument);
  return tokenizer.status().message();
}

using Vector = std::vector<std::int32_t>;

TEST(WordPiece, ReferenceIds) {
  const auto json = testing::ReadFile(testing::DefaultBundle() + "/tokenizer.json");
  if (!json) GTEST_SKIP() << "models/default/tokenizer.json is not there";
  const auto tokenizer = ParseTokenizer(*json);
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status().message();
  ExpectReferenceIds(**tokenizer, 1);
}

TEST(WordPiece, CutsBetweenWords) {
  const auto tokenizer = ParseTokenizer(SmallWordPiece());
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status().message();
  EXPECT_EQ((*tokenizer)->special_tokens(), 2U);
  EXPECT_EQ((*tokenizer)->pad_id(), 0);
  EXPECT_EQ(Ids(**tokenizer, "a dogs, barking", 64), (Vector{1, 4, 5, 6, 9, 7, 8, 2}));
  EXPECT_EQ(Ids(**tokenizer, "a dogs, barking", 8), (Vector{1, 4, 5, 6, 9, 7, 8, 2}));
  EXPECT_EQ(Ids(**tokenizer, "a dogs, barking", 7), (Vector{1, 4, 5, 6, 9, 2}));
  EXPECT_EQ(Ids(**tokenizer, "a dogs, barking", 4), (Vector{1, 4, 2}));
  // A word that fits does not come after one that did not.
  EXPECT_EQ(Ids(**tokenizer, "a dogs a", 4), (Vector{1, 4, 2}));
}

TEST(WordPiece, CutsTheFirstWordInside) {
  const auto tokenizer = ParseTokenizer(SmallWordPiece());
  ASSERT_TRUE(tokenizer.ok());
  EXPECT_EQ(Ids(**tokenizer, "barking dog", 3), (Vector{1, 7, 2}));
}

TEST(WordPiece, TextWithoutATokenIsSpecialTokensOnly) {
  const auto tokenizer = ParseTokenizer(SmallWordPiece());
  ASSERT_TRUE(tokenizer.ok());
  for (const std::string_view text : {"", " \t\n", "\x01\x02", "\xCC\x81"}) {
    EXPECT_EQ(Ids(**tokenizer, text, 64), (Vector{1, 2}));
  }
}

TEST(WordPiece, RefusesWhatIsNotUtf8) {
  const auto tokenizer = ParseTokenizer(SmallWordPiece());
  ASSERT_TRUE(tokenizer.ok());
  for (const std::string_view text : {"\xFF", "dog \xC3", "\xED\xA0\x80", "\xC0\x80"}) {
    const auto ids = (*tokenizer)->Encode(text, 64);
    ASSERT_FALSE(ids.ok());
    EXPECT_EQ(ids.status().code(), Code::kInvalidArgument);
  }
}

TEST(WordPiece, LooksAtTheFirstMegabyteOnly) {
  const auto tokenizer = ParseTokenizer(SmallWordPiece());
  ASSERT_TRUE(tokenizer.ok());
  EXPECT_EQ(Ids(**tokenizer, std::string(Tokenizer::kMaxTextBytes, ' ') + "dog", 64),
            (Vector{1, 2}));
}

TEST(WordPiece, ComplaintsNameTheField) {
  const std::string good = SmallWordPiece();
  EXPECT_THAT(Complaint("{"), HasSubstr("not valid JSON"));
  EXPECT_THAT(Complaint("[]"), HasSubstr("expected a JSON object, got array"));
  EXPECT_THAT(Complaint("{}"), HasSubstr("\"model\": expected an object, but it is missing"));
  EXPECT_THAT(Complaint(Replaced(good, "\"WordPiece\"", "\"WordLevel\"")),
              HasSubstr("\"model.type\": \"WordLevel\" is not supported"));
  EXPECT_THAT(Complaint(Replaced(good, "BertNormalizer", "NFKC")),
              HasSubstr("\"normalizer.type\": only \"BertNormalizer\" is supported, got \"NFKC\""));
  EXPECT_THAT(Complaint(Replaced(good, "\"lowercase\":true", "\"lowercase\":1")),
              HasSubstr("\"normalizer.lowercase\": expected true or false, got integer"));
  EXPECT_THAT(Complaint(Replaced(good, "\"dog\":5", "\"dog\":-5")),
              HasSubstr("\"model.vocab\": the id of token \"dog\" is no integer"));
  EXPECT_THAT(Complaint(Replaced(good, "\"[UNK]\":3,", "")),
              HasSubstr("\"model.unk_token\": \"[UNK]\" is not in the vocabulary"));
  EXPECT_THAT(Complaint(Replaced(good, "\"ids\":[2]", "\"ids\":2")),
              HasSubstr("\"post_processor.special_tokens.[SEP].ids\": expected a list of ids"));
  EXPECT_THAT(Complaint(Replaced(good, "\"content\":\"[SEP]\"", "\"content\":null")),
              HasSubstr("\"added_tokens[1].content\": expected a string, but it is missing"));
  EXPECT_THAT(Complaint(Replaced(good, "\"id\":1,", "\"id\":1,\"single_word\":true,")),
              HasSubstr("\"added_tokens[0].single_word\": only false is supported"));
}

class Clip : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto vocabulary = testing::ReadFile(testing::Shared("data/tokenizers/clip/vocab.json"));
    const auto merges = testing::ReadFile(testing::Shared("data/tokenizers/clip/merges.txt"));
    if (!vocabulary || !merges) {
      GTEST_SKIP() << "CLIP's vocab.json and merges.txt are not in data/tokenizers/clip of "
                      "$OCELLUS_SHARED or of the folder \"shared\" beside the checkout";
    }
    vocabulary_ = *vocabulary;
    merges_ = *merges;
  }

  // What exporters write: the same as a tokenizer.json.
  std::string TokenizerJson(const std::string& pattern, bool merges_as_pairs) const {
    Value::List merges;
    std::string_view rest = merges_;
    while (!rest.empty()) {
      const std::string_view line = rest.substr(0, rest.find('\n'));
      rest.remove_prefix(std::min(rest.size(), line.size() + 1));
      if (line.empty() || line.starts_with("#version")) continue;
      const std::size_t space = line.find(' ');
      if (merges_as_pairs) {
        merges.emplace_back(Value::List{line.substr(0, space), line.substr(space + 1)});
      } else {
        merges.emplace_back(line);
      }
    }
    return R"({"added_tokens":[
        {"id":49406,"content":"<|startoftext|>","normalized":true},
        {"id":49407,"content":"<|endoftext|>","normalized":false}],
      "normalizer":{"type":"Sequence","normalizers":[{"type":"NFC"},
        {"type":"Replace","pattern":{"Regex":"\\s+"},"content":" "},{"type":"Lowercase"}]},
      "pre_tokenizer":{"type":"Sequence","pretokenizers":[{"type":"Split","pattern":{"Regex":)" +
           WriteJson(pattern) + R"(},"behavior":"Removed","invert":true},
        {"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true}]},
      "post_processor":{"type":"RobertaProcessing","sep":["<|endoftext|>",49407],
        "cls":["<|startoftext|>",49406]},
      "model":{"type":"BPE","dropout":null,"unk_token":"<|endoftext|>",
        "continuing_subword_prefix":"","end_of_word_suffix":"</w>","fuse_unk":false,
        "merges":)" +
           WriteJson(merges) + ",\"vocab\":" + vocabulary_ + "}}";
  }

  std::string vocabulary_;
  std::string merges_;
};

constexpr const char* kPattern = R"('s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+)";

TEST_F(Clip, ReferenceIds) {
  const auto tokenizer = ParseClipTokenizer(vocabulary_, merges_);
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status().message();
  ExpectReferenceIds(**tokenizer, 2);
}

TEST_F(Clip, TokenizerJsonGivesTheSameIds) {
  const auto plain = ParseClipTokenizer(vocabulary_, merges_);
  ASSERT_TRUE(plain.ok());
  for (const bool pairs : {false, true}) {
    const auto tokenizer = ParseTokenizer(TokenizerJson(kPattern, pairs));
    ASSERT_TRUE(tokenizer.ok()) << tokenizer.status().message();
    EXPECT_EQ((*tokenizer)->pad_id(), 49407);
    for (const std::string_view text :
         {"a photo of a dog", "The CAT's 12 hats!!", "x<|endoftext|>y", "héllo wörld 🐶", "",
          "<|endoftext|>!", "don't we'll I'VE 'tis"}) {
      EXPECT_EQ(Ids(**tokenizer, text, 77), Ids(**plain, text, 77)) << text;
    }
    // Looked for in the normalised text: capitals count, unlike those of the other mark.
    EXPECT_EQ(Ids(**tokenizer, "<|STARTOFTEXT|>", 77), (Vector{49406, 49406, 49407}));
  }
}

TEST_F(Clip, CutsBetweenWords) {
  const auto tokenizer = ParseClipTokenizer(vocabulary_, merges_);
  ASSERT_TRUE(tokenizer.ok());
  const Vector whole = Ids(**tokenizer, "a photo of an unbelievablyness", 77);
  ASSERT_GT(whole.size(), 7U);  // the last word is several tokens
  Vector cut(whole.begin(), whole.begin() + 5);
  cut.push_back(49407);
  EXPECT_EQ(Ids(**tokenizer, "a photo of an unbelievablyness", whole.size() - 1), cut);
}

TEST_F(Clip, ComplaintsNameTheField) {
  const std::string good = TokenizerJson(kPattern, false);
  EXPECT_THAT(Complaint(TokenizerJson("\\w+", false)),
              HasSubstr("\"pre_tokenizer.pretokenizers[0].pattern.Regex\": only CLIP's"));
  EXPECT_THAT(Complaint(Replaced(good, "</w>", "</x>")), HasSubstr("\"model.end_of_word_suffix\""));
  EXPECT_THAT(Complaint(Replaced(good, "\"i n\"", "\"i\"")), HasSubstr("\"model.merges\""));
  EXPECT_THAT(Complaint(Replaced(good, "\"i n\"", "\"i <no>\"")),
              HasSubstr("the merge of \"i\" and \"<no>\" is not in the vocabulary"));
  EXPECT_THAT(Complaint(Replaced(good, "\"ł</w>\"", "\"?ł</w>\"")),
              HasSubstr("\"model.vocab\": the tokens of byte 160 are missing"));
  const auto missing = ParseClipTokenizer("{}", "");
  ASSERT_FALSE(missing.ok());
  EXPECT_THAT(missing.status().message(),
              HasSubstr("vocab.json: the tokens of byte 0 are missing"));
  const auto merges = ParseClipTokenizer(vocabulary_, "#version: 0.2\ni n\nin\n");
  ASSERT_FALSE(merges.ok());
  EXPECT_THAT(merges.status().message(), HasSubstr("merges.txt line 3: expected two tokens"));
}

}  // namespace
}  // namespace ocellus::embed
