"""The table of a benchmark as aligned text, several models side by side, in percentages and percentage points."""

from __future__ import annotations

from collections.abc import Sequence

from editmill.evaluators.accuracy import Evaluation
from editmill.evaluators.cautions import find_warnings
from editmill.evaluators.layout import align, p_text, percent, points, points_range, share_text
from editmill.evaluators.orders import orders
from editmill.evaluators.pairing import ColumnResult
from editmill.evaluators.sentences import describe_order, describe_sources, shown_p, stratum_range
from editmill.evaluators.statistics import Estimate
from editmill.evaluators.strata import Stratum, strata
from editmill.manifests import RequestError


def to_text(evaluations: Sequence[Evaluation]) -> str:
    """Lay the table out, a row per column of the benchmark and a block per model; below it strata and orders.

    Raises:
        RequestError: There is no evaluation, or they are not of the same samples.
    """
    check_comparable(evaluations)
    first = evaluations[0]
    manifest, level = first.manifest, f"{first.options.confidence * 100:g} %"
    head = f"{manifest.name} {manifest.version}  fingerprint {manifest.fingerprint[:12]}"
    notes = [
        "accepted: share of the planned samples that the guards let pass, in %; n: accepted samples;",
        f"top-1 in %, drop in points against the unedited samples of the same sources, with {level} intervals;",
        "lost/gained: sources that turn wrong/right; p: exact McNemar test, Holm-corrected over the edits (controls: "
        "uncorrected);",
        "net: drop against the control under 'net of'. The mean drop leaves out controls.",
    ]
    parts = [[head], _columns_table(evaluations, level), notes, [f"sources: {describe_sources(first.sources)}"]]
    parts += [_strata_table(evaluations, level), _order_lines(evaluations)]
    parts.append([f"warning: {warning}" for warning in find_warnings(evaluations)])
    return "\n\n".join("\n".join(lines) for lines in parts if lines) + "\n"


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


def _columns_table(evaluations: Sequence[Evaluation], level: str) -> list[str]:
    first = evaluations[0]
    head = ["edit", "accepted", "n", "pairs", "net of"]
    shared = [head, *(_shared_cells(first, result) for result in first.columns), ["mean drop", *[""] * 4]]
    blocks = [_block(evaluation, level) for evaluation in evaluations]
    body = [sum((block[row] for block in blocks), cells) for row, cells in enumerate(shared)]
    lines = align(body, shared=len(head), titles=[evaluation.model for evaluation in evaluations])
    rule = lines[2]
    return [*lines[:-1], rule, lines[-1]]


def _shared_cells(evaluation: Evaluation, result: ColumnResult) -> list[str]:
    pairs = str(result.comparison.drop.n) if result.comparison else "-"
    accepted = share_text(evaluation.acceptance(result))
    return [result.column.name, accepted, str(result.accuracy.n), pairs, result.net_control or "-"]


def _block(evaluation: Evaluation, level: str) -> list[list[str]]:
    head = ["top-1", level, "drop", level, "lost/gained", "p", "net"]
    return [
        head,
        *(_cells(result) for result in evaluation.columns),
        ["", "", *_drop_cells(evaluation.mean_drop), "", "", ""],
    ]


def _cells(result: ColumnResult) -> list[str]:
    accuracy, comparison = result.accuracy, result.comparison
    cells = [percent(accuracy.value), f"[{percent(accuracy.low)}, {percent(accuracy.high)}]"]
    if comparison is None:
        return [*cells, "-", "", "", "", ""]
    flips = f"{comparison.lost}/{comparison.gained}"
    net = points(result.net.value) if result.net else "-"
    return [*cells, *_drop_cells(comparison.drop), flips, p_text(shown_p(result)), net]


def _strata_table(evaluations: Sequence[Evaluation], level: str) -> list[str]:
    found = [strata(evaluation) for evaluation in evaluations]
    if not found[0]:
        return []
    head = ["thirds of the sources", "n", "range"]
    body = [head + ["top-1", "mean drop", level] * len(found)]
    for row in zip(*found, strict=True):
        one = row[0]
        cells = [f"{one.by}: {one.name}", str(one.sources), stratum_range(one)]
        body.append(sum((_stratum_cells(stratum) for stratum in row), cells))
    return align(body, shared=len(head), titles=[evaluation.model for evaluation in evaluations])


def _stratum_cells(stratum: Stratum) -> list[str]:
    return [percent(stratum.original_accuracy), *_drop_cells(stratum.mean_drop)]


def _drop_cells(drop: Estimate | None) -> list[str]:
    return [points(drop.value), points_range(drop)] if drop else ["-", ""]


def _order_lines(evaluations: Sequence[Evaluation]) -> list[str]:
    return [
        f"{evaluation.model}: {describe_order(order)}" for evaluation in evaluations for order in orders(evaluation)
    ]
