"""The results as text, CSV, JSON and HTML."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import asdict
from html import escape
from typing import Any

from evaluators.layout import align, p_text, percent, points, points_range, share_text
from evaluators.statistics import Estimate
from evaluators.text.classification import ClassResult
from evaluators.text.evaluation import ModelResult, TextEvaluation
from evaluators.text.measures import EditMeasures
from evaluators.text.search import RetrievalResult
from manifests import canonical_json

SCHEMA_VERSION = 2
NOTES = (
    "changed: captions that the edit changed, in % of those that didn't fail; of eligible: among those that the source says could take an attribute;",
    "true: inserted words that are true of the object they stand before (Wilson 95 % interval); top word: the most frequent one's share;",
    "a/an: wrong articles; people: insertions before nouns of people; back: edited texts that their operations lead back to the source, in %;",
    "guard -: insertions to which the second judge gives no lead, in %; similar, image, PLL: similarity to the source, change of the cosine to the",
    "image and of the log-likelihood per token by the models that made the dataset; failed: captions that could not be read or edited, which count",
    "nowhere else.",
)
RETRIEVAL_NOTES = (
    "no-op: captions without an edit, which count as unedited; drop in points against the unedited captions, over all and over edited captions",
    "alone, with 95 % bootstrap intervals over images; p: sign-flip test by image, Holm-corrected over edits and models; net: drop less that of the",
    "same captions under the control.",
)
CLASS_NOTES = (
    "Labelled captions: does the image bear the caption out? Thresholds on the model's pair scores are fitted on the unedited captions of the",
    "other half of the images. entailed, contradicted: recall of these labels, in %; drop of the accuracy in points, with 95 % bootstrap intervals",
    "over images; p: exact McNemar test, or sign flips by image where one has several captions, Holm-corrected over edits and models.",
)
CUT_NOTE = "cut: captions that are longer than the model reads, so that it sees only their beginning; - where it can't be told."


def text_table(evaluation: TextEvaluation) -> str:
    """The tables as aligned text."""
    manifest = evaluation.manifest
    lines = [f"{manifest.name} {manifest.version}  fingerprint {manifest.fingerprint[:12]}", ""]
    lines += align([_MEASURE_HEAD, *map(_measure_cells, evaluation.measures)], shared=1, titles=["what the edits did to the captions"])
    lines += ["", *NOTES, "", *_details(evaluation)]
    ranked, sorted_out = [model for model in evaluation.models if model.results], [model for model in evaluation.models if model.classes]
    if ranked:
        body = _side_by_side(_RETRIEVAL_HEAD, [{one.edit: _retrieval_cells(model, one) for one in model.results} for model in ranked])
        lines += ["", *align(body, shared=1, titles=[_title(model) for model in ranked]), "", *_retrieval_notes(evaluation), CUT_NOTE]
    if evaluation.models:
        lines += ["", headline(evaluation)]
    if sorted_out:
        body = _side_by_side(_CLASS_HEAD, [{one.edit: _class_cells(model, one) for one in model.classes} for model in sorted_out])
        lines += ["", *align(body, shared=1, titles=[_title(model) for model in sorted_out]), "", *CLASS_NOTES, CUT_NOTE]
    return "\n".join(lines) + "\n"


def _details(evaluation: TextEvaluation) -> list[str]:
    """What the table of measures has no room for, a line each."""
    lines = []
    for measures in evaluation.measures:
        if measures.failed:
            lines.append(f"{measures.edit}: failed: " + ", ".join(f"{reason} {count}" for reason, count in measures.failed.items()))
        if measures.by_group:
            shown = ", ".join(f"{group} {percent(one.value)} {_range(one)} of {one.n}" for group, one in measures.by_group.items())
            lines.append(f"{measures.edit}: true by group: {shown}")
        if measures.ceiling:
            lines.append(f"{measures.edit}: a true word is among the candidates at {percent(measures.ceiling.value)} % of {measures.ceiling.n} slots")
    return lines


def _retrieval_notes(evaluation: TextEvaluation) -> list[str]:
    pool = f"{evaluation.pool:,}" if evaluation.pool < evaluation.images else f"all {evaluation.pool:,}"
    left = evaluation.captions - evaluation.searched
    apart = f" ({left:,} more contradict their image and are not searched with)" if left else ""
    first = f"{evaluation.searched:,} captions{apart}. MRR and R@1 of the own image among {pool} images, in %;"
    return [first, *RETRIEVAL_NOTES]


def _side_by_side(head: list[str], blocks: list[dict[str, list[str]]]) -> list[list[str]]:
    """A head and a row per edit, with the cells of every model."""
    return [["edit", *(head * len(blocks))], *([edit, *(cell for block in blocks for cell in block[edit])] for edit in blocks[0])]


def headline(evaluation: TextEvaluation) -> str:
    """One sentence on the first model that did not take part in making the dataset."""
    model = evaluation.headline
    if model is None:
        return (
            "No headline: every model given selected or guarded these edits (overlap), or neither its hub id nor its digest tells whether it did "
            "(unknown), so that no drop is held out."
        )
    by_edit = {result.edit: result for result in model.results}
    if "original" not in by_edit:
        return f"Held out, {model.model}: no retrieval, see the classification below"
    parts = [
        f"{edit} {points(result.drop.value)} {points_range(result.drop)}" for edit, result in by_edit.items()
        if result.drop is not None and edit in ("grounded", "xmai-2023", "dilute")
    ]
    return f"Held out, {model.model}: MRR {percent(by_edit['original'].mrr.value)} unedited" + "".join(f"; drop by {part}" for part in parts)


_MEASURE_HEAD = [
    "edit", "changed", "of eligible", "words", "true", "95 %", "top word", "a/an", "people", "back", "guard -", "similar", "image", "PLL", "BLEU",
    "failed",
]
_CLASS_HEAD = ["n", "accuracy", "macro F1", "entailed", "contradicted", "drop", "95 %", "p", "cut"]
_RETRIEVAL_HEAD = ["n", "MRR", "R@1", "no-op", "drop", "95 %", "edited", "95 %", "p", "net random", "net oracle", "cut"]


def _class_cells(model: ModelResult, result: ClassResult) -> list[str]:
    recall = [share_text(result.recall.get(label)) for label in ("entailment", "contradiction")]
    drop = [points(result.drop.value), points_range(result.drop)] if result.drop else ["-", ""]
    return [str(result.captions), percent(result.accuracy), percent(result.macro_f1), *recall, *drop, p_text(result.p_holm), _cut(model, result.edit)]


def _measure_cells(one: EditMeasures) -> list[str]:
    top = max(one.words.values(), default=0) / one.insertions if one.insertions else None
    return [
        one.edit, share_text(one.changed), _share(one.coverage), str(one.insertions), _share(one.precision), _range(one.precision),
        share_text(top), str(one.article_errors), str(one.persons), percent(one.reversed), _share(one.guard_rejected),
        _signed(one.text_similarity, sign=False), _signed(one.cross_modal), _signed(one.fluency), "-" if one.bleu is None else f"{one.bleu:.1f}",
        str(sum(one.failed.values())),
    ]


def _retrieval_cells(model: ModelResult, result: RetrievalResult) -> list[str]:
    drops = [cell for one in (result.drop, result.edited_drop) for cell in ((points(one.value), points_range(one)) if one else ("-", ""))]
    nets = [points(result.net[name].value) if name in result.net else "-" for name in ("random-attribute", "oracle")]
    shares = [percent(result.mrr.value), percent(result.recall[1]), percent(result.no_ops)]
    return [str(result.captions), *shares, *drops, p_text(result.p_holm), *nets, _cut(model, result.edit)]


def _cut(model: ModelResult, edit: str) -> str:
    return "-" if model.cut is None else str(model.cut[edit])


def _title(model: ModelResult) -> str:
    said = {"yes": "held out", "no": f"overlap: {', '.join(model.overlap)}", "unknown": "unknown whether held out"}
    return f"{model.model} ({said[model.held_out]})"


def _share(estimate: Estimate | None) -> str:
    return "-" if estimate is None else percent(estimate.value)


def _range(estimate: Estimate | None) -> str:
    return "" if estimate is None else f"[{percent(estimate.low)}, {percent(estimate.high)}]"


def _signed(estimate: Estimate | None, *, sign: bool = True) -> str:
    return "-" if estimate is None else f"{estimate.value:+.3f}" if sign else f"{estimate.value:.3f}"


def text_json(evaluation: TextEvaluation) -> bytes:
    """The document that docs/formats-captions.md describes; shares as fractions."""
    return canonical_json(_document(evaluation)) + b"\n"


def _document(evaluation: TextEvaluation) -> dict[str, Any]:
    manifest = evaluation.manifest
    return {
        "schema_version": SCHEMA_VERSION, "kind": "editmill.text_evaluation",
        "dataset": {"name": manifest.name, "version": manifest.version, "fingerprint": manifest.fingerprint, "generator": manifest.generator},
        **{name: getattr(evaluation, name) for name in ("captions", "images", "searched", "pool")},
        "measures": [asdict(one) for one in evaluation.measures], "models": [_model_document(model) for model in evaluation.models],
        "headline": evaluation.headline.model if evaluation.headline else None,
    }


def _model_document(model: ModelResult) -> dict[str, Any]:
    results = [{**asdict(result), "recall": {str(k): value for k, value in result.recall.items()}} for result in model.results]
    return {
        "model": model.model, "held_out": model.held_out, "overlap": list(model.overlap), "undecided": list(model.undecided), "results": results,
        "classes": [asdict(one) for one in model.classes], "cut": model.cut,
    }


_CSV_FIELDS = [
    *("model", "held_out", "overlap", "undecided", "edit", "planned", "edited", "failed", "failed_reasons", "precision", "precision_low"),
    *("precision_high", "pool", "captions", "cut", "mrr", "mrr_low", "mrr_high", "recall_1", "recall_5", "recall_10", "drop", "drop_low"),
    *("drop_high", "edited_drop", "p_value", "p_holm", "mrr_compat", "labelled", "accuracy", "macro_f1", "recall_entailment", "recall_neutral"),
    *("recall_contradiction", "accuracy_drop", "accuracy_drop_low", "accuracy_drop_high", "accuracy_p_value", "accuracy_p_holm"),
]


def text_csv(evaluation: TextEvaluation) -> str:
    """One line per model and edit with its drops; without models one per edit."""
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, _CSV_FIELDS, lineterminator="\n")
    writer.writeheader()
    for one in evaluation.measures:
        failed = {"failed": sum(one.failed.values()), "failed_reasons": " ".join(f"{reason}:{count}" for reason, count in one.failed.items())}
        base = {"edit": one.edit, "planned": one.planned, "edited": one.edited, **failed, **_named("precision", one.precision)}
        for model in evaluation.models:
            marks = {"held_out": model.held_out, "overlap": " ".join(model.overlap), "undecided": " ".join(model.undecided)}
            cut = {} if model.cut is None else {"cut": model.cut[one.edit]}
            row = {**base, "model": model.model, **marks, **cut}
            for result in (result for result in model.results if result.edit == one.edit):
                row |= {"pool": evaluation.pool, **_retrieval_fields(result)}
            for found in (found for found in model.classes if found.edit == one.edit):
                row |= _class_fields(found)
            writer.writerow(row)
        if not evaluation.models:
            writer.writerow(base)
    return buffer.getvalue()


def _retrieval_fields(result: RetrievalResult) -> dict[str, Any]:
    return {
        "captions": result.captions, **_named("mrr", result.mrr), **_named("drop", result.drop), "p_value": result.p_value, "p_holm": result.p_holm,
        **{f"recall_{k}": value for k, value in result.recall.items()}, "edited_drop": result.edited_drop.value if result.edited_drop else None,
        "mrr_compat": result.compat,
    }


def _class_fields(result: ClassResult) -> dict[str, Any]:
    return {
        "labelled": result.captions, "accuracy": result.accuracy, "macro_f1": result.macro_f1, **_named("accuracy_drop", result.drop),
        **{f"recall_{label}": value for label, value in result.recall.items()}, "accuracy_p_value": result.p_value,
        "accuracy_p_holm": result.p_holm,
    }


def _named(name: str, estimate: Estimate | None) -> dict[str, float]:
    return {} if estimate is None else {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}


_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title><style>
body {{ font: 15px/1.5 system-ui, sans-serif; max-width: 76rem; margin: 2rem auto; padding: 0 1rem; color: #1c1c1c }}
.scroll {{ overflow-x: auto }} table {{ border-collapse: collapse; font-variant-numeric: tabular-nums }}
th, td {{ padding: .25rem .7rem; text-align: right; border-bottom: 1px solid #ddd; white-space: nowrap }}
th:first-child, td:first-child {{ text-align: left }} .note {{ color: #595959 }} rect {{ fill: #0072b2 }} line {{ stroke: #1c1c1c }}
svg {{ font: 13px system-ui, sans-serif; width: 100%; max-width: 860px }}
</style></head><body>
<h1>{title}</h1><p class="note">{facts}</p><p><b>{headline}</b></p>
{body}
</body></html>
"""


