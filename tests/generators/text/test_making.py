"""Samples of edited captions: the embedded models on the tabletop world, and tiny checkpoints of published classes."""

from __future__ import annotations

import json
from collections.abc import Hashable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image

from editmill.generators.base.edits import make_edit
from editmill.generators.base.family import Build
from editmill.generators.base.images import decode_image
from editmill.generators.base.loaded import CaptionedImage
from editmill.generators.base.making import Built, Frame, SampleBuilder
from editmill.generators.base.samples import Job, PlannedSample
from editmill.generators.base.sources import Source
from editmill.generators.models.loading import Models
from editmill.generators.models.pack import read_pack
from editmill.generators.models.placement import Placement
from editmill.generators.text.candidates import TextCandidate, TextJob
from editmill.generators.text.family import TextFamily
from editmill.generators.text.language.operations import Operation, undo_operations
from editmill.generators.text.making import TextMaker
from editmill.generators.text.settings import TextGuardSettings, TextSettings
from editmill.manifests.records import SampleRow, SourceRecord
from editmill.packs.tabletop.captioned_source import TabletopCaptionsSource, TabletopCaptionsSpec
from editmill.pipelines.sources.coco_captions import CocoCaptionsSource, CocoCaptionsSpec
from editmill.pipelines.sources.jsonl import JsonLinesSource, JsonLinesSpec
from editmill.pipelines.sources.xmai_csv import XmaiCsvSource, XmaiCsvSpec
from tests.checkpoints import write_clip
from tests.generators.models.test_detector import write_detector
from tests.generators.models.text_models import write_roberta

COUNT = 12
ROOT = Path(__file__).parents[3]
TABLETOP = ROOT / "packs" / "tabletop" / "tabletop.yaml"


def make_maker(
    recipe: str,
    source: Source[CaptionedImage] | None = None,
    *,
    pack: Path = TABLETOP,
    image: str = "png",
    **changes: Any,
) -> TextMaker:
    """A maker for one of the family's recipes, on tabletop scenes unless there is another source."""
    document = yaml.safe_load((TextFamily().recipes() / f"{recipe}.yaml").read_text())
    models = Models(read_pack(pack), Placement(device="cpu"))
    build = Build(
        TextSettings(**{**document["generator"], **changes}),
        TextGuardSettings(),
        seed=0,
        image=image,
        pack=models.pack,
        models=models,
        records=(),
        source=source or TabletopCaptionsSource(TabletopCaptionsSpec(count=COUNT)),
        class_names=(),
    )
    return TextFamily().maker(build)


def run(maker: TextMaker, *, images: int = 64) -> list[Built]:
    maker.group = images
    samples = list(TextFamily().plan(maker.build, list(maker.build.source.records())))
    return list(SampleBuilder(maker, Frame(0, "test", TextFamily().failures)).build(samples, shard=0))


def rows_of(built: list[Built]) -> list[SampleRow]:
    return [row for row, _ in built]


def built_from(recipe: str, *, images: int = 64, **changes: Any) -> list[Built]:
    return run(make_maker(recipe, **changes), images=images)


@pytest.fixture(scope="module")
def built() -> list[Built]:
    return built_from("xmai")


@pytest.fixture(scope="module")
def rows(built: list[Built]) -> list[SampleRow]:
    return rows_of(built)


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


def test_published_edits_go_by_what_the_source_says_was_detected(tmp_path: Path) -> None:
    Image.new("RGB", (64, 64), (90, 120, 60)).save(tmp_path / "a.png")
    (tmp_path / "t.csv").write_text(
        "text,file,objects,attributes\na dog beside a ball,a.png,\"['ball']\",\"['wooden']\"\n"
    )
    source = XmaiCsvSource(XmaiCsvSpec(captions=tmp_path / "t.csv"))
    edits = [{"name": name} for name in ("original", "xmai-2023", "naive")]
    rows = rows_of(run(make_maker("xmai", source, edits=edits)))
    assert [row.parameters["text"] for row in of(rows, "naive")] == ["a dog beside a wooden ball"]
    (published,) = of(rows, "xmai-2023")
    (one,) = published.parameters["insertions"]
    assert (one["noun"], one["box_class"], one["box"], one["boxes"]) == ("ball", "ball", [-1.0] * 4, 1)


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
        assert rows_of(built_from("xmai", images=images)) == rows


