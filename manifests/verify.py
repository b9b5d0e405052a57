"""Check a dataset: every byte against a digest, and what the files say against each other."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa  # type: ignore[import-untyped,unused-ignore]
import pyarrow.compute as pc  # type: ignore[import-untyped,unused-ignore]

from editmill.manifests.canonical import stream_digest
from editmill.manifests.card import names_shards
from editmill.manifests.errors import MEND, CorruptDatasetError, DataError
from editmill.manifests.jsontypes import check_same_types
from editmill.manifests.locks import LOCK_SUFFIX
from editmill.manifests.manifest import MANIFEST, README, RUN, SAMPLES, dataset_records, manifest_bytes, parse_manifest
from editmill.manifests.progress import QUIET, Progress
from editmill.manifests.quickcheck import as_told
from editmill.manifests.records import Counts, FileRecord, Manifest, ShardRecord
from editmill.manifests.rowgroups import is_joined
from editmill.manifests.rows import row_schema
from editmill.manifests.seals import check_seal
from editmill.manifests.shardcheck import Found, ShardCheck
from editmill.manifests.stats import merge_counts, parse_stats, stats_name
from editmill.manifests.store import Store
from editmill.manifests.threads import in_threads

# What readers of a folder may take for a part of it, in whatever letters, since some file systems tell no difference.
_LOADED = (".tar", ".parquet")
# Folders that loaders take for splits by their names.
_SPLITS = ("dev", "test", "testing", "train", "training", "val", "valid", "validation")


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong: in which file (relative to the root), at which key (or ``""``), and what."""

    path: str
    key: str
    what: str

    def __str__(self) -> str:
        return f"{self.path}: {self.key}: {self.what}" if self.key else f"{self.path}: {self.what}"


@dataclass(frozen=True)
class VerifyReport:
    """What a verification found, over how many shards and accepted samples.

    Attributes:
        root: Of the dataset.
        problems: What is wrong.
        shards: Their number.
        samples: Their number, in the tars.
        remarks: What is not as it was written and changes nothing that is read: an edited card, files beside the
            dataset's own.
        stray: Paths of files among the problems that are no part of the dataset.
    """

    root: str
    problems: tuple[Problem, ...]
    shards: int
    samples: int
    remarks: tuple[Problem, ...] = ()
    stray: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems

    def raise_for_problems(self, fix: str = MEND) -> None:
        """Raise a `CorruptDatasetError` naming the first problem and what helps, if there is one."""
        if self.problems:
            more = f" (and {len(self.problems) - 1} more problems)" if len(self.problems) > 1 else ""
            raise CorruptDatasetError(f"{self.problems[0]}{more}", where=self.root, fix=fix)


def verify_dataset(root: str | Path, *, deep: bool = False, progress: bool = False) -> VerifyReport:
    """Verify a dataset in a local folder or at an fsspec URL, reading every byte of it at least once.

    Problems are reported, not raised; an absent or damaged manifest is one.

    Args:
        root: The folder or URL.
        deep: Whether to compute the digests of members, and the md5 of tars, again. Otherwise they are trusted as far
            as the sha256 of a tar, and of the rows that name them, are those of the manifest.
        progress: Whether to show a bar, unless it is short.

    Raises:
        RequestError: There is nothing at ``root``.
    """
    return verify_store(Store(root), deep=deep, progress=progress)


def verify_store(store: Store, *, deep: bool = False, progress: bool = False) -> VerifyReport:
    """Verify the dataset in a store; see `verify_dataset`."""
    try:
        data = manifest_bytes(store)
        manifest = parse_manifest(data, where=MANIFEST)
    except DataError as error:
        return VerifyReport(store.root, (Problem(MANIFEST, "", error.what),), shards=0, samples=0)
    with Progress(
        total=sum(record.bytes for record in dataset_records(manifest)),
        desc="checking",
        unit="B",
        unit_scale=True,
        delay=QUIET,
        disable=not progress,
    ) as bar:
        check = _Check(store, manifest, deep=deep, advance=bar.update)
        check.run(data)
    return VerifyReport(
        store.root,
        tuple(check.problems),
        shards=len(manifest.shards),
        samples=check.samples,
        remarks=tuple(check.remarks),
        stray=tuple(check.stray),
    )


