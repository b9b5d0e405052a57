"""Evaluation of latent ascents: accuracy on originals and on pictures made against a model, and controls.

Importing it loads no torch.
"""

from __future__ import annotations

from editmill.evaluators.fmr.evaluation import FmrEvaluation, evaluate_fmr
from editmill.evaluators.fmr.models import EvaluatedModel, load_model
from editmill.evaluators.fmr.plot import curve_svg
from editmill.evaluators.fmr.reports import fmr_csv, fmr_document, fmr_html, fmr_json, fmr_text

__all__ = [
    "EvaluatedModel",
    "FmrEvaluation",
    "curve_svg",
    "evaluate_fmr",
    "fmr_csv",
    "fmr_document",
    "fmr_html",
    "fmr_json",
    "fmr_text",
    "load_model",
]