def test_an_accepted_text_is_stored_with_its_source_and_what_is_said_of_it(built: list[Built]) -> None:
    keys = set()
    for row, members in built:
        assert bool(members) == (row.status == "ok")
        if not members:
            continue
        assert list(members) == ["png", "txt", "source.txt", "cls", "json"]
        assert members["txt"].decode() == row.parameters["text"]
        assert members["source.txt"].decode() == row.parameters["caption"]
        said = json.loads(members["json"])
        assert json.loads(said["insertions"]) == row.parameters["insertions"]
        assert (said["edit"], said["level"], said["inserted"]) == (row.edit, 0.0, row.parameters["inserted"])
        keys.add(tuple(said))
    assert len(keys) == 1


@pytest.mark.parametrize("image", ["png", "webp"])
def test_the_picture_is_the_sources(image: str) -> None:
    maker = make_maker("xmai", image=image, edits=[{"name": "original"}, {"name": "eda"}])
    (first, *_), *_ = by_source(run(maker))
    record = next(iter(maker.build.source.records()))
    assert np.array_equal(decode_image(first[1][image]), maker.build.source.load(record).image)


def by_source(built: list[Built]) -> list[list[Built]]:
    sources = dict.fromkeys(row.source_id for row, _ in built)
    return [[one for one in built if one[0].source_id == source] for source in sources]


def test_pictures_can_be_left_out() -> None:
    members = [members for _, members in built_from("xmai", image="reference", edits=[{"name": "original"}])]
    assert all(set(mine) == {"cls", "json", "source.txt", "txt"} for mine in members)


class Overloaded:
    """An editor that fails whenever one caption is among those that it edits."""

    def __init__(self, maker: TextMaker, text: str) -> None:
        self.edits, self.text = maker.editor.edit, text

    def __call__(self, jobs: Sequence[TextJob]) -> list[TextCandidate]:
        if any(job.caption.caption.text == self.text for job in jobs):
            raise RuntimeError("too long")
        return self.edits(jobs)


def test_a_caption_that_a_model_cannot_take_fails_alone_with_all_its_edits(monkeypatch: pytest.MonkeyPatch) -> None:
    source = TabletopCaptionsSource(TabletopCaptionsSpec(count=3, captions=2))
    edits = [{"name": "original"}, {"name": "grounded"}, {"name": "oracle"}]
    sound = run(make_maker("xmai", source, edits=edits))
    bad = sound[9][0].parameters["caption"]
    maker = make_maker("xmai", source, edits=edits)
    monkeypatch.setattr(maker.editor, "edit", Overloaded(maker, bad))
    broken = run(maker)
    for before, after in zip(sound, broken, strict=True):
        if before[0].parameters["caption"] != bad:
            assert after == before
            continue
        row = after[0]
        assert (row.status, row.reasons, row.attempts) == ("failed", ("proposer_error",), 1)
        facts = {"caption_id": "1", "caption": bad, "text": "", "inserted": 0}
        assert row.parameters == {**facts, "detail": "RuntimeError: too long"}
    assert sum(row.status == "failed" for row, _ in broken) == len(edits)


def captions_source(folder: Path, texts: list[str]) -> JsonLinesSource:
    """One tabletop scene with other captions."""
    scenes = TabletopCaptionsSource(TabletopCaptionsSpec(count=1))
    Image.fromarray(scenes.load(next(iter(scenes.records()))).image).save(folder / "scene.png")
    (folder / "list.jsonl").write_text(json.dumps({"image": "scene.png", "texts": texts}) + "\n")
    return JsonLinesSource(JsonLinesSpec(file=folder / "list.jsonl"))


def test_signs_of_special_tokens_in_captions_are_text(tmp_path: Path) -> None:
    signs = ("[MASK]", "[CLS] [SEP]", "<mask>", "<s></s><pad>", "<unk>[UNK]", "[PAD][MASK]")
    scenes = TabletopCaptionsSource(TabletopCaptionsSpec(count=1))
    noun = scenes.load(next(iter(scenes.records()))).objects[0].name
    texts = [f"a {sign} {noun} with a {noun} {sign}" for sign in signs] + list(signs)
    made = rows_of(run(make_maker("xmai", captions_source(tmp_path, texts))))
    assert {row.status for row in made} == {"ok", "rejected"}
    for row in (row for row in made if row.status == "ok"):
        operations = [Operation(**one) for one in row.parameters["operations"]]
        assert undo_operations(row.parameters["text"], operations) == row.parameters["caption"]
    assert {row.edit for row in made if row.status == "ok"} >= {"original", "eda", "clare"}


