from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit, logit
from scipy.stats import norm

from editmill.evaluators.synthesis.answers import Answers
from editmill.evaluators.synthesis.robustness import Robustness, _Sides, effective_robustness


def answers(
    real: Mapping[str, int], generated: Mapping[str, int], *, n: int = 100, m: int = 100, baselines: Sequence[str] = ()
) -> Answers:
    """So many right answers of each model, to ``n`` real pictures and ``m`` from text, the first of each side."""
    right = [np.r_[np.arange(n) < real[name], np.arange(m) < generated[name]] for name in real]
    edits = np.array(["original"] * n + ["text"] * m)
    return Answers(tuple(real), tuple(name in baselines for name in real), np.array(right), edits, np.arange(n + m))


def robust(found: Answers, resamples: int = 20) -> dict[str, Robustness]:
    return {one.model: one for one in effective_robustness(found, resamples=resamples) if one.conditioning == "text"}


@given(
    n=st.sampled_from([8, 9, 20, 57, 1000]),
    shares=st.lists(st.floats(0, 1), min_size=4, max_size=7),
    named=st.booleans(),
)
def test_models_that_are_as_good_on_generated_pictures_have_none(n: int, shares: list[float], named: bool) -> None:
    counts = {str(number): round(share * n) for number, share in enumerate(shares)}
    found = robust(answers(counts, counts, n=n, m=n, baselines=list(counts)[:3] if named else ()), resamples=2)
    assert all(abs(one.value) < 1e-9 and abs(one.expected - one.shift) < 1e-9 for one in found.values())
    if len({*list(counts.values())[:3]}) > 1 and named:
        assert list(found) == list(counts)[3:]


def test_more_generated_pictures_than_real_ones_do_not_bend_the_line() -> None:
    real = {"a": 5, "b": 6, "c": 7, "d": 8}
    found = robust(answers(real, {name: 3 * count for name, count in real.items()}, n=8, m=24))
    assert [abs(one.value) < 1e-9 for one in found.values()] == [True] * 4


def test_models_on_another_line_have_none() -> None:
    real = {"a": 4000, "b": 5500, "c": 7000, "d": 8500, "e": 9500}
    generated = {name: round(10_000 * expit(0.8 * logit(count / 10_000) - 0.7)) for name, count in real.items()}
    found = robust(answers(real, generated, n=10_000, m=10_000), resamples=2)
    assert all(abs(one.value) < 0.0005 for one in found.values())
    lifted = robust(answers(real, {**generated, "c": generated["c"] + 500}, n=10_000, m=10_000), resamples=200)
    assert lifted["c"].value == pytest.approx(0.05, abs=0.0005)
    low, high = lifted["c"].low, lifted["c"].high
    assert low is not None
    assert high is not None
    assert 0.03 < low < 0.05 < high < 0.07


def test_the_judged_model_takes_no_part_in_its_line() -> None:
    real = {"a": 40, "b": 55, "c": 70, "d": 85}
    found = robust(answers(real, {**real, "d": 60}))
    assert found["d"].expected == pytest.approx(0.85)
    assert found["d"].value == pytest.approx(-0.25)
    assert [one.baselines for one in found.values()] == [3] * 4
    named = robust(answers(real, {**real, "d": 60}, baselines=("a", "b", "c")))
    assert list(named) == ["d"]
    assert named["d"].value == found["d"].value


def test_a_line_of_scattered_baselines_is_that_of_least_squares() -> None:
    rng = np.random.default_rng(4)
    n, names = 20_000, [str(number) for number in range(12)]
    x, y = rng.normal(0, 1, 12), rng.normal(0, 1, 12)
    y += x
    counts = [{name: round(n * expit(at)) for name, at in zip(names, side, strict=True)} for side in (x, y)]
    slope, intercept = np.polyfit(x[:-1], y[:-1], 1)
    found = robust(answers(*counts, n=n, m=n, baselines=names[:-1]), resamples=1)
    assert found["11"].expected == pytest.approx(expit(intercept + slope * x[-1]), abs=0.003)


