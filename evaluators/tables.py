"""Tables: cells as numbers under columns that say what they are, and one writer per form."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, ClassVar

from pydantic import ConfigDict

from editmill.evaluators.figures import TOO_FEW, Interval, p_text
from editmill.manifests.wording import markdown_text

# By unit, what fractions are multiplied by where people read them; JSON and CSV hold them as they are.
FACTORS = {"%": 100, "points": 100}
_LATEX = {
    **{letter: f"\\{letter}" for letter in "&%$#_{}"},
    **{"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"},
    **{"<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}"},
}


@dataclass(frozen=True)
class Figure:
    """A number with the ends of its interval, None where it rests on too little for one."""

    value: float
    low: float | None
    high: float | None


# Text stays as it is; None was not measured; a pair of texts takes the place of a number and its interval.
Cell = str | int | float | Figure | Interval | tuple[str, str] | None


@dataclass(frozen=True)
class Column:
    """What the cells of a column are.

    Attributes:
        title: What it shows.
        unit: Of the numbers as they are read, such as ``%``, ``points`` or ``dB``.
        digits: Decimals; None for texts and whole numbers.
        signed: Whether numbers above zero have a sign.
        interval: Title of the interval's column, such as ``95 %``; "" where cells have none.
        p_values: Whether they are p-values, which are cut at 0.001.
        words: Whether the column is of texts, which stand left in their cells.
    """

    title: str
    unit: str = ""
    digits: int | None = None
    signed: bool = False
    interval: str = ""
    p_values: bool = False
    words: bool = False

    @property
    def heads(self) -> list[str]:
        """The titles above its cells, with the unit unless the title names it: one, or two with an interval."""
        known = not self.unit or self.unit in self.title
        return [self.title if known else f"{self.title}, {self.unit}", *([self.interval] if self.interval else [])]

    def texts(self, cell: Cell) -> list[str]:
        """Return a cell as people read it, in as many parts as the column has titles."""
        if isinstance(cell, Interval):
            parts = (self._number(cell.value), self._range(cell))
        else:
            parts = cell if isinstance(cell, tuple) else (self._number(cell), "")
        return list(parts[: len(self.heads)])

    def values(self, cell: Cell) -> list[str | int | float | None]:
        """Return a cell as machines read it, in three parts where the column has an interval."""
        if isinstance(cell, Interval):
            parts: tuple[Any, ...] = (cell.value, cell.low, cell.high)
        else:
            parts = (cell[0] if isinstance(cell, tuple) else cell, None, None)
        return list(parts if self.interval else parts[:1])

    def _number(self, value: str | float | None) -> str:
        if value is None or isinstance(value, str):
            return "-" if value is None else value
        if self.p_values:
            return p_text(value)
        if self.digits is None:
            return str(value) if isinstance(value, int) else f"{value:.3g}"
        text = f"{value * FACTORS.get(self.unit, 1):{'+' if self.signed else ''}.{self.digits}f}"
        # What rounds to nothing has no sign.
        return text if text.strip("+-0.") else text.lstrip("+-")

    def _range(self, found: Interval) -> str:
        if found.low is None or found.high is None:
            return TOO_FEW
        return f"[{self._number(found.low)}, {self._number(found.high)}]"


def words(title: str) -> Column:
    """Return a column of texts."""
    return Column(title, words=True)


def count(title: str) -> Column:
    """Return a column of whole numbers."""
    return Column(title)


def percent(title: str, *, interval: str = "", digits: int = 1) -> Column:
    """Return a column of fractions that are read as percentages."""
    return Column(title, "%", digits, interval=interval)


def points(title: str, *, interval: str = "") -> Column:
    """Return a column of differences of fractions that are read as percentage points, with their sign."""
    return Column(title, "points", 1, signed=True, interval=interval)


def decimal(title: str, digits: int = 3, *, unit: str = "", signed: bool = False, interval: str = "") -> Column:
    """Return a column of numbers with so many decimals."""
    return Column(title, unit, digits, signed, interval)


def p_value(title: str) -> Column:
    """Return a column of p-values."""
    return Column(title, p_values=True)


@dataclass(frozen=True)
class Block:
    """A table as a page shows it: titles of columns with whether they hold texts, and rows of texts."""

    title: str
    heads: list[tuple[str, bool]]
    rows: list[list[str]]


@dataclass(frozen=True)
class Table:
    """A titled table.

    Attributes:
        title: What it shows.
        columns: The shared columns, then those of one block.
        rows: Cells, as many as shared columns and as many blocks of the others as there are groups.
        notes: How to read it, a line each.
        groups: Titles of equal blocks of columns after the shared ones, such as a model each. Text has them side by
            side, a page has a table for each.
        shared: Leading columns that name a row.
        controls: Numbers of the rows that a page shows in grey.
        foot: Whether the last row sums the others up.
    """

    # For those who read tables back from JSON, where cells are never mere protocols.
    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(arbitrary_types_allowed=True)

    title: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    notes: Sequence[str] = ()
    groups: Sequence[str] = ()
    shared: int = 2
    controls: Sequence[int] = ()
    foot: bool = False

    @property
    def all_columns(self) -> list[Column]:
        """The columns of all groups."""
        return [*self.columns[: self.shared], *list(self.columns[self.shared :]) * max(1, len(self.groups))]

    @property
    def heads(self) -> list[str]:
        """Titles of all columns as they are read, an interval's own title included."""
        return [head for column in self.all_columns for head in column.heads]

    @property
    def texts(self) -> list[list[str]]:
        """All rows as they are read."""
        return [[part for one, cell in self._cells(row) for part in one.texts(cell)] for row in self.rows]

    @property
    def fields(self) -> list[str]:
        """Names of all columns as machines read them, those of several groups behind the group's name."""
        named: list[tuple[str, Column]] = [("", column) for column in self.columns[: self.shared]]
        for group in self.groups or ("",):
            named += [(f"{group}: " if group else "", column) for column in self.columns[self.shared :]]
        ends = ("", " low", " high")
        return [f"{group}{one.title}{end}" for group, one in named for end in ends[: 3 if one.interval else 1]]

    @property
    def values(self) -> list[list[Any]]:
        """All rows as machines read them: shares as fractions, nothing rounded."""
        return [[part for one, cell in self._cells(row) for part in one.values(cell)] for row in self.rows]

    @property
    def blocks(self) -> list[Block]:
        """The tables that a page shows: one per group, or one."""
        found, shared, width = [], self.shared, len(self.columns) - self.shared
        for number, group in enumerate(self.groups or ("",)):
            start = shared + number * width
            part = replace(self, groups=(), rows=[[*row[:shared], *row[start : start + width]] for row in self.rows])
            heads = [(head, column.words) for column in self.columns for head in column.heads]
            found.append(Block(group, heads, part.texts))
        return found

    def _cells(self, row: Sequence[Cell]) -> list[tuple[Column, Cell]]:
        return list(zip(self.all_columns, row, strict=True))


