"""The tables of the report: their cells, and how to read them."""

from __future__ import annotations

from editmill.evaluators.figures import percent_range, percent_text, points_range, points_text
from editmill.evaluators.plots import BarPlot, drop_bars
from editmill.evaluators.tables import Cell, Table, count, decimal, p_value, percent, points, words
from editmill.evaluators.text.classification import ClassResult
from editmill.evaluators.text.evaluation import TextEvaluation, TextModelResult
from editmill.evaluators.text.measures import EditMeasures
from editmill.evaluators.text.retrieval import NET_OF, RetrievalResult

_NOTES = (
    "changed: captions that the edit changed, in % of those that didn't fail; of eligible: among those that the "
    "source says could take an attribute;",
    "true: inserted words that are true of the object they stand before (95 % interval); top word: the most "
    "frequent one's share;",
    "a/an: wrong articles; people: insertions before nouns of people; back: edited texts that their operations lead "
    "back to the source, in %;",
    "guard -: insertions to which the second judge gives no lead, in %; similar, image, PLL: similarity to the "
    "source, change of the cosine to the",
    "image and of the log-likelihood per token by the models that made the dataset; failed: captions that could not "
    "be read or edited, which count",
    "nowhere else.",
)
_RETRIEVAL_NOTES = (
    "no-op: captions without an edit, which count as unedited; drop in points against the unedited captions, over all "
    "and over edited captions",
    "alone, with 95 % bootstrap intervals over images; p: sign-flip test by image, Holm-corrected over edits and "
    "models; net: drop less that of the",
    "same captions under the control.",
)
_CLASS_NOTES = (
    "Labelled captions: does the image bear the caption out? Thresholds on the model's pair scores are fitted on the "
    "unedited captions of the",
    "other half of the images. entailed, contradicted: recall of these labels, in %; drop of the accuracy in points, "
    "with 95 % bootstrap intervals",
    "over images; p: exact McNemar test, or sign flips by image where one has several captions, Holm-corrected over "
    "edits and models.",
)
_CUT_NOTE = (
    "cut: captions that are longer than the model reads, so that it sees only their beginning; - where it "
    "can't be told."
)


def sections(evaluation: TextEvaluation) -> list[Table]:
    """Return all tables, in reading order: per task, and what the edits did to the captions."""
    return [_retrieval(evaluation), _classes(evaluation), _measures(evaluation)]


def drop_plots(evaluation: TextEvaluation) -> list[BarPlot]:
    """Return the drops of the MRR of each model that searched, under its name."""
    label = "drop of the MRR against the unedited captions, in percentage points"
    return [
        drop_bars([(model.model, drops)], title=f"Drop of the MRR: {_title(model)}", label=label)
        for model in evaluation.models
        if (drops := {result.edit: result.drop for result in model.results if result.drop})
    ]


def headline(evaluation: TextEvaluation) -> str:
    """Return one sentence on the first model that did not take part in making the dataset."""
    model = evaluation.headline
    if model is None:
        return (
            "No headline: every model given selected or guarded these edits (overlap), or neither its hub id nor its "
            "digest tells whether it did "
            "(unknown), so that no drop is held out."
        )
    by_edit = {result.edit: result for result in model.results}
    if "original" not in by_edit:
        return f"Held out, {model.model}: no retrieval, see the classification below"
    parts = [
        f"{edit} {points_text(result.drop.value)} {points_range(result.drop)}"
        for edit, result in by_edit.items()
        # The edits under study; all others are there to compare with.
        if result.drop is not None and edit in ("grounded", "xmai-2023", "dilute")
    ]
    return f"Held out, {model.model}: MRR {percent_text(by_edit['original'].mrr.value)} unedited" + "".join(
        f"; drop by {part}" for part in parts
    )


def _retrieval(evaluation: TextEvaluation) -> Table:
    columns = [words("edit"), count("n"), percent("MRR"), percent("R@1"), percent("no-op")]
    columns += [points("drop", interval="95 %"), points("edited", interval="95 %"), p_value("p")]
    columns += [points("net random"), points("net oracle"), count("cut")]
    models = [model for model in evaluation.models if model.results]
    rows: list[list[Cell]] = [[row[0].edit] for row in zip(*(model.results for model in models), strict=True)]
    for model in models:
        for row, result in zip(rows, model.results, strict=True):
            row += _retrieval_cells(model, result)
    notes = (*_retrieval_notes(evaluation), _CUT_NOTE)
    titles = list(map(_title, models))
    return Table("Drop of the MRR", columns, rows, notes, groups=titles, shared=1)