def test_a_caption_that_is_too_long_is_shown_to_no_model(tmp_path: Path) -> None:
    short = "a ball on grass"
    source = captions_source(tmp_path, [short, "a ball " * 7200, f"{short}."])
    edits = [{"name": "original"}, {"name": "grounded"}, {"name": "clare"}]
    made = rows_of(run(make_maker("xmai", source, edits=edits)))
    rejected = [row for row in made if row.reasons == ("text_too_long",)]
    assert [(row.status, row.edit) for row in rejected] == [("failed", edit["name"]) for edit in edits]
    assert "50,400 characters" in rejected[0].parameters["detail"]
    at_limit = rows_of(run(make_maker("xmai", source, edits=edits, max_characters=len(short))))
    assert [row for row in at_limit if row.replica == 0] == [row for row in made if row.replica == 0]
    assert {row.reasons for row in at_limit if row.replica > 0} == {("text_too_long",)}


def test_a_caption_of_more_words_than_the_masked_model_reads_is_shown_to_no_model(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    short = "a cube on grass"
    source = captions_source(tmp_path, [short, "a " * 2400 + "cube", "a cube on red grass and " * 20])
    made = rows_of(run(make_maker("xmai", source)))
    long = [row for row in made if row.replica > 0]
    assert {(row.status, row.reasons, row.attempts) for row in long} == {("failed", ("text_too_long",), 1)}
    assert "2,401 words" in long[0].parameters["detail"]
    assert all(len(row.parameters["detail"]) < 160 for row in long)
    assert not [record for record in caplog.records if "a a a" in record.getMessage()]
    assert [row for row in made if row.replica == 0] == rows_of(
        run(make_maker("xmai", captions_source(tmp_path, [short])))
    )


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
    source = JsonLinesSource(JsonLinesSpec(file=tmp_path / "list.jsonl"))
    made = rows_of(run(make_maker("xmai", source, pack=pack, insertion={"detection": 0.01, "short_side": 1})))
    assert len(made) == 2 * len(texts) * 12
    missing = [row for row in made if row.source_id.startswith("missing")]
    facts = {"caption_id": "0", "caption": texts[0], "text": "", "inserted": 0}
    assert {row.status for row in missing} == {"failed"}
    assert {row.reasons for row in missing} == {("source_unreadable",)}
    assert missing[0].parameters == {**facts, "detail": "missing.png: No such file or directory"}
    assert all(row.status == "ok" or row.reasons for row in made)
    person = next(row for row in made if row.edit == "grounded" and row.parameters["caption"] == "Two men")
    assert person.reasons == ("person_guard",)


REAL = ROOT.parent / "shared" / "real" / "coco"


@pytest.mark.skipif(not REAL.exists(), reason="needs ../shared/real")
def test_judges_with_a_closed_vocabulary_say_nothing_of_other_nouns_on_real_photographs() -> None:
    """Without it, 14 of the 35 words that the embedded judges inserted were plainly false, such as "metal toilet"."""
    spec = CocoCaptionsSpec(captions=REAL / "captions.json", instances=REAL / "instances.json")
    edits = {"insertion": {"boxes": "annotations"}, "edits": [{"name": "grounded"}]}
    made = rows_of(run(make_maker("xmai", CocoCaptionsSource(spec), **edits)))
    assert len(made) == 135
    assert all(row.status == "rejected" and row.reasons for row in made)
    judged = {slot["lemma"] for row in made for slot in row.parameters["slots"] if slot["boxes"]}
    assert judged <= {"bottle", "ball"}


@pytest.mark.parametrize("writer", ["causal_lm", "template"])
def test_dilution_adds_a_true_sentence(writer: str) -> None:
    made = rows_of(built_from("dilution", dilution={"writer": writer}))
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


def test_the_edits_of_a_caption_fail_together_and_those_of_others_apart() -> None:
    # ``unit`` asks nothing of a maker.
    maker = object.__new__(TextMaker)

    def unit(source: str, edit: str, replica: int) -> Hashable:
        record = SourceRecord(id=source, image="", label=-1, class_name="", width=1, height=1, sha256="")
        loaded = CaptionedImage(record, np.zeros((1, 1, 3), np.uint8))
        return maker.unit(Job(PlannedSample("key", record, make_edit("text", edit), replica), loaded, 0))

    assert unit("a", "grounded", 0) == unit("a", "original", 0)
    assert len({unit("a", "original", 0), unit("a", "original", 1), unit("b", "original", 0)}) == 3
