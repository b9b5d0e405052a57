"""Offline re-gating: other thresholds on a finished dataset, from the scores in its rows, as a new version of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped,unused-ignore]
import pyarrow.compute as pc  # type: ignore[import-untyped,unused-ignore]
from pydantic import TypeAdapter, ValidationError

from editmill.generators.base.family import Regating as Rethresholding
from editmill.generators.base.family import Settings
from editmill.manifests.atomic import atomic_write
from editmill.manifests.canonical import canonical_json, digest
from editmill.manifests.errors import OccupiedError, RecipeError, RequestError
from editmill.manifests.folders import atomic_folder
from editmill.manifests.guard_report import (
    GUARD_REPORT,
    GuardReport,
    check_limits,
    find_guard_report,
    read_named_report,
    write_guard_report,
)
from editmill.manifests.manifest import write_dataset_files
from editmill.manifests.reader import Dataset, open_dataset
from editmill.manifests.records import Manifest, SampleRow, ShardRecord, Version
from editmill.manifests.remote import RemoteFolder
from editmill.manifests.rows import iter_rows
from editmill.manifests.shard import facts_of, write_shard
from editmill.manifests.stats import ShardStats, merge_counts
from editmill.manifests.urls import is_url
from editmill.pipelines.provenance import code_commit, code_version
from editmill.pipelines.regating.rows import Regated, regate_row
from editmill.pipelines.regating.rules import changed_settings, regating_of, stored_settings
from editmill.pipelines.reuse import REGATE
from editmill.pipelines.uploads import claim_remote, lent, upload_dataset
from editmill.pipelines.workspace import write_run

# Part of the new fingerprint; to be raised when the same request comes to give other rows.
ALGORITHM = 1


@dataclass(frozen=True)
class Regating:
    """What re-gating made.

    Attributes:
        manifest: Of the new dataset.
        parent: Of the old one.
        lost: Keys of samples that do not pass any more.
        needs_rendering: Keys of rows in which a candidate passes whose pixels were never stored.
        unexplained: Keys of rows whose stored verdict their scores don't give, which keep it as far as it goes.
    """

    manifest: Manifest
    parent: Manifest
    lost: tuple[str, ...]
    needs_rendering: tuple[str, ...]
    unexplained: tuple[str, ...]


def regate(
    dataset: str | Path,
    out: Path | str,
    *,
    overrides: Sequence[str] = (),
    report: Path | None = None,
    version: str = "",
    scratch: Path | None = None,
) -> Regating:
    """Write ``dataset`` under other thresholds to ``out``, which appears only when it is complete.

    Args:
        dataset: Folder or URL of a finished dataset.
        out: A folder that does not exist, or its URL in an object store.
        overrides: ``guard.FIELD=VALUE`` pairs.
        report: A ``guard_report.json`` whose thresholds take the place of the dataset's, for guard ensembles.
        version: Of the new dataset; "" for the next minor one.
        scratch: Folder below which a dataset for a URL is made; None for one in the user's cache.

    Raises:
        RequestError: The family has no thresholds, a field can't be applied, rows lack its scores, or ``out`` is there.
        DataError: The dataset is incomplete or damaged, or the report's limits are passed.
    """
    remote = RemoteFolder(out) if is_url(out) else None
    if remote is None and Path(out).exists():
        raise _occupied(str(out))
    opened = open_dataset(dataset)
    parent = opened.manifest
    regating = regating_of(parent)
    before = stored_settings(parent)
    after = changed_settings(before, overrides, regating)
    old_report = find_guard_report(opened.store)
    new_report = _given_report(report, regating) if report is not None else old_report
    rows = list(iter_rows(opened.table, members=parent.members, score_names=parent.score_names))
    _check_scores(rows, regating.needed(before, after))
    old, new = regating.judge(before, old_report), regating.judge(after, new_report)
    found = [regate_row(row, old, new) if regating.binds(row) else Regated(row) for row in rows]
    document = _document(parent, after, new_report, _next_version(parent.version, version))
    if remote is not None:
        return _write_stored(opened, found, document, remote, new_report, scratch)
    with atomic_folder(Path(out).absolute()) as folder:
        return _fill(opened, found, document, folder, new_report)


def _occupied(where: str) -> OccupiedError:
    return OccupiedError("the output folder is there already", where=where, fix="choose another --out")


def _given_report(path: Path, regating: Rethresholding[Any]) -> GuardReport:
    if not regating.reported:
        raise RequestError("only guard ensembles have a report", where="--report", fix="leave --report out")
    report = read_named_report(path)
    check_limits(report)
    return report


def _check_scores(rows: Iterable[SampleRow], needed: dict[str, str]) -> None:
    """Refuse what rows can't tell: a limit on a score that none has, or samples without any score."""
    seen: set[str] = set()
    for row in rows:
        if row.status == "ok" and not row.scores:
            raise RequestError(
                f"row {row.key!r} holds no scores, so nothing can be decided again",
                where="DATASET",
                fix="build the dataset again",
            )
        seen |= row.scores.keys()
        for candidate in row.candidates:
            seen |= candidate.scores.keys()
    for score, field in needed.items():
        if score not in seen:
            what = f"no row has the score {score!r}, which {field} is about"
            raise RequestError(
                what,
                where="DATASET",
                fix="build the dataset with a pack that has the guard's model, or change another field",
            )


