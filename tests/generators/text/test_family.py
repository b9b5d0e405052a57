"""Captions as a family: what a recipe needs, and datasets from recipe to sheet."""

from __future__ import annotations

from pathlib import Path

import pytest

from editmill.generators.base.family import Asked
from editmill.generators.models.pack import PackSpec, RoleEntry
from editmill.generators.models.placement import Placement
from editmill.generators.text.edits import TextEditName
from editmill.generators.text.family import TextAsked, TextFamily
from editmill.generators.text.settings import (
    DilutionSettings,
    InsertionSettings,
    TextEditSettings,
    TextGuardSettings,
    TextSettings,
)
from editmill.manifests.errors import RecipeError, SourceError
from editmill.manifests.records import CaptionRecord, SourceRecord
from editmill.pipelines.build import build, prepare
from editmill.pipelines.plan import make_plan
from editmill.pipelines.preview import preview_dataset, preview_plan
from editmill.pipelines.recipe import load_recipe

PLACEMENT = Placement(device="cpu")
FAMILY = TextFamily()
RECORDS = [
    SourceRecord(
        id=name,
        image=f"{name}.png",
        label=-1,
        class_name="",
        captions=tuple(CaptionRecord(id=str(number), text="a ball", label=label) for number in range(2)),
        width=100,
        height=50,
        sha256="0" * 64,
        licence="none",
    )
    for name, label in (("one", -1), ("two", 2))
]


def asked(*names: TextEditName, roles: tuple[str, ...] = (), image: str = "png", **settings: object) -> TextAsked:
    entry = RoleEntry(cls="transformers.CLIPModel", path="here", licence="none")
    pack = PackSpec(name="p", description="", roles=dict.fromkeys(roles, entry), backgrounds=())
    edits = tuple(TextEditSettings(name=name) for name in names)
    return Asked(TextSettings.model_validate({"edits": edits, **settings}), TextGuardSettings(), 0, image, pack)


def test_every_caption_gets_every_edit_in_the_order_of_sources() -> None:
    samples = list(FAMILY.plan(asked("original", "grounded"), RECORDS))
    assert [(one.source.id, one.replica, one.edit.name) for one in samples] == [
        (source, replica, edit)
        for source in ("one", "two")
        for replica in range(2)
        for edit in ("original", "grounded")
    ]
    assert len({one.key for one in samples}) == len(samples)


@pytest.mark.parametrize(
    ("names", "needed"),
    [
        (("grounded", "deletion"), ["zero_shot", "detector"]),
        (("random-word",), ["zero_shot", "detector", "masked_lm"]),
        (("naive",), ["zero_shot", "detector", "masked_lm"]),
        (("dilute-false",), ["zero_shot", "detector", "causal_lm"]),
        (("dilute-repeat",), ["zero_shot", "detector"]),
    ],
)
def test_edits_name_the_roles_that_they_need(names: tuple[TextEditName, ...], needed: list[str]) -> None:
    assert FAMILY.roles(asked(*names)) == needed


def test_other_roles_are_used_where_the_pack_has_them() -> None:
    lean = {"insertion": InsertionSettings(boxes="annotations"), "dilution": DilutionSettings(writer="template")}
    assert FAMILY.roles(asked("dilute", roles=("nli", "inpaint", "zero_shot"), **lean)) == ["zero_shot", "nli"]


def test_edits_that_look_at_no_object_ask_what_measures_texts_alone() -> None:
    pack = ("zero_shot", "zero_shot_2", "detector", "segmenter", "masked_lm", "nli", "causal_lm")
    assert FAMILY.roles(asked("original", "eda", roles=pack)) == ["zero_shot", "masked_lm", "nli"]
    assert FAMILY.roles(asked("original", "xmai-2023", roles=pack)) == ["zero_shot", "detector", "masked_lm", "nli"]
    grounded = FAMILY.roles(asked("original", "synonym", roles=pack))
    assert sorted(grounded) == sorted(set(pack) - {"causal_lm"})


@pytest.mark.parametrize("image", ["png", "webp", "jpg"])
def test_pictures_are_stored_in_every_way(image: str) -> None:
    FAMILY.check(asked("original", image=image))
    assert FAMILY.members(asked("original", image=image)) == tuple(sorted(("cls", image, "json", "source.txt", "txt")))


def test_a_reference_needs_no_room_for_pictures() -> None:
    stored, referred = asked("original"), asked("original", image="reference")
    FAMILY.check(referred)
    assert FAMILY.members(referred) == ("cls", "json", "source.txt", "txt")
    estimates = [FAMILY.estimate(one, FAMILY.plan(one, RECORDS)) for one in (stored, referred)]
    assert [one.network_evaluations for one in estimates] == [4, 4]
    assert [one.megabytes for one in estimates] == [0.042, 0.012]


def test_classes_are_what_captions_are_to_their_images() -> None:
    assert FAMILY.class_names(RECORDS[:1]) == {}
    assert FAMILY.class_names(RECORDS) == {0: "entailment", 1: "neutral", 2: "contradiction"}


def test_a_dataset_is_built_and_shown(tmp_path: Path) -> None:
    changes = (
        "source.count=4",
        "source.contradictions=0.5",
        "source.captions=2",
        "shards=1",
        "generator.edits=[{name: original}, {name: grounded}]",
    )
    plan = make_plan(load_recipe("xmai", overrides=changes))
    manifest = build(prepare(plan, tmp_path / "out", PLACEMENT), progress=False)
    assert manifest is not None
    assert manifest.class_names == {0: "entailment", 1: "neutral", 2: "contradiction"}
    assert manifest.members == ("cls", "json", "png", "source.txt", "txt")
    assert build(prepare(plan, tmp_path / "out", PLACEMENT), progress=False) == manifest
    stored = preview_dataset(tmp_path / "out", sources=2, cell=128)
    assert stored.width > 400
    assert len(stored.getcolors(1 << 24) or []) > 50
    assert preview_plan(plan, PLACEMENT, sources=2, cell=128) == stored


def test_recipes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(SourceError, match="has no captions"):
        make_plan(load_recipe("xmai", source="tabletop"))
    with pytest.raises(SourceError, match="has no labelled objects"):
        make_plan(load_recipe("demo", source="tabletop-captions"))
    with pytest.raises(RecipeError, match=r"guard\.kind"):
        load_recipe("xmai", overrides=("guard.kind=attribute",))
    with pytest.raises(RecipeError, match="reference"):
        load_recipe("demo", overrides=("output.image=reference",))
