"""The page of a dataset."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped,unused-ignore]
import yaml

from editmill.evaluators.acceptance import acceptance_table
from editmill.evaluators.dataset_page.cards import MOST_EDITS, shelves
from editmill.evaluators.dataset_page.choosing import Limit
from editmill.evaluators.dataset_page.tables import cost_tables, distributions, guard_tables, provenance_tables
from editmill.evaluators.pages import page, read_asset
from editmill.evaluators.stored import StoredEvaluation
from editmill.evaluators.tables import Table
from editmill.manifests import Dataset, Manifest
from editmill.manifests.guard_report import GuardReport, cautions

# What stands between backticks; a text is split into prose and code in turn.
_CODE = re.compile("`([^`]+)`")


def dataset_page(
    dataset: Dataset,
    *,
    limits: Sequence[Limit] = (),
    guards: GuardReport | None = None,
    run: Mapping[str, Any] | None = None,
    evaluations: Sequence[StoredEvaluation] = (),
) -> str:
    """Return one page on a dataset that needs nothing beside it; equal datasets and evaluations give equal pages.

    Args:
        dataset: The whole dataset.
        limits: Thresholds of its guards.
        guards: Their calibration.
        run: What ``run.json`` says of the last build.
        evaluations: Of this dataset.

    Raises:
        CorruptDatasetError: A sample that is shown is damaged.
        RequestError: The packages that draw pages are not installed.
    """
    manifest, spent = dataset.manifest, dict((run or {}).get("spent", {}))
    tables = [one.predictions for one in evaluations if one.predictions is not None]
    predictions = pa.concat_tables(tables, promote_options="default") if tables else None
    scores = distributions(dataset, limits)
    return page(
        "dataset.html.j2",
        title=f"{manifest.name} {manifest.version}",
        script=read_asset("dataset.js"),
        dataset_style=read_asset("dataset.css"),
        manifest=manifest,
        about=_CODE.split(str(manifest.recipe.get("description") or "")),
        numbers=_numbers(manifest, spent),
        acceptance=acceptance_table(manifest),
        shelves=shelves(dataset, limits, predictions),
        left_out=len(dataset.edits()[MOST_EDITS:]),
        scores=scores if scores.drawn else None,
        guard_tables=[table for table in guard_tables(guards) if table.rows],
        cautions=cautions(guards) if guards else [],
        cost=[table for table in cost_tables(dataset, spent) if table.rows],
        spent=_spent(spent, run or {}),
        evaluations=[one.shown for one in evaluations],
        provenance=[table for table in provenance_tables(manifest) if table.rows],
        recipe=yaml.safe_dump(manifest.recipe, sort_keys=False, allow_unicode=True),
    )


def page_tables(dataset: Dataset, guards: GuardReport | None, run: Mapping[str, Any]) -> list[Table]:
    """Return the tables of the page but those of evaluations, to be written in other forms."""
    cost = cost_tables(dataset, run.get("spent", {}))
    tables = (acceptance_table(dataset.manifest), *guard_tables(guards), *cost, *provenance_tables(dataset.manifest))
    return [table for table in tables if table.rows]


def _numbers(manifest: Manifest, spent: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the numbers that count most, with what they count."""
    planned = sum(number for edit in manifest.counts.values() for one in edit.values() for number in one.values())
    share = f"{manifest.samples / planned:.1%}" if planned else "-"
    size = sum(shard.bytes for shard in manifest.shards)
    evaluations = spent.get("evaluations")
    return [
        (f"{manifest.samples:,}", "accepted samples"),
        (f"{planned:,}", "planned"),
        (share, "accepted"),
        (f"{manifest.sources.count:,}", "sources"),
        (f"{len(manifest.edits):,}", "edits"),
        (f"{size / 1e9:.2f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB", "in shards"),
        *([(f"{evaluations:,}", "network evaluations")] if evaluations else []),
    ]


def _spent(spent: Mapping[str, Any], run: Mapping[str, Any]) -> list[str]:
    """Return what the whole build took, a line each."""
    if not spent:
        return ["run.json, which says what the build took, is not beside this dataset"]
    lines = [f"{spent.get('seconds', 0):,.1f} s of all processes, {spent.get('evaluations', 0):,} network evaluations"]
    lines.append(f"at most {spent.get('peak_bytes', 0) / 1e9:.1f} GB of memory a process")
    return [*lines, f"{run.get('engine', '')} on {run.get('system', '')}"]
