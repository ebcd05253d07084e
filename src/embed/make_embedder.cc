#include "embed/make_embedder.h"

#include <algorithm>
#include <bit>
#include <thread>
#include <utility>
#include <vector>

#include "embed/bundle_embedder.h"
#include "embed/openvino_model.h"

namespace ocellus::embed {
namespace {

constexpr std::uint32_t kMaxBatch = 16;
constexpr std::uint32_t kDefaultStreams = 8;  // each costs memory; decoding needs cores too

ModelSpec CommonSpec(const Bundle& bundle, const Bundle::Tower& tower,
                     const EmbedderOptions& options) {
  ModelSpec spec;
  spec.path = tower.model_path;
  spec.outputs = tower.outputs;
  spec.any_output = tower.any_output;
  spec.output_sizes = {tower.dimension, bundle.info.dimension};
  spec.streams = options.streams;
  spec.max_batch = options.max_batch;
  spec.compiled_model_directory = options.compiled_model_directory;
  return spec;
}

ModelSpec PictureSpec(const Bundle& bundle, const EmbedderOptions& options) {
  const PicturePreprocessor& pictures = bundle.vision.preprocessor;
  const bool bytes = pictures.layout() == PicturePreprocessor::Layout::kBytesRowsFirst;
  ModelSpec::Input input;
  input.element = bytes ? ModelSpec::Element::kByte : ModelSpec::Element::kFloat;
  input.item_shape = bytes ? std::vector<std::size_t>{pictures.height(), pictures.width(), 3}
                           : std::vector<std::size_t>{3, pictures.height(), pictures.width()};
  ModelSpec spec = CommonSpec(bundle, bundle.vision, options);
  spec.inputs = {input};
  return spec;
}

ModelSpec TextSpec(const Bundle& bundle, const EmbedderOptions& options) {
  ModelSpec spec = CommonSpec(bundle, *bundle.text, options);
  const bool mask_optional = bundle.text->mask != Bundle::Text::Mask::kRequired;
  spec.inputs = {{{"input_ids", "text"}, ModelSpec::Element::kInt64, {}, false},
                 {{"attention_mask"}, ModelSpec::Element::kInt64, {}, mask_optional},
                 {{"token_type_ids"}, ModelSpec::Element::kInt64, {}, true}};
  spec.max_length = bundle.info.max_text_tokens;
  spec.length_step = bundle.text->pad_to_multiple_of;
  spec.full_length = spec.length_step >= spec.max_length;
  return spec;
}

}  // namespace

EmbedderOptions WithDefaults(const EmbedderOptions& options) {
  EmbedderOptions used = options;
  if (used.streams == 0) {
    used.streams = std::clamp(std::thread::hardware_concurrency(), 1U, kDefaultStreams);
  }
  used.max_batch = std::bit_floor(std::clamp(used.max_batch, 1U, kMaxBatch));
  used.queue_capacity = std::max<std::size_t>(used.queue_capacity, 1);
  return used;
}

Result<std::unique_ptr<Embedder>> MakeEmbedder(Bundle bundle, const EmbedderOptions& options,
                                               MetricsRegistry& metrics) {
  const EmbedderOptions used = WithDefaults(options);
  OCELLUS_ASSIGN_OR_RETURN(std::unique_ptr<Model> picture, CompileModel(PictureSpec(bundle, used)));
  std::unique_ptr<Model> text;
  if (bundle.text.has_value()) {
    OCELLUS_ASSIGN_OR_RETURN(text, CompileModel(TextSpec(bundle, used)));
  }
  return std::unique_ptr<Embedder>(std::make_unique<BundleEmbedder>(
      std::move(bundle), used, std::move(picture), std::move(text), metrics));
}

}  // namespace ocellus::embed
