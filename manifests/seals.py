"""Seals: JSON files that carry the digest of their own content, so that no byte of them changes unnoticed."""

from __future__ import annotations

import json
from typing import Any

from editmill.manifests.canonical import canonical_json, digest
from editmill.manifests.errors import CorruptDatasetError, DataError

SEAL = "digest"


def sealed(document: dict[str, Any]) -> bytes:
    """Encode an object as canonical JSON and a line feed, with the digest of the rest in the field ``digest``."""
    return canonical_json({**document, SEAL: digest(document)}) + b"\n"


def parse_object(data: bytes, *, where: str) -> dict[str, Any]:
    """Parse a JSON object, sealed or not.

    Raises:
        CorruptDatasetError: The bytes are something else.
    """
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise CorruptDatasetError(f"damaged: no JSON: {error}", where=where) from error
    if not isinstance(document, dict):
        raise CorruptDatasetError(f"damaged: expected a JSON object, got {type(document).__name__}", where=where)
    return document


def check_seal(data: bytes, *, where: str) -> None:
    """Check that an object's bytes are those that `sealed` gave.

    Raises:
        CorruptDatasetError: They are not.
    """
    document = parse_object(data, where=where)
    document.pop(SEAL, None)
    try:
        same = sealed(document) == data
    except DataError as error:
        raise CorruptDatasetError(f"damaged: {error.what}", where=where) from error
    if not same:
        raise CorruptDatasetError("was changed since it was written: its digest is that of other content", where=where)
