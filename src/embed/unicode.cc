#include "embed/unicode.h"

#include <unicode/brkiter.h>
#include <unicode/bytestream.h>
#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/uniset.h>
#include <unicode/utext.h>

#include <algorithm>
#include <array>
#include <memory>
#include <span>

namespace ocellus::embed::unicode {
namespace {

// Both tokenizers normalise by Unicode 9: a later character has no decomposition and no combining
// class for them.
constexpr const char16_t* kNormalizedCharacters = u"[:age=9.0:]";

struct Forms {
  Forms() {
    const icu::Normalizer2* nfc = icu::Normalizer2::getNFCInstance(error);
    const icu::Normalizer2* nfd = icu::Normalizer2::getNFDInstance(error);
    const icu::Normalizer2* nfkc = icu::Normalizer2::getNFKCInstance(error);
    const icu::Normalizer2* nfkd = icu::Normalizer2::getNFKDInstance(error);
    clusters.reset(icu::BreakIterator::createCharacterInstance(icu::Locale::getRoot(), error));
    characters.applyPattern(kNormalizedCharacters, error);
    if (U_FAILURE(error)) return;
    characters.freeze();  // thread-safe from here on
    compose = std::make_unique<icu::FilteredNormalizer2>(*nfc, characters);
    decompose = std::make_unique<icu::FilteredNormalizer2>(*nfd, characters);
    compose_compatible = std::make_unique<icu::FilteredNormalizer2>(*nfkc, characters);
    decompose_compatible = std::make_unique<icu::FilteredNormalizer2>(*nfkd, characters);
  }

