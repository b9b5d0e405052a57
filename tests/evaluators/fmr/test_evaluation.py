"""Denominators, curves, transfer and held-out verifiers on datasets whose truth is written into their pixels."""

from __future__ import annotations

from pathlib import Path

import pytest

from editmill.evaluators.fmr.evaluation import FmrEvaluation, evaluate_fmr
from editmill.evaluators.fmr.results import TargetResult
from editmill.manifests import DataError, Dataset
from tests.evaluators.builder import build as build_other
from tests.evaluators.builder import quick
from tests.evaluators.fmr.builder import DIGESTS, build, model, sources_of


def run(dataset: Dataset, *models: object) -> FmrEvaluation:
    return evaluate_fmr(dataset, models, quick(200))  # type: ignore[arg-type]


def result(evaluation: FmrEvaluation, target: str) -> TargetResult:
    return next(one for one in evaluation.targets if one.target == target)


def test_sa_and_pa_are_over_the_same_eligible_sources(tmp_path: Path) -> None:
    dataset = build(tmp_path, sources=10, ineligible=(0, 1))
    # Wrong on one eligible and one ineligible original, and on four pictures made for it.
    wrong = {"original": (0, 2), "ascent-vq-first-4": (2, 3, 4, 5)}
    first = model("first", lambda number, label: number in wrong.get(label, ()))
    one = result(run(dataset, first), "first")
    assert (one.n_sources, one.n_eligible, one.n_accepted, one.n_fallback, one.n_failed) == (
        10,
        8,
        8,
        0,
        {"source_ineligible": 2},
    )
    assert one.sa is not None
    assert (one.sa.value, one.sa.n) == (7 / 8, 8)
    assert [point.budget for point in one.curve] == [0, 1, 2, 4]
    assert [point.pa.value for point in one.curve] == [1, 1, 1, 4 / 8]
    last = one.curve[-1].fmr
    assert last is not None
    assert last.value == pytest.approx(100 * 4 / 7)
    assert last.drawn[0] < last.value < last.drawn[1]


def test_targeted_below_untargeted_is_a_paired_difference(tmp_path: Path) -> None:
    dataset = build(tmp_path, sources=24)
    wrong = model("first", lambda number, label: number < {"ascent-vq-first-4": 12, "random-vq-4": 4}.get(label, 0))
    one = result(run(dataset, wrong), "first")
    assert one.difference is not None
    assert one.difference.value == pytest.approx(8 / 24)
    assert one.difference.drawn[0] > 0
    # Eight sources are right after the walk alone, none after the ascent alone; the only test of the table.
    assert one.p_value == one.p_holm == pytest.approx(2 / 2**8)
    assert [point.budget for point in one.random] == [0, 1, 2, 4]
    assert one.random[-1].pa.value == pytest.approx(20 / 24)


def test_pictures_made_for_a_target_are_measured_with_its_own_weights(tmp_path: Path) -> None:
    found = run(build(tmp_path), model("second", sources_of("ascent-vq-second-4", (0, 1))))
    assert result(found, "first").curve == ()
    assert result(found, "first").model == ""
    assert result(found, "second").curve[-1].pa.value == 6 / 8
    assert any("no evaluated model has the weights of first" in line for line in found.warnings)


def test_the_transfer_matrix_has_every_model_on_every_set(tmp_path: Path) -> None:
    found = run(build(tmp_path), model("first", sources_of("ascent-vq-first-4", (0, 1, 2, 3))), model("second"))
    cells = {(one.target, one.model): (one.pa.value, one.own) for one in found.transfer}
    assert cells == {
        ("first", "first"): (0.5, True),
        ("first", "second"): (1, False),
        ("second", "first"): (1, False),
        ("second", "second"): (1, True),
    }


def test_verifiers_are_told_by_their_weights(tmp_path: Path) -> None:
    other, guard, unknown = (
        model("other", sources_of("ascent-vq-first-4", (0,))),
        model("guard", digest="3" * 64),
        model("unknown"),
    )
    object.__setattr__(unknown, "digest", "")
    found = run(build(tmp_path), model("first"), other, guard, unknown)
    assert {fact.model: fact.held_out for fact in found.models} == {
        "first": "no",
        "other": "yes",
        "guard": "no",
        "unknown": "unknown",
    }
    assert {(one.model, one.target): one.after.value for one in found.verifications} == {
        ("other", "first"): 7 / 8,
        ("other", "second"): 1,
    }
    assert any("zero_shot guard the pictures" in line for line in found.warnings)
    assert any("whether unknown was a target" in line for line in found.warnings)


@pytest.mark.parametrize("target_first", [True, False])
def test_models_of_one_name_are_told_apart_by_their_weights(tmp_path: Path, target_first: bool) -> None:
    target = model("classifier", sources_of("ascent-vq-first-4", (0, 1, 2, 3)), digest=DIGESTS["first"])
    other = model("classifier", sources_of("ascent-vq-first-4", (0,)))
    found = run(build(tmp_path), *((target, other) if target_first else (other, target)))
    names = ("classifier", "classifier-2") if target_first else ("classifier-2", "classifier")
    assert {fact.model: fact.held_out for fact in found.models} == dict(zip(names, ("no", "yes"), strict=True))
    # Only the model with other weights verifies, and what it says is its own.
    assert {(one.model, one.target): one.after.value for one in found.verifications} == {
        (names[1], "first"): 7 / 8,
        (names[1], "second"): 1,
    }
    assert {(one.model, one.target, one.own): one.pa.value for one in found.transfer} == {
        (names[0], "first", True): 4 / 8,
        (names[0], "second", False): 1,
        (names[1], "first", False): 7 / 8,
        (names[1], "second", False): 1,
    }
    assert result(found, "first").model == names[0]
    assert result(found, "first").curve[-1].pa.value == 4 / 8


def test_fall_backs_stand_outside_and_are_counted_as_published_beside(tmp_path: Path) -> None:
    dataset = build(tmp_path, sources=8, fallback=(0, 1, 2, 3))
    one = result(run(dataset, model("first", lambda number, label: label == "ascent-vq-first-4")), "first")
    assert (one.n_eligible, one.n_fallback) == (4, 4)
    assert one.curve[-1].pa.value == 0
    assert one.with_fallback is not None
    assert one.with_fallback.value == 0
    better = result(
        run(dataset, model("first", lambda number, label: label == "ascent-vq-first-4" and number >= 4)), "first"
    )
    assert better.with_fallback is not None
    assert better.with_fallback.value == 50


def test_validation_counts_steps_after_the_round_trip(tmp_path: Path) -> None:
    one = result(run(build(tmp_path, sources=8, stuck=(0, 1)), model("first")), "first")
    assert (one.n_accepted, one.completed) == (6, 6 / 8)
    assert one.validation_rate == pytest.approx(6 * 4 / (6 * 4 + 2))


def test_nothing_eligible_is_no_error_and_other_datasets_are(tmp_path: Path) -> None:
    one = result(run(build(tmp_path / "none", sources=3, ineligible=(0, 1, 2)), model("first")), "first")
    assert (one.n_eligible, one.validation_rate, one.completed, one.curve) == (0, None, None, ())
    with pytest.raises(DataError, match="ascends no latents"):
        run(build_other(tmp_path / "other", sources=2))
