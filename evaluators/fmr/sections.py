"""The tables of an evaluation as cells of text, which both the text and the page lay out."""

from __future__ import annotations

from editmill.evaluators.fmr.evaluation import FmrEvaluation
from editmill.evaluators.fmr.results import Point, TargetResult
from editmill.evaluators.layout import percent, points, points_range, share_text
from editmill.evaluators.sections import Section
from editmill.evaluators.statistics import Estimate


def sections(evaluation: FmrEvaluation) -> list[Section]:
    """Return all tables that have a row, in reading order."""
    makers = (_headline, _counts, _curves, _transfer, _verifiers, _models)
    return [section for section in (make(evaluation) for make in makers) if section.rows]


def _headline(evaluation: FmrEvaluation) -> Section:
    head = ["network", "target", "eligible", "SA", "PA", "FMR", "95 %", "round trip", "random", "random - PA", "95 %"]
    notes = (
        "SA, PA: accuracy in % on the same eligible sources, originals and pictures made for this target; FMR = 100 "
        "PA / SA, bootstrapped by source;",
        "round trip, random: accuracy of the same model on the controls; random - PA: above 0 where the ascent costs "
        "more than as many random steps.",
    )
    return Section(
        "Foundation model-oriented robustness",
        head,
        [_row(one) for one in evaluation.targets if one.sa and one.curve],
        notes,
    )


def _row(one: TargetResult) -> list[str]:
    assert one.sa is not None
    last, walk = one.curve[-1], one.random[-1] if one.random else None
    return [
        one.network,
        one.target,
        str(one.n_eligible),
        percent(one.sa.value),
        percent(last.pa.value),
        *_fmr(last.fmr),
        percent(one.curve[0].pa.value),
        percent(walk.pa.value) if walk else "-",
        points(one.difference.value) if one.difference else "-",
        points_range(one.difference) if one.difference else "-",
    ]


def _fmr(estimate: Estimate | None) -> list[str]:
    return ["-", "-"] if estimate is None else [f"{estimate.value:.1f}", f"[{estimate.low:.1f}, {estimate.high:.1f}]"]


def _counts(evaluation: FmrEvaluation) -> Section:
    head = [
        "network",
        "target",
        "sources",
        "eligible",
        "accepted",
        "fall-backs",
        "failed",
        "valid steps",
        "whole budget",
        "with fall-backs",
    ]
    rows = [
        [
            one.network,
            one.target,
            str(one.n_sources),
            str(one.n_eligible),
            str(one.n_accepted),
            str(one.n_fallback),
            ", ".join(f"{count} {reason}" for reason, count in one.n_failed.items()) or "0",
            share_text(one.validation_rate),
            share_text(one.completed),
            _fmr(one.with_fallback)[0],
        ]
        for one in evaluation.targets
    ]
    notes = (
        "eligible: the guard lets the round trip pass; accepted: at least one step beyond it; valid steps: share that "
        "the guard let pass;",
        "whole budget: share of the eligible sources that spent it; with fall-backs: FMR if originals counted where "
        "the round trip was refused.",
    )
    return Section("Sources and validation", head, rows, notes)


def _curves(evaluation: FmrEvaluation) -> Section:
    head = ["network", "target", "made by", "steps", "accuracy", "95 %", "of SA", "95 %"]
    rows = [
        [one.network, one.target, name, str(point.budget), *_point(point)]
        for one in evaluation.targets
        for name, curve in (("ascent", one.curve), ("random", one.random))
        for point in curve
    ]
    return Section("Accuracy over the budget", head, rows, ("0 steps: the round trip through the network.",))


def _point(point: Point) -> list[str]:
    return [percent(point.pa.value), f"[{percent(point.pa.low)}, {percent(point.pa.high)}]", *_fmr(point.fmr)]


def _transfer(evaluation: FmrEvaluation) -> Section:
    models = list(dict.fromkeys(one.model for one in evaluation.transfer))
    cells = {(one.network, one.target, one.model): one for one in evaluation.transfer}
    rows = []
    for network, target in dict.fromkeys((one.network, one.target) for one in evaluation.transfer):
        found = [cells[network, target, model] for model in models]
        rows.append(
            [
                network,
                target,
                *(percent(one.pa.value) + f" of {percent(one.sa.value)}" + ("*" if one.own else "") for one in found),
            ]
        )
    notes = (
        "rows: the target that pictures were made for; columns: accuracy in % on these pictures, of that on their "
        "originals; *: made for it.",
    )
    return Section("Transfer between models", ["network", "made for", *models], rows, notes)


def _verifiers(evaluation: FmrEvaluation) -> Section:
    rows = [
        [
            one.network,
            one.target,
            one.model,
            str(one.after.n),
            percent(one.before.value),
            percent(one.after.value),
            f"[{percent(one.after.low)}, {percent(one.after.high)}]",
        ]
        for one in evaluation.verifications
    ]
    notes = (
        "agreement in % of models that neither are targets nor guard with the labels of the accepted pictures, and of "
        "their originals.",
    )
    return Section(
        "Held-out verifiers", ["network", "made for", "verifier", "n", "originals", "accepted", "95 %"], rows, notes
    )


def _models(evaluation: FmrEvaluation) -> Section:
    rows = [
        [one.model, one.digest[:12] or "-", ", ".join(one.targets) or "-", ", ".join(one.guards) or "-", one.held_out]
        for one in evaluation.models
    ]
    return Section("Models", ["model", "digest", "target", "guards", "held out"], rows)
