// HubClient: the Hugging Face hub's HTTP, as far as fetching a model's files goes.
//
// One owner thread.

#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace ocellus::fetch {

struct HubOptions {
  std::string endpoint = "https://huggingface.co";  // or a mirror's, or a proxy's
  std::string token;                                // empty: none is sent
  std::string revision = "main";
};

struct HubFile {
  std::string path;  // below the model's folder
  std::uint64_t size = 0;
  std::string sha256;   // of large files; else empty
  std::string git_oid;  // of small ones: GitBlobHex()
};

class HubClient {
 public:
  // `stop` is borrowed: once true, calls end with Cancelled.
  HubClient(HubOptions options, const std::atomic<bool>& stop);

  // All files of a model ("owner/name"). NotFound: no such model. FailedPrecondition: it wants a
  // token, or another one. Unavailable: the hub is not reached; the message says what can be done.
  // InvalidArgument: the name, or what answered is no hub.
  Result<std::vector<HubFile>> List(const std::string& model);

  // Gets the bytes of a file from `offset` on and hands them to `sink` in order, whose failure ends
  // the transfer. Where the server cannot go on from there it begins anew: `restart` is called
  // first. Codes as above.
  struct Receiver {
    std::function<Status(Bytes)> sink;
    std::function<Status()> restart;
  };
  Status Download(const std::string& model, const HubFile& file, std::uint64_t offset,
                  const Receiver& receiver);

 private:
  struct Transfer;

  Status Run(const std::string& url, std::uint64_t offset, const Receiver& receiver) const;

  const HubOptions options_;
  const std::atomic<bool>& stop_;
};

}  // namespace ocellus::fetch
