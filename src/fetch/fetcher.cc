#include "fetch/fetcher.h"

#include <curl/curl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <mutex>

namespace ocellus::fetch {
namespace {

// What browsers take too.
constexpr std::size_t kMaxUrlBytes = 8192;
// Of all answers of one transfer, redirects included. A few kilobytes are usual.
constexpr std::size_t kMaxHeaderBytes = 256 << 10;

// One transfer's state, shared with curl's callbacks.
struct Transfer {
  const FetchOptions& options;
  std::size_t max_bytes;
  std::string body;
  std::size_t header_bytes = 0;
  bool too_large = false;
  bool too_much_header = false;
  bool refused = false;  // an address or port
};

bool MayOpen(const sockaddr& address, const FetchOptions& options) {
  Address bytes{};
  std::uint16_t port = 0;
  if (address.sa_family == AF_INET) {
    const auto& ipv4 = reinterpret_cast<const sockaddr_in&>(address);
    bytes[10] = bytes[11] = 0xFF;
    std::copy_n(reinterpret_cast<const std::uint8_t*>(&ipv4.sin_addr), 4, bytes.begin() + 12);
    port = ntohs(ipv4.sin_port);
  } else if (address.sa_family == AF_INET6) {
    const auto& ipv6 = reinterpret_cast<const sockaddr_in6&>(address);
    std::copy_n(ipv6.sin6_addr.s6_addr, bytes.size(), bytes.begin());
    port = ntohs(ipv6.sin6_port);
  } else {
    return false;
  }
  return std::find(options.ports.begin(), options.ports.end(), port) != options.ports.end() &&
         MayConnect(bytes, options.opened);
}

curl_socket_t OpenSocket(void* user, curlsocktype /*purpose*/, curl_sockaddr* address) {
  auto& transfer = *static_cast<Transfer*>(user);
  if (!MayOpen(address->addr, transfer.options)) {
    transfer.refused = true;
    return CURL_SOCKET_BAD;
  }
  return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

std::size_t Receive(char* data, std::size_t /*one*/, std::size_t size, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  if (size > transfer.max_bytes - transfer.body.size()) {
    transfer.too_large = true;
    return 0;  // ends the transfer
  }
  transfer.body.append(data, size);
  return size;
}

std::size_t ReceiveHeader(char* /*data*/, std::size_t /*one*/, std::size_t size, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  transfer.header_bytes += size;
  transfer.too_much_header = transfer.header_bytes > kMaxHeaderBytes;
  return transfer.too_much_header ? 0 : size;  // 0 ends the transfer
}

Status Failure(CURLcode code, const Transfer& transfer) {
  if (transfer.too_large) {
    return {Code::kInvalidArgument,
            "is larger than " + std::to_string(transfer.max_bytes) + " bytes"};
  }
  if (transfer.too_much_header) {
    return {Code::kInvalidArgument,
            "the header of the answer is over " + std::to_string(kMaxHeaderBytes) + " bytes"};
  }
  if (transfer.refused) {
    return {Code::kInvalidArgument,
            "leads to an address or port that this server may not reach (private networks are "
            "opened with fetch.allow_networks)"};
  }
  const std::string reason = curl_easy_strerror(code);
  switch (code) {
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_TOO_MANY_REDIRECTS:
    case CURLE_COULDNT_RESOLVE_HOST:
      return {Code::kInvalidArgument, reason};
    default:
      return {Code::kUnavailable, reason};
  }
}

bool HasCredentials(const std::string& url) {
  const std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> parsed(curl_url(), &curl_url_cleanup);
  if (curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(), 0) != CURLUE_OK) return false;
  const auto has = [&](CURLUPart part) {
    char* text = nullptr;
    const bool found = curl_url_get(parsed.get(), part, &text, 0) == CURLUE_OK;
    curl_free(text);
    return found;
  };
  return has(CURLUPART_USER) || has(CURLUPART_PASSWORD);
}

}  // namespace

Fetcher::Fetcher(FetchOptions options) : options_(std::move(options)) {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
}

Result<std::string> Fetcher::Get(const std::string& url, std::size_t max_bytes) const {
  if (!options_.enabled) {
    return Status(Code::kFailedPrecondition,
                  "fetching URLs is off on this server (fetch.enabled in its configuration)");
  }
  if (url.size() > kMaxUrlBytes) {
    return Status(Code::kInvalidArgument, "the URL has " + std::to_string(url.size()) +
                                              " bytes, the limit is " +
                                              std::to_string(kMaxUrlBytes));
  }
  if (url.find('\0') != std::string::npos) {
    return Status(Code::kInvalidArgument, "the URL has a NUL character");
  }
  if (HasCredentials(url)) {
    return Status(Code::kInvalidArgument, "the URL carries a user name or password");
  }
  const std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> handle(curl_easy_init(),
                                                                   &curl_easy_cleanup);
  if (handle == nullptr) return Status(Code::kResourceExhausted, "no memory for a transfer");
  CURL* curl = handle.get();
  Transfer transfer{options_, max_bytes, {}};
  curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_PROXY, "");  // the environment's proxy would hide the address
  curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
  curl_easy_setopt(curl, CURLOPT_MAXREDIRS, options_.max_redirects);
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS,
                   static_cast<long>(options_.connect_timeout.count()));
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, static_cast<long>(options_.timeout.count()));
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);    // signals and threads do not mix
  curl_easy_setopt(curl, CURLOPT_QUICK_EXIT, 1L);  // do not wait for a name server after the limit
  curl_easy_setopt(curl, CURLOPT_USERAGENT, "ocellus");
  curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, &OpenSocket);
  curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, &transfer);
  curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, &ReceiveHeader);
  curl_easy_setopt(curl, CURLOPT_HEADERDATA, &transfer);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &Receive);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &transfer);
  const CURLcode code = curl_easy_perform(curl);
  if (code != CURLE_OK) return Failure(code, transfer).WithContext("fetch " + url);
  long status = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  if (status != 200) {
    return Status(Code::kInvalidArgument,
                  "fetch " + url + ": the server answered " + std::to_string(status));
  }
  return std::move(transfer.body);
}

}  // namespace ocellus::fetch
