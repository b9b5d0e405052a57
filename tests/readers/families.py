"""A tiny dataset of each family, in the members and rows that the family has, with a shard without a sample."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from editmill.manifests import SampleRow, SourceRecord, canonical_json, sample_key, write_dataset_files, write_shard
from tests.evaluators.attribute.edits import build_edits
from tests.evaluators.fmr.builder import build as build_fmr
from tests.evaluators.watermark.builder import build as build_watermark
from tests.manifests.builder import NAME, make_manifest, make_members, make_row, make_sources

Make = Callable[[SampleRow], dict[str, bytes]]
CAPTIONS = ("a red mug on a table", "two cats sleep", "nobody is here")


def attribute(root: Path) -> None:
    """Every edit and level of ImageNet-E, one sample rejected."""
    build_edits(root, rejected=frozenset({("n02", "full", 0)}))


def text(root: Path) -> None:
    """Three captions of each picture under two edits, the last of them a contradiction."""
    rows = [row for source in make_sources(3) for row in _captions(source)]
    _write(root, rows, _caption_members, ("cls", "json", "png", "source.txt", "txt"))


def watermark(root: Path) -> None:
    """Three sources on the ladder, in eight shards."""
    build_watermark(root, sources=3, shards=8)


def fmr(root: Path) -> None:
    """Four sources with every planned sample."""
    build_fmr(root, sources=4)


def synthesis(root: Path) -> None:
    """Six sources with two conditionings, of which one sample was rejected."""
    rows = [
        make_row(source, edit, reason="identity" if (number, edit) == (0, "text") else "")
        for number, source in enumerate(make_sources(6))
        for edit in ("original", "text", "image")
    ]
    rows = [row.model_copy(update={"generator": "synthesis", "level": 0.0}) for row in rows]
    _write(root, rows, _synthesis_members, ("cls", "json", "png"))


FAMILIES: dict[str, Callable[[Path], None]] = {
    "attribute": attribute,
    "text": text,
    "watermark": watermark,
    "fmr": fmr,
    "synthesis": synthesis,
}


def _write(root: Path, rows: list[SampleRow], make: Make, members: tuple[str, ...]) -> None:
    """Write rows into the last of two shards, rendered by ``make``, which sees the accepted ones."""
    stats = []
    for shard in range(2):
        mine = [row.model_copy(update={"shard": shard, "scores": {}, "candidates": ()}) for row in rows if shard]
        samples = [(row, make(row) if row.status == "ok" else {}) for row in mine]
        place = {"name": NAME, "split": "test", "shard": shard, "fingerprint": "f" * 64}
        stats.append(write_shard(root, samples, members=members, score_names=(), **place))
    facts = {"generator": rows[0].generator, "fingerprint": "f" * 64, "members": members, "score_names": ()}
    found = {"edits": tuple(dict.fromkeys(row.edit for row in rows)), "reasons": ("identity",)}
    manifest = make_manifest(make_sources(6), stats).model_copy(update=facts | found)
    names = {} if "txt" in members else manifest.class_names
    write_dataset_files(root, manifest.model_copy(update={"class_names": names}))


def _captions(source: SourceRecord) -> list[SampleRow]:
    made = []
    for edit, more in (("original", ""), ("grounded", ", blue")):
        for place, caption in enumerate(CAPTIONS):
            inserted = [{"noun": caption.split()[-1], "word": more.removeprefix(", ")}] if more else []
            values = {"caption_id": str(place), "caption": caption, "text": caption + more, "insertions": inserted}
            fields = {"key": sample_key(source.id, f"{edit}-{place}"), "generator": "text", "level": 0.0}
            labels = {"label": (0, 1, 2)[place], "class_name": "", "parameters": values}
            made.append(make_row(source, edit).model_copy(update=fields | labels))
    return made


def _synthesis_members(row: SampleRow) -> dict[str, bytes]:
    return {name: data for name, data in make_members(row).items() if name != "mask.png"}


def _caption_members(row: SampleRow) -> dict[str, bytes]:
    return {
        "png": make_members(row)["png"],
        "txt": row.parameters["text"].encode(),
        "source.txt": row.parameters["caption"].encode(),
        "cls": str(row.label).encode(),
        "json": canonical_json({"key": row.key, "edit": row.edit}),
    }
