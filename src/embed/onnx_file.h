// What an ONNX file claims about itself, read before any runtime sees it: a runtime would follow a
// path to wherever it leads and reserve whatever a tensor says it needs.
//
// Thread safety: functions may be called concurrently.

#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace ocellus::embed {

// A part of a file beside the ONNX file that holds a tensor's numbers.
struct ExternalData {
  std::string file;  // a plain name: the same folder
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
};

// Walks through all of it, subgraphs and functions included. InvalidArgument: no ONNX file, one
// that is cut off, a tensor whose shape does not fit the bytes that are there for it, or data in a
// file anywhere but beside it.
Result<std::vector<ExternalData>> CheckOnnx(Bytes file);

}  // namespace ocellus::embed
