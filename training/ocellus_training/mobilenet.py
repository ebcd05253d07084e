"""MobileNetV2 1.0/224 in torch, and its teacher's weights out of a TensorFlow Lite file.

Batch normalisation is folded already, as in the file. A stride-2 convolution pads right and bottom only
(TensorFlow's SAME on even sizes).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

# (expansion, channels, repeats, first stride) per stage, as published
STAGES = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))
POOLED = 1280
MAP_CHANNELS = 160
MAP_SIDE = 7
CLASSES = 1000


class ConvUnit(nn.Module):
    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1, relu: bool = True):
        super().__init__()
        self.pad_end = stride == 2
        padding = 0 if self.pad_end else kernel // 2
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, padding, groups=groups)
        self.relu = relu

    def forward(self, x: Tensor) -> Tensor:
        if self.pad_end:
            x = F.pad(x, (0, 1, 0, 1))
        x = self.conv(x)
        return F.relu6(x) if self.relu else x


class InvertedResidual(nn.Module):
    def __init__(self, inputs: int, hidden: int, outputs: int, stride: int, expands: bool):
        super().__init__()
        units = [ConvUnit(inputs, hidden, 1)] if expands else []
        units += [ConvUnit(hidden, hidden, 3, stride, groups=hidden), ConvUnit(hidden, outputs, 1, relu=False)]
        self.units = nn.Sequential(*units)
        self.residual = expands and stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        return x + self.units(x) if self.residual else self.units(x)


class MobileNetV2(nn.Module):
    """`forward` gives (pooled [n,1280], map [n,160,7,7]); `logits` the 1,000 classes (no background).

    `widths`: of blocks whose depthwise convolution has other channels than published.
    """

    def __init__(self, widths: Mapping[int, int] | None = None) -> None:
        super().__init__()
        widths = widths or {}
        blocks: list[nn.Module] = []
        channels = first = widths.get(0, 32)
        for expansion, outputs, repeats, stride in STAGES:
            for repeat in range(repeats):
                hidden = widths.get(len(blocks), channels * expansion)
                blocks.append(InvertedResidual(channels, hidden, outputs, stride if repeat == 0 else 1, expansion > 1))
                channels = outputs
        self.stem = ConvUnit(3, first, 3, 2)
        self.body = nn.Sequential(*blocks[:-1])
        self.last = nn.Sequential(blocks[-1], ConvUnit(channels, POOLED, 1))
        self.classifier = nn.Linear(POOLED, CLASSES)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        grid = self.body(self.stem(x))
        return self.last(grid).mean((2, 3)), grid

    def logits(self, pooled: Tensor) -> Tensor:
        return self.classifier(pooled)


def normalise_pixels(u8_nhwc: Tensor) -> Tensor:
    return u8_nhwc.permute(0, 3, 1, 2).float() / 127.5 - 1.0


def _convolutions(path: Path) -> list[tuple[np.ndarray, np.ndarray]]:
    """Weights [out, in/groups, h, w] and biases of the file's convolutions in order, dequantised."""
    import tflite  # only the teacher is read with it

    model = tflite.Model.GetRootAs(path.read_bytes(), 0)
    graph = model.Subgraphs(0)
    dtypes = {tflite.TensorType.UINT8: np.uint8, tflite.TensorType.INT8: np.int8, tflite.TensorType.INT32: np.int32}

    def dequantise(index: int) -> np.ndarray:
        tensor = graph.Tensors(index)
        raw = model.Buffers(tensor.Buffer()).DataAsNumpy().tobytes()
        values = np.frombuffer(raw, dtypes[tensor.Type()]).reshape(tensor.ShapeAsNumpy()).astype(np.float64)
        quantisation = tensor.Quantization()
        shape = [1] * values.ndim
        scale = quantisation.ScaleAsNumpy().astype(np.float64)
        if len(scale) > 1:
            shape[quantisation.QuantizedDimension()] = len(scale)
        zero = quantisation.ZeroPointAsNumpy().astype(np.float64)
        return ((values - zero.reshape(shape)) * scale.reshape(shape)).astype(np.float32)

    result = []
    for position in range(graph.OperatorsLength()):
        operator = graph.Operators(position)
        code = model.OperatorCodes(operator.OpcodeIndex())
        kind = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
        if kind not in (tflite.BuiltinOperator.CONV_2D, tflite.BuiltinOperator.DEPTHWISE_CONV_2D):
            continue
        inputs = operator.InputsAsNumpy()
        weight = dequantise(inputs[1])
        depthwise = kind == tflite.BuiltinOperator.DEPTHWISE_CONV_2D
        weight = weight.transpose(3, 0, 1, 2) if depthwise else weight.transpose(0, 3, 1, 2)
        result.append((np.ascontiguousarray(weight), dequantise(inputs[2])))
    return result


def load_teacher(path: Path) -> MobileNetV2:
    """The published network; index 0 of its 1,001 classes (background) is dropped."""
    model = MobileNetV2()
    *body, classifier = _convolutions(path)
    units = [m for m in model.modules() if isinstance(m, nn.Conv2d)]
    if len(units) != len(body):
        raise ValueError(f"{path.name}: {len(body)} convolutions, expected {len(units)}")
    with torch.no_grad():
        for unit, (weight, bias) in zip(units, body):
            unit.weight.copy_(torch.as_tensor(weight))
            unit.bias.copy_(torch.as_tensor(bias))
        model.classifier.weight.copy_(torch.as_tensor(classifier[0][1:, :, 0, 0]))
        model.classifier.bias.copy_(torch.as_tensor(classifier[1][1:]))
    return model.eval()
