"""What the files of COCO have in common: a JSON object with lists of entries, which name each other by ids."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from editmill.manifests.errors import SourceError
from editmill.manifests.files import FileProblem, read_json
from editmill.pipelines.sources.texts import is_unicode

Document = dict[str, Any]
# Numbers beyond this are no ids and no measures of a picture, and the larger ones do not fit into a float.
LARGEST = 1e15


def read_coco(path: Path, what: str, keys: tuple[str, ...], fix: str) -> Document:
    """Read a file of COCO.

    Args:
        path: The JSON file.
        what: What it holds, such as captions.
        keys: The lists that it has to have.
        fix: What to do where it is something else.

    Raises:
        SourceError: It can't be read, or is something else.
    """
    try:
        document = read_json(path)
    except FileProblem as error:
        raise SourceError(f"not a readable COCO {what} file: {error}", where=str(path), fix=fix) from error
    missing = [key for key in keys if not isinstance(document, dict) or not isinstance(document.get(key), list)]
    if missing:
        raise SourceError(f"not a COCO {what} file: it lacks {', '.join(missing)}", where=str(path), fix=fix)
    return dict(document)


def checked(entries: Iterable[Any], path: Path, fields: dict[str, type | tuple[type, ...]]) -> list[Document]:
    """Return the entries in the order of their ids, each with an id and with ``fields`` of these types.

    Raises:
        SourceError: One is of another form.
    """
    found = []
    for place, entry in enumerate(entries):
        known = entry if isinstance(entry, dict) else {}
        wrong = [] if is_id(known.get("id")) else ["id"]
        wrong += [name for name, kind in fields.items() if not isinstance(known.get(name), kind)]
        if wrong or not is_unicode({name: known[name] for name in fields}):
            what = (
                f"lacks {', '.join(wrong)}, or has another type there: {repr(entry)[:100]}"
                if wrong
                else "holds half of a surrogate pair, which is not text"
            )
            name = known["id"] if is_id(known.get("id")) else place
            raise SourceError(f"the entry {name!r} {what}", where=str(path), fix="correct or delete the entry")
        found.append(known)
    return sorted(found, key=lambda entry: order(entry["id"]))


def by_id(entries: Iterable[Document], path: Path, what: str, *, twice: bool = False) -> dict[Any, Document]:
    """Return checked entries by their ids.

    Args:
        entries: What ``checked`` returned.
        path: The file.
        what: What one of them is, such as an image.
        twice: Whether an entry may stand in the file twice, if both are equal.

    Raises:
        SourceError: Two entries have equal ids.
    """
    found: dict[Any, Document] = {}
    for entry in entries:
        known = found.setdefault(entry["id"], entry)
        if known is not entry and not (twice and known == entry):
            raise SourceError(
                f"two entries of {what} have the id {entry['id']!r}, so the file does not say which of them is meant",
                where=str(path),
                fix="give each an id of its own, or delete one",
            )
    return found


def is_number(value: Any) -> bool:
    """Return whether a JSON value is a finite number of a size that pictures have."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and -LARGEST <= value <= LARGEST


def is_id(value: Any) -> bool:
    """Return whether a JSON value can be an id: a number, or text that is not empty."""
    return (value != "" and is_unicode(value)) if isinstance(value, str) else is_number(value)


def said_id(value: Any) -> str:
    """Return an id as messages show it, ``'7'`` unlike ``7``; what is no id may be nested, and is left out."""
    return f"{value!r:.60}" if is_id(value) else "none"


def order(identity: Any) -> tuple[int, float, str]:
    """Return a sort key that puts numbers by size first, then texts, then what is no id."""
    if is_number(identity):
        return (0, identity, "")
    return (1, 0, identity) if isinstance(identity, str) else (2, 0, "")


def licence_addresses(document: Document, path: Path) -> dict[Any, str]:
    """Return the addresses of licences by id; a file need not have any, and entries without an id name none.

    Raises:
        SourceError: Two licences have equal ids.
    """
    listed = document.get("licenses")
    entries = [
        entry
        for entry in (listed if isinstance(listed, list) else [])
        if isinstance(entry, dict) and is_id(entry.get("id")) and isinstance(entry.get("url"), str)
    ]
    # Agencies write the addresses with escaped slashes, and COCO escapes them once more.
    return {
        identity: entry["url"].replace("\\/", "/")
        for identity, entry in by_id(entries, path, "licenses", twice=True).items()
        if is_unicode(entry["url"])
    }


def licence_of(image: Document, licences: dict[Any, str]) -> str:
    """Return the address of an image's licence, or ``""``."""
    identity = image.get("license")
    return licences.get(identity, "") if is_id(identity) else ""
