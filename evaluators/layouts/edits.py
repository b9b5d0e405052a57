"""A folder per edit and level, which is how other loaders tell edits apart."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped,unused-ignore]
import pyarrow.compute as pc  # type: ignore[import-untyped,unused-ignore]

from editmill.evaluators.base import Exported
from editmill.manifests.errors import DataError, RequestError
from editmill.manifests.files import FileProblem, read_text
from editmill.manifests.reader import Dataset, Sample
from editmill.manifests.records import PRIMARY_IMAGES, Manifest

Folders = dict[str, Dataset]


def folders_of(dataset: Dataset, *, complete_pairs: bool) -> Folders:
    """Return the accepted samples of each edit and level by the name of their folder, such as ``size_0.08``.

    Args:
        dataset: Of any family.
        complete_pairs: Whether to keep only sources that have a sample in every folder.

    Raises:
        DataError: Nothing was accepted, or no source in every folder.
    """
    table = dataset.select(status="ok").table
    present = set(zip(table["edit"].to_pylist(), table["level"].to_pylist(), strict=True))
    order = {edit: place for place, edit in enumerate(dataset.manifest.edits)}
    tables = {
        folder_name(edit, level): table.filter(pc.and_(pc.equal(table["edit"], edit), pc.equal(table["level"], level)))
        for edit, level in sorted(present, key=lambda one: (order[one[0]], one[1]))
    }
    if not tables:
        raise DataError("no sample was accepted", where=dataset.manifest.name, fix="export another dataset")
    if complete_pairs:
        tables = _complete(tables)
    return {name: dataset.within(mine) for name, mine in tables.items()}


def folder_name(edit: str, level: float) -> str:
    """Return the name of an edit's folder at one level; edits without levels have level 0."""
    return f"{edit}_{level:g}" if level else edit


def _complete(tables: dict[str, Any]) -> dict[str, Any]:
    kept = set.intersection(*(set(one["source_id"].to_pylist()) for one in tables.values()))
    if not kept:
        what = f"no source was accepted in each of {', '.join(tables)}"
        raise DataError(what, where="--pairs complete", fix="use --pairs all")
    values = pa.array(sorted(kept))
    return {name: one.filter(pc.is_in(one["source_id"], value_set=values)) for name, one in tables.items()}


def exported(dataset: Dataset, folders: Mapping[str, Dataset], left_out: Mapping[str, int] | None = None) -> Exported:
    """Return what was written from the samples of these folders."""
    table = dataset.table
    planned = {folder_name(*one) for one in zip(table["edit"].to_pylist(), table["level"].to_pylist(), strict=True)}
    missing = dict.fromkeys(sorted(planned - set(folders)), "every sample was rejected")
    sources = {source for one in folders.values() for source in one.table["source_id"].to_pylist()}
    return Exported({name: len(one) for name, one in folders.items()}, missing, dict(left_out or {}), len(sources))


def primary(sample: Sample) -> tuple[str, bytes]:
    """Return the suffix and the encoded bytes of a sample's picture."""
    return next((suffix, sample.members[suffix]) for suffix in PRIMARY_IMAGES if suffix in sample.members)


def check_pictures(manifest: Manifest, layout: str) -> None:
    """Refuse datasets of captions that name their pictures and hold none.

    Raises:
        RequestError: The dataset is one.
    """
    if not set(PRIMARY_IMAGES) & set(manifest.members):
        what = f"the layout {layout} holds pictures, and this dataset names its pictures and holds none"
        raise RequestError(what, where="--format", fix="build it without output.image=reference")


def class_list(manifest: Manifest) -> list[str]:
    """Return the names of all classes in the order of labels.

    Raises:
        RequestError: The dataset does not name a class below its highest label.
    """
    count = max(manifest.class_names, default=-1) + 1
    absent = [label for label in range(count) if label not in manifest.class_names]
    if absent:
        what = f"the dataset names {len(manifest.class_names)} of {count} classes: that of label {absent[0]} is unknown"
        fix = "give the names of all classes with --class-names FILE, one a line in the order of labels"
        raise RequestError(what, where="--format", fix=fix)
    return [re.sub(r"\s+", " ", manifest.class_names[label]) for label in range(count)]


def name_classes(dataset: Dataset, path: Path) -> None:
    """Name the classes of a dataset as a file does, one a line in the order of labels.

    Raises:
        RequestError: The file can't be read, has an empty line, or too few for the dataset's labels.
    """
    count = max(dataset.manifest.class_names, default=-1) + 1
    fix = "give a file with the names of all classes, one a line in the order of labels"
    try:
        names = [line.strip() for line in read_text(path).splitlines()]
    except FileProblem as problem:
        raise RequestError(f"the class names can't be read: {problem}", where=str(path), fix=fix) from problem
    if "" in names or len(names) < count:
        what = (
            f"line {names.index('') + 1} is empty"
            if "" in names
            else f"{len(names)} names, but labels up to {count - 1}"
        )
        raise RequestError(what, where=str(path), fix=fix)
    dataset.manifest = dataset.manifest.model_copy(update={"class_names": dict(enumerate(names))})
