// Which kernels OpenBLAS computes with.

#pragma once

namespace ocellus::embed {

// OpenBLAS chooses by a list of processors that is as old as its release, and takes SSE3 for those
// it does not know: half the speed. This chooses by what the processor can do, unless the
// environment's OPENBLAS_CORETYPE does. Any number of times; REQUIRES: no other thread reads or
// changes the environment, and none computes with OpenBLAS
void ChooseBlasKernels();

}  // namespace ocellus::embed
