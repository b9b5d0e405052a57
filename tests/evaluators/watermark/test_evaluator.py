"""All forms of a report, and the page that names their fields."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from editmill.evaluators import render, report
from editmill.evaluators.watermark.detectors import NamedDetector
from editmill.evaluators.watermark.evaluation import WatermarkEvaluation, evaluate_watermark
from editmill.evaluators.watermark.plot import tpr_plot
from tests.evaluators.builder import named, quick
from tests.evaluators.watermark.builder import ARM, LADDER, build, tabulate

PAGE = Path(__file__).parents[3] / "docs" / "formats-watermark.md"


@pytest.fixture(scope="module")
def evaluation(tmp_path_factory: pytest.TempPathFactory) -> WatermarkEvaluation:
    """Two schemes of which none has enough items, a failed sample, an undecodable one, and a rung that was never
    made.
    """

    def problem(scheme: str, rung: str, number: int) -> tuple[str, str] | None:
        if rung == "terminal" and scheme == "beta":
            return "failed", "oom"
        return ("rejected", "nsfw") if (scheme, rung, number) == ("", "vae", 0) else None

    dataset = build(
        tmp_path_factory.mktemp("marks"),
        sources=12,
        schemes=(("alpha", 32), ("<beta>", 48), ("beta", 64)),
        rungs=(*LADDER, ARM),
        replicated=2,
        problem=problem,
        error=lambda scheme, rung, number, positive: "lost" if (rung, number) == ("s50", 3) else "",
    )
    return evaluate_watermark(
        dataset, named(NamedDetector("red", lambda images: [image[0, 0, 0] for image in images])), quick(100)
    )


def test_text(evaluation: WatermarkEvaluation) -> None:
    text = render(report(evaluation), "text")
    assert "FAST TIER: fewer than 1,000 + 1,000" in text
    for title in (
        "Schemes that did not pass the gate",
        "Gate at pipeline",
        "Thresholds",
        "Dose and response",
        "Removal, spoofing and both",
        "What survives the vae rung (vae)",
        "Which rung breaks the scheme",
        "Flat and textured sources",
        "Ablation arms",
        "Quality",
        "Null calibration",
        "Two regeneration seeds",
        "Detectors of third parties",
        "Source families left out of a cell",
        "Planned samples that do not exist",
    ):
        assert title in text
    assert "Detection by rung" not in text
    assert "too few items for the gate" in text
    assert "0.3500" in text
    assert text == render(report(evaluation), "text")


def test_a_scheme_that_passes_is_headlined_and_one_that_fails_stands_apart(tmp_path: Path) -> None:
    def matches(scheme: str, rung: str, number: int, positive: bool) -> int:
        return 32 if positive and (scheme == "good" or number % 2) else 16

    dataset = tabulate(tmp_path, sources=500, schemes=(("good", 32), ("bad", 32)), rungs=LADDER[:2], matches=matches)
    result = evaluate_watermark(dataset, [], quick(20))
    text = render(report(result), "text")
    headline, apart = text.index("Detection by rung"), text.index("Schemes that did not pass the gate")
    assert text.index("\ngood ") in range(headline, apart)
    assert text.index("\nbad ") > apart
    assert any("bad: scheme_gate_failed" in line for line in result.warnings)
    assert "bad (not in the headline)" in {curve.name for curve in tpr_plot(result).panels[0].curves}


def test_csv(evaluation: WatermarkEvaluation) -> None:
    rows = list(csv.DictReader(io.StringIO(render(report(evaluation), "csv"))))
    assert len(rows) == len(evaluation.cells) == 20
    first = rows[0]
    assert (first["scheme"], first["rung"], first["tpr_1"], first["threshold_1"], first["snr"]) == (
        "alpha",
        "pipeline",
        "1.0",
        "24",
        "",
    )
    assert float(rows[3]["ssim_input_low"]) <= float(rows[3]["ssim_input"])
    assert first["gate"] == "too few items for the gate"


def test_json(evaluation: WatermarkEvaluation) -> None:
    document = json.loads(render(report(evaluation), "json"))
    assert (document["schema_version"], document["kind"]) == (1, "editmill.watermark_evaluation")
    assert document["headline"] == []
    assert document["cells"][0]["views"][2]["levels"][0]["tpr"]["n"] == 12
    assert document["empty_cells"][0]["rung"] == "terminal"
    assert render(report(evaluation), "json") == render(report(evaluation), "json")


def test_html(evaluation: WatermarkEvaluation) -> None:
    pytest.importorskip("matplotlib")
    page = render(report(evaluation), "html")
    assert page.count("<svg ") == 2
    assert "&lt;beta&gt;" in page
    assert "<beta>" not in page
    assert "http://" not in page.replace("http://www.w3.org/2000/svg", "")
    assert "src=" not in page


@pytest.mark.parametrize("kind", ["strength", "quality"])
def test_plots_have_a_mark_per_cell_of_the_ladder(evaluation: WatermarkEvaluation, kind: str) -> None:
    marks = [mark for curve in tpr_plot(evaluation, kind=kind).panels[0].curves for mark in curve.marks]
    assert len(marks) == sum(cell.ladder for cell in evaluation.cells)
    assert all(0 <= mark.low <= mark.value <= mark.high <= 100 for mark in marks)


def test_nothing_to_draw(tmp_path: Path) -> None:
    result = evaluate_watermark(tabulate(tmp_path, sources=3, rungs=(ARM,)), [], quick(10))
    assert not report(result).shown.plots


def names(value: Any) -> set[str]:
    """All keys of a document."""
    if isinstance(value, dict):
        return set(value) | {name for item in value.values() for name in names(item)}
    return {name for item in value for name in names(item)} if isinstance(value, list) else set()


def test_every_field_is_documented(evaluation: WatermarkEvaluation) -> None:
    text = PAGE.read_text()
    document = json.loads(render(report(evaluation), "json"))
    # The tables and plots of every family, which docs/reports.md explains.
    del document["report"]
    assert not [name for name in sorted(names(document)) if f"`{name}`" not in text]
    columns = next(csv.reader(io.StringIO(render(report(evaluation), "csv"))))
    stems = {column.removesuffix("_low").removesuffix("_high") for column in columns}
    assert not [name for name in sorted(stems) if f"`{name}`" not in text]
    assert report(evaluation).document["violations"] == []
    assert "`before`" in text
    assert "`after`" in text


def test_every_parameter_of_a_row_is_documented() -> None:
    text = PAGE.read_text()
    fields = (
        "rung start requested steps executed timestep sqrt_alpha_bar snr scheduler scheduler_sha256 spacing "
        "stochastic guidance prompt "
        "negative_prompt control_scale canny adapter_scale colour_match passes codec quality dtype scheme package "
        "version bits key_id commitment "
        "sha256 embedded licence rights_basis width height native_width native_height flat_share label class_name "
        "detector scores matches p_value "
        "error notice"
    )
    assert not [name for name in fields.split() if f"`{name}`" not in text]
