"""Captions as tables that the published scripts of XMAI (arXiv 2306.11065) read with pandas.

``evaluation.py`` compares the columns ``text`` and ``augmented`` with the pictures in ``file``; ``xmai_generate.py``
inserts words into ``text`` by two lists of equal length, ``objects`` and ``attributes``.
"""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

from editmill.evaluators.base import Exported, Exporter
from editmill.evaluators.layouts.edits import exported, folders_of, primary
from editmill.manifests.errors import RequestError
from editmill.manifests.folders import atomic_folder
from editmill.manifests.progress import Progress
from editmill.manifests.reader import Dataset
from editmill.manifests.records import PRIMARY_IMAGES

IMAGES = "images"
LABELS = ("entailment", "neutral", "contradiction")
COLUMNS = ("file", "text", "augmented", "objects", "attributes", "label", "key", "source_id", "caption_id")


def export_xmai_csv(
    dataset: Dataset, target: Path, *, complete_pairs: bool = False, progress: bool = False
) -> Exported:
    """Write ``EDIT.csv`` with a row per accepted caption, and every picture once in ``images``.

    ``objects`` and ``attributes`` are the nouns before which words were inserted, and these words: what else a detector
    saw is not in a dataset. Datasets that only name their pictures give these names in ``file``, and no folder.

    Args:
        dataset: A dataset of captions.
        target: A folder that does not exist or is empty; it is written whole or not at all.
        complete_pairs: Keep only sources that were accepted under every edit.
        progress: Whether to show a bar.

    Raises:
        RequestError: The dataset holds no captions.
        OccupiedError: The target holds something.
        DataError: No caption was accepted, or no source under every edit, or a stored picture is damaged.
    """
    if dataset.manifest.generator != "text":
        what = f"the layout xmai-csv holds edited captions, and this dataset was made by {dataset.manifest.generator!r}"
        raise RequestError(what, where="--format", fix="export a dataset that was built with the recipe xmai")
    edits = folders_of(dataset, complete_pairs=complete_pairs)
    with (
        atomic_folder(target) as root,
        Progress(total=len(edits), desc="exporting", unit="table", disable=not progress) as bar,
    ):
        files: dict[str, str] = {}
        for edit, captions in edits.items():
            _write_table(root / f"{edit}.csv", captions, _write_pictures(root / IMAGES, captions, files))
            bar.update()
    return exported(dataset, edits)


XMAI_CSV = Exporter(
    "EDIT.csv with a row per caption (file, text, augmented, objects, attributes, …) and the pictures in images/, for "
    "the published scripts of XMAI: evaluation.py, and xmai_generate.py.",
    export_xmai_csv,
)


def _write_pictures(folder: Path, captions: Dataset, files: dict[str, str]) -> dict[str, str]:
    """Write pictures that are not there yet, under the key of their first caption; return their names by digest."""
    if set(PRIMARY_IMAGES) & set(captions.manifest.members):
        folder.mkdir(exist_ok=True)
        for sample in captions:
            if sample.row["source_sha256"] not in files:
                suffix, data = primary(sample)
                files[sample.row["source_sha256"]] = f"{sample.key}.{suffix}"
                (folder / f"{sample.key}.{suffix}").write_bytes(data)
    return files


def _write_table(path: Path, captions: Dataset, files: dict[str, str]) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        table = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
        table.writeheader()
        for row in captions.table.to_pylist():
            table.writerow(_cells(row, files))


def _cells(row: dict[str, Any], files: dict[str, str]) -> dict[str, Any]:
    facts = json.loads(row["parameters"])
    insertions = facts.get("insertions", [])
    return {
        "file": files.get(row["source_sha256"]) or facts.get("image", ""),
        "text": facts["caption"],
        "augmented": facts["text"],
        # The scripts read these lists as Python's own.
        "objects": [one["noun"] for one in insertions],
        "attributes": [one["word"] for one in insertions],
        "label": LABELS[row["label"]] if row["label"] >= 0 else "",
        **{name: row[name] for name in ("key", "source_id")},
        "caption_id": facts.get("caption_id", ""),
    }
