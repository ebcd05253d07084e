#include "http/workers.h"

#include <optional>

namespace ocellus::http {

Workers::Workers(unsigned threads, std::size_t queue_capacity) : queue_(queue_capacity) {
  threads_.reserve(threads);
  for (unsigned i = 0; i < threads; ++i) {
    threads_.emplace_back([this] {
      while (std::optional<std::function<void()>> job = queue_.Pop()) (*job)();
    });
  }
}

Workers::~Workers() {
  Stop();
}

void Workers::Stop() {
  queue_.Close();
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

}  // namespace ocellus::http
