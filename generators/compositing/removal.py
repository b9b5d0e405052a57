"""Object removal: the source's background without the object, rendered once per source and cached."""

from __future__ import annotations

import hashlib
import io
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from PIL import Image

from editmill.generators.base.loaded import LoadedSource
from editmill.generators.base.per_source import PerSource
from editmill.generators.compositing.colour_match import local_shift, match_palette, rim_shift
from editmill.generators.compositing.defaults import FEATHER
from editmill.generators.compositing.distance import distance_to
from editmill.generators.compositing.hole import PLAIN, HoleRule
from editmill.generators.models.inpainter import Inpainter, InpaintRequest
from editmill.generators.models.lama import ROLE, Lama
from editmill.generators.models.loading import Models
from editmill.manifests.arrays import Feature, Mask, Picture
from editmill.manifests.atomic import atomic_write
from editmill.manifests.canonical import digest
from editmill.manifests.files import FileProblem, read_bytes
from editmill.manifests.pictures import PictureError, upright_rgb

# Raised when removals come out otherwise, so that backgrounds kept by an older version are not used.
REMOVAL_VERSION = 8


def blend_fill(image: Picture, fill: Picture, hole: Mask, feather: float) -> Picture:
    """Put ``fill`` into the hole, its colours matched to the surroundings; the seam lies outside the hole."""
    # There is nothing to match colours with, and OpenCV gives 1.8e19 for a distance to nothing.
    if hole.all():
        return fill
    distance = distance_to(hole)
    inside = distance_to(~hole)
    depth = float(inside.max())
    weight = (1 - distance / feather).clip(0, 1)[..., None]
    # From coarse to fine: each step corrects what the one before it left over.
    matched = match_palette(image, fill, distance, reach=depth + feather)
    matched = matched + local_shift(image, matched, distance, depth=depth, feather=feather)
    matched = matched + rim_shift(image, matched, distance, inside, feather=feather)
    return np.rint((image + (matched - image) * weight).clip(0, 255)).astype(np.uint8)


def _read_kept(path: Path) -> Mask | None:
    """Return a background rendered earlier; None when there is none or its file is damaged."""
    try:
        return upright_rgb(read_bytes(path))
    except (FileProblem, PictureError):
        return None


class Filler(Protocol):
    """What fills holes: the pack's inpainting, LaMa or PatchMatch."""

    identity: dict[str, Any]

    def cost(self) -> int:
        """Return the network evaluations per picture."""

    def fill(self, request: InpaintRequest) -> Picture:
        """Return the whole frame, uint8 [H, W, 3] RGB."""


class Remover:
    """Removes objects with a filler.

    Args:
        filler: Fills holes.
        prompt: What it is told to fill them with.
        model_digest: Identifies its weights among kept backgrounds.
        cache: Folder of finished backgrounds; None to keep none.
        rule: How a mask becomes a hole.
        feather: Width in pixels of the seam.
    """

    def __init__(
        self,
        filler: Filler,
        *,
        prompt: str,
        model_digest: str,
        cache: Path | None = None,
        rule: HoleRule = PLAIN,
        feather: float = FEATHER,
    ) -> None:
        self.filler, self.prompt, self.model_digest, self.cache = filler, prompt, model_digest, cache
        self.rule, self.feather = rule, feather
        self._holes: PerSource[tuple[Mask, float]] = PerSource(8)
        # The edits of a source follow one another; partners come back a little later.
        self._recent: PerSource[Feature] = PerSource(8)

    def key(self, source: LoadedSource, seed: int) -> str:
        """Return what identifies a removal by everything that can change its pixels."""
        # Hashed as it is used: faithful mode resizes the mask, which the record's digest does not show.
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
                "hole": asdict(self.rule),
                "feather": self.feather,
            }
        )

    def hole(self, source: LoadedSource) -> Mask:
        """Return the region that is filled, bool [H, W]; it is found once per source."""
        return self._measured(source)[0]

    def hole_share(self, source: LoadedSource) -> float:
        """Return its share of the frame."""
        return self._measured(source)[1]

    def _measured(self, source: LoadedSource) -> tuple[Mask, float]:
        def measure() -> tuple[Mask, float]:
            hole = self.rule.hole(source.image, source.mask)
            return hole, float(hole.mean())

        return self._holes.get(source.record.id, measure)

    def background(self, source: LoadedSource, seed: int) -> Picture:
        """Return the background of ``source``, uint8 [H, W, 3] RGB."""
        key = self.key(source, seed)
        return self._recent.get(key, lambda: self._cached(key, source, seed))

    def remember(self, sources: int) -> None:
        """Forget all backgrounds, and keep those of so many sources from here on."""
        self._recent = PerSource(sources)

    def _cached(self, key: str, source: LoadedSource, seed: int) -> Feature:
        # Whoever keeps backgrounds tells by the names of what they are.
        name = f"{source.record.sha256}-{key}.png"
        path = self.cache / name if self.cache is not None else None
        kept = _read_kept(path) if path is not None else None
        if kept is not None:
            return kept
        hole = self.hole(source)
        # At full strength, the default, filling starts from noise in which nothing of the object is left.
        fill = self.filler.fill(InpaintRequest(source.image, hole, self.prompt, seed))
        # Patches of the surroundings have their colours, and stay as they are.
        background = blend_fill(source.image, fill, hole, self.feather)
        if path is not None:
            buffer = io.BytesIO()
            # As a rule the cache is deleted with the finished dataset, so speed counts for more than size.
            Image.fromarray(background).save(buffer, "PNG", compress_level=1)
            path.parent.mkdir(parents=True, exist_ok=True)
            atomic_write(path, buffer.getvalue())
        return background


def make_remover(models: Models, *, steps: int = 0, guidance: float = 0.0, **options: Any) -> Remover | None:
    """Return the pack's removal; None for packs without inpainting.

    Args:
        models: The pack's; LaMa is preferred to prompted inpainting.
        steps: Sampling steps; 0 for the pack's.
        guidance: Guidance scale; 0 for the pack's.
        options: Further ones of ``Remover``.
    """
    pack = models.pack
    role = next((role for role in (ROLE, "inpaint") if role in pack.roles), None)
    if role is None:
        return None
    if role == ROLE:
        filler: Filler = Lama(models)
    else:
        filler = Inpainter(models, steps=steps or pack.steps, guidance=guidance or pack.guidance)
    return Remover(filler, prompt=pack.removal_prompt, model_digest=models.digest(role), **options)
