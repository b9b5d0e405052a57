"""Datasets of edited captions: the embedded models on the tabletop world, and tiny checkpoints of published classes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from PIL import Image

from editmill.generators.models.loading import Placement
from editmill.generators.text.language.operations import Operation, undo_operations
from editmill.manifests.errors import RecipeError, SourceError
from editmill.manifests.records import SampleRow
from editmill.pipelines.build import build, prepare
from editmill.pipelines.captions import CaptionBuilder
from editmill.pipelines.fingerprint import identify
from editmill.pipelines.plan import Plan, make_plan
from editmill.pipelines.preview import preview_dataset
from editmill.pipelines.recipe import load_recipe
from editmill.pipelines.shard import ShardTask, sample_builder
from tests.checkpoints import write_clip
from tests.generators.models.test_detector import write_detector
from tests.generators.models.text_models import write_roberta

PLACEMENT = Placement(device="cpu")
COUNT = 12


def rows_of(plan: Plan, *, images: int = 64) -> list[SampleRow]:
    task = ShardTask.for_plan(plan, 0, identity=identify(plan, PLACEMENT), out=None, placement=PLACEMENT)
    builder = sample_builder(task)
    assert isinstance(builder, CaptionBuilder)
    builder.images = images
    return [row for row, _ in builder.build(task.samples, shard=0)]


def tabletop(*overrides: str) -> Plan:
    return make_plan(load_recipe("xmai", overrides=("shards=1", f"source.count={COUNT}", *overrides)))


@pytest.fixture(scope="module")
def rows() -> list[SampleRow]:
    return rows_of(tabletop())


def of(rows: list[SampleRow], edit: str) -> Iterator[SampleRow]:
    return (row for row in rows if row.edit == edit and row.status == "ok")


def test_every_caption_has_a_row_for_every_edit(rows: list[SampleRow]) -> None:
    assert len(rows) == COUNT * 12
    assert all(row.status == "ok" or row.reasons for row in rows)
    assert all(row.parameters["text"] == row.parameters["caption"] for row in of(rows, "original"))


def test_grounded_insertions_are_true_and_leave_no_wrong_article(rows: list[SampleRow]) -> None:
    edited = list(of(rows, "grounded"))
    assert len(edited) >= COUNT // 3
    golds = [one["gold"] for row in edited for one in row.parameters["insertions"]]
    assert golds.count("true") / len(golds) >= 0.9
    assert all(row.scores["article_errors"] == 0 and row.scores["entailment"] >= 0.9 for row in edited)


def test_insertions_stand_where_their_records_say(rows: list[SampleRow]) -> None:
    for edit in ("grounded", "oracle", "random-attribute", "false-attribute", "random-word", "xmai-2023", "naive"):
        for row in of(rows, edit):
            text, caption = row.parameters["text"], row.parameters["caption"]
            for one in row.parameters["insertions"]:
                assert text[one["start"] : one["end"]].lower() == one["word"].lower()
                assert caption[one["noun_start"] : one["noun_end"]] == one["noun"]


def test_operations_lead_back_to_the_source(rows: list[SampleRow]) -> None:
    for row in rows:
        if row.status == "ok":
            operations = [Operation(**one) for one in row.parameters["operations"]]
            assert undo_operations(row.parameters["text"], operations) == row.parameters["caption"]


def test_controls_are_what_their_names_say(rows: list[SampleRow]) -> None:
    assert {one["gold"] for row in of(rows, "oracle") for one in row.parameters["insertions"]} == {"true"}
    assert {one["gold"] for row in of(rows, "false-attribute") for one in row.parameters["insertions"]} == {"false"}
    inserted = {row.source_id: row.parameters["inserted"] for row in of(rows, "grounded")}
    assert {row.source_id: row.parameters["inserted"] for row in of(rows, "random-attribute")} == inserted


def test_slots_have_one_outcome_each(rows: list[SampleRow]) -> None:
    for row in rows:
        if row.edit == "grounded":
            assert sum(row.parameters["outcomes"].values()) == len(row.parameters["slots"]) > 0
            assert row.parameters["outcomes"].get("inserted", 0) == row.parameters["inserted"]


def test_rows_do_not_depend_on_the_batch(rows: list[SampleRow]) -> None:
    """Images edited one by one or five at a time give the same rows, to the last digit."""
    for images in (1, 5):
        assert rows_of(tabletop(), images=images) == rows


def test_a_dataset_is_built_and_shown(tmp_path: Path) -> None:
    plan = make_plan(
        load_recipe(
            "xmai",
            overrides=(
                "source.count=4",
                "source.contradictions=0.5",
                "source.captions=2",
                "generator.edits=[{name: original}, {name: grounded}]",
            ),
        )
    )
    prepared = prepare(plan, tmp_path / "out", PLACEMENT)
    manifest = build(prepared, progress=False)
    assert manifest is not None
    assert manifest.class_names == {0: "entailment", 1: "neutral", 2: "contradiction"}
    assert manifest.members == ("cls", "json", "png", "source.txt", "txt")
    assert build(prepare(plan, tmp_path / "out", PLACEMENT), progress=False) == manifest
    sheet = preview_dataset(tmp_path / "out", sources=2)
    assert sheet.width > 400
    assert len(sheet.getcolors(1 << 24) or []) > 50


def test_pictures_can_be_left_out(tmp_path: Path) -> None:
    plan = tabletop("source.count=2", "output.image=reference", "generator.edits=[{name: original}]")
    manifest = build(prepare(plan, tmp_path / "out", PLACEMENT), progress=False)
    assert manifest is not None
    assert manifest.members == ("cls", "json", "source.txt", "txt")


def test_recipes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(SourceError, match="holds no captions"):
        make_plan(load_recipe("xmai", source="tabletop"))
    with pytest.raises(SourceError, match="holds no labelled objects"):
        make_plan(load_recipe("demo", source="tabletop-captions"))
    with pytest.raises(RecipeError, match=r"guard\.kind"):
        load_recipe("xmai", overrides=("guard.kind=attribute",))
    with pytest.raises(RecipeError, match="reference"):
        load_recipe("demo", overrides=("output.image=reference",))


def test_tiny_checkpoints_of_published_classes(tmp_path: Path) -> None:
    """An open vocabulary, and a pack without second judge, segmenter or entailment model: every caption ends as an edit
    or as a recorded no-op.
    """
    write_clip(tmp_path / "zero_shot")
    write_detector(tmp_path / "detector")
    write_roberta(tmp_path / "masked_lm")
    classes = {"zero_shot": "CLIPModel", "detector": "OwlViTForObjectDetection", "masked_lm": "RobertaForMaskedLM"}
    roles = {role: {"cls": f"transformers.{cls}", "path": role, "licence": "none"} for role, cls in classes.items()}
    pack = tmp_path / "tiny.yaml"
    pack.write_text(yaml.safe_dump({"name": "tiny", "description": "", "backgrounds": ["grass"], "roles": roles}))
    texts = ["a red cube on a table", "Two men", "no cube", "A cubes, 😀 cube-like"]
    Image.new("RGB", (64, 48), (200, 30, 30)).save(tmp_path / "1.png")
    (tmp_path / "list.jsonl").write_text(
        "".join(json.dumps({"image": name, "texts": texts}) + "\n" for name in ("1.png", "missing.png"))
    )
    edits = ("shards=1", "generator.insertion.detection=0.01", "generator.insertion.short_side=1")
    made = rows_of(
        make_plan(load_recipe("xmai", source=f"jsonl:{tmp_path / 'list.jsonl'}", models=str(pack), overrides=edits))
    )
    assert len(made) == 2 * len(texts) * 12
    assert {row.status for row in made if row.source_id.startswith("missing")} == {"failed"}
    assert all(row.status == "ok" or row.reasons for row in made)
    person = next(row for row in made if row.edit == "grounded" and row.parameters["caption"] == "Two men")
    assert person.reasons == ("person_guard",)


REAL = Path(__file__).parents[3] / "shared" / "real" / "coco"


@pytest.mark.skipif(not REAL.exists(), reason="needs ../shared/real")
def test_every_caption_of_real_photographs_ends_as_an_edit_or_a_recorded_no_op() -> None:
    """The embedded judges know no photographs, so the words mean nothing.

    People stay untouched and every edit can be undone all the same.
    """
    source = f"coco-captions:{REAL / 'captions.json'},{REAL / 'instances.json'}"
    changes = ("shards=1", "generator.insertion.boxes=annotations", "generator.edits=[{name: grounded}]")
    made = rows_of(make_plan(load_recipe("xmai", source=source, overrides=changes)))
    assert len(made) == 135
    assert all(row.status == "ok" or (row.status == "rejected" and row.reasons) for row in made)
    for row in made:
        if row.status == "ok":
            operations = [Operation(**one) for one in row.parameters["operations"]]
            assert undo_operations(row.parameters["text"], operations) == row.parameters["caption"]
            assert row.scores["article_errors"] == 0
            assert not any(one["person"] for one in row.parameters["insertions"])


@pytest.mark.parametrize("writer", ["causal_lm", "template"])
def test_dilution_adds_a_true_sentence(writer: str) -> None:
    made = rows_of(
        make_plan(
            load_recipe(
                "dilution", overrides=("shards=1", f"source.count={COUNT}", f"generator.dilution.writer={writer}")
            )
        )
    )
    diluted = list(of(made, "dilute"))
    assert len(diluted) >= COUNT // 3
    for row in diluted:
        (said,) = row.parameters["insertions"]
        assert row.parameters["text"].startswith(row.parameters["caption"].rstrip())
        assert row.parameters["text"][said["start"] : said["end"]] == said["word"]
    golds = [row.parameters["insertions"][0]["gold"] for row in diluted]
    assert golds.count("true") >= 0.9 * len(golds)
    assert {
        row.parameters["insertions"][0]["gold"]
        for edit in ("dilute-false", "dilute-unrelated")
        for row in of(made, edit)
    } == {"false"}
    assert len(list(of(made, "dilute-repeat"))) == COUNT
