// A Beast body that keeps a request's bytes in one string, and takes memory as bytes arrive rather
// than as they are promised: a client that only declares 32 MB costs nothing.

#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/optional.hpp>

namespace ocellus::http {

struct BodyBuffer {
  using value_type = std::string;  // NOLINT(readability-identifier-naming): Beast's name

  class reader {  // NOLINT(readability-identifier-naming): Beast's name
   public:
    template <bool kIsRequest, typename Fields>
    reader(boost::beast::http::header<kIsRequest, Fields>&, std::string& body) : body_(body) {}

    // NOLINTNEXTLINE(readability-identifier-naming): Beast's name
    void init(const boost::optional<std::uint64_t>& length, boost::beast::error_code& ec) {
      promised_ = static_cast<std::size_t>(length.value_or(0));
      body_.reserve(std::min(promised_, kTrusted));
      ec = {};
    }

    template <typename Buffers>
    // NOLINTNEXTLINE(readability-identifier-naming): Beast's name
    std::size_t put(const Buffers& buffers, boost::beast::error_code& ec) {
      const std::size_t more = boost::asio::buffer_size(buffers);
      if (promised_ > body_.capacity() && body_.size() + more > kTrusted) body_.reserve(promised_);
      for (auto it = boost::asio::buffer_sequence_begin(buffers);
           it != boost::asio::buffer_sequence_end(buffers); ++it) {
        const boost::asio::const_buffer part(*it);
        body_.append(static_cast<const char*>(part.data()), part.size());
      }
      ec = {};
      return more;
    }

    // NOLINTNEXTLINE(readability-identifier-naming): Beast's name
    void finish(boost::beast::error_code& ec) { ec = {}; }

   private:
    // A body promised larger gets its whole memory once this much of it has arrived.
    static constexpr std::size_t kTrusted = 1 << 20;

    std::string& body_;
    std::size_t promised_ = 0;
  };
};

}  // namespace ocellus::http
