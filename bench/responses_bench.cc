// The Responses front next to the search it makes, side by side in one run: what the answerer
// without a model adds, and many streams held for a model that is slow. Prints one JSON object a
// line:
// {"name","value","unit","goal"}.
//
//   responses_bench OCELLUS_BINARY PICTURES_DIR

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/base64.h"
#include "base/value.h"
#include "bench/client.h"
#include "bench/report.h"

namespace ocellus::bench {
namespace {

using Clock = std::chrono::steady_clock;
constexpr char kSearchPath[] = "/api/v1/operators/image-search/search/by-image";
constexpr std::size_t kMaxPictures = 200;
constexpr int kAnswers = 300;
constexpr int kSearchesBeside = 100;
constexpr std::size_t kStreams = 200;

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

std::vector<std::string> LoadPictures(const std::string& folder) {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    const std::string kind = entry.path().extension().string();
    if (entry.is_regular_file() && (kind == ".jpg" || kind == ".webp" || kind == ".png")) {
      paths.push_back(entry.path());
    }
  }
  std::sort(paths.begin(), paths.end());
  paths.resize(std::min(paths.size(), kMaxPictures));
  std::vector<std::string> pictures;
  for (const auto& path : paths) {
    std::ifstream file(path, std::ios::binary);
    const std::string bytes(std::istreambuf_iterator<char>(file), {});
    pictures.push_back(EncodeBase64(AsBytes(bytes)));
  }
  return pictures;
}

void Fill(std::uint16_t port, const std::vector<std::string>& pictures) {
  Connection connection(port);
  connection.Post("/api/v1/operators/image-search/library/create",
                  R"({"library_name":"bench","mode":"general_search"})");
  for (std::size_t i = 0; i < pictures.size(); ++i) {
    const std::string id = std::to_string(i);
    connection.Post("/api/v1/operators/image-search/image/add",
                    R"({"library_name":"bench","image_id":")" + id + R"(","image_uri":")" + id +
                        R"(.jpg","image_base64":")" + pictures[i] + "\"}");
  }
}

std::string SearchBody(const std::string& picture) {
  return R"({"library_name":"bench","return_frame":false,"image_base64":")" + picture + "\"}";
}

std::string AskBody(const std::string& picture, const char* more) {
  return std::string(R"({"model":"bench","tools":[{"type":"image_search"}],)") + more +
         R"("input":[{"role":"user","content":[{"type":"input_image","image_url":)"
         R"("data:image/jpeg;base64,)" +
         picture + "\"}]}]}";
}

void MeasureAnswers(std::uint16_t port, const std::vector<std::string>& pictures) {
  Connection connection(port);
  std::vector<double> search, plain, stored, first, streamed;
  for (int i = 0; i < kAnswers; ++i) {
    const std::string& picture = pictures[static_cast<std::size_t>(i) % pictures.size()];
    search.push_back(Milliseconds([&] { connection.Post(kSearchPath, SearchBody(picture)); }));
    plain.push_back(Milliseconds(
        [&] { connection.Post("/v1/responses", AskBody(picture, R"("store":false,)")); }));
    stored.push_back(Milliseconds([&] { connection.Post("/v1/responses", AskBody(picture, "")); }));
    const auto start = Clock::now();
    streamed.push_back(Milliseconds([&] {
      connection.Stream("/v1/responses", AskBody(picture, R"("stream":true,"store":false,)"), [&] {
        first.push_back(std::chrono::duration<double, std::milli>(Clock::now() - start).count());
      });
    }));
  }
  const double bare = Median(search);
  Print("responses: the search alone p50", bare, "ms");
  Print("responses: first event p50", Median(first), "ms");
  Print("responses: whole answer over the search p50", Median(plain) - bare, "ms", "<= 2");
  Print("responses: whole stream over the search p50", Median(streamed) - bare, "ms", "<= 2");
  Print("responses: whole answer, stored, over the search p50", Median(stored) - bare, "ms");
}

