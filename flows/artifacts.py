"""What a build's run page shows: progress, counts, and the dataset with a few thumbnails."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Any
from uuid import UUID

from prefect.artifacts import (
    create_markdown_artifact,
    create_progress_artifact,
    create_table_artifact,
    update_progress_artifact,
)

from editmill.manifests.manifest import MANIFEST
from editmill.manifests.records import Counts, Manifest
from editmill.pipelines.changes import prose
from editmill.pipelines.differences import Difference
from editmill.pipelines.preview import preview_dataset

# Artifacts live in Prefect's database: a sheet stays at some tens of kilobytes.
SHEET_SOURCES = 4
SHEET_CELL = 72
SHEET_QUALITY = 80


class ProgressBar:
    """The progress artifact of one build."""

    def __init__(self, name: str, *, shards: int) -> None:
        self.shards = shards
        self.identifier: UUID = create_progress_artifact(0.0, key=_key(name, "progress"), description=self._text(0))

    def advance(self, ended: int) -> None:
        """Show that ``ended`` shards have ended."""
        update_progress_artifact(self.identifier, round(100 * ended / self.shards, 1), description=self._text(ended))

    def _text(self, ended: int) -> str:
        return f"{ended} of {self.shards} shards ended"


def post_dataset(manifest: Manifest, out: Path) -> None:
    """Post the table of counts and the page of the finished dataset."""
    create_table_artifact(
        count_table(manifest.counts),
        key=_key(manifest.name, "counts"),
        description="Planned samples by edit and status",
    )
    create_markdown_artifact(
        dataset_page(manifest, out),
        key=_key(manifest.name, "dataset"),
        description=f"{manifest.name} {manifest.version}",
    )


def post_changes(manifest: Manifest, changes: Difference) -> None:
    """Post what differs from the version before."""
    what = f"Changes of {manifest.name} {manifest.version}"
    create_markdown_artifact(prose(changes, manifest.version), key=_key(manifest.name, "changes"), description=what)


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
        f"- manifest: `{out / MANIFEST}`",
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


def _key(name: str, suffix: str) -> str:
    """Return a key of an artifact, which holds only ``[a-z0-9-]``."""
    return f"{name.replace('_', '-')}-{suffix}"
