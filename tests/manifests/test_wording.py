"""What a recipe's writer reads about plausible mistakes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from editmill.manifests.errors import RecipeError
from editmill.pipelines.recipe import load_recipe, recipe_files

LIST = "must be a list in brackets, as in [a, b], not"
FIELDS = "must hold fields, as in {field: value}, not"
MISTAKES = {
    "generator.edits=[]": "generator.edits: must have 1 or more entries, not 0",
    "generator.edits=[{name: blur}]": "generator.edits.0.name: 'blur' is not known; use 'original', 'paste-back',",
    "generator.edits=[{name: full, size: 0.2}]": "generator.edits.0: the edit full does not read size",
    "generator.edits=[{name: size, levels: 0.1}]": f"generator.edits.0.levels: {LIST} 0.1",
    "generator.edits=[{name: round-trip, count: -1}]": "generator.edits.0.count: must be at least 1, not -1",
    "generator.edits=[{name: direction, angles: [1, 2, 3]}]": "generator.edits.0.angles: must have 2 or fewer "
    "entries, not 3",
    "generator.edits=original": f"generator.edits: {LIST} 'original'",
    "generator.edits=[original]": f"generator.edits.0: {FIELDS} 'original'",
    "generator.kind=video": "generator: no family 'video'",
    "generator=null": f"generator: {FIELDS} nothing",
    "generator.render.mode=old": "generator.render.mode: 'old' is not known; use 'modern' or 'faithful'",
    "generator.render.strength=0": "generator.render.strength: must be above 0, not 0",
    "generator.render.faithful.executed=200": "generator.render.faithful: executed (200) is more than respacing (100)",
    "source=tabletop": f"source: {FIELDS} 'tabletop'",
    "source.kind=zip": "source: the kind 'zip' is not known; use 'folder', 'coco',",
    "source={kind: folder}": "source.labels: is missing",
    "source.count=lots": "source.count: must be a whole number, not 'lots'",
    "shards=1.5": "shards: must be a whole number, not 1.5",
    "guard.mask_iou=2": "guard.mask_iou: must be at most 1, not 2",
    "guard.detection=high": "guard.detection: must be a number, not 'high'",
    "version=1.0": "version: must be text, in quotes if YAML would read it otherwise, not 1.0",
    "version='1.0'": "version: must be three numbers, as in 1.0.0, not '1.0'",
    "name=Bad Name": "name: must be lower-case letters and digits, with single - or _ between them, as in my-set, not "
    "'Bad Name'",
    "split=start": "split: split name 'start' contains 'tar'",
    "output.image=jpg": "jpg can't keep object bytes",
}


def complaint(override: str) -> str:
    with pytest.raises(RecipeError) as caught:
        load_recipe("imagenet-e", overrides=[override])
    return caught.value.what


@pytest.mark.parametrize("override", MISTAKES)
def test_one_mistake_is_one_complaint_in_our_words(override: str) -> None:
    said = complaint(override)
    assert said.startswith(f"the recipe is not valid: {MISTAKES[override]}")
    assert not re.search("Value error|Input should|after validation|valid tuple|Field required", said)


@pytest.mark.parametrize("field", ["generator", "source", "name"])
def test_a_missing_field_is_one_complaint(tmp_path: Path, field: str) -> None:
    document = yaml.safe_load(recipe_files()["imagenet-e"].read_text())
    del document[field]
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(document))
    with pytest.raises(RecipeError) as caught:
        load_recipe(str(path))
    assert caught.value.what == f"the recipe is not valid: {field}: is missing"


def test_several_mistakes_stand_in_lines_of_their_own() -> None:
    said = complaint("generator.edits=[{name: blur}, {name: size, levels: [a]}]").splitlines()
    assert said[0] == "the recipe is not valid:"
    assert [line.partition(":")[0] for line in said[1:]] == [
        "  - generator.edits.0.name",
        "  - generator.edits.1.levels.0",
    ]


def test_a_long_value_is_cut() -> None:
    assert complaint(f"shards={'x' * 500}").endswith("…")
