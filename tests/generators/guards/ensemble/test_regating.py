"""Which thresholds of an ensemble can be applied again, and what they say of stored scores."""

from __future__ import annotations

from editmill.generators.guards.ensemble.regating import EnsembleRegating
from editmill.generators.guards.ensemble.settings import EnsembleSettings
from editmill.manifests.guard_report import GateThreshold
from tests.manifests.builder import make_row, make_sources
from tests.manifests.test_guard_report import make_report

REGATING = EnsembleRegating()
SETTINGS = EnsembleSettings(gates=("label_clip", "label_siglip", "identity"))
SCORES = {"clip_margin": 3.0, "siglip_margin": 2.0, "contrast": 30.0, "identity": 0.6, "change": 9.0}
ROW = make_row(make_sources(1)[0], "original")


def judged(settings: EnsembleSettings, least: float | None = None) -> tuple[str, ...]:
    report = None
    if least is not None:
        one = GateThreshold(
            gate="identity", class_name="", sources=100, rank=5, own=least, threshold=least, origin="pooled"
        )
        report = make_report(thresholds=(one,), gates=settings.gates, classes=())
    decision = REGATING.judge(settings, report)(ROW, SCORES, ())
    assert decision.scores == SCORES
    return decision.reasons


def test_thresholds_are_the_gates_own_or_a_report_s() -> None:
    assert judged(SETTINGS) == judged(SETTINGS, 0.5) == ()
    assert judged(SETTINGS, 0.7) == ("identity_dino",)
    assert judged(SETTINGS.model_copy(update={"change": 10.0})) == ("no_op",)
    assert REGATING.reported


def test_a_change_reads_the_scores_of_its_fields_and_of_added_gates() -> None:
    assert REGATING.needed(SETTINGS, SETTINGS) == {}
    after = SETTINGS.model_copy(update={"outside": 3.0, "gates": ("label_clip", "object")})
    assert REGATING.needed(SETTINGS, after) == {
        "background_change": "guard.outside",
        "object_margin": "guard.gates (object)",
    }


def test_every_field_is_applied_or_says_why_not_or_is_about_measuring() -> None:
    fields = set(EnsembleSettings.model_fields)
    assert REGATING.limited.keys() | REGATING.why_not.keys() <= fields
    assert not REGATING.limited.keys() & REGATING.why_not.keys()
    measured = {"kind", "verifiers", "confusables", "backgrounds", "templates", "batch", "segment"}
    assert fields - REGATING.limited.keys() - REGATING.why_not.keys() == measured
