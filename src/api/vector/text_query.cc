#include "api/vector/text_query.h"

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "api/vector/body_fields.h"
#include "base/utf8.h"

namespace ocellus::api::vector {
namespace {

using query::TextQuery;

constexpr std::size_t kMaxBytes = 8192;  // as of every text to embed
constexpr std::size_t kMaxDepth = 16;
constexpr std::size_t kMaxTexts = 64;  // the store has no more nodes either

bool IsBlank(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}
bool EndsWord(char c) {
  return IsBlank(c) || c == '(' || c == ')' || c == ':' || c == '\'' || c == '"';
}

class Parser {
 public:
  Parser(std::string_view text, const TextQueryOptions& options) : text_(text), options_(options) {}

  Result<TextQuery> Parse() {
    OCELLUS_ASSIGN_OR_RETURN(TextQuery query, ParseOr(0));
    SkipBlanks();
    if (at_ < text_.size()) return Wrong("expected AND, OR, ANDNOT or the end");
    return query;
  }

 private:
  Status Wrong(std::string_view problem) const {
    const auto position =
        1 + std::count_if(text_.begin(), text_.begin() + static_cast<std::ptrdiff_t>(at_),
                          [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; });
    return Status(Code::kInvalidArgument,
                  "position " + std::to_string(position) + ": " + std::string(problem));
  }

  void SkipBlanks() {
    while (at_ < text_.size() && IsBlank(text_[at_])) ++at_;
  }

  // The bare word that comes next; empty: none does.
  std::string_view PeekWord() {
    SkipBlanks();
    std::size_t end = at_;
    while (end < text_.size() && !EndsWord(text_[end])) ++end;
    return text_.substr(at_, end - at_);
  }

  bool TakeKeyword(std::string_view keyword) {
    const std::string_view word = PeekWord();
    if (UpperCase(word) != keyword) return false;
    if (at_ + word.size() < text_.size() && text_[at_ + word.size()] == ':') return false;
    at_ += word.size();
    return true;
  }
  bool IsKeywordNext() {
    const std::string word = UpperCase(PeekWord());
    return word == "AND" || word == "OR" || word == "ANDNOT";
  }

  Result<TextQuery> ParseOr(std::size_t depth) {
    std::vector<TextQuery> parts;
    do {
      OCELLUS_ASSIGN_OR_RETURN(TextQuery part, ParseAnd(depth));
      parts.push_back(std::move(part));
    } while (TakeKeyword("OR"));
    if (parts.size() == 1) return std::move(parts.front());
    return TextQuery::Or(std::move(parts));
  }

  Result<TextQuery> ParseAnd(std::size_t depth) {
    std::vector<TextQuery> wanted;
    std::vector<TextQuery> unwanted;
    OCELLUS_ASSIGN_OR_RETURN(TextQuery first, ParsePrimary(depth));
    wanted.push_back(std::move(first));
    for (;;) {
      const bool without = TakeKeyword("ANDNOT");
      if (!without && !TakeKeyword("AND")) break;
      OCELLUS_ASSIGN_OR_RETURN(TextQuery part, ParsePrimary(depth));
      (without ? unwanted : wanted).push_back(std::move(part));
    }
    TextQuery query =
        wanted.size() == 1 ? std::move(wanted.front()) : TextQuery::And(std::move(wanted));
    if (unwanted.empty()) return query;
    unwanted.insert(unwanted.begin(), std::move(query));
    return TextQuery::AndNot(std::move(unwanted));
  }

  Result<TextQuery> ParsePrimary(std::size_t depth) {
    SkipBlanks();
    if (depth >= kMaxDepth) {
      return Wrong("nested deeper than " + std::to_string(kMaxDepth) + " levels");
    }
    if (at_ < text_.size() && text_[at_] == '(') {
      ++at_;
      OCELLUS_ASSIGN_OR_RETURN(TextQuery query, ParseOr(depth + 1));
      SkipBlanks();
      if (at_ >= text_.size() || text_[at_] != ')') return Wrong("expected \")\"");
      ++at_;
      return query;
    }
    if (++texts_ > kMaxTexts) return Wrong("more than " + std::to_string(kMaxTexts) + " texts");
    std::string_view index;
    const std::string_view word = PeekWord();
    if (!word.empty() && at_ + word.size() < text_.size() && text_[at_ + word.size()] == ':') {
      index = word;
    }
    std::vector<std::string> columns;
    if (!index.empty()) {
      Result<std::vector<std::string>> found = options_.columns_of(index);
      if (!found.ok()) return Wrong(found.status().message());
      columns = *std::move(found);
      at_ += index.size() + 1;
    }
    OCELLUS_ASSIGN_OR_RETURN(TextQuery query, ParseText());
    query.columns = std::move(columns);
    const bool whole = options_.is_untokenized && options_.is_untokenized(index);
    if (whole) query.match = TextQuery::Match::kPhrase;
    return query;
  }

  Result<TextQuery> ParseText() {
    const auto words = options_.any_word ? TextQuery::Match::kAnyWord : TextQuery::Match::kAllWords;
    SkipBlanks();
    if (at_ < text_.size() && (text_[at_] == '\'' || text_[at_] == '"')) {
      const char quote = text_[at_];
      const std::size_t start = ++at_;
      std::string out;
      for (; at_ < text_.size() && text_[at_] != quote; ++at_) {
        if (text_[at_] == '\\' && at_ + 1 < text_.size() &&
            (text_[at_ + 1] == quote || text_[at_ + 1] == '\\')) {
          ++at_;
        }
        out += text_[at_];
      }
      if (at_ >= text_.size()) {
        at_ = start - 1;
        return Wrong(std::string("the ") + quote + " has no partner that closes it");
      }
      ++at_;
      return TextQuery::Text(std::move(out), quote == '"' ? TextQuery::Match::kPhrase : words);
    }
    std::string out;
    for (std::string_view word = PeekWord(); !word.empty() && !IsKeywordNext(); word = PeekWord()) {
      if (at_ + word.size() < text_.size() && text_[at_ + word.size()] == ':') break;
      out += (out.empty() ? "" : " ") + std::string(word);
      at_ += word.size();
    }
    if (out.empty()) return Wrong("expected a text, like title:'cat'");
    return TextQuery::Text(std::move(out), words);
  }

  const std::string_view text_;
  const TextQueryOptions& options_;
  std::size_t at_ = 0;
  std::size_t texts_ = 0;
};

}  // namespace

Result<TextQuery> ParseTextQuery(std::string_view text, const TextQueryOptions& options) {
  if (text.size() > kMaxBytes) {
    return Status(Code::kInvalidArgument, std::to_string(text.size()) + " bytes, the limit is " +
                                              std::to_string(kMaxBytes));
  }
  if (!IsUtf8(text)) return Status(Code::kInvalidArgument, "not UTF-8");
  return Parser(text, options).Parse();
}

}  // namespace ocellus::api::vector
