#!/usr/bin/env python3
"""Writes the two networks of a toy CLIP export, clip/onnx/*.onnx (pip install onnx).

Both have the inputs and outputs that exporters write: pictures as float32 [batch, 3, 4, 4], whose image_embeds
are the means of the three channels; texts as int64 [batch, length], whose text_embeds are the sum of the ids, the
number of ids that are 2, and 1. last_hidden_state is there to be ignored.
"""
from pathlib import Path

import onnx
from onnx import TensorProto, helper

FOLDER = Path(__file__).parent / "clip" / "onnx"


def write(name, inputs, outputs, nodes, constants):
    graph = helper.make_graph(nodes, name, inputs, outputs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    FOLDER.mkdir(parents=True, exist_ok=True)
    onnx.save(model, FOLDER / f"{name}.onnx")


def ints(name, values):
    return helper.make_tensor(name, TensorProto.INT64, [len(values)], values)


def value(name, kind, shape):
    return helper.make_tensor_value_info(name, kind, shape)


write("vision_model",
      [value("pixel_values", TensorProto.FLOAT, ["batch", 3, "height", "width"])],
      [value("last_hidden_state", TensorProto.FLOAT, ["batch", 3, "height", "width"]),
       value("image_embeds", TensorProto.FLOAT, ["batch", 3])],
      [helper.make_node("ReduceMean", ["pixel_values"], ["image_embeds"], axes=[2, 3], keepdims=0),
       helper.make_node("Identity", ["pixel_values"], ["last_hidden_state"])], [])
write("text_model",
      [value("input_ids", TensorProto.INT64, ["batch", "length"])],
      [value("text_embeds", TensorProto.FLOAT, ["batch", 3])],
      [helper.make_node("Equal", ["input_ids", "two"], ["is_two"]),
       helper.make_node("Cast", ["is_two"], ["twos"], to=TensorProto.INT64),
       helper.make_node("ReduceSum", ["input_ids", "axis"], ["sum"], keepdims=1),
       helper.make_node("ReduceSum", ["twos", "axis"], ["count"], keepdims=1),
       helper.make_node("Sub", ["sum", "sum"], ["nothing"]),
       helper.make_node("Add", ["nothing", "one"], ["ones"]),
       helper.make_node("Concat", ["sum", "count", "ones"], ["all"], axis=1),
       helper.make_node("Cast", ["all"], ["text_embeds"], to=TensorProto.FLOAT)],
      [ints("axis", [1]), ints("one", [1]), ints("two", [2])])
