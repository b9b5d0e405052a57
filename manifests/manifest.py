"""The manifest: written last, so that a dataset with a manifest is complete."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import yaml
from pydantic import ValidationError

from editmill.manifests.atomic import atomic_write
from editmill.manifests.canonical import canonical_json, digest, file_digest
from editmill.manifests.card import dataset_card, names_shards
from editmill.manifests.croissant import croissant_metadata
from editmill.manifests.errors import CorruptDatasetError, DataError, RequestError
from editmill.manifests.indexes import index_files
from editmill.manifests.records import SCHEMA_VERSION, FileRecord, Manifest, SourceRecord
from editmill.manifests.rows import merge_rows, row_schema
from editmill.manifests.seals import SEAL, check_seal, parse_object, sealed
from editmill.manifests.stats import stats_name
from editmill.manifests.store import Store
from editmill.manifests.versions import current_manifest
from editmill.manifests.wording import first_problem

MANIFEST = "manifest.json"
SAMPLES = "samples.parquet"
README = "README.md"
RECIPE = "recipe.yaml"
# How a run went. It differs between two runs that give equal datasets, so the manifest can't list it.
RUN = "run.json"


def write_dataset_files(
    root: str | Path, manifest: Manifest, *, others: Sequence[str] = (), tars_elsewhere: bool = False
) -> Manifest:
    """Complete a dataset whose shards are all written: merged rows, indexes, card, Croissant, and last the manifest.

    Args:
        root: The dataset's local folder.
        manifest: What the shards hold, see `ShardStats.record`; its ``files`` are filled in here.
        others: Paths, relative to the root, of further files that belong to the dataset and are there already.
        tars_elsewhere: Whether the tars are in an object store, where they were checked, and not in the folder.

    Returns:
        The manifest as written.

    Raises:
        CorruptDatasetError: A shard's tar or rows are absent or of another size, or rows and counts differ.
    """
    folder = Path(root)
    for shard in manifest.shards:
        # Sizes suffice: the digests were taken or compared just before.
        for record in (shard.rows,) if tars_elsewhere else (shard, shard.rows):
            _check_size(folder, record)
    # While files change, the dataset is not complete.
    (folder / MANIFEST).unlink(missing_ok=True)
    schema = row_schema(manifest.members, manifest.score_names)
    merged = merge_rows([folder / shard.rows.path for shard in manifest.shards], folder / SAMPLES, schema=schema)
    planned = sum(n for statuses in manifest.counts.values() for reasons in statuses.values() for n in reasons.values())
    if merged != planned:
        raise CorruptDatasetError(f"the shards have {merged} rows, the manifest counts {planned}", where=str(folder))
    samples = _record(folder, SAMPLES)
    written = {
        **index_files(manifest),
        RECIPE: yaml.safe_dump(manifest.recipe, sort_keys=False, allow_unicode=True).encode(),
        "croissant.json": canonical_json(croissant_metadata(manifest, samples)) + b"\n",
    }
    for path, content in written.items():
        atomic_write(folder / path, content)
    stats = [stats_name(shard.path) for shard in manifest.shards]
    files = [samples, _write_card(folder, manifest), *(_record(folder, path) for path in (*written, *stats, *others))]
    complete = manifest.model_copy(update={"files": tuple(sorted(files, key=lambda record: record.path))})
    atomic_write(folder / MANIFEST, sealed(complete.model_dump(mode="json")))
    return complete


def _write_card(folder: Path, manifest: Manifest) -> FileRecord:
    """Write the card, but keep one that somebody has edited."""
    card, path = dataset_card(manifest).encode(), folder / README
    if not (path.is_file() and names_shards(path.read_bytes(), manifest)):
        atomic_write(path, card)
    return FileRecord(path=README, bytes=len(card), sha256=hashlib.sha256(card).hexdigest())


def read_manifest(root: str | Path) -> Manifest:
    """Read the manifest of a dataset in a local folder or at an fsspec URL.

    Raises:
        RequestError: There is nothing at ``root``.
        DataError: There is no manifest, so the dataset is incomplete; or another schema version wrote it.
        CorruptDatasetError: The manifest is damaged.
    """
    return load_manifest(Store(root))


def load_manifest(store: Store) -> Manifest:
    """Read the manifest of the dataset in a store; see `read_manifest`."""
    data = manifest_bytes(store)
    where = f"{store.root}/{MANIFEST}"
    manifest = parse_manifest(data, where=where)
    check_seal(data, where=where)
    return manifest


def dataset_records(manifest: Manifest) -> Iterator[FileRecord]:
    """Yield all files of a dataset but its manifest."""
    for shard in manifest.shards:
        yield from (shard, shard.rows)
    yield from manifest.files


def manifest_bytes(store: Store) -> bytes:
    """Read the manifest's bytes; see `read_manifest`. Of a folder of versions the store enters the current one."""
    try:
        return store.read(MANIFEST)
    except (FileNotFoundError, CorruptDatasetError) as error:
        if store.is_file():
            what = "a dataset is a folder, and this is a file"
            raise RequestError(what, where=store.root, fix="check the path") from error
        if isinstance(error, CorruptDatasetError):
            raise
        if (current := current_manifest(store)) is not None:
            return current
        if not store.exists():
            raise RequestError("there is no dataset here", where=store.root, fix="check the path") from error
        raise DataError(
            "the dataset is incomplete: it has no manifest.json",
            where=store.root,
            fix="run `editmill build` with the same arguments, which resumes it",
        ) from error


def parse_manifest(data: bytes, *, where: str) -> Manifest:
    """Parse and validate a manifest, whatever its digest says; see `read_manifest`."""
    document = parse_object(data, where=where)
    # Before the fields are looked at, since another version may have others.
    version = document.get("schema_version")
    if version != SCHEMA_VERSION:
        raise DataError(
            f"the manifest has schema version {version!r}, this editmill reads {SCHEMA_VERSION}",
            where=where,
            fix="use the editmill version that wrote it, or build the dataset again",
        )
    document.pop(SEAL, None)
    try:
        # As JSON, in which lists are tuples and numbers in quotes are keys.
        return Manifest.model_validate_json(json.dumps(document))
    except ValidationError as error:
        raise CorruptDatasetError(f"the manifest is damaged: {first_problem(error)}", where=where) from error


def sources_digest(sources: Iterable[SourceRecord]) -> str:
    """Digest a source as a whole: sha256 over its sorted (id, sha256) pairs."""
    return digest(sorted((source.id, source.sha256) for source in sources))


def _record(folder: Path, path: str) -> FileRecord:
    return FileRecord(path=path, bytes=(folder / path).stat().st_size, sha256=file_digest(folder / path))


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
