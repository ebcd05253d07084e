#include "embed/preprocessor.h"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <string>
#include <utility>

#include "base/value.h"
#include "embed/json_fields.h"

namespace ocellus::embed {
namespace {

constexpr std::int64_t kMaxSide = 4096;
constexpr std::int64_t kBicubic = 3;  // PIL's number for it
// A picture longer than this is cut to its middle before it is resized: otherwise a strip of one
// pixel's height would become gigabytes on its way to a square.
constexpr double kMaxStrip = 8;

struct Size {
  std::uint32_t height = 0;
  std::uint32_t width = 0;
  bool shortest_edge = false;  // both are the wanted length of the shortest side
};

// 224, {"shortest_edge": 224} or {"height": 224, "width": 224}
Result<Size> ReadSize(const JsonFields& root, std::string_view name) {
  Size size;
  const Value* value = root.Find(name);
  std::int64_t height = 0;
  std::int64_t width = 0;
  if (value != nullptr && value->as_map() != nullptr) {
    OCELLUS_ASSIGN_OR_RETURN(const JsonFields fields, root.Object(name));
    size.shortest_edge = fields.Has("shortest_edge");
    OCELLUS_ASSIGN_OR_RETURN(
        height, fields.Integer(size.shortest_edge ? "shortest_edge" : "height", 1, kMaxSide));
    OCELLUS_ASSIGN_OR_RETURN(
        width, fields.Integer(size.shortest_edge ? "shortest_edge" : "width", 1, kMaxSide));
  } else {
    OCELLUS_ASSIGN_OR_RETURN(height, root.Integer(name, 1, kMaxSide));
    width = height;
    size.shortest_edge = name == "size";  // as older files mean it
  }
  size.height = static_cast<std::uint32_t>(height);
  size.width = static_cast<std::uint32_t>(width);
  return size;
}

// Three numbers, one a channel.
Result<std::array<double, 3>> ReadChannels(const JsonFields& root, std::string_view name) {
  const Value* value = root.Find(name);
  const Value::List* list = value == nullptr ? nullptr : value->as_list();
  if (list == nullptr || list->size() != 3)
    return root.Expected(name, "a list of 3 numbers", value);
  std::array<double, 3> channels{};
  for (std::size_t i = 0; i < 3; ++i) {
    if (!(*list)[i].is_number()) return root.Error(name, "expected 3 numbers");
    channels[i] = (*list)[i].number();
  }
  return channels;
}

// What each byte becomes: scaled, then normalised, where the file says so.
Result<std::array<std::vector<float>, 3>> ReadValues(const JsonFields& root) {
  OCELLUS_ASSIGN_OR_RETURN(const bool rescale, root.Boolean("do_rescale", true));
  OCELLUS_ASSIGN_OR_RETURN(const bool normalize, root.Boolean("do_normalize", true));
  double factor = 1;
  if (rescale) {
    OCELLUS_ASSIGN_OR_RETURN(factor, root.Number("rescale_factor", 1.0 / 255));
  }
  std::array<double, 3> mean = {0, 0, 0};
  std::array<double, 3> deviation = {1, 1, 1};
  if (normalize) {
    OCELLUS_ASSIGN_OR_RETURN(mean, ReadChannels(root, "image_mean"));
    OCELLUS_ASSIGN_OR_RETURN(deviation, ReadChannels(root, "image_std"));
  }
  std::array<std::vector<float>, 3> values;
  for (std::size_t channel = 0; channel < 3; ++channel) {
    if (!(deviation[channel] > 0)) return root.Error("image_std", "expected numbers above 0");
    for (int byte = 0; byte < 256; ++byte) {
      values[channel].push_back(
          static_cast<float>((byte * factor - mean[channel]) / deviation[channel]));
    }
  }
  return values;
}

// The centred part whose long side is at most `aspect` times the short one.
image::Box MiddlePart(const image::Picture& picture, double aspect) {
  const std::uint32_t shortest = std::min(picture.width, picture.height);
  const double limit = std::min(shortest * aspect, 4294967295.0);
  const std::uint32_t width = std::min(picture.width, static_cast<std::uint32_t>(limit));
  const std::uint32_t height = std::min(picture.height, static_cast<std::uint32_t>(limit));
  return {(picture.width - width) / 2, (picture.height - height) / 2, width, height};
}

// Cut before it is resized: pixels beyond the part must not shine in, as they do when the part is
// given to Resize().
image::Picture Cut(const image::Picture& picture, const image::Box& part) {
  image::Picture result;
  result.width = part.width;
  result.height = part.height;
  result.rgb.reserve(std::size_t{part.width} * part.height * 3);
  for (std::uint32_t row = 0; row < part.height; ++row) {
    const auto from =
        picture.rgb.begin() +
        static_cast<std::ptrdiff_t>((std::size_t{part.y + row} * picture.width + part.x) * 3);
    result.rgb.insert(result.rgb.end(), from, from + static_cast<std::ptrdiff_t>(part.width) * 3);
  }
  return result;
}

image::Picture Resized(const image::Picture& picture, std::uint32_t width, std::uint32_t height) {
  return image::Resize(picture, {0, 0, picture.width, picture.height}, width, height);
}

}  // namespace

Result<PicturePreprocessor> PicturePreprocessor::Parse(std::string_view preprocessor_config_json) {
  OCELLUS_ASSIGN_OR_RETURN(const Value document, ParseJson(preprocessor_config_json));
  OCELLUS_ASSIGN_OR_RETURN(const JsonFields root, JsonFields::Root(document));
  PicturePreprocessor result;

  OCELLUS_ASSIGN_OR_RETURN(const bool resize, root.Boolean("do_resize", true));
  if (!resize) return root.Error("do_resize", "only true is supported");
  OCELLUS_ASSIGN_OR_RETURN(const std::int64_t resample, root.Integer("resample", 0, 5, kBicubic));
  if (resample != kBicubic) return root.Error("resample", "only 3 (bicubic) is supported");
  OCELLUS_ASSIGN_OR_RETURN(const Size size, ReadSize(root, "size"));
  OCELLUS_ASSIGN_OR_RETURN(const bool crop, root.Boolean("do_center_crop", false));
  result.width_ = size.width;
  result.height_ = size.height;
  result.wanted_side_ = std::max(size.width, size.height);
  if (root.Has("crop_max_aspect_ratio")) {
    OCELLUS_ASSIGN_OR_RETURN(result.max_aspect_, root.Number("crop_max_aspect_ratio"));
    if (!(result.max_aspect_ >= 1 && result.max_aspect_ <= 100)) {
      return root.Error("crop_max_aspect_ratio", "expected a number 1..100");
    }
    OCELLUS_ASSIGN_OR_RETURN(const std::string rule, root.String("crop_rule", "centre"));
    if (rule != "centre") return root.Error("crop_rule", "only \"centre\" is supported");
    if (size.shortest_edge) {
      return root.Error("size", "expected height and width beside crop_max_aspect_ratio");
    }
  } else if (size.shortest_edge || crop) {
    if (!size.shortest_edge) {
      return root.Error("size", "expected shortest_edge beside do_center_crop");
    }
    if (!crop) return root.Error("do_center_crop", "only true is supported beside shortest_edge");
    OCELLUS_ASSIGN_OR_RETURN(const Size middle, ReadSize(root, "crop_size"));
    if (middle.height > size.height || middle.width > size.width) {
      return root.Error("crop_size", "is larger than \"size\"");
    }
    result.fit_ = Fit::kShortestEdge;
    result.shortest_edge_ = size.width;
    result.width_ = middle.width;
    result.height_ = middle.height;
  }

  OCELLUS_ASSIGN_OR_RETURN(const std::string type, root.String("input_dtype", "float32"));
  OCELLUS_ASSIGN_OR_RETURN(const std::string format,
                           root.String("input_data_format", "channels_first"));
  if (type == "uint8" && format == "channels_last") {
    OCELLUS_ASSIGN_OR_RETURN(const bool in_graph,
                             root.Boolean("rescale_and_normalize_in_graph", false));
    if (!in_graph) {
      return root.Error("rescale_and_normalize_in_graph", "expected true beside uint8 input");
    }
    result.layout_ = Layout::kBytesRowsFirst;
  } else if (type == "float32" && format == "channels_first") {
    OCELLUS_ASSIGN_OR_RETURN(result.values_, ReadValues(root));
  } else {
    return root.Error("input_dtype",
                      "expected \"uint8\" with input_data_format \"channels_last\" or \"float32\" "
                      "with \"channels_first\", got \"" +
                          type + "\" with \"" + format + "\"");
  }
  return result;
}

std::size_t PicturePreprocessor::output_bytes() const {
  const std::size_t values = std::size_t{width_} * height_ * 3;
  return layout_ == Layout::kBytesRowsFirst ? values : values * sizeof(float);
}

image::Picture PicturePreprocessor::Fitted(const image::Picture& picture) const {
  if (fit_ == Fit::kSquash && max_aspect_ == 0) return Resized(picture, width_, height_);
  const image::Box part = MiddlePart(picture, max_aspect_ > 0 ? max_aspect_ : kMaxStrip);
  const bool whole = part.width == picture.width && part.height == picture.height;
  const image::Picture cut = whole ? image::Picture() : Cut(picture, part);
  const image::Picture& middle = whole ? picture : cut;
  if (fit_ == Fit::kSquash) return Resized(middle, width_, height_);

  // As the exporters' processors compute it: the longer side is rounded down.
  const std::uint64_t shortest = std::min(middle.width, middle.height);
  const auto scaled = [&](std::uint32_t side) {
    return static_cast<std::uint32_t>(std::uint64_t{shortest_edge_} * side / shortest);
  };
  const image::Picture resized = Resized(middle, scaled(middle.width), scaled(middle.height));
  return Cut(resized,
             {(resized.width - width_) / 2, (resized.height - height_) / 2, width_, height_});
}

void PicturePreprocessor::Run(const image::Picture& picture, std::span<std::uint8_t> out) const {
  assert(out.size() == output_bytes());
  const image::Picture fitted = Fitted(picture);
  if (layout_ == Layout::kBytesRowsFirst) {
    std::memcpy(out.data(), fitted.rgb.data(), out.size());
    return;
  }
  std::uint8_t* to = out.data();
  for (std::size_t channel = 0; channel < 3; ++channel) {
    for (std::size_t at = channel; at < fitted.rgb.size(); at += 3) {
      std::memcpy(to, &values_[channel][fitted.rgb[at]], sizeof(float));
      to += sizeof(float);
    }
  }
}

}  // namespace ocellus::embed
