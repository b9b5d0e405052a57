"""All forms of a report, and the page that names their fields."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import fields
from pathlib import Path

import pytest

from editmill.evaluators import render, report
from editmill.evaluators.fmr.evaluation import FmrEvaluation, evaluate_fmr
from editmill.evaluators.fmr.plot import curve_plot
from editmill.evaluators.fmr.results import ModelFacts, Point, TargetResult, Transfer, Verification
from tests.evaluators.builder import quick
from tests.evaluators.fmr.builder import build, model, sources_of

PAGE = Path(__file__).parents[3] / "docs" / "formats-fmr.md"


@pytest.fixture(scope="module")
def evaluation(tmp_path_factory: pytest.TempPathFactory) -> FmrEvaluation:
    dataset = build(tmp_path_factory.mktemp("fmr"), ineligible=(7,))
    models = [model("first", sources_of("ascent-vq-first-4", (0, 1))), model("second"), model("other <1>")]
    return evaluate_fmr(dataset, models, quick(50))


def test_the_text_has_every_table(evaluation: FmrEvaluation) -> None:
    text = render(report(evaluation), "text")
    for title in (
        "Foundation model-oriented robustness",
        "Sources and validation",
        "Accuracy over the budget",
        "Transfer between models",
        "Held-out verifiers",
        "Models",
    ):
        assert title in text
    assert "1 source_ineligible" in text
    assert "warning: only 7 sources in the smallest eligible set" in text


def test_csv_has_a_line_per_point(evaluation: FmrEvaluation) -> None:
    lines = list(csv.DictReader(io.StringIO(render(report(evaluation), "csv"))))
    assert [(line["target"], line["made_by"], line["budget"]) for line in lines[:8]] == [
        ("first", by, str(budget)) for by in ("ascent", "random") for budget in (0, 1, 2, 4)
    ]
    assert float(lines[3]["accuracy"]) == pytest.approx(5 / 7)
    assert float(lines[3]["difference"]) == pytest.approx(2 / 7)
    assert not lines[2]["difference"]


def test_json_is_canonical_and_says_what_it_is(evaluation: FmrEvaluation) -> None:
    document = json.loads(render(report(evaluation), "json"))
    assert (document["kind"], document["schema_version"]) == ("editmill.fmr_evaluation", 1)
    del document["report"]
    assert document == json.loads(json.dumps(report(evaluation).document))
    assert document["targets"][0]["curve"][-1]["fmr"]["n"] == 7


def test_the_page_stands_alone_and_escapes_names(evaluation: FmrEvaluation) -> None:
    pytest.importorskip("matplotlib")
    page = render(report(evaluation), "html")
    assert "other &lt;1&gt;" in page
    assert "http" not in page.replace("http://www.w3.org/2000/svg", "")
    assert [len(panel.curves) for panel in curve_plot(evaluation).panels] == [4]


def test_the_documentation_names_every_field(evaluation: FmrEvaluation) -> None:
    page = PAGE.read_text()
    names = {
        one.name for kind in (TargetResult, Point, Transfer, Verification, ModelFacts) for one in fields(kind)
    } | set(report(evaluation).document)
    assert [name for name in sorted(names) if f"`{name}`" not in page] == []
