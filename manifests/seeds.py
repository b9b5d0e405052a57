"""Seeds that depend on what is generated, never on when, where or in which order."""

from __future__ import annotations

import hashlib

SEED_BITS = 63


def derive_seed(recipe_seed: int, source_id: str, edit: str, replica: int = 0, attempt: int = 0) -> int:
    """Derive the seed of one attempt at one planned sample.

    Args:
        recipe_seed: The seed of the whole recipe.
        source_id: Id of the source image.
        edit: Name of the edit.
        replica: Which of several samples of the same source and edit.
        attempt: Which try at that sample; 0 is the first.

    Returns:
        An integer in [0, 2**63), which fits torch generators and parquet's int64.
    """
    joined = join_fields(str(recipe_seed), source_id, edit, str(replica), str(attempt))
    value = int.from_bytes(hashlib.blake2b(joined, digest_size=8).digest(), "big")
    return value >> (64 - SEED_BITS)


def join_fields(*fields: str) -> bytes:
    """Join fields with ``|`` so that different fields never give the same bytes."""
    return "|".join(field.replace("\\", "\\\\").replace("|", "\\|") for field in fields).encode()
