#include "engine/sources.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "os/path.h"

namespace ocellus::engine {
namespace {

class FileStream final : public ByteStream {
 public:
  explicit FileStream(std::unique_ptr<os::File> file) : file_(std::move(file)) {}

  Result<std::size_t> Read(std::span<std::uint8_t> out) override {
    OCELLUS_ASSIGN_OR_RETURN(const std::size_t count, file_->ReadAt(offset_, out));
    offset_ += count;
    return count;
  }

 private:
  const std::unique_ptr<os::File> file_;
  std::uint64_t offset_ = 0;
};

class StringStream final : public ByteStream {
 public:
  explicit StringStream(std::string bytes) : bytes_(std::move(bytes)) {}

  Result<std::size_t> Read(std::span<std::uint8_t> out) override {
    const std::size_t count = std::min(out.size(), bytes_.size() - offset_);
    std::memcpy(out.data(), bytes_.data() + offset_, count);
    offset_ += count;
    return count;
  }

 private:
  const std::string bytes_;
  std::size_t offset_ = 0;
};

std::string LowerCase(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

// "oss" of "oss://bucket/key"; empty for a path.
std::string_view SchemeOf(std::string_view location) {
  const std::size_t end = location.find(':');
  if (end == std::string_view::npos || end < 2) return {};
  const auto is_scheme = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' ||
           c == '-' || c == '.';
  };
  const std::string_view scheme = location.substr(0, end);
  // A colon alone may stand in a file's name; "file:" is a URL without its slashes too.
  const bool slashes = location.substr(end + 1).starts_with("//");
  if (!slashes && scheme != "file") return {};
  return std::all_of(scheme.begin(), scheme.end(), is_scheme) ? scheme : std::string_view();
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// Undoes percent-encoding; what is none stays.
std::string PercentDecoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && HexDigit(text[i + 1]) >= 0 &&
        HexDigit(text[i + 2]) >= 0) {
      out += static_cast<char>(HexDigit(text[i + 1]) * 16 + HexDigit(text[i + 2]));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

Status NotThere(std::string_view location) {
  return Status(Code::kNotFound, "no such file below the import roots: " + std::string(location));
}

bool IsBelow(const std::string& path, const std::string& root) {
  if (root == "/") return true;
  return path.size() > root.size() && path.starts_with(root) && path[root.size()] == '/';
}

}  // namespace

bool Sources::IsUrl(std::string_view location) {
  const std::string scheme = LowerCase(SchemeOf(location));
  return scheme == "http" || scheme == "https";
}

Result<std::string> Sources::Below(const std::vector<std::string>& roots, const std::string& path,
                                   std::string_view location) {
  if (path.find('\0') != std::string::npos) {
    return Status(Code::kInvalidArgument, "a NUL character in the location");
  }
  for (const std::string& root : roots) {
    const Result<std::string> real_root = os::RealPath(root);
    if (!real_root.ok()) continue;  // a folder that is not mounted, say
    const Result<std::string> real =
        os::RealPath(path.starts_with('/') ? path : *real_root + "/" + path);
    if (!real.ok() || !IsBelow(*real, *real_root)) continue;
    OCELLUS_ASSIGN_OR_RETURN(const bool regular, os::IsRegularFile(*real));
    if (!regular) {
      return Status(Code::kInvalidArgument, "not a regular file: " + std::string(location));
    }
    return real;
  }
  return NotThere(location);
}

Result<std::string> Sources::PathOf(std::string_view location) {
  const std::string_view scheme = SchemeOf(location);
  if (scheme == "oss") {
    const std::string_view rest = location.substr(std::strlen("oss://"));
    const std::size_t slash = rest.find('/');
    const std::string bucket(rest.substr(0, slash));
    if (slash == std::string_view::npos || slash + 1 == rest.size()) {
      return Status(Code::kInvalidArgument, "expected oss://bucket/key");
    }
    const auto folder = options_.buckets.find(bucket);
    if (folder == options_.buckets.end()) {
      return Status(Code::kInvalidArgument,
                    "no folder is configured for the bucket \"" + bucket + "\"");
    }
    std::string key(rest.substr(slash + 1));
    key.erase(0, key.find_first_not_of('/'));  // relative to the bucket, whatever it looks like
    return Below({folder->second}, key, location);
  }
  if (!scheme.empty() && scheme != "file") {
    return Status(Code::kInvalidArgument, "locations of the form " + std::string(scheme) +
                                              ":// are not known; use file, oss, http or https");
  }
  if (options_.import_roots.empty()) {
    return Status(Code::kInvalidArgument,
                  "reading files is off: the server is configured without import roots");
  }
  if (scheme.empty()) return Below(options_.import_roots, std::string(location), location);

  std::string_view path = location.substr(std::strlen("file:"));
  if (path.starts_with("//")) {
    path.remove_prefix(2);
    if (path.starts_with("localhost/")) path.remove_prefix(std::strlen("localhost"));
  }
  if (!path.starts_with('/')) {
    return Status(Code::kInvalidArgument, "expected file:///absolute/path");
  }
  return Below(options_.import_roots, PercentDecoded(path), location);
}

Result<std::string> Sources::Fetch(std::string_view url, std::size_t max_bytes) {
  if (urls_ == nullptr) {
    return Status(Code::kFailedPrecondition, "not available: fetching URLs is off");
  }
  return urls_->Get(std::string(url), max_bytes);
}

Result<std::unique_ptr<ByteStream>> Sources::Open(std::string_view location) {
  if (IsUrl(location)) {
    OCELLUS_ASSIGN_OR_RETURN(std::string bytes, Fetch(location, options_.max_url_bytes));
    return std::unique_ptr<ByteStream>(std::make_unique<StringStream>(std::move(bytes)));
  }
  OCELLUS_ASSIGN_OR_RETURN(const std::string path, PathOf(location));
  OCELLUS_ASSIGN_OR_RETURN(std::unique_ptr<os::File> file, files_.Open(path, os::OpenMode::kRead));
  return std::unique_ptr<ByteStream>(std::make_unique<FileStream>(std::move(file)));
}

Result<std::string> Sources::ReadAll(std::string_view location, std::size_t max_bytes) {
  if (IsUrl(location)) return Fetch(location, max_bytes);
  OCELLUS_ASSIGN_OR_RETURN(const std::string path, PathOf(location));
  OCELLUS_ASSIGN_OR_RETURN(const std::unique_ptr<os::File> file,
                           files_.Open(path, os::OpenMode::kRead));
  OCELLUS_ASSIGN_OR_RETURN(const std::uint64_t size, file->Size());
  if (size > max_bytes) {
    return Status(Code::kInvalidArgument, std::to_string(size) + " bytes, the limit is " +
                                              std::to_string(max_bytes) + ": " +
                                              std::string(location));
  }
  std::string bytes(static_cast<std::size_t>(size), '\0');
  OCELLUS_ASSIGN_OR_RETURN(
      const std::size_t count,
      file->ReadAt(0, {reinterpret_cast<std::uint8_t*>(bytes.data()), bytes.size()}));
  bytes.resize(count);
  return bytes;
}

Status Sources::Check(std::string_view location) {
  if (IsUrl(location)) {
    return urls_ != nullptr
               ? Status()
               : Status(Code::kFailedPrecondition, "not available: fetching URLs is off");
  }
  Result<std::string> path = PathOf(location);
  return path.ok() ? Status() : std::move(path).status();
}

}  // namespace ocellus::engine
