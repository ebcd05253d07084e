"""Linear layers in eight bits, weights and what they multiply.

One step serves all of a tensor, so that whole numbers are multiplied; but channels differ in range up to thirty times.
Each is divided by a scale of its own first, and its weights are multiplied by it (SmoothQuant, arXiv 2211.10438).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from ocellus_training import quantise

Feed = Mapping[str, np.ndarray]

# How much of a channel's range goes into its weights. 0.9 gains 0.0004 of cosine on captions, and 0.045 are lost on single
# rare words, which reach beyond the ranges of calibration.
MIGRATION = 0.8
NARROWEST = 1e-4  # of a layer's widest channel: less is as good as nothing


def quantise_linears(model: onnx.ModelProto, feeds: Iterable[Feed], keep: Collection[str] = ()) -> int:
    """Makes every MatMul and Gemm with a large constant static int8; returns how many.

    `feeds` are inputs of the network that show the ranges. Layers whose name starts with one of `keep` stay.
    """
    graph = model.graph
    layers = _layers(graph, keep)
    found = _ranges(model, list(layers), feeds)
    constants = {t.name: t for t in graph.initializer}
    nodes = list(graph.node)

    def constant(name: str, value: np.ndarray) -> str:
        graph.initializer.append(numpy_helper.from_array(value, name))
        return name

    for position, (source, readers) in enumerate(layers.items()):
        weights = [numpy_helper.to_array(constants[n.input[1]]) for n in readers]
        by_input = [w.T if _transposed(n) else w for n, w in zip(readers, weights)]
        share, step = _scales(found[source], np.concatenate(by_input, 1))
        name = f"linear_{position}"
        inverse = constant(f"{name}_inverse", 1 / share)
        grid = [constant(f"{name}_step", step), constant(f"{name}_zero", np.int8(0))]
        rounding = [
            helper.make_node("Mul", [source, inverse], [f"{name}_even"], f"{name}_even"),
            helper.make_node("QuantizeLinear", [f"{name}_even", *grid], [f"{name}_levels"], f"{name}_quantise"),
            helper.make_node("DequantizeLinear", [f"{name}_levels", *grid], [name], f"{name}_dequantise"),
        ]
        first = min(nodes.index(n) for n in readers)
        for number, (node, weight) in enumerate(zip(readers, by_input)):
            axis = 0 if _transposed(node) else 1
            scaled = weight * share[:, None]
            levels, scale = quantise.symmetric_levels(scaled.T if axis == 0 else scaled, axis)
            weight_name = f"{name}_weight_{number}"
            inputs = [constant(f"{weight_name}_levels", levels), constant(f"{weight_name}_scale", scale)]
            rounding.append(helper.make_node("DequantizeLinear", inputs, [weight_name], weight_name, axis=axis))
            node.input[0], node.input[1] = name, weight_name
        nodes[first:first] = rounding
    del graph.node[:]
    graph.node.extend(nodes)
    quantise.drop_unused(graph)
    return sum(map(len, layers.values()))


def _transposed(node: onnx.NodeProto) -> bool:
    return any(a.name == "transB" and a.i for a in node.attribute)


def _layers(graph: onnx.GraphProto, keep: Collection[str]) -> dict[str, list[onnx.NodeProto]]:
    """Layers by the tensor they read: those that read the same one round it once."""
    large = {t.name for t in graph.initializer if len(t.dims) == 2 and np.prod(t.dims) >= quantise.SMALLEST_MATRIX}
    layers: dict[str, list[onnx.NodeProto]] = {}
    for node in graph.node:
        if node.op_type in ("MatMul", "Gemm") and node.input[1] in large and not node.name.startswith(tuple(keep)):
            layers.setdefault(node.input[0], []).append(node)
    return layers


def _ranges(model: onnx.ModelProto, tensors: list[str], feeds: Iterable[Feed]) -> dict[str, np.ndarray]:
    """The largest magnitude of every channel, the last dimension, of `tensors`."""
    watched = onnx.ModelProto()
    watched.CopyFrom(model)
    del watched.graph.output[:]
    watched.graph.output.extend([helper.make_tensor_value_info(t, TensorProto.FLOAT, None) for t in tensors])
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(watched.SerializeToString(), options, providers=["CPUExecutionProvider"])
    found: dict[str, np.ndarray] = {}
    for feed in feeds:
        for name, values in zip(tensors, session.run(tensors, dict(feed))):
            largest = np.abs(values).reshape(-1, values.shape[-1]).max(0)
            found[name] = np.maximum(found.get(name, largest), largest)
    return found


def _scales(ranges: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What each input channel is divided by, and the step of int8 levels after that; `weights` [inputs, outputs]."""
    ranges = np.maximum(ranges, NARROWEST * ranges.max())
    spread = np.abs(weights).max(1)
    spread = np.maximum(spread, NARROWEST * spread.max())
    share = ranges**MIGRATION / spread ** (1 - MIGRATION)
    share /= np.exp(np.log(share).mean())
    return share.astype(np.float32), np.float32((ranges / share).max() / 127)
