"""What a version says of its difference from the one before: changes.json, CHANGES.md and removed.parquet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow as pa  # type: ignore[import-untyped,unused-ignore]
import pyarrow.parquet as pq  # type: ignore[import-untyped,unused-ignore]

from editmill.manifests.atomic import atomic_file, atomic_write
from editmill.manifests.canonical import canonical_json
from editmill.manifests.manifest import read_manifest
from editmill.manifests.records import Manifest
from editmill.manifests.wording import markdown_text
from editmill.pipelines.differences import Difference, Known, judge, known_samples

CHANGES, PROSE, REMOVED = "changes.json", "CHANGES.md", "removed.parquet"
TOMBSTONE = pa.schema([(name, pa.string()) for name in ("key", "source_id", "edit", "removed_in")])


def write_changes(
    changes: Difference,
    before: Mapping[str, Known],
    shards: Sequence[Path],
    manifest: Manifest,
    *,
    old: Path,
    out: Path,
) -> list[str]:
    """Write the three files of a version whose shards are finished.

    Args:
        changes: From the version before; what only finished rows show is filled in.
        before: What the rows of that one say, by key.
        shards: Parquet files of the new one.
        manifest: Of the new one, without files.
        old: The folder of the version before.
        out: Folder of the new one.

    Returns:
        Their names.
    """
    earlier = read_manifest(old)
    judge(changes, before, known_samples(shards, manifest.members))
    versions = {
        name: {"version": one.version, "fingerprint": one.fingerprint}
        for name, one in (("before", earlier), ("after", manifest))
    }
    document = {"schema_version": 1, **versions, **changes.document()}
    atomic_write(out / CHANGES, canonical_json(document) + b"\n")
    said = (old / PROSE).read_text() if (old / PROSE).exists() else ""
    atomic_write(out / PROSE, f"{prose(changes, manifest.version)}\n{said}".rstrip("\n").encode() + b"\n")
    _bury(changes, before, manifest.version, old / REMOVED, out / REMOVED)
    return [CHANGES, PROSE, REMOVED]


def prose(changes: Difference, version: str) -> str:
    """Return what differs, for people."""
    causes = Counter(cause for causes in changes.made.values() for cause in causes)
    flips = Counter(f"{old} to {new}" for old, new in changes.flips.values())
    lines = [
        f"## {version}",
        "",
        f"* {len(changes.added)} samples added, {len(changes.removed)} removed, {len(changes.made)} made anew "
        f"({changes.rendered:.1%} of all were made for this version), {changes.kept} kept byte for byte",
        *(f"* made anew because of {markdown_text(cause)}: {count}" for cause, count in sorted(causes.items())),
        *(f"* of these, with the same picture as before: {count}" for count in [len(changes.judged)] if count),
        *(f"* status changed from {flip}: {count}" for flip, count in sorted(flips.items())),
        *(f"* changed {what}: {markdown_text(', '.join(names))}" for what, names in changes.facts.items() if names),
    ]
    return "\n".join(lines) + "\n"


def _bury(changes: Difference, before: Mapping[str, Known], version: str, old: Path, out: Path) -> None:
    """Write a row for every key that an earlier version had and this one has not; keys that come back have none."""
    earlier = pq.read_table(old, use_threads=False).to_pylist() if old.exists() else []
    rows = [row for row in earlier if row["key"] not in changes.added]
    rows += [
        {"key": key, "source_id": before[key].source, "edit": before[key].edit, "removed_in": version}
        for key in sorted(changes.removed)
    ]
    with atomic_file(out) as stream, pq.ParquetWriter(stream, TOMBSTONE) as writer:
        writer.write_table(pa.Table.from_pylist(rows, schema=TOMBSTONE))
