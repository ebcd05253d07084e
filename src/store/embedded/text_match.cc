#include "store/embedded/text_match.h"

#include <algorithm>
#include <utility>

namespace ocellus::store::embedded {
namespace {

using query::TextQuery;

// Ours: far above what people write, far below where FTS5 grows slow.
constexpr std::size_t kMaxNodes = 64;
constexpr std::size_t kMaxWords = 1024;
constexpr std::size_t kMaxTextBytes = 64 << 10;

Status Invalid(std::string message) {
  return {Code::kInvalidArgument, "text query: " + std::move(message)};
}

class Builder {
 public:
  Builder(Database& database, const RowLayout& layout) : database_(database), layout_(layout) {}

  // Bounded by the count of nodes, so the recursion is.
  Result<std::string> Build(const TextQuery& query) {
    if (++nodes_ > kMaxNodes) return Invalid("more than 64 parts");
    if (query.kind == TextQuery::Kind::kText) return BuildText(query);
    const std::size_t needed = query.kind == TextQuery::Kind::kAndNot ? 2 : 1;
    if (query.children.size() < needed) return Invalid("an operator without its operands");
    const char* between = query.kind == TextQuery::Kind::kAnd  ? " AND "
                          : query.kind == TextQuery::Kind::kOr ? " OR "
                                                               : " NOT ";
    if (query.children.size() > 1) {
      (query.kind == TextQuery::Kind::kAnd ? has_and_ : has_or_) = true;
      if (query.kind == TextQuery::Kind::kAndNot) has_and_ = true;  // both: a mixture
    }
    std::string expression = "(";
    for (const TextQuery& child : query.children) {
      const bool first = &child == &query.children.front();
      if (!first) expression += between;
      const bool excluded = query.kind == TextQuery::Kind::kAndNot && !first;
      excluded_ += excluded ? 1 : 0;
      OCELLUS_ASSIGN_OR_RETURN(const std::string part, Build(child));
      excluded_ -= excluded ? 1 : 0;
      expression += part;
    }
    return expression + ")";
  }

  std::string ScoreExpression() const {
    if (!has_and_ || !has_or_) return "";
    std::string expression;
    for (const std::string& phrase : phrases_) {
      if (!expression.empty()) expression += " OR ";
      expression += phrase;
    }
    return expression;
  }

 private:
  Result<std::string> BuildText(const TextQuery& query) {
    if (query.text.size() > kMaxTextBytes) return Invalid("a text of more than 64 KiB");
    OCELLUS_ASSIGN_OR_RETURN(const std::string columns, Columns(query));
    OCELLUS_ASSIGN_OR_RETURN(std::vector<std::string_view> words, database_.SplitWords(query.text));
    if (words.empty()) return Invalid("no word in '" + query.text + "'");
    words_ += words.size();
    if (words_ > kMaxWords) return Invalid("more than 1024 words");
    if (query.match == TextQuery::Match::kPhrase) {
      const char* begin = words.front().data();
      const char* end = words.back().data() + words.back().size();
      return Phrase(columns, {begin, static_cast<std::size_t>(end - begin)});
    }
    if (words.size() > 1) {
      (query.match == TextQuery::Match::kAllWords ? has_and_ : has_or_) = true;
    }
    const char* between = query.match == TextQuery::Match::kAllWords ? " AND " : " OR ";
    std::string expression = "(";
    for (const std::string_view word : words) {
      if (word.data() != words.front().data()) expression += between;
      expression += Phrase(columns, word);
    }
    return expression + ")";
  }

  std::string Phrase(const std::string& columns, std::string_view text) {
    std::string phrase = columns + Quoted(text);
    if (excluded_ == 0) phrases_.push_back(phrase);
    return phrase;
  }

  // "{c1 c4} : ", or nothing for all of them.
  Result<std::string> Columns(const TextQuery& query) const {
    if (query.columns.empty()) return std::string();
    std::string list = "{";
    for (const std::string& name : query.columns) {
      const std::size_t position = layout_.schema().IndexOf(name);
      const std::vector<std::size_t>& texts = layout_.texts();
      if (std::find(texts.begin(), texts.end(), position) == texts.end()) {
        return Invalid("'" + name + "' is no full-text column");
      }
      if (list.size() > 1) list += " ";
      list += layout_.NameOf(position);
    }
    return list + "} : ";
  }

  // A text within quotes is tokenized and nothing else.
  static std::string Quoted(std::string_view text) {
    std::string quoted = "\"";
    for (const char c : text) {
      if (c == '\0') {
        quoted += ' ';  // it would end the expression
      } else {
        quoted += c;
      }
      if (c == '"') quoted += c;
    }
    return quoted + "\"";
  }

  Database& database_;
  const RowLayout& layout_;
  std::size_t nodes_ = 0;
  std::size_t words_ = 0;
  int excluded_ = 0;  // how many operators say that what is built now must not be there
  bool has_and_ = false;
  bool has_or_ = false;
  std::vector<std::string> phrases_;
};

}  // namespace

Result<TextMatch> MatchExpression(Database& database, const RowLayout& layout,
                                  const query::TextQuery& query) {
  if (layout.texts().empty()) return Invalid("the table has no full-text column");
  Builder builder(database, layout);
  TextMatch match;
  OCELLUS_ASSIGN_OR_RETURN(match.rows, builder.Build(query));
  match.score = builder.ScoreExpression();
  return match;
}

}  // namespace ocellus::store::embedded
