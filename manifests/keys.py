"""Sample keys and the assignment of sources to shards.

A key is ``<source>__<edit>__<replica>``. Where slugging or truncating loses information, a hash of source and edit goes
before the replica, as a fourth field, so that it cannot meet a key of three fields.
"""

from __future__ import annotations

import base64
import hashlib
import re

from editmill.manifests.errors import DataError, RequestError
from editmill.manifests.seeds import join_fields

# Leaves room for a suffix within the 100 characters of a name in a tar.
MAX_KEY_LENGTH = 80
MAX_REPLICA = 999_999_999
# The digit at the end tells KEY.png from KEY.mask.png where readers take patterns.
_KEY = re.compile(r"[a-z0-9_-]*[0-9]", re.ASCII)
# Single separators only: "__" stands between the fields of a key.
_LOSSLESS = re.compile(r"[a-z0-9]+(?:[_-][a-z0-9]+)*", re.ASCII)
_EDIT_LENGTH = 20
# A multiple of five, so that base32 needs no padding, whose "=" no key may hold.
_HASH_BYTES = 10


def sample_key(source_id: str, edit: str, replica: int = 0) -> str:
    """Name one planned sample.

    Returns:
        ``[a-z0-9_-]+`` ending in a digit, at most 80 ASCII characters, different for different arguments. The key is
        legible (``n01443537_goldfish__size-008__0``) where source and edit allow it.

    Raises:
        RequestError: The source or the edit is empty, or the replica is outside 0..999,999,999.
    """
    if not source_id or not edit:
        raise RequestError(f"a sample needs a source id and an edit, got {source_id!r} and {edit!r}")
    if not 0 <= replica <= MAX_REPLICA:
        raise RequestError(f"replica {replica} is outside 0..{MAX_REPLICA:,}", where=f"source {source_id!r}")
    legible = f"{source_id}__{edit}__{replica}"
    if _LOSSLESS.fullmatch(source_id) and _LOSSLESS.fullmatch(edit) and len(legible) <= MAX_KEY_LENGTH:
        return legible
    raw_hash = hashlib.blake2b(join_fields(source_id, edit), digest_size=_HASH_BYTES).digest()
    tail = f"__{base64.b32encode(raw_hash).decode().lower()}__{replica}"
    middle = f"__{_slug(edit, _EDIT_LENGTH)}"
    return _slug(source_id, MAX_KEY_LENGTH - len(middle) - len(tail)) + middle + tail


def validate_key(key: str) -> None:
    """Check that a key is safe as a webdataset key.

    A dot would split the key in two when read back (``x_0.5`` becomes sample ``x_0`` with member ``5.png``).

    Raises:
        DataError: The key is empty, too long, has a character outside ``[a-z0-9_-]``, or does not end in a digit.
    """
    if len(key) > MAX_KEY_LENGTH or not _KEY.fullmatch(key):
        raise DataError(
            f"bad sample key {key!r}",
            fix=f"use [a-z0-9_-], end in a digit, at most {MAX_KEY_LENGTH} characters; sample_key() makes such keys",
        )


def shard_of(source_id: str, shards: int) -> int:
    """Assign a source to a shard by its id alone, so that one added source changes one shard.

    Returns:
        A shard number in [0, shards).

    Raises:
        RequestError: ``shards`` is below 1.
    """
    if shards < 1:
        raise RequestError(f"a dataset needs at least one shard, got {shards}")
    return source_hash(source_id) % shards


def source_hash(source_id: str) -> int:
    """Return the number, of 64 bits, whose remainder by the number of shards is a source's shard."""
    # Not hash(), which differs from process to process.
    return int.from_bytes(hashlib.blake2b(source_id.encode(), digest_size=8).digest(), "big")


def _slug(text: str, length: int) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower())[:length].strip("-") or "x"
