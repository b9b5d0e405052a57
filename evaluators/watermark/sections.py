"""The tables of an evaluation as cells of text, in reading order."""

from __future__ import annotations

from collections.abc import Callable

from editmill.evaluators.figures import (
    SOURCE_INTERVALS,
    TOO_FEW,
    decimal,
    decimal_cells,
    drop_cells,
    p_text,
    percent,
    rate_cells,
)
from editmill.evaluators.reporting import Section
from editmill.evaluators.watermark.binomial import ALPHAS, threshold
from editmill.evaluators.watermark.cells import Cell, EmptyCell, View
from editmill.evaluators.watermark.dose import Crossing
from editmill.evaluators.watermark.evaluation import FAST, HEADLINE_ITEMS, WatermarkEvaluation
from editmill.evaluators.watermark.gate import LEAST_ITEMS
from editmill.evaluators.watermark.null import PAIRS, NullResult
from editmill.evaluators.watermark.weaknesses import BreakingRung

CELL_HEAD = ["scheme", "rung", "t/1000", "SNR", "n", "errors", "bits right", "95 %", "TPR@1%", "95 %"]
CELL_HEAD += ["TPR@0.1%", "95 %", "exact 1%", "AUROC", "95 %", "log10 p", "FPR@1%", "95 %", "margin"]


def tier_label(evaluation: WatermarkEvaluation) -> str:
    """Return what the size of the dataset allows to say."""
    size = f"{HEADLINE_ITEMS:,} + {HEADLINE_ITEMS:,} samples per rung"
    return f"FAST TIER: fewer than {size}" if evaluation.tier == FAST else f"headline tier: at least {size}"


def sections(evaluation: WatermarkEvaluation) -> list[Section]:
    """Return all tables, in reading order."""
    detection: tuple[Callable[[WatermarkEvaluation], Section], ...] = (_headline, _apart, _gates, _thresholds)
    attacks = (_doses, _views, _survival, _breaking, _strata, _arms, _quality)
    checks = (_nulls, _replicates, _detectors, _dropped, _failures)
    return [make(evaluation) for make in (*detection, *attacks, *checks)]


def _headline(evaluation: WatermarkEvaluation) -> Section:
    cells = [cell for cell in evaluation.cells if cell.ladder and cell.scheme in evaluation.headline]
    notes = (
        "n: marked samples, and as many unmarked ones of the same sources; both are attacked. Rates in % with "
        "Clopper-Pearson intervals;",
        "TPR at analytic thresholds whose true level is given below; exact: the randomised test at exactly 1 %;",
        f"bits right and AUROC with {SOURCE_INTERVALS};",
        "log10 p: median; margin: mean matches less the 1 % threshold, in bits.",
    )
    return Section(_titled("Detection by rung", evaluation), CELL_HEAD, [_cell(cell) for cell in cells], notes)


def _titled(title: str, evaluation: WatermarkEvaluation) -> str:
    """Return a title of a table of rates, which also says that pictures are too small for a package."""
    return f"{title} ({evaluation.small})" if evaluation.small else title


def _apart(evaluation: WatermarkEvaluation) -> Section:
    cells = [cell for cell in evaluation.cells if cell.ladder and cell.scheme not in evaluation.headline]
    title = _titled("Schemes that did not pass the gate: no headline", evaluation)
    return Section(title, CELL_HEAD, [_cell(cell) for cell in cells])


def _arms(evaluation: WatermarkEvaluation) -> Section:
    cells = [cell for cell in evaluation.cells if not cell.ladder]
    return Section(_titled("Ablation arms", evaluation), CELL_HEAD, [_cell(cell) for cell in cells])


def _cell(cell: Cell) -> list[str]:
    one, tenth = cell.combined.levels
    auroc = cell.combined.auroc
    return [
        cell.scheme,
        cell.rung,
        f"{cell.strength:.3f}",
        "inf" if cell.snr is None else f"{cell.snr:.3g}",
        str(cell.n),
        str(cell.errors),
        *rate_cells(cell.bit_accuracy),
        *rate_cells(one.tpr),
        *rate_cells(tenth.tpr),
        percent(one.exact_tpr.value),
        *decimal_cells(auroc),
        f"{cell.median_log10_p:.2f}",
        *rate_cells(one.fpr),
        f"{cell.margin_bits:+.1f}",
    ]


def _gates(evaluation: WatermarkEvaluation) -> Section:
    rows = [
        [gate.scheme, gate.status, str(gate.tpr.n) if gate.tpr else "-", *rate_cells(gate.tpr)]
        for gate in evaluation.gates
    ]
    note = (
        "a scheme enters the headline with TPR@1% of at least 99 %, lower end at least 97 %, on at least "
        f"{LEAST_ITEMS} unattacked items."
    )
    head = ["scheme", "status", "n", "TPR@1%", "95 %"]
    return Section(f"Gate at {evaluation.control or 'no control rung'}", head, rows, (note,))


