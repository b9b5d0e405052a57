"""Reading a dataset's files from a folder or from any fsspec URL."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, cast

from fsspec.implementations.local import LocalFileSystem  # type: ignore[import-untyped,unused-ignore]

from editmill.manifests.errors import CorruptDatasetError, EditmillError, RequestError, first_line
from editmill.manifests.files import check_regular
from editmill.manifests.urls import check_answers, connect, is_refusal, refused, spelled

READ_FIX = "check the path, or fetch the dataset again; `editmill verify` lists all that is wrong"


class Store:
    """A dataset's root folder; paths are relative to it.

    Args:
        root: A local folder or an fsspec URL such as ``s3://bucket/set``, ``memory://set`` or ``hf://datasets/a/b``.

    Raises:
        RequestError: The URL's protocol is unknown, its package is not installed, or no folder can have such a path.
    """

    def __init__(self, root: str | Path) -> None:
        self.root = spelled(root)
        filesystem, folder = connect(self.root)
        self._filesystem: Any = filesystem
        self._folder = str(folder).rstrip("/")
        if isinstance(filesystem, LocalFileSystem):
            self._check_possible()

    def _check_possible(self) -> None:
        try:
            os.stat(self._folder or "/")
        except (OSError, ValueError) as error:
            # NUL and half of a surrogate pair are errors of value.
            if not isinstance(error, OSError) or error.errno == errno.ENAMETOOLONG:
                what = getattr(error, "strerror", None) or "the path holds a character that no file name can have"
                raise RequestError(f"cannot open a dataset: {what}", where=self.root, fix="check the path") from error

    def enter(self, path: str) -> None:
        """Make a folder below the root the root."""
        self.root, self._folder = f"{self.root}/{path}", self._full(path)

    def exists(self, path: str = "") -> bool:
        """Tell whether a file or, with no path, the root itself exists.

        Raises:
            RequestError: It can't be told.
        """
        with self._reached():
            return bool(self._filesystem.exists(self._full(path)))

    def is_file(self) -> bool:
        """Tell whether the root is a file."""
        return bool(self._filesystem.isfile(self._folder))

    def is_link(self, path: str) -> bool:
        """Tell whether a file of a local folder is a symbolic link."""
        return isinstance(self._filesystem, LocalFileSystem) and os.path.islink(self._full(path))

    def open(self, path: str) -> BinaryIO:
        """Open a file for reading; it can seek.

        Raises:
            FileNotFoundError: There is none.
            CorruptDatasetError: It can't be read, or is no regular file.
        """
        with self._reading(path) as full:
            return cast(BinaryIO, self._filesystem.open(full, "rb"))

    def read(self, path: str) -> bytes:
        """Read a whole file; raises as `open` does."""
        with self._reading(path) as full:
            return bytes(self._filesystem.cat_file(full))

    def read_range(self, path: str, start: int, end: int) -> bytes:
        """Read the bytes from ``start`` up to ``end`` in one request; raises as `open` does."""
        # An open file would read ahead by megabytes for the few kilobytes of a sample.
        with self._reading(path) as full:
            return bytes(self._filesystem.cat_file(full, start=start, end=end))

    def paths(self) -> list[str]:
        """Return the paths of all files below the root, sorted; none where the file system can't list."""
        try:
            found = self._filesystem.find(self._folder)
        except NotImplementedError:
            return []
        # The root itself is named by a store in which its first object appears just then. Consoles of stores mark a
        # folder by an empty object whose name ends with a slash.
        names = (str(path).removeprefix(self._folder).lstrip("/") for path in found)
        return sorted(name for name in names if name and not name.endswith("/"))

    @contextmanager
    def _reading(self, path: str) -> Iterator[str]:
        full = self._full(path)
        try:
            if isinstance(self._filesystem, LocalFileSystem):
                # Opening a FIFO would wait for ever.
                check_regular(Path(full), most=sys.maxsize)
            with self._reached():
                yield full
        except OSError as error:
            if error.errno == errno.ENOENT or isinstance(error, FileNotFoundError):
                raise FileNotFoundError(errno.ENOENT, "No such file", full) from error
            why = error.strerror or type(error).__name__
            raise CorruptDatasetError(f"can't be read: {why}", where=full, fix=READ_FIX) from error

    @contextmanager
    def _reached(self) -> Iterator[None]:
        """Turn what libraries of the network raise into one error; each has errors of its own."""
        try:
            check_answers(self.root)
            yield
        except (EditmillError, FileNotFoundError):
            raise
        except Exception as error:
            if isinstance(self._filesystem, LocalFileSystem):
                raise
            if is_refusal(error):
                raise refused(self.root, error) from error
            what = f"{self.root} can't be reached: {first_line(error)}"
            raise RequestError(what, fix="check the address and the network, or copy the dataset here") from error

    def _full(self, path: str) -> str:
        return f"{self._folder}/{path}" if path else self._folder
