from __future__ import annotations

import numpy as np
import pytest

from generators.models.judge import ZeroShotJudge
from generators.models.loading import Models
from tests.generators.pictures import photo

TEXTS = ("a ball", "a cube", "a cone", "green grass")


@pytest.fixture(scope="module")
def judge(models: Models) -> ZeroShotJudge:
    return ZeroShotJudge(models)


def test_probabilities_sum_to_one(judge: ZeroShotJudge) -> None:
    probabilities = judge.probabilities([photo(1), photo(2, width=40, height=90)], TEXTS)
    assert probabilities.shape == (2, 4)
    assert probabilities.dtype == np.float32
    assert (probabilities > 0).all()
    assert probabilities.sum(axis=1) == pytest.approx([1, 1], abs=1e-6)


def test_other_images_in_the_list_do_not_matter(judge: ZeroShotJudge) -> None:
    images = [photo(seed) for seed in range(5)]
    together = judge.probabilities(images, TEXTS)
    for number, image in enumerate(images):
        assert judge.probabilities([image], TEXTS)[0] == pytest.approx(together[number], abs=1e-6)
    assert np.ptp(together, axis=0).max() > 1e-3


def test_order_of_the_texts_permutes_the_probabilities(judge: ZeroShotJudge) -> None:
    forwards, backwards = (judge.probabilities([photo(1)], texts)[0] for texts in (TEXTS, TEXTS[::-1]))
    assert forwards == pytest.approx(backwards[::-1], abs=1e-6)
    assert len(set(forwards.tolist())) == len(TEXTS)


def test_prompts_name_the_first_synonym(judge: ZeroShotJudge) -> None:
    assert judge.class_prompts(("cock, rooster", "ball")) == ("a photo of a cock", "a photo of a ball")


def test_open_vocabulary_knows_every_name(judge: ZeroShotJudge) -> None:
    assert judge.knows("goldfish")
