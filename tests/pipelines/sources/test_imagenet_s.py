"""ImageNet-S: class ids, merged classes, pixels to ignore, and what is missing."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from editmill.generators.base.loaded import Unusable
from editmill.generators.base.reasons import Reason
from editmill.manifests.errors import SourceError
from editmill.pipelines.plan import make_plan
from editmill.pipelines.recipe import load_recipe
from editmill.pipelines.sources import open_source
from editmill.pipelines.sources.imagenet_s import IGNORE, ImageNetSSource, ImageNetSSpec, decode_class_ids

FISH, SUNGLASS, SUNGLASSES, TISSUE = "n01443537", "n04355933", "n04356056", "n15075141"
# 300 classes before the sunglass, so that its id needs the green channel.
CLASSES = [FISH, *(f"n02{number:06d}" for number in range(300)), SUNGLASS, TISSUE]
IDS = {wnid: place for place, wnid in enumerate(sorted(CLASSES), 1)}


def write_mask(path: Path, ids: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.stack([ids % 256, ids // 256, np.zeros_like(ids)], axis=-1).astype(np.uint8)).save(path)


def add(root: Path, wnid: str, name: str, identity: int, *, folder: str = "", size: tuple[int, int] = (24, 32)) -> None:
    """One photograph in its own folder, and its mask in ``folder``: an object of 8 by 10 pixels."""
    ids = np.zeros(size, np.int64)
    ids[6:14, 5:15] = identity
    write_mask(root / "masks" / (folder or wnid) / f"{name}.png", ids)
    (root / "images" / wnid).mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (32, 24), (identity % 256, 90, 40)).save(root / "images" / wnid / f"{name}.JPEG")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Three photographs: one of a plain class, two of merged ones, whose masks lie in one folder."""
    add(tmp_path, FISH, "ILSVRC2012_val_1", IDS[FISH])
    add(tmp_path, SUNGLASS, "ILSVRC2012_val_2", IDS[SUNGLASS])
    add(tmp_path, SUNGLASSES, "ILSVRC2012_val_3", IDS[SUNGLASS], folder=SUNGLASS)
    # ImageNet-S ships its list out of order.
    (tmp_path / "classes.txt").write_text("\n".join(reversed(CLASSES)))
    lines = [
        "imagenet_index,wnid,label",
        f'1,{FISH},"goldfish, Carassius"',
        f"836,{SUNGLASS},sunglass",
        f"837,{SUNGLASSES},sunglasses",
    ]
    (tmp_path / "classes.csv").write_text("\n".join(lines))
    return tmp_path


def test_labels_come_from_the_photographs_folder_and_pixels_from_the_merged_id(root: Path) -> None:
    source = ImageNetSSource(ImageNetSSpec(root=root))
    records = list(source.records())
    assert [(r.id, r.label, r.class_name, r.wnid, r.problem) for r in records] == [
        ("ILSVRC2012_val_1", 1, "goldfish, Carassius", FISH, ""),
        ("ILSVRC2012_val_2", 836, "sunglass", SUNGLASS, ""),
        ("ILSVRC2012_val_3", 837, "sunglasses", SUNGLASSES, ""),
    ]
    assert IDS[SUNGLASS] > 255
    for record in records:
        loaded = source.load(record)
        assert loaded.image.shape == (24, 32, 3)
        assert loaded.mask[6:14, 5:15].min() == 255
        assert (loaded.mask > 0).sum() == 80


def test_masks_of_a_merged_class_may_lie_in_its_own_folder(root: Path) -> None:
    add(root, SUNGLASSES, "ILSVRC2012_val_4", IDS[SUNGLASS])
    record = list(ImageNetSSource(ImageNetSSpec(root=root)).records())[-1]
    assert (record.label, record.problem) == (837, "")


def test_the_class_list_may_come_from_the_folders(root: Path, caplog: pytest.LogCaptureFixture) -> None:
    (root / "classes.txt").unlink()
    for wnid in CLASSES:
        (root / "masks" / wnid).mkdir(exist_ok=True)
    lines = [f"{number},{wnid},x" for number, wnid in enumerate([*CLASSES, SUNGLASSES])]
    (root / "classes.csv").write_text("\n".join(["imagenet_index,wnid,label", *lines]))
    source = ImageNetSSource(ImageNetSSpec(root=root))
    assert source.ids == IDS
    assert "303 classes" in caplog.text
    assert [record.problem for record in source.records()] == ["", "", ""]


