// A network that finds subjects, as a test wants it: an ONNX file of five nodes.

#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

namespace ocellus::embed::testing {

// Three boxes, x0, y0, x1, y1 each; the score of box i is the mean of channel i of the input,
// which is side x side.
inline std::string SubjectNetwork(const std::vector<float>& boxes, std::uint32_t side,
                                  const std::string& boxes_name = "boxes") {
  const auto varint = [](std::uint64_t value) {
    std::string out;
    for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
    return out + static_cast<char>(value);
  };
  const auto number = [&](unsigned field, std::uint64_t value) {
    return varint(field << 3) + varint(value);
  };
  const auto part = [&](unsigned field, const std::string& bytes) {
    return varint((field << 3) | 2) + varint(bytes.size()) + bytes;
  };
  const auto tensor = [&](const std::string& name, const std::vector<std::uint64_t>& dims,
                          const std::vector<float>& values) {
    std::string raw(values.size() * sizeof(float), '\0');
    std::memcpy(raw.data(), values.data(), raw.size());
    std::string out;
    for (const std::uint64_t dim : dims) out += number(1, dim);
    return part(5, out + number(2, 1) + part(8, name) + part(9, raw));
  };
  const auto node = [&](const std::string& type, const std::vector<std::string>& inputs,
                        const std::string& output, const std::string& attributes) {
    std::string out;
    for (const std::string& input : inputs) out += part(1, input);
    return part(1, out + part(2, output) + part(4, type) + attributes);
  };
  const auto mean = [&](const std::string& input, const std::string& output, std::uint64_t axis,
                        std::uint64_t keep) {
    return node("ReduceMean", {input}, output,
                part(5, part(1, "axes") + number(8, axis) + number(20, 7)) +
                    part(5, part(1, "keepdims") + number(3, keep) + number(20, 2)));
  };
  const auto value = [&](unsigned field, const std::string& name,
                         const std::vector<std::uint64_t>& dims) {
    std::string shape = part(1, part(2, "n"));
    for (const std::uint64_t dim : dims) shape += part(1, number(1, dim));
    return part(field, part(1, name) + part(2, part(1, number(1, 1) + part(2, shape))));
  };
  const std::string graph = mean("pixel_values", "rows", 3, 0) + mean("rows", "channels", 2, 1) +
                            node("Mul", {"channels", "zero"}, "zeros", "") +
                            node("Add", {"zeros", "places"}, boxes_name, "") +
                            mean("channels", "scores", 2, 0) + part(2, "subjects") +
                            tensor("zero", {1}, {0}) + tensor("places", {1, 3, 4}, boxes) +
                            value(11, "pixel_values", {3, side, side}) +
                            value(12, boxes_name, {3, 4}) + value(12, "scores", {3});
  return number(1, 8) + part(8, part(1, "") + number(2, 13)) + part(7, graph);
}

}  // namespace ocellus::embed::testing
