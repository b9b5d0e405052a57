"""Evaluation of a real small dataset with the embedded encoder, and the rule of held-out models."""

from __future__ import annotations

import csv
import io
import json
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from editmill.evaluators import Options, report
from editmill.evaluators.adapters.arrays import FloatArray
from editmill.evaluators.image_text.models import load_text_model
from editmill.evaluators.statistics import paired_drop
from editmill.evaluators.text.evaluation import TextEvaluation, evaluate_text
from editmill.evaluators.text.rows import read_rows, undo
from editmill.flows.commands.dataset import resolve_pack
from editmill.generators.models.placement import Placement
from editmill.manifests import DataError, Dataset, ModelError, open_dataset
from editmill.pipelines.build import build, prepare
from editmill.pipelines.plan import make_plan
from editmill.pipelines.recipe import load_recipe
from editmill.pipelines.sources import open_source
from tests.evaluators.builder import named, written
from tests.manifests.builder import make_manifest, make_sources


def measured(
    dataset: Dataset, models: Sequence[Any], *, resamples: int = 10_000, images: Path | None = None
) -> TextEvaluation:
    return evaluate_text(dataset, named(*models), Options(progress=False, resamples=resamples, images=images))


EDITS = (
    "generator.edits=[{name: original}, {name: grounded}, {name: random-attribute}, {name: oracle}, {name: "
    "false-attribute}]"
)


def built(out: Path, *overrides: str) -> Dataset:
    recipe = load_recipe("xmai", overrides=("source.count=12", "shards=1", EDITS, *overrides))
    build(prepare(make_plan(recipe), out, Placement(device="cpu")))
    return open_dataset(out)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return built(tmp_path_factory.mktemp("captions") / "out")


PAGE = Path(__file__).parents[3] / "docs" / "formats-captions.md"
ENCODER, CHOOSER = "pack:tabletop/evaluation_encoder", "pack:tabletop/zero_shot"


def test_tables_of_two_models(dataset: Dataset) -> None:
    models = [load_text_model(resolve_pack(spec), device="cpu") for spec in (ENCODER, CHOOSER)]
    result = measured(dataset, models, resamples=500)
    assert [model.overlap for model in result.models] == [(), ("zero_shot",)]
    assert result.headline is not None
    assert result.headline.model == "transformers:evaluation_encoder"
    by_edit = {one.edit: one for one in result.measures}
    assert (by_edit["original"].edited, by_edit["original"].changed) == (0, 0)
    assert by_edit["grounded"].reversed == 1
    assert by_edit["grounded"].article_errors == by_edit["grounded"].persons == 0
    assert by_edit["oracle"].precision is not None
    assert by_edit["oracle"].precision.value == 1
    assert by_edit["false-attribute"].precision is not None
    assert by_edit["false-attribute"].precision.value == 0
    drops = {one.edit: one for one in result.models[0].results}
    assert drops["original"].drop is None
    assert drops["original"].no_ops == 1
    assert drops["grounded"].drop is not None
    assert set(drops["grounded"].net) == {"random-attribute", "oracle"}
    assert 0 < drops["original"].mrr.value <= 1
    text = written(result, "text")
    assert "overlap: zero_shot" in text
    assert "Held out, transformers:evaluation_encoder" in text
    assert "grounded" in text
    document = json.loads(written(result, "json"))
    assert document["headline"] == "transformers:evaluation_encoder"
    assert len(document["models"]) == 2
    assert len(list(csv.DictReader(io.StringIO(written(result, "csv"))))) == 2 * 5
    assert [plot["title"].split(" (")[0] for plot in document.pop("report")["plots"]] == [
        *(f"Drop of the MRR: {model.model}" for model in result.models)
    ]
    assert "own image among all 12 images" in text
    found = report(result).predictions.to_pylist()
    mean = {one.edit: one.mrr.value for one in result.models[0].results}
    mine = [row["score"] for row in found if (row["model"], row["edit"]) == (result.models[0].model, "grounded")]
    assert np.mean(mine) == pytest.approx(mean["grounded"])
    assert {row["key"] for row in found} <= set(dataset.table["key"].to_pylist())
    assert {name for name in names_of(document) if f"`{name}`" not in PAGE.read_text()} == set()


