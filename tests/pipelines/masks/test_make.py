"""Labels files with masks: what is kept, refused, used again, and built from."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from editmill.generators.guards.boxes import box_of
from editmill.generators.models.loading import Models
from editmill.generators.models.segmenter import Segmenter
from editmill.manifests.errors import OccupiedError, RequestError, SourceError
from editmill.pipelines.masks.gate import MaskLimits
from editmill.pipelines.masks.make import make_masks
from editmill.pipelines.masks.shape import mask_iou
from editmill.pipelines.sources.folder import FolderSource, FolderSpec
from tests.pipelines.masks.scenes import boxes, scenes, truth, write_scenes

REAL = Path(__file__).parents[4] / "shared/real/imagenet"


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_a_folder_to_build_from(models: Models, tmp_path: Path) -> None:
    labels = write_scenes(tmp_path / "photos", columns=boxes())
    made = make_masks(labels, models, tmp_path / "masked")
    assert made.sources() == {"sam-box": 3}
    written = rows(tmp_path / "masked/labels.csv")
    assert list(written[0])[:4] == ["file", "mask", "label_index", "class_name"]
    assert list(written[0])[-4:] == ["mask_source", "mask_score", "mask_stability", "mask_model"]
    assert written[0]["mask_model"].startswith("tabletop/weights/segmenter@")
    assert rows(tmp_path / "masked/refused.csv") == []
    source = FolderSource(FolderSpec(labels=tmp_path / "masked/labels.csv"))
    for record, scene in zip(source.records(), scenes(), strict=True):
        assert (record.problem, record.attributes) == ("", {"mask_source": "sam-box"})
        assert record.class_name == scene.objects[0].name
        loaded = source.load(record)
        assert np.array_equal(loaded.image, scene.image)
        assert mask_iou(loaded.mask > 0, truth(scene)) > 0.85


def test_one_bad_row_does_not_lose_the_others(models: Models, tmp_path: Path) -> None:
    columns = boxes()
    columns["left"][1] = "somewhere"
    labels = write_scenes(tmp_path / "photos", columns=columns)
    (tmp_path / "photos/images/s2.png").write_bytes(b"no picture")
    made = make_masks(labels, models, tmp_path / "masked")
    assert len(made.accepted) == 1
    refused = rows(tmp_path / "masked/refused.csv")
    assert [row["reason"] for row in refused] == ["prompt_unusable", "photograph_unreadable"]
    assert "somewhere" in refused[0]["detail"]
    assert (tmp_path / "masked" / refused[0]["file"]).resolve() == (tmp_path / "photos/images/s1.png").resolve()


def test_a_failing_segmenter_is_a_row(models: Models, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: object) -> None:
        raise RuntimeError("no luck")

    monkeypatch.setattr(Segmenter, "from_box", fail)
    made = make_masks(write_scenes(tmp_path / "photos", columns=boxes()), models, tmp_path / "masked")
    assert made.reasons() == {"segmenter_failed": 3}


def test_masks_are_used_again_and_move_when_limits_change(
    models: Models, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    labels, target = write_scenes(tmp_path / "photos", columns=boxes()), tmp_path / "masked"
    make_masks(labels, models, target)
    before, csv_before = (target / "masks/s1.png").read_bytes(), (target / "labels.csv").read_bytes()
    (target / "masks/s0.png").unlink()
    (target / "masks/s2.png").write_bytes(before[:50])
    assert make_masks(labels, models, target).reused == 1
    assert (target / "labels.csv").read_bytes() == csv_before
    monkeypatch.setattr(Segmenter, "from_box", None)
    strict = make_masks(labels, models, target, limits=MaskLimits(score=1))
    assert (strict.reused, strict.reasons()) == (3, {"score_low": 3})
    assert not list((target / "masks").iterdir())
    assert (target / "refused/s1.png").read_bytes() == before
    assert rows(target / "refused.csv")[1]["mask"] == "refused/s1.png"
    assert make_masks(labels, models, target).sources() == {"sam-box": 3}
    assert (target / "masks/s1.png").read_bytes() == before


def test_another_prompt_makes_another_mask(models: Models, tmp_path: Path) -> None:
    target = tmp_path / "masked"
    make_masks(write_scenes(tmp_path / "photos", columns=boxes()), models, target)
    columns = boxes()
    columns["left"][0] = str(float(columns["left"][0]) + 1)
    assert make_masks(write_scenes(tmp_path / "photos", columns=columns), models, target).reused == 2


def test_rows_with_masks_keep_them(models: Models, tmp_path: Path) -> None:
    labels = write_scenes(tmp_path / "photos", columns={"mask": ["m.png", "", ""], **boxes()})
    Image.fromarray(truth(scenes()[0])).convert("L").save(tmp_path / "photos/m.png")
    made = make_masks(labels, models, tmp_path / "masked")
    assert made.sources() == {"given": 1, "sam-box": 2}
    records = list(FolderSource(FolderSpec(labels=tmp_path / "masked/labels.csv")).records())
    assert [record.problem for record in records] == ["", "", ""]


def test_requests_that_are_wrong(models: Models, tmp_path: Path) -> None:
    labels = write_scenes(tmp_path / "photos")
    with pytest.raises(RequestError, match="replace"):
        make_masks(labels, models, labels.parent)
    write_scenes(tmp_path / "other")
    with pytest.raises(OccupiedError):
        make_masks(labels, models, tmp_path / "other")
    labels.write_text("picture,label_index\na.png,1\n")
    with pytest.raises(SourceError, match="'file'"):
        make_masks(labels, models, tmp_path / "masked")
    labels.write_text("file,label_index\n")
    with pytest.raises(SourceError, match="no rows"):
        make_masks(labels, models, tmp_path / "masked")
    assert not (tmp_path / "masked").exists()


@pytest.mark.skipif(not REAL.exists(), reason="the real photographs are not beside this checkout")
def test_the_embedded_segmenters_guesses_at_photographs_meet_the_gate(models: Models, tmp_path: Path) -> None:
    lines = ["file,imagenet_index,left,top,right,bottom"]
    for row in rows(REAL / "labels.csv")[:4]:
        left, top, right, bottom = box_of(np.asarray(Image.open(REAL / row["mask"]).convert("L")) > 127)
        lines.append(f"{REAL / row['file']},{row['imagenet_index']},{left},{top},{right},{bottom}")
    (tmp_path / "labels.csv").write_text("\n".join(lines))
    made = make_masks(tmp_path / "labels.csv", models, tmp_path / "masked")
    assert len(made.accepted) + len(made.refused) == 4
    assert made.refused
