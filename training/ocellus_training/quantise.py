"""Eight-bit ONNX files.

Convolutions: static QDQ (per-channel weights, activations clipped at a percentile), so a picture's vector never
depends on its neighbours in a batch. Linear layers of texts: static too (`linear`). Those of pictures, few rows each:
int8 weights, float activations.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)

PERCENTILE = 99.99  # plain minimum and maximum cost 3 to 5 points of every measure
INNER_MULTIPLE = 32
SMALLEST_MATRIX = 20_000  # smaller constants stay float


class _Calibration(CalibrationDataReader):
    def __init__(self, name: str, inputs: Iterable[np.ndarray]):
        self._feeds = ({name: value} for value in inputs)

    def get_next(self) -> dict[str, np.ndarray] | None:
        return next(self._feeds, None)


def simplify(path: Path) -> None:
    """Folds constants, and each padding into the convolution it feeds."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = str(path)
    options.log_severity_level = 3
    onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    model = onnx.load(path)
    _fold_pads(model.graph)
    onnx.save(model, path)


def _fold_pads(graph: onnx.GraphProto) -> None:
    """Pad followed by Conv is one Conv with padding of its own, which may be asymmetric."""
    constants = {t.name: t for t in graph.initializer}
    pads = {n.output[0]: n for n in graph.node if n.op_type == "Pad"}
    for node in graph.node:
        if node.op_type != "Conv" or node.input[0] not in pads:
            continue
        pad = pads[node.input[0]]
        amounts = numpy_helper.to_array(constants[pad.input[1]]).tolist()
        kept = [a for a in node.attribute if a.name not in ("pads", "auto_pad")]
        del node.attribute[:]
        node.attribute.extend([*kept, helper.make_attribute("pads", [*amounts[2:4], *amounts[6:8]])])
        node.input[0] = pad.input[0]
        graph.node.remove(pad)


def quantise_weights(model: onnx.ModelProto) -> int:
    """Replaces the float constants of MatMul and Gemm by int8 and a scale per output.

    Returns how many were replaced.
    """
    graph = model.graph
    constants = {t.name: t for t in graph.initializer}
    added: list[onnx.NodeProto] = []
    replaced: dict[str, str] = {}
    for node in graph.node:
        if node.op_type not in ("MatMul", "Gemm"):
            continue
        for name in node.input[:2]:
            tensor = constants.get(name)
            if name in replaced or tensor is None or tensor.data_type != TensorProto.FLOAT:
                continue
            values = numpy_helper.to_array(tensor)
            if values.ndim != 2 or values.size < SMALLEST_MATRIX:
                continue
            transposed = node.op_type == "Gemm" and any(a.name == "transB" and a.i for a in node.attribute)
            axis = 0 if transposed else 1
            levels, scale = symmetric_levels(values, axis)
            graph.initializer.extend(
                [numpy_helper.from_array(levels, name + "_q"), numpy_helper.from_array(scale, name + "_scale")]
            )
            added.append(
                helper.make_node(
                    "DequantizeLinear", [name + "_q", name + "_scale"], [name + "_f"], name + "_dequantise", axis=axis
                )
            )
            replaced[name] = name + "_f"
    for node in graph.node:
        for position, name in enumerate(node.input):
            if name in replaced:
                node.input[position] = replaced[name]
    nodes = added + list(graph.node)
    del graph.node[:]
    graph.node.extend(nodes)
    drop_unused(graph)
    return len(replaced)


def quantise_rows(model: onnx.ModelProto) -> int:
    """Keeps what Gather reads rows of (word vectors) as int8 and a scale per row; returns how many tables.

    The rows that were read are scaled, not the table: the runtime would make all of it floats.
    """
    graph = model.graph
    constants = {t.name: t for t in graph.initializer}
    nodes: list[onnx.NodeProto] = []
    tables = set[str]()
    for node in graph.node:
        tensor = constants.get(node.input[0]) if node.op_type == "Gather" else None
        if tensor is None or tensor.data_type != TensorProto.FLOAT or np.prod(tensor.dims) < SMALLEST_MATRIX:
            nodes.append(node)
            continue
        levels, scale = symmetric_levels(numpy_helper.to_array(tensor), 0)
        name, rows = tensor.name, node.output[0]
        if name not in tables:
            graph.initializer.append(numpy_helper.from_array(levels, f"{name}_levels"))
            graph.initializer.append(numpy_helper.from_array(scale[:, None], f"{name}_scale"))
        tables.add(name)
        parts = [f"{rows}_levels", f"{rows}_scale", f"{rows}_cast"]
        nodes += [
            helper.make_node("Gather", [f"{name}_levels", node.input[1]], parts[:1], parts[0]),
            helper.make_node("Gather", [f"{name}_scale", node.input[1]], parts[1:2], parts[1]),
            helper.make_node("Cast", parts[:1], parts[2:], parts[2], to=TensorProto.FLOAT),
            helper.make_node("Mul", [parts[2], parts[1]], [rows], f"{rows}_scaled"),
        ]
    del graph.node[:]
    graph.node.extend(nodes)
    drop_unused(graph)
    return len(tables)


def halve_large(model: onnx.ModelProto) -> int:
    """Keeps the large constants that stayed float (positions) in 16 bits; returns how many."""
    graph = model.graph
    casts = []
    for tensor in graph.initializer:
        values = numpy_helper.to_array(tensor)
        if tensor.data_type != TensorProto.FLOAT or values.size < SMALLEST_MATRIX:
            continue
        name = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(values.astype(np.float16), name + "_half"))
        casts.append(helper.make_node("Cast", [name + "_half"], [name], name + "_cast", to=TensorProto.FLOAT))
    nodes = casts + list(graph.node)
    del graph.node[:]
    graph.node.extend(nodes)
    return len(casts)