def names_of(document: object) -> set[str]:
    """The names of all fields, but for those that are names of edits, words, groups and the like."""
    if isinstance(document, list):
        return {name for one in document for name in names_of(one)}
    if not isinstance(document, dict):
        return set()
    keyed = ("by_group", "words", "reasons", "failed", "recall", "net", "cut")
    return set(document) | {
        name
        for key, value in document.items()
        for name in names_of(value if key not in keyed else list((value or {}).values()))
    }


@dataclass(frozen=True)
class Guesser:
    """A model that knows nothing, by id or digest; a text is cut where it has more than ``limit`` words."""

    name: str = "guesser"
    id: str = ""
    digest: str = ""
    limit: int = 100

    def images(self, images: Sequence[Image.Image]) -> FloatArray:
        return unit([np.asarray(image).tobytes() for image in images])

    def texts(self, texts: Sequence[str]) -> FloatArray:
        return unit([text.encode() for text in texts])

    def cut(self, texts: Sequence[str]) -> np.ndarray:
        return np.array([len(text.split()) > self.limit for text in texts])


def unit(items: list[bytes]) -> FloatArray:
    found = np.stack([np.random.default_rng(zlib.crc32(item)).normal(size=8) for item in items])
    return np.asarray(found / np.linalg.norm(found, axis=1, keepdims=True))


def altered(dataset: Dataset, change: Callable[[dict[str, Any]], None]) -> Dataset:
    """The dataset with rows that ``change`` has changed."""
    rows = dataset.table.to_pylist()
    for row in rows:
        change(row)
    return Dataset(dataset.store, dataset.manifest, pa.Table.from_pylist(rows, schema=dataset.table.schema))


def with_models(dataset: Dataset, **fields: str) -> Dataset:
    """The dataset with all of its models' records changed."""
    models = tuple(record.model_copy(update=fields) for record in dataset.manifest.models)
    return Dataset(dataset.store, dataset.manifest.model_copy(update={"models": models}), dataset.table)


def test_a_model_that_took_part_is_recognised_by_its_hub_id(dataset: Dataset) -> None:
    published = with_models(dataset, id="org/judge", revision="a" * 40)
    judge, other, nobody = Guesser("judge", id="org/judge"), Guesser("other", id="org/other"), Guesser("nobody")
    result = measured(published, [judge, nobody, other], resamples=50)
    assert [model.held_out for model in result.models] == ["no", "unknown", "yes"]
    assert (
        set(result.models[0].overlap)
        == set(result.models[1].undecided)
        == {record.role for record in dataset.manifest.models}
    )
    assert result.headline is not None
    assert result.headline.model == "other"
    assert [row["held_out"] for row in csv.DictReader(io.StringIO(written(result, "csv")))][:3] == [
        "no",
        "unknown",
        "yes",
    ]
    assert measured(published, [judge, nobody], resamples=50).headline is None


def test_all_captions_of_an_image_count_and_images_are_resampled(tmp_path: Path) -> None:
    result = measured(built(tmp_path / "out", "source.captions=3"), [Guesser()], resamples=100)
    assert (result.captions, result.images, result.pool) == (36, 12, 12)
    assert {one.captions for one in result.models[0].results} == {36}
    assert {one.mrr.n for one in result.models[0].results} == {12}


def test_an_image_that_several_sources_share_is_one_image(dataset: Dataset) -> None:
    first = dataset.table["source_sha256"][0].as_py()
    second = next(digest for digest in dataset.table["source_sha256"].to_pylist() if digest != first)

    def share(row: dict[str, Any]) -> None:
        row["source_sha256"] = first if row["source_sha256"] == second else row["source_sha256"]

    result = measured(altered(dataset, share), [Guesser()], resamples=50)
    assert (result.captions, result.images) == (12, 11)