def to_text(table: Table) -> str:
    """Return the title, aligned columns with groups side by side, and the notes."""
    shared = sum(len(column.heads) for column in table.columns[: table.shared])
    lines = align([table.heads, *table.texts], shared=min(shared, len(table.heads) - 1), titles=table.groups)
    if table.foot:
        # The rule below the head once more, above the line that sums up.
        lines.insert(-1, lines[2 if table.groups else 1])
    return "\n".join([table.title, *lines, *table.notes]) + "\n"


def align(body: Sequence[Sequence[str]], *, shared: int, titles: Sequence[str] = ()) -> list[str]:
    """Align rows of cells, the first of which is the head, with a rule below it.

    Args:
        body: Rows of equal length: the shared cells, then a block of cells per title, or one block without titles.
        shared: Leading cells that all blocks share.
        titles: What stands above the blocks.
    """
    widths = [max(len(row[index]) for row in body) for index in range(len(body[0]))]
    block = (len(widths) - shared) // max(1, len(titles))
    for number, title in enumerate(titles):
        start = shared + number * block
        spare = len(title) - sum(widths[start : start + block]) - 2 * (block - 1)
        widths[start + block - 1] += max(0, spare)

    def line(cells: Sequence[str]) -> str:
        padded = [cell.rjust(width) for cell, width in zip(cells, widths, strict=True)]
        padded[0] = cells[0].ljust(widths[0])
        groups = [padded[:shared], *(padded[at : at + block] for at in range(shared, len(padded), block))]
        return " | ".join("  ".join(group) for group in groups).rstrip()

    spans = [sum(widths[at : at + block]) + 2 * (block - 1) for at in range(shared, len(widths), block)]
    left = sum(widths[:shared]) + 2 * (shared - 1)
    named = (text.ljust(span) for text, span in zip(titles, spans, strict=False))
    above = [" | ".join([" " * left, *named]).rstrip()] if titles else []
    rule = "-+-".join("-" * span for span in [left, *spans])
    return [*above, line(body[0]), rule, *(line(row) for row in body[1:])]


def to_csv(table: Table) -> str:
    """Return a line per row, with shares as fractions; what was not measured is empty."""
    buffer = io.StringIO()
    # csv would end lines with a carriage return too.
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerows([table.fields, *table.values])
    return buffer.getvalue()


def to_json(table: Table) -> str:
    """Return the table with its columns and notes; rows have the cells of all groups."""
    return json.dumps(document_of(table), indent=1) + "\n"


