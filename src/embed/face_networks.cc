#include "embed/face_networks.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <complex>
#include <cstddef>
#include <iterator>
#include <span>
#include <string>
#include <utility>

#include <openvino/core/model.hpp>
#include <openvino/op/add.hpp>
#include <openvino/op/avg_pool.hpp>
#include <openvino/op/constant.hpp>
#include <openvino/op/convolution.hpp>
#include <openvino/op/matmul.hpp>
#include <openvino/op/max_pool.hpp>
#include <openvino/op/multiply.hpp>
#include <openvino/op/pad.hpp>
#include <openvino/op/parameter.hpp>
#include <openvino/op/reduce_mean.hpp>
#include <openvino/op/relu.hpp>
#include <openvino/op/reshape.hpp>
#include <openvino/op/subtract.hpp>
#include <openvino/op/transpose.hpp>

#include "embed/dlib_network_file.h"
#include "embed/openvino_model.h"

namespace ocellus::embed {
namespace {

constexpr std::size_t kVectorSize = 128;
constexpr std::array<std::uint8_t, 3> kMeanColour = {123, 117, 104};  // near what is subtracted

// ---- What the judge sees: the picture in four sizes below each other, each 5/6 of the one above,
// as dlib's pyramid has them. A face of 80 pixels, which is what it was trained for, has 80 to 138
// in the picture.

constexpr std::array<std::uint32_t, 4> kLevelSides = {FaceNetworks::kJudgedSide, 102, 85, 70};
constexpr std::uint32_t kOuterMargin = 11;
constexpr std::uint32_t kInnerMargin = 10;
constexpr std::uint32_t kTowerWidth = kLevelSides[0] + 2 * kOuterMargin;
constexpr std::uint32_t kTowerHeight = kLevelSides[0] + kLevelSides[1] + kLevelSides[2] +
                                       kLevelSides[3] + 3 * kInnerMargin + 2 * kOuterMargin;

// The map that comes out: its place i is about pixel 8 i + 14.
constexpr std::uint32_t kMapStep = 8;
constexpr std::uint32_t kMapBegin = 14;
constexpr std::uint32_t MapSide(std::uint32_t pixels) {
  for (int layer = 0; layer < 3; ++layer) pixels = (pixels - 5) / 2 + 1;
  return pixels;
}
constexpr std::size_t kMapWidth = MapSide(kTowerWidth);
constexpr std::size_t kMapHeight = MapSide(kTowerHeight);

// The first row of each level.
constexpr std::array<std::uint32_t, kLevelSides.size()> LevelTops() {
  std::array<std::uint32_t, kLevelSides.size()> tops = {};
  std::uint32_t top = kOuterMargin;
  for (std::size_t level = 0; level < tops.size(); ++level) {
    tops[level] = top;
    top += kLevelSides[level] + kInnerMargin;
  }
  return tops;
}

image::Picture TowerOf(const image::Picture& picture) {
  image::Picture tower = {kTowerWidth, kTowerHeight, {}};
  tower.rgb.reserve(std::size_t{3} * kTowerWidth * kTowerHeight);
  while (tower.rgb.size() < std::size_t{3} * kTowerWidth * kTowerHeight) {
    tower.rgb.insert(tower.rgb.end(), kMeanColour.begin(), kMeanColour.end());
  }
  image::Picture level = picture;
  for (std::size_t i = 0; i < kLevelSides.size(); ++i) {
    const std::uint32_t side = kLevelSides[i];
    if (i > 0) {
      level = image::Resize(level, {0, 0, level.width, level.height}, side, side,
                            image::Filter::kBilinear);
    }
    std::uint8_t* to =
        tower.rgb.data() + std::size_t{3} * (LevelTops()[i] * kTowerWidth + kOuterMargin);
    for (std::uint32_t y = 0; y < side; ++y, to += std::size_t{3} * kTowerWidth) {
      std::copy_n(level.rgb.data() + std::size_t{3} * y * side, std::size_t{3} * side, to);
    }
  }
  return tower;
}

// ---- dlib's layers.

using Node = ov::Output<ov::Node>;

Node Numbers(const ov::Shape& shape, const std::vector<float>& numbers) {
  return ov::op::v0::Constant::create(ov::element::f32, shape, numbers);
}

Node Integers(const std::vector<std::int64_t>& integers) {
  return ov::op::v0::Constant::create(ov::element::i64, {integers.size()}, integers);
}

struct Convolution {
  std::size_t outputs = 0;
  std::size_t side = 3;
  std::size_t stride = 1;
  // dlib leaves out the edge where a layer shrinks its picture, and keeps the size elsewhere.
  std::size_t Padding() const { return stride == 1 ? side / 2 : 0; }
};

// A network as dlib's file has it, layer upon layer.
class Graph {
 public:
  explicit Graph(Bytes file) : file_(file) {}

