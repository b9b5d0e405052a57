"""The demo: photographs edited without a model that knows them, and scenes edited by the models that know them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from editmill.evaluators import Options, evaluate, render, report, write_report
from editmill.evaluators.extras import check_drawing
from editmill.flows.commands.dataset import load_asked
from editmill.generators.models.placement import Placement
from editmill.manifests.reader import open_dataset
from editmill.manifests.records import Manifest
from editmill.pipelines.build import build, prepare
from editmill.pipelines.plan import make_plan
from editmill.pipelines.preview import preview_dataset
from editmill.pipelines.recipe import load_recipe

CLASSIFIER = "pack:tabletop/classifier"
SHOWN = 6


@dataclass(frozen=True)
class DemoPart:
    """One of the demo's datasets, and the contact sheet of its first sources."""

    out: Path
    manifest: Manifest
    sheet: Path


@dataclass(frozen=True)
class DemoResult:
    """What the demo made; ``table`` is the accuracy-drop table of the scenes as text."""

    photographs: DemoPart
    scenes: DemoPart
    table: str
    report: Path


def run_demo(out: Path, placement: Placement, *, workers: int) -> DemoResult:
    """Build what is missing below ``out`` and evaluate the pack's classifier on the scenes, whose classes it knows."""
    check_drawing()
    sheets = out / "report"
    sheets.mkdir(parents=True, exist_ok=True)
    photographs = _part("demo-photographs", out / "photographs", sheets / "photographs.jpg", 200, placement, workers)
    scenes = _part("demo", out / "scenes", sheets / "scenes.png", 128, placement, workers)
    dataset = open_dataset(scenes.out)
    models = load_asked(dataset, [CLASSIFIER], device=placement.device)
    result = evaluate(dataset, models, options=Options(progress=False))
    page = sheets / "index.html"
    write_report(page, result)
    return DemoResult(photographs, scenes, render(report(result), "text"), page)


def _part(recipe: str, out: Path, sheet: Path, cell: int, placement: Placement, workers: int) -> DemoPart:
    """Build and verify a dataset, and draw its sheet of pictures of ``cell`` pixels a side."""
    manifest = build(prepare(make_plan(load_recipe(recipe)), out, placement), workers=workers)
    assert manifest is not None
    open_dataset(out).verify().raise_for_problems()
    preview_dataset(out, sources=SHOWN, cell=cell).save(sheet, quality=90)
    return DemoPart(out, manifest, sheet)
