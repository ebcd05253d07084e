#include "embed/openvino_model.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <exception>
#include <memory>
#include <thread>
#include <unordered_set>
#include <utility>

#include <openvino/core/preprocess/pre_post_process.hpp>
#include <openvino/frontend/manager.hpp>
#include <openvino/op/concat.hpp>
#include <openvino/op/constant.hpp>
#include <openvino/op/reshape.hpp>
#include <openvino/openvino.hpp>

namespace ocellus::embed {
namespace {

constexpr std::size_t kNotThere = static_cast<std::size_t>(-1);

ov::element::Type TypeOf(ModelSpec::Element element) {
  switch (element) {
    case ModelSpec::Element::kByte:
      return ov::element::u8;
    case ModelSpec::Element::kInt64:
      return ov::element::i64;
    case ModelSpec::Element::kFloat:
      break;
  }
  return ov::element::f32;
}

bool HasName(const ov::Output<ov::Node>& port, const std::string& name) {
  return port.get_names().contains(name);
}

std::string NamesOf(const ov::OutputVector& ports) {
  std::string names;
  for (const auto& port : ports) {
    names += (names.empty() ? "\"" : ", \"") +
             (port.get_names().empty() ? std::string("?") : port.get_any_name()) + "\"";
  }
  return names.empty() ? "none" : names;
}

// What the graph looks like before it is compiled.
struct Graph {
  std::shared_ptr<ov::Model> model;
  std::vector<std::size_t> places;  // of each ModelSpec::inputs in the model, or kNotThere
  std::size_t max_batch = 1;
  std::size_t fixed_length = 0;
};

Status Wrong(const ModelSpec& spec, const std::string& what) {
  return {Code::kInvalidArgument, spec.path + ": " + what};
}

std::string NamesOf(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "\"" : " or \"") + name + "\"";
  return text;
}

// Where each wanted input is; fails when one is missing or the network wants more.
Result<std::vector<std::size_t>> PlaceInputs(const ModelSpec& spec, const ov::OutputVector& ports) {
  std::vector<std::size_t> places;
  std::size_t found = 0;
  for (const ModelSpec::Input& input : spec.inputs) {
    std::size_t place = kNotThere;
    for (std::size_t i = 0; i < ports.size(); ++i) {
      const bool named = std::any_of(input.names.begin(), input.names.end(),
                                     [&](const auto& name) { return HasName(ports[i], name); });
      if (input.names.empty() ? ports.size() == 1 : named) place = i;
    }
    if (place == kNotThere && !input.optional) {
      return Wrong(spec,
                   "expected " +
                       (input.names.empty() ? "one input" : "an input " + NamesOf(input.names)) +
                       ", got " + NamesOf(ports));
    }
    if (place != kNotThere) ++found;
    places.push_back(place);
  }
  if (found != ports.size()) {
    return Wrong(spec, "has inputs that are not supported: " + NamesOf(ports));
  }
  return places;
}

// Sets the shapes that will be used and no others: the runtime keeps memory for each it sees.
Status Reshape(const ModelSpec& spec, Graph& graph) {
  graph.max_batch = spec.max_batch;
  const ov::OutputVector ports = graph.model->inputs();
  std::map<ov::Output<ov::Node>, ov::PartialShape> shapes;
  for (std::size_t i = 0; i < spec.inputs.size(); ++i) {
    if (graph.places[i] == kNotThere) continue;
    const ov::Output<ov::Node>& port = ports[graph.places[i]];
    const std::vector<std::size_t>& item = spec.inputs[i].item_shape;
    ov::PartialShape now = port.get_partial_shape();
    const std::size_t rank = item.empty() ? 2 : item.size() + 1;
    if (now.rank().is_dynamic() || static_cast<std::size_t>(now.rank().get_length()) != rank) {
      return Wrong(spec, "input " + NamesOf({port}) + ": expected " + std::to_string(rank) +
                             " dimensions, got shape " + now.to_string());
    }
    if (now[0].is_static()) {
      if (now[0].get_length() != 1) {
        return Wrong(spec, "input " + NamesOf({port}) + ": the batch size is fixed");
      }
      graph.max_batch = 1;
    }
    if (item.empty() && now[1].is_static()) {
      graph.fixed_length = static_cast<std::size_t>(now[1].get_length());
      if (graph.fixed_length < spec.max_length) {
        return Wrong(spec, "takes " + std::to_string(graph.fixed_length) +
                               " tokens, the configuration says " +
                               std::to_string(spec.max_length));
      }
    } else if (item.empty() && spec.full_length) {
      graph.fixed_length = spec.max_length;
      now[1] = static_cast<std::int64_t>(spec.max_length);
    } else if (item.empty()) {
      now[1] = ov::Dimension(1, static_cast<std::int64_t>(spec.max_length));
    }
    std::ptrdiff_t place = 1;
    for (const std::size_t side : item) {
      ov::Dimension& dimension = now[place++];
      const ov::Dimension wanted(static_cast<std::int64_t>(side));
      if (!dimension.compatible(wanted)) {
        return Wrong(spec, "input " + NamesOf({port}) + ": has shape " +
                               port.get_partial_shape().to_string() + ", the configuration says " +
                               wanted.to_string() + " in place of " + dimension.to_string());
      }
      dimension = wanted;
    }
    shapes[port] = now;
  }
  for (auto& [port, shape] : shapes) {
    shape[0] = graph.max_batch == 1 ? ov::Dimension(1)
                                    : ov::Dimension(1, static_cast<std::int64_t>(graph.max_batch));
  }
  graph.model->reshape(shapes);
  return {};
}

// The inputs that an output depends on: a file may hold both towers, and each is used alone.
ov::ParameterVector InputsBehind(const ov::Output<ov::Node>& output, const ov::Model& file) {
  std::vector<ov::Node*> left = {output.get_node()};
  std::unordered_set<const ov::Node*> seen(left.begin(), left.end());
  while (!left.empty()) {
    ov::Node* const node = left.back();
    left.pop_back();
    for (const auto& input : node->input_values()) {
      if (seen.insert(input.get_node()).second) left.push_back(input.get_node());
    }
  }
  ov::ParameterVector inputs;
  for (const auto& parameter : file.get_parameters()) {
    if (seen.contains(parameter.get())) inputs.push_back(parameter);
  }
  return inputs;
}

template <typename T>
bool HasNan(const ov::op::v0::Constant& constant) {
  const T* numbers = constant.get_data_ptr<T>();
  return std::any_of(numbers, numbers + ov::shape_size(constant.get_shape()),
                     [](T number) { return std::isnan(static_cast<float>(number)); });
}

bool HasNan(const ov::op::v0::Constant& constant) {
  const ov::element::Type type = constant.get_element_type();
  if (type == ov::element::f32) return HasNan<float>(constant);
  if (type == ov::element::f64) return HasNan<double>(constant);
  if (type == ov::element::f16) return HasNan<ov::float16>(constant);
  return type == ov::element::bf16 && HasNan<ov::bfloat16>(constant);
}

// What a hostile or broken file has in it: weights that are no numbers, and results on the way that
// no picture or text asks for. Infinities are fine: masks are made of them.
Status CheckNodes(const ModelSpec& spec, const ov::Model& model) {
  // 4 GB as floats: attention of 4096 positions with 64 heads and a batch of 1.
  constexpr std::uint64_t kMaxNumbers = std::uint64_t{1} << 30;
  for (const auto& node : model.get_ordered_ops()) {
    if (const auto* constant = dynamic_cast<const ov::op::v0::Constant*>(node.get())) {
      if (HasNan(*constant)) {
        return Wrong(spec, "weight \"" + node->get_friendly_name() + "\" has NaN in it");
      }
    }
    for (const auto& output : node->outputs()) {
      const ov::PartialShape& shape = output.get_partial_shape();
      if (shape.rank().is_dynamic()) continue;
      std::uint64_t numbers = 1;
      for (const ov::Dimension& side : shape) {
        if (!side.is_static() || numbers > kMaxNumbers) continue;
        numbers *=
            std::min<std::uint64_t>(static_cast<std::uint64_t>(side.get_length()), kMaxNumbers + 1);
      }
      if (numbers > kMaxNumbers) {
        return Wrong(spec, "node \"" + node->get_friendly_name() + "\" claims a result of shape " +
                               shape.to_string() + ", which is too large");
      }
    }
  }
  return {};
}

Result<ov::Output<ov::Node>> FindOutput(const ModelSpec& spec, const ov::OutputVector& outputs) {
  for (const std::string& name : spec.outputs) {
    const auto found = std::find_if(outputs.begin(), outputs.end(),
                                    [&](const auto& port) { return HasName(port, name); });
    if (found != outputs.end()) return *found;
  }
  if (spec.any_output && outputs.size() == 1) return outputs.front();
  std::string wanted;
  for (const std::string& name : spec.outputs) wanted += (wanted.empty() ? "" : " or ") + name;
  return Wrong(spec, "expected an output " + wanted + ", got " + NamesOf(outputs));
}

// Both outputs of a detector as one of 5 k numbers an item.
Result<ov::Output<ov::Node>> JoinOutputs(const ModelSpec& spec, const ov::OutputVector& outputs) {
  const auto find = [&](const std::string& name) {
    return std::find_if(outputs.begin(), outputs.end(),
                        [&](const auto& port) { return HasName(port, name); });
  };
  const auto boxes = find(spec.detector->boxes);
  const auto scores = find(spec.detector->scores);
  if (boxes == outputs.end() || scores == outputs.end()) {
    return Wrong(spec, "expected outputs \"" + spec.detector->boxes + "\" and \"" +
                           spec.detector->scores + "\", got " + NamesOf(outputs));
  }
  const ov::PartialShape box_shape = boxes->get_partial_shape();
  const ov::PartialShape score_shape = scores->get_partial_shape();
  const bool boxes_fit = box_shape.rank() == 3 && box_shape[1].is_static() && box_shape[2] == 4;
  if (!boxes_fit || !score_shape.compatible({ov::Dimension(), box_shape[1]})) {
    return Wrong(spec, "expected boxes of shape [n, k, 4] and scores of shape [n, k], got " +
                           box_shape.to_string() + " and " + score_shape.to_string());
  }
  // A port of the file is a node that ends it: what leads there can be used further. Scores have
  // their shape said again, which exporters leave open.
  const auto flat = [](const ov::Output<ov::Node>& port, std::int64_t numbers) {
    return std::make_shared<ov::op::v1::Reshape>(
        port.get_node()->input_value(0),
        ov::op::v0::Constant::create(ov::element::i64, {2}, {std::int64_t{0}, numbers}), true);
  };
  const std::int64_t count = box_shape[1].get_length();
  return std::make_shared<ov::op::v0::Concat>(
             ov::OutputVector{flat(*boxes, count * 4), flat(*scores, count)}, 1)
      ->output(0);
}

std::shared_ptr<ov::Model> ReadFile(const std::string& path) {
  // Core::read_model() would try one format after another on a file that is none of them.
  const bool is_xml = path.size() > 4 && path.substr(path.size() - 4) == ".xml";
  const ov::frontend::FrontEnd::Ptr reader =
      ov::frontend::FrontEndManager().load_by_framework(is_xml ? "ir" : "onnx");
  constexpr bool kMapped = false;  // a mapped file that is overwritten changes the network under us
  if (!is_xml) return reader->convert(reader->load(path, kMapped));
  const std::string weights = path.substr(0, path.size() - 4) + ".bin";
  return reader->convert(reader->load(path, weights, kMapped));
}

// The network with the wanted inputs, the one wanted output, and the element types we hand over.
Result<Graph> GraphOf(const ModelSpec& spec, const std::shared_ptr<ov::Model>& network) {
  Graph graph;
  const ov::OutputVector outputs = network->outputs();
  OCELLUS_ASSIGN_OR_RETURN(const ov::Output<ov::Node> output, spec.detector.has_value()
                                                                  ? JoinOutputs(spec, outputs)
                                                                  : FindOutput(spec, outputs));
  // Only what leads to that output is computed.
  graph.model =
      std::make_shared<ov::Model>(ov::OutputVector{output}, InputsBehind(output, *network));
  OCELLUS_ASSIGN_OR_RETURN(graph.places, PlaceInputs(spec, graph.model->inputs()));
  OCELLUS_RETURN_IF_ERROR(Reshape(spec, graph));
  OCELLUS_RETURN_IF_ERROR(CheckNodes(spec, *graph.model));

  ov::preprocess::PrePostProcessor types(graph.model);
  for (std::size_t i = 0; i < spec.inputs.size(); ++i) {
    if (graph.places[i] == kNotThere) continue;
    types.input(graph.places[i]).tensor().set_element_type(TypeOf(spec.inputs[i].element));
  }
  types.output(0).tensor().set_element_type(ov::element::f32);
  graph.model = types.build();
  return graph;
}

class OpenVinoModel final : public Model {
 public:
  OpenVinoModel(const ModelSpec& spec, const Graph& graph, std::size_t output_size,
                const std::vector<ov::CompiledModel>& streams)
      : places_(graph.places),
        inputs_(spec.inputs),
        output_size_(output_size),
        max_batch_(graph.max_batch),
        fixed_length_(graph.fixed_length) {
    for (ov::CompiledModel stream : streams) requests_.push_back(stream.create_infer_request());
  }

