"""COCO instances: filters, polygons and run lengths, and the real file."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from editmill.manifests.errors import SourceError
from editmill.pipelines.sources.coco import CocoSource, CocoSpec, decode_segmentation

REAL = Path(__file__).parents[4] / "shared/real/coco/instances.json"


def write_coco(folder: Path) -> Path:
    (folder / "images").mkdir()
    Image.new("RGB", (40, 20), (9, 90, 200)).save(folder / "images/a.jpg")
    square = [4.0, 4.0, 15.0, 4.0, 15.0, 15.0, 4.0, 15.0]
    common = {"image_id": 7, "iscrowd": 0, "segmentation": [square]}
    document = {
        "images": [{"id": 7, "file_name": "a.jpg", "width": 40, "height": 20, "license": 3}],
        "licenses": [{"id": 3, "url": "https://example.org/by"}],
        "categories": [{"id": 18, "name": "dog"}, {"id": 3, "name": "car"}],
        "annotations": [
            {**common, "id": 1, "category_id": 18, "area": 144},
            {**common, "id": 2, "category_id": 3, "area": 4},
            {**common, "id": 3, "category_id": 3, "area": 144, "iscrowd": 1},
            {**common, "id": 4, "category_id": 3, "area": 790},
        ],
    }
    path = folder / "instances.json"
    path.write_text(json.dumps(document))
    return path


def test_small_large_and_crowd_instances_are_left_out(tmp_path: Path) -> None:
    source = CocoSource(CocoSpec(instances=write_coco(tmp_path)))
    (record,) = source.records()
    assert (record.id, record.label, record.class_name, record.licence) == ("7-1", 1, "dog", "https://example.org/by")
    assert source.load(record).mask.astype(bool).sum() == 144


def test_a_file_that_is_no_instances_file(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text("[1, 2]")
    with pytest.raises(SourceError, match="COCO"):
        list(CocoSource(CocoSpec(instances=path)).records())


@given(st.lists(st.booleans(), min_size=12, max_size=12))
def test_run_lengths_go_down_columns(pixels: list[bool]) -> None:
    mask = np.array(pixels, bool).reshape(3, 4)
    flat = mask.T.ravel()
    edges = np.flatnonzero(np.diff(flat)) + 1
    counts = np.diff(np.concatenate([[0], edges, [flat.size]])).tolist()
    counts = [0, *counts] if flat[0] else counts
    decoded = decode_segmentation({"counts": counts, "size": [3, 4]}, 3, 4)
    assert np.array_equal(decoded > 0, mask)


@pytest.mark.skipif(not REAL.exists(), reason="the real photographs are not beside this checkout")
def test_every_chosen_instance_of_the_real_file_loads() -> None:
    source = CocoSource(CocoSpec(instances=REAL))
    records = list(source.records())
    assert len(records) >= 20
    for record in records[:6]:
        loaded = source.load(record)
        share = float((loaded.mask > 0).mean())
        assert 0.02 < share < 0.65
