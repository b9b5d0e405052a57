"""Running out of memory is not a candidate's fault: the same work again in halves, with the same seeds."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

import torch

from editmill.manifests.errors import out_of_memory

logger = logging.getLogger("editmill.synthesis")
T = TypeVar("T")
R = TypeVar("R")


def halving(run: Callable[[int], R], size: int) -> tuple[R, int]:
    """Return ``run`` with the largest of ``size``, ``size // 2``, … that fits into memory, and that size.

    Raises:
        Exception: One alone does not fit, as the library says it.
    """
    while True:
        try:
            return run(size), size
        except Exception as error:
            if size == 1 or not out_of_memory(error):
                raise
            size //= 2
            logger.warning("out of memory; the micro-batch is now %d", size)
            release_reserved()


def release_reserved() -> None:
    """Give back what a try that failed has left reserved on the accelerator: it would count against the next one."""
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def in_micro_batches(items: Sequence[T], size: int, run: Callable[[Sequence[T]], Sequence[R]]) -> list[R]:
    """Return ``run`` over items, which carry their seeds, at most ``size`` at a time; results in order.

    A size that did not fit stays halved for what follows; nothing that was made is made again.

    Raises:
        Exception: One item alone does not fit, as the library says it.
    """
    results: list[R] = []
    while len(results) < len(items):
        rest = items[len(results) :]
        made, size = halving(partial(_run_first, run, rest), min(size, len(rest)))
        results += made
    return results


def _run_first(run: Callable[[Sequence[T]], Sequence[R]], items: Sequence[T], most: int) -> Sequence[R]:
    return run(items[:most])