def test_equal_names_are_told_apart_by_their_folders(root: Path) -> None:
    for name in ("ILSVRC2012_val_1", f"{SUNGLASS}-ILSVRC2012_val_1"):
        add(root, SUNGLASS, name, IDS[SUNGLASS])
    add(root, TISSUE, f"{SUNGLASS}-ILSVRC2012_val_1", IDS[TISSUE])
    with (root / "classes.csv").open("a") as stream:
        stream.write(f"\n999,{TISSUE},tissue")
    names = [record.id for record in ImageNetSSource(ImageNetSSpec(root=root)).records()]
    assert names[:2] == ["ILSVRC2012_val_1", f"{SUNGLASS}-ILSVRC2012_val_1"]
    assert len(set(names)) == len(names) == 6


def ignore_inside(root: Path) -> None:
    ids = np.zeros((24, 32), np.int64)
    ids[6:14, 5:15] = IDS[FISH]
    ids[6, 5] = IGNORE
    write_mask(root / f"masks/{FISH}/ILSVRC2012_val_1.png", ids)


def resize(root: Path) -> None:
    write_mask(root / f"masks/{FISH}/ILSVRC2012_val_1.png", np.full((5, 5), IDS[FISH]))


def other_class(root: Path) -> None:
    write_mask(root / f"masks/{FISH}/ILSVRC2012_val_1.png", np.full((24, 32), IDS[SUNGLASS]))


def grey(root: Path) -> None:
    Image.new("L", (32, 24), 1).save(root / f"masks/{FISH}/ILSVRC2012_val_1.png")


def no_photograph(root: Path) -> None:
    (root / f"images/{FISH}/ILSVRC2012_val_1.JPEG").unlink()


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (ignore_inside, Reason.SOURCE_INELIGIBLE),
        (resize, Reason.MASK_SIZE_MISMATCH),
        (other_class, Reason.MASK_EMPTY),
        (grey, Reason.MASK_UNREADABLE),
        (no_photograph, Reason.SOURCE_UNREADABLE),
    ],
)
def test_a_bad_one_has_its_reason_and_the_others_are_fine(
    root: Path, damage: Callable[[Path], None], reason: Reason
) -> None:
    damage(root)
    source = ImageNetSSource(ImageNetSSpec(root=root))
    records = list(source.records())
    assert [record.problem for record in records] == [reason, "", ""]
    with pytest.raises(Unusable) as caught:
        source.load(records[0])
    assert caught.value.reason == reason


def test_pixels_to_ignore_outside_of_the_box_do_no_harm(root: Path) -> None:
    ids = np.full((24, 32), IGNORE)
    ids[6:14, 5:15] = IDS[FISH]
    write_mask(root / f"masks/{FISH}/ILSVRC2012_val_1.png", ids)
    assert next(iter(ImageNetSSource(ImageNetSSpec(root=root)).records())).problem == ""


@pytest.mark.parametrize(
    ("row", "column", "problem"),
    [
        (6, 9, Reason.SOURCE_INELIGIBLE),
        (13, 9, Reason.SOURCE_INELIGIBLE),
        (9, 5, Reason.SOURCE_INELIGIBLE),
        (9, 14, Reason.SOURCE_INELIGIBLE),
        (5, 9, ""),
        (14, 9, ""),
        (9, 4, ""),
        (9, 15, ""),
    ],
)
def test_pixels_to_ignore_count_up_to_the_last_line_of_the_box(root: Path, row: int, column: int, problem: str) -> None:
    ids = np.zeros((24, 32), np.int64)
    # The corners span the box from row 6 to 13 and from column 5 to 14.
    ids[[6, 13], [5, 14]] = IDS[FISH]
    ids[row, column] = IGNORE
    write_mask(root / f"masks/{FISH}/ILSVRC2012_val_1.png", ids)
    assert next(iter(ImageNetSSource(ImageNetSSpec(root=root)).records())).problem == problem


def test_a_class_that_is_added_after_the_plan_changes_no_object(root: Path) -> None:
    (root / "classes.txt").unlink()
    ids = np.zeros((24, 32), np.int64)
    ids[:8], ids[8:12] = 1, 2
    write_mask(root / f"masks/{FISH}/ILSVRC2012_val_1.png", ids)
    record = next(iter(ImageNetSSource(ImageNetSSpec(root=root)).records()))
    (root / "masks/n00000001").mkdir()
    fresh = ImageNetSSource(ImageNetSSpec(root=root))
    assert fresh.ids[FISH] == 2
    assert np.array_equal(fresh.load(record).mask > 0, ids == 1)


def test_the_lists_are_needed_for_the_plan_alone(root: Path) -> None:
    record = next(iter(ImageNetSSource(ImageNetSSpec(root=root)).records()))
    (root / "classes.txt").write_text(SUNGLASS)
    (root / "classes.csv").unlink()
    assert (ImageNetSSource(ImageNetSSpec(root=root)).load(record).mask > 0).sum() == 80


def test_ids_are_red_plus_256_green(tmp_path: Path) -> None:
    write_mask(tmp_path / "a.png", np.array([[0, 1, 255, 256, 919, 1000]]))
    assert decode_class_ids((tmp_path / "a.png").read_bytes(), "a.png").tolist() == [[0, 1, 255, 256, 919, 1000]]


