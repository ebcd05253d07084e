// What happens to a request between its socket and the router: the checks before its body is read,
// and the way through a worker. Knows nothing of sockets.
//
// Thread-safe, except where a method says otherwise.

#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "api/access.h"
#include "api/request.h"
#include "api/router.h"
#include "base/log.h"
#include "base/metrics.h"
#include "http/parse_budget.h"
#include "http/server.h"
#include "http/workers.h"

namespace ocellus::http {

class Service {
 public:
  Service(const ServerOptions& options, const api::Router& router, const api::KeyRing& keys,
          MetricsRegistry& metrics, Logger& log);

  static std::string NewRequestId();

  // Fills in what the head decides: path, query, id, principal. `target` is as it stood in the
  // request line; method and headers are set. An answer when the request ends here, before its body
  // is read.
  std::optional<api::Response> Admit(std::string_view target, api::Request& request) const;

  // Has a worker answer the request; `done` runs on that worker. An answer, with `done` not to be
  // called, when there is no room in the queue.
  std::optional<api::Response> Submit(api::Request request,
                                      std::function<void(api::Response)> done);

  // Runs what makes an answer that takes long, on a thread of its own. False: too many run already,
  // or the workers are stopped.
  bool SubmitLong(std::function<void()> job);

  // An answer in the words of the path's front.
  api::Response Error(std::string_view path, const Status& status, int http_status) const;
  api::Response Busy(std::string_view path, const std::string& reason) const;

  // Bytes of bodies held. False, and nothing is counted, when they would be too many.
  bool Hold(std::size_t bytes);
  void Release(std::size_t bytes);

  // One answered request, for log and metrics.
  struct Record {
    std::string method;
    std::string path;
    std::string id;
    std::string principal;
    std::string peer;
    int status = 0;
    std::size_t bytes = 0;  // of the answer's body
    std::chrono::steady_clock::duration took{};
  };
  void Note(const Record& record);
  void SetOpenConnections(std::size_t count);

  const ServerOptions& options() const { return options_; }
  Logger& log() const { return log_; }

  // Ends the workers after what they have. One thread calls it.
  void Stop();

 private:
  api::Response Answer(api::Request& request);
  api::Response HandleDecoded(const api::Request& request);

  const ServerOptions options_;
  const api::Router& router_;
  const api::KeyRing& keys_;
  MetricsRegistry& metrics_;
  Logger& log_;
  const bool guard_pages_;  // no keys on a loopback address
  Histogram& seconds_;
  Gauge& connections_;
  Gauge& held_gauge_;
  Gauge& streams_;
  std::atomic<std::size_t> held_{0};     // relaxed: a count that orders nothing else
  std::atomic<std::size_t> running_{0};  // the same
  ParseBudget parse_budget_;
  // Public routes (health, the page) have a thread of their own: they answer while every other
  // worker waits for a disk or a model.
  Workers workers_;
  Workers public_workers_;
  // Answers that wait minutes for another server must not keep the workers from those that take
  // milliseconds.
  GrowingWorkers long_workers_;
};

}  // namespace ocellus::http
