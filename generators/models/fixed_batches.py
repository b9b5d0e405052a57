"""Batches of one fixed size.

Matrix products of another height sum in another order, so that a result would depend on how many pictures stand beside it, by about 1e-6. In
batches of one size, the last one filled up, every item gets the same bits wherever it stands (measured on the CPU; the tests hold it).
"""

from __future__ import annotations

from collections.abc import Callable

import torch


def in_fixed_batches(items: torch.Tensor, size: int, run: Callable[[torch.Tensor], torch.Tensor]) -> torch.Tensor:
    """``run`` over ``items`` [n, …] in batches of exactly ``size``, joined along the first axis and cut to n.

    Raises:
        ValueError: there are no items.
    """
    if not len(items):
        raise ValueError("no items to run")
    missing = -len(items) % size
    filled = torch.cat([items, items[-1:].expand(missing, *items.shape[1:])]) if missing else items
    return torch.cat([run(filled[start : start + size]) for start in range(0, len(filled), size)])[: len(items)]
