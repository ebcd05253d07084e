// A tokenizer.json from outside, and any bytes as text for a tokenizer that loaded. The input is
// the file; where it holds a zero byte, what follows is the text. A file that starts with 'w' or
// 'c' instead stands for a small WordPiece or CLIP one, so that texts are reached at once.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/utf8.h"
#include "embed/tokenizer.h"

namespace {

using ocellus::embed::Tokenizer;

std::unique_ptr<Tokenizer> SmallWordPiece() {
  auto tokenizer = ocellus::embed::ParseTokenizer(
      R"({"added_tokens":[{"id":2,"content":"[SEP]","normalized":false},
        {"id":9,"content":"[X]","normalized":true}],
      "normalizer":{"type":"BertNormalizer"},"pre_tokenizer":{"type":"BertPreTokenizer"},
      "post_processor":{"type":"BertProcessing","cls":["[CLS]",1],"sep":["[SEP]",2]},
      "model":{"type":"WordPiece","vocab":{"[UNK]":0,"a":3,"##b":4,"ab":5,"!":6,"##é":7,"犬":8}}})");
  if (!tokenizer.ok()) std::abort();
  return *std::move(tokenizer);
}

// The bytes' own spellings as exporters write them, and three merges.
std::unique_ptr<Tokenizer> SmallClip() {
  std::string vocabulary =
      "{\"<|startoftext|>\":512,\"<|endoftext|>\":513,\"ab\":514,\"ab</w>\":515";
  vocabulary += ",\"aa\":516";
  unsigned other = 0x100;
  for (unsigned byte = 0; byte < 256; ++byte) {
    const bool printable =
        (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
    const unsigned character = printable ? byte : other++;
    std::string token = character == '"' || character == '\\' ? "\\" : "";
    if (character < 0x80) {
      token += static_cast<char>(character);
    } else {
      token += static_cast<char>(0xC0 | (character >> 6));
      token += static_cast<char>(0x80 | (character & 0x3F));
    }
    vocabulary += ",\"" + token + "\":" + std::to_string(byte);
    vocabulary += ",\"" + token + "</w>\":" + std::to_string(256 + byte);
  }
  auto tokenizer =
      ocellus::embed::ParseClipTokenizer(vocabulary + "}", "#version\na b\na b</w>\na a\n");
  if (!tokenizer.ok()) std::abort();
  return *std::move(tokenizer);
}

void Encode(const Tokenizer& tokenizer, std::string_view text) {
  const std::size_t special = tokenizer.special_tokens();
  std::size_t before = special;
  for (const std::size_t limit : {special + 1, special + 7, special + 4096}) {
    const auto ids = tokenizer.Encode(text, limit);
    if (ids.ok() != ocellus::IsUtf8(text)) std::abort();
    if (!ids.ok()) return;
    // A higher limit never gives less.
    if (ids->size() > limit || ids->size() < before) std::abort();
    before = ids->size();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::unique_ptr<Tokenizer> word_piece = SmallWordPiece();
  static const std::unique_ptr<Tokenizer> clip = SmallClip();
  const std::string_view input = ocellus::AsText({data, size});
  if (input.starts_with('w')) return Encode(*word_piece, input.substr(1)), 0;
  if (input.starts_with('c')) return Encode(*clip, input.substr(1)), 0;
  const std::size_t end = input.find('\0');
  const auto tokenizer = ocellus::embed::ParseTokenizer(input.substr(0, end));
  if (!tokenizer.ok()) return 0;
  Encode(**tokenizer, end == std::string_view::npos ? "a dog" : input.substr(end + 1));
  return 0;
}
