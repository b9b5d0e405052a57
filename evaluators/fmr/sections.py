"""The tables of an evaluation, in reading order."""

from __future__ import annotations

from editmill.evaluators.figures import SHARE_INTERVALS, SOURCE_INTERVALS, percent_text
from editmill.evaluators.fmr.evaluation import FmrEvaluation
from editmill.evaluators.fmr.results import TargetResult
from editmill.evaluators.tables import Cell, Table, count, decimal, p_value, percent, points, words

_PLACE = [words("network"), words("target")]


def sections(evaluation: FmrEvaluation) -> list[Table]:
    """Return all tables, in reading order."""
    return [make(evaluation) for make in (_headline, _counts, _curves, _transfer, _verifiers, _models)]


def _headline(evaluation: FmrEvaluation) -> Table:
    columns = [*_PLACE, count("eligible"), percent("SA"), percent("PA"), decimal("FMR", 1, interval="95 %")]
    columns += [percent("round trip"), percent("random"), points("random - PA", interval="95 %"), p_value("p")]
    notes = (
        "SA, PA: accuracy in % on the same eligible sources, originals and pictures made for this target;",
        f"FMR = 100 PA / SA and differences have {SOURCE_INTERVALS};",
        "round trip, random: accuracy of the same model on the controls; random - PA: above 0 where the ascent costs "
        "more than as many random steps, with an exact McNemar test (p), Holm-corrected over the lines of this table.",
    )
    rows = [_row(one) for one in evaluation.targets if one.sa and one.curve]
    return Table("Foundation model-oriented robustness", columns, rows, notes)


def _row(one: TargetResult) -> list[Cell]:
    assert one.sa is not None
    last, walk = one.curve[-1], one.random[-1] if one.random else None
    return [
        one.network,
        one.target,
        one.n_eligible,
        one.sa.value,
        last.pa.value,
        last.fmr,
        one.curve[0].pa.value,
        walk.pa.value if walk else None,
        one.difference,
        one.p_holm,
    ]


def _counts(evaluation: FmrEvaluation) -> Table:
    columns = [*_PLACE, *map(count, ("sources", "eligible", "accepted", "fall-backs")), words("failed")]
    columns += [percent("valid steps"), percent("whole budget"), decimal("with fall-backs", 1)]
    rows: list[list[Cell]] = [
        [
            one.network,
            one.target,
            *(one.n_sources, one.n_eligible, one.n_accepted, one.n_fallback),
            ", ".join(f"{number} {reason}" for reason, number in one.n_failed.items()) or "0",
            one.validation_rate,
            one.completed,
            one.with_fallback,
        ]
        for one in evaluation.targets
    ]
    notes = (
        "eligible: the guard lets the round trip pass; accepted: at least one step beyond it; valid steps: share that "
        "the guard let pass;",
        "whole budget: share of the eligible sources that spent it; with fall-backs: FMR if originals counted where "
        "the round trip was refused.",
    )
    return Table("Sources and validation", columns, rows, notes)


def _curves(evaluation: FmrEvaluation) -> Table:
    columns = [*_PLACE, words("made by"), count("steps"), percent("accuracy", interval="95 %")]
    columns += [decimal("of SA", 1, interval="95 %")]
    rows: list[list[Cell]] = [
        [one.network, one.target, name, point.budget, point.pa, point.fmr]
        for one in evaluation.targets
        for name, curve in (("ascent", one.curve), ("random", one.random))
        for point in curve
    ]
    notes = (f"0 steps: the round trip through the network; {SHARE_INTERVALS}.",)
    return Table("Accuracy over the budget", columns, rows, notes)


def _transfer(evaluation: FmrEvaluation) -> Table:
    places = dict.fromkeys((one.network, one.target) for one in evaluation.transfer)
    # Every place has a cell per model, in the models' order.
    cells = [
        f"{percent_text(one.pa.value)} of {percent_text(one.sa.value)}" + ("*" if one.own else "")
        for one in evaluation.transfer
    ]
    models = [model.model for model in evaluation.models]
    rows = [[*place, *cells[at * len(models) : (at + 1) * len(models)]] for at, place in enumerate(places)]
    notes = (
        "rows: the target that pictures were made for; columns: accuracy in % on these pictures, of that on their "
        "originals; *: made for it.",
    )
    columns = [words("network"), words("made for"), *map(words, models)]
    return Table("Transfer between models", columns, rows, notes)


def _verifiers(evaluation: FmrEvaluation) -> Table:
    rows: list[list[Cell]] = [
        [one.network, one.target, one.model, one.after.n, one.before.value, one.after]
        for one in evaluation.verifications
    ]
    notes = (
        "agreement in % of models that neither are targets nor guard with the labels of the accepted pictures, and of "
        "their originals.",
    )
    columns = [words("network"), words("made for"), words("verifier"), count("n"), percent("originals")]
    return Table("Held-out verifiers", [*columns, percent("accepted", interval="95 %")], rows, notes)


def _models(evaluation: FmrEvaluation) -> Table:
    rows = [
        [one.model, one.digest[:12] or "-", ", ".join(one.targets) or "-", ", ".join(one.guards) or "-", one.held_out]
        for one in evaluation.models
    ]
    return Table("Models", [*map(words, ("model", "digest", "target", "guards", "held out"))], rows)
