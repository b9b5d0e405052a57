"""Running out of memory is not a candidate's fault: the same work again in halves, with the same seeds."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import TypeVar

from editmill.manifests.errors import out_of_memory

logger = logging.getLogger("editmill.models")
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
            say_once(size)
            size //= 2
            release_reserved()


@cache
def say_once(size: int) -> None:
    """Warn that a size does not fit: once, although it is tried again with the next samples."""
    what = "%d pictures or texts at once need too much memory; going on with %d where that happens"
    logger.warning(what, size, size // 2)


def release_reserved() -> None:
    """Give back what a try that failed has left reserved on the accelerator: it would count against the next one."""
    import torch

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
