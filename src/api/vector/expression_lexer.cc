#include "api/vector/expression_lexer.h"

#include <algorithm>
#include <array>

#include "base/utf8.h"

namespace ocellus::api::vector {
namespace {

constexpr std::size_t kMaxShownBytes = 40;  // of a token in a message

bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}
// Letters of every script count: bytes beyond ASCII are parts of them.
bool StartsName(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
         (static_cast<unsigned char>(c) & 0x80) != 0;
}
bool ContinuesName(char c) {
  return StartsName(c) || IsDigit(c) || c == '.';
}
bool IsBlank(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

char UpperCase(char c) {
  return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
}

std::size_t CodePoints(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

// 12, 1.5, .5, 1e-3: how many bytes of the text are a number.
std::size_t NumberBytes(std::string_view text) {
  std::size_t at = 0;
  const auto digits = [&] {
    const std::size_t start = at;
    while (at < text.size() && IsDigit(text[at])) ++at;
    return at > start;
  };
  bool any = digits();
  if (at < text.size() && text[at] == '.') {
    ++at;
    any = digits() || any;
  }
  if (!any) return 0;
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    const std::size_t before = at++;
    if (at < text.size() && (text[at] == '+' || text[at] == '-')) ++at;
    if (!digits()) at = before;
  }
  return at;
}

}  // namespace

Status WrongAt(std::size_t position, std::string_view problem) {
  return Status(Code::kInvalidArgument,
                "position " + std::to_string(position) + ": " + std::string(problem));
}

std::string Shown(const Token& token) {
  const std::string_view text = Utf8Prefix(token.text, kMaxShownBytes);
  const std::string shown = std::string(text) + (text.size() < token.text.size() ? "..." : "");
  switch (token.kind) {
    case TokenKind::kEnd:
      return "the end";
    case TokenKind::kNumber:
      return "the number " + shown;
    case TokenKind::kString:
      return "the text \"" + shown + "\"";
    case TokenKind::kName:
    case TokenKind::kSymbol:
      break;
  }
  return "\"" + shown + "\"";
}

bool IsKeyword(const Token& token, std::string_view upper_case) {
  return token.kind == TokenKind::kName && !token.quoted &&
         std::equal(token.text.begin(), token.text.end(), upper_case.begin(), upper_case.end(),
                    [](char a, char b) { return UpperCase(a) == b; });
}

void ExpressionLexer::Advance(std::size_t bytes) {
  position_ += CodePoints(text_.substr(0, bytes));
  text_.remove_prefix(bytes);
}

Result<Token> ExpressionLexer::Quoted(char quote, TokenKind kind) {
  Token token{kind, {}, position_, kind == TokenKind::kName};
  std::size_t at = 1;
  for (; at < text_.size() && text_[at] != quote; ++at) {
    // A backslash hides a quote or a backslash; before anything else it means itself.
    const bool escape = text_[at] == '\\' && at + 1 < text_.size() &&
                        (text_[at + 1] == '\\' || text_[at + 1] == '"' || text_[at + 1] == '\'' ||
                         text_[at + 1] == '`');
    if (escape) ++at;
    token.text += text_[at];
  }
  if (at >= text_.size()) {
    return WrongAt(token.position, std::string("the ") + quote + " has no partner that closes it");
  }
  Advance(at + 1);
  if (kind == TokenKind::kName && token.text.empty()) {
    return WrongAt(token.position, "a name must not be empty");
  }
  return token;
}

Result<Token> ExpressionLexer::Next() {
  std::size_t blanks = 0;
  while (blanks < text_.size() && IsBlank(text_[blanks])) ++blanks;
  Advance(blanks);
  Token token{TokenKind::kEnd, {}, position_, false};
  if (text_.empty()) return token;

  const char first = text_.front();
  if (first == '"' || first == '\'') return Quoted(first, TokenKind::kString);
  if (first == '`') return Quoted(first, TokenKind::kName);

  std::size_t bytes = NumberBytes(text_);
  if (bytes > 0) {
    token.kind = TokenKind::kNumber;
    if (bytes < text_.size() && StartsName(text_[bytes])) {
      return WrongAt(token.position, "a name cannot begin with a digit");
    }
  } else if (StartsName(first)) {
    token.kind = TokenKind::kName;
    while (bytes < text_.size() && ContinuesName(text_[bytes])) ++bytes;
  } else {
    // The longer ones first.
    static constexpr std::array<std::string_view, 16> kSymbols = {
        "==", "!=", "<>", "<=", ">=", "=", "<", ">", "+", "-", "*", "/", "(", ")", ",", ";"};
    const auto* symbol =
        std::find_if(kSymbols.begin(), kSymbols.end(),
                     [&](std::string_view candidate) { return text_.starts_with(candidate); });
    if (symbol == kSymbols.end()) {
      return WrongAt(token.position, "unexpected character \"" + std::string(1, first) + "\"");
    }
    token.kind = TokenKind::kSymbol;
    bytes = symbol->size();
  }
  token.text = text_.substr(0, bytes);
  Advance(bytes);
  return token;
}

}  // namespace ocellus::api::vector
