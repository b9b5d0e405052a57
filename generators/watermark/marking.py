"""Marks in sources, and what decoders read of them: each source is marked once per scheme, by a key of its own."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from editmill.generators.base.images import encode_image
from editmill.generators.base.loaded import Unusable
from editmill.generators.watermark.detection import detect
from editmill.generators.watermark.ledger import Item, Ledger
from editmill.generators.watermark.quality import psnr, ssim
from editmill.generators.watermark.reasons import WatermarkReason
from editmill.generators.watermark.schemes import EmbeddingError, Scheme, embed
from editmill.manifests.arrays import Picture
from editmill.manifests.payloads import Payload, make_payload, tag
from editmill.manifests.stages import stage

logger = logging.getLogger("editmill.watermarks")


@dataclass(frozen=True)
class Marked:
    """One picture that enters attacks.

    Attributes:
        item: The picture with its record.
        png: Its bytes.
        sha256: Of these bytes; under a secret that hides keys an HMAC of it, since keys could be tried against it.
        facts: What is known of its mark; empty for a negative.
        scores: Quality of the embedding; empty for a negative.
    """

    item: Item
    png: bytes
    sha256: str
    facts: dict[str, Any] = field(default_factory=dict)
    scores: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Framed:
    """A source in the frame of its samples.

    Attributes:
        id: The source's.
        image: Uint8 [H, W, 3] RGB.
        png: Its bytes.
        facts: What samples say of it.
        marks: What became of it by scheme, filled in when a sample first needs it.
    """

    id: str
    image: Picture
    png: bytes
    facts: dict[str, Any]
    marks: dict[str, Marked | Unusable] = field(default_factory=dict)


class Marker:
    """Marks sources and reads pictures with the schemes of a recipe.

    Args:
        schemes: In the recipe's order.
        secret: What embedded keys are derived from.
        public: What keys of negatives are derived from, and embedded ones too where nothing is hidden. They protect
            nothing, so that nothing that is told of negatives depends on the secret.
        ledger: Records what was marked, and negatives.
    """

    def __init__(self, schemes: Sequence[Scheme], *, secret: bytes, public: bytes, ledger: Ledger) -> None:
        self.schemes = {scheme.name: scheme for scheme in schemes}
        self.secret, self.public, self.ledger = secret, public, ledger
        self.hidden = secret != public

    def enter(self, source: Framed, scheme: str) -> Marked | Unusable:
        """Return what enters attacks: the source with a scheme's mark, or unmarked for the scheme ""."""
        if scheme:
            return self._marked(source, scheme)
        # Without any mark of this run beside it, a negative would be nothing but somebody's picture.
        if any(isinstance(self._marked(source, name), Marked) for name in self.schemes):
            item = self.ledger.seal(source.image, source_id=source.id)
            return Marked(item, source.png, hashlib.sha256(source.png).hexdigest())
        what = "no scheme could mark this source, so there is nothing to compare the unmarked picture with"
        return Unusable(WatermarkReason.EMBED_FAILED, what)

    @stage("guards")
    def read(self, source: Framed, scheme: str, attacked: Picture) -> list[dict[str, Any]]:
        """Return what decoders say: of a positive its own; of a negative all, against keys that were never embedded."""
        if scheme:
            return [detect(self.schemes[scheme], attacked, self._key(source, scheme), hidden=self.hidden)]
        return [detect(one, attacked, self._key(source, name, negative=True)) for name, one in self.schemes.items()]

    def _marked(self, source: Framed, name: str) -> Marked | Unusable:
        if name not in source.marks:
            source.marks[name] = self._mark(source, name)
        return source.marks[name]

    def _mark(self, source: Framed, name: str) -> Marked | Unusable:
        scheme, key = self.schemes[name], self._key(source, name)
        try:
            image = embed(scheme, source.image, np.array(key.bits, np.uint8))
        except EmbeddingError as error:
            logger.warning("%s: %s can't be embedded: %s", source.id, name, error)
            # A scheme of others may say which payload it was given.
            told = "what the scheme said is only in the log of the build" if self.hidden else error
            return Unusable(WatermarkReason.EMBED_FAILED, f"{name}: {told}")
        png = encode_image(image, "png")
        sha256 = hashlib.sha256(png).hexdigest()
        sha256 = tag(self.secret, sha256) if self.hidden else sha256
        facts = {
            "scheme": name,
            "package": scheme.package,
            "version": scheme.version,
            "parameters": scheme.parameters,
            "bits": scheme.bits,
            "key_id": key.key_id,
            "commitment": key.commitment,
            "sha256": sha256,
            "embedded": True,
        }
        scores = {"embed_psnr": psnr(image, source.image), "embed_ssim": ssim(image, source.image)}
        item = self.ledger.seal(image, source_id=source.id, scheme=name, key_id=key.key_id)
        return Marked(item, png, sha256, facts, scores)

    def _key(self, source: Framed, scheme: str, *, negative: bool = False) -> Payload:
        secret = self.public if negative else self.secret
        return make_payload(secret, source.id, scheme, length=self.schemes[scheme].bits, negative=negative)
