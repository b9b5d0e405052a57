"""The tables of the report: their cells, and how to read them."""

from __future__ import annotations

from editmill.evaluators.bars import drop_bars
from editmill.evaluators.figures import decimal, decimal_cells, drop_cells, p_text, percent, points, rate_cells
from editmill.evaluators.reporting import Section
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


def sections(evaluation: TextEvaluation) -> list[Section]:
    """Return all tables, in reading order: per task, and what the edits did to the captions."""
    return [_retrieval(evaluation), _classes(evaluation), _measures(evaluation)]


def drop_plots(evaluation: TextEvaluation) -> list[tuple[str, str]]:
    """Draw the drops of the MRR of each model that searched, under its name."""
    title = "Drop of the MRR against the unedited captions, in points"
    return [
        (f"Drop of the MRR: {_title(model)}", drop_bars([(model.model, drops)], title=title))
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
        f"{edit} {' '.join(drop_cells(result.drop))}"
        for edit, result in by_edit.items()
        # The edits under study; all others are there to compare with.
        if result.drop is not None and edit in ("grounded", "xmai-2023", "dilute")
    ]
    return f"Held out, {model.model}: MRR {percent(by_edit['original'].mrr.value)} unedited" + "".join(
        f"; drop by {part}" for part in parts
    )


def _retrieval(evaluation: TextEvaluation) -> Section:
    head = ["n", "MRR", "R@1", "no-op", "drop", "95 %", "edited", "95 %", "p", "net random", "net oracle", "cut"]
    models = [model for model in evaluation.models if model.results]
    rows = [[row[0].edit] for row in zip(*(model.results for model in models), strict=True)]
    for model in models:
        for row, result in zip(rows, model.results, strict=True):
            row += _retrieval_cells(model, result)
    notes = (*_retrieval_notes(evaluation), _CUT_NOTE)
    titles = list(map(_title, models))
    return Section("Drop of the MRR", ["edit", *head * len(models)], rows, notes, groups=titles, shared=1)


def _retrieval_cells(model: TextModelResult, result: RetrievalResult) -> list[str]:
    nets = [points(result.net[name].value) if name in result.net else "-" for name in NET_OF]
    shares = [percent(result.mrr.value), percent(result.recall[1]), percent(result.no_ops)]
    drops = [*drop_cells(result.drop), *drop_cells(result.edited_drop)]
    return [str(result.captions), *shares, *drops, p_text(result.p_holm), *nets, _cut(model, result.edit)]


def _retrieval_notes(evaluation: TextEvaluation) -> list[str]:
    pool = f"{evaluation.pool:,}" if evaluation.pool < evaluation.images else f"all {evaluation.pool:,}"
    left = evaluation.captions - evaluation.searched
    apart = f" ({left:,} more contradict their image and are not searched with)" if left else ""
    first = f"{evaluation.searched:,} captions{apart}. MRR and R@1 of the own image among {pool} images, in %;"
    return [first, *_RETRIEVAL_NOTES]


def _classes(evaluation: TextEvaluation) -> Section:
    head = ["n", "accuracy", "macro F1", "entailed", "contradicted", "drop", "95 %", "p", "cut"]
    models = [model for model in evaluation.models if model.classes]
    rows = [[row[0].edit] for row in zip(*(model.classes for model in models), strict=True)]
    for model in models:
        for row, result in zip(rows, model.classes, strict=True):
            row += _class_cells(model, result)
    notes, titles = (*_CLASS_NOTES, _CUT_NOTE), list(map(_title, models))
    return Section("Entailed or contradicted", ["edit", *head * len(models)], rows, notes, groups=titles, shared=1)


def _class_cells(model: TextModelResult, result: ClassResult) -> list[str]:
    recall = [percent(result.recall.get(label)) for label in ("entailment", "contradiction")]
    shares = [percent(result.accuracy), percent(result.macro_f1), *recall]
    return [str(result.captions), *shares, *drop_cells(result.drop), p_text(result.p_holm), _cut(model, result.edit)]


def _measures(evaluation: TextEvaluation) -> Section:
    head = ["edit", "changed", "of eligible", "words", "true", "95 %", "top word", "a/an", "people", "back"]
    head += ["guard -", "similar", "image", "PLL", "BLEU", "failed"]
    rows, notes = [_measure_cells(one) for one in evaluation.measures], (*_details(evaluation), *_NOTES)
    return Section("What the edits did to the captions", head, rows, notes, shared=1)


def _measure_cells(one: EditMeasures) -> list[str]:
    top = max(one.words.values(), default=0) / one.insertions if one.insertions else None
    cells = [one.edit, percent(one.changed), rate_cells(one.coverage)[0], str(one.insertions)]
    cells += [*rate_cells(one.precision), percent(top), str(one.article_errors), str(one.persons)]
    cells += [percent(one.reversed), rate_cells(one.guard_rejected)[0], decimal_cells(one.text_similarity)[0]]
    cells += ["-" if found is None else f"{found.value:+.3f}" for found in (one.cross_modal, one.fluency)]
    return [*cells, decimal(one.bleu, 1), str(sum(one.failed.values()))]


def _details(evaluation: TextEvaluation) -> list[str]:
    """Return what the table of measures has no room for, a line each."""
    lines = []
    for measures in evaluation.measures:
        if measures.failed:
            failed = ", ".join(f"{reason} {count}" for reason, count in measures.failed.items())
            lines.append(f"{measures.edit}: failed: {failed}")
        if measures.by_group:
            shown = (f"{group} {' '.join(rate_cells(one))} of {one.n}" for group, one in measures.by_group.items())
            lines.append(f"{measures.edit}: true by group: {', '.join(shown)}")
        if measures.ceiling:
            reached = f"{percent(measures.ceiling.value)} % of {measures.ceiling.n} slots"
            lines.append(f"{measures.edit}: a true word is among the candidates at {reached}")
    return lines


def _title(model: TextModelResult) -> str:
    said = {"yes": "held out", "no": f"overlap: {', '.join(model.overlap)}", "unknown": "unknown whether held out"}
    return f"{model.model} ({said[model.held_out]})"


def _cut(model: TextModelResult, edit: str) -> str:
    return "-" if model.cut is None else str(model.cut[edit])