def test_a_missing_index_says_how_to_get_one(root: Path) -> None:
    (root / "classes.csv").unlink()
    with pytest.raises(SourceError, match=r"ls ILSVRC2012/train") as caught:
        list(ImageNetSSource(ImageNetSSpec(root=root)).records())
    assert "imagenet_index" in str(caught.value)
    assert caught.value.exit_code == 2


def test_the_index_may_be_the_usual_json(root: Path) -> None:
    document = {"1": [FISH, "goldfish"], "836": [SUNGLASS, "sun_glass"], "837": [SUNGLASSES, "sunglasses"]}
    (root / "index.json").write_text(json.dumps(document))
    source = ImageNetSSource(ImageNetSSpec(root=root, index=root / "index.json"))
    assert source.index[SUNGLASS] == (836, "sun glass")


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("classes.csv", "a,b\n1,2\n", "not a readable class index"),
        ("classes.csv", "imagenet_index;wnid\n1;n01443537\n", "separated by semicolons"),
        ("classes.csv", f"imagenet_index,wnid\n1,{FISH}\n2,{FISH}\n", f"{FISH} is there twice"),
        ("classes.csv", f"imagenet_index,wnid\n1,{FISH}\n1,{SUNGLASS}\n", "have the same index 1"),
        ("classes.csv", f"imagenet_index,wnid\n1000,{FISH}\n", "has the index '1000'; ImageNet's are 0 to 999"),
        ("classes.csv", f"imagenet_index,wnid\n-1,{FISH}\n", "has the index '-1'"),
        ("classes.csv", "imagenet_index,wnid\n1\n", "line 2 has 1 cells"),
        ("classes.csv", "imagenet_index,wnid\n", "empty"),
        ("classes.csv", "imagenet_index,wnid\n1,goldfish\n", "'goldfish' is not a wnid"),
        ("classes.csv", f"imagenet_index,wnid\n1,{FISH}\n", "lacks"),
        ("classes.json", "[1]", "not of the form"),
        ("classes.json", '{"1": "n01443537"}', "not of the form"),
        ("classes.json", '{"x": ["n01443537", "a"]}', "has the index 'x'"),
        ("classes.json", "{", "not JSON"),
        ("classes.json", "[" * 100_000, "nested too deep"),
        ("classes.txt", "goldfish\n", "not a wnid"),
        ("classes.txt", f"{FISH}\n{FISH}\n", "twice"),
        ("classes.txt", "\n", "empty"),
        ("classes.txt", f"{FISH}\n", "class list lacks 'n04355933'"),
    ],
)
def test_lists_that_are_wrong(root: Path, name: str, text: str, words: str) -> None:
    (root / name).write_text(text)
    index = root / name if name.endswith("json") else None
    with pytest.raises(SourceError, match=words):
        list(ImageNetSSource(ImageNetSSpec(root=root, index=index)).records())


@pytest.mark.parametrize("name", ["classes.csv", "classes.json", "classes.txt"])
def test_lists_that_are_no_regular_files_are_refused_unopened(root: Path, name: str) -> None:
    (root / name).unlink(missing_ok=True)
    os.mkfifo(root / name)
    field = {"classes" if name.endswith("txt") else "index": root / name}
    with pytest.raises(SourceError, match="not a regular file, but a FIFO"):
        list(ImageNetSSource(ImageNetSSpec(root=root, **field)).records())


def test_the_class_list_may_begin_with_a_mark(root: Path) -> None:
    listed = root / "classes.txt"
    listed.write_bytes(b"\xef\xbb\xbf" + listed.read_bytes())
    assert [record.problem for record in ImageNetSSource(ImageNetSSpec(root=root)).records()] == ["", "", ""]


def test_missing_folders(root: Path) -> None:
    with pytest.raises(SourceError, match=r"source\.masks"):
        list(ImageNetSSource(ImageNetSSpec(root=root, masks=root / "none")).records())
    (root / "empty").mkdir()
    (root / "classes.txt").unlink()
    with pytest.raises(SourceError, match="no folder of a class"):
        list(ImageNetSSource(ImageNetSSpec(root=root, masks=root / "empty")).records())


def test_the_command_line_names_it(root: Path) -> None:
    recipe = load_recipe("imagenet-e", source=f"imagenet-s:{root}", overrides=[f"source.index={root / 'classes.csv'}"])
    assert isinstance(open_source(recipe.source), ImageNetSSource)
    plan = make_plan(recipe)
    assert plan.class_names == {1: "goldfish, Carassius", 836: "sunglass", 837: "sunglasses"}
    portable = plan.recipe.source.portable()
    assert (portable["root"], portable["index"], portable["licence"]) == ("ROOT", None, plan.sources.licence)