def test_captions_that_contradict_their_image_are_not_searched_with(dataset: Dataset) -> None:
    sources = sorted(set(dataset.table["source_id"].to_pylist()))

    def contradict(row: dict[str, Any]) -> None:
        row["label"] = 2 if row["source_id"] in sources[:5] else 0

    result = measured(altered(dataset, contradict), [Guesser()], resamples=50)
    assert (result.captions, result.searched, result.images) == (12, 7, 12)
    assert {one.captions for one in result.models[0].results} == {7}
    assert {one.captions for one in result.models[0].classes} == {12}
    assert "7 captions (5 more contradict their image" in written(result, "text")
    none = measured(altered(dataset, lambda row: row.update(label=2)), [Guesser()], resamples=50)
    assert none.models[0].results == ()


def test_failed_rows_are_no_captions_without_an_edit(dataset: Dataset) -> None:
    sources = sorted(set(dataset.table["source_id"].to_pylist()))
    clean = {one.edit: one for one in measured(dataset, [], resamples=50).measures}

    def fail(row: dict[str, Any]) -> None:
        if (
            row["source_id"] == sources[0]
            or (row["source_id"] == sources[1] and row["edit"] == "grounded")
            or row["edit"] == "oracle"
        ):
            row.update(
                status="failed", reasons=["source_unreadable" if row["source_id"] == sources[0] else "proposer_error"]
            )

    result = measured(altered(dataset, fail), [Guesser()], resamples=50)
    measures = {one.edit: one for one in result.measures}
    assert measures["grounded"].planned == clean["grounded"].planned == 12
    assert measures["grounded"].failed == {"source_unreadable": 1, "proposer_error": 1}
    assert measures["grounded"].changed == measures["grounded"].edited / 10
    assert measures["original"].failed == {"source_unreadable": 1}
    assert measures["oracle"].changed is None
    found = {one.edit: one for one in result.models[0].results}
    assert {edit: one.captions for edit, one in found.items()} == {
        "original": 11,
        "grounded": 10,
        "random-attribute": 11,
        "false-attribute": 11,
    }
    assert found["grounded"].no_ops == 1 - measures["grounded"].edited / 10
    assert "grounded: failed: source_unreadable 1, proposer_error 1" in written(result, "text")
    rows = {row["edit"]: row for row in csv.DictReader(io.StringIO(written(result, "csv")))}
    assert (rows["grounded"]["failed"], rows["grounded"]["failed_reasons"]) == (
        "2",
        "source_unreadable:1 proposer_error:1",
    )
    assert rows["oracle"]["mrr"] == ""
    assert json.loads(written(result, "json"))["measures"][1]["failed"] == {"source_unreadable": 1, "proposer_error": 1}


def test_nothing_is_compared_where_all_captions_failed(dataset: Dataset) -> None:
    failed = altered(dataset, lambda row: row.update(status="failed", reasons=["source_unreadable"]))
    assert [one.changed for one in measured(failed, []).measures] == [None] * 5
    with pytest.raises(DataError, match="all unedited captions failed"):
        measured(failed, [Guesser()])


def test_texts_that_a_model_cuts_are_counted(dataset: Dataset) -> None:
    lengths = {edit: [len(row.text.split()) for row in rows] for edit, rows in read_rows(dataset).items()}
    limit = sorted(lengths["original"])[6]
    result = measured(dataset, [Guesser(limit=limit)], resamples=50)
    cut = {edit: sum(length > limit for length in mine) for edit, mine in lengths.items()}
    assert 0 < cut["original"] < cut["grounded"]
    assert result.models[0].cut == json.loads(written(result, "json"))["models"][0]["cut"] == cut
    assert {row["edit"]: int(row["cut"]) for row in csv.DictReader(io.StringIO(written(result, "csv")))} == cut
    line = next(
        line
        for line in written(result, "text").split("p: sign-flip")[0].splitlines()[::-1]
        if line.startswith("grounded")
    )
    assert line.split()[-1] == str(cut["grounded"])


def test_no_headline_for_models_that_took_part(dataset: Dataset) -> None:
    result = measured(dataset, [load_text_model(resolve_pack(CHOOSER), device="cpu")], resamples=200)
    assert result.headline is None
    assert "No headline" in written(result, "text")


