"""Lists of ImageNet's classes: the class index of each wnid, and the classes that ImageNet-S numbers."""

from __future__ import annotations

import re
from pathlib import Path

from editmill.manifests.errors import SourceError
from editmill.manifests.files import FileProblem, read_json, read_text
from editmill.pipelines.sources.table import IMAGENET_CLASSES, IMAGENET_COLUMN, read_table

WNID = re.compile(r"n[0-9]{8}")
INDEX = re.compile(r"[0-9]{1,4}")
HOW_TO_GET = (
    "name a CSV file with the columns imagenet_index, wnid and label, or the usual imagenet_class_index.json, with "
    "--set source.index=PATH. "
    "The index is the place, from 0, of a wnid among all 1000 in sorted order: "
    '(echo imagenet_index,wnid,label; ls ILSVRC2012/train | sort | awk \'{print NR-1","$1","$1}\') > classes.csv'
)


def read_index(path: Path) -> dict[str, tuple[int, str]]:
    """Return the class index and name by wnid.

    Raises:
        SourceError: The file is missing or holds something else, or a wnid or an index twice; the message says where
            such a file comes from.
    """
    if not path.exists():
        what = "the class index of each wnid is not there, so photographs have no labels"
        raise SourceError(what, where=str(path), fix=HOW_TO_GET)
    rows = _from_json(path) if path.suffix == ".json" else _from_csv(path)
    found: dict[str, tuple[int, str]] = {}
    wnids: dict[str, str] = {}
    for index, wnid, name in rows:
        _require(WNID.fullmatch(wnid) is not None, f"{wnid!r} is not a wnid", path)
        right = INDEX.fullmatch(index) is not None and int(index) < IMAGENET_CLASSES
        _require(right, f"{wnid} has the index {index!r}; ImageNet's are 0 to {IMAGENET_CLASSES - 1}", path)
        _require(wnid not in found, f"{wnid} is there twice", path)
        other = wnids.setdefault(str(int(index)), wnid)
        _require(other == wnid, f"{other} and {wnid} have the same index {index}", path)
        found[wnid] = (int(index), name)
    _require(bool(found), "the class index is empty", path)
    return found


def _require(condition: bool, what: str, path: Path) -> None:
    if not condition:
        raise SourceError(what, where=str(path), fix=HOW_TO_GET)


def _from_csv(path: Path) -> list[tuple[str, str, str]]:
    table = read_table(path, HOW_TO_GET)
    for column in (IMAGENET_COLUMN, "wnid"):
        what = f"not a readable class index: it has no column {column}, but {', '.join(table.columns) or 'none'}"
        _require(column in table.columns, what, path)
    table.check_cells()
    return [(row[IMAGENET_COLUMN].strip(), row["wnid"], row.get("label") or row["wnid"]) for row in table.rows]


def _from_json(path: Path) -> list[tuple[str, str, str]]:
    try:
        document = read_json(path)
        # The usual file writes blanks as underscores.
        return [(index, str(wnid), str(name).replace("_", " ")) for index, (wnid, name) in document.items()]
    except FileProblem as problem:
        raise SourceError(f"not a readable class index: {problem}", where=str(path), fix=HOW_TO_GET) from problem
    except (AttributeError, TypeError, ValueError) as error:
        what = 'not a readable class index: its entries are not of the form "1": ["n01443537", "goldfish"]'
        raise SourceError(what, where=str(path), fix=HOW_TO_GET) from error


def read_class_list(path: Path) -> list[str]:
    """Return the wnids in a text file, one a line, sorted, as ImageNet-S numbers them; its own list is not in order.

    Raises:
        SourceError: The file is missing, empty, or holds something else or a wnid twice.
    """
    fix = "pass ImageNetS_categories_im919.txt of ImageNet-S with --set source.classes=PATH"
    try:
        lines = [line.split()[0] for line in read_text(path).splitlines() if line.strip()]
    except FileProblem as error:
        raise SourceError(f"the class list can't be read: {error}", where=str(path), fix=fix) from error
    wrong = [line for line in lines if not WNID.fullmatch(line)]
    if wrong or not lines or len(set(lines)) < len(lines):
        what = (
            f"{wrong[0]!r} is not a wnid"
            if wrong
            else "a wnid is in the class list twice"
            if lines
            else "the class list is empty"
        )
        raise SourceError(what, where=str(path), fix=fix)
    return sorted(lines)
