"""CSV files: the one that describes a folder of photographs, and lists of classes."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path

from editmill.manifests.errors import SourceError
from editmill.manifests.files import FileProblem, read_text

# The first holds indices of ImageNet's thousand classes.
IMAGENET_COLUMN, IMAGENET_CLASSES = "imagenet_index", 1000
LABEL_COLUMNS = (IMAGENET_COLUMN, "label_index", "index", "label")
LABEL = re.compile(r"[0-9]{1,7}")
NAME_COLUMNS = ("class_name", "label", "wnid")
# Datasets list the name of every label up to the greatest; published sets of classes are smaller than this.
USUAL_LABELS, LABELS_PER_CLASS = 100_000, 100
DELIMITERS = {";": "semicolons", "\t": "tabs", "|": "bars"}
MOST_BYTES = 2**28

Row = dict[str, str]


@dataclass(frozen=True)
class Table:
    """A CSV file; paths in it are relative to the file's folder.

    Attributes:
        path: The file.
        columns: In order, each once.
        rows: Cells by column; those that a short row lacks are empty.
        lines: Where each row ends in the file.
        odd: By a row's place, what is wrong with its number of cells.
    """

    path: Path
    columns: tuple[str, ...]
    rows: list[Row]
    lines: list[int]
    odd: dict[int, str]

    def require(self, condition: bool, what: str, fix: str) -> None:
        """Raise unless ``condition`` holds.

        Raises:
            SourceError: With the file and its columns as the place.
        """
        if not condition:
            raise self._refusal(what, fix)

    def require_columns(self, columns: Iterable[str], fix: str) -> None:
        """Raise unless the columns are there, and below them a row.

        Raises:
            SourceError: One is missing, or the file has no rows.
        """
        for column in columns:
            self.require(column in self.columns, f"column {column!r} is missing", fix)
        self.require(bool(self.rows), "the file has no rows", fix)

    def check_cells(self) -> None:
        """Refuse a row with more or fewer cells than there are columns: some cells are not in their column.

        Raises:
            SourceError: There is one; its line is named.
        """
        fix = 'give every row a cell for every column, and put text with commas into quotes, as in "cup, blue"'
        self.require(not self.odd, next(iter(self.odd.values()), ""), fix)

    def label_column(self, named: str = "") -> str:
        """Return the column ``named``, or else the first usual one, that holds a whole number in every row.

        Raises:
            SourceError: There is none, or it holds a number that no class has.
        """
        seen: list[str] = []
        choice = (named,) if named else LABEL_COLUMNS
        for column in choice:
            if column in self.columns:
                wrong = [line for line, row in self._lined() if not LABEL.fullmatch(row[column].strip())]
                if not wrong:
                    self._check_range(column)
                    return column
                seen.append(f"{column} has no whole number in line {wrong[0]}")
        what = f"no label column with whole numbers ({'; '.join(seen) or 'looked for ' + ', '.join(choice)})"
        fix = "add a column imagenet_index with the class index, or name yours with --set source.label_column=…"
        raise self._refusal(what, fix)

    def class_names(self, column: str) -> dict[int, str]:
        """Return the name of every label in a column of whole numbers; a label without any is its own name.

        Raises:
            SourceError: One label has two names, or one name two labels; both lines are named.
        """
        names: dict[int, tuple[str, int]] = {}
        # ImageNet gives two classes the name crane.
        labels: dict[tuple[str, str], tuple[int, int]] = {}
        for line, row in self._lined():
            label, name = int(row[column]), class_name(row)
            if not name:
                continue
            other, first = names.setdefault(label, (name, line))
            if other != name:
                what = f"label {label} is {other!r} in line {first} and {name!r} in line {line}"
                raise SourceError(what, where=str(self.path), fix=f"give every class one number in {column}")
            known, first = labels.setdefault((name, row.get("wnid", "")), (label, line))
            if known != label and column != IMAGENET_COLUMN:
                what = f"{name!r} has the label {known} in line {first} and {label} in line {line}"
                raise SourceError(what, where=str(self.path), fix="give every class one number, and a name of its own")
        found = {int(row[column]) for row in self.rows}
        return {label: names[label][0] if label in names else str(label) for label in found}

    def _refusal(self, what: str, fix: str) -> SourceError:
        return SourceError(what, where=f"{self.path} (columns: {', '.join(self.columns) or 'none'})", fix=fix)

    def _lined(self) -> Iterator[tuple[int, Row]]:
        return zip(self.lines, self.rows, strict=True)

    def _check_range(self, column: str) -> None:
        classes = len({int(row[column]) for row in self.rows})
        most = IMAGENET_CLASSES if column == IMAGENET_COLUMN else max(USUAL_LABELS, LABELS_PER_CLASS * classes)
        for line, row in self._lined():
            if int(row[column]) < most:
                continue
            what, fix = f"{column} is {row[column].strip()} in line {line}", "correct the line"
            if column == IMAGENET_COLUMN:
                what += f"; ImageNet's classes are 0 to {most - 1}"
                fix += f" or, where the classes are your own, rename the column to {LABEL_COLUMNS[1]}"
            else:
                what += f", too much for {classes} {'class' if classes == 1 else 'classes'}: labels are below {most:,}"
                fix += ", or number your classes from 0"
            raise SourceError(what, where=str(self.path), fix=fix)


def read_table(path: Path, fix: str = "pass --source folder:PATH/labels.csv") -> Table:
    """Read a CSV file with commas, in UTF-8.

    Raises:
        SourceError: It can't be read, has another delimiter or a column twice, or holds NUL.
    """
    try:
        text = read_text(path, most=MOST_BYTES)
    except FileProblem as problem:
        raise SourceError(f"the table can't be read: {problem}", where=str(path), fix=fix) from problem
    before, nul, _ = text.partition("\0")
    if nul:
        what = f"line {len(before.splitlines()) or 1} holds the character NUL, so this is no text file"
        raise SourceError(what, where=str(path), fix="save it as CSV in UTF-8")
    # Lenient reading takes all lines behind a quote that is never closed for one cell.
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        lines, cells = list[int](), list[list[str]]()
        for row in reader:
            if row:
                lines.append(reader.line_num)
                cells.append(row)
    except csv.Error as error:
        fix = "correct the line; a quote inside of quotes is written twice"
        raise SourceError(f"line {reader.line_num} is no CSV: {error}", where=str(path), fix=fix) from error
    columns = _columns(cells[0] if cells else [], path)
    places, odd = [place for place, name in enumerate(columns) if name], dict[int, str]()
    for number, (line, row) in enumerate(zip(lines[1:], cells[1:], strict=True)):
        if len(row) < len(columns) or any(row[len(columns) :]):
            odd[number] = f"line {line} has {len(row)} cells, and the first line names {len(columns)} columns"
    rows = [{columns[place]: row[place] if place < len(row) else "" for place in places} for row in cells[1:]]
    return Table(path, tuple(columns[place] for place in places), rows, lines[1:], odd)


def _columns(head: Sequence[str], path: Path) -> Sequence[str]:
    """Return the names of the columns; spreadsheets leave some empty at the end."""
    for delimiter, words in DELIMITERS.items():
        if len(",".join(head).split(delimiter)) > max(len(head), 1):
            what = f"the columns are separated by {words} (delimiter {delimiter!r}), not by commas"
            raise SourceError(what, where=str(path), fix="save the file as CSV with commas")
    twice = [name for place, name in enumerate(head) if name and name in head[:place]]
    if twice:
        raise SourceError(f"column {twice[0]!r} is there twice", where=str(path), fix="delete or rename one of them")
    return head


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
