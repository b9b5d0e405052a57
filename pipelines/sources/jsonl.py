"""Images and texts listed in a file of JSON lines."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from generators.text.base import CaptionedImage
from manifests.errors import SourceError
from manifests.records import CaptionRecord, SourceRecord
from pipelines.sources.base import SourceProblem, image_facts, read_image
from pipelines.sources.table import distinct

LABELS: dict[Any, int] = {"entailment": 0, "neutral": 1, "contradiction": 2, 0: 0, 1: 1, 2: 2}
FIX = 'each line is one object such as {"image": "photos/1.jpg", "texts": ["a girl on a chair"]}; "text", "id", "label" and "licence" are optional'

logger = logging.getLogger("editmill.sources")


class JsonLinesSpec(BaseModel):
    """A file with one JSON object per line.

    Attributes:
        file: the file. Each object has ``image`` (a path, relative to the file) and ``texts`` (or one ``text``), and may have ``id``, ``label``
            (entailment, neutral or contradiction, or 0, 1, 2) and ``licence``.
        licence: terms of the images whose line names none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["jsonl"] = "jsonl"
    file: Path
    licence: str = ""


class JsonLinesSource:
    """One source per line, in the file's order; texts are kept as they are, empty ones are left out."""

    name = "jsonl"

    def __init__(self, spec: JsonLinesSpec) -> None:
        self.spec, self.licence = spec, spec.licence
        try:
            lines = spec.file.read_text(encoding="utf-8-sig").split("\n")
        except (OSError, UnicodeDecodeError) as error:
            raise SourceError(f"the file can't be read: {error}", where=str(spec.file), fix="pass --source jsonl:FILE, in UTF-8") from error
        self.rows = [self._parse(line, number) for number, line in enumerate(lines, 1) if line.strip()]
        if not self.rows:
            raise SourceError("the file has no lines", where=str(spec.file), fix=FIX)

    def _parse(self, line: str, number: int) -> dict[str, Any]:
        where = f"{self.spec.file}, line {number}"
        try:
            row = json.loads(line)
        except ValueError as error:
            raise SourceError(f"the line is no JSON: {error}", where=where, fix=FIX) from error
        if not isinstance(row, dict) or not isinstance(row.get("image"), str):
            raise SourceError("the line is no object with an image", where=where, fix=FIX)
        texts = row.get("texts", [row["text"]] if "text" in row else None)
        if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
            raise SourceError('the line has neither "texts", a list of strings, nor "text", a string', where=where, fix=FIX)
        label = row.get("label", -1)
        if label != -1 and (isinstance(label, bool) or not isinstance(label, (str, int)) or label not in LABELS):
            raise SourceError(f"the label {label!r} is none of entailment, neutral, contradiction, 0, 1, 2", where=where, fix=FIX)
        return {**row, "texts": texts, "label": LABELS.get(label, -1)}

    def records(self) -> Iterator[SourceRecord]:
        names = distinct(str(row.get("id", Path(row["image"]).stem)) for row in self.rows)
        empty = sum(not text.strip() for row in self.rows for text in row["texts"])
        if empty:
            logger.warning("%s: %d empty texts are left out", self.spec.file, empty)
        for identity, row in zip(names, self.rows, strict=True):
            captions = tuple(
                CaptionRecord(id=str(number), text=text, label=row["label"]) for number, text in enumerate(row["texts"]) if text.strip()
            )
            if captions:
                yield self._record(identity, row, captions)

    def _record(self, identity: str, row: dict[str, Any], captions: tuple[CaptionRecord, ...]) -> SourceRecord:
        common: dict[str, Any] = {
            "id": identity, "image": row["image"], "label": -1, "class_name": "", "captions": captions,
            "licence": str(row.get("licence", self.licence)),
        }
        try:
            width, height, digest = image_facts(self._path(row["image"]))
        except SourceProblem as problem:
            return SourceRecord(**common, width=0, height=0, sha256="", problem=problem.reason)
        return SourceRecord(**common, width=width, height=height, sha256=digest)

    def _path(self, reference: str) -> Path:
        return self.spec.file.parent / reference

    def load_captioned(self, record: SourceRecord) -> CaptionedImage:
        return CaptionedImage(record, read_image(self._path(record.image)))
