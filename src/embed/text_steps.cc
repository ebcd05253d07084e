#include "embed/text_steps.h"

#include <charconv>
#include <utility>

#include "embed/unicode.h"

namespace ocellus::embed {
namespace {

constexpr std::size_t kMaxSteps = 32;

// The character of a set at `at`, which moves behind it; false: not implemented.
bool SetCharacter(std::string_view pattern, std::size_t& at, unsigned char& character) {
  if (at < pattern.size() && pattern[at] == '\\') {
    ++at;
    // A letter or digit behind the backslash would stand for a class of characters.
    if (at < pattern.size() && std::isalnum(static_cast<unsigned char>(pattern[at])) != 0) {
      return false;
    }
  }
  if (at >= pattern.size()) return false;
  character = static_cast<unsigned char>(pattern[at++]);
  return character < 0x80;
}

// "[...]" at `at`, which moves behind it.
bool ParseSet(std::string_view pattern, std::size_t& at, std::bitset<128>& ascii, bool& space) {
  ++at;
  if (at < pattern.size() && pattern[at] == '^') return false;
  while (at < pattern.size() && pattern[at] != ']') {
    if (pattern.substr(at).starts_with("\\s")) {
      space = true;
      at += 2;
      continue;
    }
    // A set in a set, or a class by name.
    if (pattern[at] == '[' || pattern.substr(at).starts_with("&&")) return false;
    unsigned char first = 0;
    if (!SetCharacter(pattern, at, first)) return false;
    unsigned char last = first;
    if (at + 1 < pattern.size() && pattern[at] == '-' && pattern[at + 1] != ']') {
      ++at;
      if (!SetCharacter(pattern, at, last) || last < first) return false;
    }
    for (unsigned c = first; c <= last; ++c) ascii.set(c);
  }
  if (at >= pattern.size()) return false;
  ++at;
  return true;
}

std::string ReplacedAll(std::string_view text, const std::string& from, const std::string& to) {
  std::string out;
  for (;;) {
    const std::size_t at = text.find(from);
    out += text.substr(0, at);
    if (at == std::string_view::npos) return out;
    out += to;
    text.remove_prefix(at + from.size());
  }
}

std::string Stripped(std::string_view text, bool left, bool right) {
  std::size_t first = std::string_view::npos;  // of what is no white space
  std::size_t end = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t start = at;
    if (unicode::IsSpace(unicode::Next(text, at))) continue;
    if (first == std::string_view::npos) first = start;
    end = at;
  }
  if (first == std::string_view::npos) return left || right ? std::string() : std::string(text);
  const std::size_t from = left ? first : 0;
  return std::string(text.substr(from, (right ? end : text.size()) - from));
}

}  // namespace

// One set of characters: a single one, "\s", "[...]"; then nothing, "+" or "{n,}".
bool TextSteps::ParseRun(std::string_view pattern, ReplaceRun& run) {
  std::size_t at = 0;
  if (pattern.empty()) return false;
  if (pattern.starts_with("\\s")) {
    run.space = true;
    at = 2;
  } else if (pattern[0] == '[') {
    if (!ParseSet(pattern, at, run.ascii, run.space)) return false;
  } else {
    constexpr std::string_view kSigns = ".^$*+?()[{|";  // these mean something else
    unsigned char character = 0;
    if (kSigns.find(pattern[0]) != std::string_view::npos) return false;
    if (!SetCharacter(pattern, at, character)) return false;
    run.ascii.set(character);
  }
  const std::string_view times = pattern.substr(at);
  if (times.empty()) {
    run.single = true;
    return true;
  }
  if (times == "+") return true;
  if (!times.starts_with("{") || !times.ends_with(",}")) return false;
  const std::string_view number = times.substr(1, times.size() - 3);
  const auto parsed = std::from_chars(number.data(), number.data() + number.size(), run.least);
  return parsed.ec == std::errc() && parsed.ptr == number.data() + number.size() &&
         run.least >= 1 && run.least <= 1000;
}

Result<TextSteps::Step> TextSteps::ReadReplace(const JsonFields& fields) {
  OCELLUS_ASSIGN_OR_RETURN(const JsonFields pattern, fields.Object("pattern"));
  OCELLUS_ASSIGN_OR_RETURN(std::string by, fields.String("content"));
  if (pattern.Has("String")) {
    OCELLUS_ASSIGN_OR_RETURN(std::string text, pattern.String("String"));
    if (text.empty()) return pattern.Error("String", "is empty");
    return Step(ReplaceText{std::move(text), std::move(by)});
  }
  OCELLUS_ASSIGN_OR_RETURN(const std::string regex, pattern.String("Regex"));
  ReplaceRun run;
  run.by = std::move(by);
  if (!ParseRun(regex, run)) {
    return pattern.Error("Regex", "\"" + regex +
                                      "\" is not supported: only one set of characters is, "
                                      "repeated or not");
  }
  return Step(std::move(run));
}

