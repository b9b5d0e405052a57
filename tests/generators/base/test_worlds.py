"""Packs that were not trained on pictures of a source: what every family says in the plan."""

from __future__ import annotations

from pathlib import Path

import pytest

from editmill.manifests.errors import RequestError
from editmill.pipelines.plan import make_plan
from editmill.pipelines.recipe import load_recipe
from tests.pipelines.photos import write_photos

MAKE = "generator.unknown_world=make"
CAPTION = '{"image": "p0.jpg", "text": "a dog on a bench"}\n'


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    labels = write_photos(tmp_path, 3)
    picture = next((tmp_path / "images").iterdir())
    (tmp_path / "captions.jsonl").write_text(CAPTION.replace("p0.jpg", f"images/{picture.name}"))
    return labels


@pytest.mark.parametrize(("recipe", "words"), [("fmr", "classifiers"), ("imagenet-g", "neither draw their classes")])
def test_nothing_is_made_of_classes_that_nobody_knows(photos: Path, recipe: str, words: str) -> None:
    with pytest.raises(RequestError, match=f"not trained on pictures of 'folder' sources, so .*{words}") as caught:
        make_plan(load_recipe(recipe, source=f"folder:{photos}"))
    assert MAKE in caught.value.fix
    assert make_plan(load_recipe(recipe, source=f"folder:{photos}", overrides=(MAKE,))).counts
    plan = make_plan(load_recipe(recipe, source=f"folder:{photos}", models="sd15"))
    assert "calibrated on 'tabletop' sources, but judge pictures of 'folder' ones" in plan.notices()[0]
    assert make_plan(load_recipe(recipe)).notices() == []


def test_no_judge_chooses_words_for_a_world_that_it_does_not_know(photos: Path) -> None:
    source = f"jsonl:{photos.parent / 'captions.jsonl'}"
    plan = make_plan(load_recipe("xmai", source=source))
    assert list(plan.counts) == ["original", "eda"]
    assert "left out: grounded, xmai-2023, naive, oracle" in plan.notices()[0]
    with pytest.raises(RequestError, match="none of the edits can be made: dilute"):
        make_plan(load_recipe("dilution", source=source))
    assert "grounded" in make_plan(load_recipe("xmai", source=source, overrides=(MAKE,))).counts
    assert "grounded" in make_plan(load_recipe("xmai", source=source, models="sd15")).counts


def test_watermarks_are_made_with_a_warning(photos: Path) -> None:
    plan = make_plan(load_recipe("watermark", source=f"images:{photos.parent / 'images'}"))
    assert "it redraws them badly" in plan.notices()[0]
    assert make_plan(load_recipe("watermark")).notices() == []
