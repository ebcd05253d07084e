#include "bench/client.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>

namespace ocellus::bench {
namespace {

[[noreturn]] void Die(const std::string& reason) {
  std::fprintf(stderr, "bench: %s\n", reason.c_str());
  std::exit(1);  // NOLINT(concurrency-mt-unsafe)
}

// The number after "Content-Length:" in a header block, whatever its case.
std::size_t ContentLength(const std::string& header) {
  constexpr char kName[] = "\r\ncontent-length:";
  for (std::size_t at = header.find("\r\n"); at != std::string::npos;
       at = header.find("\r\n", at + 1)) {
    if (strncasecmp(header.c_str() + at, kName, sizeof kName - 1) == 0) {
      return std::strtoull(header.c_str() + at + sizeof kName - 1, nullptr, 10);
    }
  }
  Die("an answer without Content-Length:\n" + header);
}

}  // namespace

ServerProcess::ServerProcess(const std::string& binary, const std::string& data_dir,
                             const std::vector<std::string>& more_arguments) {
  std::vector<std::string> arguments = {binary,   "serve",    "--data",
                                        data_dir, "--listen", "127.0.0.1:0"};
  arguments.insert(arguments.end(), more_arguments.begin(), more_arguments.end());
  std::vector<char*> argv;
  argv.reserve(arguments.size() + 1);
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  int pipe_ends[2];
  if (pipe(pipe_ends) != 0) Die("no pipe");
  const auto start = std::chrono::steady_clock::now();
  pid_ = fork();
  if (pid_ == 0) {
    dup2(pipe_ends[1], STDOUT_FILENO);
    close(pipe_ends[0]);
    close(pipe_ends[1]);
    if (std::freopen("/dev/null", "w", stderr) == nullptr) _exit(127);  // the access log
    execv(argv[0], argv.data());
    _exit(127);
  }
  close(pipe_ends[1]);
  ready_pipe_ = pipe_ends[0];
  std::string line;
  for (char byte = 0; read(ready_pipe_, &byte, 1) == 1 && byte != '\n';) line += byte;
  start_seconds_ = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  constexpr char kAddress[] = "http://127.0.0.1:";
  const std::size_t at = line.find(kAddress);
  if (at == std::string::npos) Die(binary + " did not start: \"" + line + "\"");
  port_ = static_cast<std::uint16_t>(
      std::strtoul(line.c_str() + at + sizeof kAddress - 1, nullptr, 10));
}

ServerProcess::~ServerProcess() {
  Stop();
}

void ServerProcess::Stop() {
  if (pid_ < 0) return;
  kill(pid_, SIGTERM);
  waitpid(pid_, nullptr, 0);
  close(ready_pipe_);
  pid_ = -1;
}

std::uint64_t ServerProcess::resident_bytes() const {
  std::ifstream statm("/proc/" + std::to_string(pid_) + "/statm");
  std::uint64_t size = 0, resident = 0;
  statm >> size >> resident;
  return resident * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

Connection::Connection(std::uint16_t port) : socket_(socket(AF_INET, SOCK_STREAM, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    Die("cannot connect to port " + std::to_string(port));
  }
  const int on = 1;
  setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

Connection::~Connection() {
  close(socket_);
}

void Connection::Send(const std::string& path, const std::string& json) {
  const std::string request = "POST " + path +
                              " HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
                              "Content-Length: " +
                              std::to_string(json.size()) + "\r\n\r\n" + json;
  for (std::size_t sent = 0; sent < request.size();) {
    const ssize_t count = send(socket_, request.data() + sent, request.size() - sent, MSG_NOSIGNAL);
    if (count <= 0) Die("the server closed the connection");
    sent += static_cast<std::size_t>(count);
  }
}

void Connection::Receive() {
  char part[65536];
  const ssize_t count = recv(socket_, part, sizeof part, 0);
  if (count <= 0) Die("the server closed the connection");
  buffer_.append(part, static_cast<std::size_t>(count));
}

std::string Connection::Stream(const std::string& path, const std::string& json,
                               const std::function<void()>& first) {
  Send(path, json);
  std::size_t header_end = std::string::npos;
  while (header_end == std::string::npos || buffer_.size() <= header_end + 4) {
    Receive();
    header_end = buffer_.find("\r\n\r\n");
  }
  first();
  if (buffer_.compare(0, 12, "HTTP/1.1 200") != 0) Die(path + ": " + buffer_);
  while (!buffer_.ends_with("\r\n0\r\n\r\n")) Receive();
  std::string body = buffer_.substr(header_end + 4);
  buffer_.clear();
  return body;
}

std::string Connection::Post(const std::string& path, const std::string& json) {
  const Answer answer = Ask(path, json);
  if (answer.status != 200) Die(path + ": " + answer.body);
  return answer.body;
}

Connection::Answer Connection::Ask(const std::string& path, const std::string& json) {
  Send(path, json);
  std::size_t header_end = std::string::npos;
  std::size_t wanted = 0;
  while (header_end == std::string::npos || buffer_.size() < wanted) {
    Receive();
    if (header_end == std::string::npos) {
      header_end = buffer_.find("\r\n\r\n");
      if (header_end != std::string::npos) {
        wanted = header_end + 4 + ContentLength(buffer_.substr(0, header_end + 2));
      }
    }
  }
  constexpr std::size_t kStatusAt = sizeof("HTTP/1.1 ") - 1;
  Answer answer = {std::atoi(buffer_.c_str() + kStatusAt),
                   buffer_.substr(header_end + 4, wanted - header_end - 4)};
  buffer_.erase(0, wanted);
  return answer;
}

}  // namespace ocellus::bench
