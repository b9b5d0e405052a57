"""What a build's run page shows beside its progress: counts, guards, failed shards, changes, and the dataset with a few
thumbnails.
"""

from __future__ import annotations

import base64
import io
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from prefect.artifacts import create_markdown_artifact, create_table_artifact
from prefect.client.orchestration import get_client
from prefect.context import FlowRunContext

from editmill.manifests.errors import EditmillError
from editmill.manifests.guard_report import GuardReport
from editmill.manifests.manifest import MANIFEST
from editmill.manifests.records import Counts, Manifest
from editmill.manifests.urls import spelled
from editmill.pipelines.changes import prose
from editmill.pipelines.differences import Difference
from editmill.pipelines.preview import preview_dataset

logger = logging.getLogger("editmill.flows")

# Artifacts live in Prefect's database: a sheet stays at some tens of kilobytes.
SHEET_SOURCES = 4
SHEET_CELL = 72
SHEET_QUALITY = 80


def label_run(manifest_name: str, fingerprint: str, out: Path) -> None:
    """Name the run of this flow after what it builds, and tag it so that the pages can be searched."""
    run = FlowRunContext.get()
    if run is None or run.flow_run is None:
        return
    head = fingerprint[:12]
    tags = {*run.flow_run.tags, f"recipe:{manifest_name}", f"fingerprint:{head}", f"out:{spelled(out)}"}
    with get_client(sync_client=True) as client:
        client.update_flow_run(run.flow_run.id, name=f"{manifest_name} {head} in {out.name}", tags=sorted(tags))


def post_guards(name: str, report: GuardReport) -> None:
    """Post how often guards err, by member of the ensemble."""
    table = guard_table(report)
    create_table_artifact(table, key=artifact_key(name, "guards"), description="Error rates of the guards, calibrated")


def guard_table(report: GuardReport) -> list[dict[str, Any]]:
    """Return one row per member: how often it rejects clean pictures, and accepts such with a destroyed label."""
    sides = {"rejects clean": report.false_rejections, "accepts destroyed": report.false_accepts}
    rows: dict[str, dict[str, Any]] = {}
    for side, rates in sides.items():
        for rate in rates:
            if rate.kind == "overall":
                row = rows.setdefault(rate.member, {"member": rate.member})
                row[side] = f"{rate.rate:.2%} of {rate.pictures}" if rate.pictures else "not measured"
                row[f"95 % ({side.split()[0]})"] = f"{rate.low:.2%} to {rate.high:.2%}" if rate.pictures else ""
    return list(rows.values())


def post_dataset(manifest: Manifest, out: Path, *, built: bool) -> None:
    """Post the table of counts and the page of the finished dataset."""
    create_table_artifact(
        count_table(manifest.counts),
        key=artifact_key(manifest.name, "counts"),
        description="Planned samples by edit and status",
    )
    create_markdown_artifact(
        dataset_page(manifest, out),
        key=artifact_key(manifest.name, "dataset"),
        description=f"{manifest.name} {manifest.version}{'' if built else ': complete before, nothing to build'}",
    )


def post_changes(manifest: Manifest, changes: Difference) -> None:
    """Post what differs from the version before."""
    what, key = f"Changes of {manifest.name} {manifest.version}", artifact_key(manifest.name, "changes")
    create_markdown_artifact(prose(changes, manifest.version), key=key, description=what)


def post_up_to_date(name: str, version: str, changes: Difference) -> None:
    """Post that a refresh has found nothing to do."""
    said = f"{name} {version} is up to date"
    logger.info("%s; nothing to build", said)
    page = f"## {version}\n\n* nothing differs: all {changes.kept} samples are those of the sources as they are now\n"
    create_markdown_artifact(page, key=artifact_key(name, "changes"), description=f"{said}, nothing was built")


def post_failures(name: str, failures: Mapping[int, EditmillError], planned: int, out: str) -> None:
    """Post which shards failed, why, and how to go on."""
    what = f"{len(failures)} of {planned} shards of {name} failed"
    # Prefect's pages break no lines in tables, and where the text does.
    lines = [
        f"# {what}",
        f"The dataset in `{out}` was not assembled; shards that are finished stay. Remove the causes, then start a run "
        "with the same parameters, or choose *Retry* on this run's page: only what is missing is built.",
        *(f"* **shard {shard:06d}**: {_facts(said)}" for shard, said in failures.items()),
    ]
    create_markdown_artifact("\n\n".join(lines), key=artifact_key(name, "failed-shards"), description=what)


def _facts(said: EditmillError) -> str:
    where, fix = said.where and f" (`{said.where}`)", said.fix and f". What helps: {said.fix}"
    return " ".join(f"{said.what}{where}{fix}".split())


def count_table(counts: Counts) -> list[dict[str, Any]]:
    """Return one row per edit: samples by status, and the reasons of those that were not accepted, most frequent
    first.
    """
    table = []
    for edit, statuses in counts.items():
        reasons: dict[str, int] = {}
        for status, numbers in statuses.items():
            for reason, number in numbers.items():
                if status != "ok":
                    reasons[reason] = reasons.get(reason, 0) + number
        frequent = sorted(reasons.items(), key=lambda item: (-item[1], item[0]))
        totals = {status: sum(statuses.get(status, {}).values()) for status in ("ok", "rejected", "failed")}
        table.append(
            {"edit": edit, **totals, "reasons": ", ".join(f"{reason} {number}" for reason, number in frequent)}
        )
    return table


def dataset_page(manifest: Manifest, out: Path) -> str:
    """Return Markdown with the manifest's path, the counts that matter and a sheet of thumbnails as a ``data:`` URI."""
    planned = sum(
        number for statuses in manifest.counts.values() for numbers in statuses.values() for number in numbers.values()
    )
    accepted = sum(shard.nsamples for shard in manifest.shards)
    lines = [
        f"# {manifest.name} {manifest.version}",
        "",
        f"- manifest: `{spelled(out / MANIFEST)}`",
        f"- accepted: {accepted} of {planned} planned samples, in {len(manifest.shards)} shards",
        f"- source: {manifest.sources.name}, {manifest.sources.count} images",
        f"- fingerprint: `{manifest.fingerprint}`",
    ]
    if accepted:
        lines += ["", f"![thumbnails]({thumbnails(out)})"]
    return "\n".join(lines)


def thumbnails(out: Path) -> str:
    """Return a small contact sheet of a finished dataset as a ``data:`` URI (JPEG)."""
    buffer = io.BytesIO()
    preview_dataset(out, sources=SHEET_SOURCES, cell=SHEET_CELL).save(buffer, "JPEG", quality=SHEET_QUALITY)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()


def artifact_key(name: str, suffix: str) -> str:
    """Return a key of an artifact, which holds only ``[a-z0-9-]``."""
    return f"{name.replace('_', '-')}-{suffix}"
