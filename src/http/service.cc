#include "http/service.h"

#include <algorithm>
#include <memory>
#include <string_view>
#include <thread>
#include <utility>

#include "base/digest.h"
#include "http/content_encoding.h"
#include "http/request_parts.h"

namespace ocellus::http {
namespace {

constexpr int kRequestIdBytes = 8;

constexpr char kTooLarge[] = "too many large requests at once; try again in a moment";

// Clients give up after ten seconds as a rule.
constexpr std::chrono::seconds kParsePatience{8};

// Handlers wait for the model and for fsync more than they compute, and adds that wait together
// share one fsync: many more threads than cores.
unsigned WorkerCount(unsigned wanted) {
  if (wanted != 0) return wanted;
  return std::clamp(4 * std::thread::hardware_concurrency(), 32U, 128U);
}

bool IsLoopback(std::string_view address) {
  return address == "::1" || address == "localhost" || address.substr(0, 4) == "127.";
}

// Metrics have one series a method; what a client invents is not one.
const char* KnownMethod(std::string_view method) {
  for (const char* known : {"GET", "POST", "PUT", "DELETE", "HEAD", "PATCH", "OPTIONS"}) {
    if (method == known) return known;
  }
  return "other";
}

std::string Milliseconds(std::chrono::steady_clock::duration took) {
  const auto us = std::chrono::duration_cast<std::chrono::microseconds>(took).count();
  const std::string fraction = std::to_string(1000 + us % 1000).substr(1);
  return std::to_string(us / 1000) + "." + fraction;
}

}  // namespace

Service::Service(const ServerOptions& options, const api::Router& router, const api::KeyRing& keys,
                 MetricsRegistry& metrics, Logger& log)
    : options_(options),
      router_(router),
      keys_(keys),
      metrics_(metrics),
      log_(log),
      guard_pages_(keys.open() && IsLoopback(options.address)),
      seconds_(metrics.GetHistogram(
          "ocellus_http_seconds", "Time from a whole request to its answer handed to the kernel")),
      connections_(metrics.GetGauge("ocellus_http_connections", "Open connections")),
      held_gauge_(metrics.GetGauge("ocellus_http_buffered_bytes", "Request bodies held in memory")),
      streams_(metrics.GetGauge("ocellus_http_long_answers",
                                "Answers under way that are streamed or wait for another server")),
      // Half of the workers at most wait for it: the others answer small requests.
      parse_budget_(options.max_parsed_bytes, WorkerCount(options.workers) / 2),
      workers_(WorkerCount(options.workers), options.max_queued_requests),
      public_workers_(1, options.max_queued_requests),
      long_workers_(options.max_long_answers) {}

std::string Service::NewRequestId() {
  return RandomHex(kRequestIdBytes);
}

std::optional<api::Response> Service::Admit(std::string_view target, api::Request& request) const {
  const std::string* id = request.Header("x-request-id");
  request.id = id != nullptr && IsSaneRequestId(*id) ? *id : NewRequestId();

  Result<Target> parsed = ParseTarget(target);
  if (!parsed.ok()) return Error("/", parsed.status(), 400);
  request.path = std::move(parsed->path);
  request.query = std::move(parsed->query);

  const std::string* host = request.Header("host");
  if (guard_pages_ && host != nullptr) {
    const std::string* origin = request.Header("origin");
    const Status own = CheckNotForeignPage(*host, origin == nullptr ? std::string_view() : *origin);
    if (!own.ok()) return Error(request.path, own, 403);
  }

  const std::string* encoding = request.Header("content-encoding");
  if (encoding != nullptr && !IsKnownEncoding(*encoding)) {
    api::Response answer = Error(request.path,
                                 Status(Code::kInvalidArgument,
                                        "the Content-Encoding of the body must be gzip, deflate "
                                        "or identity"),
                                 415);
    answer.headers.emplace_back("Accept-Encoding", "gzip, deflate, identity");
    return answer;
  }

  std::optional<api::Principal> principal = keys_.Authenticate(request.Header("authorization"));
  if (principal) {
    request.principal = *std::move(principal);
  } else if (router_.IsPublic(request.method, request.path)) {
    request.principal = {.name = "anonymous", .role = api::Role::kRead, .tables = {}};
  } else if (std::optional<api::Principal> vouched = router_.Vouch(request)) {
    request.principal = *std::move(vouched);
  } else {
    const bool missing = request.Header("authorization") == nullptr;
    api::Response answer =
        Error(request.path,
              Status(Code::kFailedPrecondition,
                     missing ? "an API key is needed: send it as 'Authorization: Bearer <key>'"
                             : "the API key is not one of this server's"),
              401);
    answer.headers.emplace_back("WWW-Authenticate", "Bearer realm=\"ocellus\"");
    return answer;
  }
  return std::nullopt;
}

std::optional<api::Response> Service::Submit(api::Request request,
                                             std::function<void(api::Response)> done) {
  Workers& lane = router_.IsPublic(request.method, request.path) ? public_workers_ : workers_;
  std::string path = request.path;
  // Shared, since a std::function must be copyable.
  auto shared = std::make_shared<api::Request>(std::move(request));
  const bool queued = lane.TrySubmit([this, shared = std::move(shared), done = std::move(done)] {
    api::Response answer = Answer(*shared);
    *shared = api::Request();  // its body is not held while a slow client takes the answer
    done(std::move(answer));
  });
  if (queued) return std::nullopt;
  return Busy(path, "too many requests wait for an answer; try again in a moment");
}

bool Service::SubmitLong(std::function<void()> job) {
  return long_workers_.TrySubmit([this, job = std::move(job)] {
    streams_.Set(static_cast<double>(running_.fetch_add(1, std::memory_order_relaxed) + 1));
    job();
    streams_.Set(static_cast<double>(running_.fetch_sub(1, std::memory_order_relaxed) - 1));
  });
}

api::Response Service::Answer(api::Request& request) {
  const std::string* encoding = request.Header("content-encoding");
  if (encoding == nullptr || request.body.empty()) return HandleDecoded(request);
  const std::size_t sent = request.body.size();
  Result<std::string> body = Decode(*encoding, std::move(request.body), options_.max_body_bytes);
  if (!body.ok()) {
    const int status = body.status().code() == Code::kResourceExhausted ? 413 : 400;
    return Error(request.path, body.status(), status);
  }
  request.body = *std::move(body);
  const std::size_t more = request.body.size() - std::min(request.body.size(), sent);
  if (!Hold(more)) return Busy(request.path, kTooLarge);
  api::Response answer = HandleDecoded(request);
  Release(more);
  return answer;
}

api::Response Service::HandleDecoded(const api::Request& request) {
  const std::string* type = request.Header("content-type");
  const std::optional<ParseBudget::Hold> hold = parse_budget_.Acquire(
      ParsedBytes(type != nullptr ? *type : std::string_view(), request.body), kParsePatience);
  if (!hold.has_value()) return Busy(request.path, kTooLarge);
  return router_.Handle(request);
}

api::Response Service::Error(std::string_view path, const Status& status, int http_status) const {
  return router_.Error(path, status, http_status);
}

api::Response Service::Busy(std::string_view path, const std::string& reason) const {
  api::Response answer = Error(path, Status(Code::kUnavailable, reason), 503);
  answer.headers.emplace_back("Retry-After", "1");
  return answer;
}

bool Service::Hold(std::size_t bytes) {
  const std::size_t before = held_.fetch_add(bytes, std::memory_order_relaxed);
  if (before + bytes > options_.max_buffered_bytes) {
    Release(bytes);
    return false;
  }
  held_gauge_.Set(static_cast<double>(before + bytes));
  return true;
}

void Service::Release(std::size_t bytes) {
  if (bytes == 0) return;
  const std::size_t before = held_.fetch_sub(bytes, std::memory_order_relaxed);
  held_gauge_.Set(static_cast<double>(before - bytes));
}

void Service::Note(const Record& record) {
  metrics_
      .GetCounter(
          "ocellus_http_requests_total", "Answered requests",
          {{"method", KnownMethod(record.method)}, {"status", std::to_string(record.status)}})
      .Add();
  seconds_.Observe(std::chrono::duration<double>(record.took).count());
  log_.Write(LogLevel::kInfo, "request",
             {{"method", record.method},
              {"path", record.path},
              {"status", std::to_string(record.status)},
              {"bytes", std::to_string(record.bytes)},
              {"ms", Milliseconds(record.took)},
              {"principal", record.principal},
              {"peer", record.peer},
              {"id", record.id}});
}

void Service::SetOpenConnections(std::size_t count) {
  connections_.Set(static_cast<double>(count));
}

void Service::Stop() {
  workers_.Stop();
  public_workers_.Stop();
  long_workers_.Stop();
}

}  // namespace ocellus::http
