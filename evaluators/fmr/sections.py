"""The tables of an evaluation as cells of text, in reading order."""

from __future__ import annotations

from editmill.evaluators.figures import (
    SHARE_INTERVALS,
    SOURCE_INTERVALS,
    decimal_cells,
    drop_cells,
    p_text,
    percent,
    rate_cells,
)
from editmill.evaluators.fmr.evaluation import FmrEvaluation
from editmill.evaluators.fmr.results import Point, TargetResult
from editmill.evaluators.reporting import Section


def sections(evaluation: FmrEvaluation) -> list[Section]:
    """Return all tables, in reading order."""
    return [make(evaluation) for make in (_headline, _counts, _curves, _transfer, _verifiers, _models)]


def _headline(evaluation: FmrEvaluation) -> Section:
    head = [
        "network",
        "target",
        "eligible",
        "SA",
        "PA",
        "FMR",
        "95 %",
        "round trip",
        "random",
        "random - PA",
        "95 %",
        "p",
    ]
    notes = (
        "SA, PA: accuracy in % on the same eligible sources, originals and pictures made for this target;",
        f"FMR = 100 PA / SA and differences have {SOURCE_INTERVALS};",
        "round trip, random: accuracy of the same model on the controls; random - PA: above 0 where the ascent costs "
        "more than as many random steps, with an exact McNemar test (p), Holm-corrected over the lines of this table.",
    )
    rows = [_row(one) for one in evaluation.targets if one.sa and one.curve]
    return Section("Foundation model-oriented robustness", head, rows, notes)


def _row(one: TargetResult) -> list[str]:
    assert one.sa is not None
    last, walk = one.curve[-1], one.random[-1] if one.random else None
    return [
        one.network,
        one.target,
        str(one.n_eligible),
        percent(one.sa.value),
        percent(last.pa.value),
        *decimal_cells(last.fmr, 1),
        percent(one.curve[0].pa.value),
        percent(walk.pa.value if walk else None),
        *drop_cells(one.difference),
        p_text(one.p_holm),
    ]


def _counts(evaluation: FmrEvaluation) -> Section:
    head = ["network", "target", "sources", "eligible", "accepted", "fall-backs", "failed"]
    head += ["valid steps", "whole budget", "with fall-backs"]
    rows = [
        [
            one.network,
            one.target,
            *map(str, (one.n_sources, one.n_eligible, one.n_accepted, one.n_fallback)),
            ", ".join(f"{count} {reason}" for reason, count in one.n_failed.items()) or "0",
            percent(one.validation_rate),
            percent(one.completed),
            decimal_cells(one.with_fallback, 1)[0],
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
    notes = (f"0 steps: the round trip through the network; {SHARE_INTERVALS}.",)
    return Section("Accuracy over the budget", head, rows, notes)


def _point(point: Point) -> list[str]:
    return [*rate_cells(point.pa), *decimal_cells(point.fmr, 1)]


def _transfer(evaluation: FmrEvaluation) -> Section:
    places = dict.fromkeys((one.network, one.target) for one in evaluation.transfer)
    # Every place has a cell per model, in the models' order.
    cells = [
        percent(one.pa.value) + f" of {percent(one.sa.value)}" + ("*" if one.own else "") for one in evaluation.transfer
    ]
    models = [model.model for model in evaluation.models]
    rows = [[*place, *cells[at * len(models) : (at + 1) * len(models)]] for at, place in enumerate(places)]
    notes = (
        "rows: the target that pictures were made for; columns: accuracy in % on these pictures, of that on their "
        "originals; *: made for it.",
    )
    return Section("Transfer between models", ["network", "made for", *models], rows, notes)


def _verifiers(evaluation: FmrEvaluation) -> Section:
    rows = [
        [one.network, one.target, one.model, str(one.after.n), percent(one.before.value), *rate_cells(one.after)]
        for one in evaluation.verifications
    ]
    notes = (
        "agreement in % of models that neither are targets nor guard with the labels of the accepted pictures, and of "
        "their originals.",
    )
    head = ["network", "made for", "verifier", "n", "originals", "accepted", "95 %"]
    return Section("Held-out verifiers", head, rows, notes)


def _models(evaluation: FmrEvaluation) -> Section:
    rows = [
        [one.model, one.digest[:12] or "-", ", ".join(one.targets) or "-", ", ".join(one.guards) or "-", one.held_out]
        for one in evaluation.models
    ]
    return Section("Models", ["model", "digest", "target", "guards", "held out"], rows)
