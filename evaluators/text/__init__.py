"""Evaluation of edited captions: retrieval by image-text models, and what the edits did to the texts."""

from __future__ import annotations

from editmill.evaluators.text.evaluation import TextEvaluation, evaluate_texts
from editmill.evaluators.text.measures import EditMeasures, measure_edits
from editmill.evaluators.text.models import TextModel, load_text_model
from editmill.evaluators.text.reports import text_csv, text_html, text_json, text_table
from editmill.evaluators.text.retrieval import reciprocal_ranks

__all__ = [
    "EditMeasures",
    "TextEvaluation",
    "TextModel",
    "evaluate_texts",
    "load_text_model",
    "measure_edits",
    "reciprocal_ranks",
    "text_csv",
    "text_html",
    "text_json",
    "text_table",
]
