"""Shards with the ``.idx`` files that NVIDIA DALI reads them by; without the shards that hold no sample."""

from __future__ import annotations

from pathlib import Path

from editmill.evaluators.base import Exported, Exporter
from editmill.evaluators.layouts.edits import exported, folders_of
from editmill.manifests.errors import RequestError
from editmill.manifests.folders import atomic_folder
from editmill.manifests.indexes import listed_shards
from editmill.manifests.progress import Progress
from editmill.manifests.reader import Dataset
from editmill.manifests.tarshard import TarIndex, index_tar

# What DALI's own wds2idx writes.
_VERSION = "v1.2"


def export_dali(dataset: Dataset, target: Path, *, complete_pairs: bool = False, progress: bool = False) -> Exported:
    """Write the folders; tars are hard links where the disk has them, otherwise copies.

    Args:
        dataset: Of any family, in a folder or at a URL.
        target: A folder that does not exist or is empty; it is written whole or not at all.
        complete_pairs: Must be false: shards are taken whole.
        progress: Whether to show a bar.

    Raises:
        RequestError: Complete pairs are asked for.
        OccupiedError: The target holds something.
        CorruptDatasetError: A tar is absent or damaged.
    """
    if complete_pairs:
        raise RequestError("the layout dali takes shards whole", where="--pairs", fix="use --pairs all")
    shards = [shard.path for mine in listed_shards(dataset.manifest).values() for shard in mine]
    with (
        atomic_folder(target) as root,
        Progress(total=len(shards), desc="indexing", unit="shard", disable=not progress) as bar,
    ):
        for path in shards:
            tar = root / path
            tar.parent.mkdir(exist_ok=True)
            dataset.fetch(path, tar)
            tar.with_suffix(".idx").write_text(index_text(index_tar(tar)))
            bar.update()
    return exported(dataset, folders_of(dataset, complete_pairs=False))


LAYOUT = Exporter(
    "for NVIDIA DALI: the shards that hold samples, as hard links, each with its index (.idx) beside it.", export_dali
)


def index_text(index: TarIndex) -> str:
    """Return DALI's index of a tar: a line per sample with suffix, offset, size and name of each member."""
    lines = [
        " ".join(f"{suffix} {span.offset} {span.size} {key}.{suffix}" for suffix, span in spans.items())
        for key, spans in index.members.items()
    ]
    return "\n".join([f"{_VERSION} {len(lines)}", *lines]) + "\n"
