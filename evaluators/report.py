"""The report of an evaluation: one HTML file that needs nothing beside it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path

from editmill.evaluators.accuracy import Evaluation
from editmill.evaluators.cautions import find_warnings
from editmill.evaluators.columns import ORIGINAL
from editmill.evaluators.layout import p_text, percent, points, share_text
from editmill.evaluators.orders import orders
from editmill.evaluators.pairing import ColumnResult
from editmill.evaluators.plot import COLOURS, drop_plot
from editmill.evaluators.sentences import describe_order, describe_sources, shown_p, stratum_range
from editmill.evaluators.statistics import Estimate
from editmill.evaluators.strata import strata
from editmill.evaluators.tables import check_comparable
from editmill.manifests import Manifest, atomic_write

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; color: #1c1c1c; background: #fff; max-width: 72rem; margin: 2rem auto; padding: 0 1rem }}
h1 {{ font-size: 1.6rem; margin-bottom: 0 }} h2 {{ font-size: 1.15rem; margin: 2rem 0 .5rem }}
h3 {{ font-size: 1rem; margin: 1.2rem 0 .3rem }}
.facts, .note {{ color: #595959 }} code {{ font-size: .9em; overflow-wrap: anywhere }}
.scroll {{ overflow-x: auto }} table {{ border-collapse: collapse; font-variant-numeric: tabular-nums }}
th, td {{ padding: .25rem .7rem; text-align: right; border-bottom: 1px solid #ddd; white-space: nowrap }}
th:first-child, td:first-child, td.text, th.text {{ text-align: left }} thead th {{ border-bottom: 2px solid #888 }}
tr.control td, svg .control {{ color: #6b6b6b; fill: #6b6b6b }} tfoot td {{ font-weight: 600; border-bottom: 0 }}
.warnings {{ background: #fff4d6; border-left: 4px solid #e69f00; padding: .5rem 1rem .5rem 2rem; margin: 1rem 0 }}
svg {{ width: 100%; max-width: 860px; font: 13px system-ui, sans-serif }} .tick {{ font-size: 11px; fill: #595959 }}
.grid {{ stroke: #e3e3e3 }} .apart {{ stroke: #999; stroke-dasharray: 4 4 }} .zero {{ stroke: #555 }}
.whisker {{ stroke: #1c1c1c; stroke-width: 1.3 }}
.swatch {{ display: inline-block; width: .8em; height: .8em; margin-right: .4em }}
</style>
</head>
<body>
{body}
</body>
</html>
"""


def write_report(path: str | Path, evaluations: Sequence[Evaluation]) -> None:
    """Write the report to a file, whole or not at all.

    Raises:
        RequestError: There is no evaluation, or they are not of the same samples.
    """
    atomic_write(path, report_html(evaluations).encode())


def report_html(evaluations: Sequence[Evaluation]) -> str:
    """Build the report: dataset, warnings, plot of drops, tables and orders per model, acceptance by edit.

    Equal input, equal text.

    Raises:
        RequestError: There is no evaluation, or they are not of the same samples.
    """
    check_comparable(evaluations)
    manifest = evaluations[0].manifest
    parts = [_head(manifest), f'<p class="facts">{describe_sources(evaluations[0].sources)}</p>']
    parts += [_warnings(find_warnings(evaluations)), "<h2>Models</h2>", _models(evaluations)]
    plot = drop_plot(evaluations)
    if plot:
        parts += ["<h2>Accuracy drops</h2>", plot]
    for evaluation in evaluations:
        parts += [
            f"<h2>{escape(evaluation.model)}</h2>",
            _columns(evaluation),
            _strata(evaluation),
            _orders(evaluation),
        ]
    parts += [_method(evaluations[0]), "<h2>Acceptance</h2>", _acceptance(manifest)]
    return _PAGE.format(title=escape(f"{manifest.name} {manifest.version}: accuracy by edit"), body="\n".join(parts))


def _head(manifest: Manifest) -> str:
    sources = f"{manifest.sources.count} sources ({escape(manifest.sources.name)})"
    return (
        f"<h1>{escape(manifest.name)} {escape(manifest.version)}</h1>\n"
        f'<p class="facts">{manifest.samples} accepted samples from {sources}; generator {escape(manifest.generator)}; '
        f"fingerprint <code>{escape(manifest.fingerprint)}</code></p>"
    )


def _warnings(lines: list[str]) -> str:
    items = "".join(f"<li>{escape(line)}</li>" for line in lines)
    return f'<ul class="warnings">{items}</ul>' if lines else ""


def _models(evaluations: Sequence[Evaluation]) -> str:
    level = f"{evaluations[0].options.confidence * 100:g} %"
    rows = []
    for number, evaluation in enumerate(evaluations):
        original = next((result.accuracy for result in evaluation.columns if result.column.edit == ORIGINAL), None)
        swatch = f'<span class="swatch" style="background:{COLOURS[number % len(COLOURS)]}"></span>'
        cells = [swatch + escape(evaluation.model), percent(original.value) if original else "-"]
        rows.append([*cells, *_interval(evaluation.mean_drop)])
    return _table(["model", "top-1 unedited, %", "mean drop, points", level], rows)


