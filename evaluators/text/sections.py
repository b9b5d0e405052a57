"""The tables of the report: their cells, and how to read them."""

from __future__ import annotations

from editmill.evaluators.layout import p_text, percent, points, points_range, share_text
from editmill.evaluators.sections import Section
from editmill.evaluators.statistics import Estimate
from editmill.evaluators.text.classification import ClassResult
from editmill.evaluators.text.evaluation import ModelResult, TextEvaluation
from editmill.evaluators.text.measures import EditMeasures
from editmill.evaluators.text.search import RetrievalResult

NOTES = (
    "changed: captions that the edit changed, in % of those that didn't fail; of eligible: among those that the "
    "source says could take an attribute;",
    "true: inserted words that are true of the object they stand before (Wilson 95 % interval); top word: the most "
    "frequent one's share;",
    "a/an: wrong articles; people: insertions before nouns of people; back: edited texts that their operations lead "
    "back to the source, in %;",
    "guard -: insertions to which the second judge gives no lead, in %; similar, image, PLL: similarity to the "
    "source, change of the cosine to the",
    "image and of the log-likelihood per token by the models that made the dataset; failed: captions that could not "
    "be read or edited, which count",
    "nowhere else.",
)
RETRIEVAL_NOTES = (
    "no-op: captions without an edit, which count as unedited; drop in points against the unedited captions, over all "
    "and over edited captions",
    "alone, with 95 % bootstrap intervals over images; p: sign-flip test by image, Holm-corrected over edits and "
    "models; net: drop less that of the",
    "same captions under the control.",
)
CLASS_NOTES = (
    "Labelled captions: does the image bear the caption out? Thresholds on the model's pair scores are fitted on the "
    "unedited captions of the",
    "other half of the images. entailed, contradicted: recall of these labels, in %; drop of the accuracy in points, "
    "with 95 % bootstrap intervals",
    "over images; p: exact McNemar test, or sign flips by image where one has several captions, Holm-corrected over "
    "edits and models.",
)
CUT_NOTE = (
    "cut: captions that are longer than the model reads, so that it sees only their beginning; - where it "
    "can't be told."
)

MEASURE_HEAD = [
    "edit",
    "changed",
    "of eligible",
    "words",
    "true",
    "95 %",
    "top word",
    "a/an",
    "people",
    "back",
    "guard -",
    "similar",
    "image",
    "PLL",
    "BLEU",
    "failed",
]
CLASS_HEAD = ["n", "accuracy", "macro F1", "entailed", "contradicted", "drop", "95 %", "p", "cut"]
RETRIEVAL_HEAD = ["n", "MRR", "R@1", "no-op", "drop", "95 %", "edited", "95 %", "p", "net random", "net oracle", "cut"]


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
        f"{edit} {points(result.drop.value)} {points_range(result.drop)}"
        for edit, result in by_edit.items()
        if result.drop is not None and edit in ("grounded", "xmai-2023", "dilute")
    ]
    return f"Held out, {model.model}: MRR {percent(by_edit['original'].mrr.value)} unedited" + "".join(
        f"; drop by {part}" for part in parts
    )


def details(evaluation: TextEvaluation) -> list[str]:
    """Return what the table of measures has no room for, a line each."""
    lines = []
    for measures in evaluation.measures:
        if measures.failed:
            lines.append(
                f"{measures.edit}: failed: "
                + ", ".join(f"{reason} {count}" for reason, count in measures.failed.items())
            )
        if measures.by_group:
            shown = ", ".join(
                f"{group} {percent(one.value)} {_range(one)} of {one.n}" for group, one in measures.by_group.items()
            )
            lines.append(f"{measures.edit}: true by group: {shown}")
        if measures.ceiling:
            lines.append(
                f"{measures.edit}: a true word is among the candidates at {percent(measures.ceiling.value)} % of "
                f"{measures.ceiling.n} slots"
            )
    return lines


