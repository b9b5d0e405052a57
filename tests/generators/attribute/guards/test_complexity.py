"""The order of backgrounds by complexity."""

from __future__ import annotations

import numpy as np
import pytest

from editmill.generators.attribute.candidates import Candidate
from editmill.generators.attribute.complexity import measure_mid_band
from editmill.generators.attribute.guards.complexity import ComplexityGuard
from editmill.generators.attribute.guards.fixtures import busier, simpler
from editmill.generators.attribute.guards.limits import ComplexityRule
from editmill.generators.attribute.reasons import AttributeReason
from editmill.generators.base.guards import Verdict
from editmill.generators.compositing.composite import matte
from editmill.manifests.arrays import Picture
from tests.generators.pictures import disc, job, source

SOURCE = source()
ALPHA = matte(disc() / np.float32(255))
CONTROL = measure_mid_band(SOURCE.image, ALPHA)
BUSY, CALM = busier(SOURCE.image, ALPHA, np.random.default_rng(0)), simpler(SOURCE.image, ALPHA)


def check(
    image: Picture, *, level: float, name: str = "complexity", control: float | None = CONTROL, margin: float = 0.0
) -> Verdict:
    parameters = {} if control is None else {"complexity_control": control}
    candidate = Candidate(image, ALPHA, SOURCE.image, parameters=parameters)
    return ComplexityGuard(ComplexityRule(margin)).check(job(name, SOURCE, level=level), candidate, image)


@pytest.mark.parametrize("level", [20, 0.5])
def test_sides_of_the_control(level: float) -> None:
    assert check(BUSY, level=level).reasons == check(CALM, level=-level).reasons == ()
    assert check(BUSY, level=-level).reasons == check(CALM, level=level).reasons == (AttributeReason.COMPLEXITY_ORDER,)
    assert set(check(BUSY, level=level).scores) == set(ComplexityGuard.score_names)


def test_an_unchanged_background_is_on_neither_side() -> None:
    assert (
        check(SOURCE.image, level=1).reasons
        == check(SOURCE.image, level=-1).reasons
        == (AttributeReason.COMPLEXITY_ORDER,)
    )


def test_the_margin_has_to_be_passed() -> None:
    gain = measure_mid_band(BUSY, ALPHA) - CONTROL
    assert check(BUSY, level=1, margin=gain - 0.01).reasons == ()
    assert check(BUSY, level=1, margin=gain + 0.01).reasons == (AttributeReason.COMPLEXITY_ORDER,)


def test_other_edits_are_measured_only() -> None:
    verdict = check(BUSY, level=-1, name="adversarial")
    assert (verdict.reasons, set(verdict.scores)) == ((), {"complexity"})
    assert set(check(BUSY, level=-1, control=None).scores) == {"complexity"}


def test_without_background_there_is_no_measure() -> None:
    full = np.full_like(ALPHA, 255)
    candidate = Candidate(SOURCE.image, full, SOURCE.image, parameters={"complexity_control": 1.0})
    assert ComplexityGuard(ComplexityRule()).check(job("original", SOURCE), candidate, SOURCE.image) == Verdict({})
    verdict = ComplexityGuard(ComplexityRule()).check(job("complexity", SOURCE, level=1), candidate, SOURCE.image)
    assert "complexity" not in verdict.scores
    assert verdict.reasons == ()
