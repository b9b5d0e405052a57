"""Classification by thresholds on pair scores, and pair classifiers of published classes."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import (
    BertTokenizer,
    BlipConfig,
    BlipForImageTextRetrieval,
    BlipImageProcessor,
    BlipProcessor,
    ViltConfig,
    ViltForImageAndTextRetrieval,
    ViltImageProcessor,
    ViltProcessor,
)

from editmill.evaluators.image_text.models import load_text_model
from editmill.evaluators.image_text.pairs import PairClassifier
from editmill.evaluators.significance import holm
from editmill.evaluators.text.classification import classify, cross_fitted, decide, fit_thresholds, macro_f1
from editmill.flows.commands.dataset import resolve_pack
from editmill.manifests import Dataset
from tests.evaluators.builder import written
from tests.evaluators.text.test_evaluation import built, measured

TOKENS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "red", "ball", "on", "grass"]
TOWER = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}


def test_macro_f1_by_hand() -> None:
    # Label 0: precision 2/3, recall 1, F1 0.8; label 2: precision 1, recall 1/2, F1 2/3.
    assert macro_f1(np.array([0, 0, 2, 2]), np.array([0, 0, 0, 2])) == pytest.approx((0.8 + 2 / 3) / 2)


def test_thresholds_split_what_can_be_split() -> None:
    truth = np.array([0, 0, 1, 1, 2, 2])
    scores = np.array([0.9, 0.8, 0.5, 0.4, 0.1, 0.0])
    labels = np.unique(truth)
    assert decide(scores, fit_thresholds(scores, truth), labels).tolist() == truth.tolist()
    assert decide(np.array([1.0, 0.0]), (0.5,), np.array([0, 2])).tolist() == [0, 2]


def test_an_edit_that_hides_contradictions_costs_accuracy() -> None:
    rng = np.random.default_rng(0)
    truth = np.array([0, 2] * 40)
    clear = np.where(truth == 0, 1.0, 0.0) + rng.normal(0, 0.1, 80)
    scores = {"original": clear, "blind": rng.normal(0.5, 0.1, 80)}
    result = {one.edit: one for one in classify(scores, truth, np.arange(80), base="original", resamples=300)}
    assert result["original"].accuracy > 0.95
    assert result["original"].drop is None
    assert result["blind"].drop is not None
    assert result["blind"].drop.low > 0.2
    assert result["blind"].p_value is not None
    assert result["blind"].p_value < 0.001
    assert set(result["blind"].recall) == {"entailment", "contradiction"}


def test_nothing_is_said_of_one_label_or_few_captions() -> None:
    assert (
        classify({"original": np.zeros(20)}, np.zeros(20, np.int64), np.arange(20), base="original", resamples=10) == ()
    )
    assert (
        classify({"original": np.zeros(4)}, np.array([0, 2, 0, 2]), np.arange(4), base="original", resamples=10) == ()
    )
    assert (
        classify({"original": np.zeros(16)}, np.array([0, 2] * 8), np.arange(16) // 4, base="original", resamples=10)
        == ()
    )


def test_no_image_is_judged_by_thresholds_of_its_own_half() -> None:
    truth = np.array([0, 2] * 10)
    scores = np.where(truth == 0, 1.0, 0.0)
    said = cross_fitted({"original": scores}, truth, np.arange(20), base="original")["original"]
    assert (said == truth).all()


def test_captions_of_one_image_are_judged_together_and_tested_together() -> None:
    truth, images = np.array([0, 2] * 60), np.repeat(np.arange(12), 10)
    clear = np.where(truth == 0, 1.0, 0.0)
    scores = {"original": clear, "blind": np.where(images < 4, 1 - clear, clear)}
    by_image = classify(scores, truth, images, base="original", resamples=2000)[1]
    by_caption = classify(scores, truth, np.arange(120), base="original", resamples=2000)[1]
    assert by_image.drop is not None
    assert by_image.drop.n == 12
    assert by_image.p_value is not None
    assert by_caption.p_value is not None
    # Four of twelve images flip: as many captions, taken as independent, would be overwhelming.
    assert by_image.p_value > 0.05 > 1e-6 > by_caption.p_value


def test_failed_captions_do_not_count() -> None:
    truth = np.array([0, 2] * 10)
    clear = np.where(truth == 0, 1.0, 0.0)
    failed = np.where(np.arange(20) < 6, np.nan, clear)
    results = classify(
        {"original": clear, "some": failed, "all": np.full(20, np.nan)},
        truth,
        np.arange(20),
        base="original",
        resamples=100,
    )
    assert [(one.edit, one.captions, one.accuracy) for one in results] == [("original", 20, 1.0), ("some", 14, 1.0)]


def write_pair_classifier(folder: Path, name: str) -> Path:
    torch.manual_seed(0)
    tokenizer = BertTokenizer(vocab={token: index for index, token in enumerate(TOKENS)}, model_max_length=16)
    if name == "blip":
        text = {
            **TOWER,
            "vocab_size": len(TOKENS),
            "encoder_hidden_size": 16,
            "max_position_embeddings": 32,
            "bos_token_id": 2,
            "sep_token_id": 3,
        }
        config = BlipConfig(
            text_config=text, vision_config={**TOWER, "image_size": 32, "patch_size": 16}, image_text_hidden_size=8
        )
        BlipForImageTextRetrieval(config).save_pretrained(folder)
        BlipProcessor(BlipImageProcessor(size={"height": 32, "width": 32}), tokenizer).save_pretrained(folder)
    else:
        config = ViltConfig(**TOWER, vocab_size=len(TOKENS), image_size=32, patch_size=16, max_position_embeddings=32)
        ViltForImageAndTextRetrieval(config).save_pretrained(folder)
        ViltProcessor(ViltImageProcessor(size={"shortest_edge": 32}, size_divisor=16), tokenizer).save_pretrained(
            folder
        )
    return folder


@pytest.mark.parametrize("name", ["blip", "vilt"])
def test_pair_classifiers_score_pairs(name: str, tmp_path: Path) -> None:
    model = load_text_model(f"transformers:{write_pair_classifier(tmp_path / name, name)}", device="cpu")
    assert isinstance(model, PairClassifier)
    images = [Image.new("RGB", (40, 32), colour) for colour in ("red", "blue")]
    scores = model.scores(images, ["a red ball", "a ball on grass"])
    assert scores.shape == (2,)
    assert np.isfinite(scores).all()
    assert model.cut(["a red ball", "ball " * 40]).tolist() == [False, True]
    assert np.isfinite(model.scores(images, ["a red ball", "ball " * 40])).all()


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return built(tmp_path_factory.mktemp("labelled") / "out", "source.contradictions=0.5", "source.count=24")


def test_labelled_captions_are_classified(labelled: Dataset, tmp_path: Path) -> None:
    models = [
        load_text_model(resolve_pack("pack:tabletop/evaluation_encoder"), device="cpu"),
        load_text_model(f"transformers:{write_pair_classifier(tmp_path / 'blip', 'blip')}", device="cpu"),
    ]
    result = measured(labelled, models, resamples=200)
    encoder, pairs = result.models
    assert encoder.results
    assert not pairs.results
    assert {one.edit for one in encoder.classes} == {one.edit for one in pairs.classes} >= {"original", "grounded"}
    assert "macro F1" in written(result, "text")


def test_p_values_are_corrected_over_edits_and_models(labelled: Dataset) -> None:
    encoder = load_text_model(resolve_pack("pack:tabletop/evaluation_encoder"), device="cpu")
    blind = load_text_model("tests.evaluators.text.test_evaluation:features")
    result = measured(labelled, [encoder, blind], resamples=200)
    classes = [one for model in result.models for one in model.classes if one.p_value is not None]
    assert len(classes) == 8
    assert [one.p_holm for one in classes] == holm([one.p_value for one in classes if one.p_value is not None])
    rows = list(csv.DictReader(io.StringIO(written(result, "csv"))))
    assert {row["edit"] for row in rows if row["accuracy_p_holm"]} == {one.edit for one in classes}
