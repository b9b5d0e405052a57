"""The results as text, CSV, JSON and HTML."""

from __future__ import annotations

import csv
import io
from dataclasses import asdict
from html import escape
from typing import Any

from editmill.evaluators.layout import align
from editmill.evaluators.sections import report_page
from editmill.evaluators.statistics import Estimate
from editmill.evaluators.text.classification import ClassResult
from editmill.evaluators.text.evaluation import ModelResult, TextEvaluation
from editmill.evaluators.text.plot import drops_svg
from editmill.evaluators.text.search import RetrievalResult
from editmill.evaluators.text.sections import (
    CLASS_HEAD,
    CLASS_NOTES,
    CUT_NOTE,
    MEASURE_HEAD,
    NOTES,
    RETRIEVAL_HEAD,
    class_cells,
    details,
    headline,
    measure_cells,
    model_title,
    retrieval_cells,
    retrieval_notes,
    sections,
)
from editmill.manifests import canonical_json

SCHEMA_VERSION = 2


def text_table(evaluation: TextEvaluation) -> str:
    """Return the tables as aligned text."""
    manifest = evaluation.manifest
    lines = [f"{manifest.name} {manifest.version}  fingerprint {manifest.fingerprint[:12]}", ""]
    lines += align(
        [MEASURE_HEAD, *map(measure_cells, evaluation.measures)],
        shared=1,
        titles=["what the edits did to the captions"],
    )
    lines += ["", *NOTES, "", *details(evaluation)]
    ranked, sorted_out = (
        [model for model in evaluation.models if model.results],
        [model for model in evaluation.models if model.classes],
    )
    if ranked:
        body = _side_by_side(
            RETRIEVAL_HEAD, [{one.edit: retrieval_cells(model, one) for one in model.results} for model in ranked]
        )
        lines += [
            "",
            *align(body, shared=1, titles=[model_title(model) for model in ranked]),
            "",
            *retrieval_notes(evaluation),
            CUT_NOTE,
        ]
    if evaluation.models:
        lines += ["", headline(evaluation)]
    if sorted_out:
        body = _side_by_side(
            CLASS_HEAD, [{one.edit: class_cells(model, one) for one in model.classes} for model in sorted_out]
        )
        lines += [
            "",
            *align(body, shared=1, titles=[model_title(model) for model in sorted_out]),
            "",
            *CLASS_NOTES,
            CUT_NOTE,
        ]
    return "\n".join(lines) + "\n"


def _side_by_side(head: list[str], blocks: list[dict[str, list[str]]]) -> list[list[str]]:
    """Return a head and a row per edit, with the cells of every model."""
    return [
        ["edit", *(head * len(blocks))],
        *([edit, *(cell for block in blocks for cell in block[edit])] for edit in blocks[0]),
    ]


def text_json(evaluation: TextEvaluation) -> bytes:
    """Return the document that docs/formats-captions.md describes; shares as fractions."""
    return canonical_json(_document(evaluation)) + b"\n"


def _document(evaluation: TextEvaluation) -> dict[str, Any]:
    manifest = evaluation.manifest
    return {
        "schema_version": SCHEMA_VERSION,
        "kind": "editmill.text_evaluation",
        "dataset": {
            "name": manifest.name,
            "version": manifest.version,
            "fingerprint": manifest.fingerprint,
            "generator": manifest.generator,
        },
        **{name: getattr(evaluation, name) for name in ("captions", "images", "searched", "pool")},
        "measures": [asdict(one) for one in evaluation.measures],
        "models": [_model_document(model) for model in evaluation.models],
        "headline": evaluation.headline.model if evaluation.headline else None,
    }


def _model_document(model: ModelResult) -> dict[str, Any]:
    results = [
        {**asdict(result), "recall": {str(k): value for k, value in result.recall.items()}} for result in model.results
    ]
    return {
        "model": model.model,
        "held_out": model.held_out,
        "overlap": list(model.overlap),
        "undecided": list(model.undecided),
        "results": results,
        "classes": [asdict(one) for one in model.classes],
        "cut": model.cut,
    }


_CSV_FIELDS = [
    *(
        "model",
        "held_out",
        "overlap",
        "undecided",
        "edit",
        "planned",
        "edited",
        "failed",
        "failed_reasons",
        "precision",
        "precision_low",
    ),
    *(
        "precision_high",
        "pool",
        "captions",
        "cut",
        "mrr",
        "mrr_low",
        "mrr_high",
        "recall_1",
        "recall_5",
        "recall_10",
        "drop",
        "drop_low",
    ),
    *(
        "drop_high",
        "edited_drop",
        "p_value",
        "p_holm",
        "mrr_compat",
        "labelled",
        "accuracy",
        "macro_f1",
        "recall_entailment",
        "recall_neutral",
    ),
    *(
        "recall_contradiction",
        "accuracy_drop",
        "accuracy_drop_low",
        "accuracy_drop_high",
        "accuracy_p_value",
        "accuracy_p_holm",
    ),
]


def text_csv(evaluation: TextEvaluation) -> str:
    """Return one line per model and edit with its drops; without models one per edit."""
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, _CSV_FIELDS, lineterminator="\n")
    writer.writeheader()
    for one in evaluation.measures:
        failed = {
            "failed": sum(one.failed.values()),
            "failed_reasons": " ".join(f"{reason}:{count}" for reason, count in one.failed.items()),
        }
        base = {
            "edit": one.edit,
            "planned": one.planned,
            "edited": one.edited,
            **failed,
            **_named("precision", one.precision),
        }
        for model in evaluation.models:
            marks = {
                "held_out": model.held_out,
                "overlap": " ".join(model.overlap),
                "undecided": " ".join(model.undecided),
            }
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
        "captions": result.captions,
        **_named("mrr", result.mrr),
        **_named("drop", result.drop),
        "p_value": result.p_value,
        "p_holm": result.p_holm,
        **{f"recall_{k}": value for k, value in result.recall.items()},
        "edited_drop": result.edited_drop.value if result.edited_drop else None,
        "mrr_compat": result.compat,
    }


def _class_fields(result: ClassResult) -> dict[str, Any]:
    return {
        "labelled": result.captions,
        "accuracy": result.accuracy,
        "macro_f1": result.macro_f1,
        **_named("accuracy_drop", result.drop),
        **{f"recall_{label}": value for label, value in result.recall.items()},
        "accuracy_p_value": result.p_value,
        "accuracy_p_holm": result.p_holm,
    }


def _named(name: str, estimate: Estimate | None) -> dict[str, float]:
    return (
        {} if estimate is None else {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}
    )


def text_html(evaluation: TextEvaluation) -> str:
    """Return one page that needs nothing beside it: plots of the drops, and the tables."""
    manifest = evaluation.manifest
    facts = (
        f"{manifest.name} {manifest.version}, fingerprint {manifest.fingerprint[:12]}, {evaluation.captions} "
        f"captions, {evaluation.images} images"
    )
    lead = f"<p><b>{escape(headline(evaluation))}</b></p>" if evaluation.models else ""
    plots = "".join(
        f"<h2>Drop of the MRR: {escape(model_title(model))}</h2>{drops_svg(model)}"
        for model in evaluation.models
        if model.results
    )
    return report_page(manifest.name, facts, warnings=(), plots=plots, sections=sections(evaluation), lead=lead)