  std::size_t output_size() const override { return output_size_; }
  std::size_t max_batch() const override { return max_batch_; }
  std::size_t fixed_length() const override { return fixed_length_; }

  Status Run(std::size_t stream, std::span<const ModelItem* const> batch) override {
    try {
      ov::InferRequest& request = requests_[stream];
      for (std::size_t i = 0; i < inputs_.size(); ++i) {
        if (places_[i] != kNotThere) request.set_input_tensor(places_[i], Gathered(i, batch));
      }
      request.infer();
      const ov::Tensor result = request.get_output_tensor(0);
      const auto* row = result.data<const float>();
      for (const ModelItem* item : batch) {
        std::copy_n(row, output_size_, item->output.data());
        row += output_size_;
      }
      return {};
    } catch (const std::exception& error) {
      return {Code::kInternal, std::string("inference: ") + error.what()};
    }
  }

 private:
  ov::Tensor Gathered(std::size_t input, std::span<const ModelItem* const> batch) const {
    const std::size_t bytes = batch.front()->inputs[input].size();
    const ov::element::Type type = TypeOf(inputs_[input].element);
    ov::Shape shape = inputs_[input].item_shape;
    if (shape.empty()) shape.push_back(bytes / type.size());
    shape.insert(shape.begin(), batch.size());
    ov::Tensor tensor(type, shape);
    auto* to = static_cast<std::uint8_t*>(tensor.data());
    for (const ModelItem* item : batch) {
      std::memcpy(to, item->inputs[input].data(), bytes);
      to += bytes;
    }
    return tensor;
  }

