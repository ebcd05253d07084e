#include "http/content_encoding.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <limits>
#include <utility>

namespace ocellus::http {
namespace {

constexpr int kRawWindow = -MAX_WBITS;
constexpr int kZlibWindow = MAX_WBITS;
constexpr int kGzipWindow = MAX_WBITS + 16;

enum class Encoding { kUnknown, kIdentity, kGzip, kDeflate };

Encoding ParseEncoding(std::string_view name) {
  std::string lower(name);
  std::transform(lower.begin(), lower.end(), lower.begin(), [](char c) {
    return static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  });
  if (lower.empty() || lower == "identity") return Encoding::kIdentity;
  if (lower == "gzip" || lower == "x-gzip") return Encoding::kGzip;
  if (lower == "deflate") return Encoding::kDeflate;
  return Encoding::kUnknown;
}

class Inflater {
 public:
  explicit Inflater(int window_bits) { ready_ = inflateInit2(&stream_, window_bits) == Z_OK; }
  ~Inflater() {
    if (ready_) inflateEnd(&stream_);
  }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  Result<std::string> Run(std::string_view in, std::size_t max_bytes) {
    if (!ready_) return Status(Code::kInternal, "zlib could not be set up");
    std::string out;
    std::array<unsigned char, 64 << 10> chunk;
    // zlib does not write through next_in; its type lacks the const.
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(in.data()));
    stream_.avail_in = static_cast<uInt>(in.size());
    for (;;) {
      stream_.next_out = chunk.data();
      stream_.avail_out = static_cast<uInt>(chunk.size());
      const int result = inflate(&stream_, Z_NO_FLUSH);
      if (result != Z_OK && result != Z_STREAM_END) {
        return Status(Code::kInvalidArgument, result == Z_BUF_ERROR
                                                  ? "the compressed body is cut off"
                                                  : "the compressed body is damaged");
      }
      const std::size_t got = chunk.size() - stream_.avail_out;
      if (got > max_bytes - out.size()) {
        return Status(Code::kResourceExhausted, "the body is over the limit of " +
                                                    std::to_string(max_bytes) +
                                                    " bytes once it is decompressed");
      }
      out.append(reinterpret_cast<const char*>(chunk.data()), got);
      if (result == Z_STREAM_END) break;
      if (got == 0 && stream_.avail_in == 0) {
        return Status(Code::kInvalidArgument, "the compressed body is cut off");
      }
    }
    if (stream_.avail_in != 0) {
      return Status(Code::kInvalidArgument, "bytes follow the end of the compressed body");
    }
    return out;
  }

 private:
  z_stream stream_{};
  bool ready_ = false;
};

// RFC 1950: the method is 8 and the first two bytes are a multiple of 31.
bool HasZlibHeader(std::string_view body) {
  if (body.size() < 2) return false;
  const unsigned first = static_cast<unsigned char>(body[0]);
  const unsigned second = static_cast<unsigned char>(body[1]);
  return (first & 15) == 8 && (first * 256 + second) % 31 == 0;
}

// Some clients announce deflate for a body that they then send as it is. No JSON object or array
// begins, when it is deflated, with the byte that it begins with when it is not.
bool IsPlainJson(std::string_view body) {
  return body.starts_with('{') || body.starts_with('[');
}

}  // namespace

bool IsKnownEncoding(std::string_view content_encoding) {
  return ParseEncoding(content_encoding) != Encoding::kUnknown;
}

Result<std::string> Decode(std::string_view content_encoding, std::string body,
                           std::size_t max_bytes) {
  const Encoding encoding = ParseEncoding(content_encoding);
  if (encoding == Encoding::kIdentity) return body;
  if (body.size() > std::numeric_limits<uInt>::max()) {
    return Status(Code::kResourceExhausted, "the compressed body is over 4 GiB");
  }
  if (encoding == Encoding::kGzip) return Inflater(kGzipWindow).Run(body, max_bytes);
  if (IsPlainJson(body)) return body;
  return Inflater(HasZlibHeader(body) ? kZlibWindow : kRawWindow).Run(body, max_bytes);
}

}  // namespace ocellus::http
