"""The rule over scores: every reason, the three ways of putting gates together, and calibrated limits."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from editmill.generators.base.reasons import Reason
from editmill.generators.guards.ensemble.gates import GATES
from editmill.generators.guards.ensemble.limits import JOINT, Limits
from editmill.generators.guards.ensemble.rule import decide, passes
from editmill.generators.guards.ensemble.settings import EnsembleSettings
from editmill.generators.guards.reasons import GuardReason
from editmill.manifests.errors import RequestError

SETTINGS = EnsembleSettings()
GOOD = {
    "finite": 1.0,
    "unsafe": 0.0,
    "size_fits": 1.0,
    "clipped_share": 0.0,
    "contrast": 40.0,
    "black_share": 0.0,
    "correlation": 0.9,
    "change": 20.0,
    "source_cosine": 0.9,
    "background_change": 20.0,
    "direction": 0.3,
    "clip_margin": 3.0,
    "clip_margin_worst": 2.0,
    "siglip_margin": 3.0,
    "siglip_margin_worst": 2.0,
    "siglip_odds": 2.0,
    "identity": 0.9,
    "object_margin": 2.0,
    "mask_iou": 0.9,
}


def reasons(
    settings: EnsembleSettings = SETTINGS, limits: Limits | None = None, **changed: float
) -> tuple[Reason, ...]:
    return decide({**GOOD, **changed}, "ball", settings, limits)


def settings(**changed: Any) -> EnsembleSettings:
    return EnsembleSettings(**changed)


def test_a_good_picture_passes() -> None:
    assert reasons() == ()


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("finite", 0.0, Reason.SANITY),
        ("size_fits", 0.0, Reason.SANITY),
        ("contrast", 0.5, Reason.SANITY),
        ("black_share", 0.5, Reason.SANITY),
        ("correlation", 0.1, Reason.SANITY),
        ("clipped_share", 0.5, Reason.SANITY),
        ("unsafe", 1.0, GuardReason.NSFW),
        ("change", 0.1, GuardReason.NO_OP),
        ("clip_margin", -1.0, GuardReason.LABEL_CLIP),
        ("siglip_margin", -1.0, GuardReason.LABEL_SIGLIP),
        ("siglip_odds", -1.0, GuardReason.LABEL_SIGLIP),
        ("identity", 0.2, GuardReason.IDENTITY_DINO),
        ("object_margin", -1.0, GuardReason.OBJECT_LOST),
        ("clip_margin_worst", -1.0, GuardReason.GUARD_UNSTABLE),
    ],
)
def test_each_score_has_its_reason(name: str, value: float, reason: Reason) -> None:
    assert reasons(**{name: value}) == (reason,)


def test_optional_limits() -> None:
    assert reasons(settings(outside=5.0)) == (GuardReason.OUTSIDE_MASK_CHANGED,)
    assert reasons(settings(direction=0.5)) == (GuardReason.EDIT_ABSENT,)
    assert reasons(settings(source_copy=0.75)) == (GuardReason.NEAR_SOURCE_COPY,)
    assert reasons(settings(gates=("label_clip", "mask_iou"), segment=True), mask_iou=0.5) == (GuardReason.MASK_IOU,)


def test_all_reasons_are_kept_the_decisive_one_first() -> None:
    assert reasons(unsafe=1.0, clip_margin=-1.0, change=0.0) == (
        GuardReason.NSFW,
        GuardReason.LABEL_CLIP,
        GuardReason.NO_OP,
    )


def test_gates_without_their_score_have_no_say() -> None:
    scores = {name: value for name, value in GOOD.items() if name not in ("identity", "object_margin")}
    assert decide(scores, "ball", SETTINGS) == ()
    assert passes("identity", scores, "ball", None) is None


def test_a_label_that_no_judge_knows_is_ineligible() -> None:
    scores = {name: value for name, value in GOOD.items() if not name.startswith(("clip_margin", "siglip"))}
    assert decide(scores, "ball", SETTINGS) == (Reason.SOURCE_INELIGIBLE,)


def test_an_unguardable_class_is_ineligible() -> None:
    assert reasons(limits=Limits({}, unguardable=frozenset({"ball"}))) == (Reason.SOURCE_INELIGIBLE,)
    assert reasons(limits=Limits({}, unguardable=frozenset({"cube"}))) == ()


def test_limits_of_the_class_come_before_the_pooled_ones() -> None:
    limits = Limits({("label_clip", ""): 5.0, ("label_clip", "ball"): 1.0, ("label_siglip", ""): 4.0})
    # The judge still prefers the label, but by too little.
    assert reasons(limits=limits) == (GuardReason.LABEL_MARGIN_LOW,)
    assert decide({**GOOD, "siglip_margin": 4.5}, "cube", SETTINGS, limits) == (GuardReason.LABEL_MARGIN_LOW,)
    assert reasons(limits=Limits({("label_clip", "ball"): -2.0}), clip_margin=-1.0) == ()


def test_a_gate_without_a_calibrated_limit_keeps_its_own() -> None:
    limits = Limits({("identity", ""): None})
    assert reasons(limits=limits, identity=GATES["identity"].limit - 0.1) == (GuardReason.IDENTITY_DINO,)


def test_k_of_n() -> None:
    four = settings(rule="k_of_n", k=4)
    assert reasons(four, identity=0.0, object_margin=-1.0) == ()
    assert reasons(four, identity=0.0, object_margin=-1.0, clip_margin=-1.0) == (
        GuardReason.LABEL_CLIP,
        GuardReason.IDENTITY_DINO,
        GuardReason.OBJECT_LOST,
    )
    # Faults of pixels are no votes.
    assert reasons(four, unsafe=1.0) == (GuardReason.NSFW,)


def test_k_is_at_most_the_number_of_votes() -> None:
    scores = {name: GOOD[name] for name in ("clip_margin", "identity")}
    assert decide(scores, "ball", settings(rule="k_of_n", k=4)) == ()
    assert decide({**scores, "identity": 0.0}, "ball", settings(rule="k_of_n", k=4)) == (GuardReason.IDENTITY_DINO,)


def test_the_product_weighs_gates_against_each_other() -> None:
    calibrated = settings(rule="calibrated", gates=("label_clip", "identity"))
    curves = {"label_clip": (1.0, 0.0), "identity": (10.0, -5.0)}
    limits = Limits({(JOINT, "ball"): -1.0}, curves)
    assert reasons(calibrated, limits) == ()
    # A little doubt of one gate passes where the other is sure, and none passes with both.
    assert reasons(calibrated, limits, clip_margin=0.5) == ()
    assert reasons(calibrated, limits, clip_margin=0.5, identity=0.5) == (
        GuardReason.IDENTITY_DINO,
        GuardReason.LABEL_JOINT,
    )


def test_the_product_needs_a_calibration() -> None:
    with pytest.raises(RequestError, match="needs a calibration"):
        reasons(settings(rule="calibrated"))


def test_without_a_threshold_of_the_product_the_gates_bind() -> None:
    assert reasons(settings(rule="calibrated"), Limits({(JOINT, ""): None}), clip_margin=-1.0) == (
        GuardReason.LABEL_CLIP,
    )


@given(
    st.dictionaries(st.sampled_from(sorted(GOOD)), st.floats(-50, 50)),
    st.sampled_from(sorted(one.score for one in GATES.values())),
)
def test_a_better_score_never_adds_a_reason(changed: dict[str, float], name: str) -> None:
    scores = {**GOOD, **changed}
    better = {**scores, name: scores[name] + 1.0}
    assert bool(decide(scores, "ball", SETTINGS)) >= bool(decide(better, "ball", SETTINGS))
