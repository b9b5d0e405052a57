from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from scipy.special import expit

from editmill.generators.fmr.settings import StyleSettings
from editmill.generators.fmr.sparse_logistic import largest_penalty, sparse_logistic
from editmill.generators.fmr.style_mask import fit_style_mask
from editmill.manifests.arrays import Feature


def problem(seed: int) -> tuple[Feature, Feature]:
    random = np.random.default_rng(seed)
    features = random.normal(size=(40, 12))
    return features, (random.random(40) < expit(2 * features[:, 0] - features[:, 3])).astype(float)


@given(st.integers(0, 200), st.floats(0.05, 0.95))
@hypothesis_settings(max_examples=25)
def test_the_fit_meets_the_conditions_of_an_optimum(seed: int, share: float) -> None:
    features, targets = problem(seed)
    penalty = share * largest_penalty(features, targets)
    weights, intercept = sparse_logistic(features, targets, penalty, iterations=20_000, tolerance=1e-10)
    residual = expit(features @ weights + intercept) - targets
    slopes = features.T @ residual / len(targets)
    assert abs(residual.mean()) < 1e-5
    assert (np.abs(slopes) <= penalty + 1e-5).all()
    moved = weights != 0
    np.testing.assert_allclose(slopes[moved], -penalty * np.sign(weights[moved]), atol=1e-5)


def test_the_largest_penalty_leaves_nothing_and_a_smaller_one_something() -> None:
    features, targets = problem(1)
    largest = largest_penalty(features - features.mean(axis=0), targets)
    for penalty, empty in ((largest * 1.001, True), (largest * 0.9, False)):
        weights, _ = sparse_logistic(
            features - features.mean(axis=0), targets, penalty, iterations=5000, tolerance=1e-9
        )
        assert (not weights.any()) == empty


def test_the_mask_marks_what_the_restyling_changed() -> None:
    random = np.random.default_rng(3)
    originals = random.normal(size=(32, 4, 6, 6))
    restyled = originals + random.normal(scale=0.1, size=originals.shape)
    restyled[:, 1, :3] += 2
    mask = fit_style_mask(originals, restyled, StyleSettings(penalty=0.3))
    assert mask.shape == (4, 6, 6)
    assert mask.dtype == bool
    assert mask[1, :3].any()
    assert mask[1, :3].sum() >= 0.8 * mask.sum()
    assert mask.sum() < mask.size / 4
    assert np.array_equal(mask, fit_style_mask(originals, restyled, StyleSettings(penalty=0.3)))
    assert fit_style_mask(originals, restyled, StyleSettings(penalty=0.05)).sum() >= mask.sum()


def test_what_can_t_be_told_apart_is_an_error() -> None:
    originals = np.random.default_rng(0).normal(size=(4, 1, 2, 2))
    with pytest.raises(ValueError, match="no latent tells"):
        fit_style_mask(originals, originals, StyleSettings())
    with pytest.raises(ValueError, match="one shape"):
        fit_style_mask(originals, originals[:2], StyleSettings())


def test_constant_latents_get_no_weight() -> None:
    originals, restyled = np.ones((6, 1, 1, 2)), np.ones((6, 1, 1, 2))
    originals[:, 0, 0, 0], restyled[:, 0, 0, 0] = -1, 1
    assert fit_style_mask(originals, restyled, StyleSettings()).ravel().tolist() == [True, False]
