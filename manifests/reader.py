"""Read a dataset: select samples, iterate in shard order, fetch one by key, verify. No torch needed."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import groupby
from pathlib import Path
from typing import Any, BinaryIO, get_args

import numpy as np
import numpy.typing as npt
import pyarrow as pa  # type: ignore[import-untyped,unused-ignore]
import pyarrow.compute as pc  # type: ignore[import-untyped,unused-ignore]
from PIL import Image

from editmill.manifests.errors import CorruptDatasetError, DataError, RequestError
from editmill.manifests.manifest import SAMPLES, load_manifest
from editmill.manifests.records import PRIMARY_IMAGES, Manifest, MemberSpan, ShardRecord, Status
from editmill.manifests.rows import member_span, read_rows, row_schema
from editmill.manifests.seals import parse_object
from editmill.manifests.store import Store
from editmill.manifests.tarshard import read_members
from editmill.manifests.verify import VerifyReport, verify_store

_GREY_MODES = ("1", "L", "P")


@dataclass(frozen=True)
class Sample:
    """One accepted sample.

    Attributes:
        key: The sample's key.
        row: Its row in the merged parquet file, by column; ``parameters`` is JSON text.
        members: Encoded bytes by member suffix.
    """

    key: str
    row: dict[str, Any]
    members: dict[str, bytes]

    @property
    def label(self) -> int:
        """The class index.

        Raises:
            DataError: The member cls is not a whole number.
        """
        try:
            return int(self._member("cls"))
        except ValueError as error:
            raise DataError(f"cls of sample {self.key!r} is not a whole number") from error

    def image(self) -> Image.Image:
        """Decode the primary image, as RGB.

        Raises:
            DataError: The sample has none, as in datasets of captions alone, or it can't be decoded.
        """
        suffix = next((member for member in PRIMARY_IMAGES if member in self.members), "")
        if not suffix:
            raise DataError(f"sample {self.key!r} has no picture, only {sorted(self.members)}")
        with self._decoding(suffix) as image:
            return image.convert("RGB")

    def mask(self, member: str = "mask.png") -> npt.NDArray[np.uint8]:
        """Decode a mask, as uint8 HW with the stored values.

        Raises:
            DataError: The sample has no such member, or it is not an 8-bit grey or palette image.
        """
        with self._decoding(member) as image:
            if image.mode not in _GREY_MODES:
                raise DataError(
                    f"{member} of sample {self.key!r} has mode {image.mode}, a mask has one of {_GREY_MODES}"
                )
            # Palette indices are the values; converting them would give the palette's colours.
            return np.array(image if image.mode == "P" else image.convert("L"), dtype=np.uint8)

    def json(self) -> dict[str, Any]:
        """Parse the json member.

        Raises:
            DataError: It is not a JSON object.
        """
        return parse_object(self._member("json"), where=f"json of sample {self.key!r}")

    def _member(self, name: str) -> bytes:
        if name not in self.members:
            raise DataError(f"sample {self.key!r} has no member {name!r}, only {sorted(self.members)}")
        return self.members[name]

    @contextmanager
    def _decoding(self, member: str) -> Iterator[Image.Image]:
        try:
            with Image.open(io.BytesIO(self._member(member))) as image:
                yield image
        except DataError:
            raise
        # Decoders of damaged pictures raise whatever they meet.
        except Exception as error:
            raise DataError(f"{member} of sample {self.key!r} can't be decoded: {error}") from error


class Dataset:
    """A dataset or a selection from it. Make one with `open_dataset`.

    Attributes:
        manifest: The manifest of the whole dataset.
        store: Where it is.
        table: Rows of the selection; without a selection all planned samples, rejected ones included.
    """

    def __init__(self, store: Store, manifest: Manifest, table: pa.Table) -> None:
        self.manifest = manifest
        self.table = table
        self.store = store
        self._shards = {(shard.split, shard.number): shard for shard in manifest.shards}

    def __len__(self) -> int:
        """Return the number of accepted samples in the selection."""
        return int(self._accepted.num_rows)

    def __iter__(self) -> Iterator[Sample]:
        """Yield accepted samples in shard order, one sequential pass over each shard.

        Raises:
            CorruptDatasetError: A member's bytes do not have the recorded digest.
        """
        # The merged rows stand shard by shard, and selecting keeps their order, so each shard is opened once.
        for place, group in groupby(self._accepted_rows(), key=lambda row: (row["split"], row["shard"])):
            rows = [(row, self._spans(row)) for row in group]
            # By offset, so that the stream of a remote file is only read forwards.
            rows.sort(key=lambda row: min(span.offset for span in row[1].values()))
            with self._open(self._shard(*place).path) as stream:
                for row, spans in rows:
                    yield self._sample(row, spans, partial(_read_at, stream))

    def __getitem__(self, key: str) -> Sample:
        """Fetch one accepted sample by key, in one ranged read.

        Raises:
            KeyError: The selection has no accepted sample with this key.
            CorruptDatasetError: A member's bytes do not have the recorded digest.
        """
        position = self._positions.get(key)
        if position is None:
            raise KeyError(f"no accepted sample {key!r} in {self.store.root}")
        row = self._accepted.slice(position, 1).to_pylist()[0]
        path = self._shard(row["split"], row["shard"]).path
        return self._sample(row, self._spans(row), partial(self._read_range, path))

    def __contains__(self, key: object) -> bool:
        return key in self._positions

    def keys(self) -> list[str]:
        """Return keys of the accepted samples in the selection, in the table's order."""
        return list(self._positions)

    def edits(self) -> list[str]:
        """Return edits that occur in the selection, in the manifest's order."""
        present = set(self.table["edit"].unique().to_pylist())
        return [edit for edit in self.manifest.edits if edit in present]

    def select(
        self,
        edit: str | Sequence[str] | None = None,
        level: float | Sequence[float] | None = None,
        status: str | Sequence[str] | None = "ok",
        label: int | Sequence[int] | None = None,
        source_id: str | Sequence[str] | None = None,
    ) -> Dataset:
        """Select rows; each argument is one value, several, or None for any.

        Raises:
            RequestError: The dataset has no such edit, or there is no such status.
        """
        _check_known("edit", edit, self.manifest.edits)
        _check_known("status", status, get_args(Status))
        wanted = {"edit": edit, "level": level, "status": status, "label": label, "source_id": source_id}
        table = self.table
        for column, values in wanted.items():
            if values is not None:
                # In the type of the column, so that level=1 finds 1.0.
                allowed = pa.array(_as_list(values), type=table.schema.field(column).type)
                table = table.filter(pc.is_in(table[column], value_set=allowed))
        return Dataset(self.store, self.manifest, table)

    def within(self, table: pa.Table) -> Dataset:
        """Return the samples of some of the rows."""
        return Dataset(self.store, self.manifest, table)

    def fetch(self, path: str, target: Path) -> None:
        """Make a file of the dataset a local file: a hard link where the disk has them, otherwise a copy.

        Raises:
            CorruptDatasetError: It is absent or can't be read.
        """
        try:
            os.link(f"{self.store.root}/{path}", target)
        except OSError:
            with self._open(path) as stream, target.open("wb") as copy:
                shutil.copyfileobj(stream, copy)

    def verify(self, *, deep: bool = False) -> VerifyReport:
        """Check every file of the whole dataset against its manifest."""
        return verify_store(self.store, deep=deep)

    @cached_property
    def _accepted(self) -> pa.Table:
        return self.table.filter(pc.equal(self.table["status"], "ok"))

    @cached_property
    def _positions(self) -> dict[str, int]:
        return {key: position for position, key in enumerate(self._accepted["key"].to_pylist())}

    def _accepted_rows(self) -> Iterator[dict[str, Any]]:
        for batch in self._accepted.to_batches(max_chunksize=1024):
            yield from batch.to_pylist()

    def _shard(self, split: str, number: int) -> ShardRecord:
        if (split, number) not in self._shards:
            raise CorruptDatasetError(f"the manifest has no {split} shard {number}", f"{self.store.root}/{SAMPLES}")
        return self._shards[split, number]

    def _open(self, path: str) -> BinaryIO:
        with _present(self.store, path):
            return self.store.open(path)

    def _read_range(self, path: str, start: int, end: int) -> bytes:
        with _present(self.store, path):
            return self.store.read_range(path, start, end)

    def _spans(self, row: dict[str, Any]) -> dict[str, MemberSpan]:
        found = {member: member_span(row, member) for member in self.manifest.members}
        spans = {member: span for member, span in found.items() if span is not None}
        size = self._shard(row["split"], row["shard"]).bytes
        # Beyond the end there is nothing, but memory would be taken for it.
        if not spans or max(span.offset + span.size for span in spans.values()) > size:
            where = f"{self.store.root}/{SAMPLES}"
            raise CorruptDatasetError(f"sample {row['key']!r} is not within its tar", where=where)
        return spans

    def _sample(self, row: dict[str, Any], spans: dict[str, MemberSpan], read: Callable[[int, int], bytes]) -> Sample:
        where = f"{self.store.root}/{self._shard(row['split'], row['shard']).path}"
        return Sample(row["key"], row, read_members(spans, read, key=row["key"], where=where))


