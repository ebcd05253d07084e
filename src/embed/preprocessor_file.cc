// The files that say how a picture is prepared, in the three dialects that exist: that of image
// processors (and ours, which adds fields to it), that of jina-clip, and open_clip's.

#include <string>
#include <utility>

#include "base/value.h"
#include "embed/json_fields.h"
#include "embed/preprocessor.h"

namespace ocellus::embed {
namespace {

using Fit = PicturePreprocessor::Fit;
using Layout = PicturePreprocessor::Layout;
using Recipe = PicturePreprocessor::Recipe;

constexpr std::int64_t kMaxSide = 4096;

struct Size {
  std::uint32_t height = 0;
  std::uint32_t width = 0;
  bool shortest_edge = false;  // both are the wanted length of the shortest side
};

// 224, [224, 224], {"shortest_edge": 224} or {"height": 224, "width": 224}
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
  } else if (value != nullptr && value->as_list() != nullptr) {
    const Value::List& list = *value->as_list();
    const bool fits = list.size() == 2 && list[0].as_int() != nullptr &&
                      list[1].as_int() != nullptr && *list[0].as_int() >= 1 &&
                      *list[0].as_int() <= kMaxSide && *list[1].as_int() >= 1 &&
                      *list[1].as_int() <= kMaxSide;
    if (!fits) return root.Error(name, "expected a height and a width of 1..4096");
    height = *list[0].as_int();
    width = *list[1].as_int();
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

struct NormalNames {
  const char* mean;
  const char* deviation;
};

Status ReadNormal(const JsonFields& root, const NormalNames& names, Recipe& recipe) {
  OCELLUS_ASSIGN_OR_RETURN(recipe.mean, ReadChannels(root, names.mean));
  OCELLUS_ASSIGN_OR_RETURN(recipe.deviation, ReadChannels(root, names.deviation));
  for (const double deviation : recipe.deviation) {
    if (!(deviation > 0)) return root.Error(names.deviation, "expected numbers above 0");
  }
  return {};
}

// By PIL's numbers.
Result<image::Filter> ReadResample(const JsonFields& root) {
  OCELLUS_ASSIGN_OR_RETURN(const std::int64_t resample, root.Integer("resample", 0, 5, 3));
  switch (resample) {
    case 1:
      return image::Filter::kLanczos;
    case 2:
      return image::Filter::kBilinear;
    case 3:
      return image::Filter::kBicubic;
    case 4:
      return image::Filter::kBox;
    case 5:
      return image::Filter::kHamming;
    default:
      return root.Error("resample", "0 (nearest) is not supported; 1..5 are");
  }
}

// "bicubic" and so on, as open_clip and jina-clip write it.
Result<image::Filter> ReadInterpolation(const JsonFields& root) {
  OCELLUS_ASSIGN_OR_RETURN(const std::string name, root.String("interpolation", "bicubic"));
  // open_clip takes bicubic at inference where training took one or the other.
  if (name == "bicubic" || name == "random") return image::Filter::kBicubic;
  if (name == "bilinear") return image::Filter::kBilinear;
  return root.Error("interpolation", "\"" + name + "\" is not supported; bicubic and bilinear are");
}

// The resize_mode of open_clip and jina-clip, whose steps are torchvision's.
Status ReadResizeMode(const JsonFields& root, const Size& size, Recipe& recipe) {
  OCELLUS_ASSIGN_OR_RETURN(const std::string mode, root.String("resize_mode", "shortest"));
  recipe.height = size.height;
  recipe.width = size.width;
  recipe.round_half_even = true;
  if (mode == "squash") return {};
  if (mode == "shortest") {
    if (size.height != size.width) {
      return root.Error("resize_mode", "\"shortest\" is supported for square inputs only");
    }
    recipe.fit = Fit::kShortestEdge;
    recipe.edge = size.width;
    return {};
  }
  if (mode != "longest") {
    return root.Error("resize_mode",
                      "\"" + mode + "\" is not supported; shortest, longest and squash are");
  }
  recipe.fit = Fit::kLongestEdge;
  OCELLUS_ASSIGN_OR_RETURN(const std::int64_t fill, root.Integer("fill_color", 0, 255, 0));
  recipe.fill = static_cast<std::uint8_t>(fill);
  return {};
}

Result<PicturePreprocessor> ReadJina(const JsonFields& root) {
  Recipe recipe;
  OCELLUS_ASSIGN_OR_RETURN(recipe.filter, ReadInterpolation(root));
  OCELLUS_ASSIGN_OR_RETURN(const Size size, ReadSize(root, "size"));
  OCELLUS_RETURN_IF_ERROR(ReadResizeMode(root, size, recipe));
  const bool theirs = root.Has("mean") || !root.Has("image_mean");
  OCELLUS_RETURN_IF_ERROR(ReadNormal(
      root, theirs ? NormalNames{"mean", "std"} : NormalNames{"image_mean", "image_std"}, recipe));
  return PicturePreprocessor(recipe);
}

Status ReadFit(const JsonFields& root, Recipe& recipe) {
  OCELLUS_ASSIGN_OR_RETURN(const Size size, ReadSize(root, "size"));
  OCELLUS_ASSIGN_OR_RETURN(const bool crop, root.Boolean("do_center_crop", false));
  recipe.width = size.width;
  recipe.height = size.height;
  if (root.Has("crop_max_aspect_ratio")) {
    OCELLUS_ASSIGN_OR_RETURN(recipe.max_aspect, root.Number("crop_max_aspect_ratio"));
    if (!(recipe.max_aspect >= 1 && recipe.max_aspect <= 100)) {
      return root.Error("crop_max_aspect_ratio", "expected a number 1..100");
    }
    OCELLUS_ASSIGN_OR_RETURN(const std::string rule, root.String("crop_rule", "centre"));
    if (rule != "centre") return root.Error("crop_rule", "only \"centre\" is supported");
    if (size.shortest_edge) {
      return root.Error("size", "expected height and width beside crop_max_aspect_ratio");
    }
    return {};
  }
  if (!size.shortest_edge && !crop) return {};
  if (!size.shortest_edge) {
    // Both at once do nothing more than the first when they agree.
    OCELLUS_ASSIGN_OR_RETURN(const Size middle, ReadSize(root, "crop_size"));
    if (middle.height == size.height && middle.width == size.width) return {};
    return root.Error("size", "expected shortest_edge beside do_center_crop");
  }
  if (!crop) return root.Error("do_center_crop", "only true is supported beside shortest_edge");
  OCELLUS_ASSIGN_OR_RETURN(const Size middle, ReadSize(root, "crop_size"));
  if (middle.height > size.height || middle.width > size.width) {
    return root.Error("crop_size", "is larger than \"size\"");
  }
  recipe.fit = Fit::kShortestEdge;
  recipe.edge = size.width;
  recipe.width = middle.width;
  recipe.height = middle.height;
  return {};
}

// What each byte becomes.
Status ReadValues(const JsonFields& root, Recipe& recipe) {
  OCELLUS_ASSIGN_OR_RETURN(const bool rescale, root.Boolean("do_rescale", true));
  OCELLUS_ASSIGN_OR_RETURN(const bool normalize, root.Boolean("do_normalize", true));
  recipe.factor = 1;
  if (rescale) {
    OCELLUS_ASSIGN_OR_RETURN(recipe.factor, root.Number("rescale_factor", 1.0 / 255));
  }
  return normalize ? ReadNormal(root, {"image_mean", "image_std"}, recipe) : Status();
}

Result<PicturePreprocessor> ReadImageProcessor(const JsonFields& root) {
  Recipe recipe;
  OCELLUS_ASSIGN_OR_RETURN(const bool resize, root.Boolean("do_resize", true));
  if (!resize) return root.Error("do_resize", "only true is supported");
  for (const char* name : {"do_pad", "do_crop_margin", "do_flip_channel_order"}) {
    OCELLUS_ASSIGN_OR_RETURN(const bool wanted, root.Boolean(name, false));
    if (wanted) return root.Error(name, "only false is supported");
  }
  OCELLUS_ASSIGN_OR_RETURN(recipe.filter, ReadResample(root));
  OCELLUS_RETURN_IF_ERROR(ReadFit(root, recipe));

  OCELLUS_ASSIGN_OR_RETURN(const std::string type, root.String("input_dtype", "float32"));
  OCELLUS_ASSIGN_OR_RETURN(const std::string format,
                           root.String("input_data_format", "channels_first"));
  if (type == "uint8" && format == "channels_last") {
    OCELLUS_ASSIGN_OR_RETURN(const bool in_graph,
                             root.Boolean("rescale_and_normalize_in_graph", false));
    if (!in_graph) {
      return root.Error("rescale_and_normalize_in_graph", "expected true beside uint8 input");
    }
    recipe.layout = Layout::kBytesRowsFirst;
  } else if (type == "float32" && format == "channels_first") {
    OCELLUS_RETURN_IF_ERROR(ReadValues(root, recipe));
  } else {
    return root.Error("input_dtype",
                      "expected \"uint8\" with input_data_format \"channels_last\" or \"float32\" "
                      "with \"channels_first\", got \"" +
                          type + "\" with \"" + format + "\"");
  }
  return PicturePreprocessor(recipe);
}

}  // namespace

Result<PicturePreprocessor> PicturePreprocessor::Parse(std::string_view preprocessor_config_json) {
  OCELLUS_ASSIGN_OR_RETURN(const Value document, ParseJson(preprocessor_config_json));
  OCELLUS_ASSIGN_OR_RETURN(const JsonFields root, JsonFields::Root(document));
  return root.Has("resize_mode") ? ReadJina(root) : ReadImageProcessor(root);
}

Result<PicturePreprocessor> PicturePreprocessor::ParseOpenClip(
    std::string_view open_clip_config_json) {
  OCELLUS_ASSIGN_OR_RETURN(const Value document, ParseJson(open_clip_config_json));
  OCELLUS_ASSIGN_OR_RETURN(const JsonFields root, JsonFields::Root(document));
  OCELLUS_ASSIGN_OR_RETURN(const JsonFields model, root.Object("model_cfg"));
  OCELLUS_ASSIGN_OR_RETURN(const JsonFields vision, model.Object("vision_cfg"));
  OCELLUS_ASSIGN_OR_RETURN(const JsonFields fields, root.Object("preprocess_cfg"));
  Recipe recipe;
  OCELLUS_ASSIGN_OR_RETURN(const std::string mode, fields.String("mode", "RGB"));
  if (mode != "RGB") return fields.Error("mode", "only \"RGB\" is supported");
  const bool own_size = fields.Has("size") && fields.Find("size")->as_list() == nullptr;
  OCELLUS_ASSIGN_OR_RETURN(const Size size,
                           own_size ? ReadSize(fields, "size") : ReadSize(vision, "image_size"));
  OCELLUS_ASSIGN_OR_RETURN(recipe.filter, ReadInterpolation(fields));
  OCELLUS_RETURN_IF_ERROR(ReadResizeMode(fields, size, recipe));
  OCELLUS_RETURN_IF_ERROR(ReadNormal(fields, {"mean", "std"}, recipe));
  return PicturePreprocessor(recipe);
}

}  // namespace ocellus::embed
