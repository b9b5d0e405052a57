"""Tables of datasets whose results are known by construction."""

from __future__ import annotations

from dataclasses import replace
from math import comb
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from editmill.evaluators import Options
from editmill.evaluators.watermark.binomial import threshold
from editmill.evaluators.watermark.detectors import NamedDetector
from editmill.evaluators.watermark.evaluation import evaluate_watermark
from editmill.evaluators.watermark.gate import FAILED, PASSED, TOO_FEW
from editmill.evaluators.watermark.rows import read_rows
from editmill.evaluators.watermark.sections import CELL_COLUMNS, sections
from editmill.manifests import CorruptDatasetError, DataError
from tests.evaluators.builder import named, quick
from tests.evaluators.watermark.builder import ARM, LADDER, build, tabulate

PIPELINE = LADDER[:1]
SHORT = LADDER[:3]


def test_known_rates(tmp_path: Path) -> None:
    """At s12 a quarter reaches the 1 % threshold of 24, one in twenty lies just below it, and one unmarked sample in
    ten reaches it.
    """

    def matches(scheme: str, rung: str, number: int, positive: bool) -> int:
        if not positive:
            return 24 if rung == "s12" and number < 4 else 16
        return 32 if rung != "s12" else 24 if number < 10 else 23 if number < 12 else 16

    result = evaluate_watermark(tabulate(tmp_path, sources=40, rungs=SHORT, matches=matches), [], quick(200))
    cell = next(cell for cell in result.cells if cell.rung == "s12")
    one, tenth = cell.combined.levels
    assert (one.threshold, tenth.threshold) == (24, 26)
    assert (one.tpr.hits, one.fpr.hits, one.tpr.n, one.fpr.n) == (10, 4, 40, 40)
    assert tenth.tpr.hits == 0
    assert one.exact_tpr.value == pytest.approx((10 + 2 * threshold(32, 0.01).share) / 40)
    assert cell.bit_accuracy.value == pytest.approx((10 * 24 + 2 * 23 + 28 * 16) / 40 / 32)
    assert cell.margin_bits == pytest.approx(cell.bit_accuracy.value * 32 - 24)
    assert cell.strength == 0.119
    assert not cell.contradicting_p
    removal, spoofing = cell.view("removal"), cell.view("spoofing")
    assert removal is not None
    assert spoofing is not None
    assert (removal.levels[0].tpr.hits, removal.levels[0].fpr.hits) == (10, 0)
    assert (spoofing.levels[0].tpr.hits, spoofing.levels[0].fpr.hits) == (40, 4)
    assert spoofing.auroc.value == 1
    assert cell.combined.auroc.low <= cell.combined.auroc.value <= cell.combined.auroc.high
    assert (result.tier, result.sources) == ("fast", 40)
    assert any("fast tier" in line for line in result.warnings)


def test_errors_are_misses_at_chance(tmp_path: Path) -> None:
    def error(scheme: str, rung: str, number: int, positive: bool) -> str:
        return "no payload" if rung == "vae" and number < 4 else ""

    dataset = tabulate(
        tmp_path,
        sources=10,
        rungs=SHORT,
        matches=lambda scheme, rung, number, positive: 32 if positive else 16,
        error=error,
    )
    result = evaluate_watermark(dataset, [], quick(50))
    cell = next(cell for cell in result.cells if cell.rung == "vae")
    assert (cell.n, cell.errors, cell.negative_errors) == (10, 4, 4)
    assert cell.tpr().hits == 6
    assert cell.bit_accuracy.value == pytest.approx(0.8)
    assert result.survival[0].survivors is not None
    assert (result.survival[0].survivors.hits, result.survival[0].survivors.n) == (6, 10)
    assert any("8 decodings failed" in line for line in result.warnings)


def test_families_are_dropped_whole_and_counted(tmp_path: Path) -> None:
    def problem(scheme: str, rung: str, number: int) -> tuple[str, str] | None:
        if rung != "vae":
            return None
        return {
            ("", 0): ("rejected", "nsfw"),
            ("alpha", 1): ("failed", "embed_failed"),
            ("beta", 2): ("rejected", "nsfw"),
        }.get((scheme, number))

    dataset = tabulate(tmp_path, sources=6, schemes=(("alpha", 32), ("beta", 64)), rungs=SHORT, problem=problem)
    result = evaluate_watermark(dataset, [], quick(50))
    found = {
        cell.scheme: (cell.n, [(one.reason, one.count) for one in cell.dropped])
        for cell in result.cells
        if cell.rung == "vae"
    }
    assert found == {
        "alpha": (4, [("negative_nsfw", 1), ("positive_embed_failed", 1)]),
        "beta": (4, [("negative_nsfw", 1), ("positive_nsfw", 1)]),
    }
    assert [(one.scheme, one.reason, one.count) for one in result.failures] == [
        ("", "nsfw", 1),
        ("alpha", "embed_failed", 1),
        ("beta", "nsfw", 1),
    ]
    assert (result.planned, result.accepted) == (54, 51)