// A chat server that says one word and waits with the rest until it is let go.
class SlowModel {
 public:
  SlowModel() : listener_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
        listen(listener_, 512) != 0) {
      std::exit(1);  // NOLINT(concurrency-mt-unsafe)
    }
    getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    acceptor_ = std::thread([this] {
      while (true) {
        const int connection = accept(listener_, nullptr, nullptr);
        if (connection < 0) return;
        answers_.emplace_back([this, connection] { Answer(connection); });
      }
    });
  }
  ~SlowModel() {
    LetGo();
    shutdown(listener_, SHUT_RDWR);
    acceptor_.join();
    for (std::thread& answer : answers_) answer.join();
    close(listener_);
  }
  SlowModel(const SlowModel&) = delete;
  SlowModel& operator=(const SlowModel&) = delete;

  std::uint16_t port() const { return port_; }
  std::size_t waiting() const { return waiting_; }
  void LetGo() {
    const std::lock_guard lock(mutex_);
    go_ = true;
    let_go_.notify_all();
  }

 private:
  void Answer(int connection) {
    std::string request;
    char part[65536];
    while (request.find("\"max_tokens\"") == std::string::npos) {
      const ssize_t count = recv(connection, part, sizeof part, 0);
      if (count <= 0) break;
      request.append(part, static_cast<std::size_t>(count));
    }
    Send(connection,
         "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
         "data: {\"choices\":[{\"delta\":{\"content\":\"one\"}}]}\n\n");
    ++waiting_;
    {
      std::unique_lock lock(mutex_);
      let_go_.wait(lock, [this] { return go_; });
    }
    Send(connection,
         "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n");
    close(connection);
  }
  static void Send(int connection, const std::string& text) {
    (void)send(connection, text.data(), text.size(), MSG_NOSIGNAL);
  }

  const int listener_;
  std::uint16_t port_ = 0;
  std::thread acceptor_;
  std::vector<std::thread> answers_;  // the acceptor's until it is joined
  std::atomic<std::size_t> waiting_{0};
  std::mutex mutex_;
  std::condition_variable let_go_;
  bool go_ = false;
};

void MeasureStreams(const std::string& binary, const std::string& data_dir,
                    const std::vector<std::string>& pictures) {
  SlowModel model;
  const std::string config = data_dir + "/../bench.toml";
  std::ofstream(config) << "[assistant]\nurl = \"http://127.0.0.1:" << model.port() << "/v1\"\n";
  const ServerProcess server(binary, data_dir, {"--config", config});
  const auto search = [&] {
    Connection connection(server.port());
    std::vector<double> times;
    for (int i = 0; i < kSearchesBeside; ++i) {
      const std::string& picture = pictures[static_cast<std::size_t>(i) % pictures.size()];
      times.push_back(Milliseconds([&] { connection.Post(kSearchPath, SearchBody(picture)); }));
    }
    return Median(times);
  };
  const double before = search();
  const auto resident = static_cast<double>(server.resident_bytes());
  std::atomic<std::size_t> whole{0};
  std::vector<std::thread> clients;
  clients.reserve(kStreams);
  const double begun = Milliseconds([&] {
    for (std::size_t i = 0; i < kStreams; ++i) {
      clients.emplace_back([&] {
        Connection connection(server.port());
        const std::string body = connection.Stream(
            "/v1/responses", R"({"model":"m","input":"hello","stream":true,"store":false})", [] {});
        if (body.find("response.completed") != std::string::npos) ++whole;
      });
    }
    while (model.waiting() < kStreams) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  });
  const double beside = search();
  const auto held = static_cast<double>(server.resident_bytes());
  Print("responses: streams held", static_cast<double>(model.waiting()), "count", ">= 200");
  Print("responses: until all are held", begun, "ms");
  Print("responses: memory a held stream", (held - resident) / kStreams / 1e3, "kB");
  Print("responses: a search beside them p50", beside, "ms");
  Print("responses: a search beside them / alone", beside / before, "ratio");
  model.LetGo();
  for (std::thread& client : clients) client.join();
  Print("responses: streams that came to their end", static_cast<double>(whole.load()), "count",
        ">= 200");
}

int Run(const std::string& binary, const std::string& folder) {
  const std::vector<std::string> pictures = LoadPictures(folder);
  if (pictures.empty()) {
    std::fprintf(stderr, "bench: no pictures in %s\n", folder.c_str());
    return 1;
  }
  std::string scratch = (std::filesystem::temp_directory_path() / "ocellus-bench-XXXXXX").string();
  if (mkdtemp(scratch.data()) == nullptr) return 1;
  const std::string data_dir = scratch + "/data";
  {
    const ServerProcess server(binary, data_dir);
    Fill(server.port(), pictures);
    MeasureAnswers(server.port(), pictures);
  }
  MeasureStreams(binary, data_dir, pictures);
  std::filesystem::remove_all(scratch);
  return 0;
}

}  // namespace
}  // namespace ocellus::bench

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: responses_bench OCELLUS_BINARY PICTURES_DIR\n");
    return 2;
  }
  return ocellus::bench::Run(argv[1], argv[2]);
}
