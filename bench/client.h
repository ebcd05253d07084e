// What a benchmark needs to talk to a real server: a child process and a keep-alive connection.

#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace ocellus::bench {

// A running `ocellus serve` on a free loopback port. Ends it on destruction. Benchmarks have no
// caller to report to: failures print their reason and exit.
class ServerProcess {
 public:
  ServerProcess(const std::string& binary, const std::string& data_dir,
                const std::vector<std::string>& more_arguments = {});
  ~ServerProcess();
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;

  std::uint16_t port() const { return port_; }
  double start_seconds() const { return start_seconds_; }  // from exec to the ready line
  std::uint64_t resident_bytes() const;

  // SIGTERM, and waits. Called by the destructor.
  void Stop();

 private:
  pid_t pid_ = -1;
  int ready_pipe_ = -1;
  std::uint16_t port_ = 0;
  double start_seconds_ = 0;
};

// One keep-alive connection. One owner thread.
class Connection {
 public:
  explicit Connection(std::uint16_t port);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  struct Answer {
    int status = 0;
    std::string body;
  };
  Answer Ask(const std::string& path, const std::string& json);

  // The answer's body; anything but a 200 ends the benchmark.
  std::string Post(const std::string& path, const std::string& json);

  // A chunked answer: `first` runs when the first of its body is there. Gives the body with its
  // chunks' framing.
  std::string Stream(const std::string& path, const std::string& json,
                     const std::function<void()>& first);

 private:
  void Send(const std::string& path, const std::string& json);
  void Receive();

  int socket_ = -1;
  std::string buffer_;
};

}  // namespace ocellus::bench