  // width x height x 3 bytes, in floats, become dlib's input.
  Node Input(std::size_t width, std::size_t height) {
    input_ =
        std::make_shared<ov::op::v0::Parameter>(ov::element::f32, ov::Shape{1, height, width, 3});
    const Node planes =
        std::make_shared<ov::op::v1::Transpose>(input_->output(0), Integers({0, 3, 1, 2}));
    const Node centred = std::make_shared<ov::op::v1::Subtract>(
        planes, Numbers({1, 3, 1, 1}, {122.782F, 117.001F, 104.298F}));
    return std::make_shared<ov::op::v1::Multiply>(centred, Numbers({1}, {1 / 256.0F}));
  }

  // dlib's "con" and, multiplied into it, the affine layer behind it, which the files have in two
  // forms; or none.
  enum class Follower : std::uint8_t { kAffine, kBatchNormalisation, kNothing };
  Node Convolve(const Node& from, const Convolution& layer, Follower follower) {
    const std::size_t inputs = from.get_shape()[1];
    const std::size_t of_each = inputs * layer.side * layer.side;
    const std::size_t filters = layer.outputs * of_each;
    file_.Next("con_4");
    std::vector<float> weights = file_.Tensor(filters + layer.outputs);
    weights.resize(filters + layer.outputs);
    std::vector<float> biases(weights.begin() + static_cast<std::ptrdiff_t>(filters),
                              weights.end());
    weights.resize(filters);
    if (follower != Follower::kNothing) {
      const std::vector<float> affine =
          follower == Follower::kAffine ? Affine(layer.outputs) : BatchNormalisation(layer.outputs);
      for (std::size_t i = 0; i < filters; ++i) weights[i] *= affine[i / of_each];
      for (std::size_t i = 0; i < layer.outputs; ++i) {
        biases[i] = biases[i] * affine[i] + affine[layer.outputs + i];
      }
    }
    const auto padding = static_cast<std::ptrdiff_t>(layer.Padding());
    const Node convolved = std::make_shared<ov::op::v1::Convolution>(
        from, Numbers({layer.outputs, inputs, layer.side, layer.side}, weights),
        ov::Strides{layer.stride, layer.stride}, ov::CoordinateDiff{padding, padding},
        ov::CoordinateDiff{padding, padding}, ov::Strides{1, 1});
    return std::make_shared<ov::op::v1::Add>(convolved, Numbers({1, layer.outputs, 1, 1}, biases));
  }

  static Node Relu(const Node& from) { return std::make_shared<ov::op::v0::Relu>(from); }

  // Two convolutions and what they start from, which is brought to their size: averaged where they
  // shrink it, and zeros in place of what one has more than the other.
  Node Residual(const Node& from, std::size_t outputs, std::size_t stride = 1) {
    Node way = Relu(Convolve(from, {outputs, 3, stride}, Follower::kAffine));
    way = Convolve(way, {outputs, 3, 1}, Follower::kAffine);
    Node shortcut = from;
    if (stride == 2) {
      shortcut = std::make_shared<ov::op::v1::AvgPool>(from, ov::Strides{2, 2}, ov::Shape{0, 0},
                                                       ov::Shape{0, 0}, ov::Shape{2, 2}, true);
    }
    const Node padded = Padded(way, shortcut);
    return Relu(std::make_shared<ov::op::v1::Add>(padded, Padded(shortcut, way)));
  }

