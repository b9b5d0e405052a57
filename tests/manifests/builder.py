"""A tiny real dataset, written through the public API: flat 16 px images, two edits beside the source column."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from editmill.manifests import (
    CandidateRecord,
    Manifest,
    SampleRow,
    ShardStats,
    SourceRecord,
    SourcesRecord,
    derive_seed,
    digest,
    index_tar,
    merge_counts,
    sample_key,
    shard_of,
    sources_digest,
    write_dataset_files,
    write_shard,
)
from editmill.manifests.seals import sealed

NAME = "tiny"
SPLIT = "test"
EDITS: dict[str, float] = {"original": 0.0, "size": 0.08, "full": 1.0}
CLASS_NAMES = {0: "cat", 1: "dog", 2: "cup"}
MEMBERS = ("cls", "json", "mask.png", "png")
SCORE_NAMES = ("area", "psnr")
SIDE = 16


def make_sources(count: int) -> list[SourceRecord]:
    """Make source records whose labels run through the classes."""
    return [
        SourceRecord(
            id=f"img{number:03d}",
            image=f"img{number:03d}.png",
            label=number % len(CLASS_NAMES),
            class_name=CLASS_NAMES[number % len(CLASS_NAMES)],
            width=SIDE,
            height=SIDE,
            sha256=hashlib.sha256(f"source {number}".encode()).hexdigest(),
            licence="CC0-1.0",
        )
        for number in range(count)
    ]


def make_row(source: SourceRecord, edit: str, *, shards: int = 2, reason: str = "", split: str = SPLIT) -> SampleRow:
    """Make the row of one planned sample, rejected for ``reason`` if one is given."""
    seed = derive_seed(7, source.id, edit)
    scores = {"area": EDITS.get(edit, 0.5)} if reason else {"area": EDITS.get(edit, 0.5), "psnr": 40.5}
    reasons = (reason,) if reason else ()
    candidate = CandidateRecord(attempt=0, seed=seed, accepted=not reason, reasons=reasons, scores=scores)
    return SampleRow(
        key=sample_key(source.id, edit, 0),
        split=split,
        shard=shard_of(source.id, shards),
        status="rejected" if reason else "ok",
        reasons=reasons,
        source_id=source.id,
        source_sha256=source.sha256,
        label=source.label,
        class_name=source.class_name,
        generator="attribute",
        edit=edit,
        level=EDITS.get(edit, 0.5),
        seed=seed,
        parameters={"area": EDITS.get(edit, 0.5), "angle": 0},
        scores=scores,
        attempts=1,
        cost=25,
        candidates=(candidate,),
    )


def make_members(row: SampleRow) -> dict[str, bytes]:
    """Render a sample: a colour per class and edit, and a square mask of values 0 and 255."""
    pixels = np.full((SIDE, SIDE, 3), (40 + 60 * row.label, 17 * len(row.edit), row.seed % 251), dtype=np.uint8)
    mask = np.zeros((SIDE, SIDE), dtype=np.uint8)
    mask[4:12, 4:12] = 255
    fields = {name: getattr(row, name) for name in ("key", "edit", "level", "seed", "class_name")}
    fields["matrix"] = [1.0, row.level]
    return {
        "png": encode_png(pixels),
        "mask.png": encode_png(mask),
        "cls": str(row.label).encode(),
        "json": json.dumps(fields, sort_keys=True).encode(),
    }


def encode_png(pixels: np.ndarray[Any, np.dtype[np.uint8]]) -> bytes:
    """Encode uint8 HW or HWC pixels."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="PNG")
    return buffer.getvalue()


def build_dataset(
    root: Path,
    *,
    sources: int = 6,
    shards: int = 2,
    rejected: frozenset[tuple[int, str]] = frozenset({(1, "full")}),
    split: str = SPLIT,
    make: Callable[[SampleRow], dict[str, bytes]] = make_members,
) -> Manifest:
    """Write a complete dataset: every source with every edit, but the ``rejected`` pairs of source number and edit;
    ``make`` renders the others.

    Six sources give 18 planned samples, 17 accepted, in two shards that both hold samples.
    """
    records = make_sources(sources)
    rows = [
        make_row(source, edit, shards=shards, reason="geometry_off" if (number, edit) in rejected else "", split=split)
        for number, source in enumerate(records)
        for edit in EDITS
    ]
    stats = [write_one_shard(root, rows, shard, split=split, make=make) for shard in range(shards)]
    manifest = make_manifest(records, stats)
    (root / "run.json").write_bytes(sealed({"fingerprint": manifest.fingerprint, "seconds": 1.5}))
    return write_dataset_files(root, manifest)


def write_one_shard(
    root: Path,
    rows: list[SampleRow],
    shard: int,
    *,
    split: str = SPLIT,
    make: Callable[[SampleRow], dict[str, bytes]] = make_members,
) -> ShardStats:
    """Write one shard from the rows that belong to it."""
    mine = [row for row in rows if row.shard == shard]
    return write_shard(
        root,
        ((row, make(row) if row.status == "ok" else {}) for row in mine),
        name=NAME,
        split=split,
        shard=shard,
        fingerprint=digest({"name": NAME}),
        members=MEMBERS,
        score_names=SCORE_NAMES,
    )


def reseal(root: Path) -> None:
    """Let the manifest vouch for the files as they are now, as if they had been written that way."""
    document = json.loads((root / "manifest.json").read_bytes())
    for shard in document["shards"]:
        index = index_tar(root / shard["path"])
        shard |= {"bytes": index.bytes, "sha256": index.sha256, "md5": index.md5}
    for record in (*document["files"], *(shard["rows"] for shard in document["shards"])):
        data = (root / record["path"]).read_bytes()
        record |= {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    del document["digest"]
    (root / "manifest.json").write_bytes(sealed(document))


def make_manifest(sources: list[SourceRecord], stats: list[ShardStats]) -> Manifest:
    """Make the manifest over finished shards."""
    return Manifest(
        name=NAME,
        version="1.0.0",
        generator="attribute",
        fingerprint=digest({"name": NAME}),
        recipe={"name": NAME, "seed": 7},
        code_version="0.1.0",
        code_commit="0" * 40,
        environment={"pillow": "13.0.0"},
        sources=SourcesRecord(
            name="tiny-sources", count=len(sources), licence="CC0-1.0", digest=sources_digest(sources)
        ),
        members=MEMBERS,
        score_names=SCORE_NAMES,
        edits=tuple(EDITS),
        reasons=("geometry_off",),
        class_names=CLASS_NAMES,
        counts=merge_counts(part.counts for part in stats),
        shards=tuple(part.record() for part in stats),
    )
