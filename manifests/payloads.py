"""Watermark payloads: one random key per item, derived from a secret, with a public id and a commitment."""

from __future__ import annotations

import errno
import hashlib
import hmac
from dataclasses import dataclass
from pathlib import Path

from editmill.manifests.files import FileProblem, read_bytes
from editmill.manifests.seeds import join_fields

ID_LENGTH = 16
# Bytes of a secret file; fewer could be guessed, and every key with them.
LEAST_SECRET, MOST_SECRET = 16, 2**20


@dataclass(frozen=True)
class Payload:
    """The key of one (source, scheme).

    Attributes:
        bits: The payload, 0 or 1 each.
        key_id: Public name of the key, hex; it tells nothing of the bits.
        nonce: What the commitment hides the bits with, hex; secret like them.
        commitment: sha256(bits | nonce), hex; public.
    """

    bits: tuple[int, ...]
    key_id: str
    nonce: str
    commitment: str


def make_payload(secret: bytes, source_id: str, scheme: str, *, length: int, negative: bool = False) -> Payload:
    """Return the key of a source under a scheme: the first bits of HMAC-SHA256(secret, source | scheme), extended by a
    counter.

    The bits are fair and independent of the picture, so that hard decisions on unmarked pictures match a key in exactly
    Binomial(length, 1/2) places, whatever the decoder. ``negative`` gives a second key of the same source, which is
    never embedded.
    """
    fields = (source_id, scheme, *(["negative"] if negative else []))
    stream = b""
    while 8 * len(stream) < length:
        # The first block has no counter, so that a usual payload is the plain HMAC of source and scheme.
        counter = [str(len(stream))] if stream else []
        stream += _hmac(secret, *fields, *counter)
    bits = tuple((stream[place // 8] >> (7 - place % 8)) & 1 for place in range(length))
    # A label each: otherwise the public id would give bits of the key away.
    nonce = _hmac(secret, *fields, "nonce").hex()
    return Payload(bits, _hmac(secret, *fields, "id").hex()[:ID_LENGTH], nonce, commitment(bits, nonce))


def commitment(bits: tuple[int, ...], nonce: str) -> str:
    """Return the sha256 over the bits as a string of 0 and 1, and the nonce in hex."""
    return hashlib.sha256(join_fields(text_of(bits), nonce)).hexdigest()


def text_of(bits: tuple[int, ...]) -> str:
    """Return the bits as a string of 0 and 1."""
    return "".join(map(str, bits))


def read_secret(path: Path) -> bytes:
    """Return the bytes of a secret file, just as they are: line ends and byte-order marks count.

    Raises:
        FileProblem: It can't be read, is no regular file, or is too short or too long.
    """
    secret = read_bytes(path, most=MOST_SECRET)
    if len(secret) < LEAST_SECRET:
        fix = f"use {LEAST_SECRET} random ones or more: head -c 32 /dev/urandom > FILE"
        raise FileProblem(errno.EINVAL, f"{len(secret)} bytes are too few for a secret; {fix}")
    return secret


def public_secret(seed: int) -> bytes:
    """Return the secret of a recipe that names none. Whoever has the recipe can derive it, and with it every key."""
    return hashlib.sha256(join_fields("editmill watermark secret", str(seed))).digest()


def tag(secret: bytes, *fields: str) -> str:
    """Return HMAC-SHA256 over fields, hex: shows that a record was made by the holder of the secret."""
    return _hmac(secret, *fields, "tag").hex()


def _hmac(secret: bytes, *fields: str) -> bytes:
    return hmac.new(secret, join_fields(*fields), hashlib.sha256).digest()
