"""WebDataset shards of images and texts."""

from __future__ import annotations

import glob
import io
import json
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import braceexpand
from pydantic import BaseModel, ConfigDict

from generators.reasons import Reason
from generators.text.base import CaptionedImage
from manifests.errors import SourceError
from manifests.records import CaptionRecord, SourceRecord
from pipelines.sources.base import SourceProblem, facts_of, read_image
from pipelines.sources.table import distinct

IMAGES = ("png", "jpg", "jpeg", "webp")
FIX = "name local shards, as in --source webdataset:shards/{00000..00003}.tar or webdataset:'shards/*.tar'"


class WebDatasetSpec(BaseModel):
    """Local shards.

    Attributes:
        shards: path of a tar, with * or {00000..00009} for several. Samples have an image (png, jpg, jpeg or webp) and ``txt``, or a ``json`` with
            ``texts`` or ``caption``.
        licence: terms of the images, recorded with every sample.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["webdataset"] = "webdataset"
    shards: Path
    licence: str = ""


@dataclass
class _Entry:
    """One sample of a shard: where its image lies, and its texts."""

    image: tuple[int, int] = (-1, -1)
    text: str | None = None
    document: dict[str, Any] = field(default_factory=dict)

    def texts(self) -> list[str]:
        """The texts of ``txt``, else of the JSON's ``texts`` or ``caption``."""
        if self.text is not None:
            return [self.text]
        listed = self.document.get("texts", [self.document.get("caption")])
        return [text for text in listed if isinstance(text, str)] if isinstance(listed, list) else []


class WebDatasetSource:
    """One source per sample, in the order of shards and samples; the line break at the end of a ``txt`` belongs to the file, not to the text."""

    name = "webdataset"

    def __init__(self, spec: WebDatasetSpec) -> None:
        self.spec, self.licence = spec, spec.licence
        self.shards = [Path(path) for pattern in braceexpand.braceexpand(str(spec.shards)) for path in sorted(glob.glob(pattern)) or [pattern]]
        missing = [str(path) for path in self.shards if not path.is_file()]
        if missing:
            raise SourceError("there is no such shard", where=missing[0], fix=FIX)
        self.names = dict(zip(distinct(path.name for path in self.shards), self.shards, strict=True))
        self._indexes: dict[str, dict[str, _Entry]] = {}

    def _index(self, shard: str) -> dict[str, _Entry]:
        """The samples of the shard with this name by key, read once."""
        if shard not in self._indexes:
            entries: dict[str, _Entry] = {}
            try:
                with tarfile.open(self.names[shard]) as tar:
                    for member in tar:
                        if member.isfile():
                            self._add(entries, member, tar)
            except (tarfile.TarError, OSError, EOFError) as error:
                where = str(self.names[shard])
                raise SourceError(f"the shard can't be read: {error}", where=where, fix="fetch it again, and unpack compressed tars") from error
            self._indexes[shard] = entries
        return self._indexes[shard]

    @staticmethod
    def _add(entries: dict[str, _Entry], member: tarfile.TarInfo, tar: tarfile.TarFile) -> None:
        folder, _, name = member.name.rpartition("/")
        stem, _, suffix = name.partition(".")
        entry = entries.setdefault(f"{folder}/{stem}" if folder else stem, _Entry())
        if suffix.lower() in IMAGES:
            entry.image = (member.offset_data, member.size)
        elif suffix in ("txt", "json"):
            stream = tar.extractfile(member)
            data = stream.read() if stream else b""
            if suffix == "txt":
                entry.text = data.decode(errors="replace").removesuffix("\n").removesuffix("\r")
            else:
                entry.document = _object(data)

    def records(self) -> Iterator[SourceRecord]:
        keys = [(shard, key) for shard in self.names for key in self._index(shard)]
        for identity, (shard, key) in zip(distinct(key for _, key in keys), keys, strict=True):
            entry = self._index(shard)[key]
            captions = tuple(CaptionRecord(id=str(number), text=text) for number, text in enumerate(entry.texts()) if text.strip())
            if captions:
                yield self._record(identity, shard, key, captions)

    def _record(self, identity: str, shard: str, key: str, captions: tuple[CaptionRecord, ...]) -> SourceRecord:
        common: dict[str, Any] = {
            "id": identity, "image": f"{shard}#{key}", "label": -1, "class_name": "", "captions": captions, "licence": self.licence,
        }
        try:
            width, height, digest = facts_of(self._bytes(shard, key), common["image"])
        except SourceProblem as problem:
            return SourceRecord(**common, width=0, height=0, sha256="", problem=problem.reason)
        return SourceRecord(**common, width=width, height=height, sha256=digest)

    def _bytes(self, shard: str, key: str) -> bytes:
        offset, size = self._index(shard)[key].image
        if offset < 0:
            raise SourceProblem(Reason.SOURCE_UNREADABLE, f"{shard}#{key}: the sample has no image ({', '.join(IMAGES)})")
        with self.names[shard].open("rb") as stream:
            stream.seek(offset)
            return stream.read(size)

    def load_captioned(self, record: SourceRecord) -> CaptionedImage:
        shard, _, key = record.image.rpartition("#")
        return CaptionedImage(record, read_image(io.BytesIO(self._bytes(shard, key)), record.image))


def _object(data: bytes) -> dict[str, Any]:
    try:
        document = json.loads(data)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}
