"""The two towers of the bundle.

A picture's vector is [sqrt(a) * words | sqrt(1-a) * looks]: `words` lives in the sentence encoder's space,
`looks` was made to compare pictures with pictures. A sentence's is [sqrt(1-b) * words | sqrt(b) * looks]: what it says,
and a little of what the pictures that it speaks of look like.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ocellus_training import mobilenet
from ocellus_training.mobilenet import MobileNetV2
from ocellus_training.settings import IMAGE_SIZE, TEXT_DIM, VISUAL_DIM

GRID = 6 * mobilenet.MAP_CHANNELS  # mean, max and four quadrant means of the 7x7 map
COLOUR_CELL = 16  # pixels
COLOUR_CELLS = IMAGE_SIZE // COLOUR_CELL
COLOURS = (  # red, green, blue of the colours that a picture's are counted as
    (0, 0, 0), (0.33, 0.33, 0.33), (0.66, 0.66, 0.66), (1, 1, 1), (0.8, 0.1, 0.1), (0.5, 0.05, 0.1),
    (0.9, 0.5, 0.1), (0.95, 0.9, 0.2), (0.5, 0.8, 0.2), (0.1, 0.5, 0.15), (0.2, 0.8, 0.8), (0.1, 0.3, 0.8),
    (0.5, 0.75, 0.95), (0.05, 0.1, 0.35), (0.5, 0.2, 0.7), (0.95, 0.6, 0.75), (0.45, 0.3, 0.15), (0.85, 0.75, 0.6),
)  # fmt: skip
COLOUR_SPREAD = 0.02  # squared distance at which a cell is e times less a colour
COLOUR = 2 * len(COLOURS) + 4 * 4 * 3
EXTRA = GRID + COLOUR
LOOKS_HIDDEN = 256
LOOKS_COLOUR = 0.05  # weight of colours beside square-root features
TEXT_LOOKS_SHARE = 0.05  # b above
START_TEMPERATURE = 1.4  # flattens the classifier's softmax before class vectors are mixed


def _region_weights() -> Tensor:
    """[49, 5]: the whole 7x7 map and its four overlapping 4x4 quadrants, as averaging columns."""
    side = mobilenet.MAP_SIDE
    columns = [torch.full((side, side), 1.0)]
    for top in (0, 3):
        for left in (0, 3):
            column = torch.zeros(side, side)
            column[top : top + 4, left : left + 4] = 1.0
            columns.append(column)
    stacked = torch.stack([c.flatten() / c.sum() for c in columns], 1)
    return stacked


class GridSummary(nn.Module):
    """[n,160,7,7] to [n,960]: coarse layout that the pooled features have lost."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("regions", _region_weights(), persistent=False)

    def forward(self, grid: Tensor) -> Tensor:
        cells = grid.flatten(2)
        means = (cells @ self.regions).transpose(1, 2).flatten(1)
        return torch.cat([means, cells.amax(2)], 1)


def _averages(masks: Sequence[Tensor]) -> Tensor:
    return torch.stack([m.flatten() / m.sum() for m in masks], 1)


class ColourSummary(nn.Module):
    """uint8 [n,224,224,3] to [n,84]: how much of each colour there is, in all and in the middle, and 4x4 mean colours.

    The backbone has learned to look past colour; words have not.
    """

    def __init__(self) -> None:
        super().__init__()
        side = COLOUR_CELLS
        middle = torch.zeros(side, side)
        middle[3:11, 3:11] = 1.0
        tiles = []
        for top in range(0, 12, 3):
            for left in range(0, 12, 3):
                tile = torch.zeros(side, side)
                tile[top : top + 3, left : left + 3] = 1.0
                tiles.append(tile)
        colours = torch.tensor(COLOURS)
        self.register_buffer("towards", 2.0 * colours.T / COLOUR_SPREAD, persistent=False)
        self.register_buffer("sizes", colours.square().sum(1) / COLOUR_SPREAD, persistent=False)
        self.register_buffer("regions", _averages([torch.ones(side, side), middle]), persistent=False)
        self.register_buffer("tiles", _averages(tiles), persistent=False)
        columns = torch.eye(side).repeat_interleave(COLOUR_CELL, 0) / COLOUR_CELL
        self.register_buffer("columns", columns, persistent=False)
        self.register_buffer("rows", columns.T.contiguous(), persistent=False)

    def forward(self, u8_nhwc: Tensor) -> Tensor:
        planes = u8_nhwc.permute(0, 3, 1, 2).float()
        # Two products are a fifth of the time that a pooling of three channels takes.
        cells = (self.rows @ (planes @ self.columns)).flatten(2).transpose(1, 2) / 255.0
        shares = (cells @ self.towards - self.sizes).softmax(-1)  # a cell's own size cancels out
        counted = (shares.transpose(1, 2) @ self.regions).transpose(1, 2).flatten(1)
        means = (cells.transpose(1, 2) @ self.tiles).transpose(1, 2).flatten(1)
        return torch.cat([counted, means], 1)


