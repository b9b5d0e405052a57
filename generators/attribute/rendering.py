"""Attribute editing of labelled photographs (ImageNet-E, arXiv 2303.17096), with its geometry and removal mended."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np

from generators.attribute.composite import compose, matte
from generators.attribute.geometry import GeometryError, full_frame, outline, scale_for_share, warp, warp_object
from generators.attribute.removal import Remover
from generators.attribute.settings import AttributeSettings
from generators.base import Array, Candidate, Job
from generators.models.inpainter import Inpainter, InpaintRequest
from generators.models.loading import Models
from generators.reasons import Reason
from manifests.seeds import derive_seed

# Rounded before the warp, so that the recorded matrix gives the stored bytes again.
MATRIX_DECIMALS = 6
IDENTITY = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])


class AttributeRenderer:
    """Renders the edits of ``generators.attribute.planning``.

    Args:
        settings: the recipe's part.
        models: the pack's models; the role ``inpaint`` loads with the first edit that needs it.
        recipe_seed: seed of the recipe, from which removals derive theirs.
        model_digest: identifies the inpainting weights in the removal cache.
        cache: folder for removed backgrounds, or None.
    """

    def __init__(self, settings: AttributeSettings, models: Models, *, recipe_seed: int, model_digest: str = "", cache: Path | None = None) -> None:
        self.settings, self.models, self.recipe_seed = settings, models, recipe_seed
        self.model_digest, self.cache = model_digest, cache
        self._remover: Remover | None = None
        self._renderers: dict[str, Callable[[Job], Candidate]] = {
            "original": self._original, "paste-back": self._placed, "size": self._placed, "position": self._placed,
            "direction": self._placed, "full": self._full, "background": self._background, "random-background": self._random_background,
        }

    @property
    def remover(self) -> Remover:
        """The object remover, made on first use."""
        if self._remover is None:
            pack, render = self.models.pack, self.settings.render
            inpainter = Inpainter(self.models, steps=render.steps or pack.steps, guidance=render.guidance or pack.guidance)
            self._remover = Remover(
                inpainter, settings=render, prompt=pack.removal_prompt, model_digest=self.model_digest, cache=self.cache
            )
        return self._remover

    def render(self, jobs: Sequence[Job]) -> list[Candidate]:
        """Candidates in the order of the jobs; a placement that can't be made is a candidate with its reason."""
        return [self._render(job) for job in jobs]

    def _render(self, job: Job) -> Candidate:
        try:
            return self._renderers[job.edit.name](job)
        except GeometryError as error:
            return Candidate(None, failure=error.reason, detail=str(error))

    def _removed(self, job: Job) -> Array:
        return self.remover.background(job.source, derive_seed(self.recipe_seed, job.source.record.id, "removal"))

    def _original(self, job: Job) -> Candidate:
        image = job.source.image
        return self._candidate(job, image, image, matte(job.source.mask.astype(np.float32) / 255), IDENTITY, 1.0)

    def _placed(self, job: Job) -> Candidate:
        """The object at another size, place or angle on its own background."""
        image, mask, edit = job.source.image, job.source.mask, job.edit
        scale, matrix = 1.0, IDENTITY
        angle = float(edit.get("angle", 0))
        if edit.name != "paste-back":
            position = (float(edit["x"]), float(edit["y"])) if edit.name == "position" else None
            scale, matrix = scale_for_share(mask, outline(mask), edit.level, angle=angle, position=position)
            matrix = matrix.round(MATRIX_DECIMALS)
        self._check_upsampling(scale)
        reference, coverage = warp_object(image, mask, matrix) if edit.name != "paste-back" else (image, mask.astype(np.float32) / 255)
        alpha = matte(coverage)
        return self._candidate(job, reference, self._removed(job), alpha, matrix, scale, angle=angle, cost=self.remover.inpainter.cost)

    def _full(self, job: Job) -> Candidate:
        """The whole frame enlarged until the object's box meets its border; nothing is generated."""
        scale, matrix = full_frame(outline(job.source.mask))
        matrix = matrix.round(MATRIX_DECIMALS)
        self._check_upsampling(scale)
        size = (job.source.mask.shape[1], job.source.mask.shape[0])
        image = np.rint(warp(job.source.image.astype(np.float32), matrix, size, border=cv2.BORDER_REPLICATE).clip(0, 255)).astype(np.uint8)
        alpha = matte(warp(job.source.mask.astype(np.float32) / 255, matrix, size, border=cv2.BORDER_REPLICATE).clip(0, 1))
        return self._candidate(job, image, image, alpha, matrix, scale)

    def _background(self, job: Job) -> Candidate:
        """Everything but the object generated from a prompt."""
        hole = job.source.mask <= 127
        generated = self.remover.inpainter.fill(InpaintRequest(job.source.image, hole, str(job.edit["prompt"]), job.seed))
        alpha = matte(job.source.mask.astype(np.float32) / 255)
        return self._candidate(job, job.source.image, generated, alpha, IDENTITY, 1.0, cost=self.remover.inpainter.cost)

    def _random_background(self, job: Job) -> Candidate:
        """The background of another source, its object removed."""
        if job.partner is None:
            return Candidate(None, failure=Reason.PARTNER_UNUSABLE, detail=f"the partner {job.edit.get('partner', '')!r} has no usable pixels")
        seed = derive_seed(self.recipe_seed, job.partner.record.id, "removal")
        background = cover(self.remover.background(job.partner, seed), job.source.mask.shape)
        alpha = matte(job.source.mask.astype(np.float32) / 255)
        return self._candidate(job, job.source.image, background, alpha, IDENTITY, 1.0, cost=self.remover.inpainter.cost)

    def _check_upsampling(self, scale: float) -> None:
        limit = self.settings.render.max_upsampling
        if scale > limit:
            raise GeometryError(Reason.UPSAMPLING_OVER_LIMIT, f"the object would be enlarged {scale:.2f} times; the recipe allows {limit:g}")

    def _candidate(
        self, job: Job, reference: Array, background: Array, alpha: Array, matrix: Array, scale: float, *, angle: float = 0.0, cost: int = 0
    ) -> Candidate:
        if not (alpha == 255).any():
            raise GeometryError(Reason.OBJECT_TOO_THIN, "no pixel of the object lies deep enough inside its outline to be kept exactly")
        realised = {
            "area": round(float(alpha.mean() / 255), 6), "matrix": matrix.ravel().tolist(),
            "scale": round(scale, 6), "realised_angle": angle,
        }
        return Candidate(compose(reference, background, alpha), alpha, reference, realised, cost)


def cover(image: Array, shape: tuple[int, ...]) -> Array:
    """Resize ``image`` to cover a frame of ``shape`` (height, width) and cut its centre."""
    height, width = shape[:2]
    if image.shape[:2] == (height, width):
        return image
    factor = max(height / image.shape[0], width / image.shape[1])
    size = (max(width, round(image.shape[1] * factor)), max(height, round(image.shape[0] * factor)))
    resized = cv2.resize(image, size, interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC)
    top, left = (size[1] - height) // 2, (size[0] - width) // 2
    return resized[top : top + height, left : left + width]