def test_a_cell_without_a_family_is_listed(tmp_path: Path) -> None:
    dataset = tabulate(
        tmp_path,
        sources=3,
        rungs=SHORT,
        problem=lambda scheme, rung, number: ("failed", "oom") if rung == "s12" else None,
    )
    result = evaluate_watermark(dataset, [], quick(20))
    assert [(one.rung, one.dropped[0].reason, one.dropped[0].count) for one in result.empty_cells] == [
        ("s12", "negative_oom", 3)
    ]


@pytest.mark.parametrize(
    ("sources", "missed", "status"),
    [(500, 0, PASSED), (500, 5, PASSED), (500, 6, FAILED), (499, 0, TOO_FEW), (40, 0, TOO_FEW), (40, 30, FAILED)],
)
def test_the_gate(tmp_path: Path, sources: int, missed: int, status: str) -> None:
    def matches(scheme: str, rung: str, number: int, positive: bool) -> int:
        return 32 if positive and number >= missed else 16

    result = evaluate_watermark(tabulate(tmp_path, sources=sources, rungs=PIPELINE, matches=matches), [], quick(20))
    assert result.gates[0].status == status
    assert result.headline == (["alpha"] if status == PASSED else [])


def test_a_dataset_without_a_control(tmp_path: Path) -> None:
    result = evaluate_watermark(tabulate(tmp_path, sources=5, rungs=LADDER[1:3]), [], quick(20))
    assert (result.control, result.gates[0].status, result.gates[0].tpr) == ("", TOO_FEW, None)
    assert [view.name for view in result.cells[0].views] == ["combined"]
    assert result.survival == ()


def test_flat_and_textured_sources(tmp_path: Path) -> None:
    def matches(scheme: str, rung: str, number: int, positive: bool) -> int:
        return 32 if positive and (rung == "pipeline" or number < 20) else 16

    result = evaluate_watermark(tabulate(tmp_path, sources=40, rungs=SHORT, matches=matches), [], quick(100))
    found = {one.rung: one for one in result.strata}
    assert found["s12"].flat.value == 0
    assert found["s12"].textured.value == 1
    # With 20 sources each, a rate of 0 or 1 is known to 19 points at 97.5 %.
    assert (found["s12"].difference.value, found["s12"].difference.low) == (-1, -1)
    assert found["s12"].difference.high == pytest.approx(2 * (1 - 0.0125 ** (1 / 20)) - 1)
    # Of 40 sources, 20 of each kind: the chance that they part like this by chance, both ways.
    assert found["s12"].p == pytest.approx(2 / comb(40, 20))
    assert [found[rung].holm for rung in ("s12", "vae", "pipeline")] == pytest.approx([found["s12"].p * 3] * 2 + [1])
    assert found["pipeline"].difference.value == 0
    alike = evaluate_watermark(tabulate(tmp_path, sources=6, rungs=SHORT, flat_share=lambda number: 0.5), [], quick(20))
    assert alike.strata == ()


def test_replicas_show_the_variance_within_items_and_no_more(tmp_path: Path) -> None:
    once = evaluate_watermark(tabulate(tmp_path, sources=12, rungs=SHORT), [], quick(20))
    twice = evaluate_watermark(tabulate(tmp_path, sources=12, rungs=SHORT, replicated=4), [], quick(20))
    assert once.replicates == ()
    assert [(one.rung, one.pairs) for one in twice.replicates] == [("pipeline", 4), ("vae", 4), ("s12", 4)]
    assert twice.replicates[0].within_variance == 0
    assert twice.replicates[2].within_variance > 0
    assert all(cell.n == 12 for cell in twice.cells)


