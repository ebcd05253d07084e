// What `ocellus import` reads: tar archives, compressed or not, and manifests. The first byte
// chooses.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <optional>

#include "cli/byte_source.h"
#include "cli/line_reader.h"
#include "cli/manifest.h"
#include "cli/tar_reader.h"

namespace {

using namespace ocellus::cli;  // NOLINT(google-build-using-namespace): all of it is under test

void ReadTar(ByteSource& source) {
  TarReader reader(source);
  std::size_t bytes = 0;
  for (int members = 0; members < 1000; ++members) {
    const auto member = reader.Next();
    if (!member.ok() || !*member) return;
    if ((*member)->name.size() > TarLimits().max_name_bytes) std::abort();
    // Every other one is passed over unread.
    if (members % 2 == 0 && (*member)->size < (16 << 20)) {
      const auto content = reader.ReadContent();
      if (!content.ok()) return;
      if (content->size() != (*member)->size) std::abort();
      if ((bytes += content->size()) > (64 << 20)) return;
    }
  }
}

void ReadManifest(ByteSource& source) {
  LineReader lines(source, 1 << 16);
  for (int count = 0; count < 10'000; ++count) {
    const auto line = lines.Next();
    if (!line.ok() || !*line) return;
    if ((*line)->text.size() > (1 << 16)) std::abort();
    const auto parsed = ParseManifestLine((*line)->text);
    if (parsed.ok() && parsed->image_uri.empty()) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  std::unique_ptr<ByteSource> source = MakeMemorySource({data + 1, size - 1});
  switch (data[0] % 3) {
    case 0:
      ReadTar(*source);
      break;
    case 1:
      source = MakeGzipSource(std::move(source));
      ReadTar(*source);
      break;
    default:
      ReadManifest(*source);
      break;
  }
  return 0;
}
