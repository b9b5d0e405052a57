"""What calibration concludes from scores: thresholds, error rates and classes, without any model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from editmill.generators.guards.ensemble.conformal import lowest_scores, thresholds
from editmill.generators.guards.ensemble.gates import GATES, LABEL_GATES
from editmill.generators.guards.ensemble.limits import JOINT, Limits
from editmill.generators.guards.ensemble.platt import fit_curve
from editmill.generators.guards.ensemble.rates import Tally, interval
from editmill.generators.guards.ensemble.rule import decide, passes
from editmill.generators.guards.ensemble.settings import EnsembleSettings
from editmill.manifests.guard_report import (
    ENSEMBLE,
    SOURCELESS,
    ClassQuality,
    ErrorRate,
    GateCurve,
    GateThreshold,
    JudgeQuality,
)

OVERALL = "overall"
BINS = 15


@dataclass(frozen=True)
class Scored:
    """One picture whose truth is known, with its scores.

    Attributes:
        source: Id of the source that it was made of.
        class_name: The label that it is shown under.
        kind: How it was made.
        clean: Whether the label is right.
        fold: Number of the part of the sources that it belongs to.
        scores: Of ``GuardEnsemble``.
    """

    source: str
    class_name: str
    kind: str
    clean: bool
    fold: int
    scores: Mapping[str, float]


@dataclass(frozen=True)
class Fit:
    """Thresholds and probabilities of the gates whose scores are there."""

    gates: tuple[str, ...]
    thresholds: tuple[GateThreshold, ...]
    curves: tuple[GateCurve, ...]


def fit(scored: Sequence[Scored], settings: EnsembleSettings) -> Fit:
    """Return thresholds on clean pictures, each gate with its share of ``alpha``, and the product's with all of it.

    Curves on all pictures.
    """
    clean, wrong = [one for one in scored if one.clean], [one for one in scored if not one.clean]
    gates = tuple(gate for gate in settings.gates if any(GATES[gate].score in one.scores for one in clean))
    curves = tuple(
        fit_curve(gate, _column(clean, GATES[gate].score), _column(wrong, GATES[gate].score)) for gate in gates
    )
    limits = Limits.of((), curves)
    pictures = [(one.source, one.class_name, {**one.scores, **_joint(one, gates, limits)}) for one in clean]
    found: list[GateThreshold] = []
    for gate in (*gates, JOINT):
        lowest = lowest_scores(pictures, JOINT if gate == JOINT else GATES[gate].score)
        alpha = settings.alpha if gate == JOINT else settings.alpha / len(gates)
        found += thresholds(gate, lowest, alpha=alpha, least_sources=settings.least_sources)
    return Fit(gates, tuple(found), curves)


def _column(scored: Sequence[Scored], name: str) -> list[float]:
    return [one.scores[name] for one in scored if name in one.scores]


def _joint(one: Scored, gates: Sequence[str], limits: Limits) -> dict[str, float]:
    found = limits.joint(gates, one.scores)
    return {} if found is None else {JOINT: found[0]}


def recalls(scored: Sequence[Scored], gates: Sequence[str]) -> dict[str, dict[str, float]]:
    """Return by class the share of clean pictures on which each judge of the label prefers it."""
    found: dict[str, dict[str, float]] = {}
    for name in sorted({one.class_name for one in scored if one.clean}):
        mine = [one for one in scored if one.clean and one.class_name == name]
        columns = {gate: _column(mine, GATES[gate].score) for gate in LABEL_GATES if gate in gates}
        found[name] = {
            gate: float(np.mean([value > 0 for value in column])) for gate, column in columns.items() if column
        }
    return found


def unguardable(recall: Mapping[str, Mapping[str, float]], r_min: float) -> tuple[str, ...]:
    """Return classes that a judge of the label knows worse than ``r_min``, or that none knows."""
    return tuple(name for name, by_gate in recall.items() if min(by_gate.values(), default=0.0) < r_min)


class Figures:
    """Error rates by member and kind of picture.

    Args:
        settings: The rule.
        gates: The gates that count as members of their own.
        excluded: Classes that are not guarded, which figures of whole ensembles leave out.
    """

    def __init__(self, settings: EnsembleSettings, gates: Sequence[str], *, excluded: Sequence[str] = ()) -> None:
        self.settings, self.gates, self.excluded = settings, tuple(gates), frozenset(excluded)
        self._tallies: dict[tuple[bool, str, str], Tally] = {}
        self.passed: dict[str, list[bool]] = {}

    def add(self, one: Scored, limits: Limits | None) -> None:
        """Judge one picture by every member."""
        accepted = {gate: passes(gate, one.scores, one.class_name, limits) for gate in self.gates}
        accepted[ENSEMBLE] = not decide(one.scores, one.class_name, self.settings, limits)
        # What the ensemble is worth for pictures made from text, which have no source.
        sourceless = {name: value for name, value in one.scores.items() if name not in SOURCED_SCORES}
        accepted[SOURCELESS] = not decide(sourceless, one.class_name, self.settings, limits)
        if one.clean:
            self.passed.setdefault(one.class_name, []).append(bool(accepted[ENSEMBLE]))
        for member, yes in accepted.items():
            # No sample of an unguardable class is ever accepted, so the ensemble's figures leave those classes out; a
            # single member is measured on all, or one that knows no class would leave every other without a figure.
            left_out = member in (ENSEMBLE, SOURCELESS) and one.class_name in self.excluded
            if yes is not None and not left_out:
                for kind in (one.kind, OVERALL):
                    self._tallies.setdefault((one.clean, member, kind), Tally.empty()).add(one.source, yes != one.clean)

    def rates(self, *, clean: bool) -> tuple[ErrorRate, ...]:
        """Return false rejections of clean pictures, or false accepts of the others, the ensemble first and its overall
        figure before its kinds.
        """
        kinds = dict.fromkeys(kind for of, _, kind in self._tallies if of == clean)
        members, ordered = (ENSEMBLE, SOURCELESS, *self.gates), (OVERALL, *(kind for kind in kinds if kind != OVERALL))
        return tuple(
            self._tallies.get((clean, member, kind), Tally.empty()).rate(member, kind)
            for member in members
            for kind in ordered
        )


SOURCED_SCORES = frozenset(gate.score for gate in GATES.values() if gate.sourced)


def cross_fitted(
    scored: Sequence[Scored], settings: EnsembleSettings, gates: Sequence[str], excluded: Sequence[str]
) -> Figures:
    """Return figures in which every source is judged by limits from the other parts of the sources, so that none is
    judged by itself.
    """
    figures = Figures(settings, gates, excluded=excluded)
    for fold in sorted({one.fold for one in scored}):
        other = fit([one for one in scored if one.fold != fold], settings)
        limits = Limits.of(other.thresholds, other.curves)
        for one in scored:
            if one.fold == fold:
                figures.add(one, limits)
    return figures


def blind_members(rejections: Sequence[ErrorRate], accepts: Sequence[ErrorRate]) -> tuple[str, ...]:
    """Return measured members that do not surely reject label-destroying pictures more often than clean ones, such as a
    guard that is always true.
    """
    return tuple(
        wrong.member
        for clean, wrong in _overall(rejections, accepts)
        if 1 - wrong.high <= clean.high and _telling(clean, wrong)
    )


def unmeasured_members(rejections: Sequence[ErrorRate], accepts: Sequence[ErrorRate]) -> tuple[str, ...]:
    """Return members of which there are too few pictures to say whether they are blind, or none."""
    return tuple(wrong.member for clean, wrong in _overall(rejections, accepts) if not _telling(clean, wrong))


def _overall(rejections: Sequence[ErrorRate], accepts: Sequence[ErrorRate]) -> list[tuple[ErrorRate, ErrorRate]]:
    """Return the overall figures of every member on clean and on destroyed pictures."""
    clean = {one.member: one for one in rejections if one.kind == OVERALL}
    return [(clean[one.member], one) for one in accepts if one.kind == OVERALL]


def _telling(clean: ErrorRate, wrong: ErrorRate) -> bool:
    """Return whether a member that never errs on so many pictures would be found to see."""
    return 1 - interval(0, wrong.effective)[1] > interval(0, clean.effective)[1]


def class_qualities(
    scored: Sequence[Scored], recall: Mapping[str, Mapping[str, float]], figures: Figures, r_min: float
) -> tuple[ClassQuality, ...]:
    """Return one record per class, sorted by name."""
    bad = unguardable(recall, r_min)
    return tuple(
        ClassQuality(
            class_name=name,
            sources=len({one.source for one in scored if one.clean and one.class_name == name}),
            recall=dict(by_gate),
            passed=float(np.mean(figures.passed[name])),
            guardable=name not in bad,
        )
        for name, by_gate in recall.items()
    )


def judge_qualities(scored: Sequence[Scored], verifiers: Sequence[str]) -> tuple[JudgeQuality, ...]:
    """Return the top-1 accuracy and calibration error of every judge and verifier on clean pictures."""
    asked = {
        "zero_shot": "clip_top1",
        "zero_shot_2": "siglip_top1",
        **{role: f"verifier_{role}_agrees" for role in verifiers},
    }
    found = []
    for judge, right in asked.items():
        confidence = f"{right.rpartition('_')[0]}_confidence"
        mine = [one.scores for one in scored if one.clean and right in one.scores]
        if mine:
            hits, sure = np.array([one[right] for one in mine]), np.array([one[confidence] for one in mine])
            found.append(
                JudgeQuality(
                    judge=judge, pictures=len(mine), top1=float(hits.mean()), ece=calibration_error(sure, hits)
                )
            )
    return tuple(found)


def calibration_error(confidence: np.ndarray, right: np.ndarray) -> float:
    """Return the expected calibration error over 15 bins of equal width (Guo et al., arXiv 1706.04599, section 2), of
    arrays float [n] in [0, 1].
    """
    # A confidence of exactly 1 belongs to the last bin.
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    gaps = (abs(float((right - confidence)[bins == number].sum())) for number in range(BINS))
    return min(1.0, sum(gaps) / len(confidence))