  const std::vector<std::size_t> places_;
  const std::vector<ModelSpec::Input> inputs_;
  const std::size_t output_size_;
  const std::size_t max_batch_;
  const std::size_t fixed_length_;
  std::vector<ov::InferRequest> requests_;  // one a stream: each is used by one caller at a time
};

// A network that compiles may still fail to run; and each stream's first run allocates. Of a length
// that texts have: after a run with a single token some networks (SigLIP's) give wrong vectors for
// longer texts in 2026.4.1.
Status TryOnce(const ModelSpec& spec, Model& model) {
  std::vector<std::vector<std::uint8_t>> inputs;
  std::vector<float> output(model.output_size());
  ModelItem item;
  item.output = output;
  for (std::size_t i = 0; i < spec.inputs.size(); ++i) {
    const ov::element::Type type = TypeOf(spec.inputs[i].element);
    std::size_t count = 1;
    if (spec.inputs[i].item_shape.empty()) {
      count = model.fixed_length() != 0 ? model.fixed_length()
                                        : std::min(spec.length_step, spec.max_length);
    }
    for (const std::size_t side : spec.inputs[i].item_shape) count *= side;
    std::vector<std::uint8_t>& input = inputs.emplace_back(count * type.size(), std::uint8_t{0});
    // Ids and masks of ones: a mean over no token at all would divide by nothing.
    for (std::size_t at = 0; type == ov::element::i64 && at < input.size(); at += 8) input[at] = 1;
    item.inputs[i] = input;
  }
  const ModelItem* const batch = &item;
  for (std::size_t stream = 0; stream < spec.streams; ++stream) {
    const Status status = model.Run(stream, {&batch, 1});
    if (!status.ok()) return Wrong(spec, status.message());
  }
  return {};
}

// A network of its own for each stream, compiled side by side. One network with several streams
// would share its weights between them and save memory, but gives wrong vectors in 2026.4.1: which
// ones differs from start to start (docs/decisions/0004-inference.md).
Result<std::vector<ov::CompiledModel>> CompileStreams(const ModelSpec& spec,
                                                      const ov::Model& model) {
  ov::AnyMap properties = {
      ov::num_streams(1),
      ov::inference_num_threads(1),
      ov::hint::enable_cpu_pinning(false),  // the cores are shared with decoding and search
      ov::hint::inference_precision(ov::element::f32),
      ov::hint::dynamic_quantization_group_size(0),
  };
  if (!spec.compiled_model_directory.empty()) {
    properties.insert(ov::cache_dir(spec.compiled_model_directory));
  }
  ov::Core core;
  std::vector<ov::CompiledModel> compiled(spec.streams);
  std::vector<std::string> failures(spec.streams);
  std::vector<std::thread> threads;
  for (std::size_t stream = 0; stream < spec.streams; ++stream) {
    threads.emplace_back([&, stream, own = model.clone()] {
      try {
        compiled[stream] = core.compile_model(own, "CPU", properties);
      } catch (const std::exception& error) {
        failures[stream] = error.what();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const std::string& failure : failures) {
    if (!failure.empty()) return Wrong(spec, failure);
  }
  return compiled;
}

Result<std::unique_ptr<Model>> Compile(const ModelSpec& spec,
                                       const std::shared_ptr<ov::Model>& network) {
  OCELLUS_ASSIGN_OR_RETURN(const Graph graph, GraphOf(spec, network));
  const ov::PartialShape shape = graph.model->output(0).get_partial_shape();
  const bool is_matrix = shape.rank().is_static() && shape.size() == 2 && shape[1].is_static();
  const std::size_t size = is_matrix ? static_cast<std::size_t>(shape[1].get_length()) : 0;
  const bool joined = spec.detector.has_value() && size > 0;
  if (!joined && std::find(spec.output_sizes.begin(), spec.output_sizes.end(), size) ==
                     spec.output_sizes.end()) {
    return Wrong(spec, "output " + NamesOf(graph.model->outputs()) + ": has shape " +
                           shape.to_string() + ", the configuration says " +
                           std::to_string(spec.output_sizes.front()) + " numbers per item");
  }
  OCELLUS_ASSIGN_OR_RETURN(const std::vector<ov::CompiledModel> streams,
                           CompileStreams(spec, *graph.model));
  auto model = std::make_unique<OpenVinoModel>(spec, graph, size, streams);
  OCELLUS_RETURN_IF_ERROR(TryOnce(spec, *model));
  return std::unique_ptr<Model>(std::move(model));
}

}  // namespace

Result<std::unique_ptr<Model>> CompileModel(const ModelSpec& spec) {
  try {
    return Compile(spec, ReadFile(spec.path));
  } catch (const std::exception& error) {
    return Status(Code::kInvalidArgument, spec.path + ": " + error.what());
  }
}

Result<std::unique_ptr<Model>> CompileModel(const ModelSpec& spec,
                                            const std::shared_ptr<ov::Model>& network) {
  try {
    return Compile(spec, network);
  } catch (const std::exception& error) {
    return Status(Code::kInvalidArgument, spec.path + ": " + error.what());
  }
}

}  // namespace ocellus::embed
