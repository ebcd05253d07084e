from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import openvino
import pytest
import torch
from onnx import numpy_helper
from torch import nn

from ocellus_training import export, linear, quantise, zero_points
from ocellus_training.mobilenet import ConvUnit, InvertedResidual, normalise_pixels
from ocellus_training.quality import compile_fixed
from ocellus_training.towers import ColourSummary


class _Tiny(nn.Module):
    """The kinds of layers the real tower has, small."""

    def __init__(self) -> None:
        super().__init__()
        self.units = nn.Sequential(ConvUnit(3, 16, 3, 2), ConvUnit(16, 16, 3, 2, groups=16), ConvUnit(16, 128, 1))
        self.linear = nn.Linear(128, 256)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.linear(self.units(normalise_pixels(x)).mean((2, 3)))


def _cosine(a: np.ndarray, b: np.ndarray) -> float:
    return float(((a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)).min())


def test_round_trip(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = _Tiny().eval()
    pictures = np.random.RandomState(0).randint(0, 256, (6, 224, 224, 3), np.uint8)
    with torch.no_grad():
        expected = model(torch.from_numpy(pictures)).numpy()
    source, target = tmp_path / "float.onnx", tmp_path / "int8.onnx"
    export.export_pictures_to(model, source)
    operators = {n.op_type for n in onnx.load(source).graph.node}
    assert "Pad" not in operators
    export.quantise_vision(source, target, (p[None] for p in pictures))
    assert target.stat().st_size < 0.5 * source.stat().st_size
    exact = compile_fixed(source)([pictures])[0]
    assert np.allclose(exact, expected, atol=1e-3)
    rounded = compile_fixed(target)
    together = np.array(rounded([pictures])[0])
    alone = np.concatenate([np.array(rounded([p[None]])[0]) for p in pictures])
    assert np.allclose(together, alone, atol=1e-6)
    assert _cosine(together, expected) > 0.98


@pytest.mark.parametrize("axis", [0, 1])
def test_levels(axis: int) -> None:
    values = np.random.RandomState(1).randn(5, 7).astype(np.float32)
    values[0, 0] = 0
    levels, scale = quantise.symmetric_levels(values, axis)
    shape = (-1, 1) if axis == 0 else (1, -1)
    assert np.abs(levels * scale.reshape(shape) - values).max() <= scale.max() / 2 + 1e-7
    assert scale.shape == (values.shape[axis],)


def test_padding_changes_no_number(tmp_path: Path) -> None:
    source = tmp_path / "layer.onnx"
    layer = torch.nn.Linear(300, 100).eval()
    torch.onnx.export(layer, (torch.zeros(1, 300),), str(source), input_names=["x"], opset_version=17, dynamo=False)
    model = onnx.load(source)
    assert quantise.quantise_weights(model) == 1
    before = onnx.ModelProto()
    before.CopyFrom(model)
    assert quantise.pad_inner(model) == 1
    assert quantise.pad_inner(model) == 0
    x = np.random.RandomState(0).randn(1, 300).astype(np.float32)
    results = [onnxruntime.InferenceSession(m.SerializeToString()).run(None, {"x": x})[0] for m in (before, model)]
    assert np.allclose(*results, atol=1e-5)


def test_additions_after_the_convolutions_stay_float(tmp_path: Path) -> None:
    class Summed(_Tiny):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            y = super().forward(x)
            return y + torch.nn.functional.gelu(y)

    pictures = np.random.RandomState(0).randint(0, 256, (4, 224, 224, 3), np.uint8)
    source, target = tmp_path / "float.onnx", tmp_path / "int8.onnx"
    export.export_pictures_to(Summed().eval(), source)
    quantise.simplify(source)
    quantise.quantise_convolutions(source, target, [pictures])
    graph = onnx.load(target).graph
    made_by = {output: node for node in graph.node for output in node.output}
    (last,) = [node for node in graph.node if graph.output[0].name in node.output]
    assert last.op_type == "Add"
    assert all(made_by[name].op_type != "DequantizeLinear" for name in last.input)
    assert any(node.op_type == "QuantizeLinear" for node in graph.node)


def test_bytes_are_read_as_they_are(tmp_path: Path) -> None:
    class Coloured(_Tiny):
        def __init__(self) -> None:
            super().__init__()
            self.colours = ColourSummary()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.cat([super().forward(x), self.colours(x)], 1)

    pictures = np.random.RandomState(0).randint(0, 256, (4, 224, 224, 3), np.uint8)
    source, target = tmp_path / "float.onnx", tmp_path / "int8.onnx"
    export.export_pictures_to(Coloured().eval(), source)
    export.quantise_vision(source, target, (p[None] for p in pictures))
    graph = onnx.load(target).graph
    assert not any(node.op_type == "Cast" for node in graph.node)  # no picture of floats
    exact, rounded = (np.array(compile_fixed(file)([pictures])[0]) for file in (source, target))
    assert np.allclose(rounded[:, 256:], exact[:, 256:], atol=1e-5)  # colours are exact
    assert _cosine(rounded[:, :256], exact[:, :256]) > 0.98


class _Uneven(nn.Module):
    """Two linear layers behind channels of very different ranges, one kept."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("ranges", torch.logspace(-2, 2, 160))
        self.rounded = nn.Linear(160, 192)
        self.kept = nn.Linear(192, 128)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.kept(self.rounded(x * self.ranges))


def _uneven(tmp_path: Path) -> tuple[nn.Module, Path, np.ndarray]:
    torch.manual_seed(0)
    layers, source = _Uneven().eval(), tmp_path / "layers.onnx"
    with torch.no_grad():
        layers.rounded.weight /= layers.ranges  # each channel matters as much as any other
    names = {"input_names": ["x"], "output_names": ["y"], "dynamic_axes": {"x": {0: "n"}, "y": {0: "n"}}}
    torch.onnx.export(layers, (torch.zeros(2, 160),), str(source), **names, opset_version=17, dynamo=False)
    return layers, source, np.random.RandomState(0).randn(64, 160).astype(np.float32)


def _whole_number_layers(compiled: openvino.CompiledModel) -> int:
    facts = [op.get_rt_info() for op in compiled.get_runtime_model().get_ops()]
    kinds = [(f["layerType"].astype(str), f["primitiveType"].astype(str)) for f in facts]
    return sum(layer == "FullyConnected" and primitive.endswith("i8") for layer, primitive in kinds)


def test_linear_layers_multiply_whole_numbers(tmp_path: Path) -> None:
    layers, source, x = _uneven(tmp_path)
    model, target = onnx.load(source), tmp_path / "int8.onnx"
    assert linear.quantise_linears(model, [{"x": x}], ("/kept/",)) == 1
    onnx.save(model, target)
    compiled = compile_fixed(target)
    assert _whole_number_layers(compiled) == 1
    together = np.array(compiled([x])[0])
    assert (together == np.concatenate([np.array(compiled([row[None]])[0]) for row in x])).all()
    with torch.no_grad():
        expected = layers(torch.from_numpy(x)).numpy()
        inputs = torch.from_numpy(x) * layers.ranges
        step = inputs.abs().max() / 127
        plain = layers.kept(layers.rounded((inputs / step).round() * step)).numpy()
    assert _cosine(together, expected) > 0.999
    assert _cosine(plain, expected) < 0.99  # one step for all channels loses the narrow ones


def test_a_channel_that_calibration_never_saw_move(tmp_path: Path) -> None:
    _, source, x = _uneven(tmp_path)
    x[:, 7] = 0
    model = onnx.load(source)
    linear.quantise_linears(model, [{"x": x}])
    x[:, 7] = 1e6
    result = onnxruntime.InferenceSession(model.SerializeToString()).run(None, {"x": x})[0]
    assert np.isfinite(result).all()
    assert not any(np.isinf(numpy_helper.to_array(t)).any() for t in model.graph.initializer)


def test_rows_are_scaled_after_they_are_read(tmp_path: Path) -> None:
    table, source = nn.Embedding(300, 80).eval(), tmp_path / "table.onnx"
    ids = torch.tensor([[0, 299, 7, 7]])
    torch.onnx.export(table, (ids,), str(source), input_names=["ids"], opset_version=17, dynamo=False)
    model = onnx.load(source)
    assert quantise.quantise_rows(model) == 1
    assert max(t.ByteSize() for t in model.graph.initializer) < 300 * 80 * 1.1
    rows = onnxruntime.InferenceSession(model.SerializeToString()).run(None, {"ids": ids.numpy()})[0]
    expected = table(ids).detach().numpy()
    assert np.abs(rows - expected).max() <= np.abs(expected).max() / 254 + 1e-6


class _Residual(_Tiny):
    """Signed results that a 1x1 convolution, an addition and a 3x3 convolution read."""

    def __init__(self) -> None:
        super().__init__()
        self.start = nn.Sequential(ConvUnit(3, 16, 3, 2), ConvUnit(16, 24, 1, relu=False))
        self.blocks = nn.Sequential(*(InvertedResidual(24, 48, 24, 1, True) for _ in range(2)))
        self.bordered = ConvUnit(24, 128, 3, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.linear(self.bordered(self.blocks(self.start(normalise_pixels(x)))).mean((2, 3)))


def test_zero_points_change_no_number(tmp_path: Path) -> None:
    torch.manual_seed(0)
    pictures = np.random.RandomState(0).randint(0, 256, (4, 224, 224, 3), np.uint8)
    source, target = tmp_path / "float.onnx", tmp_path / "int8.onnx"
    export.export_pictures_to(_Residual().eval(), source)
    quantise.quantise_convolutions(source, target, [pictures])
    model = onnx.load(target)
    quantise.slim(model)
    plain = onnxruntime.InferenceSession(model.SerializeToString())
    assert zero_points.keep_terms(model) == 2
    kept = onnxruntime.InferenceSession(model.SerializeToString())
    assert zero_points.shift(model) == 2  # what the blocks start from, and the first block's sum
    shifted = onnxruntime.InferenceSession(model.SerializeToString())
    first, second, third = (s.run(None, {"pixel_values": pictures})[0] for s in (plain, kept, shifted))
    assert _cosine(second, first) > 0.999
    assert _cosine(third, second) > 0.99999
    # What a convolution with a border reads keeps its zero point: there nothing is not the level 0.
    zeros = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
    assert sum(bool(zeros[n.input[2]].any()) for n in model.graph.node if n.op_type == "QuantizeLinear") == 1