def pad_inner(model: onnx.ModelProto) -> int:
    """Pads what 8-bit linear layers multiply with zeros to a multiple of INNER_MULTIPLE; returns how many it padded.

    The runtime keeps 8-bit weights only then; others it would turn into floats again for every batch.
    """
    graph = model.graph
    producers = {n.output[0]: n for n in graph.node}
    constants = {t.name: t for t in graph.initializer}
    nodes = list(graph.node)
    padded = 0
    for node in list(nodes):
        source = producers.get(node.input[1]) if node.op_type in ("Gemm", "MatMul") else None
        if source is None or source.op_type != "DequantizeLinear":
            continue
        tensor = constants[source.input[0]]
        levels = numpy_helper.to_array(tensor)
        inner = int(any(a.name == "transB" and a.i for a in node.attribute))
        missing = -levels.shape[inner] % INNER_MULTIPLE
        if missing == 0 or levels.ndim != 2:
            continue
        wider = np.pad(levels, [(0, missing if axis == inner else 0) for axis in (0, 1)])
        tensor.CopyFrom(numpy_helper.from_array(wider, tensor.name))
        amounts, output = f"{tensor.name}_pad", f"{tensor.name}_padded"
        graph.initializer.append(numpy_helper.from_array(np.array([0, 0, 0, missing], np.int64), amounts))
        nodes.insert(nodes.index(node), helper.make_node("Pad", [node.input[0], amounts], [output], output))
        node.input[0] = output
        padded += 1
    del graph.node[:]
    graph.node.extend(nodes)
    return padded


def symmetric_levels(values: np.ndarray, axis: int) -> tuple[np.ndarray, np.ndarray]:
    """int8 levels and float32 scales, one per index of `axis`."""
    other = tuple(d for d in range(values.ndim) if d != axis)
    scale = (np.abs(values).max(axis=other) / 127.0).astype(np.float32)
    scale[scale == 0] = 1.0
    shape = [1] * values.ndim
    shape[axis] = -1
    levels = np.clip(np.rint(values / scale.reshape(shape)), -127, 127).astype(np.int8)
    return levels, scale


def drop_unused(graph: onnx.GraphProto) -> None:
    """Takes out the constants that no node reads."""
    used = {name for node in graph.node for name in node.input}
    kept = [t for t in graph.initializer if t.name in used]
    del graph.initializer[:]
    graph.initializer.extend(kept)


def slim(model: onnx.ModelProto) -> None:
    """Same numbers in fewer bytes: float biases, no zero points that are zero, short names, nothing unused."""
    graph = model.graph
    constants = {t.name: t for t in graph.initializer}
    for node in list(graph.node):
        if node.op_type != "DequantizeLinear" or node.input[0] not in constants:
            continue
        levels = numpy_helper.to_array(constants[node.input[0]])
        if levels.dtype == np.int32:
            scale = numpy_helper.to_array(constants[node.input[1]])
            values = (levels * scale.astype(np.float64)).astype(np.float32)
            graph.initializer.append(numpy_helper.from_array(values, node.output[0]))
            graph.node.remove(node)
        elif len(node.input) == 3 and not numpy_helper.to_array(constants[node.input[2]]).any():
            del node.input[2]
    drop_unused(graph)
    del graph.value_info[:]
    fixed = {t.name for t in (*graph.input, *graph.output)} | {""}
    short: dict[str, str] = {}

    def name_of(name: str) -> str:
        return name if name in fixed else short.setdefault(name, f"t{len(short)}")

    for tensor in graph.initializer:
        tensor.name = name_of(tensor.name)
    for position, node in enumerate(graph.node):
        node.name = f"{node.op_type}_{position}"
        node.doc_string = ""
        inputs, outputs = [name_of(n) for n in node.input], [name_of(n) for n in node.output]
        del node.input[:], node.output[:]
        node.input.extend(inputs)
        node.output.extend(outputs)


def _sums_after_convolutions(graph: onnx.GraphProto) -> list[str]:
    """Additions that no convolution follows. They stay float: rounded to eight bits, what differs by nothing between
    two batch sizes would now and then differ by a level."""
    feeding, sums = set[str](), []  # tensors that some convolution depends on
    for node in reversed(graph.node):
        if node.op_type == "Conv" or feeding.intersection(node.output):
            feeding.update(node.input)
        elif node.op_type == "Add":
            sums.append(node.name)
    return sums


def quantise_convolutions(source: Path, target: Path, calibration: Iterable[np.ndarray]) -> None:
    """Static int8 for every convolution but the first, which sees raw pixels and is cheap."""
    model = onnx.load(source)
    stem = next(n.name for n in model.graph.node if n.op_type == "Conv")
    head = _sums_after_convolutions(model.graph)
    quantize_static(
        str(source),
        str(target),
        _Calibration(model.graph.input[0].name, calibration),
        quant_format=QuantFormat.QDQ,
        op_types_to_quantize=["Conv", "Clip", "Add"],
        nodes_to_exclude=[stem, *head],
        per_channel=True,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        calibrate_method=CalibrationMethod.Percentile,
        extra_options={"CalibPercentile": PERCENTILE, "CalibTensorRangeSymmetric": False},
    )
