"""The tables of an evaluation as cells of text, which both the text and the page lay out."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from editmill.evaluators.layout import p_text, percent, points, points_range
from editmill.evaluators.sections import Section
from editmill.evaluators.statistics import Estimate
from editmill.evaluators.watermark.binomial import ALPHAS, threshold
from editmill.evaluators.watermark.cells import Cell, EmptyCell, View
from editmill.evaluators.watermark.dose import Crossing
from editmill.evaluators.watermark.evaluation import FAST, HEADLINE_ITEMS, WatermarkEvaluation
from editmill.evaluators.watermark.gate import LEAST_ITEMS
from editmill.evaluators.watermark.null import PAIRS, NullResult
from editmill.evaluators.watermark.rates import Rate
from editmill.evaluators.watermark.weaknesses import BreakingRung

CELL_HEAD = [
    "scheme",
    "rung",
    "t/1000",
    "SNR",
    "n",
    "errors",
    "bits right",
    "95 %",
    "TPR@1%",
    "95 %",
    "TPR@0.1%",
    "95 %",
    "exact 1%",
    "AUROC",
    "95 %",
    "log10 p",
    "FPR@1%",
    "95 %",
    "margin",
]


def tier_label(evaluation: WatermarkEvaluation) -> str:
    """Return what the size of the dataset allows to say."""
    size = f"{HEADLINE_ITEMS:,} + {HEADLINE_ITEMS:,} samples per rung"
    return f"FAST TIER: fewer than {size}" if evaluation.tier == FAST else f"headline tier: at least {size}"


def sections(evaluation: WatermarkEvaluation) -> list[Section]:
    """Return all tables that have a row, in reading order."""
    makers: tuple[Callable[[WatermarkEvaluation], Section], ...] = (
        _headline,
        _apart,
        _gates,
        _thresholds,
        _doses,
        _views,
        _survival,
        _breaking,
        _strata,
        _arms,
        _quality,
        _nulls,
        _replicates,
        _detectors,
        _dropped,
        _failures,
    )
    return [section for section in (make(evaluation) for make in makers) if section.rows]


def _headline(evaluation: WatermarkEvaluation) -> Section:
    cells = [cell for cell in evaluation.cells if cell.ladder and cell.scheme in evaluation.headline]
    notes = (
        "n: marked samples, and as many unmarked ones of the same sources; both are attacked. Rates in % with "
        "Clopper-Pearson intervals;",
        "TPR at analytic thresholds whose true level is given below; exact: the randomised test at exactly 1 %;",
        "bits right and AUROC with intervals bootstrapped by source; log10 p: median; margin: mean matches less the 1 "
        "% threshold, in bits.",
    )
    return Section("Detection by rung", CELL_HEAD, [_cell(cell) for cell in cells], notes)


def _apart(evaluation: WatermarkEvaluation) -> Section:
    cells = [cell for cell in evaluation.cells if cell.ladder and cell.scheme not in evaluation.headline]
    return Section("Schemes that did not pass the gate: no headline", CELL_HEAD, [_cell(cell) for cell in cells])


def _arms(evaluation: WatermarkEvaluation) -> Section:
    return Section("Ablation arms", CELL_HEAD, [_cell(cell) for cell in evaluation.cells if not cell.ladder])


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
        *_estimate(cell.bit_accuracy),
        *_rate(one.tpr),
        *_rate(tenth.tpr),
        percent(one.exact_tpr.value),
        f"{auroc.value:.3f}",
        f"[{auroc.low:.3f}, {auroc.high:.3f}]",
        f"{cell.median_log10_p:.2f}",
        *_rate(one.fpr),
        f"{cell.margin_bits:+.1f}",
    ]


def _gates(evaluation: WatermarkEvaluation) -> Section:
    rows = [
        [gate.scheme, gate.status, str(gate.tpr.n) if gate.tpr else "-", *_rate(gate.tpr)] for gate in evaluation.gates
    ]
    note = (
        "a scheme enters the headline with TPR@1% of at least 99 %, lower end at least 97 %, on at least "
        f"{LEAST_ITEMS} unattacked items."
    )
    return Section(
        f"Gate at {evaluation.control or 'no control rung'}", ["scheme", "status", "n", "TPR@1%", "95 %"], rows, (note,)
    )


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
    rows = [
        [
            dose.scheme,
            *_crossing(dose.s50),
            *_crossing(dose.s5),
            *_crossing(dose.q95),
            *_crossing(dose.q70),
            _value(dose.avg_p),
            _range(dose.avg_p),
            _value(dose.avg_q),
            _range(dose.avg_q),
        ]
        for dose in evaluation.doses
    ]
    head = [
        "scheme",
        "s50",
        "95 %",
        "s5",
        "95 %",
        "Q@0.95P",
        "95 %",
        "Q@0.7P",
        "95 %",
        "Avg-P",
        "95 %",
        "Avg-Q",
        "95 %",
    ]
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
    return (
        ["-"] * 3
        if view is None
        else [f"{view.auroc.value:.3f}", percent(view.levels[0].tpr.value), percent(view.levels[0].fpr.value)]
    )


def _survival(evaluation: WatermarkEvaluation) -> Section:
    rows = [
        [
            one.scheme,
            *_rate(one.control_tpr),
            *_rate(one.tpr),
            *_rate(one.survivors),
            percent(one.control_bit_accuracy),
            percent(one.bit_accuracy),
            f"{one.margin_bits:+.1f}",
        ]
        for one in evaluation.survival
    ]
    rungs = ", ".join(dict.fromkeys(one.rung for one in evaluation.survival))
    head = [
        "scheme",
        "control TPR@1%",
        "95 %",
        "TPR@1%",
        "95 %",
        "of those found",
        "95 %",
        "control bits right",
        "bits right",
        "margin",
    ]
    return Section(
        f"What survives the vae rung ({rungs})",
        head,
        rows,
        ("of those found: marks that the control finds and that are found here.",),
    )


def _breaking(evaluation: WatermarkEvaluation) -> Section:
    rows = [_break(one) for one in evaluation.breaking]
    head = ["scheme", "breaks at", "whole interval below one half", "rung before", "TPR@1%", "95 %", "margin"]
    return Section("Which rung breaks the scheme", head, rows, ("the first rung whose TPR@1% lies below one half.",))


def _break(one: BreakingRung) -> list[str]:
    clear = ("yes" if one.clear else "no") if one.rung else "-"
    margin = "-" if one.margin_bits is None else f"{one.margin_bits:+.1f}"
    return [one.scheme, one.rung or "no rung", clear, one.before or "-", *_rate(one.tpr), margin]


def _strata(evaluation: WatermarkEvaluation) -> Section:
    rows = [
        [
            one.scheme,
            one.rung,
            f"{one.flat_share:.3f}",
            str(one.flat.n),
            *_rate(one.flat),
            str(one.textured.n),
            *_rate(one.textured),
            points(one.difference.value),
            points_range(one.difference),
        ]
        for one in evaluation.strata
    ]
    head = [
        "scheme",
        "rung",
        "median",
        "n flat",
        "flat TPR@1%",
        "95 %",
        "n textured",
        "textured TPR@1%",
        "95 %",
        "flat less textured",
        "95 %",
    ]
    return Section(
        "Flat and textured sources", head, rows, ("halves by the share of nearly flat pixels of the source.",)
    )


def _quality(evaluation: WatermarkEvaluation) -> Section:
    names = sorted({measure.name for one in evaluation.quality for measure in one.measures})
    rows = []
    for one in evaluation.quality:
        found = {measure.name: measure.value for measure in one.measures}
        rows.append(
            [
                one.scheme or "unmarked",
                one.rung,
                str(one.n),
                *(text for name in names for text in _score(name, found.get(name))),
            ]
        )
    head = ["scheme", "rung", "n", *(text for name in names for text in (name, "95 %"))]
    note = (
        "_input: against what entered the attack; _source: against the original; embed_: the marked picture "
        "against the original. PSNR in dB."
    )
    return Section("Quality", head, rows, (note,))


def _score(name: str, estimate: Estimate | None) -> list[str]:
    if estimate is None:
        return ["-", ""]
    digits = 2 if "psnr" in name else 3
    return [f"{estimate.value:.{digits}f}", f"[{estimate.low:.{digits}f}, {estimate.high:.{digits}f}]"]


def _nulls(evaluation: WatermarkEvaluation) -> Section:
    head = [
        "scheme",
        "unmarked",
        "keys",
        "images",
        "pairs",
        "chi2 p",
        "KS p",
        "FPR@1%",
        "true level",
        "99 % band",
        "holds",
        "ties",
        "errors",
    ]
    head.append("soft FPR")
    notes = (
        f"matches of unmarked samples against Binomial(bits, 1/2): fresh keys, at least {PAIRS:,} pairs; the run's "
        "own keys, one sample per source;",
        "soft: the sum of signed scores, by its sign-flip p-value at 1 %. In %.",
    )
    return Section("Null calibration", head, [_null(one) for one in evaluation.nulls], notes)


def _null(one: NullResult) -> list[str]:
    cells = [one.scheme, one.group, one.keys, str(one.images), str(one.pairs)]
    end = [str(one.ties), str(one.errors), f"{one.soft_fpr.value * 100:.2f}" if one.soft_fpr else "-"]
    test = one.test
    if test is None:
        return [*cells, *["-"] * 5, "not tested", *end]
    band = f"[{test.band_low * 100:.2f}, {test.band_high * 100:.2f}]"
    rates = [f"{test.fpr.value * 100:.2f}", f"{test.true_level * 100:.2f}", band]
    return [*cells, p_text(test.chi_square_p), p_text(test.ks_p), *rates, "yes" if test.passed else "NO", *end]


def _replicates(evaluation: WatermarkEvaluation) -> Section:
    rows = [
        [
            one.scheme,
            one.rung,
            str(one.pairs),
            f"{one.within_variance:.5f}",
            "-" if one.between_variance is None else f"{one.between_variance:.5f}",
            *_rate(one.agreement),
        ]
        for one in evaluation.replicates
    ]
    head = ["scheme", "rung", "pairs", "variance within", "between", "same decision", "95 %"]
    return Section("Two regeneration seeds", head, rows, ("variance of the bit accuracy within and between samples.",))


def _detectors(evaluation: WatermarkEvaluation) -> Section:
    rows = []
    for one in evaluation.detectors:
        auroc = one.auroc
        cells = [
            one.detector,
            one.scheme,
            one.rung,
            str(one.n),
            str(one.errors),
            f"{auroc.value:.3f}",
            f"[{auroc.low:.3f}, {auroc.high:.3f}]",
        ]
        for level in one.levels:
            expected = "" if level.level is None else f"{level.level * 100:.2f}"
            cells += [
                *(_rate(level.tpr) if level.tpr else [level.message, ""]),
                expected,
                percent(level.fpr.value) if level.fpr else "",
            ]
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


def _rate(found: Rate | None) -> list[str]:
    return ["-", ""] if found is None else [percent(found.value), f"[{percent(found.low)}, {percent(found.high)}]"]


def _estimate(found: Estimate) -> Iterable[str]:
    return percent(found.value), f"[{percent(found.low)}, {percent(found.high)}]"


def _value(found: Estimate | None) -> str:
    return "-" if found is None else f"{found.value:.3f}"


def _range(found: Estimate | None) -> str:
    return "" if found is None else f"[{found.low:.3f}, {found.high:.3f}]"


def _crossing(found: Crossing | None) -> list[str]:
    if found is None:
        return ["-", ""]
    low, high = (">" if end is None else f"{end:.3f}" for end in (found.low, found.high))
    if found.value is None:
        return ["not reached", "" if found.low is None else f"[{low}, {high}]"]
    return [("<= " if found.state == "below_from_start" else "") + f"{found.value:.3f}", f"[{low}, {high}]"]
