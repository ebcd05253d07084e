#include "cli/byte_source.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <utility>

namespace ocellus::cli {
namespace {

class FileSource final : public ByteSource {
 public:
  explicit FileSource(std::unique_ptr<os::File> file) : file_(std::move(file)) {}

  Result<std::size_t> Read(std::span<std::uint8_t> out) override {
    OCELLUS_ASSIGN_OR_RETURN(const std::size_t got, file_->ReadAt(position_, out));
    position_ += got;
    return got;
  }
  std::uint64_t position() const override { return position_; }

 private:
  std::unique_ptr<os::File> file_;
  std::uint64_t position_ = 0;
};

class MemorySource final : public ByteSource {
 public:
  explicit MemorySource(Bytes bytes) : bytes_(bytes) {}

  Result<std::size_t> Read(std::span<std::uint8_t> out) override {
    const std::size_t count = std::min(out.size(), bytes_.size() - position_);
    std::copy_n(bytes_.begin() + static_cast<std::ptrdiff_t>(position_), count, out.begin());
    position_ += count;
    return count;
  }
  std::uint64_t position() const override { return position_; }

 private:
  const Bytes bytes_;
  std::size_t position_ = 0;
};

class GzipSource final : public ByteSource {
 public:
  explicit GzipSource(std::unique_ptr<ByteSource> compressed) : compressed_(std::move(compressed)) {
    ready_ = inflateInit2(&stream_, MAX_WBITS + 16) == Z_OK;
  }
  ~GzipSource() override {
    if (ready_) inflateEnd(&stream_);
  }
  GzipSource(const GzipSource&) = delete;
  GzipSource& operator=(const GzipSource&) = delete;

  Result<std::size_t> Read(std::span<std::uint8_t> out) override {
    if (!ready_) return Status(Code::kInternal, "zlib could not be set up");
    stream_.next_out = out.data();
    stream_.avail_out = static_cast<uInt>(std::min<std::size_t>(out.size(), 1U << 30));
    const uInt room = stream_.avail_out;
    while (stream_.avail_out == room) {
      if (stream_.avail_in == 0) {
        OCELLUS_ASSIGN_OR_RETURN(const std::size_t got, compressed_->Read(in_));
        if (got == 0) {
          if (between_members_) return std::size_t{0};
          return Status(Code::kInvalidArgument, "the gzip file is cut off");
        }
        stream_.next_in = in_.data();
        stream_.avail_in = static_cast<uInt>(got);
      }
      between_members_ = false;
      const int result = inflate(&stream_, Z_NO_FLUSH);
      if (result == Z_STREAM_END) {
        between_members_ = true;
        inflateReset(&stream_);
      } else if (result != Z_OK && result != Z_BUF_ERROR) {
        return Status(Code::kInvalidArgument, "the gzip file is damaged");
      }
    }
    return std::size_t{room - stream_.avail_out};
  }
  std::uint64_t position() const override { return compressed_->position(); }

 private:
  std::unique_ptr<ByteSource> compressed_;
  std::array<std::uint8_t, 64 << 10> in_{};
  z_stream stream_{};
  bool ready_ = false;
  bool between_members_ = false;
};

}  // namespace

Result<std::unique_ptr<ByteSource>> OpenFileSource(os::FileSystem& files, const std::string& path) {
  OCELLUS_ASSIGN_OR_RETURN(std::unique_ptr<os::File> file, files.Open(path, os::OpenMode::kRead));
  return std::unique_ptr<ByteSource>(std::make_unique<FileSource>(std::move(file)));
}

std::unique_ptr<ByteSource> MakeMemorySource(Bytes bytes) {
  return std::make_unique<MemorySource>(bytes);
}

std::unique_ptr<ByteSource> MakeGzipSource(std::unique_ptr<ByteSource> compressed) {
  return std::make_unique<GzipSource>(std::move(compressed));
}

Result<std::size_t> ReadFully(ByteSource& source, std::span<std::uint8_t> out) {
  std::size_t filled = 0;
  while (filled < out.size()) {
    OCELLUS_ASSIGN_OR_RETURN(const std::size_t got, source.Read(out.subspan(filled)));
    if (got == 0) break;
    filled += got;
  }
  return filled;
}

}  // namespace ocellus::cli
