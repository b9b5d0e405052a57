"""ImageNet photographs with the masks of ImageNet-S (Gao et al., arXiv 2106.03149)."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np
from PIL import Image
from pydantic import BaseModel, ConfigDict

from editmill.generators.base import Array, LoadedSource
from editmill.generators.reasons import Reason
from editmill.manifests.canonical import file_digest
from editmill.manifests.errors import SourceError
from editmill.manifests.records import SourceRecord
from editmill.pipelines.sources.base import SourceProblem, check_mask, image_facts, read_image
from editmill.pipelines.sources.imagenet_index import read_class_list, read_index

# Classes that ImageNet-S counts as one: photographs of the first hold objects of the second.
MERGED = {
    "n04356056": "n04355933",
    "n04493381": "n02808440",
    "n03642806": "n03832673",
    "n04008634": "n03773504",
    "n03887697": "n15075141",
}
OTHER, IGNORE = 0, 1000
# ImageNet-S50, ImageNet-S300 and the whole.
CLASS_COUNTS = (50, 300, 919)
IMAGE_SUFFIXES = (".JPEG", ".jpeg", ".jpg", ".JPG", ".png")

logger = logging.getLogger("editmill.sources")


class ImageNetSSpec(BaseModel):
    """ImageNet photographs in folders by wnid, and ImageNet-S masks in folders by wnid.

    Attributes:
        root: The folder of all.
        images: Photographs, ``<wnid>/<name>.JPEG``; empty for ``images`` in the root.
        masks: Masks, ``<wnid>/<name>.png``; empty for ``masks`` in the root. Each mask is one source.
        classes: Text file with the wnids of ImageNet-S, one a line; empty for ``classes.txt`` in the root, or the
            sorted names of the masks' folders.
        index: The class index by wnid, as CSV with the columns imagenet_index, wnid and label, or as
            ``imagenet_class_index.json``; empty for ``classes.csv`` in the root.
        licence: Terms of the photographs and masks, recorded with every sample.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["imagenet-s"] = "imagenet-s"
    root: Path
    images: Path | None = None
    masks: Path | None = None
    classes: Path | None = None
    index: Path | None = None
    licence: str = (
        "ImageNet terms of access (non-commercial research); the masks of ImageNet-S come without a licence file"
    )


class ImageNetSSource:
    """One source per mask; the label is that of the photograph's folder, whatever class id the mask holds."""

    name = "imagenet-s"

    def __init__(self, spec: ImageNetSSpec) -> None:
        self.spec, self.licence = spec, spec.licence
        self.images, self.masks = spec.images or spec.root / "images", spec.masks or spec.root / "masks"
        for folder, field in ((self.images, "images"), (self.masks, "masks")):
            if not folder.is_dir():
                raise SourceError(
                    f"the folder of the {field} is missing",
                    where=str(folder),
                    fix=f"name it with --set source.{field}=PATH",
                )
        self.folders = sorted(path.name for path in self.masks.iterdir() if path.is_dir())
        self.ids = {wnid: place for place, wnid in enumerate(self._classes(), 1)}
        self.index = read_index(spec.index or spec.root / "classes.csv")
        for wnid in self.folders:
            self._require(
                wnid in self.index,
                f"the class index lacks {wnid!r}",
                "pass the index of all classes, or remove the folder",
            )
            self._require(
                MERGED.get(wnid, wnid) in self.ids,
                f"the class list lacks {wnid!r}",
                "pass the whole list, or remove the folder",
            )

    def _require(self, condition: bool, what: str, fix: str) -> None:
        if not condition:
            raise SourceError(what, where=str(self.masks), fix=fix)

    def _classes(self) -> list[str]:
        listed = self.spec.classes or self.spec.root / "classes.txt"
        if self.spec.classes or listed.is_file():
            return read_class_list(listed)
        derived = sorted({MERGED.get(wnid, wnid) for wnid in self.folders})
        self._require(
            bool(derived), "the folder of the masks holds no folder of a class", "put masks in it, as <wnid>/<name>.png"
        )
        if len(derived) not in CLASS_COUNTS:
            fix = "class ids may be off, so name the list with --set source.classes=PATH"
            logger.warning(
                "%s holds %d classes, not one of %s: %s",
                self.masks,
                len(derived),
                ", ".join(map(str, CLASS_COUNTS)),
                fix,
            )
        return derived

    def records(self) -> Iterator[SourceRecord]:
        seen: set[str] = set()
        for folder in self.folders:
            for mask in sorted((self.masks / folder).glob("*.png")):
                identity = mask.stem if mask.stem not in seen else f"{folder}-{mask.stem}"
                seen.add(identity)
                yield self._record(identity, mask)

    def _record(self, identity: str, mask: Path) -> SourceRecord:
        image = self._photograph(mask)
        index, name = self.index[image.parent.name]
        common: dict[str, Any] = {
            "id": identity,
            "image": str(image.relative_to(self.images)),
            "mask": str(mask.relative_to(self.masks)),
            "label": index,
            "class_name": name,
            "wnid": image.parent.name,
            "licence": self.licence,
            "mask_sha256": file_digest(mask),
        }
        try:
            width, height, digest = image_facts(image)
        except SourceProblem as problem:
            return SourceRecord(**common, width=0, height=0, sha256="", problem=problem.reason)
        facts = {**common, "width": width, "height": height, "sha256": digest}
        try:
            self._object(mask, image.parent.name, (height, width))
        except SourceProblem as problem:
            return SourceRecord(**facts, problem=problem.reason)
        return SourceRecord(**facts)

    def _photograph(self, mask: Path) -> Path:
        """Return the photograph of a mask.

        ImageNet-S keeps masks of merged classes in one folder, ImageNet the photographs in two.
        """
        wnid = mask.parent.name
        folders = (wnid, *(other for other, target in MERGED.items() if target == wnid and other in self.index))
        places = [self.images / folder / f"{mask.stem}{suffix}" for folder in folders for suffix in IMAGE_SUFFIXES]
        return next((place for place in places if place.is_file()), places[0])

    def _object(self, path: Path, wnid: str, shape: tuple[int, int]) -> Array:
        """Return the mask of the photograph's class, uint8 [H, W], 255 on the object.

        Raises:
            SourceProblem: The mask does not fit, holds nothing of the class, or leaves pixels in the object's box
                undecided.
        """
        ids = read_class_ids(path)
        mask = np.where(ids == self.ids[MERGED.get(wnid, wnid)], 255, 0).astype(np.uint8)
        check_mask(shape, mask, str(path))
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        if (ids[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] == IGNORE).any():
            raise SourceProblem(Reason.SOURCE_INELIGIBLE, f"{path}: pixels to ignore lie in the object's box")
        return mask

    def load(self, record: SourceRecord) -> LoadedSource:
        image = read_image(self.images / record.image)
        return LoadedSource(record, image, self._object(self.masks / record.mask, record.wnid, image.shape[:2]))


def read_class_ids(path: Path) -> Array:
    """Return class ids int32 [H, W] of an ImageNet-S mask: red plus 256 times green.

    Raises:
        SourceProblem: The file can't be decoded or is no colour picture.
    """
    try:
        with Image.open(path) as image:
            if image.mode not in ("RGB", "RGBA", "P"):
                raise ValueError(f"a mask of ImageNet-S is an RGB picture, not one of mode {image.mode}")
            pixels = np.asarray(image.convert("RGB")).astype(np.int32)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise SourceProblem(Reason.MASK_UNREADABLE, f"{path}: {error}") from error
    return pixels[..., 0] + 256 * pixels[..., 1]