def test_quality_of_marked_and_unmarked_samples(tmp_path: Path) -> None:
    result = evaluate_watermark(tabulate(tmp_path, sources=10, rungs=(*SHORT, ARM)), [], quick(50))
    found = {
        (one.scheme, one.rung): {measure.name: measure.value for measure in one.measures} for one in result.quality
    }
    assert found["", "vae"]["psnr_input"].value == pytest.approx(29.5)
    assert "embed_psnr" not in found["", "vae"]
    assert found["alpha", "clean-no-control"]["embed_psnr"].value == 40
    assert "cosine_input" not in found["alpha", "vae"]
    ssim = found["alpha", "vae"]["ssim_input"]
    assert ssim.value == pytest.approx(0.93)
    assert ssim.low < ssim.value < ssim.high


def test_equal_input_gives_equal_results_and_the_seed_counts(tmp_path: Path) -> None:
    dataset = tabulate(tmp_path, sources=25, rungs=SHORT)
    first, second = (evaluate_watermark(dataset, [], Options(resamples=50, seed=3)) for _ in range(2))
    assert first == second
    other = evaluate_watermark(dataset, [], Options(resamples=50, seed=4))
    assert other.cells[2].bit_accuracy.value == first.cells[2].bit_accuracy.value
    assert other.cells[2].bit_accuracy.low != first.cells[2].bit_accuracy.low


def test_a_dataset_written_in_shards(tmp_path: Path) -> None:
    dataset = build(tmp_path, sources=4, rungs=SHORT, shards=2)
    assert dataset.verify().ok
    assert {cell.n for cell in evaluate_watermark(dataset, [], quick(20)).cells} == {4}


def test_detectors_of_one_name_are_told_apart(tmp_path: Path) -> None:
    red = NamedDetector("mine", lambda given: [image[0, 0, 0] for image in given])
    blind = NamedDetector("mine", lambda given: [0] * len(given))
    result = evaluate_watermark(build(tmp_path, sources=4, rungs=PIPELINE), named(red, blind), quick(20))
    assert {one.detector: one.auroc.value for one in result.detectors} == {"mine": 1, "mine-2": 0.5}