def _thresholds(evaluation: WatermarkEvaluation) -> Section:
    rows = []
    for scheme in evaluation.schemes:
        tests = [threshold(scheme.bits, alpha) for alpha in ALPHAS]
        cells = [text for test in tests for text in (str(test.matches), f"{test.level * 100:.4f}", f"{test.share:.3f}")]
        rows.append([scheme.name, str(scheme.bits), *cells])
    head = ["scheme", "bits", "k@1%", "true level, %", "share at k-1", "k@0.1%", "true level, %", "share at k-1"]
    note = (
        "k: smallest number of matches with P(X >= k) at most the nominal level under Binomial(bits, 1/2); the "
        "exact test adds k-1 with the share."
    )
    return Section("Thresholds", head, rows, (note,))


def _doses(evaluation: WatermarkEvaluation) -> Section:
    rows = []
    for dose in evaluation.doses:
        crossed = [cell for place in (dose.s50, dose.s5, dose.q95, dose.q70) for cell in _crossing(place)]
        rows.append([dose.scheme, *crossed, *decimal_cells(dose.avg_p), *decimal_cells(dose.avg_q)])
    names = ("s50", "s5", "Q@0.95P", "Q@0.7P", "Avg-P", "Avg-Q")
    head = ["scheme", *(title for name in names for title in (name, "95 %"))]
    notes = (
        "s50, s5: strength t/1000 at which TPR@1% first falls to 50 % and 5 %, interpolated between rungs; pure noise "
        "lies at 1.",
        "Q@..P: loss of quality, 1 - SSIM, at which performance first falls so far; performance is TPR@0.1%; Avg: "
        "means over the attacks.",
    )
    return Section("Dose and response", head, rows, notes)


def _views(evaluation: WatermarkEvaluation) -> Section:
    rows = []
    for cell in evaluation.cells:
        if cell.ladder and len(cell.views) > 1:
            cells = [text for name in ("removal", "spoofing", "combined") for text in _view(cell.view(name))]
            rows.append([cell.scheme, cell.rung, *cells])
    head = [
        "scheme",
        "rung",
        *(f"{name} {what}" for name in ("removal", "spoofing", "combined") for what in ("AUROC", "TPR@1%", "FPR@1%")),
    ]
    notes = (
        "removal: attacked marked against clean unmarked samples. combined: both attacked.",
        "spoofing: clean marked against attacked unmarked samples that claim a mark; its FPR is how often the claim "
        "succeeds.",
    )
    return Section("Removal, spoofing and both", head, rows, notes)


def _view(view: View | None) -> list[str]:
    if view is None:
        return ["-"] * 3
    level = view.levels[0]
    return [decimal(view.auroc.value), percent(level.tpr.value), percent(level.fpr.value)]


def _survival(evaluation: WatermarkEvaluation) -> Section:
    rows = []
    for one in evaluation.survival:
        rates = [cell for found in (one.control_tpr, one.tpr, one.survivors) for cell in rate_cells(found)]
        bits = [percent(one.control_bit_accuracy), percent(one.bit_accuracy), f"{one.margin_bits:+.1f}"]
        rows.append([one.scheme, *rates, *bits])
    rungs = ", ".join(dict.fromkeys(one.rung for one in evaluation.survival))
    head = ["scheme", "control TPR@1%", "95 %", "TPR@1%", "95 %", "of those found", "95 %"]
    head += ["control bits right", "bits right", "margin"]
    note = "of those found: marks that the control finds and that are found here."
    return Section(f"What survives the vae rung ({rungs})", head, rows, (note,))


def _breaking(evaluation: WatermarkEvaluation) -> Section:
    rows = [_break(one) for one in evaluation.breaking]
    head = ["scheme", "breaks at", "whole interval below one half", "rung before", "TPR@1%", "95 %", "margin"]
    return Section("Which rung breaks the scheme", head, rows, ("the first rung whose TPR@1% lies below one half.",))


def _break(one: BreakingRung) -> list[str]:
    clear = ("yes" if one.clear else "no") if one.rung else "-"
    margin = "-" if one.margin_bits is None else f"{one.margin_bits:+.1f}"
    return [one.scheme, one.rung or "no rung", clear, one.before or "-", *rate_cells(one.tpr), margin]


def _strata(evaluation: WatermarkEvaluation) -> Section:
    rows = []
    for one in evaluation.strata:
        sides = [cell for side in (one.flat, one.textured) for cell in (str(side.n), *rate_cells(side))]
        tests = [p_text(one.p), p_text(one.holm)]
        rows.append([one.scheme, one.rung, f"{one.flat_share:.3f}", *sides, *drop_cells(one.difference), *tests])
    head = ["scheme", "rung", "median", "n flat", "flat TPR@1%", "95 %", "n textured", "textured TPR@1%", "95 %"]
    head += ["flat less textured", "95 %", "p", "p (Holm)"]
    note = (
        "halves by the share of nearly flat pixels of the source. p: Fisher's exact test; Holm: adjusted for all "
        f"{len(rows)} tests of this table."
    )
    return Section("Flat and textured sources", head, rows, (note,))


