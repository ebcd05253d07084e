#include "kernels/kernels.h"

#include <cstdlib>
#include <cstring>

namespace ocellus::kernels {

TableList Supported() {
  TableList list{};
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  const bool avx512 = avx2 && __builtin_cpu_supports("avx512f") &&
                      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
                      __builtin_cpu_supports("avx512vl");
  const bool vnni = avx512 && __builtin_cpu_supports("avx512vnni");
  if (vnni) list.tables[list.count++] = &kAvx512Vnni;
  if (avx512) list.tables[list.count++] = &kAvx512;
  if (avx2) list.tables[list.count++] = &kAvx2;
  list.tables[list.count++] = &kScalar;
  return list;
}

namespace {

const Table& Choose() {
  const TableList list = Supported();
  if (const char* wanted = std::getenv("OCELLUS_KERNELS")) {  // NOLINT(concurrency-mt-unsafe)
    for (size_t i = 0; i < list.count; ++i) {
      if (std::strcmp(list.tables[i]->name, wanted) == 0) return *list.tables[i];
    }
  }
  return *list.tables[0];
}

}  // namespace

const Table& Active() {
  static const Table& table = Choose();  // not a global: other globals may call this first
  return table;
}

}  // namespace ocellus::kernels
