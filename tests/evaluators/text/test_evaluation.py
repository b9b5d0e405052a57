"""Evaluation of a real small dataset with the embedded encoder, and the rule of held-out models."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from evaluators.statistics import paired_drop, sign_flip
from evaluators.text import evaluate_texts, load_text_model, text_csv, text_html, text_json, text_table
from evaluators.text.rows import read_rows, undo
from flows.commands.dataset import resolve_pack
from generators.models.loading import Placement
from manifests import DataError, Dataset, ModelError, RequestError, open_dataset
from pipelines.build import build, prepare
from pipelines.plan import make_plan
from pipelines.recipe import load_recipe
from pipelines.sources import open_captions
from tests.manifests.builder import make_manifest, make_sources

EDITS = "generator.edits=[{name: original}, {name: grounded}, {name: random-attribute}, {name: oracle}, {name: false-attribute}]"


def built(out: Path, *overrides: str) -> Dataset:
    recipe = load_recipe("xmai", overrides=("source.count=12", "shards=1", EDITS, *overrides))
    build(prepare(make_plan(recipe), out, Placement(device="cpu")), progress=False)
    return open_dataset(out)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return built(tmp_path_factory.mktemp("captions") / "out")


ENCODER, CHOOSER = "pack:tabletop/evaluation_encoder", "pack:tabletop/zero_shot"


def test_tables_of_two_models(dataset: Dataset) -> None:
    models = [load_text_model(resolve_pack(spec), device="cpu") for spec in (ENCODER, CHOOSER)]
    result = evaluate_texts(dataset, models, progress=False, resamples=500)
    assert [model.overlap for model in result.models] == [(), ("zero_shot",)]
    assert result.headline is not None
    assert result.headline.model == "transformers:evaluation_encoder"
    by_edit = {one.edit: one for one in result.measures}
    assert by_edit["grounded"].reversed == 1
    assert by_edit["grounded"].article_errors == by_edit["grounded"].persons == 0
    assert by_edit["oracle"].precision is not None
    assert by_edit["oracle"].precision.value == 1
    assert by_edit["false-attribute"].precision is not None
    assert by_edit["false-attribute"].precision.value == 0
    drops = {one.edit: one for one in result.models[0].results}
    assert drops["original"].drop is None
    assert drops["grounded"].drop is not None
    assert set(drops["grounded"].net) == {"random-attribute", "oracle"}
    assert 0 < drops["original"].mrr.value <= 1
    text = text_table(result)
    assert "overlap: zero_shot" in text
    assert "Held out, transformers:evaluation_encoder" in text
    assert "grounded" in text
    document = json.loads(text_json(result))
    assert document["headline"] == "transformers:evaluation_encoder"
    assert len(document["models"]) == 2
    assert len(list(csv.DictReader(io.StringIO(text_csv(result))))) == 2 * 5
    assert text_html(result).count("<svg") == 2


def test_no_headline_for_models_that_took_part(dataset: Dataset) -> None:
    result = evaluate_texts(dataset, [load_text_model(resolve_pack(CHOOSER), device="cpu")], progress=False, resamples=200)
    assert result.headline is None
    assert "No headline" in text_table(result)


def test_operations_are_undone_apart_from_what_applied_them(dataset: Dataset) -> None:
    for rows in read_rows(dataset).values():
        assert all(undo(row) == row.caption for row in rows if row.edited)


def test_images_are_found_by_their_digest(tmp_path: Path) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    source = open_captions(load_recipe("xmai", overrides=("source.count=3",)).source)
    lines = []
    for record in source.records():
        Image.fromarray(source.load_captioned(record).image).save(folder / f"{record.id}.png")
        lines.append(json.dumps({"image": f"{record.id}.png", "texts": [record.captions[0].text]}) + "\n")
    (folder / "list.jsonl").write_text("".join(lines))
    recipe = load_recipe("xmai", source=f"jsonl:{folder / 'list.jsonl'}", overrides=("shards=1", "output.image=reference", EDITS))
    build(prepare(make_plan(recipe), tmp_path / "out", Placement(device="cpu")), progress=False)
    model = load_text_model(resolve_pack(ENCODER), device="cpu")
    result = evaluate_texts(open_dataset(tmp_path / "out"), [model], images=folder, progress=False, resamples=100)
    assert result.captions == 3
    with pytest.raises(DataError, match="does not hold them"):
        evaluate_texts(open_dataset(tmp_path / "out"), [model], progress=False, resamples=100)


def features(images: list[np.ndarray] | None = None, texts: list[str] | None = None) -> np.ndarray:
    """A user's model: it knows how long texts and how bright images are."""
    return np.array([[float(len(one)), 1.0] for one in texts or []] + [[float(one.mean()), 1.0] for one in images or []])


def broken(**given: object) -> None:
    raise KeyError("no weights")


def test_a_users_function(dataset: Dataset) -> None:
    model = load_text_model(f"{__name__}:features")
    assert evaluate_texts(dataset, [model], progress=False, resamples=100).models[0].overlap == ()
    with pytest.raises(ModelError, match="no weights"):
        load_text_model(f"{__name__}:broken").texts(["a cube"])


@pytest.mark.parametrize("spec", ["nothing", "no.such.module:f", "transformers:/nowhere"])
def test_models_that_are_not_there(spec: str) -> None:
    with pytest.raises(ModelError):
        load_text_model(spec, device="cpu")


def test_other_datasets_are_refused(dataset: Dataset) -> None:
    manifest = make_manifest(make_sources(1), [])
    with pytest.raises(DataError, match="edits no captions"):
        read_rows(Dataset(dataset._store, manifest, dataset.table))


def test_sign_flips() -> None:
    rng = np.random.default_rng(0)
    assert sign_flip(np.zeros(5)) == 1
    assert sign_flip(rng.normal(0.5, 1, 200)) < 0.001
    values = [sign_flip(rng.normal(0, 1, 30), resamples=200) for _ in range(200)]
    assert 0.4 < float(np.mean(values)) < 0.6
    with pytest.raises(RequestError):
        sign_flip([])


def test_intervals_of_drops_cover_the_truth() -> None:
    """Of 300 simulations about 95 % cover it."""
    rng = np.random.default_rng(1)
    covered = 0
    for _ in range(300):
        drop = paired_drop(rng.random(200), rng.random(200) - 0.1, resamples=400)
        covered += drop.low <= 0.1 <= drop.high
    assert 0.91 <= covered / 300 <= 0.98
