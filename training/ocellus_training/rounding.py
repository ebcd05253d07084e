"""Training with weights that are already rounded to 8 bits."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.utils import parametrize


class RoundedRows(nn.Module):
    """A weight as its 8-bit version, one scale per output; the gradient passes straight through."""

    def forward(self, weight: Tensor) -> Tensor:
        rows = weight.detach().flatten(1)
        scale = rows.abs().amax(1).clamp(min=1e-12) / 127.0
        scale = scale.view(-1, *[1] * (weight.ndim - 1))
        return weight + ((weight / scale).round() * scale - weight).detach()


def round_weights(model: nn.Module) -> None:
    for module in model.modules():
        if isinstance(module, (nn.Linear, nn.Embedding, nn.Conv2d)):
            parametrize.register_parametrization(module, "weight", RoundedRows())


def unround_weights(model: nn.Module) -> None:
    """Back to plain weights, those that the network computed with: what was measured and taught is what is kept."""
    for module in list(model.modules()):
        if parametrize.is_parametrized(module):
            parametrize.remove_parametrizations(module, "weight", leave_parametrized=True)
