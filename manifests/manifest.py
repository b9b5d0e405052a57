"""The manifest: written last, so that a dataset with a manifest is complete."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from pydantic import ValidationError

from editmill.manifests.atomic import atomic_write
from editmill.manifests.canonical import canonical_json, digest, file_digest
from editmill.manifests.card import dataset_card
from editmill.manifests.croissant import croissant_metadata
from editmill.manifests.errors import CorruptDatasetError, DataError, RequestError
from editmill.manifests.indexes import index_files
from editmill.manifests.records import SCHEMA_VERSION, FileRecord, Manifest, SourceRecord
from editmill.manifests.rows import merge_rows, row_schema
from editmill.manifests.store import Store

MANIFEST = "manifest.json"
SAMPLES = "samples.parquet"


def write_dataset_files(root: str | Path, manifest: Manifest) -> None:
    """Complete a dataset whose shards are all written: merged rows, indexes, card, Croissant, and last the manifest.

    Args:
        root: The dataset's local folder.
        manifest: What the shards hold, see `ShardStats.record`.

    Raises:
        CorruptDatasetError: A shard's tar or rows are absent or of another size, or rows and counts differ.
    """
    folder = Path(root)
    for shard in manifest.shards:
        # Sizes suffice: the digests were taken or compared just before.
        _check_size(folder, shard)
        _check_size(folder, shard.rows)
    # While files change, the dataset is not complete.
    (folder / MANIFEST).unlink(missing_ok=True)
    schema = row_schema(manifest.members, manifest.score_names)
    merged = merge_rows([folder / shard.rows.path for shard in manifest.shards], folder / SAMPLES, schema=schema)
    planned = sum(n for statuses in manifest.counts.values() for reasons in statuses.values() for n in reasons.values())
    if merged != planned:
        raise CorruptDatasetError(f"the shards have {merged} rows, the manifest counts {planned}", where=str(folder))
    for path, content in index_files(manifest).items():
        atomic_write(folder / path, content)
    atomic_write(folder / "README.md", dataset_card(manifest).encode())
    samples = FileRecord(path=SAMPLES, bytes=(folder / SAMPLES).stat().st_size, sha256=file_digest(folder / SAMPLES))
    atomic_write(folder / "croissant.json", canonical_json(croissant_metadata(manifest, samples)) + b"\n")
    atomic_write(folder / MANIFEST, canonical_json(manifest) + b"\n")


def read_manifest(root: str | Path) -> Manifest:
    """Read the manifest of a dataset in a local folder or at an fsspec URL.

    Raises:
        RequestError: There is nothing at ``root``.
        DataError: There is no manifest, so the dataset is incomplete; or another schema version wrote it.
        CorruptDatasetError: The manifest is damaged.
    """
    store = Store(root)
    return parse_manifest(load_manifest(store), where=f"{store.root}/{MANIFEST}")


def load_manifest(store: Store) -> bytes:
    """Read the manifest's bytes; see `read_manifest`."""
    try:
        return store.read(MANIFEST)
    except FileNotFoundError as error:
        if not store.exists():
            raise RequestError("there is no dataset here", where=store.root, fix="check the path") from error
        raise DataError(
            "the dataset is incomplete: it has no manifest.json",
            where=store.root,
            fix="run `editmill build` with the same arguments, which resumes it",
        ) from error


def parse_manifest(data: bytes, *, where: str) -> Manifest:
    """Parse and validate a manifest; see `read_manifest`."""
    try:
        version = json.loads(data).get("schema_version")
    except (ValueError, AttributeError) as error:
        raise CorruptDatasetError(f"the manifest is not a JSON object: {error}", where=where) from error
    # Before the fields are looked at, since another version may have others.
    if version != SCHEMA_VERSION:
        raise DataError(
            f"the manifest has schema version {version!r}, this editmill reads {SCHEMA_VERSION}",
            where=where,
            fix="use the editmill version that wrote it",
        )
    try:
        return Manifest.model_validate_json(data)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise CorruptDatasetError(f"the manifest is damaged at {field!r}: {first['msg']}", where=where) from error


def sources_digest(sources: Iterable[SourceRecord]) -> str:
    """Digest a source as a whole: sha256 over its sorted (id, sha256) pairs."""
    return digest(sorted((source.id, source.sha256) for source in sources))


def _check_size(folder: Path, record: FileRecord) -> None:
    path = folder / record.path
    size = path.stat().st_size if path.exists() else -1
    if size != record.bytes:
        found = "is absent" if size < 0 else f"has {size} bytes"
        raise CorruptDatasetError(
            f"{record.path} {found}, expected {record.bytes}",
            where=str(folder),
            fix="run `editmill build` with the same arguments, which rebuilds the shard",
        )