def text_html(evaluation: TextEvaluation) -> str:
    """One page that needs nothing beside it: a plot of the drops, and the tables."""
    manifest = evaluation.manifest
    body = ""
    for model in evaluation.models:
        if model.results:
            ranked = _html_table(["edit", *_RETRIEVAL_HEAD], ([one.edit, *_retrieval_cells(model, one)] for one in model.results))
            body += f"<h2>Drop of the MRR: {escape(_title(model))}</h2>{_plot(model)}{ranked}"
        if model.classes:
            rows = ([one.edit, *_class_cells(model, one)] for one in model.classes)
            body += f"<h2>Entailed or contradicted: {escape(_title(model))}</h2>" + _html_table(["edit", *_CLASS_HEAD], rows)
    body += "<h2>What the edits did to the captions</h2>" + _html_table(_MEASURE_HEAD, map(_measure_cells, evaluation.measures))
    body += "".join(f"<p>{escape(line)}</p>" for line in _details(evaluation))
    body += "".join(f'<p class="note">{escape(note)}</p>' for note in (*_retrieval_notes(evaluation), *CLASS_NOTES, CUT_NOTE, *NOTES))
    facts = f"{manifest.name} {manifest.version}, fingerprint {manifest.fingerprint[:12]}, {evaluation.captions} captions, {evaluation.images} images"
    said = headline(evaluation) if evaluation.models else ""
    return _PAGE.format(title=escape(manifest.name), facts=escape(facts), headline=escape(said), body=body)


