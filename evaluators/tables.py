"""The table of a benchmark, several models side by side: text, CSV and JSON.

Text shows percentages and percentage points; CSV and JSON hold fractions. The JSON document (``SCHEMA_VERSION`` 1)::

    schema_version, kind: "editmill.evaluation"
    dataset: {name, version, fingerprint, generator}
    options: {confidence, resamples, seed}
    models: [{model, samples, mean_drop: ESTIMATE or null, columns: [{
        edit, level, name, control, samples, sources, correct, accuracy: ESTIMATE,
        comparison: null or {drop: ESTIMATE, original_accuracy, lost, gained, p_value, p_holm: number or null},
        net_drop: ESTIMATE or null}]}]
    warnings: [text]

    ESTIMATE = {value, low, high, n}
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from evaluators.accuracy import Evaluation
from evaluators.cautions import find_warnings
from evaluators.pairing import ColumnResult
from evaluators.statistics import Estimate
from manifests import RequestError, canonical_json

SCHEMA_VERSION = 1

_CSV_FIELDS = [
    *("model", "edit", "level", "column", "control", "samples", "sources", "correct"),
    *("accuracy", "accuracy_low", "accuracy_high", "pairs", "original_accuracy", "drop", "drop_low", "drop_high"),
    *("lost", "gained", "p_value", "p_holm", "net_pairs", "net_drop", "net_drop_low", "net_drop_high"),
]


def to_text(evaluations: Sequence[Evaluation]) -> str:
    """Lay the table out as aligned text, a row per column of the benchmark and a block per model.

    Raises:
        RequestError: There is no evaluation, or they are not of the same samples.
    """
    check_comparable(evaluations)
    first = evaluations[0]
    manifest, level = first.manifest, f"{first.options.confidence * 100:g}"
    blocks = [_block(evaluation, level) for evaluation in evaluations]
    shared = [["edit", "n", "pairs"], *(_shared_cells(result) for result in first.columns), ["mean drop", "", ""]]
    body = [sum((block[row] for block in blocks), cells) for row, cells in enumerate(shared)]
    lines = _align(body, block=len(blocks[0][0]), titles=[evaluation.model for evaluation in evaluations])
    head = f"{manifest.name} {manifest.version}  fingerprint {manifest.fingerprint[:12]}"
    notes = [
        f"top-1 in %, drop in points against the unedited samples of the same sources, with {level} % intervals;",
        "lost/gained: sources that turn wrong/right; p: exact McNemar test, Holm-corrected over the edits (controls: uncorrected);",
        "net: drop against paste-back. The mean drop leaves out controls.",
    ]
    cautions = [f"warning: {warning}" for warning in find_warnings(evaluations)]
    return "\n".join([head, "", *lines, "", *notes, *cautions]) + "\n"


def to_csv(evaluations: Sequence[Evaluation]) -> str:
    """Write one line per model and column, as fractions; what was not measured is empty.

    Raises:
        RequestError: There is no evaluation, or they are not of the same samples.
    """
    check_comparable(evaluations)
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, _CSV_FIELDS, lineterminator="\n")
    writer.writeheader()
    for evaluation in evaluations:
        writer.writerows(_csv_row(evaluation.model, result) for result in evaluation.columns)
    return buffer.getvalue()


def to_json(evaluations: Sequence[Evaluation]) -> bytes:
    """Write the document described at the top of this module, as canonical JSON.

    Raises:
        RequestError: There is no evaluation, or they are not of the same samples.
    """
    return canonical_json(to_document(evaluations)) + b"\n"


def to_document(evaluations: Sequence[Evaluation]) -> dict[str, Any]:
    """Build the document that `to_json` writes."""
    check_comparable(evaluations)
    manifest = evaluations[0].manifest
    return {
        "schema_version": SCHEMA_VERSION,
        "kind": "editmill.evaluation",
        "dataset": {
            "name": manifest.name,
            "version": manifest.version,
            "fingerprint": manifest.fingerprint,
            "generator": manifest.generator,
        },
        "options": asdict(evaluations[0].options),
        "models": [_model_document(evaluation) for evaluation in evaluations],
        "warnings": find_warnings(evaluations),
    }


def check_comparable(evaluations: Sequence[Evaluation]) -> None:
    """Check that evaluations can stand side by side.

    Raises:
        RequestError: There is none, or they differ in dataset, samples or options.
    """
    if not evaluations:
        raise RequestError("a table needs at least one evaluation")
    first = evaluations[0]
    for other in evaluations[1:]:
        if other.manifest != first.manifest or other.options != first.options:
            raise RequestError(
                f"the evaluations of {first.model} and {other.model} are of different datasets or options",
                fix="evaluate all models on one dataset, with the same options",
            )
        if not other.predictions["key"].equals(first.predictions["key"]):
            raise RequestError(
                f"{first.model} and {other.model} were evaluated on different samples", fix="evaluate one selection"
            )


def percent(value: float) -> str:
    """Write a fraction as a percentage with one decimal."""
    return f"{value * 100:.1f}"


def points(value: float) -> str:
    """Write a drop in percentage points, with its sign."""
    text = f"{value * 100:+.1f}"
    return "0.0" if text in ("+0.0", "-0.0") else text


def p_text(value: float | None) -> str:
    """Write a p-value."""
    return "-" if value is None else "<0.001" if value < 0.001 else f"{value:.3f}"


def shown_p(result: ColumnResult) -> float | None:
    """Return the p-value that tables show: corrected for columns under study, as it is for controls."""
    if result.comparison is None:
        return None
    return result.comparison.p_value if result.comparison.p_holm is None else result.comparison.p_holm


def _shared_cells(result: ColumnResult) -> list[str]:
    pairs = str(result.comparison.drop.n) if result.comparison else "-"
    return [result.column.name, str(result.accuracy.n), pairs]


def _block(evaluation: Evaluation, level: str) -> list[list[str]]:
    head = ["top-1", f"{level} %", "drop", f"{level} %", "lost/gained", "p", "net"]
    mean = evaluation.mean_drop
    last = ["", "", points(mean.value), _range(mean), "", "", ""] if mean else ["", "", "-", "", "", "", ""]
    return [head, *(_cells(result) for result in evaluation.columns), last]


def _cells(result: ColumnResult) -> list[str]:
    accuracy, comparison = result.accuracy, result.comparison
    cells = [percent(accuracy.value), f"[{percent(accuracy.low)}, {percent(accuracy.high)}]"]
    if comparison is None:
        return [*cells, "-", "", "", "", ""]
    return [
        *cells,
        points(comparison.drop.value),
        _range(comparison.drop),
        f"{comparison.lost}/{comparison.gained}",
        p_text(shown_p(result)),
        points(result.net.value) if result.net else "-",
    ]


def _range(estimate: Estimate) -> str:
    return f"[{points(estimate.low)}, {points(estimate.high)}]"


def _align(body: list[list[str]], *, block: int, titles: list[str]) -> list[str]:
    """Align cells, with a rule below the head and above the mean, and a model's title above its block."""
    widths = [max(len(row[index]) for row in body) for index in range(len(body[0]))]
    shared = len(widths) - block * len(titles)
    for number, title in enumerate(titles):
        start = shared + number * block
        spare = len(title) - sum(widths[start : start + block]) - 2 * (block - 1)
        widths[start + block - 1] += max(0, spare)

    def line(cells: list[str]) -> str:
        padded = [cell.rjust(width) for cell, width in zip(cells, widths, strict=True)]
        padded[0] = cells[0].ljust(widths[0])
        groups = [padded[:shared], *(padded[at : at + block] for at in range(shared, len(padded), block))]
        return " | ".join("  ".join(group) for group in groups).rstrip()

    lines = [line(row) for row in body]
    spans = [sum(widths[at : at + block]) + 2 * (block - 1) for at in range(shared, len(widths), block)]
    left = sum(widths[:shared]) + 2 * (shared - 1)
    named = zip(titles, spans, strict=True)
    title = " | ".join([" " * left, *(text.ljust(span) for text, span in named)]).rstrip()
    rule = "-+-".join("-" * span for span in [left, *spans])
    return [title, lines[0], rule, *lines[1:-1], rule, lines[-1]]