def document_of(table: Table) -> dict[str, Any]:
    """Return the table as JSON values, from which it can be made again."""
    rows = [list(map(_cell_document, row)) for row in table.rows]
    plain = {name: list(getattr(table, name)) for name in ("notes", "groups", "controls")}
    columns = [asdict(column) for column in table.columns]
    return {**asdict(replace(table, columns=(), rows=())), "columns": columns, "rows": rows, **plain}


def _cell_document(cell: Cell) -> Any:
    if isinstance(cell, Interval):
        return {"value": cell.value, "low": cell.low, "high": cell.high}
    return list(cell) if isinstance(cell, tuple) else cell


def to_latex(table: Table) -> str:
    """Return a table environment in the style of the package booktabs, which it needs."""
    aligned = "".join(("l" if column.words else "r") * len(column.heads) for column in table.all_columns)
    rows = [_latex_row(cells) for cells in table.texts]
    foot = ["\\midrule", rows.pop()] if table.foot else []
    head = [*_latex_groups(table), _latex_row(table.heads)]
    notes = [f"\\par\\smallskip\\footnotesize {latex_text(' '.join(table.notes))}"] if table.notes else []
    return "\n".join(
        [
            "\\begin{table}",
            "\\centering",
            f"\\caption{{{latex_text(table.title)}}}",
            f"\\begin{{tabular}}{{{aligned}}}",
            *("\\toprule", *head, "\\midrule", *rows, *foot, "\\bottomrule"),
            "\\end{tabular}",
            *notes,
            "\\end{table}\n",
        ]
    )


def _latex_groups(table: Table) -> list[str]:
    """Return the line of the groups' titles, each above a rule as wide as its columns."""
    if not table.groups:
        return []
    shared, width = (sum(len(column.heads) for column in part) for part in _parted(table))
    titles = [f"\\multicolumn{{{width}}}{{c}}{{{latex_text(group)}}}" for group in table.groups]
    starts = [shared + 1 + number * width for number in range(len(titles))]
    rules = "".join(f"\\cmidrule(lr){{{start}-{start + width - 1}}}" for start in starts)
    return [" & ".join([""] * shared + titles) + " \\\\", rules]


def _parted(table: Table) -> tuple[Sequence[Column], Sequence[Column]]:
    return table.columns[: table.shared], table.columns[table.shared :]


def _latex_row(cells: Sequence[str]) -> str:
    # A hyphen before a digit is a minus. A bracket behind the end of the line above would be an option of it.
    shown = [re.sub(r"(?<![\w.-])-(?=[\d.])", "$-$", latex_text(cell)) for cell in cells]
    return ("{}" if cells[0].startswith("[") else "") + " & ".join(shown) + " \\\\"


def latex_text(text: str) -> str:
    """Return a text in one line whose special letters LaTeX prints as they are."""
    return "".join(_LATEX.get(letter, letter) for letter in " ".join(text.split()))


def to_markdown(table: Table) -> str:
    """Return the title in bold, a pipe table, groups by their names in the titles of columns, and the notes."""
    shared, block = (len([head for one in part for head in one.heads]) for part in _parted(table))
    groups = [""] * shared + [f"{group}: " if group else "" for group in table.groups or ("",) for _ in range(block)]
    heads = [f"{group}{head}" for group, head in zip(groups, table.heads, strict=True)]
    rule = [":--" if one.words else "--:" for one in table.all_columns for _ in one.heads]
    lines = [_pipes(map(markdown_text, heads)), _pipes(rule), *(_pipes(map(markdown_text, row)) for row in table.texts)]
    notes = [markdown_text(" ".join(table.notes))] if table.notes else []
    return "\n\n".join([f"**{markdown_text(table.title)}**", "\n".join(lines), *notes]) + "\n"


def _pipes(cells: Any) -> str:
    return "| " + " | ".join(cells) + " |"


# By form, the writer and the ending of its files.
WRITERS: dict[str, tuple[Callable[[Table], str], str]] = {
    "text": (to_text, "txt"),
    "csv": (to_csv, "csv"),
    "json": (to_json, "json"),
    "latex": (to_latex, "tex"),
    "markdown": (to_markdown, "md"),
}


def table_files(tables: Sequence[Table]) -> dict[str, str]:
    """Return every table in every form, by names of files such as ``01-accuracy-by-edit.csv``."""
    named = [(f"{number:02}-{_slug(table.title)}", table) for number, table in enumerate(tables, start=1)]
    return {f"{name}.{end}": write(table) for name, table in named for write, end in WRITERS.values()}


def _slug(title: str) -> str:
    return "-".join(re.findall(r"[a-z0-9]+", title.lower()))[:60].strip("-") or "table"