  UErrorCode error = U_ZERO_ERROR;
  icu::UnicodeSet characters;
  std::unique_ptr<const icu::Normalizer2> compose;  // null after an error
  std::unique_ptr<const icu::Normalizer2> decompose;
  std::unique_ptr<const icu::Normalizer2> compose_compatible;
  std::unique_ptr<const icu::Normalizer2> decompose_compatible;
  std::unique_ptr<const icu::BreakIterator> clusters;  // to be cloned
};

const Forms& GetForms() {
  static const Forms forms;
  return forms;
}

std::string Normalized(const icu::Normalizer2& form, std::string_view text) {
  const auto ascii = [](char c) { return static_cast<unsigned char>(c) < 0x80; };
  std::string out;
  if (std::all_of(text.begin(), text.end(), ascii)) return out = text;
  out.reserve(text.size() + text.size() / 4);
  icu::StringByteSink<std::string> sink(&out);
  UErrorCode error = U_ZERO_ERROR;
  const icu::StringPiece piece(text.data(), static_cast<std::int32_t>(text.size()));
  form.normalizeUTF8(0, piece, sink, nullptr, error);
  return out;
}

UChar32 Icu(char32_t character) {
  return static_cast<UChar32>(character);
}

// The bit of the general category, 0 for a character that Unicode 8 did not have.
std::uint32_t Category8(char32_t character) {
  UVersionInfo age;
  u_charAge(Icu(character), age);
  return age[0] > 8 ? 0 : U_GET_GC_MASK(Icu(character));
}

struct Range {
  char32_t first;
  char32_t last;
};

bool IsIn(std::span<const Range> ranges, char32_t character) {
  const auto* range = std::lower_bound(ranges.data(), ranges.data() + ranges.size(), character,
                                       [](const Range& r, char32_t c) { return r.last < c; });
  return range != ranges.data() + ranges.size() && range->first <= character;
}

// What Unicode 15.1 and 16 brought, which ICU 72 has not.
constexpr auto kLetters16 = std::to_array<Range>(
    {{0x1C89, 0x1C8A},   {0xA7CB, 0xA7CD},   {0xA7DA, 0xA7DC},   {0x105C0, 0x105F3},
     {0x10D4A, 0x10D65}, {0x10D6F, 0x10D85}, {0x10EC2, 0x10EC4}, {0x11380, 0x11389},
     {0x1138B, 0x1138B}, {0x1138E, 0x1138E}, {0x11390, 0x113B5}, {0x113B7, 0x113B7},
     {0x113D1, 0x113D1}, {0x113D3, 0x113D3}, {0x11BC0, 0x11BE0}, {0x13460, 0x143FA},
     {0x16100, 0x1611D}, {0x16D40, 0x16D6C}, {0x18CFF, 0x18CFF}, {0x1E5D0, 0x1E5ED},
     {0x1E5F0, 0x1E5F0}, {0x2EBF0, 0x2EE5D}});
constexpr auto kNumbers16 = std::to_array<Range>({{0x10D40, 0x10D49},
                                                  {0x116D0, 0x116E3},
                                                  {0x11BF0, 0x11BF9},
                                                  {0x16130, 0x16139},
                                                  {0x16D70, 0x16D79},
                                                  {0x1CCF0, 0x1CCF9},
                                                  {0x1E5F1, 0x1E5FA}});

// The lower-case form of capitals that Unicode 16 and 17 brought; the character itself otherwise.
char32_t Lower17(char32_t character) {
  switch (character) {
    case 0x1C89:
    case 0xA7CC:
    case 0xA7CE:
    case 0xA7D2:
    case 0xA7D4:
    case 0xA7DA:
      return character + 1;
    case 0xA7CB:
      return 0x264;
    case 0xA7DC:
      return 0x19B;
    default:
      if (character >= 0x10D50 && character <= 0x10D65) return character + 0x20;
      if (character >= 0x16EA0 && character <= 0x16EB8) return character + 0x1B;
      return character;
  }
}

}  // namespace

Status Check() {
  const Forms& forms = GetForms();
  if (U_SUCCESS(forms.error)) return {};
  return {Code::kInternal, std::string("ICU's data: ") + u_errorName(forms.error)};
}

char32_t Next(std::string_view text, std::size_t& at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const char32_t first = byte(at++);
  if (first < 0x80) return first;
  const int more = first < 0xE0 ? 1 : first < 0xF0 ? 2 : 3;
  char32_t character = first & (0x3FU >> more);
  for (int i = 0; i < more; ++i) character = (character << 6) | (byte(at++) & 0x3FU);
  return character;
}

void Append(char32_t character, std::string& text) {
  const auto put = [&](char32_t byte) { text += static_cast<char>(byte); };
  if (character < 0x80) return put(character);
  if (character < 0x800) {
    put(0xC0 | (character >> 6));
  } else {
    if (character < 0x10000) {
      put(0xE0 | (character >> 12));
    } else {
      put(0xF0 | (character >> 18));
      put(0x80 | ((character >> 12) & 0x3F));
    }
    put(0x80 | ((character >> 6) & 0x3F));
  }
  put(0x80 | (character & 0x3F));
}

std::string Nfc(std::string_view text) {
  return Normalized(*GetForms().compose, text);
}
std::string Nfd(std::string_view text) {
  return Normalized(*GetForms().decompose, text);
}

std::string Nfkc(std::string_view text) {
  return Normalized(*GetForms().compose_compatible, text);
}
std::string Nfkd(std::string_view text) {
  return Normalized(*GetForms().decompose_compatible, text);
}

void ForEachGrapheme(std::string_view text, const std::function<void(std::string_view)>& visit) {
  UErrorCode error = U_ZERO_ERROR;
  UText* const opened =
      utext_openUTF8(nullptr, text.data(), static_cast<std::int64_t>(text.size()), &error);
  const std::unique_ptr<UText, UText* (*)(UText*)> source(opened, utext_close);
  const std::unique_ptr<icu::BreakIterator> breaks(GetForms().clusters->clone());
  breaks->setText(source.get(), error);
  if (U_FAILURE(error)) return visit(text);  // out of memory, says ICU; no other is possible here
  std::int32_t start = breaks->first();
  for (std::int32_t end = breaks->next(); end != icu::BreakIterator::DONE; end = breaks->next()) {
    visit(text.substr(static_cast<std::size_t>(start), static_cast<std::size_t>(end - start)));
    start = end;
  }
}

bool IsSpace(char32_t character) {
  return u_isUWhiteSpace(Icu(character)) != 0;
}

bool IsBertControl(char32_t character) {
  if (character == '\t' || character == '\n' || character == '\r') return false;
  return (Category8(character) & (U_GC_CC_MASK | U_GC_CF_MASK | U_GC_CO_MASK)) != 0;
}

bool IsBertPunctuation(char32_t character) {
  if (character < 0x80) return (Category8(character) & (U_GC_P_MASK | U_GC_S_MASK)) != 0;
  if (character == 0x166D || character == 0x111C9) return true;  // other categories today
  return (Category8(character) & U_GC_P_MASK) != 0;
}

bool IsBertAccent(char32_t character) {
  switch (character) {  // other categories today
    case 0x1734:
      return true;
    case 0x1885:
    case 0x1886:
    case 0xA9BD:
    case 0x111C9:
      return false;
    default:
      return (Category8(character) & U_GC_MN_MASK) != 0;
  }
}

bool IsBertIdeograph(char32_t c) {
  return (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0x3400 && c <= 0x4DBF) ||
         (c >= 0x20000 && c <= 0x2A6DF) || (c >= 0x2A700 && c <= 0x2B73F) ||
         (c >= 0x2B740 && c <= 0x2B81F) || (c >= 0x2B920 && c <= 0x2CEAF) ||
         (c >= 0xF900 && c <= 0xFAFF) || (c >= 0x2F800 && c <= 0x2FA1F);
}

bool IsLetter(char32_t character) {
  return (U_GET_GC_MASK(Icu(character)) & U_GC_L_MASK) != 0 || IsIn(kLetters16, character);
}

bool IsNumber(char32_t character) {
  return (U_GET_GC_MASK(Icu(character)) & U_GC_N_MASK) != 0 || IsIn(kNumbers16, character);
}

void AppendLower(char32_t character, std::string& text) {
  if (character == 0x130) {
    text += "i\u0307";
  } else {
    Append(Lower17(static_cast<char32_t>(u_tolower(Icu(character)))), text);
  }
}

}  // namespace ocellus::embed::unicode
