"""The CSV file that describes a folder of photographs."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path

from editmill.manifests.errors import SourceError

# The first holds indices of ImageNet's thousand classes.
IMAGENET_COLUMN, IMAGENET_CLASSES = "imagenet_index", 1000
LABEL_COLUMNS = (IMAGENET_COLUMN, "label_index", "index", "label")
LABEL = re.compile(r"[0-9]{1,7}")
NAME_COLUMNS = ("class_name", "label", "wnid")

Row = dict[str, str]


@dataclass(frozen=True)
class Table:
    """The file, its columns in order, and its rows; paths in them are relative to the file's folder."""

    path: Path
    columns: tuple[str, ...]
    rows: list[Row]

    def require(self, condition: bool, what: str, fix: str) -> None:
        """Raise unless ``condition`` holds.

        Raises:
            SourceError: With the file and its columns as the place.
        """
        if not condition:
            raise SourceError(what, where=f"{self.path} (columns: {', '.join(self.columns) or 'none'})", fix=fix)

    def label_column(self, named: str = "") -> str:
        """Return the column ``named``, or else the first usual one, that holds a whole number in every row.

        Raises:
            SourceError: There is none, or it is ``imagenet_index`` and holds a number that no class of ImageNet has.
        """
        seen: list[str] = []
        choice = (named,) if named else LABEL_COLUMNS
        for column in choice:
            if column in self.columns:
                wrong = [
                    number
                    # Line 1 is the head.
                    for number, row in enumerate(self.rows, 2)
                    if not LABEL.fullmatch((row[column] or "").strip())
                ]
                if not wrong:
                    self._check_imagenet(column)
                    return column
                seen.append(f"{column} has no whole number in line {wrong[0]}")
        raise SourceError(
            f"no label column with whole numbers ({'; '.join(seen) or 'looked for ' + ', '.join(choice)})",
            where=f"{self.path} (columns: {', '.join(self.columns) or 'none'})",
            fix="add a column imagenet_index with the class index, or name yours with --set source.label_column=…",
        )

    def _check_imagenet(self, column: str) -> None:
        for number, row in enumerate(self.rows, 2):
            if column == IMAGENET_COLUMN and int(row[column]) >= IMAGENET_CLASSES:
                raise SourceError(
                    f"{column} is {row[column]} in line {number}; ImageNet's classes are 0 to {IMAGENET_CLASSES - 1}",
                    where=str(self.path),
                    fix=f"correct the line or, where the classes are your own, rename the column to {LABEL_COLUMNS[1]}",
                )


def read_table(path: Path) -> Table:
    """Read the file.

    Raises:
        SourceError: It can't be read as CSV in UTF-8.
    """
    try:
        # Spreadsheets put a byte-order mark first, which would become part of the first column's name.
        with path.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.DictReader(stream)
            return Table(path, tuple(reader.fieldnames or ()), list(reader))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise SourceError(
            f"the labels file can't be read: {error}", where=str(path), fix="pass --source folder:PATH/labels.csv"
        ) from error


def identities(references: Iterable[str]) -> list[str]:
    """Return an id for each photograph: its file name without suffix, with a number where two would be equal."""
    return distinct(Path(reference).stem for reference in references)


def distinct(names: Iterable[str]) -> list[str]:
    """Return the names, with a number where one is empty or two would be equal."""
    seen: dict[str, None] = {}
    for number, name in enumerate(names):
        stem = name or f"row-{number + 1}"
        choices = chain((stem,), (f"{stem}-{n}" for n in count(number)))
        seen.setdefault(next(choice for choice in choices if choice not in seen))
    return list(seen)


def class_name(row: Row) -> str:
    """Return the class's name in the first usual column that has one, or ``""``."""
    return next((row[column] for column in NAME_COLUMNS if row.get(column)), "")
