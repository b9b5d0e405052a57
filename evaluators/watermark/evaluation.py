"""The whole evaluation of a dataset of regenerated watermarks.

It reads rows alone, and pictures only for detectors of third parties.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from editmill.evaluators.base import EvaluatedModel, Options, name_apart
from editmill.evaluators.watermark.bootstrap import SourceBootstrap
from editmill.evaluators.watermark.cells import Cell, EmptyCell, measure_cells
from editmill.evaluators.watermark.detection import DetectorResult, measure_detector
from editmill.evaluators.watermark.detectors import NamedDetector, score_dataset
from editmill.evaluators.watermark.dose import DoseResult, Violation, check_dose, measure_dose
from editmill.evaluators.watermark.gate import PASSED, Gate, check_gate
from editmill.evaluators.watermark.null import NullResult, calibrate
from editmill.evaluators.watermark.quality import QualityResult, measure_quality
from editmill.evaluators.watermark.replicates import Replicates, measure_replicates
from editmill.evaluators.watermark.rows import Attack, Scheme, WatermarkRows, read_rows
from editmill.evaluators.watermark.weaknesses import (
    BreakingRung,
    Survival,
    TextureSplit,
    adjust_textures,
    find_breaking_rung,
    measure_survival,
    measure_textures,
)
from editmill.manifests import Dataset, Manifest, RequestError

HEADLINE_ITEMS = 1000
HEADLINE, FAST = "headline", "fast"
# The wrapper of this package refuses smaller pictures; its codecs don't.
LIMITED, LEAST_PIXELS = "invisible-watermark", 256 * 256


@dataclass(frozen=True)
class Failure:
    """Planned samples that do not exist.

    Attributes:
        scheme: "" for unmarked samples, and for marked ones whose row does not say.
        reason: The decisive one.
    """

    scheme: str
    rung: str
    replica: int
    status: str
    reason: str
    count: int


@dataclass(frozen=True)
class WatermarkEvaluation:
    """A dataset of regenerated watermarks.

    Attributes:
        resamples, seed: Of the bootstrap; the seed also draws fresh keys.
        sources: Number of sources.
        planned, accepted: samples.
        tier: ``headline`` where every rung of every scheme has 1,000 marked and 1,000 unmarked samples, else ``fast``.
        control: Name of the rung without an attack, "" where there is none.
        cells, empty_cells: By scheme, then rung.
        small: That some pictures are too small for the package of their scheme, for the heads of tables; "" where none
            are.
        warnings: What a reader of the tables must know.
    """

    manifest: Manifest
    resamples: int
    seed: int
    sources: int
    planned: int
    accepted: int
    tier: str
    control: str
    schemes: tuple[Scheme, ...]
    attacks: tuple[Attack, ...]
    cells: tuple[Cell, ...] = field(repr=False)
    empty_cells: tuple[EmptyCell, ...]
    gates: tuple[Gate, ...]
    doses: tuple[DoseResult, ...]
    violations: tuple[Violation, ...]
    nulls: tuple[NullResult, ...]
    quality: tuple[QualityResult, ...]
    survival: tuple[Survival, ...]
    breaking: tuple[BreakingRung, ...]
    strata: tuple[TextureSplit, ...]
    replicates: tuple[Replicates, ...]
    detectors: tuple[DetectorResult, ...]
    failures: tuple[Failure, ...]
    small: str
    warnings: tuple[str, ...]

    @property
    def headline(self) -> list[str]:
        """Schemes that passed the gate, in the recipe's order."""
        return [gate.scheme for gate in self.gates if gate.status == PASSED]

    def gate(self, scheme: str) -> Gate:
        """Return a scheme's gate."""
        return next(gate for gate in self.gates if gate.scheme == scheme)


def evaluate_watermark(
    dataset: Dataset, detectors: Sequence[EvaluatedModel[NamedDetector]], options: Options
) -> WatermarkEvaluation:
    """Evaluate every scheme at every rung.

    Args:
        dataset: Made by the generator ``watermark``.
        detectors: Of third parties, see `load_detector`; they read the attacked pictures.
        options: 1,000 resamples of sources by default; the seed also draws the fresh keys.

    Raises:
        DataError: The dataset holds no watermarks, or its rows contradict its recipe.
        ModelError: A detector failed.
        RequestError: A detector has no picture with a mark to read.
    """
    rows, seed = read_rows(dataset), options.seed
    resamples = 1000 if options.resamples is None else options.resamples
    sampler = SourceBootstrap(rows.sources, resamples=resamples, seed=seed)
    cells, empty = measure_cells(rows, sampler)
    gates = tuple(check_gate(scheme, cells, rows.control) for scheme in rows.schemes)
    found = _detectors(dataset, detectors, cells, sampler, options) if detectors else ()
    violations, nulls, tier = check_dose(rows, cells), calibrate(rows, seed=seed), _tier(rows, cells)
    doses = (measure_dose(scheme, cells, sampler) for scheme in rows.schemes)
    return WatermarkEvaluation(
        manifest=dataset.manifest,
        resamples=resamples,
        seed=seed,
        sources=len(sampler.sources),
        planned=len(rows.rows),
        accepted=sum(row.ok for row in rows.rows),
        tier=tier,
        control=rows.control,
        schemes=rows.schemes,
        attacks=rows.attacks,
        cells=cells,
        empty_cells=empty,
        gates=gates,
        doses=tuple(dose for dose in doses if dose),
        violations=violations,
        nulls=nulls,
        quality=measure_quality(rows, sampler),
        survival=tuple(one for scheme in rows.schemes for one in measure_survival(scheme, cells, rows.control)),
        breaking=tuple(find_breaking_rung(scheme, cells) for scheme in rows.schemes),
        strata=adjust_textures([one for scheme in rows.schemes for one in measure_textures(scheme, cells, sampler)]),
        replicates=measure_replicates(rows),
        detectors=found,
        failures=_failures(rows),
        small=_small(rows),
        warnings=(*_hidden(rows), *_warnings(tier, cells, empty, gates, violations, nulls)),
    )