Result<TextSteps::Step> TextSteps::ReadStep(const JsonFields& fields, const std::string& type) {
  constexpr std::pair<const char*, Form> kForms[] = {{"NFC", Form::kNfc},
                                                     {"NFD", Form::kNfd},
                                                     {"NFKC", Form::kNfkc},
                                                     {"NFKD", Form::kNfkd},
                                                     {"Lowercase", Form::kLowercase},
                                                     {"StripAccents", Form::kStripAccents}};
  for (const auto& [name, form] : kForms) {
    if (type == name) return Step(form);
  }
  if (type == "Strip") {
    Strip strip{};
    OCELLUS_ASSIGN_OR_RETURN(strip.left, fields.Boolean("strip_left", true));
    OCELLUS_ASSIGN_OR_RETURN(strip.right, fields.Boolean("strip_right", true));
    return Step(strip);
  }
  if (type == "Prepend") {
    OCELLUS_ASSIGN_OR_RETURN(std::string text, fields.String("prepend"));
    return Step(Prepend{std::move(text)});
  }
  if (type == "Replace") return ReadReplace(fields);
  if (type == "Precompiled") {
    OCELLUS_ASSIGN_OR_RETURN(const std::string base64, fields.String("precompiled_charsmap"));
    Result<Charsmap> map = Charsmap::Parse(base64);
    if (!map.ok()) return fields.Error("precompiled_charsmap", map.status().message());
    return Step(*std::move(map));
  }
  return fields.Error("type", "\"" + type + "\" is not supported here");
}

Result<TextSteps> TextSteps::Read(const JsonFields& root) {
  TextSteps steps;
  if (!root.Has("normalizer")) return steps;
  OCELLUS_ASSIGN_OR_RETURN(const JsonFields normalizer, root.Object("normalizer"));
  OCELLUS_ASSIGN_OR_RETURN(const std::string type, normalizer.String("type"));
  if (type != "Sequence") {
    OCELLUS_ASSIGN_OR_RETURN(Step step, ReadStep(normalizer, type));
    steps.steps_.push_back(std::move(step));
    return steps;
  }
  OCELLUS_ASSIGN_OR_RETURN(const auto list, normalizer.Objects("normalizers"));
  if (list.size() > kMaxSteps) return normalizer.Error("normalizers", "are too many");
  for (const JsonFields& fields : list) {
    OCELLUS_ASSIGN_OR_RETURN(const std::string kind, fields.String("type"));
    OCELLUS_ASSIGN_OR_RETURN(Step step, ReadStep(fields, kind));
    steps.steps_.push_back(std::move(step));
  }
  return steps;
}

std::string TextSteps::Run(Form step, std::string_view text) {
  switch (step) {
    case Form::kNfc:
      return unicode::Nfc(text);
    case Form::kNfd:
      return unicode::Nfd(text);
    case Form::kNfkc:
      return unicode::Nfkc(text);
    case Form::kNfkd:
      return unicode::Nfkd(text);
    case Form::kLowercase:
    case Form::kStripAccents:
      break;
  }
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const char32_t c = unicode::Next(text, at);
    if (step == Form::kLowercase) {
      unicode::AppendLower(c, out);
    } else if (!unicode::IsBertAccent(c)) {
      unicode::Append(c, out);
    }
  }
  return out;
}

std::string TextSteps::Run(const ReplaceRun& step, std::string_view text) {
  const auto is_in = [&](char32_t c) {
    return (c < 0x80 && step.ascii[c]) || (step.space && unicode::IsSpace(c));
  };
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t start = at;
    std::size_t count = 0;
    std::size_t end = at;
    while (at < text.size() && !(step.single && count == 1)) {
      if (!is_in(unicode::Next(text, at))) break;
      ++count;
      end = at;
    }
    if (count >= step.least) {
      out += step.by;
      at = end;
    } else {
      if (count == 0) end = at;
      out += text.substr(start, end - start);
      at = end;
    }
  }
  return out;
}

std::string TextSteps::RunAny(const Step& step, std::string text) {
  if (const auto* form = std::get_if<Form>(&step)) return Run(*form, text);
  if (const auto* strip = std::get_if<Strip>(&step)) {
    return Stripped(text, strip->left, strip->right);
  }
  if (const auto* prepend = std::get_if<Prepend>(&step)) {
    return text.empty() ? text : prepend->text + text;
  }
  if (const auto* replace = std::get_if<ReplaceText>(&step)) {
    return ReplacedAll(text, replace->text, replace->by);
  }
  if (const auto* run = std::get_if<ReplaceRun>(&step)) return Run(*run, text);
  return std::get<Charsmap>(step).Normalize(text);
}

std::string TextSteps::Apply(std::string_view text) const {
  std::string out(text);
  for (const Step& step : steps_) out = RunAny(step, std::move(out));
  return out;
}

}  // namespace ocellus::embed
