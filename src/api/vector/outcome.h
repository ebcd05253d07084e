// Outcome<T>: a Result<T> whose failure says which row of the table of errors it is.
//
// OCELLUS_ASSIGN_OR_RETURN works on it, and on a Result inside a function that returns an Outcome.

#pragma once

#include <string>
#include <utility>
#include <variant>

#include "api/errors.h"
#include "base/result.h"

namespace ocellus::api::vector {

struct Failure {
  ErrorId id = ErrorId::kInternal;
  std::string message;
};

// A failure of the engine on a table that a call named.
Failure OfEngine(const Status& status);

template <typename T>
class [[nodiscard]] Outcome {
 public:
  // Implicit, so that a function can return any. NOLINTBEGIN(google-explicit-constructor)
  Outcome(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Outcome(Failure failure) : state_(std::in_place_index<1>, std::move(failure)) {}
  // A failure of which nothing more precise is known. REQUIRES: !status.ok()
  Outcome(const Status& status)
      : state_(std::in_place_index<1>, Failure{ErrorOf(status), status.message()}) {}
  // NOLINTEND(google-explicit-constructor)

  bool ok() const { return state_.index() == 0; }

  // REQUIRES: !ok()
  Failure status() && { return std::get<1>(std::move(state_)); }
  const Failure& failure() const { return std::get<1>(state_); }

  // REQUIRES: ok()
  T& operator*() & { return *std::get_if<0>(&state_); }
  const T& operator*() const& { return *std::get_if<0>(&state_); }
  T&& operator*() && { return std::move(*std::get_if<0>(&state_)); }
  T* operator->() { return std::get_if<0>(&state_); }
  const T* operator->() const { return std::get_if<0>(&state_); }

 private:
  std::variant<T, Failure> state_;
};

// The result's value, or its failure as that row of the table.
template <typename T>
Outcome<T> As(ErrorId id, Result<T> result) {
  if (result.ok()) return *std::move(result);
  return Failure{id, result.status().message()};
}

}  // namespace ocellus::api::vector
