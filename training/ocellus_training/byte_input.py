"""The first layers of the exported picture network, on the bytes of the picture.

The stem in eight bits and the colours' means of cells both read the picture as an 8-bit tensor, so that the runtime
never turns it into floats: a seventh of the network's time. Both have to: with one reader OpenVINO takes the scale into
the weights and computes in floats.
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import helper, numpy_helper

from ocellus_training import quantise
from ocellus_training.towers import COLOUR_CELL

SCALE, ZERO = 1 / 127.5, 128  # the network wants (byte - 127.5) / 127.5; the half that is left goes into the bias


def read_bytes(model: onnx.ModelProto) -> bool:
    """Puts the stem and, where the network has them, the means of cells on bytes; whether it did.

    The stem's border, which is padded with zeros, changes by 0.5 / 127.5 of a weight.
    """
    graph = model.graph
    constants = {t.name: t for t in graph.initializer}
    producer = {output: node for node in graph.node for output in node.output}

    def readers(name: str) -> list[onnx.NodeProto]:
        return [node for node in graph.node if name in node.input]

    # pixels -> Transpose -> Cast -> Div -> Sub -> Conv, and Cast -> MatMul -> MatMul.
    stem = next(node for node in graph.node if node.op_type == "Conv")
    chain = [stem]
    for kind in ("Sub", "Div", "Cast"):
        chain.append(producer[chain[-1].input[0]])
        if chain[-1].op_type != kind:
            raise ValueError(f"the stem reads {chain[-1].op_type}, where {kind} was expected")
    _, minus, divide, cast = chain
    columns = next((node for node in readers(cast.output[0]) if node.op_type == "MatMul"), None)
    if columns is None:
        return False
    (rows,) = readers(columns.output[0])

    def constant(name: str, value: np.ndarray) -> str:
        graph.initializer.append(numpy_helper.from_array(value, name))
        return name

    def dequantised(name: str, levels: np.ndarray, scale: np.ndarray) -> onnx.NodeProto:
        inputs = [constant(f"{name}_levels", levels), constant(f"{name}_scale", scale.astype(np.float32))]
        return helper.make_node("DequantizeLinear", inputs, [name], f"{name}_dequantised", axis=0)

    weights = numpy_helper.to_array(constants[stem.input[1]])
    levels, scale = quantise.symmetric_levels(weights, 0)
    bias = numpy_helper.to_array(constants[stem.input[2]]) + weights.sum((1, 2, 3)) * (ZERO - 127.5) * SCALE
    cell = np.zeros((3, 3, COLOUR_CELL, COLOUR_CELL), np.int8)
    cell[range(3), range(3)] = 1
    mean_of_bytes = np.full(3, 1 / (SCALE * COLOUR_CELL**2))
    byte_scale, byte_zero = constant("byte_scale", np.float32(SCALE)), constant("byte_zero", np.uint8(ZERO))
    added = [
        helper.make_node("DequantizeLinear", [cast.input[0], byte_scale, byte_zero], ["bytes"], "bytes_dequantised"),
        dequantised("stem_weights", levels, scale),
        dequantised("cell_weights", cell, mean_of_bytes),
        helper.make_node(
            "Conv",
            ["bytes", "cell_weights", constant("cell_bias", np.full(3, ZERO, np.float32))],
            rows.output[:1],
            "cells",
            kernel_shape=[COLOUR_CELL] * 2,
            strides=[COLOUR_CELL] * 2,
        ),
    ]
    stem.input[:] = ["bytes", "stem_weights", constant("stem_bias", bias.astype(np.float32))]
    place = list(graph.node).index(producer[cast.input[0]]) + 1
    gone = [minus, divide, cast, columns, rows]
    kept = [node for node in graph.node if node not in gone]
    del graph.node[:]
    graph.node.extend([*kept[:place], *added, *kept[place:]])
    quantise.drop_unused(graph)
    return True