def _columns(evaluation: Evaluation) -> str:
    level = f"{evaluation.options.confidence * 100:g} %"
    head = ["edit", "accepted, %", "n", "top-1, %", level, "pairs", "drop, points", level, "lost", "gained", "p"]
    head += ["net drop", level, "net of"]
    rows = [_column_cells(evaluation, result) for result in evaluation.columns]
    kinds = ["control" if result.column.control else "" for result in evaluation.columns]
    foot = ["mean drop", *[""] * 5, *_interval(evaluation.mean_drop), *[""] * 6]
    return _table(head, rows, kinds=kinds, foot=foot, text_last=True)


def _column_cells(evaluation: Evaluation, result: ColumnResult) -> list[str]:
    accuracy, comparison = result.accuracy, result.comparison
    cells = [escape(result.column.name), share_text(evaluation.acceptance(result)), str(accuracy.n)]
    cells += [percent(accuracy.value), f"{percent(accuracy.low)} to {percent(accuracy.high)}"]
    if comparison is None:
        return [*cells, "-", "-", "", "", "", "", "-", "", ""]
    flips = [str(comparison.lost), str(comparison.gained), escape(p_text(shown_p(result)))]
    net = [*_interval(result.net), result.net_control or ""]
    return [*cells, str(comparison.drop.n), *_interval(comparison.drop), *flips, *net]


def _strata(evaluation: Evaluation) -> str:
    level = f"{evaluation.options.confidence * 100:g} %"
    rows = [
        [
            *(f"{stratum.by}: {stratum.name}", str(stratum.sources), stratum_range(stratum)),
            *(percent(stratum.original_accuracy), *_interval(stratum.mean_drop)),
        ]
        for stratum in strata(evaluation)
    ]
    head = ["thirds of the sources", "n", "range", "top-1 unedited, %", "mean drop, points", level]
    return f"<h3>By size of the object and margin of the judge</h3>\n{_table(head, rows)}" if rows else ""


def _orders(evaluation: Evaluation) -> str:
    items = "".join(f"<li>{escape(describe_order(order))}</li>" for order in orders(evaluation))
    return f"<h3>Published orders</h3>\n<ul>{items}</ul>" if items else ""


def _interval(estimate: Estimate | None) -> list[str]:
    return [points(estimate.value), f"{points(estimate.low)} to {points(estimate.high)}"] if estimate else ["-", ""]


def _method(evaluation: Evaluation) -> str:
    options = evaluation.options
    return (
        '<p class="note">n counts accepted samples, pairs the sources that have both the edited and the unedited '
        "sample. "
        "Top-1 with Wilson intervals; drops against the unedited samples of the same sources, with percentile "
        "bootstrap "
        f"intervals over sources ({options.resamples} resamples, seed {options.seed}); lost and gained count sources "
        "that turn "
        "wrong and right; p is McNemar's exact test, Holm-corrected over the edits (controls uncorrected); the net "
        "drop is "
        "measured against the control named beside it. Controls are grey, and the mean drop leaves them out. Size is "
        "the object's "
        "share of the unedited frame; the margin is the judge's probability of the label less that of its best rival "
        "(higher is "
        "easier), where the judge recognised the source. A step of an order is clear where its whole interval lies on "
        "one side "
        "of zero.</p>"
    )


def _acceptance(manifest: Manifest) -> str:
    rows = []
    for edit in [*manifest.edits, *sorted(manifest.counts.keys() - set(manifest.edits))]:
        statuses = manifest.counts.get(edit, {})
        numbers = {status: sum(statuses.get(status, {}).values()) for status in ("ok", "rejected", "failed")}
        planned = sum(numbers.values())
        reasons = [
            f"{reason} {count}"
            for _, found in sorted(statuses.items())
            for reason, count in sorted(found.items())
            if reason
        ]
        share = f"{percent(numbers['ok'] / planned)} %" if planned else "-"
        cells = [edit, str(planned), *(str(number) for number in numbers.values()), share, ", ".join(reasons)]
        rows.append([escape(cell) for cell in cells])
    return _table(
        ["edit", "planned", "accepted", "rejected", "failed", "accepted share", "reasons"], rows, text_last=True
    )


def _table(
    head: list[str],
    rows: list[list[str]],
    *,
    kinds: Iterable[str] | None = None,
    foot: list[str] | None = None,
    text_last: bool = False,
) -> str:
    """Build a table from cells that are HTML already."""
    last = len(head) - 1

    def cells(values: list[str], tag: str) -> str:
        marks = [' class="text"' if text_last and index == last else "" for index in range(len(values))]
        return "".join(f"<{tag}{mark}>{value}</{tag}>" for mark, value in zip(marks, values, strict=True))

    marks = [f' class="{kind}"' if kind else "" for kind in (kinds or [""] * len(rows))]
    body = "".join(f"<tr{mark}>{cells(row, 'td')}</tr>\n" for mark, row in zip(marks, rows, strict=True))
    end = f"<tfoot><tr>{cells(foot, 'td')}</tr></tfoot>" if foot else ""
    return f'<div class="scroll"><table><thead><tr>{cells(head, "th")}</tr></thead><tbody>\n{body}</tbody>{end}</table></div>'