  // The mean of each plane, multiplied with dlib's "fc_no_bias".
  Node Project(const Node& from, std::size_t outputs) {
    const std::size_t inputs = from.get_shape()[1];
    file_.Next("fc_2");
    file_.Integer();  // both sides
    file_.Integer();
    std::vector<float> weights = file_.Tensor(inputs * outputs);
    weights.resize(inputs * outputs);
    const Node means = std::make_shared<ov::op::v1::ReduceMean>(from, Integers({2, 3}), false);
    return std::make_shared<ov::op::v0::MatMul>(means, Numbers({inputs, outputs}, weights));
  }

  Result<std::unique_ptr<Model>> Compile(const Node& output, std::string name) const {
    if (!file_.ok()) return Status(Code::kInvalidArgument, name + ": is of another network");
    ModelSpec spec;
    spec.path = std::move(name);
    const ov::Shape& shape = input_->get_shape();
    spec.inputs = {{.names = {},
                    .element = ModelSpec::Element::kByte,
                    .item_shape = {shape.begin() + 1, shape.end()}}};
    spec.any_output = true;
    spec.output_sizes = {output.get_shape()[1]};
    return CompileModel(
        spec, std::make_shared<ov::Model>(ov::OutputVector{output}, ov::ParameterVector{input_}));
  }

 private:
  // Factors, and behind them what is added.
  std::vector<float> Affine(std::size_t outputs) {
    file_.Next("affine_");
    std::vector<float> numbers = file_.Tensor(2 * outputs);
    numbers.resize(2 * outputs);
    return numbers;
  }

  // As dlib turns one into an affine layer.
  std::vector<float> BatchNormalisation(std::size_t outputs) {
    constexpr float kEpsilon = 1e-4F;  // dlib::DEFAULT_BATCH_NORM_EPS, with which it was trained
    file_.Next("bn_con2");
    std::vector<float> numbers = file_.Tensor(2 * outputs);
    numbers.resize(2 * outputs);
    for (int shape = 0; shape < 2; ++shape) file_.SkipShape();
    std::vector<float> means;
    std::vector<float> variances;
    for (int batch = 0; batch < 2; ++batch) {  // of the last batch, and then of all
      means = file_.Tensor(outputs);
      variances = file_.Tensor(outputs);
    }
    means.resize(outputs);
    variances.resize(outputs);
    for (std::size_t i = 0; i < outputs; ++i) {
      numbers[i] /= std::sqrt(variances[i] + kEpsilon);
      numbers[outputs + i] -= numbers[i] * means[i];
    }
    return numbers;
  }

  static Node Padded(const Node& from, const Node& other) {
    const ov::Shape& shape = from.get_shape();
    std::vector<std::int64_t> missing;
    std::transform(shape.begin(), shape.end(), other.get_shape().begin(),
                   std::back_inserter(missing), [](std::size_t here, std::size_t there) {
                     return static_cast<std::int64_t>(std::max(here, there) - here);
                   });
    if (std::all_of(missing.begin(), missing.end(), [](std::int64_t m) { return m == 0; })) {
      return from;
    }
    return std::make_shared<ov::op::v1::Pad>(from, Integers({0, 0, 0, 0}), Integers(missing),
                                             Numbers({}, {0}), ov::op::PadMode::CONSTANT);
  }

