"""What the layouts of every family hold, beside what their loaders read in `tests.readers`."""

from __future__ import annotations

import json
import os
from ast import literal_eval
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from editmill.evaluators import exporters
from editmill.evaluators.layouts.coco import run_lengths
from editmill.evaluators.layouts.edits import name_classes
from editmill.manifests import DataError, RequestError, open_dataset
from editmill.manifests.tarshard import read_tar
from tests.evaluators.attribute.edits import build_edits
from tests.readers.families import FAMILIES, text

ONE = (("original", 0.0, 0), ("size", 0.1, 0), ("size", 0.05, 0))


def test_captions_are_one_sample_a_picture_with_a_line_a_caption(tmp_path: Path) -> None:
    text(tmp_path / "set")
    done = exporters()["clip-benchmark"].write(open_dataset(tmp_path / "set"), tmp_path / "out")
    assert done.images == {"original": 3, "grounded": 3}
    assert done.left_out == {"original (contradictions)": 3, "grounded (contradictions)": 3}
    (_, first), *_ = read_tar(tmp_path / "out/grounded/test/0.tar")
    assert first["txt"].decode().splitlines() == ["a red mug on a table, blue", "two cats sleep, blue"]
    assert (tmp_path / "out/grounded/dataset_type.txt").read_text() == "retrieval\n"


def test_tables_of_captions_are_read_as_the_published_scripts_do(tmp_path: Path) -> None:
    text(tmp_path / "set")
    dataset = open_dataset(tmp_path / "set")
    done = exporters()["xmai-csv"].write(dataset, tmp_path / "out")
    assert done.images == {"original": 9, "grounded": 9}
    assert len(os.listdir(tmp_path / "out/images")) == 3
    table = pd.read_csv(tmp_path / "out/grounded.csv")
    rows = zip(table["text"], table["objects"], table["attributes"], table["file"], strict=True)
    before, objects, attributes, file = next(rows)
    assert (before, literal_eval(objects), literal_eval(attributes)) == ("a red mug on a table", ["table"], ["blue"])
    assert table["augmented"][0] == "a red mug on a table, blue"
    assert set(table["label"]) == {"entailment", "neutral", "contradiction"}
    assert (tmp_path / "out/images" / file).read_bytes() == dataset[Path(file).stem].members["png"]
    assert pd.read_csv(tmp_path / "out/original.csv")["file"][0] == file


def test_a_task_has_all_classes_and_its_tars_are_numbered(tmp_path: Path) -> None:
    build_edits(tmp_path / "set", ONE)
    dataset = open_dataset(tmp_path / "set")
    dataset.manifest = dataset.manifest.model_copy(update={"class_names": {0: "cat", 2: "cup"}})
    with pytest.raises(RequestError, match="label 1 is unknown"):
        exporters()["clip-benchmark"].write(dataset, tmp_path / "out")
    (tmp_path / "names.txt").write_text("cat\ndog\ncup\nplate\n")
    name_classes(dataset, tmp_path / "names.txt")
    exporters()["clip-benchmark"].write(dataset, tmp_path / "out")
    assert sorted(os.listdir(tmp_path / "out")) == ["original", "size_0.05", "size_0.1"]
    for folder in (tmp_path / "out").iterdir():
        assert (folder / "classnames.txt").read_text() == "cat\ndog\ncup\nplate\n"
        sizes = json.loads((folder / "test/sizes.json").read_text())
        assert list(sizes) == ["0.tar", "1.tar"]
        assert sum(sizes.values()) == 3
        texts = [members["txt"].decode() for name in sizes for _, members in read_tar(folder / "test" / name)]
        assert sorted(texts) == ["a photo of a cat", "a photo of a cup", "a photo of a dog"]


@pytest.mark.parametrize(
    ("content", "message"), [(b"cat\n\ncup\n", "line 2 is empty"), (b"cat\n", "1 names"), (b"\xff", "UTF-8")]
)
def test_class_names_that_do_not_fit(content: bytes, message: str, tmp_path: Path) -> None:
    build_edits(tmp_path / "set", ONE)
    (tmp_path / "names.txt").write_bytes(content)
    with pytest.raises(RequestError, match=message):
        name_classes(open_dataset(tmp_path / "set"), tmp_path / "names.txt")


