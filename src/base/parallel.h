// ForEach: the same work for many items, on a few threads.

#pragma once

#include <cstddef>
#include <functional>

namespace ocellus {

// Calls `work` once for each of 0..count-1, on at most `threads` threads of which the caller is
// one, and returns when all are done. `work` must not throw; it is called concurrently.
void ForEach(std::size_t count, std::size_t threads, const std::function<void(std::size_t)>& work);

}  // namespace ocellus
