#include "embed/bundle_embedder.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <string>
#include <utility>

#include "base/utf8.h"

namespace ocellus::embed {
namespace {

constexpr const char* kSecondsHelp = "Time of one call: preparation, waiting and inference.";

Labels LabelsOf(const Bundle& bundle, const std::string& tower) {
  return {{"bundle", bundle.info.name}, {"tower", tower}};
}

Batcher::Options BatcherOptions(const Bundle& bundle, const EmbedderOptions& options,
                                const std::string& tower, const Model& model) {
  Batcher::Options result;
  result.name = tower;
  result.labels = LabelsOf(bundle, tower);
  result.workers = options.streams;
  result.max_batch = std::bit_floor(std::min<std::size_t>(options.max_batch, model.max_batch()));
  result.capacity = options.queue_capacity;
  result.max_wait_ms = options.max_wait_ms;
  return result;
}

// Internal for a vector without a direction.
Status Normalize(std::vector<float>& vector) {
  double square = 0;
  for (const float x : vector) square += double{x} * double{x};
  if (!std::isfinite(square) || square <= 0) {
    return {Code::kInternal, "the model gave a vector without a direction"};
  }
  const double factor = 1 / std::sqrt(square);
  for (float& x : vector) x = static_cast<float>(x * factor);
  return {};
}

std::string KeyOf(const std::vector<std::int32_t>& ids) {
  std::string key(ids.size() * sizeof(ids[0]), '\0');
  std::memcpy(key.data(), ids.data(), key.size());
  return key;
}

template <typename T>
Bytes RawBytes(const std::vector<T>& values) {
  return {reinterpret_cast<const std::uint8_t*>(values.data()), values.size() * sizeof(T)};
}

}  // namespace

BundleEmbedder::BundleEmbedder(Bundle bundle, const EmbedderOptions& options,
                               std::unique_ptr<Model> picture, std::unique_ptr<Model> text,
                               MetricsRegistry& metrics)
    : bundle_(std::move(bundle)),
      picture_model_(std::move(picture)),
      text_model_(std::move(text)),
      picture_seconds_(metrics.GetHistogram("ocellus_embed_seconds", kSecondsHelp,
                                            LabelsOf(bundle_, "picture"))),
      text_seconds_(
          metrics.GetHistogram("ocellus_embed_seconds", kSecondsHelp, LabelsOf(bundle_, "text"))),
      cache_(options.text_cache_entries, {{"bundle", bundle_.info.name}}, metrics),
      pictures_(BatcherOptions(bundle_, options, "picture", *picture_model_), *picture_model_,
                metrics) {
  if (text_model_ != nullptr) {
    texts_.emplace(BatcherOptions(bundle_, options, "text", *text_model_), *text_model_, metrics);
  }
}

Result<std::vector<float>> BundleEmbedder::EmbedPicture(const image::Picture& picture) {
  if (picture.width == 0 || picture.height == 0 ||
      picture.rgb.size() != std::size_t{picture.width} * picture.height * 3) {
    return Status(Code::kInvalidArgument, "the picture is empty");
  }
  const StageTimer timer(picture_seconds_);
  std::vector<std::uint8_t> input(bundle_.vision.preprocessor.output_bytes());
  bundle_.vision.preprocessor.Run(picture, input);
  std::vector<float> vector(picture_model_->output_size());
  ModelItem item;
  item.inputs[0] = input;
  item.output = vector;
  OCELLUS_RETURN_IF_ERROR(pictures_.Run(item));
  vector.resize(bundle_.info.dimension);
  OCELLUS_RETURN_IF_ERROR(Normalize(vector));
  return vector;
}

Result<std::vector<float>> BundleEmbedder::EmbedText(std::string_view text) {
  if (!texts_.has_value()) {
    return Status(Code::kFailedPrecondition,
                  "bundle \"" + bundle_.info.name + "\" embeds pictures only");
  }
  const Tokenizer& tokenizer = *bundle_.text->tokenizer;
  OCELLUS_ASSIGN_OR_RETURN(const std::vector<std::int32_t> ids, Encoded(text));
  if (ids.size() <= tokenizer.special_tokens()) {
    return Status(Code::kInvalidArgument, "the text has no word in it");
  }
  // By ids: bounded in size, and "Red car" is "red  car".
  const std::string key = KeyOf(ids);
  if (auto known = cache_.Find(key)) return *std::move(known);
  OCELLUS_ASSIGN_OR_RETURN(std::vector<float> vector, RunText(ids));
  cache_.Insert(key, vector);
  return vector;
}

Result<std::vector<std::int32_t>> BundleEmbedder::Encoded(std::string_view text) const {
  const Tokenizer& tokenizer = *bundle_.text->tokenizer;
  const TextCleaning cleaning = bundle_.text->cleaning;
  // Cleaning reads UTF-8; the tokenizer refuses what is none.
  if (cleaning == TextCleaning::kNone || !IsUtf8(text)) {
    return tokenizer.Encode(text, bundle_.info.max_text_tokens);
  }
  return tokenizer.Encode(Cleaned(Utf8Prefix(text, Tokenizer::kMaxTextBytes), cleaning),
                          bundle_.info.max_text_tokens);
}

Result<std::vector<float>> BundleEmbedder::RunText(const std::vector<std::int32_t>& ids) {
  const StageTimer timer(text_seconds_);
  const Bundle::Text& text = *bundle_.text;
  const std::size_t step = text.pad_to_multiple_of;
  std::size_t length =
      std::min<std::size_t>((ids.size() + step - 1) / step * step, bundle_.info.max_text_tokens);
  if (text_model_->fixed_length() != 0) length = text_model_->fixed_length();
  std::vector<std::int64_t> padded(length, text.pad_id);
  std::vector<std::int64_t> mask(length, text.mask == Bundle::Text::Mask::kOnes ? 1 : 0);
  const std::vector<std::int64_t> types(length, 0);
  const auto start = static_cast<std::ptrdiff_t>(text.pad_left ? length - ids.size() : 0);
  std::copy(ids.begin(), ids.end(), padded.begin() + start);
  std::fill_n(mask.begin() + start, ids.size(), 1);

  const std::size_t size = text_model_->output_size();
  const std::size_t dimension = bundle_.info.dimension;
  const std::size_t offset = size >= dimension ? 0 : text.offset;
  std::vector<float> vector(std::max(size, dimension));
  ModelItem item;
  item.inputs = {RawBytes(padded), RawBytes(mask), RawBytes(types)};
  item.shape = static_cast<std::uint32_t>(length);
  item.output = std::span(vector).subspan(offset, size);
  OCELLUS_RETURN_IF_ERROR(texts_->Run(item));
  vector.resize(dimension);
  OCELLUS_RETURN_IF_ERROR(Normalize(vector));
  return vector;
}

std::size_t BundleEmbedder::CountTokens(std::string_view text) const {
  if (!texts_.has_value()) return Embedder::CountTokens(text);
  const Tokenizer& tokenizer = *bundle_.text->tokenizer;
  const auto ids = tokenizer.Encode(text, Tokenizer::kMaxTextBytes + tokenizer.special_tokens());
  if (!ids.ok()) return Embedder::CountTokens(text);  // not UTF-8
  return ids->size() - std::min(ids->size(), tokenizer.special_tokens());
}

void BundleEmbedder::Stop() {
  pictures_.Stop();
  if (texts_.has_value()) texts_->Stop();
}

}  // namespace ocellus::embed
