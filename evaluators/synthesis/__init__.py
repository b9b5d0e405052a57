"""Evaluation of generated pictures: accuracy by conditioning, effective robustness, and what the guards let pass.

Importing it loads no torch.
"""

from __future__ import annotations

from editmill.evaluators.synthesis.evaluation import SynthesisEvaluation, evaluate_synthesis
from editmill.evaluators.synthesis.reports import (
    synthesis_csv,
    synthesis_document,
    synthesis_html,
    synthesis_json,
    synthesis_text,
)

__all__ = [
    "SynthesisEvaluation",
    "evaluate_synthesis",
    "synthesis_csv",
    "synthesis_document",
    "synthesis_html",
    "synthesis_json",
    "synthesis_text",
]
