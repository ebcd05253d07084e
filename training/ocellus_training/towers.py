"""The two towers of the bundle.

A picture's vector is [sqrt(a) * words | sqrt(1-a) * looks]: `words` lives in the sentence encoder's space,
`looks` only compares pictures with pictures. A sentence fills the first part and leaves zeros in the second.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ocellus_training import mobilenet
from ocellus_training.mobilenet import MobileNetV2
from ocellus_training.sentence import SentenceEncoder
from ocellus_training.settings import TEXT_DIM, VISUAL_DIM

GRID = 6 * mobilenet.MAP_CHANNELS  # mean, max and four quadrant means of the 7x7 map
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


class WordsHead(nn.Module):
    """normalise(class probabilities x class vectors + MLP([pooled | grid]))."""

    def __init__(self, hidden: int, dropout: float = 0.6):
        super().__init__()
        self.classifier = nn.Linear(mobilenet.POOLED, mobilenet.CLASSES)
        self.log_temperature = nn.Parameter(torch.tensor(START_TEMPERATURE).log())
        self.class_vectors = nn.Parameter(torch.zeros(mobilenet.CLASSES, TEXT_DIM))
        self.norm = nn.LayerNorm(mobilenet.POOLED + GRID)
        self.expand = nn.Linear(mobilenet.POOLED + GRID, hidden)
        self.contract = nn.Linear(hidden, TEXT_DIM)
        self.dropout = nn.Dropout(dropout)
        with torch.no_grad():
            self.contract.weight.mul_(0.05)
            self.contract.bias.zero_()

    def forward(self, pooled: Tensor, extra: Tensor) -> Tensor:
        return self.mix(self.classifier(pooled), pooled, extra)

    def mix(self, logits: Tensor, pooled: Tensor, extra: Tensor) -> Tensor:
        """`logits` are the classifier's for `pooled`."""
        shares = (logits / self.log_temperature.exp()).softmax(-1)
        x = self.dropout(self.norm(torch.cat([pooled, extra], 1)))
        x = self.dropout(F.gelu(self.expand(x)))
        return F.normalize(shares @ self.class_vectors + self.contract(x), dim=-1)


class LooksHead(nn.Module):
    """normalise((normalise(sqrt(pooled)) - mean) W)."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(mobilenet.POOLED, VISUAL_DIM)

    @staticmethod
    def roots(pooled: Tensor) -> Tensor:
        return F.normalize(pooled.clamp(min=1e-6).sqrt(), dim=-1)

    def forward(self, pooled: Tensor) -> Tensor:
        return F.normalize(self.linear(self.roots(pooled)), dim=-1)


class VisionTower(nn.Module):
    """uint8 [n,224,224,3] to normalised [n,640]."""

    def __init__(self, backbone: MobileNetV2, words: WordsHead, looks: LooksHead, words_share: float):
        super().__init__()
        self.backbone = backbone
        self.summary = GridSummary()
        self.words = words
        self.looks = looks
        self.words_share = words_share

    def combine(self, pooled: Tensor, extra: Tensor) -> Tensor:
        words = self.words(pooled, extra) * self.words_share**0.5
        looks = self.looks(pooled) * (1.0 - self.words_share) ** 0.5
        return torch.cat([words, looks], 1)

    def forward(self, u8_nhwc: Tensor) -> Tensor:
        pooled, grid = self.backbone(mobilenet.normalise_pixels(u8_nhwc))
        return self.combine(pooled, self.summary(grid))


class TextMap(nn.Module):
    """Sentence vectors [n,384], centred and turned towards what pictures can express."""

    def __init__(self, mean: Tensor):
        super().__init__()
        self.register_buffer("mean", mean.clone())
        self.linear = nn.Linear(TEXT_DIM, TEXT_DIM, bias=False)
        with torch.no_grad():
            self.linear.weight.copy_(torch.eye(TEXT_DIM))

    def forward(self, sentences: Tensor) -> Tensor:
        return F.normalize(self.linear(F.normalize(sentences - self.mean, dim=-1)), dim=-1)


class TextTower(nn.Module):
    """input_ids, attention_mask [n, length] to normalised [n,640], zeros in the looks part."""

    def __init__(self, encoder: SentenceEncoder, text_map: TextMap):
        super().__init__()
        self.encoder = encoder
        self.text_map = text_map

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        return F.pad(self.text_map(self.encoder(input_ids, attention_mask)), (0, VISUAL_DIM))
