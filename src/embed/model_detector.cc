#include "embed/model_detector.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <utility>

#include "embed/openvino_model.h"

namespace ocellus::embed {
namespace {

// Boxes that are worth telling of: as many as items may be kept, twice.
constexpr std::size_t kMaxBoxes = 16;
// A detection takes a few milliseconds: more networks side by side would only take memory.
constexpr std::uint32_t kMaxStreams = 4;

struct Candidate {
  double left, top, right, bottom;  // 0..1
  float score;

  double area() const { return (right - left) * (bottom - top); }
};

double Overlap(const Candidate& a, const Candidate& b) {
  const double width = std::min(a.right, b.right) - std::max(a.left, b.left);
  const double height = std::min(a.bottom, b.bottom) - std::max(a.top, b.top);
  if (width <= 0 || height <= 0) return 0;
  const double both = width * height;
  return both / (a.area() + b.area() - both);
}

// Those over the threshold, best first, without those that lie on a better one.
std::vector<Candidate> Chosen(const std::vector<float>& output, const Bundle::Subjects& subjects) {
  const std::size_t count = output.size() / 5;
  const float* const scores = output.data() + count * 4;
  std::vector<Candidate> candidates;
  for (std::size_t i = 0; i < count; ++i) {
    if (scores[i] < subjects.min_score) continue;
    const auto side = [&](std::size_t at) {
      return std::clamp(double{output[i * 4 + at]}, 0.0, 1.0);
    };
    const Candidate one = {side(0), side(1), side(2), side(3), std::clamp(scores[i], 0.0F, 1.0F)};
    if (one.right > one.left && one.bottom > one.top) candidates.push_back(one);
  }
  std::stable_sort(candidates.begin(), candidates.end(),
                   [](const Candidate& a, const Candidate& b) { return a.score > b.score; });
  std::vector<Candidate> chosen;
  for (const Candidate& one : candidates) {
    if (chosen.size() == kMaxBoxes) break;
    const bool covered = std::any_of(chosen.begin(), chosen.end(), [&](const Candidate& better) {
      return Overlap(better, one) > subjects.nms_iou;
    });
    if (!covered) chosen.push_back(one);
  }
  return chosen;
}

// The pixels that the box touches: at least one, all inside the picture.
image::Box PixelsOf(const Candidate& one, const image::Picture& picture) {
  const auto span_of = [](double first, double last, std::uint32_t size) {
    const auto at = std::min(size - 1, static_cast<std::uint32_t>(first * size));
    const auto past = std::min(size, static_cast<std::uint32_t>(std::ceil(last * size)));
    return std::pair(at, std::max(at + 1, past) - at);
  };
  const auto [x, width] = span_of(one.left, one.right, picture.width);
  const auto [y, height] = span_of(one.top, one.bottom, picture.height);
  return {x, y, width, height};
}

// Whether it is of one colour all over. Networks learn from pictures of something, and of nothing
// they say whatever comes to them.
bool IsPlain(const image::Picture& picture) {
  constexpr int kLeastContrast = 8;  // of 255; what JPEG makes of one colour is less
  for (std::size_t channel = 0; channel < 3; ++channel) {
    int least = 255;
    int most = 0;
    for (std::size_t at = channel; at < picture.rgb.size(); at += 3) {
      least = std::min<int>(least, picture.rgb[at]);
      most = std::max<int>(most, picture.rgb[at]);
    }
    if (most - least >= kLeastContrast) return false;
  }
  return true;
}

Batcher::Options BatcherOptions(const Bundle::Subjects& subjects, const EmbedderOptions& options,
                                const Model& model) {
  Batcher::Options result;
  result.name = "subjects";
  result.labels = {{"bundle", subjects.bundle}, {"tower", "subjects"}};
  result.workers = options.streams;
  result.max_batch = std::bit_floor(std::min<std::size_t>(options.max_batch, model.max_batch()));
  result.capacity = options.queue_capacity;
  result.max_wait_ms = options.max_wait_ms;
  return result;
}

}  // namespace

ModelDetector::ModelDetector(const Bundle::Subjects& subjects, const EmbedderOptions& options,
                             std::unique_ptr<Model> model, MetricsRegistry& metrics)
    : subjects_(subjects),
      model_(std::move(model)),
      batcher_(
          std::make_unique<Batcher>(BatcherOptions(subjects, options, *model_), *model_, metrics)) {
  for (std::size_t channel = 0; channel < 3; ++channel) {
    for (std::size_t byte = 0; byte < 256; ++byte) {
      values_[channel][byte] =
          static_cast<float>((static_cast<double>(byte) / 255 - subjects_.mean[channel]) /
                             subjects_.deviation[channel]);
    }
  }
}

std::vector<float> ModelDetector::Input(const image::Picture& squashed) const {
  std::vector<float> input(squashed.rgb.size());
  float* to = input.data();
  for (std::size_t channel = 0; channel < 3; ++channel) {
    for (std::size_t at = channel; at < squashed.rgb.size(); at += 3) {
      *to++ = values_[channel][squashed.rgb[at]];
    }
  }
  return input;
}

Result<std::vector<SubjectBox>> ModelDetector::Find(const image::Picture& picture) const {
  const std::vector<SubjectBox> whole = {{{0, 0, picture.width, picture.height}, 0}};
  const image::Picture squashed =
      image::Resize(picture, {0, 0, picture.width, picture.height}, subjects_.side, subjects_.side,
                    image::Filter::kBicubic);
  if (IsPlain(squashed)) return whole;
  const std::vector<float> input = Input(squashed);
  std::vector<float> output(model_->output_size());
  ModelItem item;
  item.inputs[0] = {reinterpret_cast<const std::uint8_t*>(input.data()),
                    input.size() * sizeof(float)};
  item.output = output;
  OCELLUS_RETURN_IF_ERROR(batcher_->Run(item));
  if (!std::all_of(output.begin(), output.end(), [](float x) { return std::isfinite(x); })) {
    return Status(Code::kInternal, "the subject model gave something that is no number");
  }
  std::vector<SubjectBox> boxes;
  for (const Candidate& one : Chosen(output, subjects_)) {
    boxes.push_back({PixelsOf(one, picture), one.score});
  }
  return boxes.empty() ? whole : boxes;
}

Result<std::unique_ptr<SubjectDetector>> MakeDetector(const Bundle::Subjects& subjects,
                                                      const EmbedderOptions& options,
                                                      MetricsRegistry& metrics) {
  EmbedderOptions used = WithDefaults(options);
  used.streams = std::min(used.streams, kMaxStreams);
  ModelSpec spec;
  spec.path = subjects.model_path;
  spec.inputs = {{{subjects.input}, ModelSpec::Element::kFloat, {3, subjects.side, subjects.side}}};
  spec.detector = {subjects.boxes, subjects.scores};
  spec.streams = used.streams;
  spec.max_batch = used.max_batch;
  spec.compiled_model_directory = used.compiled_model_directory;
  OCELLUS_ASSIGN_OR_RETURN(std::unique_ptr<Model> model, CompileModel(spec));
  auto detector = std::make_unique<ModelDetector>(subjects, used, std::move(model), metrics);
  image::Picture stripes = {8, 8, std::vector<std::uint8_t>(8 * 8 * 3, 128)};
  for (std::size_t i = 0; i < stripes.rgb.size(); i += 2) stripes.rgb[i] = 255;
  const Result<std::vector<SubjectBox>> tried = detector->Find(stripes);
  if (!tried.ok()) {
    return Status(Code::kInvalidArgument, subjects.model_path + ": " + tried.status().message());
  }
  return std::unique_ptr<SubjectDetector>(std::move(detector));
}

}  // namespace ocellus::embed
