"""The folders of ImageNet-E (arXiv 2303.17096), as its loaders read them.

Twelve flat folders hold images only; ``labels.txt`` beside them has a line ``name<TAB>label`` per source, where the
name is that of the source's file in every folder up to the first dot.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from editmill.evaluators.base import Exported, Exporter
from editmill.manifests.errors import DataError, RequestError
from editmill.manifests.folders import atomic_folder
from editmill.manifests.progress import Progress
from editmill.manifests.reader import Dataset, Sample
from editmill.manifests.records import PRIMARY_IMAGES

LABELS_FILE = "labels.txt"
_SAFE = re.compile(r"[A-Za-z0-9_-]{1,100}")
# Levels are decimal fractions, which floats hold nearly.
_LEVEL_TOLERANCE = 1e-9

Level = tuple[str, float]


@dataclass(frozen=True)
class Folder:
    """One folder.

    Attributes:
        folder: Its name.
        edit: Our edit.
        published: The publication's level; of several levels in a dataset the nearest one is exported. None for an edit
            without levels.
        least, most: Levels that the folder may hold.
    """

    folder: str
    edit: str
    published: float | None = None
    least: float = -math.inf
    most: float = math.inf

    def takes(self, edit: str, level: float) -> bool:
        """Return whether the folder may hold this edit at this level."""
        return edit == self.edit and self.least - _LEVEL_TOLERANCE <= level <= self.most + _LEVEL_TOLERANCE


FOLDERS = (
    Folder("ori", "original"),
    Folder("rec", "round-trip"),
    Folder("random_bg", "random-background"),
    Folder("full", "full"),
    # Levels of modern mode are not values of the published lambda, so the side of zero decides.
    Folder("20_smooth", "complexity", -20, most=0),
    Folder("20_hard", "complexity", 20, least=0),
    Folder("20_adv", "adversarial", 20),
    Folder("01", "size", 0.1, 0.1, 0.1),
    Folder("008", "size", 0.08, 0.08, 0.08),
    Folder("005", "size", 0.05, 0.05, 0.05),
    Folder("rp", "position", 0.05),
    Folder("rd", "direction", 0.05),
)


def export_imagenet_e(
    dataset: Dataset, target: Path, *, complete_pairs: bool = False, progress: bool = False
) -> Exported:
    """Write the folders; stored bytes are copied, not encoded again.

    Loaders list all twelve, so those without an image are made too, and ``README.md`` says why they are empty.

    Args:
        dataset: A dataset of attribute edits.
        target: A folder that does not exist or is empty; it is written whole or not at all.
        complete_pairs: Keep only sources that were accepted in every folder that is not empty.
        progress: Whether to show a bar.

    Raises:
        RequestError: The dataset holds no attribute edits, or none of the layout's columns.
        OccupiedError: The target holds something.
        DataError: No source was accepted in every folder, or a stored image is damaged.
    """
    rows = _accepted(dataset)
    levels = _choose_levels(rows)
    folders = {folder: _lowest_replicas(rows, level) for folder, level in levels.items()}
    if complete_pairs:
        folders = _complete(folders)
    places = {row["key"]: folder for folder, chosen in folders.items() for row in chosen.values()}
    labels = {row["source_id"]: row["label"] for chosen in folders.values() for row in chosen.values()}
    wanted = dataset.select(
        edit=_values(rows, places, "edit"), level=_values(rows, places, "level"), source_id=sorted(labels)
    )
    missing = _missing(dataset, levels)
    with atomic_folder(target) as folder:
        for column in FOLDERS:
            (folder / column.folder).mkdir()
        _write_images(wanted, places, folder, progress=progress)
        (folder / "README.md").write_text(_readme(dataset, missing), encoding="utf-8")
        lines = [f"{file_stem(source)}\t{label}\n" for source, label in sorted(labels.items())]
        (folder / LABELS_FILE).write_text("".join(lines), newline="\n")
    images = {column.folder: len(folders[column.folder]) for column in FOLDERS if column.folder in folders}
    return Exported(images, missing, _left_out(rows, set(levels.values())), len(labels))


IMAGENET_E = Exporter(
    "the folders ori, rec, 20_smooth, 20_hard, 20_adv, random_bg, full, 01, 008, 005, rp and rd with one image per "
    "source, and labels.txt. All are made; README.md says why one is empty, as it is when the dataset has no accepted "
    "sample of its edit. With --pairs complete each source that was rejected in one of the others is left out of all. "
    "Stored bytes are copied.",
    export_imagenet_e,
)


def file_stem(source_id: str) -> str:
    """Return a file name without suffix: the id itself where that is safe, else a legible part with a hash.

    Never with a dot.
    """
    if _SAFE.fullmatch(source_id):
        return source_id
    legible = re.sub(r"[^A-Za-z0-9_-]+", "-", source_id)[:80].strip("-")
    return f"{legible}-{hashlib.blake2b(source_id.encode(), digest_size=8).hexdigest()}".lstrip("-")


def _accepted(dataset: Dataset) -> list[dict[str, Any]]:
    if dataset.manifest.generator != "attribute":
        raise RequestError(
            f"the layout imagenet-e holds attribute edits, and this dataset was made by {dataset.manifest.generator!r}",
            where="--format",
            fix="export a dataset that was built with the recipe imagenet-e",
        )
    columns = ["key", "source_id", "label", "edit", "level", "replica"]
    return list(dataset.select(status="ok").table.select(columns).to_pylist())


def _choose_levels(rows: Iterable[dict[str, Any]]) -> dict[str, Level]:
    """Return the edit and level that each folder takes from the dataset."""
    present = sorted({(row["edit"], row["level"]) for row in rows})
    chosen: dict[str, Level] = {}
    for column in FOLDERS:
        fitting = [level for level in present if column.takes(*level)]
        if fitting:
            chosen[column.folder] = min(fitting, key=lambda level: abs(level[1] - (column.published or 0)))
    if not chosen:
        edits = ", ".join(sorted({edit for edit, _ in present})) or "none"
        what = f"no accepted sample belongs in the layout imagenet-e (accepted edits: {edits})"
        raise RequestError(what, fix="build with the recipe imagenet-e")
    return chosen


def _lowest_replicas(rows: Iterable[dict[str, Any]], level: Level) -> dict[str, dict[str, Any]]:
    """Return the accepted sample with the lowest replica number, by source."""
    # Of rows of one source the last holds, so the lowest replica goes last.
    mine = sorted((row for row in rows if (row["edit"], row["level"]) == level), key=lambda row: -row["replica"])
    return {row["source_id"]: row for row in mine}


def _complete(folders: dict[str, dict[str, dict[str, Any]]]) -> dict[str, dict[str, dict[str, Any]]]:
    kept = set.intersection(*(set(chosen) for chosen in folders.values()))
    if not kept:
        what = f"no source was accepted in each of {', '.join(folders)}"
        raise DataError(what, where="--pairs complete", fix="use --pairs all")
    return {
        folder: {source: row for source, row in chosen.items() if source in kept} for folder, chosen in folders.items()
    }


def _values(rows: Iterable[dict[str, Any]], places: dict[str, str], name: str) -> list[Any]:
    return sorted({row[name] for row in rows if row["key"] in places})


def _write_images(samples: Dataset, places: dict[str, str], root: Path, *, progress: bool) -> None:
    with Progress(total=len(places), desc="exporting", unit="image", disable=not progress) as bar:
        for sample in samples:
            # The selection by edit, level and source takes in more than was chosen.
            if sample.key in places:
                suffix, data = _primary(sample)
                (root / places[sample.key] / f"{file_stem(sample.row['source_id'])}.{suffix}").write_bytes(data)
                bar.update()


def _primary(sample: Sample) -> tuple[str, bytes]:
    return next((suffix, sample.members[suffix]) for suffix in PRIMARY_IMAGES if suffix in sample.members)


def _missing(dataset: Dataset, levels: dict[str, Level]) -> dict[str, str]:
    """Return why each folder that was not made is missing."""
    planned = {(row["edit"], row["level"]) for row in dataset.table.select(["edit", "level"]).to_pylist()}
    absent = [column for column in FOLDERS if column.folder not in levels]
    rejected = {column.folder for column in absent if any(column.takes(*level) for level in planned)}
    return {
        c.folder: "every sample was rejected" if c.folder in rejected else f"the dataset has no edit {_describe(c)}"
        for c in absent
    }


def _readme(dataset: Dataset, missing: dict[str, str]) -> str:
    manifest = dataset.manifest
    lines = [
        f"{manifest.name} {manifest.version} in the folders of ImageNet-E, fingerprint {manifest.fingerprint}.",
        "",
    ]
    lines += [f"* {folder} is empty: {reason}" for folder, reason in missing.items()] or ["Every folder has images."]
    return "\n".join(lines) + "\n"


def _describe(folder: Folder) -> str:
    if folder.edit == "complexity":
        return f"complexity {'below' if folder.most == 0 else 'above'} 0"
    return f"{folder.edit} {folder.published:g}" if folder.least == folder.most and folder.published else folder.edit


def _left_out(rows: Iterable[dict[str, Any]], exported: set[Level]) -> dict[str, int]:
    counts = Counter((row["edit"], row["level"]) for row in rows if (row["edit"], row["level"]) not in exported)
    return {edit + (f" {level:g}" if level else ""): count for (edit, level), count in sorted(counts.items())}
