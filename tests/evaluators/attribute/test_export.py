"""The ImageNet-E folders, read by the rule of a published loader."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from editmill.evaluators.attribute.export import FOLDERS as LAYOUT
from editmill.evaluators.attribute.export import export_imagenet_e, file_stem
from editmill.manifests import DataError, OccupiedError, RequestError, open_dataset
from tests.evaluators.attribute.edits import EVERY_COLUMN, build_edits

FOLDERS = ["rec", "20_smooth", "20_hard", "20_adv", "random_bg", "01", "008", "005", "rp", "rd", "ori", "full"]


def load_as_published(root: Path, kind: str) -> list[tuple[tuple[int, int], int]]:
    """What classification/inference.py of HashmatShadab/MambaRobustness makes of a folder: sizes of the images, and
    labels.
    """
    labels = {}
    with open(root / "labels.txt") as stream:
        for line in stream:
            name, label = line.strip().split("\t")
            labels[name.split(".")[0]] = int(label)
    images = [(os.path.join(root / kind, name), labels[name.split(".")[0]]) for name in os.listdir(root / kind)]
    return [(Image.open(path).convert("RGB").size, label) for path, label in images]


def test_a_published_loader_reads_every_folder(tmp_path: Path) -> None:
    build_edits(tmp_path / "set")
    done = export_imagenet_e(open_dataset(tmp_path / "set"), tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted([*FOLDERS, "README.md", "labels.txt"])
    for kind in FOLDERS:
        loaded = load_as_published(tmp_path / "out", kind)
        assert sorted(label for _, label in loaded) == [0, 1, 2]
        assert {size for size, _ in loaded} == {(16, 16)}
    names = {kind: sorted(os.listdir(tmp_path / "out" / kind)) for kind in FOLDERS}
    assert set(map(tuple, names.values())) == {tuple(names["ori"])}
    assert all(name.count(".") == 1 for name in names["ori"])
    assert done.images == dict.fromkeys([column.folder for column in LAYOUT], 3)
    assert done.left_out == {"paste-back": 3, "size 0.2": 3}
    assert done.missing == {}


def test_bytes_are_the_stored_ones_of_the_right_sample(tmp_path: Path) -> None:
    build_edits(tmp_path / "set")
    dataset = open_dataset(tmp_path / "set")
    export_imagenet_e(dataset, tmp_path / "out")
    for column, edit, level in (
        ("20_smooth", "complexity", -20.0),
        ("008", "size", 0.08),
        ("random_bg", "random-background", 0.0),
    ):
        stored = {
            s.row["source_id"]: s.members["png"]
            for s in dataset.select(edit=edit, level=level)
            if s.row["replica"] == 0
        }
        assert len(stored) == 3
        for source, data in stored.items():
            assert (tmp_path / "out" / column / f"{file_stem(source)}.png").read_bytes() == data


def test_the_lowest_accepted_replica_stands_in(tmp_path: Path) -> None:
    build_edits(tmp_path / "set", rejected=frozenset({("n02", "random-background", 0)}))
    dataset = open_dataset(tmp_path / "set")
    export_imagenet_e(dataset, tmp_path / "out")
    (second,) = [s for s in dataset.select(edit="random-background", source_id="n02") if s.row["replica"] == 1]
    assert (tmp_path / "out/random_bg/n02.png").read_bytes() == second.members["png"]


def test_of_several_levels_the_nearest_to_the_published_one(tmp_path: Path) -> None:
    planned = (
        ("original", 0.0, 0),
        ("complexity", -0.5, 0),
        ("complexity", -1.0, 0),
        ("complexity", 2.0, 0),
        ("adversarial", -1.0, 0),
    )
    build_edits(tmp_path / "set", planned)
    dataset = open_dataset(tmp_path / "set")
    done = export_imagenet_e(dataset, tmp_path / "out")
    assert list(done.images) == ["ori", "20_smooth", "20_hard", "20_adv"]
    assert done.left_out == {"complexity -0.5": 3}
    assert done.missing["rd"] == "the dataset has no edit direction"
    assert done.missing["008"] == "the dataset has no edit size 0.08"
    # Loaders list all twelve.
    assert load_as_published(tmp_path / "out", "rd") == []
    assert "* rd is empty: the dataset has no edit direction\n" in (tmp_path / "out/README.md").read_text()


def test_complete_pairs(tmp_path: Path) -> None:
    build_edits(tmp_path / "set", rejected=frozenset({("n02", "full", 0)}))
    dataset = open_dataset(tmp_path / "set")
    every = export_imagenet_e(dataset, tmp_path / "all")
    assert (every.images["full"], every.images["ori"]) == (2, 3)
    paired = export_imagenet_e(dataset, tmp_path / "paired", complete_pairs=True)
    assert set(paired.images.values()) == {2}
    assert "n02" not in (tmp_path / "paired/labels.txt").read_text()


def test_a_column_that_was_rejected_whole_is_empty(tmp_path: Path) -> None:
    rejected = frozenset((source, "full", 0) for source in ("n01.x", "n02", "n03"))
    build_edits(tmp_path / "set", rejected=rejected)
    done = export_imagenet_e(open_dataset(tmp_path / "set"), tmp_path / "out", complete_pairs=True)
    assert done.missing == {"full": "every sample was rejected"}
    assert done.sources == 3


def test_requests_that_are_wrong(tmp_path: Path) -> None:
    build_edits(tmp_path / "set", EVERY_COLUMN[:2])
    build_edits(tmp_path / "other", EVERY_COLUMN[:2], generator="text")
    build_edits(tmp_path / "none", (("background", 0.0, 0),))
    halves = frozenset({("n01.x", "original", 0), ("n02", "round-trip", 0), ("n03", "original", 0)})
    build_edits(tmp_path / "halves", EVERY_COLUMN[:2], rejected=halves)
    (tmp_path / "full").mkdir()
    (tmp_path / "full/x").write_text("x")
    with pytest.raises(RequestError, match="'text'"):
        export_imagenet_e(open_dataset(tmp_path / "other"), tmp_path / "out")
    with pytest.raises(RequestError, match="background"):
        export_imagenet_e(open_dataset(tmp_path / "none"), tmp_path / "out")
    with pytest.raises(DataError, match="ori, rec"):
        export_imagenet_e(open_dataset(tmp_path / "halves"), tmp_path / "out", complete_pairs=True)
    with pytest.raises(OccupiedError):
        export_imagenet_e(open_dataset(tmp_path / "set"), tmp_path / "full")
    assert not (tmp_path / "out").exists()


def test_a_damaged_sample_leaves_no_folder(tmp_path: Path) -> None:
    build_edits(tmp_path / "set", EVERY_COLUMN[:2])
    tar = next((tmp_path / "set").rglob("*.tar"))
    data = bytearray(tar.read_bytes())
    data[data.index(b"IDAT") + 6] ^= 255
    tar.write_bytes(bytes(data))
    with pytest.raises(DataError, match="damaged"):
        export_imagenet_e(open_dataset(tmp_path / "set"), tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["set"]


@given(st.lists(st.text(min_size=1, max_size=120), min_size=2, max_size=8, unique=True))
def test_file_names_are_safe_and_differ(ids: list[str]) -> None:
    stems = [file_stem(identity) for identity in ids]
    assert len(set(stems)) == len(ids)
    for stem in stems:
        assert stem
        assert not set(stem) - set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")
