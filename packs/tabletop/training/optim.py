"""Optimisers: Muon for hidden weight matrices and kernels, AdamW for everything else."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

# Coefficients of Muon's quintic: few iterations bring singular values near 1, none exactly to it.
NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)


# Names of weights that AdamW trains although they are matrices: tables, first and last layers.
OUTER = (
    "embedding",
    "embeddings",
    "conv_in",
    "conv_out",
    "classifier",
    "logit_scale",
    "heads",
    "pos_embed",
    "rel_pos",
    "token",
    "lm_head",
    "attention_biases",
)


def orthogonalise(matrix: Tensor, *, iterations: int = 5) -> Tensor:
    """Approximate the nearest semi-orthogonal matrix to ``matrix`` by Newton-Schulz iteration in bfloat16
    (Jordan et al., Muon, 2024).
    """
    a, b, c = NEWTON_SCHULZ
    # The iteration needs singular values of at most 1, which dividing by this norm gives.
    x = (matrix / (matrix.norm() + 1e-7)).bfloat16()
    wide = x.shape[0] <= x.shape[1]
    # The smaller of both Gram matrices is the cheaper one.
    x = x if wide else x.T
    for _ in range(iterations):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return (x if wide else x.T).to(matrix.dtype)


class Muon(torch.optim.Optimizer):
    """Momentum orthogonalised per weight; convolution kernels are flattened to [out, in * k * k].

    ``torch.optim.Muon`` takes two-dimensional parameters only. The update is scaled by 0.2 * sqrt(max(rows, columns)),
    so the learning rate means what it means for AdamW (Liu et al., arXiv 2502.16982, section 2.2).
    """

    def __init__(
        self, parameters: Iterable[nn.Parameter], *, lr: float, momentum: float = 0.95, weight_decay: float = 0.01
    ) -> None:
        super().__init__(parameters, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Update every parameter that has a gradient."""
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self._update(parameter, group)

    def _update(self, parameter: nn.Parameter, group: dict[str, float]) -> None:
        assert parameter.grad is not None
        buffer = self.state[parameter].setdefault("momentum", torch.zeros_like(parameter))
        buffer.lerp_(parameter.grad, 1 - group["momentum"])
        # Nesterov's form of momentum.
        direction = parameter.grad.lerp(buffer, group["momentum"]).flatten(1)
        update = orthogonalise(direction) * 0.2 * max(direction.shape) ** 0.5
        parameter.mul_(1 - group["lr"] * group["weight_decay"])
        parameter.add_(update.view_as(parameter), alpha=-group["lr"])


def make_optimisers(module: nn.Module, *, lr: float, adam_lr: float) -> list[torch.optim.Optimizer]:
    """Return Muon for hidden weights of two or more dimensions.

    AdamW for embeddings, first and last layers, norms and biases.
    """
    hidden: list[nn.Parameter] = []
    rest: list[nn.Parameter] = []
    for name, parameter in module.named_parameters():
        if not parameter.requires_grad:
            continue
        outer = any(word in name for word in OUTER)
        (rest if parameter.ndim < 2 or outer else hidden).append(parameter)
    return [Muon(hidden, lr=lr), torch.optim.AdamW(rest, lr=adam_lr, betas=(0.9, 0.99), weight_decay=0.0)]
