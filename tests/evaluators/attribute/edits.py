"""A small dataset of attribute edits with levels and replicas, for the exports' tests."""

from __future__ import annotations

from pathlib import Path

from editmill.manifests import Manifest, SampleRow, SourceRecord, sample_key, write_dataset_files
from tests.manifests.builder import make_manifest, make_row, make_sources, write_one_shard

Planned = tuple[str, float, int]
EVERY_COLUMN: tuple[Planned, ...] = (
    ("original", 0.0, 0),
    ("round-trip", 0.0, 0),
    ("complexity", -20.0, 0),
    ("complexity", 20.0, 0),
    ("adversarial", 20.0, 0),
    ("random-background", 0.0, 0),
    ("random-background", 0.0, 1),
    ("full", 0.0, 0),
    ("size", 0.1, 0),
    ("size", 0.08, 0),
    ("size", 0.05, 0),
    ("position", 0.05, 0),
    ("direction", 0.05, 0),
    ("paste-back", 0.0, 0),
    ("size", 0.2, 0),
)


def build_edits(
    root: Path,
    planned: tuple[Planned, ...] = EVERY_COLUMN,
    *,
    ids: tuple[str, ...] = ("n01.x", "n02", "n03"),
    rejected: frozenset[tuple[str, str, int]] = frozenset(),
    generator: str = "attribute",
) -> Manifest:
    """Write a dataset with every planned (edit, level, replica) of each source, but for the rejected (source, edit,
    replica).
    """
    sources = [
        source.model_copy(update={"id": identity}) for source, identity in zip(make_sources(len(ids)), ids, strict=True)
    ]
    rows = [_row(source, one, rejected) for source in sources for one in planned]
    stats = [write_one_shard(root, rows, shard) for shard in range(2)]
    edits = tuple(dict.fromkeys(edit for edit, _, _ in planned))
    manifest = make_manifest(sources, stats).model_copy(update={"edits": edits, "generator": generator})
    write_dataset_files(root, manifest)
    return manifest


def _row(source: SourceRecord, planned: Planned, rejected: frozenset[tuple[str, str, int]]) -> SampleRow:
    edit, level, replica = planned
    row = make_row(source, edit, reason="geometry_off" if (source.id, edit, replica) in rejected else "")
    digits = f"{abs(level):g}".replace(".", "")
    key = sample_key(source.id, f"{edit}-{'minus' if level < 0 else ''}{digits}", replica)
    return row.model_copy(update={"key": key, "level": level, "replica": replica, "seed": hash_seed(key)})


def hash_seed(key: str) -> int:
    """A seed of its own for each sample, so that each picture has its own colour."""
    return sum(place * byte for place, byte in enumerate(key.encode(), 1))
