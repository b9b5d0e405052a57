from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import RobertaConfig, RobertaForSequenceClassification

from editmill.generators.models.entailment import Entailment, label_columns
from editmill.manifests.errors import ModelError
from tests.generators.models.text_models import models_of, roberta_shape, roberta_tokenizer

PAIRS = [("a red cube", "a cube"), ("a cube", "a red cube"), ("a cube. " * 8, "a red cube")]
MNLI = ("CONTRADICTION", "NEUTRAL", "ENTAILMENT")


def write_classifier(folder: Path, labels: tuple[str, ...]) -> Path:
    torch.manual_seed(0)
    tokenizer = roberta_tokenizer()
    names = {"id2label": dict(enumerate(labels)), "label2id": {label: index for index, label in enumerate(labels)}}
    RobertaForSequenceClassification(RobertaConfig(**roberta_shape(tokenizer), **names)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def entailment(folder: Path) -> Entailment:
    return Entailment(models_of("nli", "transformers.RobertaForSequenceClassification", folder))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Entailment:
    return entailment(
        write_classifier(tmp_path_factory.mktemp("text") / "nli", ("entailment", "neutral", "contradiction"))
    )


def test_probabilities_agree_with_the_model(model: Entailment) -> None:
    found = model.probabilities(PAIRS)
    assert found.dtype == np.float32
    assert found.sum(axis=1) == pytest.approx(np.ones(3), abs=1e-6)
    for row, (premise, hypothesis) in zip(found, PAIRS, strict=True):
        with torch.inference_mode():
            expected = (
                model.model(**model.tokenizer(premise, hypothesis, return_tensors="pt")).logits[0].softmax(dim=-1)
            )
        assert row == pytest.approx(expected.numpy(), abs=1e-6)
    assert np.ptp(found, axis=0).max() > 1e-3


def test_the_model_may_order_its_labels_as_it_likes(model: Entailment, tmp_path: Path) -> None:
    reversed_labels = entailment(write_classifier(tmp_path / "mnli", MNLI))
    assert reversed_labels.probabilities(PAIRS) == pytest.approx(model.probabilities(PAIRS)[:, ::-1], abs=1e-6)
    assert label_columns({0: "contradiction", 1: "entailment", 2: "neutral"}) == [1, 2, 0]


def test_other_pairs_of_the_list_do_not_matter(model: Entailment) -> None:
    together = model.probabilities(PAIRS * 30)
    assert together[:3] == pytest.approx(np.concatenate([model.probabilities([pair]) for pair in PAIRS]), abs=1e-6)
    assert together[-3:] == pytest.approx(together[:3], abs=1e-6)


def test_other_labels_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="label_0"):
        entailment(write_classifier(tmp_path / "unnamed", ("LABEL_0", "LABEL_1", "LABEL_2")))


def test_long_and_no_pairs(model: Entailment) -> None:
    assert model.probabilities([("a cube. " * 100, "a red cube")]).shape == (1, 3)
    assert model.probabilities([]).shape == (0, 3)