def _csv_row(model: str, result: ColumnResult) -> dict[str, Any]:
    column, comparison = result.column, result.comparison
    row: dict[str, Any] = {"model": model, "edit": column.edit, "level": column.level, "column": column.name}
    row |= {"control": int(column.control), "samples": result.accuracy.n, "sources": result.sources}
    row |= {"correct": result.correct} | _named("accuracy", result.accuracy)
    if comparison:
        row |= {"pairs": comparison.drop.n} | _named("drop", comparison.drop)
        row |= {
            name: getattr(comparison, name) for name in ("original_accuracy", "lost", "gained", "p_value", "p_holm")
        }
    if result.net:
        row |= {"net_pairs": result.net.n} | _named("net_drop", result.net)
    return row


def _named(name: str, estimate: Estimate) -> dict[str, float]:
    return {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}


def _model_document(evaluation: Evaluation) -> dict[str, Any]:
    return {
        "model": evaluation.model,
        "samples": evaluation.predictions.num_rows,
        "mean_drop": asdict(evaluation.mean_drop) if evaluation.mean_drop else None,
        "columns": [_column_document(result) for result in evaluation.columns],
    }


def _column_document(result: ColumnResult) -> dict[str, Any]:
    return {
        "edit": result.column.edit,
        "level": result.column.level,
        "name": result.column.name,
        "control": result.column.control,
        "samples": result.accuracy.n,
        "sources": result.sources,
        "correct": result.correct,
        "accuracy": asdict(result.accuracy),
        "comparison": asdict(result.comparison) if result.comparison else None,
        "net_drop": asdict(result.net) if result.net else None,
    }
