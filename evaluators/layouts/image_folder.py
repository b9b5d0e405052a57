"""A folder per edit, split and class, as torchvision's ImageFolder and many others read them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from editmill.evaluators.base import Exported, Exporter
from editmill.evaluators.layouts.edits import check_pictures, exported, folders_of, primary
from editmill.manifests.errors import RequestError
from editmill.manifests.folders import atomic_folder
from editmill.manifests.progress import Progress
from editmill.manifests.reader import Dataset


def export_image_folder(
    dataset: Dataset, target: Path, *, complete_pairs: bool = False, progress: bool = False
) -> Exported:
    """Write ``EDIT_LEVEL/SPLIT/CLASS/KEY.png``; stored pictures are copied, not encoded again.

    CLASS is the WordNet id where every sample has one, otherwise the label with leading zeros. Loaders number classes
    by the order of their folders, so every edit has the folders of all classes, be they empty.

    Args:
        dataset: Of a family with classes.
        target: A folder that does not exist or is empty; it is written whole or not at all.
        complete_pairs: Keep only sources that were accepted in every folder.
        progress: Whether to show a bar.

    Raises:
        RequestError: The dataset holds no pictures or no classes.
        OccupiedError: The target holds something.
        DataError: No sample was accepted, no source in every folder, or a stored picture is damaged.
    """
    check_pictures(dataset.manifest, "imagefolder")
    if "txt" in dataset.manifest.members:
        raise RequestError("the layout imagefolder needs classes, and captions have none", where="--format")
    folders = folders_of(dataset, complete_pairs=complete_pairs)
    classes = _classes(folders.values())
    total = sum(len(samples) for samples in folders.values())
    with (
        atomic_folder(target) as root,
        Progress(total=total, desc="exporting", unit="image", disable=not progress) as bar,
    ):
        for name, samples in folders.items():
            for split in set(samples.table["split"].to_pylist()):
                for one in classes.values():
                    (root / name / split / one).mkdir(parents=True, exist_ok=True)
            for sample in samples:
                suffix, data = primary(sample)
                folder = root / name / sample.row["split"] / classes[sample.label]
                (folder / f"{sample.key}.{suffix}").write_bytes(data)
                bar.update()
    return exported(dataset, folders)


LAYOUT = Exporter(
    "EDIT_LEVEL/SPLIT/CLASS/KEY.png, where CLASS is the WordNet id or else the label, for torchvision's ImageFolder. "
    "Classes without a picture under an edit have an empty folder there (ImageFolder: allow_empty=True).",
    export_image_folder,
)


def _classes(folders: Iterable[Dataset]) -> dict[int, str]:
    """Return the folder of each label."""
    wnids = {
        row["label"]: row["wnid"] for samples in folders for row in samples.table.select(["label", "wnid"]).to_pylist()
    }
    return wnids if all(wnids.values()) else {label: f"{label:05d}" for label in wnids}
