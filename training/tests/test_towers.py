from __future__ import annotations

import numpy as np
import pytest
import torch

from ocellus_training import rounding
from ocellus_training.mobilenet import MobileNetV2, load_teacher
from ocellus_training.sentence import SentenceEncoder
from ocellus_training.settings import DIMENSION, TEXT_DIM, VISUAL_DIM
from ocellus_training.towers import (
    COLOUR,
    COLOURS,
    GRID,
    TEXT_LOOKS_SHARE,
    ColourSummary,
    GridSummary,
    LooksHead,
    TextMap,
    TextTower,
    VisionTower,
    WordsHead,
)


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)


def test_grid_summary() -> None:
    grid = torch.zeros(1, 160, 7, 7)
    grid[0, 5, 0, 6] = 16.0  # top right corner of channel 5
    out = GridSummary()(grid)[0]
    assert out.shape == (GRID,)
    mean, top_left, top_right, bottom_left, bottom_right, largest = out.view(6, 160)[:, 5].tolist()
    assert mean == pytest.approx(16 / 49)
    assert (top_left, bottom_left, bottom_right) == (0, 0, 0)
    assert (top_right, largest) == (pytest.approx(1.0), 16.0)


def test_colour_summary() -> None:
    picture = torch.zeros(1, 224, 224, 3, dtype=torch.uint8)
    picture[0, 64:160, 64:160, 0] = 204  # a red square in the dark
    out = ColourSummary()(picture)[0]
    assert out.shape == (COLOUR,)
    everywhere, middle = out[: len(COLOURS)], out[len(COLOURS) : 2 * len(COLOURS)]
    assert everywhere.sum().item() == pytest.approx(1, abs=1e-5)
    assert COLOURS[everywhere.argmax()] == (0, 0, 0)
    assert COLOURS[middle.argmax()] == (0.8, 0.1, 0.1)
    assert out[2 * len(COLOURS) :][:3].tolist() == [0, 0, 0]  # the tile in the top left corner


def test_vision_tower() -> None:
    tower = VisionTower(MobileNetV2(), WordsHead(16), LooksHead(), 0.35).eval()
    with torch.no_grad():
        out = tower(torch.randint(0, 256, (2, 224, 224, 3), dtype=torch.uint8))
    assert out.shape == (2, DIMENSION)
    assert torch.allclose(out.norm(dim=1), torch.ones(2), atol=1e-5)
    assert torch.allclose(out[:, :TEXT_DIM].norm(dim=1), torch.full((2,), 0.35**0.5), atol=1e-5)


def test_text_tower_ignores_padding() -> None:
    mean = torch.zeros(TEXT_DIM)
    tower = TextTower(SentenceEncoder(), TextMap(mean), TextMap(mean, VISUAL_DIM)).eval()
    ids = torch.tensor([[101, 2000, 3000, 102]])
    padded = torch.cat([ids, torch.zeros(1, 12, dtype=torch.int64)], 1)
    with torch.no_grad():
        short = tower(ids, torch.ones_like(ids))
        long = tower(padded, (padded > 0).long())
    assert short.shape == (1, DIMENSION)
    assert torch.allclose(short, long, atol=1e-5)
    assert torch.allclose(short[:, TEXT_DIM:].norm(dim=1), torch.full((1,), TEXT_LOOKS_SHARE**0.5), atol=1e-5)
    assert torch.allclose(short.norm(dim=1), torch.ones(1), atol=1e-5)


def test_tokens_can_share_a_row() -> None:
    rows = torch.tensor([0, 1, 2, 1], dtype=torch.int32)
    encoder = SentenceEncoder(rows, 3).eval()
    with torch.no_grad():
        one, other = encoder(torch.tensor([[0, 1, 2], [0, 3, 2]]), torch.ones(2, 3, dtype=torch.int64))
    assert torch.equal(one, other)


def test_rounded_weights_train_and_come_back() -> None:
    layer = torch.nn.Linear(8, 4)
    before = layer.weight.detach().clone()
    rounding.round_weights(layer)
    levels = layer.weight.detach() / (before.abs().amax(1, keepdim=True) / 127)
    assert torch.allclose(levels, levels.round(), atol=1e-3)
    layer(torch.ones(1, 8)).sum().backward()
    assert layer.parametrizations.weight.original.grad is not None
    computed_with = layer.weight.detach().clone()
    rounding.unround_weights(layer)
    assert torch.equal(layer.weight, computed_with)
    assert {name for name, _ in layer.named_parameters()} == {"weight", "bias"}


def test_teacher_knows_its_classes(paths) -> None:
    pytest.importorskip("tflite")
    teacher = load_teacher(paths.mobilenet)
    assert len(list(teacher.parameters())) == 106
    assert np.isfinite(sum(p.abs().sum().item() for p in teacher.parameters()))
