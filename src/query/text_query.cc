#include "query/text_query.h"

#include <utility>

namespace ocellus::query {
namespace {

TextQuery Node(TextQuery::Kind kind, std::vector<TextQuery> children) {
  TextQuery query;
  query.kind = kind;
  query.children = std::move(children);
  return query;
}

}  // namespace

TextQuery TextQuery::Text(std::string text, Match match, std::vector<std::string> columns) {
  TextQuery query;
  query.text = std::move(text);
  query.match = match;
  query.columns = std::move(columns);
  return query;
}

TextQuery TextQuery::And(std::vector<TextQuery> children) {
  return Node(Kind::kAnd, std::move(children));
}

TextQuery TextQuery::Or(std::vector<TextQuery> children) {
  return Node(Kind::kOr, std::move(children));
}

TextQuery TextQuery::AndNot(std::vector<TextQuery> children) {
  return Node(Kind::kAndNot, std::move(children));
}

}  // namespace ocellus::query
