"""The folders that CLIP_benchmark reads as ``wds/…``, and open_clip too.

Per edit and level a folder ``EDIT_LEVEL/SPLIT/{0..N-1}.tar`` with ``classnames.txt``,
``zeroshot_classification_templates.txt`` and ``dataset_type.txt``. A shard of a dataset holds all edits of its sources,
so tars are written anew from the stored bytes, each with the picture, ``cls`` and ``txt``.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import groupby
from pathlib import Path

import pyarrow as pa  # type: ignore[import-untyped,unused-ignore]
import pyarrow.compute as pc  # type: ignore[import-untyped,unused-ignore]

from editmill.evaluators.base import Exported, Exporter
from editmill.evaluators.layouts.edits import check_pictures, class_list, exported, folders_of, primary
from editmill.manifests.folders import atomic_folder
from editmill.manifests.progress import Progress
from editmill.manifests.reader import Dataset, Sample
from editmill.manifests.tarshard import write_tar

# CLIP_benchmark puts the class in the place of {c}.
TEMPLATE = "a photo of a {c}."
_CONTRADICTION = 2
Members = dict[str, bytes]


def export_clip_benchmark(
    dataset: Dataset, target: Path, *, complete_pairs: bool = False, progress: bool = False
) -> Exported:
    """Write the folders; stored pictures are copied, not encoded again.

    Args:
        dataset: Of any family that holds pictures. Captions make a retrieval task, everything else a classification.
        target: A folder that does not exist or is empty; it is written whole or not at all.
        complete_pairs: Keep only sources that were accepted in every folder.
        progress: Whether to show a bar.

    Raises:
        RequestError: The dataset holds no pictures, or does not name all classes.
        OccupiedError: The target holds something.
        DataError: No sample was accepted, no source in every folder, or a stored picture is damaged.
    """
    check_pictures(dataset.manifest, "clip-benchmark")
    folders, left_out = folders_of(dataset, complete_pairs=complete_pairs), Counter[str]()
    captions = "txt" in dataset.manifest.members
    names = [] if captions else class_list(dataset.manifest)
    with (
        atomic_folder(target) as root,
        Progress(total=len(folders), desc="exporting", unit="folder", disable=not progress) as bar,
    ):
        for name, samples in folders.items():
            texts = _texts(samples) if captions else {}
            if captions:
                queries = samples.within(samples.table.filter(pc.not_equal(samples.table["label"], _CONTRADICTION)))
                left_out[f"{name} (contradictions)"] += len(samples) - len(queries)
                samples = folders[name] = _firsts(queries)
            _write_folder(root / name, samples, _captioned(texts) if captions else _classified)
            _write_task(root / name, names)
            bar.update()
    return exported(dataset, folders, {name: count for name, count in left_out.items() if count})


LAYOUT = Exporter(
    "for CLIP_benchmark and open_clip: a folder per edit and level with tars of pictures, labels and texts, all class "
    "names, a zero-shot template and the type of the task. Captions make a retrieval task: one sample per picture, "
    "with all its captions but contradictions, one a line.",
    export_clip_benchmark,
)


def _classified(sample: Sample) -> Members:
    suffix, data = primary(sample)
    text = sample.json().get("source_caption") or f"a photo of a {sample.row['class_name']}"
    return {suffix: data, "cls": sample.members["cls"], "txt": str(text).encode()}


def _captioned(texts: dict[str, list[str]]) -> Callable[[Sample], Members]:
    def members(sample: Sample) -> Members:
        suffix, data = primary(sample)
        return {suffix: data, "txt": "\n".join(texts[sample.row["source_sha256"]]).encode()}

    return members


def _texts(samples: Dataset) -> dict[str, list[str]]:
    """Return the texts of each picture, in one line each; contradictions are no texts of it."""
    texts: dict[str, list[str]] = {}
    for row in samples.table.select(["source_sha256", "label", "parameters"]).to_pylist():
        if row["label"] != _CONTRADICTION:
            text = " ".join(str(json.loads(row["parameters"])["text"]).split())
            texts.setdefault(row["source_sha256"], []).append(text)
    return texts


def _firsts(samples: Dataset) -> Dataset:
    """Return the first sample of each picture."""
    pictures = samples.table["source_sha256"].to_pylist()
    seen: set[str] = set()
    first = [picture not in seen and not seen.add(picture) for picture in pictures]  # type: ignore[func-returns-value]
    return samples.within(samples.table.filter(pa.array(first, pa.bool_())))


def _write_folder(folder: Path, samples: Dataset, members: Callable[[Sample], Members]) -> None:
    """Write the tars of one edit, numbered from 0 in each split, one for each shard that has any of its samples."""
    sizes: dict[str, list[int]] = {}
    for (split, _), group in groupby(samples, key=lambda sample: (sample.row["split"], sample.row["shard"])):
        mine = sizes.setdefault(split, [])
        (folder / split).mkdir(parents=True, exist_ok=True)
        index = write_tar(folder / split / f"{len(mine)}.tar", _with_members(group, members))
        mine.append(len(index.members))
    for split, counts in sizes.items():
        (folder / split / "nshards.txt").write_text(f"{len(counts)}\n")
        by_name = {f"{number}.tar": count for number, count in enumerate(counts)}
        (folder / split / "sizes.json").write_text(json.dumps(by_name) + "\n")


def _with_members(samples: Iterator[Sample], members: Callable[[Sample], Members]) -> Iterator[tuple[str, Members]]:
    return ((sample.key, members(sample)) for sample in samples)


def _write_task(folder: Path, names: list[str]) -> None:
    """Write what the task is: a classification among the names, without any a retrieval."""
    (folder / "dataset_type.txt").write_text("classification\n" if names else "retrieval\n")
    if names:
        (folder / "classnames.txt").write_text("".join(f"{name}\n" for name in names), encoding="utf-8", newline="\n")
        (folder / "zeroshot_classification_templates.txt").write_text(f"{TEMPLATE}\n")
