"""The flow ``build-watermark``: the same bytes as the core gives; the commands on what it built."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from editmill.flows.builds import build_watermark
from editmill.flows.cli import main
from editmill.generators.models.placement import Placement
from editmill.manifests.manifest import MANIFEST
from editmill.manifests.verify import verify_dataset
from editmill.pipelines.build import build, prepare
from editmill.pipelines.plan import make_plan
from editmill.pipelines.recipe import load_recipe

CHANGES = [
    "source.count=3",
    "generator.schemes=[{name: dwtDctSvd}]",
    "generator.steps=1",
    "generator.attacks=[{name: pipeline, start: none}, {name: vae, start: vae}, {name: clean, start: clean}]",
]


@pytest.fixture(scope="module")
def core(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The dataset as the core builds it; do not change it."""
    out = tmp_path_factory.mktemp("core") / "marks"
    build(prepare(make_plan(load_recipe("watermark", overrides=CHANGES)), out, Placement(device="cpu")), progress=False)
    return out


@pytest.mark.prefect
@pytest.mark.usefixtures("prefect_environment")
def test_the_flow_gives_the_bytes_that_the_core_gives(core: Path, tmp_path: Path) -> None:
    built = build_watermark(overrides=CHANGES, out=tmp_path / "flow", device="cpu")
    assert verify_dataset(tmp_path / "flow").ok
    assert built["samples"] == 18
    assert (core / MANIFEST).read_bytes() == (tmp_path / "flow" / MANIFEST).read_bytes()


def mean(images: list[object]) -> list[float]:
    """A detector that knows nothing."""
    return [float(image.mean()) for image in images]  # type: ignore[attr-defined]


def test_commands_on_a_dataset_of_watermarks(core: Path, tmp_path: Path) -> None:
    run = CliRunner().invoke
    document = json.loads(run(main, ["evaluate", str(core), "--format", "json", "--model", f"{__name__}:mean"]).output)
    assert document["kind"] == "editmill.watermark_evaluation"
    assert "dwtDctSvd" in run(main, ["evaluate", str(core)]).output
    printed = run(main, ["keys", str(core)]).output.splitlines()
    assert printed[0] == "key_id,source_id,scheme,embedded,bits,nonce"
    assert len(printed) == 7
    written = run(main, ["keys", str(core), "--output", str(tmp_path / "keys.csv")])
    assert written.exit_code == 0
    assert (tmp_path / "keys.csv").read_text().splitlines() == printed
    refused = run(main, ["keys", str(core), "--secret", str(tmp_path / "none.bin")])
    assert refused.exit_code == 2
    assert "can't be read" in refused.output
