// The learned numbers of a network in a file that dlib wrote (dlib::serialize), layer by layer.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/bytes.h"

namespace ocellus::embed {

// Goes through the file from the network's input to its output, the order in which dlib keeps
// layers. What is not as asked makes it fail for good: ok() is for the end. One owner thread;
// `file` is borrowed.
class DlibNetworkFile {
 public:
  explicit DlibNetworkFile(Bytes file) : rest_(file) {}

  // Goes to the next layer of that kind, as dlib names it with the number of its format: "con_4".
  void Next(std::string_view kind);

  // What stands next in the layer. A tensor must have `size` numbers; it is empty where it fails.
  std::int64_t Integer();
  std::vector<float> Tensor(std::size_t size);
  // The shape of a part of a tensor, which says nothing new.
  void SkipShape();

  bool ok() const { return ok_; }

 private:
  Bytes rest_;
  bool ok_ = true;
};

}  // namespace ocellus::embed
