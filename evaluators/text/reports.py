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
from evaluators.text.evaluation import ModelResult, RetrievalResult, TextEvaluation
from evaluators.text.measures import EditMeasures
from manifests import canonical_json

SCHEMA_VERSION = 1
NOTES = (
    "changed: captions that the edit changed, in %; of eligible: among those that the source says could take an attribute;",
    "true: inserted words that are true of the object they stand before (Wilson 95 % interval); top word: the most frequent one's share;",
    "a/an: wrong articles; people: insertions before nouns of people; back: edited texts that their operations lead back to the source, in %;",
    "guard -: insertions to which the second judge gives no lead, in %; similar, image, PLL: similarity to the source, change of the cosine to the",
    "image and of the log-likelihood per token by the models that made the dataset.",
)
RETRIEVAL_NOTES = (
    "MRR and R@1 of the own image among at most 1,000, one caption per image, in %; no-op: captions without an edit, which count as unedited;",
    "drop in points against the unedited captions, over all and over edited captions alone, with 95 % bootstrap intervals over images;",
    "p: sign-flip test, Holm-corrected over edits and models; net: drop less that of the same captions under the control.",
)
CLASS_NOTES = (
    "Labelled captions: does the image bear the caption out? Thresholds on the model's pair scores are fitted on the unedited captions of the",
    "other half of the images. entailed, contradicted: recall of these labels, in %; drop of the accuracy in points; p: exact McNemar test.",
)


def text_table(evaluation: TextEvaluation) -> str:
    """The tables as aligned text."""
    manifest = evaluation.manifest
    lines = [f"{manifest.name} {manifest.version}  fingerprint {manifest.fingerprint[:12]}", ""]
    lines += align([_MEASURE_HEAD, *map(_measure_cells, evaluation.measures)], shared=1, titles=["what the edits did to the captions"])
    lines += ["", *NOTES, ""]
    for measures in evaluation.measures:
        if measures.by_group:
            shown = ", ".join(f"{group} {percent(one.value)} {_range(one)} of {one.n}" for group, one in measures.by_group.items())
            lines.append(f"{measures.edit}: true by group: {shown}")
        if measures.ceiling:
            lines.append(f"{measures.edit}: a true word is among the candidates at {percent(measures.ceiling.value)} % of {measures.ceiling.n} slots")
    ranked, sorted_out = [model for model in evaluation.models if model.results], [model for model in evaluation.models if model.classes]
    if ranked:
        body = _side_by_side(_RETRIEVAL_HEAD, [{one.edit: _retrieval_cells(one) for one in model.results} for model in ranked])
        lines += ["", *align(body, shared=1, titles=[_title(model) for model in ranked])]
        lines += ["", f"{evaluation.captions} captions. " + RETRIEVAL_NOTES[0], *RETRIEVAL_NOTES[1:], "", headline(evaluation)]
    if sorted_out:
        body = _side_by_side(_CLASS_HEAD, [{one.edit: _class_cells(one) for one in model.classes} for model in sorted_out])
        lines += ["", *align(body, shared=1, titles=[_title(model) for model in sorted_out]), "", *CLASS_NOTES]
    return "\n".join(lines) + "\n"


def _side_by_side(head: list[str], blocks: list[dict[str, list[str]]]) -> list[list[str]]:
    """A head and a row per edit, with the cells of every model."""
    return [["edit", *(head * len(blocks))], *([edit, *(cell for block in blocks for cell in block[edit])] for edit in blocks[0])]


def headline(evaluation: TextEvaluation) -> str:
    """One sentence on the first model that did not take part in making the dataset."""
    model = evaluation.headline
    if model is None:
        return "No headline: every model given selected or guarded these edits (overlap), so its drop is not held out."
    by_edit = {result.edit: result for result in model.results}
    if "original" not in by_edit:
        return f"Held out, {model.model}: a classifier of pairs, see below"
    parts = [
        f"{edit} {points(result.drop.value)} {points_range(result.drop)}" for edit, result in by_edit.items()
        if result.drop is not None and edit in ("grounded", "xmai-2023", "dilute")
    ]
    return f"Held out, {model.model}: MRR {percent(by_edit['original'].mrr.value)} unedited" + "".join(f"; drop by {part}" for part in parts)


_MEASURE_HEAD = [
    "edit", "changed", "of eligible", "words", "true", "95 %", "top word", "a/an", "people", "back", "guard -", "similar", "image", "PLL", "BLEU",
]
_CLASS_HEAD = ["accuracy", "macro F1", "entailed", "contradicted", "drop", "95 %", "p"]
_RETRIEVAL_HEAD = ["MRR", "R@1", "no-op", "drop", "95 %", "edited", "95 %", "p", "net random", "net oracle"]


def _class_cells(result: ClassResult) -> list[str]:
    recall = [share_text(result.recall.get(label)) for label in ("entailment", "contradiction")]
    drop = [points(result.drop.value), points_range(result.drop)] if result.drop else ["-", ""]
    return [percent(result.accuracy), percent(result.macro_f1), *recall, *drop, p_text(result.p_value)]


