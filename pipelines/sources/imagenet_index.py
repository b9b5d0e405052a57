"""Lists of ImageNet's classes: the class index of each wnid, and the classes that ImageNet-S numbers."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

from editmill.manifests.errors import SourceError

WNID = re.compile(r"n[0-9]{8}")
HOW_TO_GET = (
    "name a CSV file with the columns imagenet_index, wnid and label, or the usual imagenet_class_index.json, with "
    "--set source.index=PATH. "
    "The index is the place, from 0, of a wnid among all 1000 in sorted order: "
    '(echo imagenet_index,wnid,label; ls ILSVRC2012/train | sort | awk \'{print NR-1","$1","$1}\') > classes.csv'
)


def read_index(path: Path) -> dict[str, tuple[int, str]]:
    """Return the class index and name by wnid.

    Raises:
        SourceError: The file is missing or holds something else; the message says where such a file comes from.
    """
    if not path.is_file():
        raise SourceError(
            "the class index of each wnid is not there, so photographs have no labels", where=str(path), fix=HOW_TO_GET
        )
    try:
        found = _from_json(path) if path.suffix == ".json" else _from_csv(path)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError, csv.Error) as error:
        raise SourceError(f"not a readable class index: {error!r}", where=str(path), fix=HOW_TO_GET) from error
    wrong = [wnid for wnid in found if not WNID.fullmatch(wnid)]
    if wrong or not found:
        raise SourceError(
            f"{wrong[0]!r} is not a wnid" if wrong else "the class index is empty", where=str(path), fix=HOW_TO_GET
        )
    return found


def _from_csv(path: Path) -> dict[str, tuple[int, str]]:
    with path.open(newline="", encoding="utf-8-sig") as stream:
        return {
            row["wnid"]: (int(row["imagenet_index"]), row.get("label") or row["wnid"]) for row in csv.DictReader(stream)
        }


def _from_json(path: Path) -> dict[str, tuple[int, str]]:
    document = json.loads(path.read_text(encoding="utf-8"))
    # The usual file writes blanks as underscores.
    return {wnid: (int(index), name.replace("_", " ")) for index, (wnid, name) in document.items()}


def read_class_list(path: Path) -> list[str]:
    """Return the wnids in a text file, one a line, sorted, as ImageNet-S numbers them; its own list is not in order.

    Raises:
        SourceError: The file is missing, empty, or holds something else or a wnid twice.
    """
    fix = "pass ImageNetS_categories_im919.txt of ImageNet-S with --set source.classes=PATH"
    try:
        lines = [line.split()[0] for line in path.read_text().splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
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
