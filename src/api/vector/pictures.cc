#include "api/vector/pictures.h"

#include <algorithm>
#include <utility>

#include "base/base64.h"
#include "base/bytes.h"

namespace ocellus::api::vector {
namespace {

constexpr std::size_t kMaxLocationBytes = 4096;
constexpr std::size_t kMaxDataUrlHead = 256;  // before its comma
// As much of base64 as shows the first bytes of a picture.
constexpr std::size_t kHeadCharacters = 32;

bool IsBlank(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

std::string_view WithoutBlanksAround(std::string_view text) {
  while (!text.empty() && IsBlank(text.front())) text.remove_prefix(1);
  while (!text.empty() && IsBlank(text.back())) text.remove_suffix(1);
  return text;
}

bool IsLocation(std::string_view text) {
  if (text.size() > kMaxLocationBytes || text.find_first_of("\r\n") != std::string_view::npos) {
    return false;
  }
  for (const std::string_view scheme : {"http://", "https://", "oss://", "file:"}) {
    if (text.size() > scheme.size() && text.starts_with(scheme)) return true;
  }
  return false;
}

// The first bytes of every format that the server reads.
bool BeginsAsPicture(std::string_view bytes) {
  using namespace std::string_view_literals;
  for (const std::string_view magic :
       {"\xFF\xD8\xFF"sv, "\x89PNG"sv, "GIF8"sv, "BM"sv, "II*\0"sv, "MM\0*"sv}) {
    if (bytes.starts_with(magic)) return true;
  }
  return (bytes.starts_with("RIFF") && bytes.substr(0, 12).ends_with("WEBP")) ||
         bytes.substr(0, 8).ends_with("ftyp");
}

}  // namespace

bool LooksLikePicture(std::string_view text) {
  text = WithoutBlanksAround(text);
  if (text.starts_with("data:image/") || IsLocation(text)) return true;
  const Result<std::string> head = DecodeBase64(text.substr(0, kHeadCharacters));
  return head.ok() && text.size() > kHeadCharacters && BeginsAsPicture(*head);
}

Result<std::string> PictureReader::Decode(std::string_view base64) const {
  if (base64.empty()) return Status(Code::kInvalidArgument, "must not be empty");
  const auto too_large = [&](std::size_t bytes) {
    return Status(Code::kInvalidArgument, "the picture has " + std::to_string(bytes) +
                                              " bytes, the limit is " + std::to_string(max_bytes_));
  };
  // Before it is decoded: line breaks take a 38th part at most (76 characters and two).
  if (base64.size() / 4 * 3 > max_bytes_ + max_bytes_ / 32) return too_large(base64.size() / 4 * 3);
  std::string without_blanks;
  if (base64.find_first_of(" \t") != std::string_view::npos) {
    without_blanks = base64;
    std::erase_if(without_blanks, IsBlank);
    base64 = without_blanks;
  }
  OCELLUS_ASSIGN_OR_RETURN(std::string bytes, DecodeBase64(base64));
  if (bytes.size() > max_bytes_) return too_large(bytes.size());
  if (bytes.empty()) return Status(Code::kInvalidArgument, "the picture has 0 bytes");
  return bytes;
}

Result<SentPicture> PictureReader::ReadLocation(std::string_view location) const {
  const auto too_many = [] {
    return Status(Code::kInvalidArgument, "the pictures of the request are over " +
                                              std::to_string(kMaxLocatedBytes) +
                                              " bytes together; send fewer at one time");
  };
  if (located_ != nullptr && *located_ > kMaxLocatedBytes) return too_many();
  Result<std::string> bytes = sources_.ReadAll(location, max_bytes_);
  if (bytes.ok()) {
    if (located_ != nullptr && (*located_ += bytes->size()) > kMaxLocatedBytes) return too_many();
    return SentPicture{*std::move(bytes), true};
  }
  // A location that nothing is at is as wrong as a picture that is damaged.
  const Code code =
      bytes.status().code() == Code::kNotFound || bytes.status().code() == Code::kFailedPrecondition
          ? Code::kInvalidArgument
          : bytes.status().code();
  return Status(code, bytes.status().message());
}

Result<SentPicture> PictureReader::Read(std::string_view text, bool paths) const {
  text = WithoutBlanksAround(text);
  if (text.starts_with("data:")) {
    const std::size_t comma = text.substr(0, kMaxDataUrlHead).find(',');
    if (comma == std::string_view::npos || !text.substr(0, comma).ends_with(";base64") ||
        !text.starts_with("data:image/")) {
      return Status(Code::kInvalidArgument, "expected data:image/...;base64, at its beginning");
    }
    OCELLUS_ASSIGN_OR_RETURN(std::string bytes, Decode(text.substr(comma + 1)));
    return SentPicture{std::move(bytes), false};
  }
  if (IsLocation(text)) return ReadLocation(text);
  Result<std::string> bytes = Decode(text);
  if (bytes.ok() && (!paths || BeginsAsPicture(*bytes))) {
    return SentPicture{*std::move(bytes), false};
  }
  if (paths && !text.empty() && text.size() <= kMaxLocationBytes) {
    Result<SentPicture> read = ReadLocation(text);
    if (read.ok()) return read;
    return std::move(read).status().WithContext("neither a picture in base64 nor where one is");
  }
  if (bytes.ok()) return SentPicture{*std::move(bytes), false};
  return std::move(bytes).status();
}

}  // namespace ocellus::api::vector
