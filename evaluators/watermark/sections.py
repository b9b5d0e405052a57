"""The tables of an evaluation, in reading order."""

from __future__ import annotations

from collections.abc import Callable

from editmill.evaluators.figures import SOURCE_INTERVALS, TOO_FEW
from editmill.evaluators.tables import Cell, Column, Figure, Table, count, decimal, p_value, percent, points, words
from editmill.evaluators.watermark.binomial import ALPHAS, threshold
from editmill.evaluators.watermark.cells import Cell as MeasuredCell
from editmill.evaluators.watermark.cells import EmptyCell, View
from editmill.evaluators.watermark.dose import Crossing
from editmill.evaluators.watermark.evaluation import FAST, HEADLINE_ITEMS, WatermarkEvaluation
from editmill.evaluators.watermark.gate import LEAST_ITEMS
from editmill.evaluators.watermark.null import PAIRS, NullResult
from editmill.evaluators.watermark.weaknesses import BreakingRung


def _rate(title: str) -> Column:
    return percent(title, interval="95 %")


_PLACE = [words("scheme"), words("rung")]
CELL_COLUMNS = [*_PLACE, decimal("t/1000"), Column("SNR"), count("n"), count("errors"), _rate("bits right")]
CELL_COLUMNS += [_rate("TPR@1%"), _rate("TPR@0.1%"), percent("exact 1%"), decimal("AUROC", interval="95 %")]
CELL_COLUMNS += [decimal("log10 p", 2), _rate("FPR@1%"), decimal("margin", 1, unit="bits", signed=True)]


def tier_label(evaluation: WatermarkEvaluation) -> str:
    """Return what the size of the dataset allows to say."""
    size = f"{HEADLINE_ITEMS:,} + {HEADLINE_ITEMS:,} samples per rung"
    return f"FAST TIER: fewer than {size}" if evaluation.tier == FAST else f"headline tier: at least {size}"


def sections(evaluation: WatermarkEvaluation) -> list[Table]:
    """Return all tables, in reading order."""
    detection: tuple[Callable[[WatermarkEvaluation], Table], ...] = (_headline, _apart, _gates, _thresholds)
    attacks = (_doses, _views, _survival, _breaking, _strata, _arms, _quality)
    checks = (_nulls, _replicates, _detectors, _dropped, _failures)
    return [make(evaluation) for make in (*detection, *attacks, *checks)]


def _headline(evaluation: WatermarkEvaluation) -> Table:
    cells = [cell for cell in evaluation.cells if cell.ladder and cell.scheme in evaluation.headline]
    notes = (
        "n: marked samples, and as many unmarked ones of the same sources; both are attacked. Rates in % with "
        "Clopper-Pearson intervals;",
        "TPR at analytic thresholds whose true level is given below; exact: the randomised test at exactly 1 %;",
        f"bits right and AUROC with {SOURCE_INTERVALS};",
        "log10 p: median; margin: mean matches less the 1 % threshold, in bits.",
    )
    return Table(_titled("Detection by rung", evaluation), CELL_COLUMNS, [_cell(cell) for cell in cells], notes)


def _titled(title: str, evaluation: WatermarkEvaluation) -> str:
    """Return a title of a table of rates, which also says that pictures are too small for a package."""
    return f"{title} ({evaluation.small})" if evaluation.small else title


def _apart(evaluation: WatermarkEvaluation) -> Table:
    cells = [cell for cell in evaluation.cells if cell.ladder and cell.scheme not in evaluation.headline]
    title = _titled("Schemes that did not pass the gate: no headline", evaluation)
    return Table(title, CELL_COLUMNS, [_cell(cell) for cell in cells])


def _arms(evaluation: WatermarkEvaluation) -> Table:
    cells = [cell for cell in evaluation.cells if not cell.ladder]
    return Table(_titled("Ablation arms", evaluation), CELL_COLUMNS, [_cell(cell) for cell in cells])


def _cell(cell: MeasuredCell) -> list[Cell]:
    one, tenth = cell.combined.levels
    return [
        *(cell.scheme, cell.rung, cell.strength, "inf" if cell.snr is None else cell.snr, cell.n, cell.errors),
        *(cell.bit_accuracy, one.tpr, tenth.tpr, one.exact_tpr.value, cell.combined.auroc),
        *(cell.median_log10_p, one.fpr, cell.margin_bits),
    ]


def _gates(evaluation: WatermarkEvaluation) -> Table:
    rows: list[list[Cell]] = [
        [gate.scheme, gate.status, gate.tpr.n if gate.tpr else None, gate.tpr] for gate in evaluation.gates
    ]
    note = (
        "a scheme enters the headline with TPR@1% of at least 99 %, lower end at least 97 %, on at least "
        f"{LEAST_ITEMS} unattacked items."
    )
    columns = [words("scheme"), words("status"), count("n"), _rate("TPR@1%")]
    return Table(f"Gate at {evaluation.control or 'no control rung'}", columns, rows, (note,))


