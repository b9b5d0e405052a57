from __future__ import annotations

import hashlib
import json
from pathlib import Path

from editmill.manifests import read_manifest
from editmill.manifests.indexes import index_files
from tests.manifests.builder import build_dataset, make_manifest, make_sources


def test_wids_index(built: Path) -> None:
    index = json.loads((built / "shardindex.json").read_bytes())
    assert (index["__kind__"], index["wids_version"], index["name"]) == ("wids-shard-index-v1", 1, "tiny")
    assert sum(shard["nsamples"] for shard in index["shardlist"]) == 17
    for shard in index["shardlist"]:
        data = (built / shard["url"]).read_bytes()
        assert (len(data), hashlib.md5(data).hexdigest()) == (shard["filesize"], shard["md5sum"])


def test_timm_info_adds_up(built: Path) -> None:
    split = json.loads((built / "_info.json").read_bytes())["splits"]["test"]
    assert (split["name"], split["num_samples"], sum(split["shard_lengths"])) == ("test", 17, 17)
    assert all((built / name).is_file() for name in split["filenames"])


def test_only_sets_with_texts_tell_open_clip_their_sizes(built: Path) -> None:
    assert not (built / "test/sizes.json").exists()
    members = ("cls", "json", "txt")
    manifest = read_manifest(built).model_copy(update={"members": members})
    sizes = json.loads(index_files(manifest)["test/sizes.json"])
    assert list(sizes) == ["tiny-000000.tar", "tiny-000001.tar"]
    assert sum(sizes.values()) == 17


def test_line_numbers_of_class_names_are_labels() -> None:
    manifest = make_manifest(make_sources(1), []).model_copy(update={"class_names": {1: "goldfish", 4: "hen"}})
    assert index_files(manifest)["classnames.txt"] == b"\ngoldfish\n\n\nhen\n"


def test_a_shard_without_samples_is_listed_nowhere_but_in_the_manifest(tmp_path: Path) -> None:
    build_dataset(tmp_path, sources=2, shards=8, rejected=frozenset())
    assert len(read_manifest(tmp_path).shards) == 8
    assert len(json.loads((tmp_path / "shardindex.json").read_bytes())["shardlist"]) == 2
    assert len(json.loads((tmp_path / "_info.json").read_bytes())["splits"]["test"]["filenames"]) == 2
