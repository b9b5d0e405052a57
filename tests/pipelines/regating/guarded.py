"""A tiny dataset of a guard ensemble, with scores that were made up and the ensemble's own rule over them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from editmill.generators.guards.ensemble.limits import Limits
from editmill.generators.guards.ensemble.rule import decide
from editmill.generators.guards.ensemble.settings import EnsembleSettings
from editmill.manifests.guard_report import GUARD_REPORT, GateThreshold, GuardReport, write_guard_report
from editmill.manifests.manifest import write_dataset_files
from editmill.manifests.records import CandidateRecord, Manifest, SampleRow
from editmill.manifests.shard import write_shard
from tests.manifests.builder import (
    CLASS_NAMES,
    MEMBERS,
    NAME,
    SPLIT,
    make_manifest,
    make_members,
    make_row,
    make_sources,
)
from tests.manifests.test_guard_report import make_report

SETTINGS = EnsembleSettings(gates=("label_clip", "label_siglip", "identity"))
GOOD = {
    "finite": 1.0,
    "unsafe": 0.0,
    "size_fits": 1.0,
    "clipped_share": 0.0,
    "contrast": 40.0,
    "black_share": 0.0,
    "correlation": 0.9,
    "change": 20.0,
    "clip_margin": 3.0,
    "siglip_margin": 3.0,
    "identity": 0.9,
    "object_margin": 2.0,
}
# By source the candidates, of which the first that passes is stored: what differs from GOOD.
TRIED: tuple[tuple[dict[str, float], ...], ...] = (
    ({},),
    ({"identity": 0.6},),
    ({"clip_margin": -1.0},),
    ({"identity": 0.3}, {"identity": 0.7}),
    ({"change": 0.1}, {"siglip_margin": -2.0}),
    ({"clip_margin": 0.5},),
    ({"contrast": 1.0, "identity": 0.1},),
    ({},),
)


def report_with(least: float) -> GuardReport:
    """A report whose threshold of ``identity`` is ``least``."""
    one = GateThreshold(
        gate="identity", class_name="", sources=100, rank=5, own=least, threshold=least, origin="pooled"
    )
    return make_report(thresholds=(one,), gates=SETTINGS.gates, classes=())


def build_guarded(
    root: Path, *, generator: str = "fmr", guard: dict[str, Any] | None = None, report: GuardReport | None = None
) -> Manifest:
    """Write the dataset; the last row was a duplicate."""
    rows = [
        _row(number, report, duplicate=number == len(TRIED) - 1).model_copy(update={"generator": generator})
        for number in range(len(TRIED))
    ]
    stats = [
        write_shard(
            root,
            ((row, make_members(row) if row.status == "ok" else {}) for row in mine),
            name=NAME,
            split=SPLIT,
            shard=shard,
            fingerprint="f" * 64,
            members=MEMBERS,
            score_names=tuple(GOOD),
        )
        for shard in range(2)
        for mine in [[row for row in rows if row.shard == shard]]
    ]
    recipe = {
        "name": NAME,
        "version": "1.0.0",
        "guard": guard if guard is not None else SETTINGS.model_dump(mode="json"),
    }
    update = {
        "generator": generator,
        "recipe": recipe,
        "fingerprint": "f" * 64,
        "score_names": tuple(GOOD),
        "class_names": CLASS_NAMES,
        "reasons": (),
    }
    manifest = make_manifest(make_sources(len(TRIED)), stats).model_copy(update=update)
    if report is not None:
        write_guard_report(root, report)
    return write_dataset_files(root, manifest, others=[GUARD_REPORT] if report is not None else [])


def _row(number: int, report: GuardReport | None, *, duplicate: bool) -> SampleRow:
    base = make_row(make_sources(len(TRIED))[number], "full")
    limits = Limits.of_report(report) if report is not None else None
    candidates: list[CandidateRecord] = []
    for attempt, changed in enumerate(TRIED[number]):
        scores = {**GOOD, **changed}
        reasons = (*decide(scores, base.class_name, SETTINGS, limits), *(("duplicate",) if duplicate else ()))
        candidates.append(
            CandidateRecord(
                attempt=attempt, seed=base.seed + attempt, accepted=not reasons, reasons=reasons, scores=scores
            )
        )
        if not reasons:
            break
    last = candidates[-1]
    return base.model_copy(
        update={
            "status": "ok" if last.accepted else "rejected",
            "reasons": last.reasons,
            "seed": last.seed,
            "scores": last.scores,
            "attempts": len(candidates),
            "candidates": tuple(candidates),
        }
    )
