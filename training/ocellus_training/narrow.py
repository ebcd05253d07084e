"""Fewer channels in the picture network's first blocks, where a channel costs most and many say next to nothing.

A block's channels go one after the other, each time the one whose loss the others make up for best; the projection that
reads them is changed to make up for it. With H the covariance of what a projection reads, taking out channel c of its
weights W costs |W_c|^2 / (H^-1)_cc (Hassibi and Stork, 1993, "Second order derivatives for network pruning").
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from ocellus_training.distil_vision import BATCH, Lesson
from ocellus_training.mobilenet import ConvUnit, MobileNetV2

WIDTHS = {0: 16, 1: 64, 2: 128, 3: 128}  # of 32, 96, 144, 144: whole vectors of the processor
LESSON = Lesson(seed=5, steps=800, rate=1e-3)
RIDGE = 1e-5  # of the mean variance


@torch.no_grad()
def narrow(network: MobileNetV2, pictures: Tensor, widths: Mapping[int, int] = WIDTHS) -> MobileNetV2:
    """The network with as many channels in its blocks as `widths` says, as near as may be on `pictures` [n,3,224,224]."""
    result = MobileNetV2(widths).to(memory_format=torch.channels_last).eval()
    if 0 not in widths:
        result.stem.load_state_dict(network.stem.state_dict())
    for place, (old, new) in enumerate(zip(network.body, result.body)):
        if place in widths:
            before = [network.stem, *network.body[:place], *old.units[:-1]]
            mean, covariance = _moments(before, pictures)
            kept, weight, bias = reduce_inputs(_matrix(old.units[-1]), mean, covariance, widths[place])
            _fill(new.units[-1], weight[:, kept], bias + old.units[-1].conv.bias)
            _take(new.units[-2], old.units[-2], kept)
            _take(result.stem if place == 0 else new.units[0], network.stem if place == 0 else old.units[0], kept)
        else:
            new.load_state_dict(old.state_dict())
    result.last.load_state_dict(network.last.state_dict())
    result.classifier.load_state_dict(network.classifier.state_dict())
    return result


def reduce_inputs(weight: Tensor, mean: Tensor, covariance: Tensor, count: int) -> tuple[Tensor, Tensor, Tensor]:
    """Which `count` inputs of a linear layer [outputs, inputs] stay, its weights (zeros for the others) and what is to
    be added to its bias."""
    spread = covariance.diag()
    inverse = torch.linalg.inv(covariance + torch.diag(torch.full_like(spread, RIDGE * float(spread.mean()))))
    left = weight.clone()
    gone = torch.zeros(len(mean), dtype=torch.bool)
    for _ in range(len(mean) - count):
        cost = (left.square().sum(0) / inverse.diag()).masked_fill(gone, torch.inf)
        c = int(cost.argmin())
        left -= torch.outer(left[:, c] / inverse[c, c], inverse[c])
        inverse -= torch.outer(inverse[:, c], inverse[c]) / inverse[c, c]
        gone[c] = True
        left[:, gone] = 0.0
    return (~gone).nonzero()[:, 0], left.float(), ((weight - left) @ mean).float()


def _moments(units: list[ConvUnit], pictures: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and covariance of the channels that `units` give, over pictures and places."""
    count, total, products = 0, torch.zeros(1), torch.zeros(1)
    for batch in pictures.split(BATCH):
        for unit in units:
            batch = unit(batch)
        channels = batch.transpose(0, 1).flatten(1).double()
        count += channels.shape[1]
        total = total + channels.sum(1)
        products = products + channels @ channels.T
    mean = total / count
    return mean, products / count - torch.outer(mean, mean)


def _matrix(unit: ConvUnit) -> Tensor:
    return unit.conv.weight.flatten(1).double()


def _fill(unit: ConvUnit, weight: Tensor, bias: Tensor) -> None:
    unit.conv.weight.copy_(weight[:, :, None, None])
    unit.conv.bias.copy_(bias)


def _take(unit: ConvUnit, whole: ConvUnit, channels: Tensor) -> None:
    unit.conv.weight.copy_(whole.conv.weight[channels])
    unit.conv.bias.copy_(whole.conv.bias[channels])
