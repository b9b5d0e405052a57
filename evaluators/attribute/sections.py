"""The tables of an evaluation, its plot, and the sentences that go with them."""

from __future__ import annotations

from editmill.evaluators.acceptance import acceptance_table
from editmill.evaluators.attribute.columns import ORIGINAL
from editmill.evaluators.attribute.evaluation import AttributeEvaluation
from editmill.evaluators.attribute.orders import Order, Step
from editmill.evaluators.attribute.pairing import ColumnResult
from editmill.evaluators.attribute.rows import Sources
from editmill.evaluators.attribute.strata import Stratum
from editmill.evaluators.figures import (
    SHARE_INTERVALS,
    SOURCE_INTERVALS,
    counted,
    percent_text,
    points_range,
    points_text,
)
from editmill.evaluators.plots import BarPlot, drop_bars
from editmill.evaluators.tables import Cell, Table, count, p_value, percent, points, words

_NOTES = (
    "accepted: share of the planned samples that the guards let pass, in %; n: accepted samples; pairs: sources that "
    "have both the edited and the unedited sample;",
    f"top-1 in %; {SHARE_INTERVALS};",
    f"drop in points against the unedited samples of the same sources, with {SOURCE_INTERVALS};",
    "lost, gained: sources that turn wrong and right; p: exact McNemar test, Holm-corrected over the edits (controls: "
    "uncorrected);",
    "net: drop against the control under 'net of'. The mean drop leaves out controls, which pages show in grey.",
)
_STRATA_NOTE = (
    "size: the object's share of the unedited frame; margin: the judge's probability of the label less that of its "
    "best rival (higher is easier), where the judge recognised the source."
)
_ORDER_NOTE = "A step of an order is clear where its whole interval lies on one side of zero."


def sections(evaluation: AttributeEvaluation) -> list[Table]:
    """Return all tables, in reading order."""
    return [_models(evaluation), _columns(evaluation), _strata(evaluation), acceptance_table(evaluation.manifest)]


def drop_plot(evaluation: AttributeEvaluation) -> BarPlot:
    """Return a bar per compared column and model with its interval, controls first."""
    columns = [result.column for model in evaluation.models for result in model.columns]
    series = [
        (model.model, {result.column.name: result.comparison.drop for result in model.columns if result.comparison})
        for model in evaluation.models
    ]
    label = "drop of top-1 accuracy against the unedited samples, in percentage points"
    controls = {column.name for column in columns if column.control}
    return drop_bars(series, title="Accuracy drops", label=label, controls=controls)


def describe_sources(sources: Sources) -> str:
    """Say what the sources are like."""
    facts = [f"{counted(sources.count, 'source')} with an unedited sample"]
    if sources.median_area is not None:
        facts.append(f"median object {percent_text(sources.median_area)} % of the frame")
    if sources.judged is not None:
        facts.append(f"{percent_text(sources.judged)} % judged")
    if sources.median_margin is not None:
        facts.append(f"median margin of the judge {sources.median_margin:.3f}")
    return ", ".join(facts)


def describe_order(order: Order) -> str:
    """Say whether an order holds, and by how many points each column differs from the one before it."""
    steps = "; ".join(f"{step.harder.name}: {_describe_step(step)}" for step in order.steps)
    return f"{order.name}: ordered as published: {order.verdict} ({steps})"


def _describe_step(step: Step) -> str:
    if step.difference is None:
        return "no common source"
    return f"{points_text(step.difference.value)} {points_range(step.difference)} {step.verdict}"


def _level(evaluation: AttributeEvaluation) -> str:
    return f"{evaluation.uncertainty.confidence * 100:g} %"


def _models(evaluation: AttributeEvaluation) -> Table:
    rows: list[list[Cell]] = []
    for model in evaluation.models:
        original = next((result.accuracy.value for result in model.columns if result.column.edit == ORIGINAL), None)
        rows.append([model.model, original, model.mean_drop])
    columns = [words("model"), percent("top-1 unedited"), points("mean drop", interval=_level(evaluation))]
    return Table("Models", columns, rows, shared=1)


def _columns(evaluation: AttributeEvaluation) -> Table:
    level, models = _level(evaluation), evaluation.models
    shared = [words("edit"), percent("accepted"), count("n"), count("pairs"), words("net of")]
    block = [percent("top-1", interval=level), points("drop", interval=level), count("lost"), count("gained")]
    block += [p_value("p"), points("net", interval=level)]
    results = list(zip(*(model.columns for model in models), strict=True))
    rows = [
        [*_shared_cells(evaluation, row[0]), *(cell for result in row for cell in _column_cells(result))]
        for row in results
    ]
    means = (cell for model in models for cell in ["", model.mean_drop, "", "", "", ""])
    ordered = [f"{model.model}: {describe_order(order)}" for model in models for order in model.orders]
    return Table(
        "Accuracy by edit",
        [*shared, *block],
        [*rows, ["mean drop", "", "", "", "", *means]],
        (*_NOTES, *ordered, *([_ORDER_NOTE] if ordered else ())),
        groups=[model.model for model in models],
        shared=len(shared),
        controls=[number for number, row in enumerate(results) if row[0].column.control],
        foot=True,
    )


def _shared_cells(evaluation: AttributeEvaluation, result: ColumnResult) -> list[Cell]:
    pairs = result.comparison.drop.n if result.comparison else None
    return [result.column.name, evaluation.acceptance(result), result.accuracy.n, pairs, result.net_control or "-"]


def _column_cells(result: ColumnResult) -> list[Cell]:
    comparison = result.comparison
    if comparison is None:
        return [result.accuracy, None, "", "", "", ""]
    shown = comparison.p_value if comparison.p_holm is None else comparison.p_holm
    return [result.accuracy, comparison.drop, comparison.lost, comparison.gained, shown, result.net]


def _strata(evaluation: AttributeEvaluation) -> Table:
    shared = [words("thirds of the sources"), count("n"), words("range")]
    block = [percent("top-1 unedited"), points("mean drop", interval=_level(evaluation))]
    # Which sources there are does not depend on the model.
    rows: list[list[Cell]] = [
        [f"{row[0].by}: {row[0].name}", row[0].sources, _stratum_range(row[0])]
        + [cell for stratum in row for cell in (stratum.original_accuracy, stratum.mean_drop)]
        for row in zip(*(model.strata for model in evaluation.models), strict=True)
    ]
    return Table(
        "By size of the object and margin of the judge",
        [*shared, *block],
        rows,
        (_STRATA_NOTE,),
        groups=[model.model for model in evaluation.models],
        shared=len(shared),
    )


def _stratum_range(stratum: Stratum) -> str:
    """Write which values a stratum holds: sizes in percent of the frame, margins as they are."""
    if stratum.by == "size":
        return f"{percent_text(stratum.low)} to {percent_text(stratum.high)} %"
    return f"{stratum.low:.3f} to {stratum.high:.3f}"
