"""The rule: reasons to reject, from scores alone, so that it can be applied again to a finished dataset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum

from editmill.generators.base.reasons import Reason
from editmill.generators.guards.ensemble.gates import GATES, LABEL_GATES
from editmill.generators.guards.ensemble.limits import JOINT, Limits
from editmill.generators.guards.ensemble.settings import EnsembleSettings
from editmill.generators.guards.reasons import GuardReason
from editmill.manifests.errors import RequestError


def decide(
    scores: Mapping[str, float], class_name: str, settings: EnsembleSettings, limits: Limits | None = None
) -> tuple[StrEnum, ...]:
    """Return all reasons to reject, the decisive one first; none to accept.

    A class that calibration found unguardable, or whose label no judge knows, is ``source_ineligible``. Faults of
    pixels and what the safety checker said always bind; the rule puts together the calibrated gates only. Gates whose
    score is missing are left out.

    Args:
        scores: Of the candidate, from ``GuardEnsemble``.
        class_name: Its label.
        settings: Rule and limits.
        limits: Calibrated ones; None for the gates' own.

    Raises:
        RequestError: The calibrated rule has no calibration.
    """
    if settings.rule == "calibrated" and limits is None:
        raise RequestError(
            "the calibrated rule needs a calibration",
            where="guard.rule",
            fix="calibrate the guards, or use the rule all",
        )
    ineligible = limits is not None and class_name in limits.unguardable
    ineligible |= not any(GATES[gate].score in scores for gate in LABEL_GATES if gate in settings.gates)
    reasons = [*([Reason.SOURCE_INELIGIBLE] if ineligible else []), *_unusable(scores, settings)]
    reasons += gate_reasons(scores, class_name, settings, limits)
    return tuple(dict.fromkeys((*reasons, *_not_an_edit(scores, settings))))


def passes(gate: str, scores: Mapping[str, float], class_name: str, limits: Limits | None) -> bool | None:
    """Return whether one gate lets a picture pass; None where its score is missing.

    Its own limit binds where none was calibrated.
    """
    value = scores.get(GATES[gate].score)
    if value is None:
        return None
    least = None if limits is None else limits.least(gate, class_name)
    return value >= (GATES[gate].limit if least is None else least)


def gate_reasons(
    scores: Mapping[str, float], class_name: str, settings: EnsembleSettings, limits: Limits | None = None
) -> list[StrEnum]:
    """Return what the rule over the calibrated gates says; empty to accept."""
    least = limits.least(JOINT, class_name) if limits is not None and settings.rule == "calibrated" else None
    # Too few clean sources for a threshold of the product leave the gates themselves.
    if limits is not None and least is not None:
        return _joint_reasons(scores, least, settings.gates, limits)
    verdicts = {gate: passes(gate, scores, class_name, limits) for gate in settings.gates}
    failing = [gate for gate, passed in verdicts.items() if passed is False]
    voting = [gate for gate, passed in verdicts.items() if passed is not None]
    # Where fewer than k can be asked, all of them have to pass.
    if settings.rule == "k_of_n" and len(voting) - len(failing) >= min(settings.k, len(voting)):
        return []
    return [_reason(gate, scores) for gate in failing]


def _joint_reasons(scores: Mapping[str, float], least: float, gates: Sequence[str], limits: Limits) -> list[StrEnum]:
    found = limits.joint(gates, scores)
    if found is None or found[0] >= least:
        return []
    return [_reason(found[1], scores), GuardReason.LABEL_JOINT]


def _reason(gate: str, scores: Mapping[str, float]) -> StrEnum:
    """Return why a gate rejects: a judge that still prefers the label, but by too little, sees no other class."""
    won = gate in LABEL_GATES and scores[GATES[gate].score] >= 0
    return GuardReason.LABEL_MARGIN_LOW if won else GATES[gate].reason


def _unusable(scores: Mapping[str, float], settings: EnsembleSettings) -> list[StrEnum]:
    sane = (
        scores.get("finite", 1.0) > 0
        and scores.get("size_fits", 1.0) > 0
        and scores.get("contrast", settings.contrast) >= settings.contrast
        and scores.get("black_share", 0.0) <= settings.black
        and scores.get("correlation", 1.0) >= settings.correlation
        and scores.get("clipped_share", 0.0) <= settings.clipped
    )
    return [*([] if sane else [Reason.SANITY]), *([GuardReason.NSFW] if scores.get("unsafe", 0.0) > 0 else [])]


def _not_an_edit(scores: Mapping[str, float], settings: EnsembleSettings) -> list[StrEnum]:
    wrong = {
        GuardReason.OUTSIDE_MASK_CHANGED: settings.outside is not None
        and scores.get("background_change", 0.0) > settings.outside,
        GuardReason.NO_OP: scores.get("change", settings.change) < settings.change,
        GuardReason.EDIT_ABSENT: settings.direction is not None
        and scores.get("direction", settings.direction) < settings.direction,
        GuardReason.NEAR_SOURCE_COPY: settings.source_copy is not None
        and scores.get("source_cosine", -1.0) > settings.source_copy,
    }
    return [reason for reason, broken in wrong.items() if broken]