class WordsHead(nn.Module):
    """normalise(class probabilities x class vectors + MLP([pooled | grid | colour]))."""

    def __init__(self, hidden: int, dropout: float = 0.6):
        super().__init__()
        self.classifier = nn.Linear(mobilenet.POOLED, mobilenet.CLASSES)
        self.log_temperature = nn.Parameter(torch.tensor(START_TEMPERATURE).log())
        self.class_vectors = nn.Parameter(torch.zeros(mobilenet.CLASSES, TEXT_DIM))
        self.norm = nn.LayerNorm(mobilenet.POOLED + EXTRA)
        self.expand = nn.Linear(mobilenet.POOLED + EXTRA, hidden)
        self.contract = nn.Linear(hidden, TEXT_DIM)
        self.dropout = nn.Dropout(dropout)
        with torch.no_grad():
            self.contract.weight.mul_(0.05)
            self.contract.bias.zero_()

    def forward(self, pooled: Tensor, extra: Tensor) -> Tensor:
        return F.normalize(self.raw(self.classifier(pooled), pooled, extra), dim=-1)

    def raw(self, logits: Tensor, pooled: Tensor, extra: Tensor) -> Tensor:
        """Not normalised; `logits` are the classifier's for `pooled`."""
        shares = (logits / self.log_temperature.exp()).softmax(-1)
        x = self.dropout(self.norm(torch.cat([pooled, extra], 1)))
        x = self.dropout(F.gelu(self.expand(x)))
        return shares @ self.class_vectors + self.contract(x)


class LooksHead(nn.Module):
    """normalise(R W + GELU((R - mean) spread V) U), R being [normalise(sqrt(pooled)) | a little colour]."""

    def __init__(self, hidden: int = LOOKS_HIDDEN, dropout: float = 0.5) -> None:
        super().__init__()
        width = mobilenet.POOLED + COLOUR
        self.linear = nn.Linear(width, VISUAL_DIM)
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("spread", torch.ones(()))
        self.expand = nn.Linear(width, hidden)
        self.contract = nn.Linear(hidden, VISUAL_DIM)
        self.dropout = nn.Dropout(dropout)
        with torch.no_grad():
            self.contract.weight.mul_(0.02)
            self.contract.bias.zero_()

    @staticmethod
    def roots(pooled: Tensor) -> Tensor:
        return F.normalize(pooled.clamp(min=1e-6).sqrt(), dim=-1)

    @classmethod
    def inputs(cls, pooled: Tensor, colours: Tensor) -> Tensor:
        return torch.cat([cls.roots(pooled), LOOKS_COLOUR * colours], 1)

    def of_features(self, pooled: Tensor, extra: Tensor) -> Tensor:
        return self.of_inputs(self.inputs(pooled, extra[:, GRID:EXTRA]))

    def of_inputs(self, inputs: Tensor) -> Tensor:
        more = self.contract(self.dropout(F.gelu(self.expand((inputs - self.mean) * self.spread))))
        return F.normalize(self.linear(inputs) + more, dim=-1)


class VisionTower(nn.Module):
    """uint8 [n,224,224,3] to normalised [n,640]."""

    def __init__(self, backbone: MobileNetV2, words: WordsHead, looks: LooksHead, words_share: float):
        super().__init__()
        self.backbone = backbone
        self.summary = GridSummary()
        self.colours = ColourSummary()
        self.words = words
        self.looks = looks
        self.words_share = words_share

    def combine(self, pooled: Tensor, extra: Tensor) -> Tensor:
        words = self.words(pooled, extra) * self.words_share**0.5
        looks = self.looks.of_features(pooled, extra) * (1.0 - self.words_share) ** 0.5
        return torch.cat([words, looks], 1)

    def forward(self, u8_nhwc: Tensor) -> Tensor:
        pooled, grid = self.backbone(mobilenet.normalise_pixels(u8_nhwc))
        return self.combine(pooled, torch.cat([self.summary(grid), self.colours(u8_nhwc)], 1))


class TextMap(nn.Module):
    """Sentence vectors [n,384], centred and turned towards what pictures can express, of length 1.

    `outputs`: TEXT_DIM for the words part, which starts as the identity, or VISUAL_DIM for the looks part.
    """

    def __init__(self, mean: Tensor, outputs: int = TEXT_DIM):
        super().__init__()
        self.register_buffer("mean", mean.clone())
        self.linear = nn.Linear(TEXT_DIM, outputs, bias=False)
        if outputs == TEXT_DIM:
            with torch.no_grad():
                self.linear.weight.copy_(torch.eye(TEXT_DIM))

    def forward(self, sentences: Tensor) -> Tensor:
        return self.of_centred(F.normalize(sentences - self.mean, dim=-1))

    def of_centred(self, sentences: Tensor) -> Tensor:
        return F.normalize(self.linear(sentences), dim=-1)


@torch.no_grad()
def mean_map(maps: Sequence[TextMap]) -> TextMap:
    """The mean of several heads' maps, which all started as the identity."""
    result = TextMap(maps[0].mean)
    result.linear.weight.copy_(torch.stack([m.linear.weight for m in maps]).mean(0))
    return result.eval()


class TextTower(nn.Module):
    """input_ids, attention_mask [n, length] to normalised [n,640]."""

    def __init__(self, encoder: nn.Module, text_map: TextMap, text_looks: TextMap):
        super().__init__()
        self.encoder = encoder
        self.text_map = text_map
        self.text_looks = text_looks

    def combine(self, sentences: Tensor) -> Tensor:
        words = self.text_map(sentences) * (1.0 - TEXT_LOOKS_SHARE) ** 0.5
        looks = self.text_looks(sentences) * TEXT_LOOKS_SHARE**0.5
        return torch.cat([words, looks], 1)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        return self.combine(self.encoder(input_ids, attention_mask))


class Heads(NamedTuple):
    """Everything behind the two networks."""

    words: WordsHead
    text_map: TextMap
    looks: LooksHead
    text_looks: TextMap
