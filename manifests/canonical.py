"""One byte sequence per value: canonical JSON and the digests over it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, BinaryIO

from pydantic import BaseModel

from editmill.manifests.errors import DataError

# Bytes of a sha256.
DIGEST_SIZE = 32

_BLOCK = 1 << 20
# What JSON has itself.
_LEAVES = frozenset((str, int, float, bool, type(None)))


def canonical_json(obj: Any) -> bytes:
    """Encode a value as JSON with sorted keys, no spaces, UTF-8, and floats in their shortest exact form.

    ``1`` and ``1.0`` differ. Pydantic models, also inside containers, encode as their fields.

    Raises:
        DataError: The value holds NaN, an infinity, a key that is not a string, text that is not valid Unicode,
            or an object JSON does not know.
    """
    try:
        plain = _plain(obj)
        text = json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
        # Half of a surrogate pair passes dumps and fails only here.
        return text.encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise DataError(f"this value has no canonical JSON: {error}", where=repr(obj)[:200]) from error


def digest(obj: Any) -> str:
    """Return the sha256 of a value's canonical JSON, in hex."""
    return hashlib.sha256(canonical_json(obj)).hexdigest()


def digest_items(items: Iterable[Any]) -> str:
    """Return the digest of a list of values, one of which at a time is in memory."""
    sha256 = hashlib.sha256(b"[")
    for number, item in enumerate(items):
        sha256.update((b"," if number else b"") + canonical_json(item))
    sha256.update(b"]")
    return sha256.hexdigest()


def file_digest(path: str | Path, algorithm: str = "sha256") -> str:
    """Return the digest of a file's bytes, in hex, reading it in blocks."""
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, algorithm).hexdigest()


def stream_digest(stream: BinaryIO, advance: Callable[[int], object] = lambda size: None) -> tuple[int, str]:
    """Return the number of bytes a stream still holds, and their sha256 in hex.

    ``advance`` is called with the number of bytes read since the last call.
    """
    size, sha256 = 0, hashlib.sha256()
    while block := stream.read(_BLOCK):
        size += len(block)
        sha256.update(block)
        advance(len(block))
    return size, sha256.hexdigest()


def _plain(value: Any) -> Any:
    if type(value) in _LEAVES:
        return value
    if isinstance(value, BaseModel):
        return _plain(value.model_dump(mode="json"))
    if isinstance(value, dict):
        # json.dumps turns other keys into strings, so that {1: …} and {"1": …} would have one digest.
        for key in value:
            if not isinstance(key, str):
                raise TypeError(f"key {key!r} is not a string")
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
