#include "http/parse_budget.h"

#include <algorithm>

#include "base/value.h"

namespace ocellus::http {
namespace {

constexpr std::size_t kSmall = 1 << 20;

// A Value has 40 bytes. There are two of each while a list is cast to its field's type, or one and
// what the parser keeps of it (24 bytes).
constexpr std::size_t kBytesPerValue = 2 * sizeof(Value);

}  // namespace

std::size_t ParsedBytes(std::string_view content_type, std::string_view body) {
  std::size_t values = 1;
  if (content_type.find("protobuf") != std::string_view::npos) {
    values = body.size();  // a packed number may take one byte
  } else {
    // Every value of JSON comes after one of three characters, and every element of a list that is
    // written as one text after a comma or an escaped character.
    for (const char c : body) {
      values += static_cast<std::size_t>(c == ',') | static_cast<std::size_t>(c == '[') |
                static_cast<std::size_t>(c == '{') | static_cast<std::size_t>(c == '\\');
    }
  }
  // More values of JSON, and more elements of texts, are refused.
  return 2 * body.size() + std::min(values, 2 * kMaxValues) * kBytesPerValue;
}

std::optional<ParseBudget::Hold> ParseBudget::Acquire(std::size_t bytes,
                                                      std::chrono::milliseconds patience) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  if (bytes <= kSmall) return Hold(*this, 0);
  bytes = std::min(bytes, max_bytes_);
  MutexLock lock(mutex_);
  if (waiting_.size() >= max_waiting_) return std::nullopt;
  const std::uint64_t ticket = next_ticket_++;
  waiting_.push_back(ticket);
  bool in_time = true;
  while (in_time && (waiting_.front() != ticket || in_use_ + bytes > max_bytes_)) {
    in_time = std::chrono::steady_clock::now() < deadline;
    if (in_time) changed_.WaitUntil(mutex_, deadline);
  }
  std::erase(waiting_, ticket);
  changed_.NotifyAll();  // the next one is at the front
  if (!in_time) return std::nullopt;
  in_use_ += bytes;
  return Hold(*this, bytes);
}

void ParseBudget::Release(std::size_t bytes) {
  if (bytes == 0) return;
  MutexLock lock(mutex_);
  in_use_ -= bytes;
  changed_.NotifyAll();
}

}  // namespace ocellus::http
