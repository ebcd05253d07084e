#include "http/connection.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/serializer.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>

#include "http/body_buffer.h"
#include "http/date.h"
#include "http/outlet.h"
#include "http/request_parts.h"

namespace ocellus::http {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace bhttp = boost::beast::http;
using Clock = std::chrono::steady_clock;
using asio::ip::tcp;
using beast::error_code;

// How long a transfer may stay behind its pace: ServerOptions::min_body_bytes_per_second.
constexpr std::chrono::seconds kGrace{10};
// After the last answer the client may still be sending. Closing at once would make the kernel
// throw the answer away, so what comes is read and dropped: so long between reads, so long at most.
constexpr std::chrono::seconds kLingerPause{2};
constexpr std::chrono::seconds kLinger{30};
// Takes a query by a vector of 1024 dimensions in one read.
constexpr std::size_t kFirstRead = 16 << 10;
constexpr std::size_t kBodyRead = 64 << 10;
constexpr unsigned char kTlsHandshake = 0x16;

std::string LowerCase(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return out;
}

// A part of a body as one chunk of HTTP/1.1.
std::string Chunk(std::string_view part) {
  std::array<char, 16> size = {};
  const auto end = std::to_chars(size.data(), size.data() + size.size(), part.size(), 16).ptr;
  std::string chunk(size.data(), end);
  chunk.reserve(chunk.size() + part.size() + 4);
  return chunk.append("\r\n").append(part).append("\r\n");
}

bool HasBody(int status) {
  return status >= 200 && status != 204 && status != 304;
}

class HttpConnection final : public Connection,
                             public std::enable_shared_from_this<HttpConnection> {
 public:
  HttpConnection(tcp::socket socket, Hub& hub)
      : socket_(std::move(socket)),
        timer_(socket_.get_executor()),
        hub_(hub),
        buffer_(hub.service.options().max_header_bytes + kBodyRead) {
    error_code ignored;
    socket_.set_option(tcp::no_delay(true), ignored);
    const tcp::endpoint peer = socket_.remote_endpoint(ignored);
    if (!ignored) peer_ = peer.address().to_string();
    hub_.connections.insert(this);
    hub_.service.SetOpenConnections(hub_.connections.size());
  }

  ~HttpConnection() override {
    hub_.service.Release(held_);
    hub_.connections.erase(this);
    hub_.service.SetOpenConnections(hub_.connections.size());
    if (!hub_.draining || !hub_.connections.empty()) return;
    if (const auto last = std::exchange(hub_.on_last_closed, nullptr)) last();
  }

  HttpConnection(const HttpConnection&) = delete;
  HttpConnection& operator=(const HttpConnection&) = delete;

  void WaitForRequest() {
    if (buffer_.size() > 0) return ReadHead();
    if (buffer_.capacity() > kFirstRead) buffer_.shrink_to_fit();
    waiting_ = true;
    Arm(hub_.draining ? hub_.drain_grace_until : Clock::now() + options().idle_timeout);
    socket_.async_read_some(buffer_.prepare(kFirstRead),
                            [self = shared_from_this()](error_code ec, std::size_t got) {
                              self->OnFirstBytes(ec, got);
                            });
  }

  void RefuseNow() {
    received_at_ = Clock::now();
    Fail("/", Status(Code::kUnavailable, "too many open connections; try again in a moment"), 503);
  }

  void Drain() override {
    if (waiting_) Arm(hub_.drain_grace_until);
  }

  void Abort() override {
    error_code ignored;
    socket_.close(ignored);
  }

 private:
  const ServerOptions& options() const { return hub_.service.options(); }

  // The pending read or write ends with timed_out_ set when `deadline` passes. The timer itself is
  // set again only where it would ring too late: each setting is a system call and a handler, and a
  // request has five deadlines, none of which passes as a rule.
  void Arm(Clock::time_point deadline) {
    timed_out_ = false;
    deadline_ = deadline;
    if (!ticking_ || timer_.expiry() > deadline) SetTimer();
  }

  void Disarm() { deadline_.reset(); }

  void SetTimer() {
    ticking_ = true;
    timer_.expires_at(*deadline_);
    timer_.async_wait([weak = weak_from_this(), generation = ++generation_](error_code ec) {
      const auto self = weak.lock();
      if (!ec && self != nullptr && generation == self->generation_) self->OnTimer();
    });
  }

  void OnTimer() {
    ticking_ = false;
    if (!deadline_.has_value()) return;
    if (Clock::now() < *deadline_) return SetTimer();
    deadline_.reset();
    timed_out_ = true;
    error_code ignored;
    socket_.cancel(ignored);
  }

  bool MoreHasArrived() {
    error_code ec;
    return buffer_.size() > 0 || (socket_.available(ec) > 0 && !ec);
  }

  void OnFirstBytes(error_code ec, std::size_t got) {
    waiting_ = false;
    if (ec) {
      // What arrived in the very moment of the time-out counts.
      if (timed_out_ && MoreHasArrived()) return WaitForRequest();
      return;  // the last reference goes, and the socket with it
    }
    buffer_.commit(got);
    ReadHead();
  }

  void ReadHead() {
    request_ = api::Request();
    is_head_ = false;
    keep_alive_ = false;
    version_ = 11;
    started_at_ = Clock::now();
    received_at_ = started_at_;
    parser_.emplace();
    parser_->header_limit(static_cast<std::uint32_t>(options().max_header_bytes));
    parser_->body_limit(options().max_body_bytes);
    Arm(started_at_ + options().header_timeout);
    bhttp::async_read_header(
        socket_, buffer_, *parser_,
        [self = shared_from_this()](error_code ec, std::size_t) { self->OnHead(ec); });
  }

  void OnHead(error_code ec) {
    received_at_ = Clock::now();
    if (ec) return OnReadError(ec, "the head of the request took too long to arrive");
    const auto& message = parser_->get();
    version_ = message.version();
    keep_alive_ = message.keep_alive();
    request_.method = std::string(message.method_string());
    is_head_ = request_.method == "HEAD";
    if (is_head_) request_.method = "GET";
    for (const auto& field : message) {
      request_.headers.emplace_back(LowerCase(field.name_string()), std::string(field.value()));
    }
    if (message.version() >= 11 && message.count(bhttp::field::host) != 1) {
      return FailHead(400, "an HTTP/1.1 request has one Host header");
    }
    if (message.count(bhttp::field::transfer_encoding) > 0 &&
        !beast::iequals(message[bhttp::field::transfer_encoding], "chunked")) {
      return FailHead(501, "the only Transfer-Encoding known here is chunked");
    }
    const auto expect = message[bhttp::field::expect];
    if (!expect.empty() && !beast::iequals(expect, "100-continue")) {
      return FailHead(417, "the only Expect known here is 100-continue");
    }
    std::optional<api::Response> answer = hub_.service.Admit(
        std::string_view(message.target().data(), message.target().size()), request_);
    if (answer) return Respond(*std::move(answer), !parser_->is_done());
    if (parser_->is_done()) return Dispatch();
    buffer_.reserve(kBodyRead);
    parser_->eager(true);
    body_started_at_ = received_at_;
    if (expect.empty() || message.version() < 11) return ReadBody();
    Arm(Clock::now() + kGrace);
    static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
    asio::async_write(socket_, asio::buffer(kContinue),
                      [self = shared_from_this()](error_code write_ec, std::size_t) {
                        if (!write_ec) self->ReadBody();
                      });
  }

  void ReadBody() {
    const std::size_t rate = std::max<std::size_t>(options().min_body_bytes_per_second, 1);
    Arm(body_started_at_ + kGrace + std::chrono::milliseconds(held_ * 1000 / rate));
    bhttp::async_read_some(
        socket_, buffer_, *parser_,
        [self = shared_from_this()](error_code ec, std::size_t) { self->OnBody(ec); });
  }

  void OnBody(error_code ec) {
    received_at_ = Clock::now();
    if (ec) return OnReadError(ec, "the body of the request arrived too slowly");
    const std::size_t size = parser_->get().body().size();
    if (!hub_.service.Hold(size - held_)) {
      Record();
      parser_.reset();  // its bytes are what there is no room for
      return Respond(hub_.service.Busy(request_.path,
                                       "too many large requests at once; try again "
                                       "in a moment"),
                     true);
    }
    held_ = size;
    if (!parser_->is_done()) return ReadBody();
    Dispatch();
  }

  void Dispatch() {
    Disarm();
    request_.body = std::move(parser_->get().body());
    parser_.reset();
    Record();
    std::optional<api::Response> busy = hub_.service.Submit(
        std::move(request_), [self = shared_from_this()](api::Response answer) mutable {
          // Moved on, so that the last reference never goes on the worker's thread.
          const auto io = self->socket_.get_executor();
          asio::post(io, [self = std::move(self), answer = std::move(answer)]() mutable {
            self->Respond(std::move(answer), false);
          });
        });
    if (busy) Respond(*std::move(busy), false);
  }

  // Keeps of the request what its answer and the log line need.
  void Record() {
    record_ = {.method = is_head_ ? "HEAD" : request_.method,
               .path = request_.path,
               .id = request_.id,
               .principal = request_.principal.name,
               .peer = peer_};
  }

  void OnReadError(error_code ec, const std::string& too_slow) {
    if (timed_out_) return FailHead(408, too_slow);
    if (ec == bhttp::error::end_of_stream || ec == bhttp::error::partial_message) return;
    if (ec == bhttp::error::header_limit || ec == bhttp::error::buffer_overflow) {
      return FailHead(431, "the head of the request is over the limit of " +
                               std::to_string(options().max_header_bytes) + " bytes");
    }
    if (ec == bhttp::error::body_limit) {
      return FailHead(413, "the body of the request is over the limit of " +
                               std::to_string(options().max_body_bytes) + " bytes");
    }
    if (ec.category() != bhttp::make_error_code(bhttp::error::bad_method).category()) {
      return;  // the client is gone
    }
    const auto bytes = buffer_.data();
    if (request_.method.empty() && bytes.size() > 0 &&
        *static_cast<const unsigned char*>(bytes.data()) == kTlsHandshake) {
      return FailHead(400, "this is a TLS handshake, and the server speaks plain HTTP here");
    }
    FailHead(400, "this is not an HTTP/1.1 request: " + ec.message());
  }

  // Fails a request whose head or body could not be taken; the connection ends with it.
  void FailHead(int http_status, const std::string& reason) {
    std::string path = "/";
    if (parser_) {
      const auto text = parser_->get().target();
      if (Result<Target> target = ParseTarget({text.data(), text.size()}); target.ok()) {
        path = std::move(target->path);
      }
    }
    if (parser_ && request_.method.empty()) request_.method = parser_->get().method_string();
    if (request_.path.empty()) request_.path = path;
    Code code = Code::kInvalidArgument;
    if (http_status == 413 || http_status == 431) code = Code::kResourceExhausted;
    if (http_status == 408) code = Code::kCancelled;
    Fail(path, Status(code, reason), http_status);
  }

  void Fail(const std::string& path, const Status& status, int http_status) {
    api::Response answer = hub_.service.Error(path, status, http_status);
    if (http_status == 503) answer.headers.emplace_back("Retry-After", "1");
    Respond(std::move(answer), true);
  }

  void Respond(api::Response answer, bool close) {
    if (answer.later) return BeginLater(std::move(answer.later));
    if (parser_) Record();
    parser_.reset();
    hub_.service.Release(std::exchange(held_, 0));
    if (!socket_.is_open()) return;
    if (record_.id.empty()) record_.id = Service::NewRequestId();
    close = close || !keep_alive_ || (hub_.draining && !MoreHasArrived());

    response_ = {};
    response_.version(version_);
    response_.result(static_cast<unsigned>(answer.status));
    response_.set(bhttp::field::server, "ocellus");
    response_.set(bhttp::field::date, HttpDate());
    response_.set("X-Request-Id", record_.id);
    for (const auto& [name, value] : answer.headers) {
      if (IsSaneHeader(name, value)) response_.insert(name, value);
    }
    response_.set("X-Content-Type-Options", "nosniff");
    record_.status = answer.status;
    record_.bytes = answer.body.size();
    if (HasBody(answer.status)) response_.set(bhttp::field::content_type, answer.content_type);
    if (answer.stream && HasBody(answer.status) && !is_head_) {
      return BeginStream(std::move(answer.stream), close);
    }
    if (HasBody(answer.status)) response_.content_length(answer.body.size());
    if (HasBody(answer.status) && !is_head_) response_.body() = std::move(answer.body);
    response_.keep_alive(!close);

    const std::size_t rate = std::max<std::size_t>(options().min_body_bytes_per_second, 1);
    Arm(Clock::now() + kGrace + std::chrono::milliseconds(response_.body().size() * 1000 / rate));
    bhttp::async_write(socket_, response_,
                       [self = shared_from_this(), close](error_code ec, std::size_t) {
                         self->OnWritten(ec, close);
                       });
  }

  void OnWritten(error_code ec, bool close) {
    record_.took = Clock::now() - received_at_;
    hub_.service.Note(record_);
    record_ = {};
    response_ = {};
    if (ec) return;
    if (close) return Linger();
    WaitForRequest();
  }

  // Has another thread make the answer. What the client sends meanwhile is read, to see it go.
  void BeginLater(std::function<api::Response(const api::Caller&)> later) {
    hub_.service.Release(std::exchange(held_, 0));
    outlet_ = MakeOutlet();
    const bool taken = hub_.service.SubmitLong(
        [self = shared_from_this(), outlet = outlet_, later = std::move(later)]() mutable {
          api::Response answer = self->Guarded([&] { return later(*outlet); });
          // Moved on, so that the last reference never goes on this thread.
          const auto io = self->socket_.get_executor();
          asio::post(io, [self = std::move(self), answer = std::move(answer)]() mutable {
            self->EndWatch([self, answer = std::move(answer)]() mutable {
              self->outlet_.reset();
              self->Respond(std::move(answer), false);
            });
          });
        });
    if (!taken) {
      outlet_.reset();
      return Respond(TooManyLong(), false);
    }
    Watch();
  }

  // Sends the head, and then the body as another thread makes it.
  void BeginStream(std::function<void(api::BodySink&)> stream, bool close) {
    outlet_ = MakeOutlet();
    const bool taken = hub_.service.SubmitLong(
        [self = shared_from_this(), outlet = outlet_, stream = std::move(stream)]() mutable {
          try {
            stream(*outlet);
          } catch (const std::exception&) {  // nothing of ours throws; memory may run out
            outlet->Close();                 // the client sees a body that was cut off
          }
          outlet->Finish();
          stream = nullptr;
          const auto io = self->socket_.get_executor();
          asio::post(io, [self = std::move(self)] {});
        });
    if (!taken) {
      outlet_.reset();
      return Respond(TooManyLong(), false);
    }
    chunked_ = version_ >= 11;
    stream_close_ = close || !chunked_;
    response_.keep_alive(!stream_close_);
    if (chunked_) response_.chunked(true);
    serializer_.emplace(response_);
    sending_ = true;
    stream_ended_ = false;
    record_.bytes = 0;
    Arm(Clock::now() + kGrace);
    bhttp::async_write_header(
        socket_, *serializer_,
        [self = shared_from_this()](error_code ec, std::size_t) { self->OnPartSent(ec, false); });
    Watch();
  }

  // Sends what the outlet has, if nothing is being sent.
  void SendPart() {
    if (sending_ || stream_ended_ || outlet_ == nullptr) return;
    Outlet::Parts parts = outlet_->Take();
    if (parts.gone) return EndStream(asio::error::operation_aborted);
    if (parts.bytes.empty() && !parts.finished) return;
    record_.bytes += parts.bytes.size();
    part_ = std::move(parts.bytes);
    if (chunked_ && !part_.empty()) part_ = Chunk(part_);
    if (chunked_ && parts.finished) part_ += "0\r\n\r\n";
    sending_ = true;
    const std::size_t rate = std::max<std::size_t>(options().min_body_bytes_per_second, 1);
    Arm(Clock::now() + kGrace + std::chrono::milliseconds(part_.size() * 1000 / rate));
    asio::async_write(socket_, asio::buffer(part_),
                      [self = shared_from_this(), finished = parts.finished](
                          error_code ec, std::size_t) { self->OnPartSent(ec, finished); });
  }

  void OnPartSent(error_code ec, bool finished) {
    sending_ = false;
    Disarm();
    if (ec || finished) return EndStream(ec);
    SendPart();
  }

  void EndStream(error_code ec) {
    if (std::exchange(stream_ended_, true)) return;
    outlet_->Close();
    if (ec) stream_close_ = true;
    EndWatch([self = shared_from_this(), ec] {
      self->outlet_.reset();
      self->serializer_.reset();
      self->part_ = {};
      self->OnWritten(ec, self->stream_close_);
    });
  }

  std::shared_ptr<Outlet> MakeOutlet() {
    return std::make_shared<Outlet>([weak = weak_from_this(), &io = hub_.io] {
      asio::post(io, [weak] {
        if (const auto self = weak.lock()) self->SendPart();
      });
    });
  }

  template <typename Make>
  api::Response Guarded(const Make& make) {
    try {
      return make();
    } catch (const std::exception& error) {  // nothing of ours throws; memory may run out
      return hub_.service.Error(record_.path, Status(Code::kInternal, error.what()), 500);
    }
  }

  api::Response TooManyLong() const {
    return hub_.service.Busy(record_.path,
                             "too many long answers are under way; try again in a moment");
  }

  // Reads while a long answer is made: the end of the connection is seen at once, a pipelined
  // request waits in the buffer.
  void Watch() {
    watching_ = true;
    socket_.async_read_some(
        buffer_.prepare(kFirstRead),
        [self = shared_from_this()](error_code ec, std::size_t got) { self->OnWatched(ec, got); });
  }

  void OnWatched(error_code ec, std::size_t got) {
    watching_ = false;
    if (!ec) buffer_.commit(got);
    if (after_watch_) return std::exchange(after_watch_, nullptr)();
    if (ec && outlet_ != nullptr) outlet_->Close();
    if (!ec && buffer_.size() < kFirstRead) Watch();
  }

  void EndWatch(std::function<void()> next) {
    if (!watching_) return next();
    after_watch_ = std::move(next);
    error_code ignored;
    socket_.cancel(ignored);
  }

  void Linger() {
    error_code ignored;
    socket_.shutdown(tcp::socket::shutdown_send, ignored);
    linger_until_ = Clock::now() + kLinger;
    Discard();
  }

  void Discard() {
    buffer_.clear();
    Arm(std::min(linger_until_, Clock::now() + kLingerPause));
    socket_.async_read_some(buffer_.prepare(kBodyRead),
                            [self = shared_from_this()](error_code ec, std::size_t) {
                              if (!ec && Clock::now() < self->linger_until_) self->Discard();
                            });
  }

  tcp::socket socket_;
  asio::steady_timer timer_;
  Hub& hub_;
  std::string peer_;
  beast::flat_buffer buffer_;
  std::optional<bhttp::request_parser<BodyBuffer>> parser_;
  bhttp::response<bhttp::string_body> response_;
  api::Request request_;
  Service::Record record_;
  unsigned version_ = 11;  // of HTTP, times ten
  bool is_head_ = false;
  bool keep_alive_ = false;
  bool waiting_ = false;                       // between requests, for the first byte of one
  bool timed_out_ = false;                     // the timer ended the pending operation
  std::optional<Clock::time_point> deadline_;  // of the pending operation
  bool ticking_ = false;                       // the timer is set, for deadline_ or earlier
  std::uint64_t generation_ = 0;               // of the timer's settings
  // Of a long answer.
  std::shared_ptr<Outlet> outlet_;
  std::optional<bhttp::response_serializer<bhttp::string_body>> serializer_;
  std::string part_;                   // being sent
  std::function<void()> after_watch_;  // what waits for the end of Watch()
  bool watching_ = false;
  bool sending_ = false;
  bool chunked_ = false;
  bool stream_close_ = false;
  bool stream_ended_ = false;
  std::size_t held_ = 0;  // bytes counted with the service
  Clock::time_point started_at_;
  Clock::time_point received_at_;
  Clock::time_point body_started_at_;
  Clock::time_point linger_until_;
};

}  // namespace

void Connection::Serve(tcp::socket socket, Hub& hub) {
  std::make_shared<HttpConnection>(std::move(socket), hub)->WaitForRequest();
}

void Connection::Refuse(tcp::socket socket, Hub& hub) {
  std::make_shared<HttpConnection>(std::move(socket), hub)->RefuseNow();
}

}  // namespace ocellus::http
