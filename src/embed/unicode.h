// The few facts about Unicode that the tokenizers need, each as the reference tokenizers see it.
//
// Their libraries know other versions of Unicode than ICU does, and each property another one:
// where the two disagree about a character, what the reference says is written down in unicode.cc.
// An id other than the one a model was trained with would be a wrong vector that nobody notices.
//
// Thread safety: all functions may be called concurrently.

#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace ocellus::embed::unicode {

// Internal when ICU's data are missing; to be called once before any other function.
Status Check();

// The character at `at`, which moves behind it. REQUIRES: IsUtf8(text), at < text.size()
char32_t Next(std::string_view text, std::size_t& at);

void Append(char32_t character, std::string& text);

// Canonical composition and decomposition. REQUIRES: Check() was ok, IsUtf8(text)
std::string Nfc(std::string_view text);
std::string Nfd(std::string_view text);
// The same by compatibility.
std::string Nfkc(std::string_view text);
std::string Nfkd(std::string_view text);

// Calls visit(cluster) for every extended grapheme cluster, in order.
// REQUIRES: Check() was ok, IsUtf8(text)
void ForEachGrapheme(std::string_view text, const std::function<void(std::string_view)>& visit);

// The property White_Space.
bool IsSpace(char32_t character);

// General categories as BERT's normaliser sees them: those of Unicode 8.
bool IsBertControl(char32_t character);      // Cc, Cf, Co, without tab, line feed, carriage return
bool IsBertPunctuation(char32_t character);  // P*, and every ASCII sign
bool IsBertAccent(char32_t character);       // Mn
bool IsBertIdeograph(char32_t character);    // the blocks that BERT calls Chinese characters

// \p{L} and \p{N} of CLIP's pattern: Unicode 16.
bool IsLetter(char32_t character);
bool IsNumber(char32_t character);

// Appends the lower-case form by Unicode 17, which is two characters for U+0130.
void AppendLower(char32_t character, std::string& text);

}  // namespace ocellus::embed::unicode
