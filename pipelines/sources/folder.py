"""A folder of photographs with masks, described by a CSV file."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from generators.base import LoadedSource
from manifests.canonical import file_digest
from manifests.errors import SourceError
from manifests.records import SourceRecord
from pipelines.sources.base import SourceProblem, check_mask, image_facts, read_image, read_mask

LABEL_COLUMNS = ("imagenet_index", "label_index", "index", "label")
LABEL = re.compile(r"[0-9]{1,7}")
NAME_COLUMNS = ("class_name", "label", "wnid")


class FolderSpec(BaseModel):
    """A CSV file with one row per photograph; paths in it are relative to the file.

    Attributes:
        labels: the CSV file.
        image_column, mask_column: columns with the paths.
        label_column: column with the class index; empty for the first of imagenet_index, label_index, index, label.
        licence: terms of the photographs, recorded with every sample.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["folder"] = "folder"
    labels: Path
    image_column: str = "file"
    mask_column: str = "mask"
    label_column: str = ""
    licence: str = ""


class FolderSource:
    """Reads photographs and masks in place."""

    name = "folder"

    def __init__(self, spec: FolderSpec) -> None:
        self.spec, self.licence = spec, spec.licence
        try:
            with spec.labels.open(newline="", encoding="utf-8-sig") as stream:
                reader = csv.DictReader(stream)
                self.columns = tuple(reader.fieldnames or ())
                self.rows = list(reader)
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            fix = "pass --source folder:PATH/labels.csv"
            raise SourceError(f"the labels file can't be read: {error}", where=str(spec.labels), fix=fix) from error
        self.label_column = self._label_column()
        for column in (spec.image_column, spec.mask_column):
            self._require(column in self.columns, f"column {column!r} is missing")
        self._require(bool(self.rows), "the file has no rows")

    def _require(self, condition: bool, what: str) -> None:
        if not condition:
            raise SourceError(
                what, where=f"{self.spec.labels} (columns: {', '.join(self.columns) or 'none'})",
                fix="the file needs the columns file, mask and imagenet_index (or label_index); or name yours with --set source.label_column=…",
            )

    def _label_column(self) -> str:
        seen: list[str] = []
        named = (self.spec.label_column,) if self.spec.label_column else LABEL_COLUMNS
        for column in named:
            if column in self.columns:
                wrong = [number for number, row in enumerate(self.rows, 2) if not LABEL.fullmatch((row[column] or "").strip())]
                if not wrong:
                    return column
                seen.append(f"{column} has no whole number in line {wrong[0]}")
        raise SourceError(
            f"no label column with whole numbers ({'; '.join(seen) or 'looked for ' + ', '.join(named)})",
            where=f"{self.spec.labels} (columns: {', '.join(self.columns) or 'none'})",
            fix="add a column imagenet_index with the class index, or name yours with --set source.label_column=…",
        )

    def records(self) -> Iterator[SourceRecord]:
        seen: set[str] = set()
        for number, row in enumerate(self.rows):
            reference = row[self.spec.image_column] or ""
            stem = Path(reference).stem or f"row-{number + 1}"
            identity = next(name for name in (stem, *(f"{stem}-{n}" for n in range(number, number + len(seen) + 2))) if name not in seen)
            seen.add(identity)
            yield self._record(identity, reference, row)

    def _record(self, identity: str, reference: str, row: dict[str, str]) -> SourceRecord:
        name = next((row[column] for column in NAME_COLUMNS if row.get(column)), row[self.label_column])
        common: dict[str, Any] = {
            "id": identity, "image": reference, "mask": row[self.spec.mask_column] or "", "label": int(row[self.label_column]),
            "class_name": name, "wnid": row.get("wnid") or "", "licence": self.licence,
        }
        mask = self._path(common["mask"])
        try:
            width, height, digest = image_facts(self._path(reference))
        except SourceProblem as problem:
            return SourceRecord(**common, width=0, height=0, sha256="", problem=problem.reason)
        facts = {**common, "width": width, "height": height, "sha256": digest, "mask_sha256": file_digest(mask) if mask.is_file() else ""}
        try:
            check_mask((height, width), read_mask(mask), common["mask"])
        except SourceProblem as problem:
            return SourceRecord(**facts, problem=problem.reason)
        return SourceRecord(**facts)

    def load(self, record: SourceRecord) -> LoadedSource:
        image, mask = read_image(self._path(record.image)), read_mask(self._path(record.mask))
        check_mask(image.shape[:2], mask, record.mask)
        return LoadedSource(record, image, mask)

    def _path(self, reference: str) -> Path:
        return self.spec.labels.parent / reference