  DlibNetworkFile file_;
  std::shared_ptr<ov::op::v0::Parameter> input_;
};

Result<std::unique_ptr<Model>> MakeDescriber(Bytes file) {
  constexpr auto kAffine = Graph::Follower::kAffine;
  Graph graph(file);
  Node way = graph.Input(FaceNetworks::kDescribedSide, FaceNetworks::kDescribedSide);
  way = Graph::Relu(graph.Convolve(way, {32, 7, 2}, kAffine));
  way = std::make_shared<ov::op::v1::MaxPool>(way, ov::Strides{2, 2}, ov::Shape{0, 0},
                                              ov::Shape{0, 0}, ov::Shape{3, 3});
  for (int block = 0; block < 3; ++block) way = graph.Residual(way, 32);
  way = graph.Residual(way, 64, 2);
  for (int block = 0; block < 3; ++block) way = graph.Residual(way, 64);
  way = graph.Residual(way, 128, 2);
  for (int block = 0; block < 2; ++block) way = graph.Residual(way, 128);
  way = graph.Residual(way, 256, 2);
  for (int block = 0; block < 2; ++block) way = graph.Residual(way, 256);
  way = graph.Residual(way, 256, 2);
  return graph.Compile(graph.Project(way, kVectorSize), "the faces' ResNet");
}

Result<std::unique_ptr<Model>> MakeJudge(Bytes file) {
  constexpr auto kNormalised = Graph::Follower::kBatchNormalisation;
  Graph graph(file);
  Node way = graph.Input(kTowerWidth, kTowerHeight);
  for (const std::size_t outputs : {16U, 32U, 32U}) {
    way = Graph::Relu(graph.Convolve(way, {outputs, 5, 2}, kNormalised));
  }
  for (int layer = 0; layer < 3; ++layer) {
    way = Graph::Relu(graph.Convolve(way, {45, 5, 1}, kNormalised));
  }
  way = graph.Convolve(way, {1, 9, 1}, Graph::Follower::kNothing);
  way = std::make_shared<ov::op::v1::Reshape>(
      way, Integers({1, static_cast<std::int64_t>(kMapWidth * kMapHeight)}), false);
  return graph.Compile(way, "the faces' CNN detector");
}

Result<std::vector<float>> Run(Model& model, const image::Picture& picture) {
  std::vector<float> output(model.output_size());
  ModelItem item;
  item.inputs[0] = picture.rgb;
  item.output = output;
  const ModelItem* const batch = &item;
  OCELLUS_RETURN_IF_ERROR(model.Run(0, {&batch, 1}));
  return output;
}

}  // namespace

Result<std::unique_ptr<FaceNetworks>> FaceNetworks::Make(const FaceWeights& weights) {
  OCELLUS_ASSIGN_OR_RETURN(std::unique_ptr<Model> describer, MakeDescriber(weights.recognizer));
  OCELLUS_ASSIGN_OR_RETURN(std::unique_ptr<Model> judge, MakeJudge(weights.detector));
  return std::unique_ptr<FaceNetworks>(new FaceNetworks(std::move(describer), std::move(judge)));
}

Result<std::vector<float>> FaceNetworks::Describe(const image::Picture& face) {
  MutexLock lock(describing_);
  return Run(*describer_, face);
}

Result<double> FaceNetworks::Judge(const image::Picture& picture) {
  const image::Picture tower = TowerOf(picture);
  const auto judged = [&] {
    MutexLock lock(judging_);
    return Run(*judge_, tower);
  };
  OCELLUS_ASSIGN_OR_RETURN(const std::vector<float> map, judged());
  double best = map.front();
  bool seen = false;
  for (std::size_t level = 0; level < kLevelSides.size(); ++level) {
    const double side = kLevelSides[level];
    for (std::size_t at = 0; at < map.size(); ++at) {
      const std::size_t x = at % kMapWidth * kMapStep + kMapBegin;
      const std::size_t y = at / kMapWidth * kMapStep + kMapBegin;
      const std::complex<double> place(static_cast<double>(x) - kOuterMargin,
                                       static_cast<double>(y) - LevelTops()[level]);
      if (std::abs(place - std::complex(side / 2, side / 2)) >= side / 3) continue;
      best = seen ? std::max<double>(best, map[at]) : map[at];
      seen = true;
    }
  }
  return best;
}

}  // namespace ocellus::embed
