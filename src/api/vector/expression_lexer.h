// The words of the OpenSearch front's filters and sort expressions.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace ocellus::api::vector {

enum class TokenKind : std::uint8_t {
  kEnd,
  kNumber,  // text: as written
  kString,  // text: what stands between the quotes, escapes undone
  kName,    // text: the name; quoted: it stood in backquotes and is no keyword
  kSymbol,  // text: = == != <> < <= > >= + - * / ( ) , ;
};

struct Token {
  TokenKind kind = TokenKind::kEnd;
  std::string text;
  std::size_t position = 1;  // of its first character (a code point), from 1
  bool quoted = false;
};

// One owner thread. The text is borrowed.
class ExpressionLexer {
 public:
  // REQUIRES: text is UTF-8
  explicit ExpressionLexer(std::string_view text) : text_(text) {}

  // The next token; kEnd for ever after the last. InvalidArgument with the position: a character
  // that begins none, a text without its end.
  Result<Token> Next();

 private:
  Result<Token> Quoted(char quote, TokenKind kind);
  void Advance(std::size_t bytes);

  std::string_view text_;  // what is left
  std::size_t position_ = 1;
};

// "position 7: expected ..."
Status WrongAt(std::size_t position, std::string_view problem);

// A token in a message: "end of the text", "number 5", "\")\"".
std::string Shown(const Token& token);

// Whether it is that keyword, in any case and not in backquotes.
bool IsKeyword(const Token& token, std::string_view upper_case);

}  // namespace ocellus::api::vector
