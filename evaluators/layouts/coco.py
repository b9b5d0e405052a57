"""COCO: pictures, and a box and a mask of what was placed in each, as pycocotools and FiftyOne read them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from editmill.evaluators.base import Exported, Exporter
from editmill.evaluators.layouts.edits import exported, folders_of, primary
from editmill.manifests.errors import RequestError
from editmill.manifests.folders import atomic_folder
from editmill.manifests.progress import Progress
from editmill.manifests.reader import Dataset, Sample

MASK = "mask.png"


def export_coco(dataset: Dataset, target: Path, *, complete_pairs: bool = False, progress: bool = False) -> Exported:
    """Write a folder per edit and level with ``data/KEY.png`` and ``labels.json``; pictures are copied as stored.

    Ids of categories are labels, which start with 0. An object that cannot be seen has no annotation.

    Args:
        dataset: Of a family whose samples have masks.
        target: A folder that does not exist or is empty; it is written whole or not at all.
        complete_pairs: Keep only sources that were accepted in every folder.
        progress: Whether to show a bar.

    Raises:
        RequestError: The samples have no masks.
        OccupiedError: The target holds something.
        DataError: No sample was accepted, no source in every folder, or a stored picture is damaged.
    """
    if MASK not in dataset.manifest.members:
        what = (
            f"the layout coco holds masks, and samples of this dataset have only {', '.join(dataset.manifest.members)}"
        )
        raise RequestError(what, where="--format", fix="export a dataset of attribute edits")
    folders = folders_of(dataset, complete_pairs=complete_pairs)
    total = sum(len(samples) for samples in folders.values())
    with (
        atomic_folder(target) as root,
        Progress(total=total, desc="exporting", unit="image", disable=not progress) as bar,
    ):
        for name, samples in folders.items():
            (root / name / "data").mkdir(parents=True)
            images: list[dict[str, Any]] = []
            annotations: list[dict[str, Any]] = []
            for number, sample in enumerate(samples, 1):
                suffix, data = primary(sample)
                (root / name / "data" / f"{sample.key}.{suffix}").write_bytes(data)
                mask = sample.mask(MASK) > 0
                images.append(_image(number, f"{sample.key}.{suffix}", mask, sample))
                if mask.any():
                    annotations.append(_annotation(number, mask, sample.label))
                bar.update()
            document = {
                "info": {"description": f"{dataset.manifest.name} {dataset.manifest.version}, {name}"},
                "licenses": [{"id": 1, "name": dataset.manifest.sources.licence or "not stated", "url": ""}],
                "categories": [
                    {"id": label, "name": one} for label, one in sorted(dataset.manifest.class_names.items())
                ],
                "images": images,
                "annotations": annotations,
            }
            (root / name / "labels.json").write_text(json.dumps(document) + "\n")
    return exported(dataset, folders)


LAYOUT = Exporter(
    "a folder per edit and level with data/ and labels.json: boxes and masks of what was placed, for pycocotools "
    "and detectors.",
    export_coco,
)


def _image(number: int, name: str, mask: npt.NDArray[np.bool_], sample: Sample) -> dict[str, Any]:
    height, width = mask.shape
    facts = {column: sample.row[column] for column in ("source_id", "edit", "level", "replica")}
    return {"id": number, "file_name": name, "width": width, "height": height, "license": 1, **facts}


def _annotation(number: int, mask: npt.NDArray[np.bool_], label: int) -> dict[str, Any]:
    """Return the annotation of one object; ``mask`` is HW."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    left, top = int(columns[0]), int(rows[0])
    return {
        "id": number,
        "image_id": number,
        "category_id": label,
        "bbox": [left, top, int(columns[-1]) - left + 1, int(rows[-1]) - top + 1],
        "area": int(mask.sum()),
        "segmentation": {"size": list(mask.shape), "counts": run_lengths(mask)},
        "iscrowd": 0,
    }


def run_lengths(mask: npt.NDArray[np.bool_]) -> list[int]:
    """Return COCO's uncompressed run lengths: column by column, starting with those outside the object."""
    flat = mask.ravel(order="F")
    ends = np.flatnonzero(np.diff(flat)) + 1
    lengths = np.diff(np.concatenate(([0], ends, [flat.size])))
    return [0, *lengths.tolist()] if flat[0] else lengths.tolist()