class _Check:
    """One verification in progress: collects problems, and what must be compared across shards."""

    def __init__(self, store: Store, manifest: Manifest, *, deep: bool, advance: Callable[[int], object]) -> None:
        self.problems: list[Problem] = []
        self.remarks: list[Problem] = []
        self.stray: list[str] = []
        self.samples = 0
        self._store = store
        self._manifest, self._deep = manifest, deep
        self._advance, self._counting = advance, threading.Lock()
        self._listed = {record.path for record in manifest.files}
        self._whole: set[str] = set()

    def run(self, data: bytes) -> None:
        self._seal(MANIFEST, data)
        records = (*self._manifest.files, *(shard.rows for shard in self._manifest.shards))
        for record, found in zip(records, in_threads(self._digest, records), strict=True):
            self._file(record, found)
        rows_whole = {shard.rows.path for shard in self._manifest.shards} <= self._whole
        with ThreadPoolExecutor(1) as aside:
            merged = aside.submit(self._merged) if rows_whole and SAMPLES in self._whole else None
            self._shards(rows_whole=rows_whole)
        if merged is not None:
            self.problems += merged.result()
        self._run_file()
        self._others()

    def _add(self, path: str, key: str, what: str) -> None:
        self.problems.append(Problem(path, key, what))

    def _seal(self, path: str, data: bytes) -> None:
        try:
            check_seal(data, where=path)
        except CorruptDatasetError as error:
            self._add(path, "", error.what)

    def _read(self, size: int) -> None:
        with self._counting:
            self._advance(size)

    def _digest(self, record: FileRecord) -> tuple[int, str] | str:
        """Return the size and digest of a file, or why it can't be read."""
        try:
            with self._store.open(record.path) as stream:
                return stream_digest(stream, self._read)
        except (FileNotFoundError, CorruptDatasetError) as error:
            return _told(error)

    def _file(self, record: FileRecord, found: tuple[int, str] | str) -> None:
        if isinstance(found, str):
            self._add(record.path, "", found)
            return
        size, sha256 = found
        if (size, sha256) == (record.bytes, record.sha256):
            self._whole.add(record.path)
        elif record.path == README:
            self._card()
        else:
            self._add(record.path, "", f"has {size} bytes and sha256 {sha256}, not those of the manifest")

    def _card(self) -> None:
        """Judge a changed card: people write on it, which is fine while readers load the same files by its header."""
        if names_shards(self._store.read(README), self._manifest):
            self.remarks.append(Problem(README, "", "was edited since the dataset was built"))
        else:
            self._add(README, "", "was changed, and its header names other files to load than the manifest")

    def _shard(self, shard: ShardRecord) -> Found:
        whole = shard.rows.path in self._whole
        found = as_told(self._store, self._manifest, shard, self._read, deep=self._deep) if whole else None
        # What is wrong with it, and whether it is only unusual, tells the check of every member.
        found = found or ShardCheck(self._store, self._manifest, self._read).run(shard, readable=whole)
        self._stats(shard, found)
        return found

    def _stats(self, shard: ShardRecord, found: Found) -> None:
        """Compare the shard's stats file with what was found."""
        path = stats_name(shard.path)
        if path not in self._listed:
            found.add(MANIFEST, "", f"does not list {path}")
        if path not in self._whole or found.keys is None:
            return
        try:
            stats = parse_stats(self._store.read(path), where=path)
        except CorruptDatasetError as error:
            found.add(path, "", error.what)
            return
        same = stats.record() == shard and stats.fingerprint == self._manifest.fingerprint
        if not same or (stats.planned, stats.counts, stats.identity) != (len(found.keys), found.counts, found.identity):
            found.add(path, "", "does not match the manifest and the rows")

    def _same_types(self, path: str, key: str, first: dict[str, str], types: dict[str, str]) -> None:
        try:
            check_same_types(first, types, where="")
        except DataError as error:
            self._add(path, key, error.what)

    def _shards(self, *, rows_whole: bool) -> None:
        counts: list[Counts] = []
        keys: list[pa.Array] = []
        types: dict[str, str] | None = None
        shards = self._manifest.shards
        for shard, found in zip(shards, in_threads(self._shard, shards), strict=True):
            types = types or found.types
            if types is not None and found.types is not None:
                self._same_types(shard.path, found.first, types, found.types)
            self.problems += [Problem(*found_one) for found_one in found.problems]
            self.samples += found.samples
            counts.append(found.counts)
            keys += found.keys.chunks if found.keys is not None else ()
        self._keys(pa.chunked_array(keys, pa.string()))
        # Without all rows there is nothing to compare.
        if rows_whole and merge_counts(counts) != self._manifest.counts:
            self._add(MANIFEST, "", f"counts {self._manifest.counts}, the rows give {merge_counts(counts)}")

    def _keys(self, keys: pa.ChunkedArray) -> None:
        """Note keys that several rows have."""
        if len(pc.unique(keys)) < len(keys):
            counted = pc.value_counts(keys)
            for key in counted.filter(pc.greater(counted.field("counts"), 1)).to_pylist():
                self._add(SAMPLES, key["values"], f"repeats {key['counts']} times")

    def _merged(self) -> list[Problem]:
        """Return what is wrong with the merged rows."""
        schema = row_schema(self._manifest.members, self._manifest.score_names)
        try:
            joined = is_joined(self._store, SAMPLES, [shard.rows.path for shard in self._manifest.shards], schema)
        except CorruptDatasetError as error:
            return [Problem(SAMPLES, "", error.what)]
        return [] if joined else [Problem(SAMPLES, "", "is not the shards' rows one after another")]

    def _run_file(self) -> None:
        try:
            self._seal(RUN, self._store.read(RUN))
        except FileNotFoundError:
            # A released dataset need not tell how long its build took.
            return
        except CorruptDatasetError as error:
            self._add(RUN, "", error.what)

    def _others(self) -> None:
        manifest = self._manifest
        ours = {MANIFEST, RUN, *(record.path for record in dataset_records(manifest))}
        splits, others = {*manifest.splits, *_SPLITS}, dict[str, None]()
        for path in self._store.paths():
            # A lock tells that a build is at work.
            if path in ours or path.endswith(LOCK_SUFFIX):
                continue
            top, below, _ = path.partition("/")
            loaded = path.lower().endswith(_LOADED) or (below and top.lower() in splits)
            # Globs and loaders of folders leave names out that begin with a dot.
            hidden = any(part.startswith(".") for part in path.split("/"))
            if loaded and not hidden:
                self.stray.append(path)
                self._add(path, "", "is no part of the dataset, but readers may load it")
                continue
            # A folder once, of which there may be many files.
            others.setdefault(f"{top}/" if below and top not in manifest.splits else path)
        self.remarks += [Problem(path, "", "is no part of the dataset") for path in others]
        if links := sorted(path for path in ours if self._store.is_link(path)):
            also = f", as {len(links)} files are" if len(links) > 1 else ""
            self.remarks.append(Problem(links[0], "", f"is a symbolic link{also}: a copy may lack what it leads to"))


def _told(error: FileNotFoundError | CorruptDatasetError) -> str:
    return error.what if isinstance(error, CorruptDatasetError) else "is absent"