@pytest.mark.parametrize("layout", ["clip-benchmark", "coco", "imagefolder"])
def test_complete_pairs_and_what_was_rejected_whole(layout: str, tmp_path: Path) -> None:
    rejected = frozenset({("n02", "original", 0)})
    build_edits(
        tmp_path / "set",
        (*ONE, ("full", 0.0, 0)),
        rejected=rejected | {(one, "full", 0) for one in ("n01.x", "n02", "n03")},
    )
    dataset = open_dataset(tmp_path / "set")
    every = exporters()[layout].write(dataset, tmp_path / "all")
    assert every.images == {"original": 2, "size_0.05": 3, "size_0.1": 3}
    assert every.missing == {"full": "every sample was rejected"}
    paired = exporters()[layout].write(dataset, tmp_path / "paired", complete_pairs=True)
    assert (set(paired.images.values()), paired.sources) == ({2}, 2)
    with pytest.raises(DataError, match="no sample"):
        exporters()[layout].write(dataset.select(source_id="none"), tmp_path / "none")


def test_dali_takes_whole_shards_that_hold_samples_as_links(tmp_path: Path) -> None:
    text(tmp_path / "set")
    dataset = open_dataset(tmp_path / "set")
    exporters()["dali"].write(dataset, tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out/test").iterdir()) == ["tiny-000001.idx", "tiny-000001.tar"]
    assert (tmp_path / "out/test/tiny-000001.tar").samefile(tmp_path / "set/test/tiny-000001.tar")
    with pytest.raises(RequestError, match="whole"):
        exporters()["dali"].write(dataset, tmp_path / "pairs", complete_pairs=True)


def test_run_lengths_start_outside_and_go_down_columns() -> None:
    mask = np.array([[1, 0], [1, 1]], dtype=bool)
    assert run_lengths(mask) == [0, 2, 1, 1]
    assert run_lengths(~mask) == [2, 1, 1]


def pairs(folder: Path, one: str, two: str) -> list[tuple[bytes, bytes]]:
    """Pairs as OmniSeal Bench's own reader makes them of two globs: sorted by the number that ends each name."""
    lists = [sorted(folder.glob(glob), key=lambda path: int(path.stem.split("_")[-1])) for glob in (one, two)]
    return [(left.read_bytes(), right.read_bytes()) for left, right in zip(*lists, strict=True)]


def test_pairs_are_a_sample_and_its_source(tmp_path: Path) -> None:
    build_edits(tmp_path / "set", ONE, rejected=frozenset({("n02", "original", 0)}))
    dataset = open_dataset(tmp_path / "set")
    done = exporters()["paired-folders"].write(dataset, tmp_path / "out")
    assert (done.images, done.left_out) == (
        {"original": 2, "size_0.05": 2, "size_0.1": 2},
        {"size_0.05": 1, "size_0.1": 1},
    )
    originals = {sample.row["source_id"]: sample.members["png"] for sample in dataset.select(edit="original")}
    wanted = [
        (originals[sample.row["source_id"]], sample.members["png"])
        for sample in dataset.select(edit="size", level=0.05)
        if sample.row["source_id"] in originals
    ]
    assert pairs(tmp_path / "out/size_0.05", "source/*.png", "edited/*.png") == wanted
    assert (tmp_path / "out/size_0.05/index.csv").read_text().startswith("number,key,source_id,label,class_name\n0,n")


def test_pairs_of_the_members_of_samples_need_no_original(tmp_path: Path) -> None:
    FAMILIES["fmr"](tmp_path / "fmr")
    done = exporters()["paired-folders"].write(open_dataset(tmp_path / "fmr"), tmp_path / "out")
    assert sum(done.images.values()) == len(open_dataset(tmp_path / "fmr"))
    FAMILIES["watermark"](tmp_path / "marks")
    with pytest.raises(RequestError, match="no edit 'original'"):
        exporters()["paired-folders"].write(open_dataset(tmp_path / "marks"), tmp_path / "marked")
