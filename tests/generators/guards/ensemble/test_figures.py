"""What calibration concludes from scores whose distribution is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from editmill.generators.guards.ensemble.figures import (
    OVERALL,
    Scored,
    blind_members,
    calibration_error,
    cross_fitted,
    fit,
    judge_qualities,
    recalls,
    unguardable,
    unmeasured_members,
)
from editmill.generators.guards.ensemble.limits import JOINT, Limits
from editmill.generators.guards.ensemble.settings import EnsembleSettings
from editmill.manifests.guard_report import ENSEMBLE, SOURCELESS, ErrorRate

GATES = ("label_clip", "label_siglip", "identity")
SETTINGS = EnsembleSettings(gates=GATES)


def drawn(count: int, *, seed: int = 0, classes: int = 2, apart: float = 8.0, constant: str = "") -> list[Scored]:
    """Scores N(0, 1) of two clean pictures and N(-``apart``, 1) of two others per source.

    Those of the score ``constant`` are always 1.
    """
    rng, found = np.random.default_rng(seed), []
    for number in range(count):
        for kind, clean in (("source", True), ("vq", True), ("swap", False), ("removed", False)):
            scores = {
                name: float(rng.normal(4 if clean else 4 - apart))
                for name in ("clip_margin", "siglip_margin", "identity")
            }
            if constant:
                scores[constant] = 1.0
            found.append(Scored(f"s{number}", f"class{number % classes}", kind, clean, number // classes % 2, scores))
    return found


def overall(rates: tuple[ErrorRate, ...], member: str) -> ErrorRate:
    return next(one for one in rates if (one.member, one.kind) == (member, OVERALL))


def test_alpha_is_shared_by_the_gates_that_have_a_say() -> None:
    found = fit(drawn(400), EnsembleSettings(gates=(*GATES, "object")))
    assert found.gates == GATES
    pooled = {one.gate: one for one in found.thresholds if not one.class_name}
    assert {gate: one.rank for gate, one in pooled.items()} == {**dict.fromkeys(GATES, 6), JOINT: 20}
    assert {one.class_name for one in found.thresholds} == {"", "class0", "class1"}
    assert all(one.slope > 0 for one in found.curves)


@pytest.mark.parametrize("rule", ["all", "k_of_n", "calibrated"])
def test_guards_that_see_the_label_are_found_good(rule: str) -> None:
    settings = SETTINGS.model_copy(update={"rule": rule, "k": 2})
    figures = cross_fitted(drawn(400), settings, GATES, ())
    rejections, accepts = figures.rates(clean=True), figures.rates(clean=False)
    assert overall(rejections, ENSEMBLE).rate <= 0.06
    assert overall(accepts, ENSEMBLE).upper <= 0.02
    assert (overall(accepts, ENSEMBLE).pictures, overall(accepts, ENSEMBLE).sources) == (800, 400)
    assert {one.kind for one in accepts} == {OVERALL, "swap", "removed"}
    assert blind_members(rejections, accepts) == ()


def test_what_is_said_of_false_accepts_holds_on_new_sources() -> None:
    first, second = drawn(300, apart=4.0), drawn(3000, seed=1, apart=4.0)
    told = overall(cross_fitted(first, SETTINGS, GATES, ()).rates(clean=False), ENSEMBLE)
    found = fit(first, SETTINGS)
    figures = cross_fitted([], SETTINGS, GATES, ())
    for one in second:
        figures.add(one, Limits.of(found.thresholds, found.curves))
    assert overall(figures.rates(clean=False), ENSEMBLE).rate <= told.upper
    assert overall(figures.rates(clean=True), ENSEMBLE).rate <= SETTINGS.alpha


@pytest.mark.parametrize(("score", "gate"), [("clip_margin", "label_clip"), ("identity", "identity")])
def test_a_guard_that_is_always_true_is_caught(score: str, gate: str) -> None:
    scored = drawn(100, constant=score)
    figures = cross_fitted(scored, SETTINGS, GATES, ())
    rejections, accepts = figures.rates(clean=True), figures.rates(clean=False)
    assert overall(accepts, gate).rate == 1
    assert blind_members(rejections, accepts) == (gate,)


def test_a_guard_that_is_drawn_by_lot_is_caught() -> None:
    lot = np.random.default_rng(5)
    scored = [
        Scored(one.source, one.class_name, one.kind, one.clean, one.fold, {**one.scores, "identity": lot.random()})
        for one in drawn(100)
    ]
    figures = cross_fitted(scored, SETTINGS, GATES, ())
    assert blind_members(figures.rates(clean=True), figures.rates(clean=False)) == ("identity",)


def test_figures_without_a_source_leave_identity_out() -> None:
    scored = [
        Scored(
            one.source,
            one.class_name,
            one.kind,
            one.clean,
            one.fold,
            {**one.scores, "identity": one.scores["identity"] if one.clean else -99.0},
        )
        for one in drawn(60, apart=0.0)
    ]
    accepts = cross_fitted(scored, SETTINGS, GATES, ()).rates(clean=False)
    assert overall(accepts, ENSEMBLE).rate == 0
    assert overall(accepts, SOURCELESS).rate > 0.5


def test_unguardable_classes_are_listed_and_left_out() -> None:
    scored = [
        Scored(one.source, one.class_name, one.kind, one.clean, one.fold, {**one.scores, "clip_margin": -1.0})
        if one.class_name == "class1"
        else one
        for one in drawn(80)
    ]
    recall = recalls(scored, GATES)
    assert recall["class0"] == {"label_clip": 1.0, "label_siglip": 1.0}
    bad = unguardable(recall, 0.5)
    assert bad == ("class1",)
    assert unguardable({"silent": {}}, 0.5) == ("silent",)
    assert overall(cross_fitted(scored, SETTINGS, GATES, bad).rates(clean=True), ENSEMBLE).pictures == 80


def with_score(scored: list[Scored], **scores: float) -> list[Scored]:
    return [replace(one, scores={**one.scores, **scores}) for one in scored]


def test_one_broken_judge_makes_no_other_member_blind() -> None:
    scored = with_score(drawn(80), clip_margin=-1.0)
    bad = unguardable(recalls(scored, GATES), 0.5)
    assert bad == ("class0", "class1")
    figures = cross_fitted(scored, SETTINGS, GATES, bad)
    rejections, accepts = figures.rates(clean=True), figures.rates(clean=False)
    assert {gate: overall(accepts, gate).pictures for gate in GATES} == dict.fromkeys(GATES, 160)
    assert (overall(rejections, "label_siglip").rate, overall(rejections, "label_clip").rate) == (0, 1)
    assert blind_members(rejections, accepts) == ("label_clip",)
    # No class is left for the ensemble: no evidence, which is not the same as blind.
    assert unmeasured_members(rejections, accepts) == (ENSEMBLE, SOURCELESS)


@pytest.mark.parametrize(("sources", "told"), [(4, False), (12, True)])
def test_few_pictures_say_nothing_of_a_guard(sources: int, told: bool) -> None:
    for constant in ("", "identity"):
        figures = cross_fitted(drawn(sources, constant=constant), SETTINGS, GATES, ())
        rejections, accepts = figures.rates(clean=True), figures.rates(clean=False)
        assert blind_members(rejections, accepts) == (("identity",) if constant and told else ())
        assert ("identity" in unmeasured_members(rejections, accepts)) == (not told)


def test_judges_on_clean_pictures() -> None:
    scores = {
        "clip_top1": 1.0,
        "clip_confidence": 0.8,
        "verifier_classifier_agrees": 0.0,
        "verifier_classifier_confidence": 0.5,
    }
    scored = [Scored("s", "ball", "source", True, 0, scores), Scored("s", "ball", "swap", False, 0, {"clip_top1": 0.0})]
    found = judge_qualities(scored, ("classifier",))
    assert [(one.judge, one.pictures, one.top1, round(one.ece, 6)) for one in found] == [
        ("zero_shot", 1, 1.0, 0.2),
        ("classifier", 1, 0.0, 0.5),
    ]


def test_calibration_error() -> None:
    confidence, right = np.repeat([0.95, 0.65], 100), np.r_[np.ones(95), np.zeros(5), np.ones(45), np.zeros(55)]
    assert calibration_error(confidence, right) == pytest.approx(0.1)
    assert calibration_error(np.array([1.0]), np.array([1.0])) == 0