def test_operations_are_undone_apart_from_what_applied_them(dataset: Dataset) -> None:
    for rows in read_rows(dataset).values():
        assert all(undo(row) == row.caption for row in rows if row.edited)


def test_images_are_found_by_their_digest(tmp_path: Path) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    source = open_source(load_recipe("xmai", overrides=("source.count=3",)).source, needs="captions")
    lines = []
    for record in source.records():
        Image.fromarray(source.load(record).image).save(folder / f"{record.id}.png")
        lines.append(json.dumps({"image": f"{record.id}.png", "texts": [record.captions[0].text]}) + "\n")
    (folder / "list.jsonl").write_text("".join(lines))
    recipe = load_recipe(
        "xmai",
        source=f"jsonl:{folder / 'list.jsonl'}",
        # Scenes of the pack's own world, which a list of files does not say.
        overrides=("shards=1", "output.image=reference", "generator.unknown_world=make", EDITS),
    )
    build(prepare(make_plan(recipe), tmp_path / "out", Placement(device="cpu")))
    model = load_text_model(resolve_pack(ENCODER), device="cpu")
    result = measured(open_dataset(tmp_path / "out"), [model], images=folder, resamples=100)
    assert result.captions == 3
    with pytest.raises(DataError, match="does not hold them"):
        measured(open_dataset(tmp_path / "out"), [model], resamples=100)


def features(images: list[np.ndarray] | None = None, texts: list[str] | None = None) -> np.ndarray:
    """A user's model: it knows how long texts and how bright images are."""
    return np.array(
        [[float(len(one)), 1.0] for one in texts or []] + [[float(one.mean()), 1.0] for one in images or []]
    )


def broken(**given: object) -> None:
    raise KeyError("no weights")


def wide(images: list[np.ndarray] | None = None, texts: list[str] | None = None) -> np.ndarray:
    """A user's model whose features of texts are one longer than those of images."""
    return np.ones((len(texts), 3)) if texts is not None else np.ones((len(images or []), 2))


def nothing(images: list[np.ndarray] | None = None, texts: list[str] | None = None) -> np.ndarray:
    return np.zeros((len(texts or images or []), 2))


def test_features_that_can_not_be_compared_are_refused(dataset: Dataset) -> None:
    with pytest.raises(ModelError, match="2 features of an image and 3 of a text") as caught:
        measured(dataset, [load_text_model(f"{__name__}:wide")], resamples=10)
    assert "wide" in str(caught.value)
    with pytest.raises(ModelError, match="zeros alone"):
        measured(dataset, [load_text_model(f"{__name__}:nothing")], resamples=10)


def test_a_users_function(dataset: Dataset) -> None:
    model = load_text_model(f"{__name__}:features")
    result = measured(dataset, [model], resamples=100)
    assert result.models[0].held_out == "unknown"
    assert result.models[0].cut is None
    assert result.headline is None
    assert "(unknown whether held out)" in written(result, "text")
    with pytest.raises(ModelError, match="no weights"):
        load_text_model(f"{__name__}:broken").texts(["a cube"])


@pytest.mark.parametrize("spec", ["nothing", "no.such.module:f", "transformers:/nowhere"])
def test_models_that_are_not_there(spec: str) -> None:
    with pytest.raises(ModelError):
        load_text_model(spec, device="cpu")


def test_other_datasets_are_refused(dataset: Dataset) -> None:
    manifest = make_manifest(make_sources(1), [])
    with pytest.raises(DataError, match="edits no captions"):
        read_rows(Dataset(dataset.store, manifest, dataset.table))


def test_intervals_of_drops_cover_the_truth() -> None:
    """Of 300 simulations about 95 % cover it."""
    rng = np.random.default_rng(1)
    covered = 0
    for _ in range(300):
        drop = paired_drop(rng.random(200), rng.random(200) - 0.1, resamples=400)
        covered += drop.low <= 0.1 <= drop.high
    assert 0.91 <= covered / 300 <= 0.98
