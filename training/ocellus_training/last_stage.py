"""The picture network's blocks on the 7x7 map, tuned together with a head.

What goes into them is computed once for every view, by the 8-bit network, as features are: tuning costs a quarter of the
network's work a step and reads no picture again.
"""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn

from ocellus_training import mobilenet
from ocellus_training.features import FeatureTower
from ocellus_training.mobilenet import MAP_CHANNELS, MAP_SIDE, MobileNetV2
from ocellus_training.rounding import round_weights, unround_weights
from ocellus_training.towers import GridSummary

FIRST = 14  # the first block that is tuned: it and the next one leave the map's shape as it is
MAP = MAP_CHANNELS * MAP_SIDE * MAP_SIDE


class FeaturesAndMap(FeatureTower):
    """uint8 [n,224,224,3] to [n,10164]: features, then the map that the last stage starts from."""

    def forward(self, u8_nhwc: Tensor) -> Tensor:
        network = self.backbone
        start = network.body[:FIRST](network.stem(mobilenet.normalise_pixels(u8_nhwc)))
        grid = network.body[FIRST:](start)
        pooled = network.last(grid).mean((2, 3))
        return torch.cat([pooled, self.summary(grid), self.colours(u8_nhwc), start.flatten(1)], 1)


class LastStage(nn.Module):
    """The map [n,7840] to pooled features [n,1280] and the summary [n,960] of the map before the last block."""

    def __init__(self, backbone: MobileNetV2):
        super().__init__()
        self.body, self.last = copy.deepcopy(backbone.body[FIRST:]), copy.deepcopy(backbone.last)
        self.summary = GridSummary()
        round_weights(self)

    def forward(self, start: Tensor) -> tuple[Tensor, Tensor]:
        grid = start.view(-1, MAP_CHANNELS, MAP_SIDE, MAP_SIDE).contiguous(memory_format=torch.channels_last)
        grid = self.body(grid)
        return self.last(grid).mean((2, 3)), self.summary(grid.contiguous())

    def groups(self, rate: float) -> list[dict[str, Any]]:
        """For an optimiser: `rate` is of each tensor's own size, as in `distil_vision`."""
        return [
            {"params": [p], "lr": rate * p.detach().square().mean().sqrt().item(), "weight_decay": 0.0}
            for p in self.parameters()
        ]

    def put_into(self, backbone: MobileNetV2) -> None:
        """Ends the tuning."""
        unround_weights(self)
        backbone.body[FIRST:].load_state_dict(self.body.state_dict())
        backbone.last.load_state_dict(self.last.state_dict())
