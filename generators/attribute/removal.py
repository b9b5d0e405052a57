"""Object removal: the source's background without the object, rendered once per source and cached."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np
from PIL import Image

from editmill.generators.attribute.colour_match import local_shift, match_palette, rim_shift
from editmill.generators.attribute.settings import RenderSettings
from editmill.generators.base import LoadedSource
from editmill.generators.models.inpainter import InpaintRequest
from editmill.manifests.atomic import atomic_write
from editmill.manifests.canonical import digest

Array = np.ndarray
REMOVAL_VERSION = 6
MARGIN = 2


def removal_hole(mask: Array, dilation: float, margin: int = MARGIN) -> Array:
    """Return the region to fill, bool [H, W]: the mask grown by ``dilation`` of the longer side of its box, plus
    ``margin`` pixels.

    The growth takes in the object's rim, whose pixels are mixed with the object, and most of its contact shadow.
    """
    inside = (mask > 0).astype(np.uint8)
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    longer = max(rows[-1] - rows[0], columns[-1] - columns[0]) + 1
    radius = round(longer * dilation) + margin
    return cv2.distanceTransform(1 - inside, cv2.DIST_L2, cv2.DIST_MASK_PRECISE) <= radius


def blend_fill(image: Array, fill: Array, hole: Array, feather: float) -> Array:
    """Put ``fill`` into the hole, its colours matched to the surroundings; the seam lies outside the hole."""
    if hole.all():
        return fill
    distance = cv2.distanceTransform((~hole).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    inside = cv2.distanceTransform(hole.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    depth = float(inside.max())
    weight = (1 - distance / feather).clip(0, 1)[..., None]
    matched = match_palette(image, fill, distance, reach=depth + feather)
    matched = matched + local_shift(image, matched, distance, depth=depth, feather=feather)
    matched = matched + rim_shift(image, matched, distance, inside, feather=feather)
    return np.rint((image + (matched - image) * weight).clip(0, 255)).astype(np.uint8)


def _read_kept(path: Path) -> Array | None:
    """Return a background rendered earlier; None when there is none or its file is damaged."""
    try:
        with Image.open(path) as picture:
            return np.asarray(picture.convert("RGB"))
    except (OSError, SyntaxError):
        return None


class Filler(Protocol):
    """What fills holes: the pack's inpainting, or LaMa."""

    identity: dict[str, Any]

    def cost(self) -> int:
        """Return network evaluations per picture."""

    def fill(self, request: InpaintRequest) -> Array:
        """Return the whole frame, uint8 [H, W, 3] RGB."""


class Remover:
    """Removes objects with a filler; finished backgrounds are kept below ``cache`` when it is given."""

    def __init__(
        self,
        filler: Filler,
        *,
        settings: RenderSettings,
        prompt: str,
        model_digest: str,
        cache: Path | None,
        margin: int = MARGIN,
    ) -> None:
        self.filler, self.settings, self.prompt, self.cache = filler, settings, prompt, cache
        self.model_digest, self.margin = model_digest, margin
        self._recent: dict[str, Array] = {}

    def key(self, source: LoadedSource, seed: int) -> str:
        """Return identifies a removal by everything that can change its pixels."""
        mask = hashlib.sha256(source.mask.tobytes()).hexdigest()
        return digest(
            {
                "version": REMOVAL_VERSION,
                "image": source.record.sha256,
                "mask": mask,
                "shape": list(source.image.shape),
                "seed": seed,
                "prompt": self.prompt,
                "models": self.model_digest,
                "filler": self.filler.identity,
                "dilation": self.settings.dilation,
                "margin": self.margin,
                "feather": self.settings.feather,
            }
        )

    def background(self, source: LoadedSource, seed: int) -> Array:
        """Return the background of ``source``, uint8 [H, W, 3] RGB."""
        key = self.key(source, seed)
        if key not in self._recent:
            if len(self._recent) >= 8:
                self._recent.pop(next(iter(self._recent)))
            self._recent[key] = self._cached(key, source, seed)
        return self._recent[key]

    def _cached(self, key: str, source: LoadedSource, seed: int) -> Array:
        path = self.cache / f"{key}.png" if self.cache is not None else None
        kept = _read_kept(path) if path is not None else None
        if kept is not None:
            return kept
        hole = removal_hole(source.mask, self.settings.dilation, self.margin)
        fill = self.filler.fill(InpaintRequest(source.image, hole, self.prompt, seed))
        background = blend_fill(source.image, fill, hole, self.settings.feather)
        if path is not None:
            buffer = io.BytesIO()
            Image.fromarray(background).save(buffer, "PNG", compress_level=1)
            path.parent.mkdir(parents=True, exist_ok=True)
            atomic_write(path, buffer.getvalue())
        return background