def _retrieval_cells(model: TextModelResult, result: RetrievalResult) -> list[Cell]:
    nets = [result.net[name].value if name in result.net else None for name in NET_OF]
    shares = [result.mrr.value, result.recall[1], result.no_ops]
    return [
        result.captions,
        *shares,
        result.drop,
        result.edited_drop,
        result.p_holm,
        *nets,
        _cut(model, result.edit),
    ]


def _retrieval_notes(evaluation: TextEvaluation) -> list[str]:
    pool = f"{evaluation.pool:,}" if evaluation.pool < evaluation.images else f"all {evaluation.pool:,}"
    left = evaluation.captions - evaluation.searched
    apart = f" ({left:,} more contradict their image and are not searched with)" if left else ""
    first = f"{evaluation.searched:,} captions{apart}. MRR and R@1 of the own image among {pool} images, in %;"
    return [first, *_RETRIEVAL_NOTES]


def _classes(evaluation: TextEvaluation) -> Table:
    columns = [words("edit"), count("n"), percent("accuracy"), percent("macro F1"), percent("entailed")]
    columns += [percent("contradicted"), points("drop", interval="95 %"), p_value("p"), count("cut")]
    models = [model for model in evaluation.models if model.classes]
    rows: list[list[Cell]] = [[row[0].edit] for row in zip(*(model.classes for model in models), strict=True)]
    for model in models:
        for row, result in zip(rows, model.classes, strict=True):
            row += _class_cells(model, result)
    notes, titles = (*_CLASS_NOTES, _CUT_NOTE), list(map(_title, models))
    return Table("Entailed or contradicted", columns, rows, notes, groups=titles, shared=1)


def _class_cells(model: TextModelResult, result: ClassResult) -> list[Cell]:
    recall = [result.recall.get(label) for label in ("entailment", "contradiction")]
    shares = [result.accuracy, result.macro_f1, *recall]
    return [result.captions, *shares, result.drop, result.p_holm, _cut(model, result.edit)]


def _measures(evaluation: TextEvaluation) -> Table:
    columns = [words("edit"), percent("changed"), percent("of eligible"), count("words")]
    columns += [percent("true", interval="95 %"), percent("top word"), count("a/an"), count("people")]
    columns += [percent("back"), percent("guard -"), decimal("similar"), decimal("image", signed=True)]
    columns += [decimal("PLL", signed=True), decimal("BLEU", 1), count("failed")]
    rows, notes = [_measure_cells(one) for one in evaluation.measures], (*_details(evaluation), *_NOTES)
    return Table("What the edits did to the captions", columns, rows, notes, shared=1)


def _measure_cells(one: EditMeasures) -> list[Cell]:
    top = max(one.words.values(), default=0) / one.insertions if one.insertions else None
    cells: list[Cell] = [one.edit, one.changed, one.coverage, one.insertions, one.precision, top]
    cells += [one.article_errors, one.persons, one.reversed, one.guard_rejected, one.text_similarity]
    return [*cells, one.cross_modal, one.fluency, one.bleu, sum(one.failed.values())]


def _details(evaluation: TextEvaluation) -> list[str]:
    """Return what the table of measures has no room for, a line each."""
    lines = []
    for measures in evaluation.measures:
        if measures.failed:
            failed = ", ".join(f"{reason} {count}" for reason, count in measures.failed.items())
            lines.append(f"{measures.edit}: failed: {failed}")
        if measures.by_group:
            shown = (
                f"{group} {percent_text(one.value)} {percent_range(one)} of {one.n}"
                for group, one in measures.by_group.items()
            )
            lines.append(f"{measures.edit}: true by group: {', '.join(shown)}")
        if measures.ceiling:
            reached = f"{percent_text(measures.ceiling.value)} % of {measures.ceiling.n} slots"
            lines.append(f"{measures.edit}: a true word is among the candidates at {reached}")
    return lines


def _title(model: TextModelResult) -> str:
    said = {"yes": "held out", "no": f"overlap: {', '.join(model.overlap)}", "unknown": "unknown whether held out"}
    return f"{model.model} ({said[model.held_out]})"


def _cut(model: TextModelResult, edit: str) -> int | None:
    return None if model.cut is None else model.cut[edit]
