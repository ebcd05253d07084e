// Sources: the bytes behind a location that a caller named: a file below one of the configured
// roots, an object of a configured bucket, a URL.
//
//   file:///abs/path     below an import root, symbolic links resolved first
//   /abs/path, rel/path  the same; a relative one is looked for below each root in turn
//   oss://bucket/key     below the folder that the configuration maps the bucket to
//   http://, https://    through the UrlReader
//
// A file outside the roots and a missing one get the same answer: what lies elsewhere on the
// machine is nobody's business.
//
// Thread-safe.

#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "os/file_system.h"

namespace ocellus::engine {

// Bytes read in order. One owner thread.
class ByteStream {
 public:
  virtual ~ByteStream() = default;

  // How many bytes came; 0 at the end only. REQUIRES: !out.empty()
  virtual Result<std::size_t> Read(std::span<std::uint8_t> out) = 0;
};

// Fetches URLs. Thread-safe.
class UrlReader {
 public:
  virtual ~UrlReader() = default;

  // InvalidArgument: the URL, what answers there, or more than `max_bytes`. FailedPrecondition:
  // fetching is off. Unavailable: no answer.
  virtual Result<std::string> Get(const std::string& url, std::size_t max_bytes) = 0;
};

struct SourceOptions {
  std::vector<std::string> import_roots;              // folders; none: no file is read
  std::map<std::string, std::string> buckets;         // name to folder
  std::size_t max_url_bytes = std::size_t{64} << 20;  // of a stream behind a URL, held in memory
};

class Sources {
 public:
  // `files` and `urls` (null: URLs are off) are borrowed and outlive the object.
  Sources(os::FileSystem& files, UrlReader* urls, SourceOptions options)
      : files_(files), urls_(urls), options_(std::move(options)) {}

  // Whether a location leads to another server: the caller needs the right to have it opened.
  static bool IsUrl(std::string_view location);

  // InvalidArgument: a location of no known form, or one of a bucket or scheme that is not
  // configured. NotFound: no such file there.
  Result<std::unique_ptr<ByteStream>> Open(std::string_view location);

  // All of it. InvalidArgument also when it is longer than `max_bytes`.
  Result<std::string> ReadAll(std::string_view location, std::size_t max_bytes);

  // Whether Open() would find it now, as far as that can be told without reading.
  Status Check(std::string_view location);

 private:
  // The real path of a location on disk. REQUIRES: it is no URL
  Result<std::string> PathOf(std::string_view location);
  Result<std::string> Below(const std::vector<std::string>& roots, const std::string& path,
                            std::string_view location);
  Result<std::string> Fetch(std::string_view url, std::size_t max_bytes);

  os::FileSystem& files_;
  UrlReader* const urls_;
  const SourceOptions options_;
};

}  // namespace ocellus::engine