def open_dataset(path: str | Path, *, verify: bool = False) -> Dataset:
    """Open a complete dataset.

    Args:
        path: A local folder or an fsspec URL (``s3://…``, ``memory://…``).
        verify: Whether to check every file first, which reads the whole dataset.

    Raises:
        RequestError: There is nothing at ``path``.
        DataError: The dataset is incomplete.
        CorruptDatasetError: The manifest or the rows are damaged, or verification found a problem.
    """
    store = Store(path)
    if verify:
        verify_store(store).raise_for_problems()
    manifest = load_manifest(store)
    return Dataset(store, manifest, _table(store, manifest))


def _table(store: Store, manifest: Manifest) -> pa.Table:
    """Return the merged rows, decoded only when their bytes are those of the manifest."""
    with _present(store, SAMPLES):
        data = store.read(SAMPLES)
    record = next((record for record in manifest.files if record.path == SAMPLES), None)
    if record is None or record.sha256 != hashlib.sha256(data).hexdigest():
        raise CorruptDatasetError(f"{SAMPLES} is damaged: its digest is not that of the manifest", where=store.root)
    table = read_rows(pa.BufferReader(data), where=f"{store.root}/{SAMPLES}")
    if not table.schema.equals(row_schema(manifest.members, manifest.score_names)):
        what = f"{SAMPLES} has other columns than the manifest's members and scores"
        raise CorruptDatasetError(what, where=store.root)
    return table


@contextmanager
def _present(store: Store, path: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise CorruptDatasetError(f"{path} is absent", where=store.root) from error


def _read_at(stream: BinaryIO, start: int, end: int) -> bytes:
    stream.seek(start)
    return stream.read(end - start)


def _as_list(values: Any) -> list[Any]:
    return [values] if isinstance(values, str | int | float | np.generic) else list(values)


def _check_known(name: str, values: Any, known: Sequence[str]) -> None:
    unknown = [value for value in _as_list(values) if value not in known] if values is not None else []
    if unknown:
        raise RequestError(f"no {name} {unknown[0]!r} here", fix=f"choose from {', '.join(known)}")
