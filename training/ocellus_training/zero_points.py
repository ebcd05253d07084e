"""Convolutions' signed results as levels that start at zero.

A result that may be negative has a zero point, which costs every convolution that reads it. A constant added to the
result makes it positive, and a 1x1 convolution that reads it takes the constant out again through its bias (one with a
border could not). The same levels, without zero points.
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import numpy_helper


class _Graph:
    def __init__(self, graph: onnx.GraphProto):
        self.graph = graph
        self.constants = {t.name: numpy_helper.to_array(t) for t in graph.initializer}
        self.producers = {name: node for node in graph.node for name in node.output}

    def readers(self, name: str) -> list[onnx.NodeProto]:
        return [node for node in self.graph.node if name in node.input]

    def constant(self, stem: str, value: np.ndarray) -> str:
        name = f"{stem}_{len(self.constants)}"
        self.constants[name] = value
        self.graph.initializer.append(numpy_helper.from_array(value, name))
        return name

    def remove(self, node: onnx.NodeProto) -> None:
        self.graph.node.remove(node)
        for name in node.output:
            del self.producers[name]

    def convolution_of(self, node: onnx.NodeProto) -> onnx.NodeProto | None:
        """What made `node`'s numbers: itself, or of an addition the one term that is a convolution's result."""
        if node.op_type == "Conv":
            return node
        made = [self.producers.get(name) for name in node.input] if node.op_type == "Add" else []
        found = [n for n in made if n is not None and n.op_type == "Conv"]
        return found[0] if len(found) == 1 else None

    def add_to_bias(self, convolution: onnx.NodeProto, amount: np.ndarray | float) -> None:
        bias = self.constants[convolution.input[2]].astype(np.float64) + amount
        convolution.input[2] = self.constant("bias", bias.astype(np.float32))

    def weights(self, convolution: onnx.NodeProto) -> np.ndarray:
        source = self.producers[convolution.input[1]]
        levels, scale = (self.constants[name].astype(np.float64) for name in source.input[:2])
        return levels * scale.reshape(-1, 1, 1, 1)


def keep_terms(model: onnx.ModelProto) -> int:
    """A convolution's result that only an addition reads is rounded after it, not before it too; returns how many."""
    graph = _Graph(model.graph)
    kept = 0
    for addition in [n for n in model.graph.node if n.op_type == "Add"]:
        for position, name in enumerate(addition.input):
            back = graph.producers.get(name)
            if back is None or back.op_type != "DequantizeLinear" or len(graph.readers(name)) > 1:
                continue
            there = graph.producers.get(back.input[0])
            made = graph.producers.get(there.input[0]) if there is not None else None
            if there is None or made is None or made.op_type != "Conv":
                continue
            addition.input[position] = made.output[0]
            graph.remove(back)
            graph.remove(there)
            kept += 1
    return kept


def shift(model: onnx.ModelProto) -> int:
    """Takes out the zero points that constants in biases can take the place of; returns how many.

    After `keep_terms`: the constant of a sum goes into the bias of its convolution.
    """
    graph = _Graph(model.graph)
    shifted = 0
    for there in [n for n in model.graph.node if n.op_type == "QuantizeLinear"]:
        zero = int(graph.constants[there.input[2]])
        made = graph.producers.get(there.input[0])
        source = graph.convolution_of(made) if made is not None else None
        (back,) = graph.readers(there.output[0])
        readers = graph.readers(back.output[0])
        through = [graph.convolution_of(n) for n in readers]
        if zero == 0 or source is None or None in through:
            continue
        if any(n.op_type == "Conv" and graph.weights(n).shape[2:] != (1, 1) for n in readers):
            continue
        offset = zero * float(graph.constants[there.input[1]])
        graph.add_to_bias(source, offset)
        there.input[2] = back.input[2] = graph.constant("zero", np.uint8(0))
        for reader, convolution in zip(readers, through):
            assert convolution is not None
            share = graph.weights(reader).sum((1, 2, 3)) if reader.op_type == "Conv" else 1.0
            graph.add_to_bias(convolution, -offset * share)
        shifted += 1
    return shifted
