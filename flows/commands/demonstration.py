"""The demo: build, verify, evaluate and show a small set with the embedded pack."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from editmill.evaluators import Options, evaluate, load_models, render, report, write_report
from editmill.flows.commands.dataset import resolve_pack
from editmill.generators.models.loading import Placement
from editmill.manifests.reader import open_dataset
from editmill.manifests.records import Manifest
from editmill.pipelines.build import build, prepare
from editmill.pipelines.plan import make_plan
from editmill.pipelines.preview import preview_dataset
from editmill.pipelines.recipe import load_recipe

CLASSIFIER = "pack:tabletop/classifier"


@dataclass(frozen=True)
class DemoResult:
    """What the demo made; ``table`` is the accuracy-drop table as text."""

    manifest: Manifest
    table: str
    sheet: Path
    report: Path


def run_demo(out: Path, placement: Placement, *, workers: int) -> DemoResult:
    """Build what is missing below ``out`` and evaluate the pack's classifier on it."""
    prepared = prepare(make_plan(load_recipe("demo")), out, placement)
    manifest = build(prepared, workers=workers)
    assert manifest is not None
    dataset = open_dataset(out)
    dataset.verify().raise_for_problems()
    models = load_models(dataset, [resolve_pack(CLASSIFIER)], device=placement.device)
    result = evaluate(dataset, models, options=Options(progress=False))
    folder = out / "report"
    folder.mkdir(exist_ok=True)
    sheet, page = folder / "contact_sheet.png", folder / "index.html"
    preview_dataset(out, sources=8).save(sheet)
    write_report(page, result)
    return DemoResult(manifest, render(report(result), "text"), sheet, page)
