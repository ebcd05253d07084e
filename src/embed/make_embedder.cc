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

std::vector<std::string> OutputNames(const std::string& configured, const char* of_exporters) {
  if (!configured.empty()) return {configured};
  return {"embedding", of_exporters};
}

ModelSpec CommonSpec(const Bundle& bundle, const EmbedderOptions& options) {
  ModelSpec spec;
  spec.output_sizes = {bundle.info.dimension};
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
  ModelSpec spec = CommonSpec(bundle, options);
  spec.path = bundle.vision.model_path;
  spec.inputs = {input};
  spec.outputs = OutputNames(bundle.vision.output, "image_embeds");
  return spec;
}

ModelSpec TextSpec(const Bundle& bundle, const EmbedderOptions& options) {
  ModelSpec spec = CommonSpec(bundle, options);
  spec.path = bundle.text->model_path;
  spec.inputs = {{"input_ids", ModelSpec::Element::kInt64, {}, false},
                 {"attention_mask", ModelSpec::Element::kInt64, {}, true}};
  spec.max_length = bundle.info.max_text_tokens;
  spec.outputs = OutputNames(bundle.text->output, "text_embeds");
  spec.output_sizes.push_back(bundle.text->dimension);
  return spec;
}

}  // namespace

Result<std::unique_ptr<Embedder>> MakeEmbedder(Bundle bundle, const EmbedderOptions& options,
                                               MetricsRegistry& metrics) {
  EmbedderOptions used = options;
  if (used.streams == 0) {
    used.streams = std::clamp(std::thread::hardware_concurrency(), 1U, kDefaultStreams);
  }
  used.max_batch = std::bit_floor(std::clamp(used.max_batch, 1U, kMaxBatch));
  used.queue_capacity = std::max<std::size_t>(used.queue_capacity, 1);
  OCELLUS_ASSIGN_OR_RETURN(std::unique_ptr<Model> picture, CompileModel(PictureSpec(bundle, used)));
  std::unique_ptr<Model> text;
  if (bundle.text.has_value()) {
    OCELLUS_ASSIGN_OR_RETURN(text, CompileModel(TextSpec(bundle, used)));
  }
  return std::unique_ptr<Embedder>(std::make_unique<BundleEmbedder>(
      std::move(bundle), used, std::move(picture), std::move(text), metrics));
}

}  // namespace ocellus::embed