def _detectors(
    dataset: Dataset,
    detectors: Sequence[EvaluatedModel[NamedDetector]],
    cells: Sequence[Cell],
    sampler: SourceBootstrap,
    options: Options,
) -> tuple[DetectorResult, ...]:
    readable = _readable(cells)
    return tuple(
        result
        for one in name_apart(detectors)
        for result in measure_detector(
            one.name, score_dataset(dataset, one.model, batch_size=options.batch_size), readable, sampler
        )
    )


def _readable(cells: Sequence[Cell]) -> list[Cell]:
    """Return the cells whose pictures are in the dataset.

    Raises:
        RequestError: There is none.
    """
    readable = [cell for cell in cells if not any(row.withheld for row in cell.families.positives)]
    if cells and not readable:
        what = "the dataset hides its keys: it has no picture with a mark, so that a detector has nothing to read"
        raise RequestError(what, where="--model", fix="leave --model out, or build without generator.secret_file")
    return readable


def _small(rows: WatermarkRows) -> str:
    sizes = {
        (int(row.source.get("width", 0)), int(row.source.get("height", 0)))
        for row in rows.rows
        if row.ok and row.package == LIMITED
    }
    # A size that is not known is not too small.
    below = [size for size in sizes if 0 < size[0] * size[1] < LEAST_PIXELS]
    if not below:
        return ""
    width, height = min(below, key=lambda size: size[0] * size[1])
    return f"pictures from {width} x {height} pixels, below the 256 x 256 that {LIMITED} asks for"


def _hidden(rows: WatermarkRows) -> list[str]:
    """Return what a secret leaves to compute."""
    withheld = sum(row.withheld for row in rows.rows)
    if not rows.hidden:
        return []
    what = (
        f"the keys are hidden by a secret: pictures of {withheld} marked samples are withheld, and rows give the number"
    )
    more = "of bits that agree with the key, on which all tables rest, and no evidence of single bits"
    return [f"{what} {more}; detectors of third parties can't read withheld pictures"]


def _tier(rows: WatermarkRows, cells: Sequence[Cell]) -> str:
    """Return what the smallest rung allows."""
    sizes = {(cell.scheme, cell.rung): cell.n for cell in cells}
    planned = [
        (scheme.name, attack.name)
        for scheme in rows.schemes
        for attack in rows.attacks
        if attack.ladder and scheme.meets(attack)
    ]
    # A planned rung without a cell counts as empty, so that losing it can't raise the tier.
    smallest = min((sizes.get(place, 0) for place in planned), default=0)
    return HEADLINE if smallest >= HEADLINE_ITEMS else FAST


def _failures(rows: WatermarkRows) -> tuple[Failure, ...]:
    counts = Counter((row.scheme, row.rung, row.replica, row.status, row.reason) for row in rows.rows if not row.ok)
    return tuple(Failure(*place, count) for place, count in sorted(counts.items()))


def _warnings(
    tier: str,
    cells: Sequence[Cell],
    empty: Sequence[EmptyCell],
    gates: Sequence[Gate],
    violations: Sequence[Violation],
    nulls: Sequence[NullResult],
) -> list[str]:
    lines = []
    if tier == FAST:
        smallest = min((cell.n for cell in cells if cell.ladder), default=0)
        size, needed = f"{smallest} + {smallest}", f"{HEADLINE_ITEMS} + {HEADLINE_ITEMS}"
        lines.append(f"fast tier: the smallest rung has {size} samples, a headline needs {needed}")
    for gate in (gate for gate in gates if gate.status != PASSED):
        found, tpr = "there are no unattacked items", gate.tpr
        if tpr:
            found = f"TPR at 1 % {tpr.value:.1%} on {tpr.n} unattacked items"
        lines.append(f"{gate.scheme}: {gate.status}; {found}")
    lines += [violation.message for violation in violations]
    for null in nulls:
        if null.test is None:
            # The keys of the run and fresh ones fail together.
            if null.keys == "fresh":
                lines.append(f"{null.scheme}: no {null.group} unmarked sample was decoded, so the null is not tested")
        elif not null.test.passed:
            lines.append(f"{null.scheme}: the null fails on {null.group} unmarked samples with {null.keys} keys")
    contradicting = sum(cell.contradicting_p for cell in cells)
    if contradicting:
        lines.append(f"{contradicting} stored p-values aren't the binomial ones; the tables use the exact values")
    errors = sum(cell.errors + cell.negative_errors for cell in cells)
    if errors:
        lines.append(f"{errors} decodings failed and count as misses at chance score")
    lines += [f"{cell.scheme} at {cell.rung}: no complete family" for cell in empty]
    return lines