def _measure_cells(one: EditMeasures) -> list[str]:
    top = max(one.words.values(), default=0) / one.insertions if one.insertions else None
    return [
        one.edit, percent(one.edited / one.planned), _share(one.coverage), str(one.insertions), _share(one.precision), _range(one.precision),
        share_text(top), str(one.article_errors), str(one.persons), percent(one.reversed), _share(one.guard_rejected),
        _signed(one.text_similarity, sign=False), _signed(one.cross_modal), _signed(one.fluency), "-" if one.bleu is None else f"{one.bleu:.1f}",
    ]


def _retrieval_cells(result: RetrievalResult) -> list[str]:
    drops = [cell for one in (result.drop, result.edited_drop) for cell in ((points(one.value), points_range(one)) if one else ("-", ""))]
    nets = [points(result.net[name].value) if name in result.net else "-" for name in ("random-attribute", "oracle")]
    return [percent(result.mrr.value), percent(result.recall[1]), percent(result.no_ops), *drops, p_text(result.p_holm), *nets]


def _title(model: ModelResult) -> str:
    return model.model + (f" (overlap: {', '.join(model.overlap)})" if model.overlap else " (held out)")


def _share(estimate: Estimate | None) -> str:
    return "-" if estimate is None else percent(estimate.value)


def _range(estimate: Estimate | None) -> str:
    return "" if estimate is None else f"[{percent(estimate.low)}, {percent(estimate.high)}]"


def _signed(estimate: Estimate | None, *, sign: bool = True) -> str:
    return "-" if estimate is None else f"{estimate.value:+.3f}" if sign else f"{estimate.value:.3f}"


def text_json(evaluation: TextEvaluation) -> bytes:
    """The document: dataset, ``measures`` per edit, ``models`` with ``results`` per edit, and the headline; shares as fractions."""
    return canonical_json(_document(evaluation)) + b"\n"


def _document(evaluation: TextEvaluation) -> dict[str, Any]:
    manifest = evaluation.manifest
    return {
        "schema_version": SCHEMA_VERSION, "kind": "editmill.text_evaluation",
        "dataset": {"name": manifest.name, "version": manifest.version, "fingerprint": manifest.fingerprint, "generator": manifest.generator},
        "captions": evaluation.captions, "measures": [asdict(one) for one in evaluation.measures],
        "models": [_model_document(model) for model in evaluation.models],
        "headline": evaluation.headline.model if evaluation.headline else None,
    }


def _model_document(model: ModelResult) -> dict[str, Any]:
    results = [{**asdict(result), "recall": {str(k): value for k, value in result.recall.items()}} for result in model.results]
    return {"model": model.model, "overlap": list(model.overlap), "results": results, "classes": [asdict(one) for one in model.classes]}


def text_csv(evaluation: TextEvaluation) -> str:
    """One line per model and edit with its drop; without models one per edit."""
    buffer = io.StringIO()
    fields = [
        "model", "overlap", "edit", "planned", "edited", "precision", "precision_low", "precision_high", "mrr", "mrr_low", "mrr_high", "recall_1",
        "recall_5", "recall_10", "drop", "drop_low", "drop_high", "edited_drop", "p_value", "p_holm", "mrr_compat",
    ]
    writer = csv.DictWriter(buffer, fields, lineterminator="\n")
    writer.writeheader()
    measures = {one.edit: one for one in evaluation.measures}
    for edit, one in measures.items():
        base: dict[str, Any] = {"edit": edit, "planned": one.planned, "edited": one.edited, **_named("precision", one.precision)}
        for model in evaluation.models:
            for result in (result for result in model.results if result.edit == edit):
                writer.writerow({
                    **base, "model": model.model, "overlap": " ".join(model.overlap), **_named("mrr", result.mrr), **_named("drop", result.drop),
                    **{f"recall_{k}": value for k, value in result.recall.items()}, "p_value": result.p_value, "p_holm": result.p_holm,
                    "edited_drop": result.edited_drop.value if result.edited_drop else None, "mrr_compat": result.compat,
                })
        if not evaluation.models:
            writer.writerow(base)
    return buffer.getvalue()


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
            body += f"<h2>Drop of the MRR: {escape(_title(model))}</h2>{_plot(model)}{_table(_RETRIEVAL_HEAD, model.results)}"
        if model.classes:
            rows = ([one.edit, *_class_cells(one)] for one in model.classes)
            body += f"<h2>Entailed or contradicted: {escape(_title(model))}</h2>" + _html_table(["edit", *_CLASS_HEAD], rows)
    body += "<h2>What the edits did to the captions</h2>" + _html_table(_MEASURE_HEAD, map(_measure_cells, evaluation.measures))
    body += "".join(f'<p class="note">{escape(note)}</p>' for note in (*RETRIEVAL_NOTES, *CLASS_NOTES, *NOTES))
    facts = f"{manifest.name} {manifest.version}, fingerprint {manifest.fingerprint[:12]}, {evaluation.captions} captions"
    said = headline(evaluation) if evaluation.models else ""
    return _PAGE.format(title=escape(manifest.name), facts=escape(facts), headline=escape(said), body=body)


def _table(head: list[str], results: Iterable[RetrievalResult]) -> str:
    return _html_table(["edit", *head], ([result.edit, *_retrieval_cells(result)] for result in results))


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
