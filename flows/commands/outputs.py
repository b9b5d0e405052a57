"""Files that a command writes at its end: refused before the work when they can't be written, and written whole or not
at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryFile

from editmill.manifests.atomic import atomic_write
from editmill.manifests.errors import RequestError


def check_output(path: Path, option: str, *, suffixes: Sequence[str]) -> None:
    """Refuse a file that can't be written later; nothing is left on disk.

    Args:
        path: The file; folders above it may be missing.
        option: The option that names it.
        suffixes: Endings that what is written has.

    Raises:
        RequestError: The ending is another one, a folder can't be made or written to, or something that is not a file
            has the name.
    """
    if path.suffix.lower() not in suffixes:
        what = f"{path.name!r} does not end in {' or '.join(suffixes)}, which is what is written"
        raise RequestError(what, where=option, fix=f"such as {path.with_suffix(suffixes[0])}")
    try:
        if path.exists() and not path.is_file():
            raise RequestError(f"{path} exists and is not a regular file", where=option, fix="name another file")
        folder = next(folder for folder in path.absolute().parents if folder.exists())
        # Trying is the only test that also knows read-only mounts.
        with TemporaryFile(dir=folder):
            pass
    except OSError as error:
        what = f"{path} can't be written: {error.strerror or error}"
        raise RequestError(
            what, where=option, fix="name a file in a folder that exists or can be made, and that you may write to"
        ) from error


def write_output(path: Path, data: bytes) -> None:
    """Write a file, making the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # A link stays one.
    atomic_write(path.resolve(), data)


def columns(rows: list[tuple[str, ...]]) -> list[str]:
    """Return the rows with each column as wide as its longest cell."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def plural(number: int, unit: str) -> str:
    """Return "1 shard" or "2 shards"."""
    return f"{number} {unit}" if number == 1 else f"{number} {unit}s"
