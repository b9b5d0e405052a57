"""Evaluation of classifiers on datasets: accuracy by edit, paired drops, tables and reports.

Importing it loads no torch.
"""

from __future__ import annotations

from editmill.evaluators.accuracy import Evaluation, columns_of, evaluate
from editmill.evaluators.cautions import find_warnings
from editmill.evaluators.classifiers import Classifier, load_classifier
from editmill.evaluators.columns import Column
from editmill.evaluators.documents import to_csv, to_document, to_json
from editmill.evaluators.orders import Order, Step, orders
from editmill.evaluators.pairing import ColumnResult, Comparison, Options, compare_columns
from editmill.evaluators.predictions import predict
from editmill.evaluators.report import report_html, write_report
from editmill.evaluators.sources import Sources, read_sources
from editmill.evaluators.statistics import Estimate, holm, mcnemar_exact, mean_of_means, paired_drop, wilson_interval
from editmill.evaluators.strata import Stratum, strata
from editmill.evaluators.tables import to_text

__all__ = [
    "Classifier",
    "Column",
    "ColumnResult",
    "Comparison",
    "Estimate",
    "Evaluation",
    "Options",
    "Order",
    "Sources",
    "Step",
    "Stratum",
    "columns_of",
    "compare_columns",
    "evaluate",
    "find_warnings",
    "holm",
    "load_classifier",
    "mcnemar_exact",
    "mean_of_means",
    "orders",
    "paired_drop",
    "predict",
    "read_sources",
    "report_html",
    "strata",
    "to_csv",
    "to_document",
    "to_json",
    "to_text",
    "wilson_interval",
    "write_report",
]