def _thresholds(evaluation: WatermarkEvaluation) -> Table:
    rows: list[list[Cell]] = []
    for scheme in evaluation.schemes:
        tests = [threshold(scheme.bits, alpha) for alpha in ALPHAS]
        cells = [cell for test in tests for cell in (test.matches, test.level, test.share)]
        rows.append([scheme.name, scheme.bits, *cells])
    columns = [words("scheme"), count("bits")]
    for level in ("1%", "0.1%"):
        columns += [count(f"k@{level}"), percent("true level", digits=4), decimal("share at k-1")]
    note = (
        "k: smallest number of matches with P(X >= k) at most the nominal level under Binomial(bits, 1/2); the "
        "exact test adds k-1 with the share."
    )
    return Table("Thresholds", columns, rows, (note,))


def _doses(evaluation: WatermarkEvaluation) -> Table:
    rows: list[list[Cell]] = []
    for dose in evaluation.doses:
        crossed = map(_crossing, (dose.s50, dose.s5, dose.q95, dose.q70))
        rows.append([dose.scheme, *crossed, dose.avg_p, dose.avg_q])
    names = ("s50", "s5", "Q@0.95P", "Q@0.7P", "Avg-P", "Avg-Q")
    columns = [words("scheme"), *(decimal(name, interval="95 %") for name in names)]
    notes = (
        "s50, s5: strength t/1000 at which TPR@1% first falls to 50 % and 5 %, interpolated between rungs; pure noise "
        "lies at 1.",
        "Q@..P: loss of quality, 1 - SSIM, at which performance first falls so far; performance is TPR@0.1%; Avg: "
        "means over the attacks.",
    )
    return Table("Dose and response", columns, rows, notes)


def _views(evaluation: WatermarkEvaluation) -> Table:
    names, rows = ("removal", "spoofing", "combined"), list[list[Cell]]()
    for cell in evaluation.cells:
        if cell.ladder and len(cell.views) > 1:
            rows.append([cell.scheme, cell.rung, *(value for name in names for value in _view(cell.view(name)))])
    columns = [*_PLACE]
    for name in names:
        columns += [decimal(f"{name} AUROC"), percent(f"{name} TPR@1%"), percent(f"{name} FPR@1%")]
    notes = (
        "removal: attacked marked against clean unmarked samples. combined: both attacked.",
        "spoofing: clean marked against attacked unmarked samples that claim a mark; its FPR is how often the claim "
        "succeeds.",
    )
    return Table("Removal, spoofing and both", columns, rows, notes)


def _view(view: View | None) -> list[Cell]:
    if view is None:
        return [None] * 3
    level = view.levels[0]
    return [view.auroc.value, level.tpr.value, level.fpr.value]


def _survival(evaluation: WatermarkEvaluation) -> Table:
    rows: list[list[Cell]] = [
        [
            *(one.scheme, one.control_tpr, one.tpr, one.survivors),
            *(one.control_bit_accuracy, one.bit_accuracy, one.margin_bits),
        ]
        for one in evaluation.survival
    ]
    rungs = ", ".join(dict.fromkeys(one.rung for one in evaluation.survival))
    columns = [words("scheme"), _rate("control TPR@1%"), _rate("TPR@1%"), _rate("of those found")]
    columns += [percent("control bits right"), percent("bits right"), decimal("margin", 1, unit="bits", signed=True)]
    note = "of those found: marks that the control finds and that are found here."
    return Table(f"What survives the vae rung ({rungs})", columns, rows, (note,))


def _breaking(evaluation: WatermarkEvaluation) -> Table:
    rows = [_break(one) for one in evaluation.breaking]
    columns = [*map(words, ("scheme", "breaks at", "whole interval below one half", "rung before"))]
    columns += [_rate("TPR@1%"), decimal("margin", 1, unit="bits", signed=True)]
    notes = ("the first rung whose TPR@1% lies below one half.",)
    return Table("Which rung breaks the scheme", columns, rows, notes)


def _break(one: BreakingRung) -> list[Cell]:
    clear = ("yes" if one.clear else "no") if one.rung else "-"
    return [one.scheme, one.rung or "no rung", clear, one.before or "-", one.tpr, one.margin_bits]


def _strata(evaluation: WatermarkEvaluation) -> Table:
    rows: list[list[Cell]] = []
    for one in evaluation.strata:
        sides = [cell for side in (one.flat, one.textured) for cell in (side.n, side)]
        rows.append([one.scheme, one.rung, one.flat_share, *sides, one.difference, one.p, one.holm])
    columns = [*_PLACE, decimal("median"), count("n flat"), _rate("flat TPR@1%"), count("n textured")]
    columns += [_rate("textured TPR@1%"), points("flat less textured", interval="95 %"), p_value("p")]
    columns += [p_value("p (Holm)")]
    note = (
        "halves by the share of nearly flat pixels of the source. p: Fisher's exact test; Holm: adjusted for all "
        f"{len(rows)} tests of this table."
    )
    return Table("Flat and textured sources", columns, rows, (note,))


