"""Evaluation of regenerated watermarks: exact tests, dose and response, quality, calibration of the null.

Importing it loads no torch.
"""

from __future__ import annotations

from editmill.evaluators.watermark.detectors import NamedDetector, load_detector
from editmill.evaluators.watermark.evaluation import WatermarkEvaluation, evaluate_watermark
from editmill.evaluators.watermark.plot import plot_svg
from editmill.evaluators.watermark.reports import (
    watermark_csv,
    watermark_document,
    watermark_html,
    watermark_json,
    watermark_text,
)

__all__ = [
    "NamedDetector",
    "WatermarkEvaluation",
    "evaluate_watermark",
    "load_detector",
    "plot_svg",
    "watermark_csv",
    "watermark_document",
    "watermark_html",
    "watermark_json",
    "watermark_text",
]