def _quality(evaluation: WatermarkEvaluation) -> Section:
    names = sorted({measure.name for one in evaluation.quality for measure in one.measures})
    rows = []
    for one in evaluation.quality:
        found = {measure.name: measure.value for measure in one.measures}
        scores = (decimal_cells(found.get(name), 2 if "psnr" in name else 3) for name in names)
        rows.append([one.scheme or "unmarked", one.rung, str(one.n), *(cell for score in scores for cell in score)])
    head = ["scheme", "rung", "n", *(text for name in names for text in (name, "95 %"))]
    note = (
        "_input: against what entered the attack; _source: against the original; embed_: the marked picture "
        "against the original. PSNR in dB."
    )
    return Section("Quality", head, rows, (note,))


def _nulls(evaluation: WatermarkEvaluation) -> Section:
    head = ["scheme", "unmarked", "keys", "images", "pairs", "chi2 p", "KS p", "FPR@1%", "true level"]
    head += ["99 % band", "FPR p", "least p (Holm)", "holds", "ties", "errors", "soft FPR"]
    tests = 3 * sum(one.test is not None for one in evaluation.nulls)
    notes = (
        f"matches of unmarked samples against Binomial(bits, 1/2): fresh keys, at least {PAIRS:,} pairs; the run's "
        "own keys, one sample per source;",
        f"holds: the least of the three p-values, adjusted by Holm for all {tests} tests of this table, is above 0.01;",
        "soft: the sum of signed scores, by its sign-flip p-value at 1 %. In %.",
    )
    return Section("Null calibration", head, [_null(one) for one in evaluation.nulls], notes)


def _null(one: NullResult) -> list[str]:
    cells = [one.scheme, one.group, one.keys, str(one.images), str(one.pairs)]
    end = [str(one.ties), str(one.errors), f"{one.soft_fpr.value * 100:.2f}" if one.soft_fpr else "-"]
    test = one.test
    if test is None:
        return [*cells, *["-"] * 7, "not tested", *end]
    band = f"[{test.band_low * 100:.2f}, {test.band_high * 100:.2f}]"
    rates = [f"{test.fpr.value * 100:.2f}", f"{test.true_level * 100:.2f}", band]
    tests = [p_text(test.fpr_p), p_text(min(test.holm)), "yes" if test.passed else "NO"]
    return [*cells, p_text(test.chi_square_p), p_text(test.ks_p), *rates, *tests, *end]


def _replicates(evaluation: WatermarkEvaluation) -> Section:
    rows = [
        [
            *(one.scheme, one.rung, str(one.pairs), decimal(one.within_variance, 5), decimal(one.between_variance, 5)),
            *rate_cells(one.agreement),
        ]
        for one in evaluation.replicates
    ]
    head = ["scheme", "rung", "pairs", "variance within", "between", "same decision", "95 %"]
    return Section("Two regeneration seeds", head, rows, ("variance of the bit accuracy within and between samples.",))


def _detectors(evaluation: WatermarkEvaluation) -> Section:
    rows = []
    for one in evaluation.detectors:
        cells = [one.detector, one.scheme, one.rung, str(one.n), str(one.errors), *decimal_cells(one.auroc)]
        for level in one.levels:
            cells += rate_cells(level.tpr) if level.tpr else [level.message, ""]
            cells.append("" if level.level is None else f"{level.level * 100:.2f}")
            cells.append(percent(level.fpr.value) if level.fpr else "")
        rows.append(cells)
    levels = [text for name in ("1%", "0.1%") for text in (f"TPR@{name}", "95 %", "expected level, %", "FPR")]
    head = ["detector", "scheme", "rung", "n", "errors", "AUROC", "95 %", *levels]
    note = (
        "thresholds from the unmarked samples (nulls) of one half of the sources, rates on the other half; too few "
        "nulls give no rate."
    )
    return Section("Detectors of third parties", head, rows, (note,))


def _dropped(evaluation: WatermarkEvaluation) -> Section:
    places: list[Cell | EmptyCell] = [*evaluation.cells, *evaluation.empty_cells]
    rows = [[one.scheme, one.rung, dropped.reason, str(dropped.count)] for one in places for dropped in one.dropped]
    return Section("Source families left out of a cell", ["scheme", "rung", "reason", "families"], rows)


def _failures(evaluation: WatermarkEvaluation) -> Section:
    rows = [
        [one.rung, one.scheme or "-", str(one.replica), one.status, one.reason, str(one.count)]
        for one in evaluation.failures
    ]
    return Section("Planned samples that do not exist", ["rung", "scheme", "seed", "status", "reason", "samples"], rows)


def _crossing(found: Crossing | None) -> list[str]:
    if found is None:
        return ["-", ""]
    low, high = (">" if end is None else decimal(end) for end in (found.low, found.high))
    if found.value is None:
        return ["not reached", "" if found.low is None else f"[{low}, {high}]"]
    if found.low is None:
        return [f"{found.value:.3f}", TOO_FEW]
    return [("<= " if found.state == "below_from_start" else "") + f"{found.value:.3f}", f"[{low}, {high}]"]
