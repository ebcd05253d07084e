// Outlet: between the thread that makes a long answer and the connection that sends it.
//
// The maker calls what api::BodySink declares, and Finish(); the connection calls the rest.
// Thread-safe.

#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "api/request.h"
#include "base/mutex.h"

namespace ocellus::http {

class Outlet final : public api::BodySink {
 public:
  // `on_ready` runs on the maker's thread when there is something to Take().
  explicit Outlet(std::function<void()> on_ready) : on_ready_(std::move(on_ready)) {}

  bool Write(std::string_view part) override EXCLUDES(mutex_);
  bool gone() const override EXCLUDES(mutex_);

  // Nothing more comes.
  void Finish() EXCLUDES(mutex_);

  struct Parts {
    std::string bytes;
    bool finished = false;
    bool gone = false;  // Close() was called: what has been made is not the whole
  };
  // All that waits; whoever waits in Write() goes on.
  Parts Take() EXCLUDES(mutex_);

  // Nobody takes anything any more.
  void Close() EXCLUDES(mutex_);

 private:
  const std::function<void()> on_ready_;
  mutable Mutex mutex_;
  CondVar room_;
  std::string waiting_ GUARDED_BY(mutex_);
  bool signalled_ GUARDED_BY(mutex_) = false;  // and not yet taken
  bool finished_ GUARDED_BY(mutex_) = false;
  bool gone_ GUARDED_BY(mutex_) = false;
};

}  // namespace ocellus::http
