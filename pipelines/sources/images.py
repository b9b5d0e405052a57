"""A folder of pictures without labels or captions."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import ClassVar, Literal

from editmill.generators.base.loaded import LoadedPicture, Unusable
from editmill.generators.base.reasons import Reason
from editmill.generators.base.sources import Source, Spec
from editmill.manifests.errors import SourceError
from editmill.manifests.records import SourceRecord
from editmill.manifests.threads import in_threads
from editmill.manifests.urls import find_objects, is_url, spelled
from editmill.pipelines.sources.reading import image_facts, listed_record, read_image
from editmill.pipelines.sources.table import distinct
from editmill.pipelines.sources.texts import is_unicode

# The folders of masks that `editmill masks` writes.
MASKS = ("masks", "refused")
SUFFIXES = (".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")

logger = logging.getLogger("editmill.sources")


class ImagesSpec(Spec):
    """Every picture below a folder but those in sub-folders of masks.

    Attributes:
        root: The folder.
        licence: Terms of the pictures, recorded with every sample.
    """

    stores: ClassVar[bool] = True
    kind: Literal["images"] = "images"
    root: Path
    licence: str = ""


class ImagesSource(Source[LoadedPicture]):
    """Pictures in the order of their paths, named by their paths without suffix."""

    name = "images"
    spec_type = ImagesSpec
    shorthand = "images:FOLDER"
    provides = "pictures"

    def __init__(self, spec: ImagesSpec) -> None:
        self.spec, self.licence = spec, spec.licence

    def records(self) -> Iterator[SourceRecord]:
        paths = self._paths()
        names = [str(path).encode(errors="backslashreplace").decode() for path in paths]
        named = zip(distinct(str(Path(name).with_suffix("")) for name in names), paths, names, strict=True)
        yield from in_threads(lambda one: self._record(*one), named)

    def _record(self, identity: str, path: Path, name: str) -> SourceRecord:
        return listed_record(partial(self._facts, path, name), id=identity, image=name, licence=self.licence)

    def _facts(self, path: Path, name: str) -> tuple[int, int, str]:
        # Python shows other bytes as halves of surrogate pairs, which no record can hold.
        if not is_unicode(str(path)):
            raise Unusable(Reason.SOURCE_UNREADABLE, f"{name}: the file's name is not UTF-8; rename it")
        return image_facts(self.spec.root / path, name)

    def _paths(self) -> list[Path]:
        """Return the pictures' paths below the root, sorted; those in folders of masks are left out with a warning."""
        root = self.spec.root
        paths = sorted(path for path in _below(root) if path.suffix.lower() in SUFFIXES)
        masks = [path for path in paths if any(part.lower() in MASKS for part in path.parts[:-1])]
        if masks:
            what = f"left out of the pictures, as masks: {len(masks)} in sub-folders named {' or '.join(MASKS)}"
            logger.warning("%s: %s, the first %s; to take them, rename the folder", root, what, masks[0])
        kept = sorted(set(paths) - set(masks))
        if not kept:
            what = f"the folder holds no pictures ({', '.join(SUFFIXES)})"
            raise SourceError(what, where=str(root), fix="pass the folder that holds them")
        return kept

    def load(self, record: SourceRecord) -> LoadedPicture:
        return LoadedPicture(record, read_image(self.spec.root / record.image, record))


def _below(root: Path) -> list[Path]:
    """Return the paths of all files below a folder, relative to it.

    Raises:
        SourceError: There is no such folder.
    """
    if is_url(root):
        found = [Path(path) for path in find_objects(root)]
    else:
        # What is no regular file, such as a link that leads nowhere, becomes a row; folders may have any name.
        found = [path.relative_to(root) for path in root.rglob("*") if not path.is_dir()]
    if not found and (is_url(root) or not root.is_dir()):
        raise SourceError("no such folder", where=spelled(root), fix="pass --source images:FOLDER")
    return found
