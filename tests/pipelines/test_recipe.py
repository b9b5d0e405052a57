"""Recipes: defaults, overrides, and messages that say what, where and how to fix it."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from editmill.manifests.errors import RecipeError, SourceError
from editmill.pipelines.recipe import load_recipe, recipe_names


def test_every_shipped_recipe_is_valid_and_named_by_its_file() -> None:
    assert recipe_names() == [
        "demo",
        "demo-photographs",
        "dilution",
        "fmr",
        "imagenet-e",
        "imagenet-e-faithful",
        "imagenet-e-published",
        "imagenet-g",
        "watermark",
        "watermark-ctrlregen",
        "xmai",
    ]
    for name in recipe_names():
        assert load_recipe(name).name == name


def test_a_resolved_recipe_reads_back_as_itself(tmp_path: Path) -> None:
    recipe = load_recipe("imagenet-e", overrides=["guard.attempts=5", "shards=3"])
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(recipe.document()))
    assert load_recipe(str(path)) == recipe
    assert recipe.guard.attempts == 5


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("guard.attemps=3", "guard.attemps: unknown key"),
        ("colour=red", "colour: unknown key"),
        ("shards=0", "shards"),
        ("generator.edits=[{name: blur}]", "generator.edits.0.name"),
        ("split=start", "split"),
        ("name=Bad Name", "name"),
        ("no-equals-sign", "not of the form"),
        ("generator.kind=[1]", "the kind '.1.' is not known"),
        ("seed.a.b=1", "has no fields"),
        ("guards=[{name: nothing}]", "no guard 'nothing' is installed"),
        ("guards=[{name: nothing}, {name: nothing}]", "one is named twice"),
        ("calibration={source: {kind: images, root: x}}", "calibration is for guard ensembles"),
    ],
)
def test_a_bad_field_is_named(override: str, words: str) -> None:
    with pytest.raises(RecipeError, match=words) as caught:
        load_recipe("imagenet-e", overrides=[override])
    assert caught.value.exit_code == 2


def test_an_unknown_recipe_lists_the_known_ones() -> None:
    with pytest.raises(RecipeError, match="imagenet-e"):
        load_recipe("imagenet-x")
    with pytest.raises(RecipeError, match=r"\.yaml"):
        load_recipe("missing.yaml")


def test_source_text_becomes_the_recipes_source() -> None:
    recipe = load_recipe("imagenet-e", source="coco:some/instances.json")
    assert recipe.source.kind == "coco"
    with pytest.raises(SourceError, match="unknown source"):
        load_recipe("imagenet-e", source="zip:x")


def test_a_portable_recipe_names_no_folder(tmp_path: Path) -> None:
    recipe = load_recipe("imagenet-e", source=f"folder:{tmp_path}/labels.csv")
    assert recipe.portable("tabletop")["source"]["labels"] == "LABELS"
    assert str(tmp_path) in recipe.document()["source"]["labels"]


def test_a_portable_recipe_cuts_the_paths_of_a_factory(tmp_path: Path) -> None:
    scheme = f"{{name: mine, bits: 32, factory: 'a:b', options: {{weights: [{tmp_path}/w.pt], rate: 0.5, note: a/b}}}}"
    recipe = load_recipe("watermark", overrides=(f"generator.schemes=[{scheme}]",), allow_code=True)
    released = recipe.portable("tabletop")["generator"]["schemes"][0]["options"]
    assert released == {"weights": ["w.pt"], "rate": 0.5, "note": "a/b"}
    assert str(tmp_path) in str(recipe.document()["generator"])


@pytest.mark.parametrize("level", [".nan", ".inf"])
def test_levels_that_are_no_numbers_are_refused(level: str) -> None:
    with pytest.raises(RecipeError, match="finite"):
        load_recipe("imagenet-e", overrides=[f"generator.edits=[{{name: complexity, levels: [{level}]}}]"])


@pytest.mark.parametrize(
    ("recipe", "override", "place"),
    [
        ("imagenet-e", "generator.render.feather=.inf", "generator.render.feather"),
        ("fmr", "generator.style.brightness=.nan", "generator.style.brightness"),
        ("xmai", "generator.xmai.weights=[1, .inf, 1]", "generator.xmai.weights.1"),
        ("imagenet-g", "generator.budget.run_seconds=.inf", "generator.budget.run_seconds"),
    ],
)
def test_numbers_that_no_digest_can_be_made_of_are_refused(recipe: str, override: str, place: str) -> None:
    with pytest.raises(RecipeError, match=f"{place}: must be a finite number"):
        load_recipe(recipe, overrides=[override])


def test_jpg_needs_a_tolerance_for_object_bytes() -> None:
    with pytest.raises(RecipeError, match=r"guard\.object_difference"):
        load_recipe("imagenet-e", overrides=["output.image=jpg"])


def test_code_that_the_guard_s_settings_name_needs_consent(monkeypatch: pytest.MonkeyPatch) -> None:
    guard = type(load_recipe("imagenet-e").guard)
    monkeypatch.setattr(guard, "code", lambda self: ("mine:guard",))
    with pytest.raises(RecipeError, match="runs code of this machine: mine:guard"):
        load_recipe("imagenet-e")
    assert load_recipe("imagenet-e", allow_code=True).code() == ("mine:guard",)


def test_the_hint_names_a_recipe_of_the_family(tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text("{name: mine, generator: {kind: fmr, nope: 1}}")
    for recipe, changes, named in (("xmai", ("guard.nope=7",), "xmai"), (str(mine), (), "fmr")):
        with pytest.raises(RecipeError) as caught:
            load_recipe(recipe, overrides=changes)
        assert f"`editmill show {named}` prints" in caught.value.fix


def test_alternatives_of_one_field_are_told_under_its_name() -> None:
    with pytest.raises(RecipeError) as caught:
        load_recipe("imagenet-e", source="folder:x.csv", overrides=("source.mask_from=[1]",))
    assert "source.mask_from: [1] is not known; use 'grey' or 'alpha'" in str(caught.value)
    assert "literal" not in str(caught.value)
    assert "constrained" not in str(caught.value)
