"""What may be regenerated: pictures that this run marked itself, and the unmarked negatives beside them."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass

from editmill.generators.base.loaded import Unusable
from editmill.generators.watermark.reasons import WatermarkReason
from editmill.manifests.arrays import Picture
from editmill.manifests.payloads import tag


@dataclass(frozen=True)
class EmbedRecord:
    """What was embedded where.

    Attributes:
        source_id: The source.
        scheme: The mark, or "" for a declared negative.
        key_id: Public name of the key, "" for a negative.
        sha256: Of the picture's shape and pixels.
        seal: HMAC over the other fields by the run that made them.
    """

    source_id: str
    scheme: str
    key_id: str
    sha256: str
    seal: str


@dataclass(frozen=True)
class Item:
    """A picture, uint8 [H, W, 3] RGB, with its record."""

    record: EmbedRecord
    image: Picture


class Ledger:
    """Seals the run's own items with a key that is drawn anew for every run and never leaves it, and opens no
    others.
    """

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)

    def seal(self, image: Picture, *, source_id: str, scheme: str = "", key_id: str = "") -> Item:
        """Record a picture that was just marked, or a negative."""
        fields = (source_id, scheme, key_id, pixels_digest(image))
        return Item(EmbedRecord(*fields, seal=tag(self._key, *fields)), image)

    def open(self, item: Item) -> Picture:
        """Return the picture of an item of this run, whose pixels are hashed again.

        Raises:
            Unusable: Another run made it or nobody did, or it was changed since.
        """
        record = item.record
        seal = tag(self._key, record.source_id, record.scheme, record.key_id, record.sha256)
        # As bytes, since it refuses texts beyond ASCII.
        if not secrets.compare_digest(str(record.seal).encode(), seal.encode()):
            what = f"this run has no record of embedding {record.scheme or 'a negative'} in this picture"
            raise _foreign(record, f"{what}; only marks that a run embedded itself are regenerated")
        if pixels_digest(item.image) != record.sha256:
            raise _foreign(record, "the picture was changed after it was recorded")
        return item.image


def _foreign(record: EmbedRecord, what: str) -> Unusable:
    return Unusable(WatermarkReason.NO_EMBED_RECORD, f"{record.source_id}: {what}")


def pixels_digest(image: Picture) -> str:
    """Return the sha256 over the shape, the type and the pixels of a picture."""
    # Without shape and type, a picture of other proportions could have the same digest.
    return hashlib.sha256(f"{image.shape} {image.dtype.str}".encode() + image.tobytes()).hexdigest()
