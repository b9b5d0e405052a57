"""A picture as the ensemble sees it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from editmill.manifests.arrays import Mask, Picture


@dataclass(frozen=True)
class Shown:
    """One candidate.

    Attributes:
        image: The final encoded bytes, decoded again, uint8 [H, W, 3] RGB.
        class_name: The label that it has to keep.
        label: Its index, for verifiers that know ImageNet's classes by number only; -1 where there is none.
        mask: Where the object is expected, uint8 [H, W], 255 on it; None when nobody knows, as in pictures made from
            text.
        source: The picture that it was made of, uint8 [H', W', 3] RGB; None where there is none.
        source_mask: The object in ``source``, uint8 [H', W']; None for ``mask``.
        edited: Whether a change is expected; False for controls.
        unsafe: What the safety checker of the generator said.
        finite: Whether the generator's float pixels were all finite, which no encoded picture tells any more.
        size: Wanted (width, height); None for any.
        prompts: Of source and candidate, for the direction of the edit; None where there are none.
    """

    image: Picture
    class_name: str
    label: int = -1
    mask: Mask | None = None
    source: Picture | None = None
    source_mask: Mask | None = None
    edited: bool = True
    unsafe: bool = False
    finite: bool = True
    size: tuple[int, int] | None = None
    prompts: tuple[str, str] | None = None

    @property
    def object_in_source(self) -> Mask | None:
        """The object's mask in the source."""
        return self.mask if self.source_mask is None else self.source_mask

    @property
    def comparable(self) -> bool:
        """Whether source and mask are of the candidate's frame."""
        return self.source is not None and self.mask is not None and self.source.shape == self.image.shape

    def source_key(self) -> str:
        """Return what identifies source and mask, so that several candidates of one source share one look at it."""
        assert self.source is not None
        mask = self.object_in_source
        return hashlib.blake2b(
            self.source.tobytes() + (b"" if mask is None else mask.tobytes()), digest_size=16
        ).hexdigest()
