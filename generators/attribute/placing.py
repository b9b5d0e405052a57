"""Where an edit puts the object: its pixels, its alpha and the transform that did it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from editmill.generators.attribute.edits import kind_of
from editmill.generators.attribute.geometry import (
    GeometryError,
    full_frame,
    outline,
    scale_for_share,
    warp,
    warp_object,
)
from editmill.generators.attribute.published_geometry import frame_rotation, nearest_object, published_scale
from editmill.generators.attribute.reasons import AttributeReason
from editmill.generators.attribute.settings import Quirk
from editmill.generators.base.edits import Edit
from editmill.generators.base.loaded import LoadedSource
from editmill.generators.compositing.composite import matte, object_share
from editmill.manifests.arrays import Feature, Mask, Picture

# Rounded before the warp, so that the recorded matrix gives the stored bytes again.
MATRIX_DECIMALS = 6
IDENTITY = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])


@dataclass(frozen=True)
class Placed:
    """The object in its new place.

    Attributes:
        reference: The transformed source, uint8 [H, W, 3] RGB.
        alpha: Uint8 [H, W].
        matrix: Float64 [2, 3] from source to output pixel indices.
        scale: Enlargement of source pixels.
        angle: In degrees, counter-clockwise.
    """

    reference: Picture
    alpha: Mask
    matrix: Feature
    scale: float = 1.0
    angle: float = 0.0


class Placer:
    """Places objects as edits say.

    Args:
        max_upsampling: Largest allowed enlargement of source pixels.
        quirks: The publication's defects to reproduce.
        whole_frame: Whether ``full`` enlarges the whole picture; else the object alone, as published.
    """

    def __init__(self, *, max_upsampling: float, quirks: tuple[Quirk, ...] = (), whole_frame: bool = True) -> None:
        self.max_upsampling, self.quirks, self.whole_frame = max_upsampling, frozenset(quirks), whole_frame

    def place(self, source: LoadedSource, edit: Edit) -> Placed:
        """Return the object of ``source`` where ``edit`` wants it.

        Raises:
            GeometryError: It can't be put there, or too little of it would be left to keep.
        """
        placed = self._place(source, edit)
        # The guard of object pixels would reject it for a change although none was made.
        if not (placed.alpha == 255).any():
            raise GeometryError(
                AttributeReason.OBJECT_TOO_THIN,
                "no pixel of the object lies deep enough inside its outline to be kept exactly",
            )
        return placed

    def _place(self, source: LoadedSource, edit: Edit) -> Placed:
        if kind_of(edit.name).sized:
            return self._moved(source, edit)
        if edit.name == "full":
            return self._full(source)
        image = resampled(source, float(edit["share"])) if edit.name == "resample" else source.image
        return Placed(image, self._matte(source.mask.astype(np.float32) / 255), IDENTITY)

    def _check_scale(self, scale: float) -> None:
        if scale > self.max_upsampling:
            what = f"the object would be enlarged {scale:.2f} times; the recipe allows {self.max_upsampling:g}"
            raise GeometryError(AttributeReason.UPSAMPLING_OVER_LIMIT, what)

    def _matte(self, coverage: Mask) -> Mask:
        return np.where(coverage > 0.5, 255, 0).astype(np.uint8) if "hard-edge" in self.quirks else matte(coverage)

    def _moved(self, source: LoadedSource, edit: Edit) -> Placed:
        angle = float(edit.get("angle", 0))
        position = (float(edit["x"]), float(edit["y"])) if edit.name == "position" else None
        # The published turn comes after the scaling, about the middle of the frame.
        turned = 0.0 if "frame-rotation" in self.quirks else angle
        # The published search knows neither places nor turns.
        if "loose-size" in self.quirks and position is None and not turned:
            scale, matrix = published_scale(source.mask, edit.level)
        else:
            scale, matrix = scale_for_share(
                source.mask, outline(source.mask), edit.level, angle=turned, position=position
            )
        if turned != angle:
            matrix = frame_rotation(matrix, angle, source.mask.shape)
            return self._warped(source, matrix, scale, angle, nearest=True)
        return self._warped(source, matrix, scale, angle)

    def _warped(
        self, source: LoadedSource, matrix: Feature, scale: float, angle: float = 0.0, *, nearest: bool = False
    ) -> Placed:
        self._check_scale(scale)
        matrix = matrix.round(MATRIX_DECIMALS)
        reference, coverage = (nearest_object if nearest else warp_object)(source.image, source.mask, matrix)
        return Placed(reference, self._matte(coverage), matrix, scale, angle)

    def _full(self, source: LoadedSource) -> Placed:
        scale, matrix = full_frame(outline(source.mask))
        if not self.whole_frame:
            return self._warped(source, matrix, scale)
        self._check_scale(scale)
        matrix = matrix.round(MATRIX_DECIMALS)
        # The window lies inside of the source but for rounding, hence the repeated border.
        size = (source.mask.shape[1], source.mask.shape[0])
        image = warp(source.image.astype(np.float32), matrix, size, border=cv2.BORDER_REPLICATE)
        coverage = warp(source.mask.astype(np.float32) / 255, matrix, size, border=cv2.BORDER_REPLICATE)
        return Placed(np.rint(image.clip(0, 255)).astype(np.uint8), self._matte(coverage.clip(0, 1)), matrix, scale)


def resampled(source: LoadedSource, share: float) -> Picture:
    """Return the whole picture shrunk as the object would be for ``share`` of the frame and enlarged again: what the
    loss of detail alone does.
    """
    height, width = source.mask.shape
    scale = min(1.0, float(np.sqrt(share / max(object_share(source.mask.astype(np.float32) / 255), 1e-6))))
    small = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(
        cv2.resize(
            cv2.resize(source.image, small, interpolation=cv2.INTER_AREA),
            (width, height),
            interpolation=cv2.INTER_CUBIC,
        )
    )
