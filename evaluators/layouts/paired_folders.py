"""Pairs of pictures under one number, as scripts that attack or detect watermarks read them.

Erasing the Invisible reads a folder of ``0.png``, ``1.png``, …; OmniSeal Bench sorts two globs by the same numbers.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa  # type: ignore[import-untyped,unused-ignore]
import pyarrow.compute as pc  # type: ignore[import-untyped,unused-ignore]

from editmill.evaluators.base import Exported, Exporter
from editmill.evaluators.layouts.edits import Folders, check_pictures, exported, folders_of, primary
from editmill.manifests.errors import RequestError
from editmill.manifests.folders import atomic_folder
from editmill.manifests.progress import Progress
from editmill.manifests.reader import Dataset, Sample

ORIGINAL, SOURCE, INPUT = "original", "source.png", "input.png"
_COLUMNS = ("number", "key", "source_id", "label", "class_name")


def export_paired_folders(
    dataset: Dataset, target: Path, *, complete_pairs: bool = False, progress: bool = False
) -> Exported:
    """Write ``EDIT_LEVEL/edited/N.png`` and ``source/N.png``, in watermark sets ``EDIT_SCHEME`` and ``input/N.png``.

    The source is the member ``source.png``, or the source's accepted sample of the edit ``original``; samples with
    neither are left out. ``index.csv`` says what each number is.

    Args:
        dataset: Of any family with pictures.
        target: A folder that does not exist or is empty; it is written whole or not at all.
        complete_pairs: Keep only sources that were accepted in every folder.
        progress: Whether to show a bar.

    Raises:
        RequestError: The dataset holds no pictures, or no sources beside them.
        OccupiedError: The target holds something.
        DataError: No sample was accepted, no source in every folder, or a stored picture is damaged.
    """
    check_pictures(dataset.manifest, "paired-folders")
    held = SOURCE in dataset.manifest.members
    originals = {} if held else _originals(dataset)
    folders = _by_scheme(folders_of(dataset, complete_pairs=complete_pairs))
    kept = folders if held else {name: _with_original(mine, originals) for name, mine in folders.items()}
    left_out = {name: len(mine) - len(kept[name]) for name, mine in folders.items() if len(mine) > len(kept[name])}
    kept = {name: mine for name, mine in kept.items() if len(mine)}

    def source_of(sample: Sample) -> tuple[str, bytes]:
        return ("png", sample.members[SOURCE]) if held else primary(dataset[originals[sample.row["source_id"]]])

    with (
        atomic_folder(target) as root,
        Progress(total=len(kept), desc="exporting", unit="folder", disable=not progress) as bar,
    ):
        for name, samples in kept.items():
            _write_folder(root / name, samples, source_of)
            bar.update()
    done = exported(dataset, kept)
    # Folders have other names than edits where schemes tell them apart.
    return Exported(done.images, {}, left_out, done.sources)


LAYOUT = Exporter(
    "EDIT_LEVEL/source/N.png and edited/N.png, one number a pair, for scripts of watermark benchmarks such as OmniSeal "
    "Bench and Erasing the Invisible; in watermark sets a folder per attack and scheme, and input/N.png.",
    export_paired_folders,
)


def _originals(dataset: Dataset) -> dict[str, str]:
    """Return the key of each source's unedited sample with the lowest replica."""
    if ORIGINAL not in dataset.manifest.edits:
        what = f"the samples hold no {SOURCE}, and the dataset has no edit {ORIGINAL!r}"
        raise RequestError(what, where="--format", fix="build watermark sets with generator.originals=stored")
    rows = dataset.select(edit=ORIGINAL).table.select(["source_id", "replica", "key"]).to_pylist()
    return {row["source_id"]: row["key"] for row in sorted(rows, key=lambda row: -row["replica"])}


def _with_original(samples: Dataset, originals: dict[str, str]) -> Dataset:
    return samples.within(
        samples.table.filter(pc.is_in(samples.table["source_id"], value_set=pa.array(list(originals), pa.string())))
    )


def _by_scheme(folders: Folders) -> Folders:
    """Split folders of marked pictures by the scheme of the mark."""
    split: Folders = {}
    for name, samples in folders.items():
        marks = [json.loads(text).get("watermark") for text in samples.table["parameters"].to_pylist()]
        schemes = ["" if mark is None else f"_{mark.get('scheme') or 'unmarked'}" for mark in marks]
        for scheme in dict.fromkeys(schemes):
            mine = samples.table.filter(pa.array([one == scheme for one in schemes], pa.bool_()))
            split[name + scheme] = samples.within(mine)
    return split


def _write_folder(folder: Path, samples: Dataset, source_of: Callable[[Sample], tuple[str, bytes]]) -> None:
    folder.mkdir()
    with (folder / "index.csv").open("w", encoding="utf-8", newline="") as stream:
        table = csv.writer(stream, lineterminator="\n")
        table.writerow(_COLUMNS)
        for number, sample in enumerate(samples):
            pictures = {"edited": primary(sample), "source": source_of(sample)}
            if INPUT in sample.members:
                pictures["input"] = "png", sample.members[INPUT]
            for name, (suffix, data) in pictures.items():
                (folder / name).mkdir(exist_ok=True)
                (folder / name / f"{number}.{suffix}").write_bytes(data)
            table.writerow([number, *(sample.row[column] for column in _COLUMNS[1:])])
