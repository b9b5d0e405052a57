"""Which packs serve which recipes, as the plan, the command and the documentation say it."""

from __future__ import annotations

from pathlib import Path

import pytest

from editmill.manifests.errors import ModelError
from editmill.pipelines.packs import find_pack
from editmill.pipelines.plan import make_plan
from editmill.pipelines.recipe import load_recipe
from editmill.pipelines.serving import lacking, served, served_table

DOCS = Path(__file__).parents[2] / "docs/models.md"


def test_the_documented_table_is_what_the_command_prints() -> None:
    header, *rows = served_table()
    lines = ["| " + " | ".join(row) + " |" for row in (header, ["---"] * len(header), *rows)]
    assert "\n".join(lines) in DOCS.read_text()


@pytest.mark.parametrize("recipe", served())
def test_a_public_pack_serves_every_recipe(recipe: str) -> None:
    assert "sd15" in [pack for pack, roles in served()[recipe].items() if not roles]


def test_every_lacking_role_is_named_at_once_with_the_packs_that_would_do() -> None:
    with pytest.raises(ModelError) as caught:
        make_plan(load_recipe("watermark", models="sdxl"))
    assert str(caught.value).splitlines()[0].endswith("needs: text_to_image, controlnet, image_adapter")
    assert "sd15, tabletop" in caught.value.fix


def test_parts_of_roles_are_needed_too() -> None:
    pack = find_pack("sd15")
    without = {name: entry for name, entry in pack.roles.items() if name != "image_adapter_vision"}
    assert lacking(load_recipe("watermark"), pack.model_copy(update={"roles": without})) == ["image_adapter_vision"]


def test_a_pack_without_a_judge_of_the_label_does_not_serve_an_ensemble() -> None:
    pack = find_pack("tabletop")
    roles = {name: entry for name, entry in pack.roles.items() if not name.startswith("zero_shot")}
    assert lacking(load_recipe("imagenet-g"), pack.model_copy(update={"roles": roles})) == ["zero_shot"]