def test_three_unequal_baselines_and_the_control_are_needed() -> None:
    real = {"a": 40, "b": 55, "c": 70}
    assert robust(answers(real, real)) == {}
    assert robust(answers({**real, "d": 80}, {**real, "d": 80}, baselines=("a", "b"))) == {}
    equal = {"a": 40, "b": 40, "c": 40, "d": 50}
    # The line of `d` would rest on equal models; those of the others do not.
    assert list(robust(answers(equal, equal))) == ["a", "b", "c"]
    bare = answers(equal, equal, n=0)
    assert effective_robustness(bare, resamples=5) == ()


def test_few_pictures_have_no_interval() -> None:
    real = {"a": 4, "b": 9, "c": 12, "d": 17}
    few, many = robust(answers(real, real, n=19, m=40)), robust(answers(real, real, n=20, m=40))
    assert {(one.low, one.high, one.n) for one in few.values()} == {(None, None, 19)}
    assert all(one.low is not None and one.high is not None and one.low < one.high for one in many.values())


def test_all_generated_pictures_come_last() -> None:
    real = {"a": 40, "b": 55, "c": 70, "d": 85}
    found = effective_robustness(answers(real, real), resamples=2)
    assert [one.conditioning for one in found] == ["text"] * 4 + [""] * 4


@pytest.mark.parametrize(("n", "named", "most"), [(24, False, 2.0), (48, True, 2.0)])
def test_models_on_the_line_have_none_on_average_and_within_their_intervals(n: int, named: bool, most: float) -> None:
    """Eight models whose accuracies lie on a line, on pictures that are easy or hard for all of them.

    A line of least squares to what was seen gives the weakest -10 and the strongest +3 points at 24 pictures.
    """
    rng = np.random.default_rng(n)
    x = np.linspace(0.3, 3, 8)
    chances = norm.ppf(np.repeat([expit(x), expit(x - 0.8)], n, axis=0)).T
    edits, names = np.array(["original"] * n + ["text"] * n), tuple(map(str, range(8)))
    values, covered = [], []
    for _ in range(80):
        right = np.sqrt(0.4) * rng.normal(size=2 * n) + np.sqrt(0.6) * rng.normal(size=(8, 2 * n)) < chances
        one = Answers(names, tuple(named and number % 2 == 0 for number in range(8)), right, edits, np.arange(2 * n))
        found = [effect for effect in effective_robustness(one, resamples=60) if effect.conditioning]
        values.append([effect.value * 100 for effect in found])
        covered += [effect.low <= 0 <= effect.high for effect in found if effect.low is not None and effect.high]
    assert abs(np.mean(values)) < most
    assert np.abs(np.mean(values, axis=0)).max() < 3 * most
    assert 0.88 <= np.mean(covered) <= 0.98


def test_the_scatter_that_is_taken_off_is_what_another_choice_of_pictures_adds() -> None:
    """Pictures are easy or hard for all models, and generated ones more often for those that their control was."""
    rng, n = np.random.default_rng(3), 400
    ease = np.tile(rng.normal(size=n), 2)
    # Equally good models, since logits of others are curved differently, which resampling shows as well.
    right = 0.6 * ease + 0.8 * rng.normal(size=(5, 2 * n)) < 0.4
    edits = np.array(["original"] * n + ["text"] * n)
    found = Answers(tuple("abcde"), (False,) * 5, right, edits, np.tile(np.arange(n), 2))
    sides = _Sides.of(found, edits == "original", edits == "text")

    def spreads(totals: np.ndarray) -> np.ndarray:
        x, y = (logit(sides._shrink(side)) for side in sides.accuracies(totals))
        return np.stack([(a * b).mean(axis=1) - a.mean(axis=1) * b.mean(axis=1) for a, b in ((x, x), (y, y), (x, y))])

    drawn = rng.multinomial(n, np.full(n, 1 / n), size=4000).astype(float)
    added = spreads(drawn @ sides.rows).mean(axis=1) - spreads(sides.rows.sum(axis=0)[None])[:, 0]
    noise = np.ravel(sides._noise(np.ones((1, 5))))
    assert noise == pytest.approx(added, rel=0.1, abs=0.0003)
    assert noise[:2].min() > 0.005
