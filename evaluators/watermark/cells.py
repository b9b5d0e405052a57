"""What a scheme is worth at a rung: rates at nominal levels, ranking, bits, and the three views of attacked and clean
samples.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from editmill.evaluators.statistics import Estimate
from editmill.evaluators.watermark.binomial import ALPHAS, Threshold, detected, log10_p, p_values, randomised, threshold
from editmill.evaluators.watermark.bootstrap import SourceBootstrap
from editmill.evaluators.watermark.families import Dropped, Families, Marks, families, marks
from editmill.evaluators.watermark.rates import Rate, rate
from editmill.evaluators.watermark.rows import Attack, Scheme, WatermarkRow, WatermarkRows, p_value_contradicts

VIEWS = ("removal", "spoofing", "combined")


@dataclass(frozen=True)
class LevelResult:
    """Detection at one nominal level.

    Attributes:
        alpha: The nominal false-positive rate.
        threshold: Matches from which a sample counts as marked.
        true_level: False-positive rate of that threshold under the exact null.
        tpr: Marked samples that are found.
        fpr: Unmarked samples that count as marked.
        exact_tpr: Power of the randomised test at exactly ``alpha``, by which payload lengths compare.
    """

    alpha: float
    threshold: int
    true_level: float
    tpr: Rate
    fpr: Rate
    exact_tpr: Estimate


@dataclass(frozen=True)
class View:
    """One comparison of marked with unmarked samples of the same sources.

    Attributes:
        name: ``removal``: attacked marked against clean unmarked samples; ``spoofing``: clean marked against attacked
            unmarked samples, whose rate ``fpr`` is how often an attack makes a claim of a mark succeed; ``combined``:
            both attacked.
        n: Samples on either side.
    """

    name: str
    n: int
    auroc: Estimate
    levels: tuple[LevelResult, ...]


@dataclass(frozen=True)
class Cell:
    """A scheme at a rung.

    Attributes:
        strength: Realised start over 1000 timesteps: 0 without noise, 1 for pure noise.
        timestep, sqrt_alpha_bar, snr: As realised; ``snr`` is None where no noise was added.
        n: Complete families, so the number of marked and of unmarked samples.
        errors, negative_errors: Samples among them that could not be decoded.
        dropped: Families that are left out, by reason.
        bit_accuracy: Of the marked samples, errors at one half.
        margin_bits: Mean matches of the marked samples less the 1 % threshold.
        median_log10_p: Of the marked samples.
        contradicting_p: Stored p-values that are not the binomial ones.
        views: By name, ``combined`` always.
        families: The samples.
    """

    scheme: str
    rung: str
    start: str
    ladder: bool
    strength: float
    timestep: int
    sqrt_alpha_bar: float
    snr: float | None
    n: int
    errors: int
    negative_errors: int
    dropped: tuple[Dropped, ...]
    bit_accuracy: Estimate
    margin_bits: float
    median_log10_p: float
    contradicting_p: int
    views: tuple[View, ...]
    families: Families = field(repr=False, compare=False)

    def view(self, name: str) -> View | None:
        """Return a view by name."""
        return next((view for view in self.views if view.name == name), None)

    @property
    def combined(self) -> View:
        """The view of the headline."""
        return next(view for view in self.views if view.name == "combined")

    def tpr(self, alpha: float = ALPHAS[0]) -> Rate:
        """Return the rate of the headline at a nominal level."""
        return next(level.tpr for level in self.combined.levels if level.alpha == alpha)


@dataclass(frozen=True)
class EmptyCell:
    """A cell without a complete family, and why."""

    scheme: str
    rung: str
    dropped: tuple[Dropped, ...]


def measure_cells(rows: WatermarkRows, sampler: SourceBootstrap) -> tuple[tuple[Cell, ...], tuple[EmptyCell, ...]]:
    """Measure every scheme at every rung, in the recipe's order; replica 0 alone."""
    cells, empty = [], []
    for scheme in rows.schemes:
        clean = families(rows, scheme.name, rows.control)
        for attack in rows.attacks:
            if not scheme.meets(attack):
                continue
            group = families(rows, scheme.name, attack.name)
            if group.positives:
                cells.append(_cell(scheme, attack, group, clean, sampler))
            elif group.dropped:
                empty.append(EmptyCell(scheme.name, attack.name, group.dropped))
    return tuple(cells), tuple(empty)


