"""What identifies a checkpoint: one digest over its files, as `ModelRecord.digest` holds it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from editmill.manifests.canonical import file_digest

WEIGHT_SUFFIXES = {".safetensors", ".bin", ".pt", ".pth"}
# Schedulers, tokenizers and processors change pictures and scores as weights do.
DIGESTED = WEIGHT_SUFFIXES | {".json", ".txt", ".model"}


def weights_digest(folder: Path) -> str:
    """Return the sha256 over the names and sha256 of all weight and configuration files below ``folder``, in sorted
    order.
    """
    total = hashlib.sha256()
    for path, size, modified in _files(folder):
        total.update(f"{path.relative_to(folder).as_posix()}:{_digest(path, size, modified)}\n".encode())
    return total.hexdigest()


def weights_stamp(folder: Path) -> tuple[tuple[str, int, int], ...]:
    """Return names, sizes in bytes and times of the same files: what changes when one is replaced, without reading."""
    return tuple((str(path), size, modified) for path, size, modified in _files(folder))


def _files(folder: Path) -> Iterator[tuple[Path, int, int]]:
    for path in sorted(path for path in folder.rglob("*") if path.suffix in DIGESTED):
        status = path.stat()
        yield path, status.st_size, status.st_mtime_ns


# Size and time are part of the key, so that a file that is replaced meanwhile is digested again.
@lru_cache(maxsize=1024)
def _digest(path: Path, size: int, modified: int) -> str:
    return file_digest(path)
