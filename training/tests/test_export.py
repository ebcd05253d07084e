from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import nn

from ocellus_training import export, quantise
from ocellus_training.mobilenet import ConvUnit, normalise_pixels
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