def _cell(scheme: Scheme, attack: Attack, group: Families, clean: Families, sampler: SourceBootstrap) -> Cell:
    marked, unmarked = marks(group.positives, scheme.name, sampler), marks(group.negatives, scheme.name, sampler)
    realised = _realised(attack, group.positives)
    return Cell(
        scheme=scheme.name,
        rung=attack.name,
        start=attack.start,
        ladder=attack.ladder,
        **realised,
        n=len(marked),
        errors=int((~marked.decoded).sum()),
        negative_errors=int((~unmarked.decoded).sum()),
        dropped=group.dropped,
        bit_accuracy=sampler.mean(marked.matches / scheme.bits, marked.clusters),
        margin_bits=float(marked.matches.mean() - threshold(scheme.bits, ALPHAS[0]).matches),
        median_log10_p=float(np.median(log10_p(marked.matches, scheme.bits))),
        contradicting_p=_contradictions(group, scheme),
        views=_views(scheme, group, clean, sampler),
        families=group,
    )


def _realised(attack: Attack, rows: tuple[WatermarkRow, ...]) -> dict[str, Any]:
    """Return where the noise of a rung started, of its first sample; other samples are compared by `check_dose`."""
    facts = rows[0].attack
    timestep, snr = int(facts.get("timestep", -1)), facts.get("snr")
    return {
        "strength": strength(attack.start, timestep),
        "timestep": timestep,
        "sqrt_alpha_bar": float(facts.get("sqrt_alpha_bar", 1.0)),
        "snr": None if snr is None else float(snr),
    }


def strength(start: str, timestep: int) -> float:
    """Return the axis of the ladder, in [0, 1]: t / 1000; pure noise lies beyond every timestep, at 1."""
    return 1.0 if start == "clean" else max(timestep, 0) / 1000


def _contradictions(group: Families, scheme: Scheme) -> int:
    found = [row.detections[scheme.name] for row in (*group.positives, *group.negatives)]
    exact = p_values([one.matches for one in found], scheme.bits)
    return sum(p_value_contradicts(one, float(value)) for one, value in zip(found, exact, strict=True))


def _views(scheme: Scheme, group: Families, clean: Families, sampler: SourceBootstrap) -> tuple[View, ...]:
    attacked = {row.source_id: (row, negative) for row, negative in zip(group.positives, group.negatives, strict=True)}
    untouched = {row.source_id: (row, negative) for row, negative in zip(clean.positives, clean.negatives, strict=True)}
    # Both sides of a view show the same sources, or their content would tell them apart.
    both = [source for source in attacked if source in untouched]
    sides = {"combined": (list(group.positives), list(group.negatives))}
    if both:
        sides["removal"] = ([attacked[source][0] for source in both], [untouched[source][1] for source in both])
        sides["spoofing"] = ([untouched[source][0] for source in both], [attacked[source][1] for source in both])
    return tuple(_view(name, scheme, sides[name], sampler) for name in VIEWS if name in sides)


def _view(
    name: str, scheme: Scheme, sides: tuple[list[WatermarkRow], list[WatermarkRow]], sampler: SourceBootstrap
) -> View:
    marked, unmarked = (marks(tuple(side), scheme.name, sampler) for side in sides)
    tests = [threshold(scheme.bits, alpha) for alpha in ALPHAS]
    auroc = sampler.auroc(marked.matches, marked.clusters, unmarked.matches, unmarked.clusters)
    return View(name, len(marked), auroc, tuple(_level(test, marked, unmarked, sampler) for test in tests))


def _level(test: Threshold, marked: Marks, unmarked: Marks, sampler: SourceBootstrap) -> LevelResult:
    found, false = detected(marked.matches, marked.decoded, test), detected(unmarked.matches, unmarked.decoded, test)
    exact = randomised(marked.matches, marked.decoded, test)
    return LevelResult(
        test.alpha,
        test.matches,
        test.level,
        rate(int(found.sum()), len(found)),
        rate(int(false.sum()), len(false)),
        sampler.mean(exact, marked.clusters),
    )
