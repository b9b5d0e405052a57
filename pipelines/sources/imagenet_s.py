"""ImageNet photographs with the masks of ImageNet-S (Gao et al., arXiv 2106.03149)."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
from PIL import Image

from editmill.generators.base.loaded import LoadedSource, Unusable
from editmill.generators.base.reasons import Reason
from editmill.generators.base.sources import Source, Spec
from editmill.manifests.arrays import Mask
from editmill.manifests.errors import SourceError
from editmill.manifests.pictures import PictureError
from editmill.manifests.records import SourceRecord
from editmill.manifests.threads import in_threads
from editmill.pipelines.sources.imagenet_index import read_class_list, read_index
from editmill.pipelines.sources.reading import (
    check_mask,
    decode_mask_file,
    image_facts,
    mask_digest,
    problem_of,
    read_image,
    read_mask_bytes,
)
from editmill.pipelines.sources.table import distinct

# Classes that ImageNet-S counts as one: photographs of the first hold objects of the second.
MERGED = {
    "n04356056": "n04355933",
    "n04493381": "n02808440",
    "n03642806": "n03832673",
    "n04008634": "n03773504",
    "n03887697": "n15075141",
}
# Pixels that the masks leave undecided.
IGNORE = 1000
# ImageNet-S50, ImageNet-S300 and the whole.
CLASS_COUNTS = (50, 300, 919)
IMAGE_SUFFIXES = (".JPEG", ".jpeg", ".jpg", ".JPG", ".png")

logger = logging.getLogger("editmill.sources")


class ImageNetSSpec(Spec):
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

    kind: Literal["imagenet-s"] = "imagenet-s"
    root: Path
    images: Path | None = None
    masks: Path | None = None
    classes: Path | None = None
    index: Path | None = None
    licence: str = (
        "ImageNet terms of access (non-commercial research); the masks of ImageNet-S come without a licence file"
    )


class ImageNetSSource(Source[LoadedSource]):
    """One source per mask; the label is that of the photograph's folder, whatever class id the mask holds."""

    name = "imagenet-s"
    spec_type = ImageNetSSpec
    shorthand = "imagenet-s:ROOT"
    provides = "labelled"

    def __init__(self, spec: ImageNetSSpec) -> None:
        self.spec, self.licence = spec, spec.licence
        self.images, self.masks = spec.images or spec.root / "images", spec.masks or spec.root / "masks"

    @cached_property
    def folders(self) -> list[str]:
        """The wnids that have a folder of masks, sorted."""
        for folder, field in ((self.images, "images"), (self.masks, "masks")):
            if not folder.is_dir():
                fix = f"name it with --set source.{field}=PATH"
                raise SourceError(f"the folder of the {field} is missing", where=str(folder), fix=fix)
        return sorted(path.name for path in self.masks.iterdir() if path.is_dir())

    @cached_property
    def ids(self) -> dict[str, int]:
        """The number of each class in the masks."""
        # The masks keep 0 for the background.
        return {wnid: place for place, wnid in enumerate(self._classes(), 1)}

    @cached_property
    def index(self) -> dict[str, tuple[int, str]]:
        """The class index and the name by wnid."""
        return read_index(self.spec.index or self.spec.root / "classes.csv")

    def _check_lists(self) -> None:
        ids, index, fix = self.ids, self.index, "pass the {}, or remove the folder"
        for wnid in self.folders:
            known, numbered = wnid in index, MERGED.get(wnid, wnid) in ids
            self._require(known, f"the class index lacks {wnid!r}", fix.format("index of all classes"))
            self._require(numbered, f"the class list lacks {wnid!r}", fix.format("whole list"))

    def _require(self, condition: bool, what: str, fix: str) -> None:
        if not condition:
            raise SourceError(what, where=str(self.masks), fix=fix)

    def _classes(self) -> list[str]:
        listed = self.spec.classes or self.spec.root / "classes.txt"
        if self.spec.classes or listed.exists():
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
        self._check_lists()
        masks = [mask for folder in self.folders for mask in sorted((self.masks / folder).glob("*.png"))]
        first = {mask.stem: mask for mask in reversed(masks)}
        names = (mask.stem if first[mask.stem] is mask else f"{mask.parent.name}-{mask.stem}" for mask in masks)
        yield from in_threads(lambda pair: self._record(*pair), zip(distinct(names), masks, strict=True))

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
            # Carried, because the list of classes may be another one when the record is loaded.
            "attributes": {"class_id": str(self.ids[MERGED.get(image.parent.name, image.parent.name)])},
        }
        facts: dict[str, Any] = {"width": 0, "height": 0, "sha256": ""}
        try:
            facts["mask_sha256"] = mask_digest(mask, common["mask"], "alone", lambda data: None)
            width, height, digest = image_facts(image, common["image"])
            facts.update(width=width, height=height, sha256=digest)
            depends = f"{common['attributes']} {width}x{height}"
            check = partial(self._object, record=SourceRecord(**common, **facts), shape=(height, width))
            mask_digest(mask, common["mask"], depends, check)
        except Unusable as problem:
            facts.update(problem_of(problem))
        return SourceRecord(**common, **facts)

    def _photograph(self, mask: Path) -> Path:
        """Return the photograph of a mask.

        ImageNet-S keeps masks of merged classes in one folder, ImageNet the photographs in two.
        """
        wnid = mask.parent.name
        folders = (wnid, *(other for other, target in MERGED.items() if target == wnid and other in self.index))
        places = [self.images / folder / f"{mask.stem}{suffix}" for folder in folders for suffix in IMAGE_SUFFIXES]
        return next((place for place in places if place.is_file()), places[0])

    def _object(self, data: bytes, record: SourceRecord, shape: tuple[int, ...]) -> Mask:
        """Return the mask of the photograph's class, uint8 [H, W], 255 on the object.

        Raises:
            Unusable: The mask does not fit, holds nothing of the class, or leaves pixels in the object's box
                undecided.
        """
        ids = decode_class_ids(data, record.mask)
        mask = np.where(ids == int(record.attributes["class_id"]), 255, 0).astype(np.uint8)
        check_mask(shape, mask, record.mask)
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        if (ids[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] == IGNORE).any():
            raise Unusable(Reason.SOURCE_INELIGIBLE, f"{record.mask}: pixels to ignore lie in the object's box")
        return mask

    def load(self, record: SourceRecord) -> LoadedSource:
        image = read_image(self.images / record.image, record)
        data = read_mask_bytes(self.masks / record.mask, record)
        return LoadedSource(record, image, self._object(data, record, image.shape[:2]))


def decode_class_ids(data: bytes, name: str) -> Mask:
    """Decode a mask of ImageNet-S to class ids int32 [H, W]: red plus 256 times green.

    Raises:
        Unusable: It can't be decoded or is no colour picture.
    """
    return decode_mask_file(data, name, _class_ids)


def _class_ids(image: Image.Image) -> Mask:
    if image.mode not in ("RGB", "RGBA", "P"):
        raise PictureError(f"a mask of ImageNet-S is an RGB picture, not one of mode {image.mode}")
    pixels = np.asarray(image.convert("RGB")).astype(np.int32)
    return pixels[..., 0] + 256 * pixels[..., 1]
