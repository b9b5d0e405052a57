"""Filling holes by PatchMatch (Barnes et al., SIGGRAPH 2009; Wexler et al., TPAMI 2007): with patches of the picture's
own surroundings, without weights.
"""

from __future__ import annotations

import importlib.metadata
from typing import Any

import cv2
import numpy as np
from scipy.spatial import cKDTree

from editmill.generators.compositing.defaults import PATCH_SIDE
from editmill.generators.compositing.fill_quality import Removal, fill_scores, strain
from editmill.generators.compositing.hole import search_window
from editmill.generators.models.inpainter import InpaintRequest
from editmill.manifests.arrays import Feature, Mask, Picture
from editmill.manifests.errors import RequestError
from editmill.manifests.plugins import install_hint
from editmill.manifests.stages import stage

# Patches of 7x7 and of 11x11 pixels: small ones follow fine texture, large ones straight edges. The better fill is
# kept.
RADII = (3, 5)
# Of the patches that origins are found by.
RADIUS = 3
# How much of the surroundings is searched, as a share of the longer side of the hole's box.
CONTEXT = 1.0


class PatchMatch:
    """Fills holes with what the rest of the picture shows; the seed starts the random search.

    Args:
        side: Pixels of the longer side at which patches are searched.

    Raises:
        RequestError: The package pypatchmatch is missing.
    """

    def __init__(self, *, side: int = PATCH_SIDE) -> None:
        try:
            from patchmatch import patch_match
        except ImportError as error:
            what = "removing objects by patches needs the package pypatchmatch"
            raise RequestError(what, where="generator.render.removal", fix=install_hint("generate")) from error
        self.library, self.side = patch_match, side
        version = importlib.metadata.version("pypatchmatch")
        self.identity: dict[str, Any] = {"patchmatch": version, "side": side, "radii": list(RADII)}

    def cost(self) -> int:
        """Return the network evaluations per picture: none."""
        return 0

    @stage("fills")
    def fill(self, request: InpaintRequest) -> Picture:
        """Return the whole frame, uint8 [H, W, 3] RGB, filled at its own size; prompt and strength play no part."""
        self.library.set_random_seed(request.seed % 2**32)
        window = search_window(request.hole, CONTEXT)
        image, hole = np.ascontiguousarray(request.image[window]), np.ascontiguousarray(request.hole[window])
        fills = [self._filled(image, hole, radius) for radius in RADII]
        filled = request.image.copy()
        # The object is somewhere in its hole.
        mask = hole * np.uint8(255)
        filled[window] = min(fills, key=lambda fill: strain(fill_scores(Removal(image, mask, hole, fill))))
        return filled

    def _filled(self, image: Picture, hole: Mask, radius: int) -> Picture:
        scale = self.side / max(hole.shape)
        if scale >= 1:
            return np.asarray(self.library.inpaint(image, hole, patch_size=radius))
        size = (max(1, round(hole.shape[1] * scale)), max(1, round(hole.shape[0] * scale)))
        small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        # A pixel that holds some of the object is filled as a whole.
        small_hole = cv2.resize(hole.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0
        small_fill = np.asarray(self.library.inpaint(small, small_hole, patch_size=radius))
        return with_details(image, hole, small, small_fill, origins(small_fill, small_hole))


def origins(filled: Picture, hole: Mask) -> Feature:
    """Return where each filled pixel came from, int64 [H, W, 2] (row, column); pixels outside the hole are their own.

    A pixel's origin is the centre of the known patch that is nearest to the patch around it.
    """
    height, width = hole.shape
    places = np.stack(np.meshgrid(np.arange(height), np.arange(width), indexing="ij"), axis=-1)
    kernel = np.ones((2 * RADIUS + 1,) * 2, np.uint8)
    known = cv2.dilate(hole.astype(np.uint8), kernel) == 0
    if not known.any():
        known = ~hole
    described = _describe(filled)
    _, nearest = cKDTree(described[known]).query(described[hole], eps=0.5)
    places[hole] = places[known][nearest]
    return places


def _describe(image: Picture) -> Feature:
    """Return a few numbers per pixel that tell its surroundings, float32 [H, W, 10]: colour, finely and coarsely, and
    the slopes of lightness.
    """
    lab = cv2.cvtColor(image, cv2.COLOR_RGB2Lab).astype(np.float32)
    fine, coarse = cv2.GaussianBlur(lab, (0, 0), 1.0), cv2.GaussianBlur(lab, (0, 0), 2.0)
    slopes = [cv2.Sobel(smooth[..., 0], cv2.CV_32F, *order) for smooth in (fine, coarse) for order in ((1, 0), (0, 1))]
    return np.dstack([lab, coarse, *slopes])


def with_details(image: Picture, hole: Mask, small: Picture, fill: Picture, origin: Feature) -> Picture:
    """Return the picture with its hole filled by an enlarged ``fill``, plus what shrinking lost at the origins.

    Args:
        image: Uint8 [H, W, 3] RGB.
        hole: Bool [H, W].
        small: The picture shrunk, uint8 [h, w, 3].
        fill: The same, filled.
        origin: Of each of its pixels, [h, w, 2] (row, column) in ``small``.
    """
    height, width = hole.shape
    size = (width, height)
    lost = image.astype(np.float32) - cv2.resize(small, size, interpolation=cv2.INTER_LINEAR)
    rows, columns = np.nonzero(hole)
    factor = np.array([height / small.shape[0], width / small.shape[1]])
    at = np.stack([rows, columns], axis=-1)
    cells = np.minimum((at / factor).astype(int), np.array(small.shape[:2]) - 1)
    shift = (origin[cells[:, 0], cells[:, 1]] - cells) * factor
    source = np.clip(np.rint(at + shift).astype(int), 0, np.array([height, width]) - 1)
    large = cv2.resize(fill, size, interpolation=cv2.INTER_CUBIC).astype(np.float32)
    filled = image.copy()
    # Details of the object itself are never brought back.
    details = np.where(hole[source[:, 0], source[:, 1]][:, None], 0, lost[source[:, 0], source[:, 1]])
    filled[hole] = np.rint((large[hole] + details).clip(0, 255)).astype(np.uint8)
    return filled
