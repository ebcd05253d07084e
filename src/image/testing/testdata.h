// For the tests of this module: its pictures, and bytes made wrong.

#pragma once

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace ocellus::image {

inline std::vector<std::uint8_t> ReadTestdata(const std::string& name) {
  std::ifstream file("testdata/" + name, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// Every picture in testdata/, in a fixed order.
inline std::vector<std::string> AllTestdata() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator("testdata")) {
    if (entry.path().extension() != ".py") names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace ocellus::image
