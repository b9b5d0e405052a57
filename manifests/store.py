"""Reading a dataset's files from a folder or from any fsspec URL."""

from __future__ import annotations

from pathlib import Path
from typing import Any, BinaryIO, cast

import fsspec  # type: ignore[import-untyped,unused-ignore]

from editmill.manifests.errors import RequestError


class Store:
    """A dataset's root folder; paths are relative to it.

    Args:
        root: A local folder or an fsspec URL such as ``s3://bucket/set``, ``memory://set`` or ``hf://datasets/a/b``.

    Raises:
        RequestError: The URL's protocol is unknown or its package is not installed.
    """

    def __init__(self, root: str | Path) -> None:
        self.root = str(root)
        try:
            filesystem, folder = fsspec.url_to_fs(self.root)
        except (ImportError, ValueError) as error:
            raise RequestError(f"cannot open {self.root}: {error}") from error
        self._filesystem: Any = filesystem
        self._folder = str(folder).rstrip("/")

    def exists(self, path: str = "") -> bool:
        """Tell whether a file or, with no path, the root itself exists."""
        return bool(self._filesystem.exists(self._full(path)))

    def open(self, path: str) -> BinaryIO:
        """Open a file for reading; it can seek."""
        return cast(BinaryIO, self._filesystem.open(self._full(path), "rb"))

    def read(self, path: str) -> bytes:
        """Read a whole file."""
        return bytes(self._filesystem.cat_file(self._full(path)))

    def read_range(self, path: str, start: int, end: int) -> bytes:
        """Read the bytes from ``start`` up to ``end`` in one request."""
        # An open file would read ahead by megabytes for the few kilobytes of a sample.
        return bytes(self._filesystem.cat_file(self._full(path), start=start, end=end))

    def _full(self, path: str) -> str:
        return f"{self._folder}/{path}" if path else self._folder
