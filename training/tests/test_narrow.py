from __future__ import annotations

import torch

from ocellus_training import narrow
from ocellus_training.mobilenet import MobileNetV2

WIDTHS = {0: 16, 2: 100}  # 16 is what the first block gives: it must not become a residual one


def network() -> MobileNetV2:
    torch.manual_seed(0)
    torch.set_num_threads(1)
    return MobileNetV2().eval()


@torch.no_grad()
def test_channels_that_say_what_others_say_cost_nothing() -> None:
    whole = network()
    for units, first, count in (([whole.stem, whole.body[0].units[0]], 16, 16), (whole.body[2].units[:2], 100, 44)):
        for unit in units:
            unit.conv.weight[first:] = unit.conv.weight[:count]
            unit.conv.bias[first:] = unit.conv.bias[:count]
    pictures = torch.rand(4, 3, 224, 224) * 2 - 1
    narrowed = narrow.narrow(whole, pictures, WIDTHS)
    assert narrowed.stem.conv.weight.shape[0] == 16
    assert [len(u.conv.weight) for u in narrowed.body[2].units] == [100, 100, 24]
    others = torch.rand(2, 3, 224, 224) * 2 - 1
    for ours, wanted in zip(narrowed(others), whole(others)):
        assert torch.allclose(ours, wanted, atol=1e-4 * float(wanted.abs().max()))


def test_what_is_left_makes_up_for_what_goes() -> None:
    torch.manual_seed(0)
    inputs = torch.randn(4000, 8).double()
    inputs[:, 7] = 0.5 * inputs[:, 0] - inputs[:, 1] + 0.1 * inputs[:, 7] + 3
    weight = torch.randn(5, 8).double()
    mean, covariance = inputs.mean(0), torch.cov(inputs.T)
    kept, less, bias = narrow.reduce_inputs(weight, mean, covariance, 7)
    assert kept.tolist() != list(range(1, 8)), "an input that nothing stands in for was taken"
    wanted = inputs @ weight.T
    without = wanted - inputs[:, kept] @ less[:, kept].double().T - bias
    dropped = next(i for i in range(8) if i not in kept.tolist())
    alone = torch.outer(inputs[:, dropped] - mean[dropped], weight[:, dropped])
    assert without.square().sum() < 0.1 * alone.square().sum()
    assert less[:, dropped].abs().max() == 0