def _next_version(parent: str, version: str) -> str:
    major, minor, _ = parent.split(".")
    if version == parent:
        raise RequestError(
            f"the dataset itself has version {version}",
            where="--version",
            fix="name another one, or leave --version out",
        )
    try:
        return TypeAdapter[str](Version).validate_python(version or f"{major}.{int(minor) + 1}.0")
    except ValidationError as error:
        raise RecipeError(
            f"{version!r} is not a version", where="--version", fix="three numbers, as in 1.1.0"
        ) from error


def _document(parent: Manifest, settings: Settings, report: GuardReport | None, version: str) -> dict[str, Any]:
    """Return what the new dataset follows from; its digest is the fingerprint."""
    guard = settings.model_dump(mode="json")
    old = stored_settings(parent).model_dump(mode="json")
    return {
        "algorithm": ALGORITHM,
        "parent": {"name": parent.name, "version": parent.version, "fingerprint": parent.fingerprint},
        "version": version,
        "guard": guard,
        "changed": {name: {"from": old[name], "to": guard[name]} for name in guard if guard[name] != old[name]},
        "guard_report": None if report is None else report.digest,
    }


def _write_stored(
    opened: Dataset,
    found: Sequence[Regated],
    document: dict[str, Any],
    remote: RemoteFolder,
    report: GuardReport | None,
    scratch: Path | None,
) -> Regating:
    with lent(remote, scratch) as folder:
        # As of a build: what one that was stopped has put there is put there again.
        write_run(folder, {"fingerprint": digest(document)})
        if claim_remote(remote, folder, digest(document)):
            raise _occupied(remote.root)
        made = _fill(opened, found, document, folder, report)
        upload_dataset(remote, folder, made.manifest)
        return made


def _fill(
    opened: Dataset, found: Sequence[Regated], document: dict[str, Any], folder: Path, report: GuardReport | None
) -> Regating:
    parent, fingerprint = opened.manifest, digest(document)
    if report is not None:
        write_guard_report(folder, report)
    accepted = set(opened.keys())
    lost = tuple(one.row.key for one in found if one.row.key in accepted and one.row.status != "ok")
    waiting = tuple(one.row.key for one in found if one.needs_rendering)
    stats = [_shard(opened, shard, found, folder, fingerprint) for shard in parent.shards]
    recipe = {**parent.recipe, "version": document["version"], "guard": document["guard"]}
    manifest = parent.model_copy(
        update={
            "version": document["version"],
            "fingerprint": fingerprint,
            "recipe": recipe,
            "counts": merge_counts(one.counts for one in stats),
            "shards": tuple(one.record() for one in stats),
        }
    )
    # The manifest keeps the code and packages that made the pictures; this file names the code that judged anew.
    facts = {"fingerprint": fingerprint, "of": document, "code_version": code_version(), "code_commit": code_commit()}
    atomic_write(folder / REGATE, canonical_json({**facts, "lost": lost, "needs_rendering": waiting}) + b"\n")
    write_run(folder, {"fingerprint": fingerprint, "parent": parent.fingerprint, "engine": "regate"})
    others = [REGATE] if report is None else [REGATE, GUARD_REPORT]
    manifest = write_dataset_files(folder, manifest, others=others)
    return Regating(manifest, parent, lost, waiting, tuple(one.row.key for one in found if one.unexplained))


def _shard(opened: Dataset, shard: ShardRecord, found: Sequence[Regated], folder: Path, fingerprint: str) -> ShardStats:
    rows = [one.row for one in found if (one.row.split, one.row.shard) == (shard.split, shard.number)]
    members = _members(opened, [row.key for row in rows if row.status == "ok"])
    return write_shard(
        folder,
        ((row, next(members) if row.status == "ok" else {}) for row in rows),
        **facts_of(opened.manifest, shard, fingerprint),
    )


def _members(opened: Dataset, keys: Sequence[str]) -> Iterator[dict[str, bytes]]:
    """Yield the stored bytes of samples, in the order of the old tar, each checked against its digest."""
    table = opened.table.filter(pc.is_in(opened.table["key"], value_set=pa.array(keys, pa.string())))
    for sample in opened.within(table):
        yield sample.members


def counts_of(manifest: Manifest) -> dict[str, int]:
    """Count planned samples by status."""
    found: Counter[str] = Counter()
    for statuses in manifest.counts.values():
        for status, reasons in statuses.items():
            found[status] += sum(reasons.values())
    return {status: found[status] for status in ("ok", "rejected", "failed")}
