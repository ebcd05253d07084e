// What a full-text search asks for. Every front parses its own syntax into this tree.
//
// Texts are analysed by the store, in queries as in rows: words are runs of letters and digits
// (Unicode), case and diacritics folded; Chinese characters, kana and hangul count one by one and
// match as they stand side by side.
//
// Thread safety: plain values.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace ocellus::query {

struct TextQuery {
  enum class Kind : std::uint8_t {
    kText,    // the words of `text`, joined by `match`
    kAnd,     // all of the children
    kOr,      // one of the children
    kAndNot,  // the first of the children, and none of the others
  };
  // How the words of a text belong together.
  enum class Match : std::uint8_t { kAllWords, kAnyWord, kPhrase };

  Kind kind = Kind::kText;
  std::string text = {};  // UTF-8
  Match match = Match::kAllWords;
  std::vector<std::string> columns = {};  // where to look; empty: in every full-text column
  std::vector<TextQuery> children = {};   // kAnd, kOr: one or more; kAndNot: two or more

  static TextQuery Text(std::string text, Match match = Match::kAllWords,
                        std::vector<std::string> columns = {});
  static TextQuery And(std::vector<TextQuery> children);
  static TextQuery Or(std::vector<TextQuery> children);
  static TextQuery AndNot(std::vector<TextQuery> children);
};

}  // namespace ocellus::query
