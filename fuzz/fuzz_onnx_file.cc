// Any bytes as an ONNX file: what it claims is read without a crash.

#include <cstddef>
#include <cstdint>

#include "embed/onnx_file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  (void)ocellus::embed::CheckOnnx({data, size}).ok();
  return 0;
}
