"""What a page says of a dataset in tables: guards, cost and provenance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow.compute as pc  # type: ignore[import-untyped,unused-ignore]

from editmill.evaluators.dataset_page.choosing import Limit, decided_scores
from editmill.evaluators.plots import Distribution, DistributionPlot
from editmill.evaluators.tables import Cell, Column, Figure, Table, count, decimal, percent, words
from editmill.manifests import Dataset, Manifest
from editmill.manifests.guard_report import POOLED, ErrorRate, GuardReport

BINS, MOST_PANELS = 24, 24


def distributions(dataset: Dataset, limits: Sequence[Limit]) -> DistributionPlot:
    """Return how the scores that have a threshold are distributed, accepted and refused samples apart."""
    ok = np.asarray(pc.equal(dataset.table["status"], "ok"))
    panels = []
    for score in list(dict.fromkeys(limit.score for limit in limits))[:MOST_PANELS]:
        of_score = [limit for limit in limits if limit.score == score]
        values = decided_scores(dataset.table, of_score[0])
        known = np.isfinite(values)
        if known.any():
            mine = [(limit.value, limit.name) for limit in of_score]
            panels.append(_distribution(score, values[known], ok[known], mine))
    return DistributionPlot("Scores of the guards", panels)


def _distribution(name: str, values: Any, ok: Any, limits: list[tuple[float, str]]) -> Distribution:
    ends = [*values.tolist(), *(value for value, _ in limits)]
    low, high = min(ends), max(ends)
    edges = np.linspace(low, high if high > low else low + 1.0, BINS + 1)
    accepted, rejected = (np.histogram(values[where], edges)[0].tolist() for where in (ok, ~ok))
    return Distribution(name, edges.tolist(), accepted, rejected, limits)


def guard_tables(report: GuardReport | None) -> list[Table]:
    """Return thresholds, error rates and judges of a calibration."""
    if report is None:
        return []
    columns = [words("gate"), count("sources"), count("rank"), decimal("threshold", 4), words("from")]
    rows: list[list[Cell]] = [
        [one.gate, one.sources, one.rank, one.threshold, one.origin]
        for one in report.thresholds
        if one.class_name == POOLED
    ]
    note = f"of all classes together; {len({one.class_name for one in report.thresholds} - {POOLED})} classes have "
    thresholds = Table("Calibrated thresholds", columns, rows, (note + "their own in guard_report.json",), shared=1)
    judged: list[list[Cell]] = [[one.judge, one.pictures, one.top1, one.ece] for one in report.judges]
    judges = [words("judge"), count("pictures"), percent("top-1"), decimal("calibration error")]
    return [
        _rates("False rejections: clean pictures that a member refuses", report.false_rejections),
        _rates("False accepts: label-destroying pictures that a member lets pass", report.false_accepts),
        thresholds,
        Table("Judges on clean pictures", judges, judged, shared=1),
    ]


def _rates(title: str, rates: Sequence[ErrorRate]) -> Table:
    rows: list[list[Cell]] = [
        [one.member, one.kind, one.sources, one.pictures, one.errors, Figure(one.rate, one.low, one.high), one.upper]
        for one in rates
        if one.pictures
    ]
    columns = [words("member"), words("kind"), count("sources"), count("pictures"), count("errors")]
    return Table(title, [*columns, percent("rate", interval="95 %"), percent("95 % upper bound")], rows)


def cost_tables(dataset: Dataset, spent: Mapping[str, Any]) -> list[Table]:
    """Return time by stage as ``run.json`` has it, and attempts and network evaluations by edit."""
    stages = spent.get("stages", {})
    total = spent.get("seconds") or sum(stages.values()) or 1.0
    rows: list[list[Cell]] = [[name, seconds, seconds / total] for name, seconds in stages.items()]
    times = Table("Time by stage", [words("stage"), decimal("time", 1, unit="s"), percent("share")], rows, shared=1)
    sums = dataset.table.group_by("edit").aggregate([("cost", "sum"), ("attempts", "sum"), ("key", "count")])
    found = {row["edit"]: row for row in sums.to_pylist()}
    made = [(edit, found[edit]) for edit in dataset.edits()]
    by_edit: list[list[Cell]] = [
        [edit, one["key_count"], one["attempts_sum"], one["cost_sum"], one["cost_sum"] / one["key_count"]]
        for edit, one in made
    ]
    columns = [words("edit"), count("planned"), count("attempts"), count("network evaluations")]
    return [times, Table("Cost by edit", [*columns, decimal("per sample", 1)], by_edit, shared=1)]


def provenance_tables(manifest: Manifest) -> list[Table]:
    """Return sources, models and packages."""
    one = manifest.sources
    sources: list[list[Cell]] = [[one.name, one.count, one.licence or "not stated", one.digest]]
    models: list[list[Cell]] = [
        [
            *(model.role, model.cls, model.id, model.revision or "-", model.licence or "not stated"),
            *(model.dtype, model.digest or "-"),
        ]
        for model in manifest.models
    ]
    names = ("role", "class", "id", "revision", "licence", "precision", "digest of the weights")
    source_columns: list[Column] = [words("source"), count("count"), words("licence"), words("digest")]
    packages: list[list[Cell]] = [[name, version] for name, version in sorted(manifest.environment.items())]
    return [
        Table("Sources", source_columns, sources, shared=1),
        Table("Models", list(map(words, names)), models, shared=1),
        Table("Packages", [words("package"), words("version")], packages, shared=1),
    ]
