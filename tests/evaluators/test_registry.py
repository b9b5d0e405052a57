"""Which evaluator measures which dataset."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest

from editmill.evaluators import Evaluator, evaluator_of, exporters
from editmill.evaluators.base import Exporter
from editmill.evaluators.registry import EVALUATORS
from editmill.manifests import Manifest, RequestError
from tests.manifests.builder import make_manifest, make_sources

FAMILIES = ("attribute", "text", "watermark", "fmr", "synthesis")


def manifest_of(family: str, *, labels: bool = True) -> Manifest:
    manifest = make_manifest(make_sources(1), [])
    names = manifest.class_names if labels else {}
    return manifest.model_copy(update={"generator": family, "class_names": names})


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_has_its_own_evaluator(family: str) -> None:
    evaluator = evaluator_of(manifest_of(family))
    assert isinstance(evaluator, Evaluator)
    assert evaluator.kind == family
    assert evaluator.needs_models == (family != "watermark")


@pytest.mark.parametrize("labels", [True, False])
def test_datasets_whose_evaluator_is_gone_are_refused(labels: bool) -> None:
    with pytest.raises(RequestError, match="no evaluator for datasets of the family 'elsewhere'") as caught:
        evaluator_of(manifest_of("elsewhere", labels=labels))
    assert "install the package" in caught.value.fix
    assert "attribute" in caught.value.fix


def test_the_first_to_bring_a_layout_keeps_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    ours = EVALUATORS.get("attribute").exports["imagenet-e"]

    class Foreign:
        exports: ClassVar = {"imagenet-e": Exporter("stolen", ours.write), "own": Exporter("new", ours.write)}

    monkeypatch.setattr(EVALUATORS, "loaded", lambda: {"attribute": EVALUATORS.get("attribute"), "foreign": Foreign()})
    assert exporters()["imagenet-e"] is ours
    assert exporters()["own"].about == "new"


def test_a_package_brings_an_evaluator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installed package is a module and the metadata beside it, which names the entry point."""
    (tmp_path / "sketches.py").write_text(SOURCE)
    metadata = tmp_path / "sketches-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: sketches\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[editmill.evaluators]\nsketch = sketches:EVALUATOR\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delattr(EVALUATORS, "_points", raising=False)
    assert EVALUATORS.names() == (*FAMILIES, "sketch")
    manifest = manifest_of("sketch", labels=False)
    evaluator = evaluator_of(manifest)
    assert type(evaluator).__name__ == "SketchEvaluator"
    assert evaluator.report(Found(manifest)).facts == ("three sketches",)
    # What was read stays in the registry; the next test reads the entry points anew.
    monkeypatch.undo()
    EVALUATORS.__dict__.pop("_points", None)
    assert "sketch" not in EVALUATORS


@dataclass(frozen=True)
class Found:
    """What an evaluator returns."""

    manifest: Manifest


SOURCE = """
from editmill.evaluators import EvaluatedModel, Evaluator, Report


class SketchEvaluator(Evaluator):
    kind = "sketch"
    needs_models = False

    def load_model(self, spec, *, class_names, device):
        return EvaluatedModel(spec, None)

    def evaluate(self, dataset, models, options):
        return dataset

    def report(self, result):
        return Report("Sketches", ("three sketches",), (), (), (), {})


EVALUATOR = SketchEvaluator()
"""


def test_layouts_come_from_everywhere_and_the_evaluators() -> None:
    layouts = exporters()
    assert {"clip-benchmark", "dali", "imagenet-e", "xmai-csv"} < set(layouts)
    assert "labels.txt" in layouts["imagenet-e"].about
