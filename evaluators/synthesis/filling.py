"""How far quotas were filled, what it took, and which guard refused what."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from editmill.evaluators.statistics import proportion_interval
from editmill.evaluators.synthesis.rows import ORIGINAL, SynthesisRow


@dataclass(frozen=True)
class Filling:
    """One conditioning, or all together under the name "".

    Attributes:
        planned, filled: samples.
        candidates, passed: Candidates made, and those that every guard let pass.
        acceptance, low, high: Passed / candidates with its interval of 95 %; None without candidates. Candidates
            of one search share class and prompt, so the interval is somewhat narrow.
        least, most: Smallest and largest acceptance of a class.
        gini: Of the classes' acceptance, 0 where all are alike.
        empty: Classes without any sample.
        attempts: Candidates per filled sample; None where none was.
        evaluations: Network evaluations per filled sample.
    """

    conditioning: str
    planned: int
    filled: int
    candidates: int
    passed: int
    acceptance: float | None
    low: float | None
    high: float | None
    least: float | None
    most: float | None
    gini: float | None
    empty: int
    attempts: float | None
    evaluations: float | None


@dataclass(frozen=True)
class Hole:
    """Samples of one class and conditioning that are missing: how many, of how many, the stop codes and the decisive
    reasons, most frequent first.
    """

    conditioning: str
    label: int
    class_name: str
    missing: int
    planned: int
    stops: tuple[str, ...]
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class GateCount:
    """One reason: candidates rejected for it among others, first, and for it alone (``unique``, which no other guard
    would have refused).
    """

    reason: str
    rejected: int
    first: int
    unique: int


def measure_filling(rows: Sequence[SynthesisRow]) -> tuple[Filling, ...]:
    """Return every conditioning in the order of the rows, then all together; the control apart."""
    made = [row for row in rows if row.conditioning != ORIGINAL]
    names = list(dict.fromkeys(row.conditioning for row in made))
    parts = [(name, [row for row in made if row.conditioning == name]) for name in names]
    return tuple(_filling(name, part) for name, part in [*parts, ("", made)])


def _filling(name: str, rows: Sequence[SynthesisRow]) -> Filling:
    candidates, passed = sum(row.candidates for row in rows), sum(row.passed for row in rows)
    filled = sum(row.ok for row in rows)
    low, high = proportion_interval(passed, candidates) if candidates else (None, None)
    made, good, full = Counter[int](), Counter[int](), Counter[int]()
    for row in rows:
        made[row.label] += row.candidates
        good[row.label] += row.passed
        full[row.label] += row.ok
    rates = [good[label] / count for label, count in made.items() if count]
    return Filling(
        name,
        len(rows),
        filled,
        candidates,
        passed,
        passed / candidates if candidates else None,
        low,
        high,
        min(rates, default=None),
        max(rates, default=None),
        gini(rates),
        sum(not full[label] for label in made),
        candidates / filled if filled else None,
        sum(row.cost for row in rows) / filled if filled else None,
    )


def gini(values: Sequence[float]) -> float | None:
    """Return the mean absolute difference of all pairs over twice the mean, in [0, 1].

    None for no value, 0 where all are 0.
    """
    if not values:
        return None
    numbers = np.sort(np.asarray(values, np.float64))
    if not numbers.sum():
        return 0.0
    # Over sorted numbers the sum of all absolute differences is one pass with these weights.
    ranks = np.arange(1, len(numbers) + 1)
    return float(((2 * ranks - len(numbers) - 1) * numbers).sum() / (len(numbers) * numbers.sum()))


def find_holes(rows: Sequence[SynthesisRow]) -> tuple[Hole, ...]:
    """Return quotas that were not filled, by conditioning and class."""
    cells: dict[tuple[str, int], list[SynthesisRow]] = {}
    for row in rows:
        cells.setdefault((row.conditioning, row.label), []).append(row)
    holes = []
    for (name, label), part in cells.items():
        missing = [row for row in part if not row.ok]
        if missing:
            stops, reasons = _ranked([row.stop for row in missing]), _ranked([row.reason for row in missing])
            holes.append(Hole(name, label, part[0].class_name, len(missing), len(part), stops, reasons))
    return tuple(holes)


def _ranked(values: Sequence[str]) -> tuple[str, ...]:
    """Return distinct values, most frequent first, without empty ones."""
    counts = Counter(value for value in values if value)
    return tuple(sorted(counts, key=lambda value: (-counts[value], value)))


def count_gates(rows: Sequence[SynthesisRow]) -> tuple[GateCount, ...]:
    """Return every reason that a candidate was rejected for, most frequent first."""
    rejections = [reasons for row in rows if row.conditioning != ORIGINAL for reasons in row.rejections if reasons]
    rejected = Counter(reason for reasons in rejections for reason in set(reasons))
    first = Counter(reasons[0] for reasons in rejections)
    unique = Counter(reasons[0] for reasons in rejections if len(set(reasons)) == 1)
    ranked = sorted(rejected, key=lambda reason: (-rejected[reason], reason))
    return tuple(GateCount(reason, rejected[reason], first[reason], unique[reason]) for reason in ranked)