def retrieval_notes(evaluation: TextEvaluation) -> list[str]:
    pool = f"{evaluation.pool:,}" if evaluation.pool < evaluation.images else f"all {evaluation.pool:,}"
    left = evaluation.captions - evaluation.searched
    apart = f" ({left:,} more contradict their image and are not searched with)" if left else ""
    first = f"{evaluation.searched:,} captions{apart}. MRR and R@1 of the own image among {pool} images, in %;"
    return [first, *RETRIEVAL_NOTES]


def class_cells(model: ModelResult, result: ClassResult) -> list[str]:
    recall = [share_text(result.recall.get(label)) for label in ("entailment", "contradiction")]
    drop = [points(result.drop.value), points_range(result.drop)] if result.drop else ["-", ""]
    return [
        str(result.captions),
        percent(result.accuracy),
        percent(result.macro_f1),
        *recall,
        *drop,
        p_text(result.p_holm),
        _cut(model, result.edit),
    ]


def measure_cells(one: EditMeasures) -> list[str]:
    top = max(one.words.values(), default=0) / one.insertions if one.insertions else None
    return [
        one.edit,
        share_text(one.changed),
        _share(one.coverage),
        str(one.insertions),
        _share(one.precision),
        _range(one.precision),
        share_text(top),
        str(one.article_errors),
        str(one.persons),
        percent(one.reversed),
        _share(one.guard_rejected),
        _signed(one.text_similarity, sign=False),
        _signed(one.cross_modal),
        _signed(one.fluency),
        "-" if one.bleu is None else f"{one.bleu:.1f}",
        str(sum(one.failed.values())),
    ]


def retrieval_cells(model: ModelResult, result: RetrievalResult) -> list[str]:
    drops = [
        cell
        for one in (result.drop, result.edited_drop)
        for cell in ((points(one.value), points_range(one)) if one else ("-", ""))
    ]
    nets = [points(result.net[name].value) if name in result.net else "-" for name in ("random-attribute", "oracle")]
    shares = [percent(result.mrr.value), percent(result.recall[1]), percent(result.no_ops)]
    return [str(result.captions), *shares, *drops, p_text(result.p_holm), *nets, _cut(model, result.edit)]


def _cut(model: ModelResult, edit: str) -> str:
    return "-" if model.cut is None else str(model.cut[edit])


def model_title(model: ModelResult) -> str:
    said = {"yes": "held out", "no": f"overlap: {', '.join(model.overlap)}", "unknown": "unknown whether held out"}
    return f"{model.model} ({said[model.held_out]})"


def _share(estimate: Estimate | None) -> str:
    return "-" if estimate is None else percent(estimate.value)


def _range(estimate: Estimate | None) -> str:
    return "" if estimate is None else f"[{percent(estimate.low)}, {percent(estimate.high)}]"


def _signed(estimate: Estimate | None, *, sign: bool = True) -> str:
    return "-" if estimate is None else f"{estimate.value:+.3f}" if sign else f"{estimate.value:.3f}"


def sections(evaluation: TextEvaluation) -> list[Section]:
    """Return a table per model and task, and one of what the edits did to the captions."""
    tables = []
    for model in evaluation.models:
        if model.results:
            rows = [[one.edit, *retrieval_cells(model, one)] for one in model.results]
            notes = (*retrieval_notes(evaluation), CUT_NOTE)
            tables.append(Section(f"Drop of the MRR: {model_title(model)}", ["edit", *RETRIEVAL_HEAD], rows, notes))
        if model.classes:
            rows = [[one.edit, *class_cells(model, one)] for one in model.classes]
            tables.append(
                Section(
                    f"Entailed or contradicted: {model_title(model)}",
                    ["edit", *CLASS_HEAD],
                    rows,
                    (*CLASS_NOTES, CUT_NOTE),
                )
            )
    rows = [measure_cells(one) for one in evaluation.measures]
    return [*tables, Section("What the edits did to the captions", MEASURE_HEAD, rows, (*details(evaluation), *NOTES))]
