"""Two ways to do the same, timed in turn within one run."""

from __future__ import annotations

import json
import os
import platform
import statistics
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROUNDS = 5
RESULTS: list[dict[str, Any]] = []


def compare(
    title: str,
    first: tuple[str, Callable[[], object]],
    second: tuple[str, Callable[[], object]],
    *,
    rounds: int = ROUNDS,
    warm: bool = True,
) -> None:
    """Time two ways in turn, now one and now the other first, print the median of their pairwise ratio, and note it.

    Args:
        title: What both do.
        first: Name and way; the ratio is the second's time in terms of this one's.
        second: The other.
        rounds: How often.
        warm: Whether each runs once before, so that loading is left out.
    """
    if warm:
        for _, way in (first, second):
            way()
    pairs = [_pair(first[1], second[1], swapped=number % 2 == 1) for number in range(rounds)]
    ratio = statistics.median(b / a for a, b in pairs)
    medians = [statistics.median(column) * 1000 for column in zip(*pairs, strict=True)]
    times = ", ".join(f"{name} {median:.1f} ms" for name, median in zip((first[0], second[0]), medians, strict=True))
    note(title, f"{times}; ratio {ratio:.2f}", ratio=round(ratio, 3), **{first[0]: medians[0], second[0]: medians[1]})


def note(title: str, text: str, **values: float) -> None:
    """Print a result and keep it for `write_results`."""
    print(f"{title}: {text}", flush=True)
    RESULTS.append({"what": title, **{name: round(value, 3) for name, value in values.items()}})


def write_results(path: Path) -> None:
    """Write what was noted, with the machine's kind and the versions of the libraries that the times are of."""
    libraries = ("torch", "diffusers", "transformers", "numpy", "opencv-python", "webdataset", "pyarrow")
    document = {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "load": round(os.getloadavg()[1], 2),
        "versions": {name: version(name) for name in libraries},
        "results": RESULTS,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=1) + "\n")


def _pair(first: Callable[[], object], second: Callable[[], object], *, swapped: bool) -> tuple[float, float]:
    if swapped:
        later = _seconds(second)
        return _seconds(first), later
    return _seconds(first), _seconds(second)


def _seconds(way: Callable[[], object]) -> float:
    started = time.perf_counter()
    way()
    return time.perf_counter() - started
