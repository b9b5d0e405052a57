"""Batches of one fixed size.

Matrix products of another height sum in another order, so that a result would depend on how many pictures stand beside
it, by about 1e-6. In batches of one size, the last one filled up, every item gets the same bits wherever it stands
(measured on the CPU; the tests hold it).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from editmill.generators.models.micro_batches import halving

Run = Callable[..., tuple[Tensor, ...]]


def in_fixed_rows(run: Run, size: int, *tensors: Tensor) -> tuple[Tensor, ...]:
    """Return ``run`` over tensors [n, …] in batches of exactly ``size``.

    Each of its results is joined along the first axis and cut to n.

    Raises:
        ValueError: There are no rows.
    """
    count = len(tensors[0])
    if not count:
        raise ValueError("no rows to run")
    missing = -count % size
    filled = [torch.cat([tensor, tensor[-1:].expand(missing, *tensor.shape[1:])]) for tensor in tensors]
    results = [run(*(tensor[start : start + size] for tensor in filled)) for start in range(0, count + missing, size)]
    return tuple(torch.cat(parts)[:count] for parts in zip(*results, strict=True))


def fitting_rows(run: Run, size: int, *tensors: Tensor) -> tuple[Tensor, ...]:
    """Return ``in_fixed_rows``, all in smaller batches where memory runs out."""
    return halving(lambda fitting: in_fixed_rows(run, fitting, *tensors), size)[0]


def in_fixed_batches(items: Tensor, size: int, run: Callable[[Tensor], Tensor]) -> Tensor:
    """Return ``run`` over ``items`` [n, …] alone, see ``fitting_rows``.

    Raises:
        ValueError: There are no items.
    """
    return fitting_rows(lambda part: (run(part),), size, items)[0]
