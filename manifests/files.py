"""Files that users name. Only regular files are opened, text is UTF-8, and problems are told without paths.

Opening a FIFO waits for ever and reading a device never ends, so a file is looked at before it is opened.
"""

from __future__ import annotations

import codecs
import errno
import json
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from editmill.manifests.errors import RequestError
from editmill.manifests.urls import is_url, open_object, read_object, size_of

T = TypeVar("T")
# More than the largest annotations that are published.
MOST_BYTES = 4 * 2**30
FORMS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}
ENCODINGS = {
    codecs.BOM_UTF32_LE: "UTF-32",
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}


class FileProblem(OSError):
    """Raised when a file can't be read; its text says why and names no path, and ``errno`` is the system's."""

    def __init__(self, number: int, why: str) -> None:
        super().__init__(number, why)

    def __str__(self) -> str:
        return str(self.strerror)


def check_regular(path: Path, *, most: int = MOST_BYTES) -> int:
    """Return the size in bytes of a regular file, or of an object in a store; nothing is opened.

    Raises:
        FileProblem: It is missing, something else than a regular file or larger than ``most`` bytes, or no file can
            have such a path.
        RequestError, OSError: A store refuses it, or can't be reached.
    """
    if is_url(path):
        return _check_most(_object(lambda: size_of(path)), most)
    try:
        found = os.stat(path)
    except OSError as error:
        raise FileProblem(error.errno or errno.EIO, _said(error)) from error
    except ValueError as error:
        # NUL, or half of a surrogate pair.
        raise FileProblem(errno.EINVAL, "the path holds a character that no file name can have") from error
    if not stat.S_ISREG(found.st_mode):
        form = FORMS.get(stat.S_IFMT(found.st_mode), "something else")
        number = errno.EISDIR if stat.S_ISDIR(found.st_mode) else errno.EINVAL
        raise FileProblem(number, f"not a regular file, but {form}")
    return _check_most(found.st_size, most)


def _check_most(size: int, most: int) -> int:
    if size > most:
        raise FileProblem(errno.EFBIG, f"{size:,} bytes; at most {most:,} are read")
    return size


def _object(read: Callable[[], T]) -> T:
    """Return what is read of an object; one that is missing is a problem of the file, as on a disk."""
    try:
        return read()
    except (FileNotFoundError, IsADirectoryError) as error:
        number = errno.EISDIR if isinstance(error, IsADirectoryError) else errno.ENOENT
        why = str(error.strerror) if number == errno.EISDIR else os.strerror(number)
        raise FileProblem(number, why) from error


def read_bytes(path: Path, *, most: int = MOST_BYTES) -> bytes:
    """Read a regular file, or an object in a store, of at most ``most`` bytes.

    Raises:
        FileProblem: It can't be read.
        RequestError, OSError: A store refuses it, or can't be reached.
    """
    check_regular(path, most=most)
    if is_url(path):
        return _object(lambda: read_object(path))
    try:
        return path.read_bytes()
    except OSError as error:
        raise FileProblem(error.errno or errno.EIO, _said(error)) from error


def open_file(path: Path) -> BinaryIO:
    """Open a regular file, or an object in a store, for reading; it can seek."""
    return open_object(path) if is_url(path) else path.open("rb")


def read_range(path: Path, start: int, size: int) -> bytes:
    """Read ``size`` bytes of a regular file, or of an object in a store, from ``start`` on."""
    if is_url(path):
        return _object(lambda: read_object(path, start, start + size)) if size else b""
    with path.open("rb") as stream:
        stream.seek(start)
        return stream.read(size)


def read_text(path: Path, *, most: int = MOST_BYTES) -> str:
    """Read a regular file as UTF-8, without the byte-order mark that spreadsheets and editors put first.

    Raises:
        FileProblem: It can't be read, or holds other bytes than UTF-8; the first of them is named.
    """
    return decode_text(read_bytes(path, most=most))


def decode_text(data: bytes) -> str:
    """Decode UTF-8 with or without a byte-order mark.

    Raises:
        FileProblem: Some bytes are not UTF-8; the first of them is named.
    """
    for mark, encoding in ENCODINGS.items():
        if data.startswith(mark):
            raise FileProblem(errno.EILSEQ, f"the text is {encoding}; save it as UTF-8")
    text = data.removeprefix(codecs.BOM_UTF8)
    try:
        return text.decode("utf-8")
    except UnicodeDecodeError as error:
        place = error.start + len(data) - len(text)
        line = 1 + data.count(b"\n", 0, place)
        what = f"byte {place} (line {line}) is 0x{data[place]:02x}, which is not UTF-8; save the text as UTF-8"
        raise FileProblem(errno.EILSEQ, what) from error


def read_json(path: Path, *, most: int = MOST_BYTES) -> Any:
    """Read a regular file as JSON in UTF-8.

    Raises:
        FileProblem: It can't be read, is no JSON, or is nested too deep.
    """
    return parse_json(read_text(path, most=most))


def parse_json(text: str) -> Any:
    """Parse JSON.

    Raises:
        FileProblem: It is no JSON, is nested too deep, or has a name twice in one object.
    """
    try:
        return json.loads(text, object_pairs_hook=unrepeated)
    except ValueError as error:
        raise FileProblem(errno.EILSEQ, f"not JSON: {error}") from error
    except RecursionError as error:
        raise FileProblem(errno.EILSEQ, "not usable JSON: it is nested too deep") from error


def unrepeated(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return a JSON object; of a name that stands in it twice, one value would be lost without a word.

    Raises:
        ValueError: A name stands in it twice.
    """
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"the name {name!r} stands in one object twice")
        found[name] = value
    return found


def refuse_url(path: str | Path, *, where: str) -> None:
    """Raise for a URL, where only files and folders of this machine are read or written.

    Raises:
        RequestError: ``path`` is a URL; ``where`` names the option or field that holds it.
    """
    if is_url(path):
        what = f"{str(path)!r} is a URL, and URLs are not supported here"
        raise RequestError(what, where=where, fix="name a path of this machine; copy the data there first")


def _said(error: OSError) -> str:
    return error.strerror or type(error).__name__
