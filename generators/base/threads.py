"""Threads for what lets others run meanwhile: files, and the libraries that decode and encode pictures."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

# Beside an accelerator: an encoder of PNG fills a core, and takes about as long as a judge looks at the picture.
BESIDE = 8


def threads_beside(device: torch.device) -> int:
    """Return how many threads prepare and store pictures: on the CPU one, since every core has its worker."""
    return 1 if device.type == "cpu" else BESIDE


@contextmanager
def threads(count: int) -> Iterator[ThreadPoolExecutor]:
    """Open a pool that leaves nothing behind: where the block ends early, what waits is dropped."""
    pool = ThreadPoolExecutor(count)
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)
