"""The tables of an evaluation, as cells of text."""

from __future__ import annotations

from editmill.evaluators.figures import (
    SHARE_INTERVALS,
    SOURCE_INTERVALS,
    decimal,
    drop_cells,
    p_text,
    percent,
    rate_cells,
)
from editmill.evaluators.reporting import Section
from editmill.evaluators.synthesis.accuracy import CLASS, Accuracy, ClassifierResult, Comparison
from editmill.evaluators.synthesis.evaluation import SynthesisEvaluation
from editmill.evaluators.synthesis.filling import Filling

ALL = "all generated"


def sections(evaluation: SynthesisEvaluation) -> list[Section]:
    """Return all tables, in reading order."""
    return [make(evaluation) for make in (_accuracy, _robustness, _quotas, _holes, _gates, _classes)]


def named_accuracies(result: ClassifierResult) -> list[tuple[str, Accuracy]]:
    """Return a model's accuracies by conditioning, all generated pictures last."""
    return [*result.accuracy.items(), *([(ALL, result.generated)] if result.generated else [])]


def _accuracy(evaluation: SynthesisEvaluation) -> Section:
    rows = [
        [result.model, name, str(one.n), *rate_cells(one), *_compared(result.comparisons.get(name))]
        for result in evaluation.models
        for name, one in named_accuracies(result)
    ]
    head = ["model", "conditioning", "n", "top-1", "95 %", "drop", "95 %", "pairs", "lost/gained", "p"]
    notes = (
        f"of accepted pictures; {SHARE_INTERVALS};",
        "drop in points below the control, paired with the picture that was made from it, or by class (c) where none "
        f"was, with {SOURCE_INTERVALS};",
        "p: exact McNemar test of lost/gained, or a sign-flip test of the pairs' differences; Holm-corrected over the "
        "model's conditionings.",
    )
    return Section("top-1 by conditioning, %", head, rows, notes)


def _compared(found: Comparison | None) -> list[str]:
    if found is None:
        return ["-", "", "", "", ""]
    pairs, flips = f"{found.drop.n}{' c' if found.by == CLASS else ''}", f"{found.lost}/{found.gained}"
    return [*drop_cells(found.drop), pairs, "-" if found.lost is None else flips, p_text(found.p_holm)]


def _robustness(evaluation: SynthesisEvaluation) -> Section:
    rows = []
    for one in evaluation.robustness:
        shares = map(percent, (one.standard, one.shift, one.expected))
        rows.append([one.model, one.conditioning or ALL, *shares, *drop_cells(one), str(one.baselines)])
    head = ["model", "conditioning", "real", "generated", "expected", "effective", "95 %", "baselines"]
    named = [one.model for one in evaluation.models if one.baseline]
    fitted = f"the baselines {', '.join(named)}" if named else "all models but the judged one"
    notes = (
        f"expected: from accuracy on real pictures, by the line between logits that is fitted to {fitted};",
        "effective: generated less expected, in points, with a percentile bootstrap over pictures, which knows the "
        "chance choice of pictures but not that of baselines.",
    )
    return Section("effective robustness", head, rows, notes)


def _quotas(evaluation: SynthesisEvaluation) -> Section:
    head = ["conditioning", "filled", "%", "made", "accepted, %", "95 %", "least", "most", "Gini", "empty"]
    head += ["per sample", "evaluations"]
    note = "least, most, Gini: of the classes' acceptance; per sample: candidates per filled quota"
    return Section("quotas and acceptance", head, [_quota(one) for one in evaluation.filling], (note,), shared=1)


def _quota(one: Filling) -> list[str]:
    share = one.filled / one.planned if one.planned else None
    cells = [one.conditioning or ALL, f"{one.filled}/{one.planned}", percent(share), str(one.candidates)]
    cells += [percent(one.acceptance), f"[{percent(one.low)}, {percent(one.high)}]", percent(one.least)]
    cells += [percent(one.most), decimal(one.gini), str(one.empty)]
    return [*cells, decimal(one.attempts, 2), decimal(one.evaluations, 2)]


def _holes(evaluation: SynthesisEvaluation) -> Section:
    rows = [
        [
            *(one.class_name, one.conditioning, f"{one.missing}/{one.planned}"),
            *(", ".join(one.stops) or "-", ", ".join(one.reasons)),
        ]
        for one in evaluation.holes
    ]
    return Section("holes", ["class", "conditioning", "missing", "stop", "reasons"], rows)


def _gates(evaluation: SynthesisEvaluation) -> Section:
    rows = [[one.reason, str(one.rejected), str(one.first), str(one.unique)] for one in evaluation.gates]
    head, note = ["reason", "rejected", "first", "alone"], "alone: no other guard refused them"
    return Section("candidates rejected", head, rows, (note,), shared=1)


def _classes(evaluation: SynthesisEvaluation) -> Section:
    rows = []
    for result in evaluation.models:
        for name in evaluation.manifest.class_names.values():
            cells = [result.classes[edit].get(name) for edit in result.classes]
            rows.append([result.model, name, *("-" if one is None else f"{one.correct}/{one.n}" for one in cells)])
    kinds = list(evaluation.models[0].classes) if evaluation.models else []
    return Section("right by class", ["model", "class", *kinds], rows)