def _quality(evaluation: WatermarkEvaluation) -> Table:
    names = sorted({measure.name for one in evaluation.quality for measure in one.measures})
    rows: list[list[Cell]] = []
    for one in evaluation.quality:
        found = {measure.name: measure.value for measure in one.measures}
        rows.append([one.scheme or "unmarked", one.rung, one.n, *map(found.get, names)])
    columns = [*_PLACE, count("n"), *map(_quality_column, names)]
    note = (
        "_input: against what entered the attack; _source: against the original; embed_: the marked picture "
        "against the original."
    )
    return Table("Quality", columns, rows, (note,))


def _quality_column(name: str) -> Column:
    return decimal(name, 2, unit="dB", interval="95 %") if "psnr" in name else decimal(name, interval="95 %")


def _nulls(evaluation: WatermarkEvaluation) -> Table:
    columns = [*map(words, ("scheme", "unmarked", "keys")), count("images"), count("pairs"), p_value("chi2 p")]
    columns += [p_value("KS p"), percent("true level", digits=2), percent("FPR@1%", digits=2, interval="99 % band")]
    columns += [p_value("FPR p"), p_value("least p (Holm)"), words("holds"), count("ties"), count("errors")]
    columns += [percent("soft FPR", digits=2)]
    tests = 3 * sum(one.test is not None for one in evaluation.nulls)
    notes = (
        f"matches of unmarked samples against Binomial(bits, 1/2): fresh keys, at least {PAIRS:,} pairs; the run's "
        "own keys, one sample per source;",
        f"holds: the least of the three p-values, adjusted by Holm for all {tests} tests of this table, is above 0.01;",
        "band: where 99 % of such rates lie; soft: the sum of signed scores, by its sign-flip p-value at 1 %.",
    )
    return Table("Null calibration", columns, [_null(one) for one in evaluation.nulls], notes)


def _null(one: NullResult) -> list[Cell]:
    cells: list[Cell] = [one.scheme, one.group, one.keys, one.images, one.pairs]
    end = [one.ties, one.errors, one.soft_fpr.value if one.soft_fpr else None]
    test = one.test
    if test is None:
        return [*cells, *[None] * 6, "not tested", *end]
    found = Figure(test.fpr.value, test.band_low, test.band_high)
    tests = [test.fpr_p, min(test.holm), "yes" if test.passed else "NO"]
    return [*cells, test.chi_square_p, test.ks_p, test.true_level, found, *tests, *end]


def _replicates(evaluation: WatermarkEvaluation) -> Table:
    rows: list[list[Cell]] = [
        [one.scheme, one.rung, one.pairs, one.within_variance, one.between_variance, one.agreement]
        for one in evaluation.replicates
    ]
    columns = [*_PLACE, count("pairs"), decimal("variance within", 5), decimal("between", 5), _rate("same decision")]
    notes = ("variance of the bit accuracy within and between samples.",)
    return Table("Two regeneration seeds", columns, rows, notes)


def _detectors(evaluation: WatermarkEvaluation) -> Table:
    rows = []
    for one in evaluation.detectors:
        cells: list[Cell] = [one.detector, one.scheme, one.rung, one.n, one.errors, one.auroc]
        for level in one.levels:
            cells += [level.tpr if level.tpr else (level.message, "")]
            cells += ["" if level.level is None else level.level, level.fpr.value if level.fpr else ""]
        rows.append(cells)
    columns = [words("detector"), *_PLACE, count("n"), count("errors"), decimal("AUROC", interval="95 %")]
    for name in ("1%", "0.1%"):
        columns += [_rate(f"TPR@{name}"), percent("expected level", digits=2), percent("FPR")]
    note = (
        "thresholds from the unmarked samples (nulls) of one half of the sources, rates on the other half; too few "
        "nulls give no rate."
    )
    return Table("Detectors of third parties", columns, rows, (note,))


def _dropped(evaluation: WatermarkEvaluation) -> Table:
    places: list[MeasuredCell | EmptyCell] = [*evaluation.cells, *evaluation.empty_cells]
    rows: list[list[Cell]] = [
        [one.scheme, one.rung, dropped.reason, dropped.count] for one in places for dropped in one.dropped
    ]
    return Table("Source families left out of a cell", [*_PLACE, words("reason"), count("families")], rows)


def _failures(evaluation: WatermarkEvaluation) -> Table:
    rows: list[list[Cell]] = [
        [one.rung, one.scheme or "-", one.replica, one.status, one.reason, one.count] for one in evaluation.failures
    ]
    columns = [words("rung"), words("scheme"), count("seed"), words("status"), words("reason"), count("samples")]
    return Table("Planned samples that do not exist", columns, rows)


def _crossing(found: Crossing | None) -> Cell:
    if found is None:
        return None
    low, high = (">" if end is None else f"{end:.3f}" for end in (found.low, found.high))
    if found.value is None:
        return "not reached", "" if found.low is None else f"[{low}, {high}]"
    if found.low is None:
        return f"{found.value:.3f}", TOO_FEW
    return ("<= " if found.state == "below_from_start" else "") + f"{found.value:.3f}", f"[{low}, {high}]"
