"""The tables of an evaluation as cells of text, its plot, and the sentences that go with them."""

from __future__ import annotations

from editmill.evaluators.attribute.columns import ORIGINAL
from editmill.evaluators.attribute.evaluation import AttributeEvaluation
from editmill.evaluators.attribute.orders import Order, Step
from editmill.evaluators.attribute.pairing import ColumnResult
from editmill.evaluators.attribute.rows import Sources
from editmill.evaluators.attribute.strata import Stratum
from editmill.evaluators.bars import drop_bars
from editmill.evaluators.figures import (
    SHARE_INTERVALS,
    SOURCE_INTERVALS,
    counted,
    drop_cells,
    p_text,
    percent,
    points,
    points_range,
    rate_cells,
)
from editmill.evaluators.reporting import Section

_NOTES = (
    "accepted: share of the planned samples that the guards let pass, in %; n: accepted samples; pairs: sources that "
    "have both the edited and the unedited sample;",
    f"top-1 in %; {SHARE_INTERVALS};",
    f"drop in points against the unedited samples of the same sources, with {SOURCE_INTERVALS};",
    "lost/gained: sources that turn wrong/right; p: exact McNemar test, Holm-corrected over the edits (controls: "
    "uncorrected);",
    "net: drop against the control under 'net of'. The mean drop leaves out controls, which pages show in grey.",
)
_STRATA_NOTE = (
    "size: the object's share of the unedited frame; margin: the judge's probability of the label less that of its "
    "best rival (higher is easier), where the judge recognised the source."
)
_ORDER_NOTE = "A step of an order is clear where its whole interval lies on one side of zero."


def sections(evaluation: AttributeEvaluation) -> list[Section]:
    """Return all tables, in reading order."""
    return [_models(evaluation), _columns(evaluation), _strata(evaluation), _acceptance(evaluation)]


def drop_plot(evaluation: AttributeEvaluation) -> str:
    """Draw a bar per compared column and model with its interval, controls first; empty when nothing was compared."""
    columns = [result.column for model in evaluation.models for result in model.columns]
    series = [
        (model.model, {result.column.name: result.comparison.drop for result in model.columns if result.comparison})
        for model in evaluation.models
    ]
    title = "Drop of top-1 accuracy against the unedited samples, in percentage points"
    return drop_bars(series, title=title, controls={column.name for column in columns if column.control})


def describe_sources(sources: Sources) -> str:
    """Say what the sources are like."""
    facts = [f"{counted(sources.count, 'source')} with an unedited sample"]
    if sources.median_area is not None:
        facts.append(f"median object {percent(sources.median_area)} % of the frame")
    if sources.judged is not None:
        facts.append(f"{percent(sources.judged)} % judged")
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
    return f"{points(step.difference.value)} {points_range(step.difference)} {step.verdict}"


def _level(evaluation: AttributeEvaluation) -> str:
    return f"{evaluation.uncertainty.confidence * 100:g} %"


def _models(evaluation: AttributeEvaluation) -> Section:
    rows = []
    for model in evaluation.models:
        original = next((result.accuracy.value for result in model.columns if result.column.edit == ORIGINAL), None)
        rows.append([model.model, percent(original), *drop_cells(model.mean_drop)])
    head = ["model", "top-1 unedited, %", "mean drop, points", _level(evaluation)]
    return Section("Models", head, rows, shared=1)


def _columns(evaluation: AttributeEvaluation) -> Section:
    level, models = _level(evaluation), evaluation.models
    head = ["edit", "accepted", "n", "pairs", "net of"]
    block = ["top-1", level, "drop", level, "lost/gained", "p", "net", level]
    results = list(zip(*(model.columns for model in models), strict=True))
    rows = [
        [*_shared_cells(evaluation, row[0]), *(cell for result in row for cell in _column_cells(result))]
        for row in results
    ]
    means = (cell for model in models for cell in ["", "", *drop_cells(model.mean_drop), "", "", "", ""])
    ordered = [f"{model.model}: {describe_order(order)}" for model in models for order in model.orders]
    return Section(
        "Accuracy by edit",
        head + block * len(models),
        [*rows, ["mean drop", "", "", "", "", *means]],
        (*_NOTES, *ordered, *([_ORDER_NOTE] if ordered else ())),
        groups=[model.model for model in models],
        shared=len(head),
        controls=frozenset(number for number, row in enumerate(results) if row[0].column.control),
        foot=True,
    )


def _shared_cells(evaluation: AttributeEvaluation, result: ColumnResult) -> list[str]:
    pairs = str(result.comparison.drop.n) if result.comparison else "-"
    accepted = percent(evaluation.acceptance(result))
    return [result.column.name, accepted, str(result.accuracy.n), pairs, result.net_control or "-"]


def _column_cells(result: ColumnResult) -> list[str]:
    comparison = result.comparison
    if comparison is None:
        return [*rate_cells(result.accuracy), "-", "", "", "", "", ""]
    shown = comparison.p_value if comparison.p_holm is None else comparison.p_holm
    flips = f"{comparison.lost}/{comparison.gained}"
    return [*rate_cells(result.accuracy), *drop_cells(comparison.drop), flips, p_text(shown), *drop_cells(result.net)]


def _strata(evaluation: AttributeEvaluation) -> Section:
    head = ["thirds of the sources", "n", "range"]
    block = ["top-1 unedited", "mean drop", _level(evaluation)]
    # Which sources there are does not depend on the model.
    rows = [
        [f"{row[0].by}: {row[0].name}", str(row[0].sources), _stratum_range(row[0])]
        + [cell for stratum in row for cell in _stratum_cells(stratum)]
        for row in zip(*(model.strata for model in evaluation.models), strict=True)
    ]
    return Section(
        "By size of the object and margin of the judge",
        head + block * len(evaluation.models),
        rows,
        (_STRATA_NOTE,),
        groups=[model.model for model in evaluation.models],
        shared=len(head),
    )


def _stratum_range(stratum: Stratum) -> str:
    """Write which values a stratum holds: sizes in percent of the frame, margins as they are."""
    if stratum.by == "size":
        return f"{percent(stratum.low)} to {percent(stratum.high)} %"
    return f"{stratum.low:.3f} to {stratum.high:.3f}"


def _stratum_cells(stratum: Stratum) -> list[str]:
    return [percent(stratum.original_accuracy), *drop_cells(stratum.mean_drop)]


def _acceptance(evaluation: AttributeEvaluation) -> Section:
    manifest, rows = evaluation.manifest, []
    for edit in [*manifest.edits, *sorted(manifest.counts.keys() - set(manifest.edits))]:
        statuses = manifest.counts.get(edit, {})
        numbers = [sum(statuses.get(status, {}).values()) for status in ("ok", "rejected", "failed")]
        found = [item for _, reasons in sorted(statuses.items()) for item in sorted(reasons.items())]
        said = ", ".join(f"{reason} {count}" for reason, count in found if reason)
        share = f"{percent(numbers[0] / sum(numbers))} %" if sum(numbers) else "-"
        rows.append([edit, str(sum(numbers)), *map(str, numbers), share, said])
    head = ["edit", "planned", "accepted", "rejected", "failed", "accepted share", "reasons"]
    return Section("Acceptance", head, rows, shared=1)
