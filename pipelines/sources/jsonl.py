"""Images and texts listed in a file of JSON lines."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Literal

from editmill.generators.base.loaded import CaptionedImage
from editmill.generators.base.sources import Source, Spec
from editmill.manifests.errors import SourceError
from editmill.manifests.files import FileProblem, read_text, unrepeated
from editmill.manifests.records import SourceRecord, released_name
from editmill.manifests.threads import in_threads
from editmill.pipelines.sources.reading import image_facts, listed_record, read_image
from editmill.pipelines.sources.table import distinct
from editmill.pipelines.sources.texts import caption_records, is_unicode, warn_of_empty, with_captions

LABELS: dict[Any, int] = {"entailment": 0, "neutral": 1, "contradiction": 2, 0: 0, 1: 1, 2: 2, None: -1}
FIX = (
    'each line is one object such as {"image": "photos/1.jpg", "texts": ["a girl on a chair"]}; "text", "id", '
    '"label" and "licence" are optional'
)


class JsonLinesSpec(Spec):
    """A file with one JSON object per line.

    Attributes:
        file: The file. Each object has ``image`` (a path, relative to the file) and ``texts`` (or one ``text``), and
            may have ``id``, ``label`` (entailment, neutral or contradiction, or 0, 1, 2) and ``licence``.
        licence: Terms of the images whose line names none.
    """

    stores: ClassVar[bool] = True
    kind: Literal["jsonl"] = "jsonl"
    file: Path
    licence: str = ""


@dataclass(frozen=True)
class _Row:
    image: str
    texts: list[str]
    name: str
    label: int
    licence: str


class JsonLinesSource(Source[CaptionedImage]):
    """One source per line, in the file's order; texts are kept as they are, empty ones are left out."""

    name = "jsonl"
    spec_type = JsonLinesSpec
    shorthand = "jsonl:FILE"
    provides = "captions"

    def __init__(self, spec: JsonLinesSpec) -> None:
        self.spec, self.licence = spec, spec.licence

    def _rows(self) -> list[_Row]:
        where = str(self.spec.file)
        try:
            # Only line feeds end a line: JSON strings may hold U+2028 and its like as they are.
            lines = read_text(self.spec.file).split("\n")
        except FileProblem as error:
            fix = "pass --source jsonl:FILE, in UTF-8"
            raise SourceError(f"the file can't be read: {error}", where=where, fix=fix) from error
        rows = [self._parse(line, number) for number, line in enumerate(lines, 1) if line.strip()]
        if not rows:
            raise SourceError("the file has no lines", where=where, fix=FIX)
        return rows

    def _parse(self, line: str, number: int) -> _Row:
        where = f"{self.spec.file}, line {number}"
        try:
            row = json.loads(line, object_pairs_hook=unrepeated)
        except (ValueError, RecursionError) as error:
            raise SourceError(f"the line is not JSON: {error}", where=where, fix=FIX) from error
        try:
            return _checked(row, self.licence)
        except ValueError as error:
            raise SourceError(str(error), where=where, fix=FIX) from error

    def records(self) -> Iterator[SourceRecord]:
        rows, where = self._rows(), str(self.spec.file)
        warn_of_empty((text for row in rows for text in row.texts), where)
        names = distinct(row.name for row in rows)
        yield from with_captions(in_threads(lambda pair: self._record(*pair), zip(names, rows, strict=True)), where)

    def _record(self, name: str, row: _Row) -> SourceRecord:
        captions = caption_records(row.texts, label=row.label)
        return listed_record(
            partial(image_facts, self._path(row.image), released_name(row.image)),
            id=name,
            image=row.image,
            captions=captions,
            licence=row.licence,
        )

    def _path(self, reference: str) -> Path:
        return self.spec.file.parent / reference

    def load(self, record: SourceRecord) -> CaptionedImage:
        return CaptionedImage(record, read_image(self._path(record.image), record))


def _checked(row: Any, licence: str) -> _Row:
    """Return the line's fields.

    Raises:
        ValueError: A field is missing or of another type.
    """
    if not isinstance(row, dict) or not isinstance(row.get("image"), str) or not row["image"]:
        raise ValueError("the line is not an object with an image")
    texts = row.get("texts", [row.get("text")])
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise ValueError('the line has neither "texts", a list of strings, nor "text", a string')
    label, name, terms = row.get("label"), row.get("id"), row.get("licence", licence)
    # True and 1.0 equal 1 and would be found among the labels; lists can't be looked up at all.
    if isinstance(label, (bool, float, list, dict)) or label not in LABELS:
        raise ValueError(f"the label {label!r:.60} is not one of entailment, neutral, contradiction, 0, 1, 2")
    if isinstance(name, bool) or not isinstance(name, (str, int, type(None))) or not isinstance(terms, str):
        raise ValueError("the id is a string or a whole number, and the licence a string")
    if not is_unicode([row["image"], texts, name, terms]):
        raise ValueError("the line holds half of a surrogate pair, which is not text")
    return _Row(row["image"], texts, Path(row["image"]).stem if name is None else str(name), LABELS[label], terms)