def _html_table(head: list[str], rows: Iterable[list[str]]) -> str:
    titles = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    lines = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<div class="scroll"><table><thead><tr>{titles}</tr></thead><tbody>{lines}</tbody></table></div>'


def _plot(model: ModelResult) -> str:
    """Bars of the drops with their intervals."""
    drops = [(result.edit, result.drop) for result in model.results if result.drop is not None]
    if not drops:
        return ""
    low, high = min(0.0, *(drop.low for _, drop in drops)), max(0.01, *(drop.high for _, drop in drops))
    left, width, step = 150, 640, 24

    def x(value: float) -> float:
        return left + width * (value - low) / (high - low)

    bars = []
    for number, (edit, drop) in enumerate(drops):
        y = 8 + step * number
        start, end = sorted((x(0.0), x(drop.value)))
        bars.append(
            f'<text x="{left - 8}" y="{y + 12}" text-anchor="end">{escape(edit)}</text>'
            f'<rect x="{start:.1f}" y="{y}" width="{end - start:.1f}" height="14"/>'
            f'<line x1="{x(drop.low):.1f}" x2="{x(drop.high):.1f}" y1="{y + 7}" y2="{y + 7}"/><text x="{x(drop.high) + 6:.1f}" y="{y + 12}">'
            f"{points(drop.value)}</text>"
        )
    zero = f'<line x1="{x(0.0):.1f}" x2="{x(0.0):.1f}" y1="0" y2="{12 + step * len(drops)}"/>'
    return f'<svg viewBox="0 0 860 {16 + step * len(drops)}" role="img" aria-label="drop of the MRR by edit">{zero}{"".join(bars)}</svg>'