def test_other_datasets_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="embeds no watermarks"):
        evaluate_watermark(tabulate(tmp_path, sources=2, fields={"generator": "text"}), [], quick())
    for recipe in (
        {},
        {"generator": {"schemes": [], "attacks": []}},
        {"generator": {"schemes": [{"name": "a"}], "attacks": []}},
    ):
        with pytest.raises(DataError, match="recipe"):
            evaluate_watermark(tabulate(tmp_path, sources=2, fields={"recipe": recipe}), [], quick())
    with pytest.raises(DataError, match="no rows"):
        evaluate_watermark(tabulate(tmp_path, sources=0), [], quick())


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"bits": 16}, "to 16 bits, the recipe says 32"),
        ({"scores": [1.0]}, "has 1 scores"),
        ({"matches": 33}, "33 matches"),
        ({"matches": None}, "None matches"),
        ({"scheme": "other", "bits": 0}, "the recipe says None"),
    ],
)
def test_detections_that_contradict_themselves(
    tmp_path: Path, change: dict[str, Any], text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.evaluators.watermark import builder

    original = builder._detection
    monkeypatch.setattr(builder, "_detection", lambda *given, **named: original(*given, **named) | change)
    with pytest.raises(CorruptDatasetError, match=text):
        read_rows(tabulate(tmp_path, sources=2, rungs=PIPELINE))


def test_stored_p_values_are_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.evaluators.watermark import builder

    original = builder._detection
    monkeypatch.setattr(builder, "_detection", lambda *given, **named: original(*given, **named) | {"p_value": 0.5})
    result = evaluate_watermark(tabulate(tmp_path, sources=3, rungs=PIPELINE), [], quick(20))
    assert any("6 stored p-values" in line for line in result.warnings)


def test_failed_rows_that_do_not_name_their_scheme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.evaluators.watermark import builder

    original = builder._row

    def bare(*given: Any) -> Any:
        row = original(*given)
        return row if row.status == "ok" else row.model_copy(update={"parameters": {}})

    monkeypatch.setattr(builder, "_row", bare)
    problem = {("alpha", 1): ("failed", "rights_missing")}
    dataset = tabulate(
        tmp_path, sources=4, rungs=PIPELINE, problem=lambda scheme, rung, number: problem.get((scheme, number))
    )
    result = evaluate_watermark(dataset, [], quick(20))
    assert [(one.reason, one.count) for one in result.cells[0].dropped] == [("positive_rights_missing", 1)]
    assert [(one.scheme, one.reason) for one in result.failures] == [("", "rights_missing")]


def test_samples_of_one_rung_that_started_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.evaluators.watermark import builder

    original, calls = builder._attack, iter(np.arange(1000) // 3 % 2)
    monkeypatch.setattr(
        builder, "_attack", lambda rung: original(replace(rung, timestep=rung.timestep + 20 * int(next(calls))))
    )
    result = evaluate_watermark(tabulate(tmp_path, sources=4, rungs=(LADDER[2],)), [], quick(20))
    assert [one.kind for one in result.violations] == ["mixed"]


def test_equal_pictures_have_a_mean_psnr(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.evaluators.watermark import builder

    original = builder._row
    monkeypatch.setattr(
        builder, "_row", lambda *given: original(*given).model_copy(update={"scores": {"psnr_input": float("inf")}})
    )
    result = evaluate_watermark(tabulate(tmp_path, sources=3, rungs=PIPELINE), [], quick(20))
    assert {measure.value.value for one in result.quality for measure in one.measures} == {100.0}
    assert result.doses[0].q95 is None


def test_no_interval_has_the_width_0(tmp_path: Path) -> None:
    """Whatever all sources say, and however few they are."""

    def matches(scheme: str, rung: str, number: int, positive: bool) -> int:
        return {"pipeline": 32, "vae": 24, "s12": 16}[rung] if positive else 16

    for sources in (1, 3, 19, 20, 60):
        result = evaluate_watermark(tabulate(tmp_path, sources=sources, rungs=SHORT, matches=matches), [], quick(30))
        views = [view for cell in result.cells for view in cell.views]
        found = [cell.bit_accuracy for cell in result.cells] + [view.auroc for view in views]
        found += [level.exact_tpr for view in views for level in view.levels]
        found += [measure.value for one in result.quality for measure in one.measures]
        found += [one.difference for one in result.strata]
        found += [one for dose in result.doses for one in (dose.avg_p, dose.avg_q) if one]
        for one in found:
            assert one.low is not None
            assert one.high is not None
            assert one.low <= one.value <= one.high
            assert one.high - one.low > 1e-9, (sources, one)
        for dose in result.doses:
            for place in (dose.s50, dose.s5, dose.q95, dose.q70):
                assert place is not None
                assert place.low is None or place.low != place.high


def test_an_area_at_the_boundary_has_an_exact_interval(tmp_path: Path) -> None:
    def matches(scheme: str, rung: str, number: int, positive: bool) -> int:
        return 32 if positive else 10

    result = evaluate_watermark(tabulate(tmp_path, sources=60, rungs=PIPELINE, matches=matches), [], quick(30))
    area = result.cells[0].combined.auroc
    # 60 sources make 30 independent comparisons, and all of them are right.
    assert (area.value, area.high) == (1, 1)
    assert area.low == pytest.approx(0.025 ** (1 / 30))


def test_what_is_not_tested_is_said_once(tmp_path: Path) -> None:
    dataset = tabulate(
        tmp_path, sources=3, rungs=SHORT, error=lambda scheme, rung, number, positive: "" if positive else "lost"
    )
    lines = [line for line in evaluate_watermark(dataset, [], quick(20)).warnings if "the null is not tested" in line]
    assert lines == [
        f"alpha: no {group} unmarked sample was decoded, so the null is not tested"
        for group in ("clean", "regenerated")
    ]


@pytest.mark.parametrize(
    ("package", "size", "shown"),
    [
        ("invisible-watermark", (255, 257), "pictures from 255 x 257 pixels, below the 256 x 256"),
        ("invisible-watermark", (256, 256), ""),
        ("blind-watermark", (64, 64), ""),
    ],
)
def test_heads_of_tables_tell_of_pictures_below_the_limit_of_the_package(
    tmp_path: Path, package: str, size: tuple[int, int], shown: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.evaluators.watermark import builder

    original = builder._row

    def sized(*given: Any) -> Any:
        row = original(*given)
        parameters = {**row.parameters, "source": {"width": size[0], "height": size[1]}}
        if row.label:
            parameters["watermark"] = {**row.parameters["watermark"], "package": package}
        return row.model_copy(update={"parameters": parameters})

    monkeypatch.setattr(builder, "_row", sized)
    result = evaluate_watermark(tabulate(tmp_path, sources=3, rungs=(*PIPELINE, ARM)), [], quick(20))
    titles = [section.title for section in sections(result) if section.columns == CELL_COLUMNS]
    assert [title.partition(" (")[2].startswith(shown) for title in titles] == [True] * 3
    assert all(("below the 256" in title) == bool(shown) for title in titles)
