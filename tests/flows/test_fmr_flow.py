"""The flow ``build-fmr`` and the commands on what it built, with the embedded pack."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from editmill.flows.builds import build_fmr
from editmill.flows.cli import main
from editmill.generators.models.placement import Placement
from editmill.manifests.manifest import MANIFEST
from editmill.manifests.verify import verify_dataset
from editmill.pipelines.build import build, prepare
from editmill.pipelines.plan import make_plan
from editmill.pipelines.recipe import load_recipe

CHANGES = [
    "source.count=3",
    "source.size=64",
    "generator.networks=[vq]",
    "generator.targets=[classifier_weak]",
    "generator.budget=1",
    "generator.oracle=zero_shot",
    "calibration=null",
    "shards=1",
]


@pytest.fixture(scope="module")
def core(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The dataset as the core builds it; do not change it."""
    out = tmp_path_factory.mktemp("core") / "fmr"
    build(prepare(make_plan(load_recipe("fmr", overrides=CHANGES)), out, Placement(device="cpu")), progress=False)
    return out


@pytest.mark.prefect
@pytest.mark.usefixtures("prefect_environment")
def test_the_flow_gives_the_bytes_that_the_core_gives(core: Path, tmp_path: Path) -> None:
    built = build_fmr(overrides=CHANGES, out=tmp_path / "flow", device="cpu")
    assert verify_dataset(tmp_path / "flow").ok
    assert (core / MANIFEST).read_bytes() == (tmp_path / "flow" / MANIFEST).read_bytes()
    assert built["samples"] > 3


def test_commands_on_a_dataset_of_ascents(core: Path, tmp_path: Path) -> None:
    models = [
        part for role in ("classifier_weak", "evaluation_encoder") for part in ("--model", f"pack:tabletop/{role}")
    ]
    run = CliRunner().invoke
    document = json.loads(run(main, ["evaluate", str(core), "--format", "json", *models]).output)
    assert document["kind"] == "editmill.fmr_evaluation"
    assert [one["held_out"] for one in document["models"]] == ["no", "yes"]
    (target,) = document["targets"]
    assert target["n_sources"] == 3
    assert target["n_eligible"] >= 1
    assert target["curve"][0]["pa"]["n"] == target["n_eligible"]
    assert "no model to measure" in run(main, ["evaluate", str(core)]).output
