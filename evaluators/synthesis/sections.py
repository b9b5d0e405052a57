"""The tables of an evaluation."""

from __future__ import annotations

from editmill.evaluators.figures import SHARE_INTERVALS, SOURCE_INTERVALS
from editmill.evaluators.synthesis.accuracy import CLASS, Accuracy, ClassifierResult, Comparison
from editmill.evaluators.synthesis.evaluation import SynthesisEvaluation
from editmill.evaluators.synthesis.filling import Filling
from editmill.evaluators.tables import Cell, Figure, Table, count, decimal, p_value, percent, points, words

ALL = "all generated"


def sections(evaluation: SynthesisEvaluation) -> list[Table]:
    """Return all tables, in reading order."""
    return [make(evaluation) for make in (_accuracy, _robustness, _quotas, _holes, _gates, _classes)]


def named_accuracies(result: ClassifierResult) -> list[tuple[str, Accuracy]]:
    """Return a model's accuracies by conditioning, all generated pictures last."""
    return [*result.accuracy.items(), *([(ALL, result.generated)] if result.generated else [])]


def _accuracy(evaluation: SynthesisEvaluation) -> Table:
    rows: list[list[Cell]] = [
        [result.model, name, one.n, one, *_compared(result.comparisons.get(name))]
        for result in evaluation.models
        for name, one in named_accuracies(result)
    ]
    columns = [words("model"), words("conditioning"), count("n"), percent("top-1", interval="95 %")]
    columns += [points("drop", interval="95 %"), count("pairs"), count("lost"), count("gained"), p_value("p")]
    notes = (
        f"of accepted pictures; {SHARE_INTERVALS};",
        "drop in points below the control, paired with the picture that was made from it, or by class (c) where none "
        f"was, with {SOURCE_INTERVALS};",
        "p: exact McNemar test of lost and gained, or a sign-flip test of the pairs' differences; Holm-corrected over "
        "the model's conditionings.",
    )
    return Table("Top-1 by conditioning", columns, rows, notes)


def _compared(found: Comparison | None) -> list[Cell]:
    if found is None:
        return [None, "", "", "", ""]
    pairs = f"{found.drop.n} c" if found.by == CLASS else found.drop.n
    return [found.drop, pairs, found.lost, found.gained, found.p_holm]


def _robustness(evaluation: SynthesisEvaluation) -> Table:
    rows: list[list[Cell]] = [
        [one.model, one.conditioning or ALL, one.standard, one.shift, one.expected, one, one.baselines]
        for one in evaluation.robustness
    ]
    columns = [words("model"), words("conditioning"), percent("real"), percent("generated"), percent("expected")]
    columns += [points("effective", interval="95 %"), count("baselines")]
    named = [one.model for one in evaluation.models if one.baseline]
    fitted = f"the baselines {', '.join(named)}" if named else "all models but the judged one"
    notes = (
        f"expected: from accuracy on real pictures, by the line between logits that is fitted to {fitted};",
        "effective: generated less expected, in points, with a percentile bootstrap over pictures, which knows the "
        "chance choice of pictures but not that of baselines.",
    )
    return Table("Effective robustness", columns, rows, notes)


def _quotas(evaluation: SynthesisEvaluation) -> Table:
    columns = [words("conditioning"), count("filled"), count("planned"), percent("share"), count("made")]
    columns += [percent("accepted", interval="95 %"), percent("least"), percent("most"), decimal("Gini")]
    columns += [count("empty"), decimal("per sample", 2), decimal("evaluations", 2)]
    note = "least, most, Gini: of the classes' acceptance; per sample: candidates per filled quota"
    return Table("Quotas and acceptance", columns, [_quota(one) for one in evaluation.filling], (note,), shared=1)


def _quota(one: Filling) -> list[Cell]:
    share = one.filled / one.planned if one.planned else None
    accepted = None if one.acceptance is None else Figure(one.acceptance, one.low, one.high)
    cells: list[Cell] = [one.conditioning or ALL, one.filled, one.planned, share, one.candidates, accepted]
    return [*cells, one.least, one.most, one.gini, one.empty, one.attempts, one.evaluations]


def _holes(evaluation: SynthesisEvaluation) -> Table:
    rows: list[list[Cell]] = [
        [
            *(one.class_name, one.conditioning, one.missing, one.planned),
            *(", ".join(one.stops) or "-", ", ".join(one.reasons)),
        ]
        for one in evaluation.holes
    ]
    columns = [words("class"), words("conditioning"), count("missing"), count("planned")]
    return Table("Holes", [*columns, words("stop"), words("reasons")], rows)


def _gates(evaluation: SynthesisEvaluation) -> Table:
    rows: list[list[Cell]] = [[one.reason, one.rejected, one.first, one.unique] for one in evaluation.gates]
    columns, note = [words("reason"), *map(count, ("rejected", "first", "alone"))], "alone: no other guard refused them"
    return Table("Candidates rejected", columns, rows, (note,), shared=1)


def _classes(evaluation: SynthesisEvaluation) -> Table:
    rows = []
    for result in evaluation.models:
        for name in evaluation.manifest.class_names.values():
            cells = [result.classes[edit].get(name) for edit in result.classes]
            rows.append([result.model, name, *("-" if one is None else f"{one.correct}/{one.n}" for one in cells)])
    kinds = list(evaluation.models[0].classes) if evaluation.models else []
    return Table("Right by class", [*map(words, ("model", "class", *kinds))], rows)
