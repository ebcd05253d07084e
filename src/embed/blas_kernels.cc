#include "embed/blas_kernels.h"

#include <cstdlib>

// OpenBLAS's own, for libraries that are loaded late; its headers leave them out.
extern "C" {
void gotoblas_dynamic_init(void);
void gotoblas_dynamic_quit(void);
}

namespace ocellus::embed {

void ChooseBlasKernels() {
  constexpr char kVariable[] = "OPENBLAS_CORETYPE";
  // NOLINTBEGIN(concurrency-mt-unsafe): as the header asks
  if (std::getenv(kVariable) != nullptr) return;
  const char* type = nullptr;
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")) {
    type = "SkylakeX";
  } else if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
    type = "Haswell";
  }
  if (type == nullptr) return;
  setenv(kVariable, type, 1);
  gotoblas_dynamic_quit();
  gotoblas_dynamic_init();
  unsetenv(kVariable);
  // NOLINTEND(concurrency-mt-unsafe)
}

}  // namespace ocellus::embed
