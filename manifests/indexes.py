"""Index files that other readers look for, each a pure function of the manifest.

A shard without accepted samples is an empty tar, on which some readers fail, so no index lists it.
"""

from __future__ import annotations

import json
from pathlib import PurePosixPath
from typing import Any

from editmill.manifests.records import Manifest, ShardRecord


def index_files(manifest: Manifest) -> dict[str, bytes]:
    """Return the content of all index files by path relative to the root.

    ``shardindex.json`` serves wids, ``_info.json`` timm and ``sizes.json`` open_clip, which skips samples without
    ``txt`` and says nothing, so that only sets with texts have it. Line i of ``classnames.txt`` is class i, blank where
    the dataset does not name that class.
    """
    files = {
        "shardindex.json": _json(wids_index(manifest)),
        "_info.json": _json(timm_info(manifest)),
        "classnames.txt": _classnames(manifest.class_names).encode(),
    }
    for split, shards in listed_shards(manifest).items():
        if "txt" in manifest.members:
            files[f"{split}/sizes.json"] = _json({PurePosixPath(shard.path).name: shard.nsamples for shard in shards})
    return files


def listed_shards(manifest: Manifest) -> dict[str, list[ShardRecord]]:
    """Return the shards that hold samples, by split; a split may be left with none."""
    return {split: [shard for shard in shards if shard.nsamples] for split, shards in manifest.splits.items()}


def wids_index(manifest: Manifest) -> dict[str, Any]:
    """Return the shard index of the `wids` package, its URLs relative to the index."""
    shards = [shard for group in listed_shards(manifest).values() for shard in group]
    return {
        "__kind__": "wids-shard-index-v1",
        "wids_version": 1,
        "name": manifest.name,
        "info": f"version {manifest.version}, {manifest.generator}",
        "shardlist": [
            {"url": shard.path, "nsamples": shard.nsamples, "md5sum": shard.md5, "filesize": shard.bytes}
            for shard in shards
        ],
    }


def timm_info(manifest: Manifest) -> dict[str, Any]:
    """Return the split information of timm's webdataset reader."""
    splits = {
        split: {
            "name": split,
            "num_samples": sum(shard.nsamples for shard in shards),
            "filenames": [shard.path for shard in shards],
            "shard_lengths": [shard.nsamples for shard in shards],
        }
        for split, shards in listed_shards(manifest).items()
    }
    return {"name": manifest.name, "version": manifest.version, "splits": splits}


def _classnames(class_names: dict[int, str]) -> str:
    count = max(class_names, default=-1) + 1
    return "".join(f"{class_names.get(label, '')}\n" for label in range(count))


def _json(value: Any) -> bytes:
    return (json.dumps(value, indent=1, ensure_ascii=False) + "\n").encode()
