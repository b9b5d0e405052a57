"""The tables of an evaluation, as cells of text."""

from __future__ import annotations

from editmill.evaluators.layout import percent, points, share_text
from editmill.evaluators.sections import Section
from editmill.evaluators.synthesis.evaluation import SynthesisEvaluation
from editmill.evaluators.synthesis.robustness import Accuracy, ModelResult

ALL = "all generated"


def sections(evaluation: SynthesisEvaluation) -> list[Section]:
    """Return tables in reading order; empty ones are left out."""
    found = [
        _accuracy(evaluation),
        _robustness(evaluation),
        _filling(evaluation),
        _holes(evaluation),
        _gates(evaluation),
        _classes(evaluation),
    ]
    return [section for section in found if section.rows]


def named_accuracies(result: ModelResult) -> list[tuple[str, Accuracy]]:
    """Return a model's accuracies by conditioning, all generated pictures last."""
    return [*result.accuracy.items(), *([(ALL, result.generated)] if result.generated else [])]


def _accuracy(evaluation: SynthesisEvaluation) -> Section:
    rows = [
        (result.model, name, str(one.n), percent(one.value), f"[{percent(one.low)}, {percent(one.high)}]")
        for result in evaluation.models
        for name, one in named_accuracies(result)
    ]
    head = ("model", "conditioning", "n", "top-1", "95 %")
    return Section("top-1 by conditioning, %", head, tuple(rows), ("of accepted pictures; Wilson intervals",))


def _robustness(evaluation: SynthesisEvaluation) -> Section:
    rows = [
        (
            one.model,
            one.conditioning or ALL,
            percent(one.standard),
            percent(one.shift),
            percent(one.expected),
            points(one.value),
        )
        for one in evaluation.robustness
    ]
    head = ("model", "conditioning", "real", "generated", "expected", "effective")
    return Section(
        "effective robustness", head, tuple(rows), ("expected: the line between logits that fits the models above",)
    )


def _filling(evaluation: SynthesisEvaluation) -> Section:
    rows = []
    for one in evaluation.filling:
        attempts, evaluations = ("-" if value is None else f"{value:.2f}" for value in (one.attempts, one.evaluations))
        gini = "-" if one.gini is None else f"{one.gini:.3f}"
        share = one.filled / one.planned if one.planned else None
        rows.append(
            (
                one.conditioning or ALL,
                f"{one.filled}/{one.planned}",
                share_text(share),
                str(one.candidates),
                share_text(one.acceptance),
                f"[{share_text(one.low)}, {share_text(one.high)}]",
                share_text(one.least),
                share_text(one.most),
                gini,
                str(one.empty),
                attempts,
                evaluations,
            )
        )
    head = (
        "conditioning",
        "filled",
        "%",
        "made",
        "accepted, %",
        "95 %",
        "least",
        "most",
        "Gini",
        "empty",
        "per sample",
        "evaluations",
    )
    return Section(
        "quotas and acceptance",
        head,
        tuple(rows),
        ("least, most, Gini: of the classes' acceptance; per sample: candidates per filled quota",),
    )


def _holes(evaluation: SynthesisEvaluation) -> Section:
    rows = [
        (
            one.class_name,
            one.conditioning,
            f"{one.missing}/{one.planned}",
            ", ".join(one.stops) or "-",
            ", ".join(one.reasons),
        )
        for one in evaluation.holes
    ]
    return Section("holes", ("class", "conditioning", "missing", "stop", "reasons"), tuple(rows))


def _gates(evaluation: SynthesisEvaluation) -> Section:
    rows = [(one.reason, str(one.rejected), str(one.first), str(one.unique)) for one in evaluation.gates]
    return Section(
        "candidates rejected",
        ("reason", "rejected", "first", "alone"),
        tuple(rows),
        ("alone: no other guard refused them",),
    )


def _classes(evaluation: SynthesisEvaluation) -> Section:
    rows = []
    for result in evaluation.models:
        for name in evaluation.manifest.class_names.values():
            cells = [result.classes[edit].get(name) for edit in result.classes]
            rows.append((result.model, name, *("-" if one is None else f"{one.correct}/{one.n}" for one in cells)))
    kinds = tuple(evaluation.models[0].classes) if evaluation.models else ()
    return Section("right by class", ("model", "class", *kinds), tuple(rows))
