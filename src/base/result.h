// Status and Result<T>: how every fallible function of this project reports failure.
//
// Thread safety: const methods may be called concurrently; values are otherwise not synchronized.

#pragma once

#include <cassert>
#include <cstdint>
#include <string>
#include <utility>
#include <variant>

namespace ocellus {

// What kind of failure it is. src/api maps each code to one HTTP status; add a code only when a
// caller must act differently on it.
enum class Code : std::uint8_t {
  kOk = 0,
  kInvalidArgument,  // the caller's input is wrong; retrying cannot help
  kNotFound,
  kAlreadyExists,
  kFailedPrecondition,  // right input, wrong state
  kResourceExhausted,   // a limit or the disk; may help to retry later
  kUnavailable,         // starting, stopping or overloaded
  kCancelled,           // deadline passed or the client went away
  kCorruption,          // stored bytes do not verify; never retried, always alerted
  kIoError,
  kInternal,  // a bug of ours
};

class [[nodiscard]] Status {
 public:
  Status() = default;
  Status(Code code, std::string message) : code_(code), message_(std::move(message)) {
    assert(code != Code::kOk);
  }

  bool ok() const noexcept { return code_ == Code::kOk; }
  Code code() const noexcept { return code_; }
  const std::string& message() const noexcept { return message_; }

  // Prepends what the caller was doing: "open collection: read manifest: ...".
  Status WithContext(const std::string& context) && {
    if (!ok()) message_ = context + ": " + message_;
    return std::move(*this);
  }

 private:
  Code code_ = Code::kOk;
  std::string message_;
};

template <typename T>
class [[nodiscard]] Result {
 public:
  // Implicit, so that a function can return either.
  Result(T value)  // NOLINT(google-explicit-constructor)
      : state_(std::in_place_index<0>, std::move(value)) {}
  // REQUIRES: !status.ok()
  Result(Status status)  // NOLINT(google-explicit-constructor)
      : state_(std::in_place_index<1>, std::move(status)) {
    assert(!std::get<1>(state_).ok());
  }

  bool ok() const noexcept { return state_.index() == 0; }

  // REQUIRES: !ok()
  Status status() && { return std::get<1>(std::move(state_)); }
  const Status& status() const& { return std::get<1>(state_); }

  // REQUIRES: ok()
  T& operator*() & { return *std::get_if<0>(&state_); }
  const T& operator*() const& { return *std::get_if<0>(&state_); }
  T&& operator*() && { return std::move(*std::get_if<0>(&state_)); }
  T* operator->() { return std::get_if<0>(&state_); }
  const T* operator->() const { return std::get_if<0>(&state_); }

 private:
  std::variant<T, Status> state_;
};

}  // namespace ocellus

#define OCELLUS_CONCAT_IMPL(a, b) a##b
#define OCELLUS_CONCAT(a, b) OCELLUS_CONCAT_IMPL(a, b)

// Returns the failure to the caller, or goes on.
#define OCELLUS_RETURN_IF_ERROR(expr)                  \
  do {                                                 \
    ::ocellus::Status ocellus_status_ = (expr);        \
    if (!ocellus_status_.ok()) return ocellus_status_; \
  } while (false)

// OCELLUS_ASSIGN_OR_RETURN(auto file, OpenFile(path));
#define OCELLUS_ASSIGN_OR_RETURN(lhs, expr) \
  OCELLUS_ASSIGN_OR_RETURN_IMPL(OCELLUS_CONCAT(ocellus_result_, __LINE__), lhs, expr)
#define OCELLUS_ASSIGN_OR_RETURN_IMPL(tmp, lhs, expr) \
  auto tmp = (expr);                                  \
  if (!tmp.ok()) return std::move(tmp).status();      \
  lhs = *std::move(tmp)
