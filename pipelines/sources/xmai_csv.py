"""Captions with the objects and attributes of a published detector, as XMAI's scripts (arXiv 2306.11065) read them."""

from __future__ import annotations

from ast import literal_eval
from collections.abc import Iterator
from functools import cached_property, partial
from pathlib import Path
from typing import Any, ClassVar, Literal

from editmill.generators.base.loaded import CaptionedImage, Unusable
from editmill.generators.base.reasons import Reason
from editmill.generators.base.sources import Source, Spec, resolved
from editmill.manifests.canonical import digest
from editmill.manifests.errors import SourceError
from editmill.manifests.records import CaptionRecord, SourceRecord, released_name
from editmill.manifests.threads import in_threads
from editmill.pipelines.sources.jsonl import LABELS
from editmill.pipelines.sources.reading import check_unchanged, image_facts, listed_record, read_image
from editmill.pipelines.sources.table import Row, identities, read_table
from editmill.pipelines.sources.texts import warn_of_empty, with_captions

FIX = "pass --source xmai-csv:CAPTIONS.csv,IMAGES, whose columns are text, file, objects and attributes"
LISTS = "each cell is a list as in ['dog', 'ball'], with as many attributes as objects"

# The name and the attribute of each box.
Detected = tuple[tuple[str, str], ...]


class XmaiCsvSpec(Spec):
    """A CSV file with a caption per row.

    Attributes:
        captions: The file, with the columns ``objects`` and ``attributes``: Python lists of equal length. ``label``
            (entailment, neutral or contradiction) is optional.
        images: Folder with the pictures; empty for the file's own.
        text_column: The column with the captions; the published table of COCO calls it ``original``.
        file_column: The column with the pictures' names.
        licence: Terms of the pictures.
    """

    stores: ClassVar[bool] = True
    kind: Literal["xmai-csv"] = "xmai-csv"
    captions: Path
    images: Path | None = None
    text_column: str = "text"
    file_column: str = "file"
    licence: str = ""


class XmaiCsvSource(Source[CaptionedImage]):
    """One source per picture and what was detected in it, with its captions in the table's order, as they are."""

    name = "xmai-csv"
    spec_type = XmaiCsvSpec
    shorthand = "xmai-csv:CAPTIONS.csv[,IMAGES]"
    provides = "captions"

    def __init__(self, spec: XmaiCsvSpec) -> None:
        self.spec, self.licence = spec, spec.licence
        self.folder = spec.images or spec.captions.parent

    @classmethod
    def parse(cls, rest: str) -> dict[str, Any]:
        captions, _, images = rest.partition(",")
        fields = super().parse(captions)
        return {**fields, "images": resolved(images, stores=True)} if images else fields

    @cached_property
    def _rows(self) -> dict[str, list[Row]]:
        """The rows of each source."""
        table = read_table(self.spec.captions, FIX)
        table.require_columns((self.spec.text_column, self.spec.file_column, "objects", "attributes"), FIX)
        table.check_cells()
        rows: dict[tuple[str, ...], list[Row]] = {}
        for row in table.rows:
            place = tuple(row[name] for name in (self.spec.file_column, "objects", "attributes"))
            rows.setdefault(place, []).append(row)
        return dict(zip(identities(file for file, *_ in rows), rows.values(), strict=True))

    def records(self) -> Iterator[SourceRecord]:
        rows, where = self._rows, str(self.spec.captions)
        warn_of_empty((row[self.spec.text_column] for mine in rows.values() for row in mine), where)
        yield from with_captions(in_threads(self._record, rows), where)

    def _record(self, identity: str) -> SourceRecord:
        rows = self._rows[identity]
        file = rows[0][self.spec.file_column]
        texts = [(row[self.spec.text_column], self._label(row)) for row in rows]
        return listed_record(
            partial(image_facts, self.folder / file, released_name(file)),
            id=identity,
            image=file,
            captions=tuple(
                CaptionRecord(id=str(place), text=text, label=label)
                for place, (text, label) in enumerate(texts)
                if text.strip()
            ),
            licence=self.licence,
            objects_sha256=digest(self._detected(identity)),
        )

    def load(self, record: SourceRecord) -> CaptionedImage:
        if record.id not in self._rows:
            raise Unusable(Reason.SOURCE_CHANGED, f"{record.image_name}: no longer in the table")
        detected = self._detected(record.id)
        check_unchanged(digest(detected), record.objects_sha256, record, f"{record.image_name}: its objects")
        return CaptionedImage(record, read_image(self.folder / record.image, record), detected=detected)

    def _detected(self, identity: str) -> Detected:
        row = self._rows[identity][0]
        pairs = _pairs(row)
        if pairs is None:
            what = f"the objects and attributes of {row[self.spec.file_column]} are no lists of texts of equal length"
            raise SourceError(what, where=str(self.spec.captions), fix=LISTS)
        return pairs

    def _label(self, row: Row) -> int:
        label = row.get("label") or None
        if label not in LABELS:
            what = f"the label {label!r:.60} is not one of entailment, neutral, contradiction"
            raise SourceError(what, where=str(self.spec.captions), fix="correct it, or leave it empty")
        return LABELS[label]


def _pairs(row: Row) -> Detected | None:
    """Return names with their attributes; None where the cells hold something else."""
    try:
        objects, attributes = literal_eval(row["objects"]), literal_eval(row["attributes"])
        pairs = tuple(zip(objects, attributes, strict=True))
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None
    return pairs if all(isinstance(part, str) for pair in pairs for part in pair) else None
