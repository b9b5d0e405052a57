"""The flow ``build-watermark``: the same bytes as the core gives; the commands on what it built."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from editmill.flows.builds import build_watermark
from editmill.flows.cli import main
from editmill.generators.models.loading import Placement
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


@pytest.mark.prefect
@pytest.mark.usefixtures("prefect_environment")
def test_the_flow_gives_the_bytes_that_the_core_gives(tmp_path: Path) -> None:
    built = build_watermark(overrides=CHANGES, out=tmp_path / "flow", device="cpu")
    assert verify_dataset(tmp_path / "flow").ok
    assert built["samples"] == 18
    build(
        prepare(make_plan(load_recipe("watermark", overrides=CHANGES)), tmp_path / "core", Placement(device="cpu")),
        progress=False,
    )
    assert (tmp_path / "core" / MANIFEST).read_bytes() == (tmp_path / "flow" / MANIFEST).read_bytes()


def mean(images: list[object]) -> list[float]:
    """A detector that knows nothing."""
    return [float(image.mean()) for image in images]  # type: ignore[attr-defined]


def test_commands_on_a_dataset_of_watermarks(tmp_path: Path) -> None:
    out = tmp_path / "marks"
    changes = [*CHANGES[:2], "generator.attacks=[{name: pipeline, start: none}, {name: vae, start: vae}]"]
    build(prepare(make_plan(load_recipe("watermark", overrides=changes)), out, Placement(device="cpu")), progress=False)
    run = CliRunner().invoke
    document = json.loads(run(main, ["evaluate", str(out), "--format", "json", "--model", f"{__name__}:mean"]).output)
    assert document["kind"] == "editmill.watermark_evaluation"
    assert "dwtDctSvd" in run(main, ["evaluate", str(out)]).output
    pytest.importorskip("matplotlib")
    html = run(main, ["evaluate", str(out), "--format", "html", "--output", str(tmp_path / "report.html")])
    assert html.exit_code == 0, html.output
    assert "<svg" in (tmp_path / "report.html").read_text()
    printed = run(main, ["keys", str(out)]).output.splitlines()
    assert printed[0] == "key_id,source_id,scheme,embedded,bits,nonce"
    assert len(printed) == 7
    written = run(main, ["keys", str(out), "--output", str(tmp_path / "keys.csv")])
    assert written.exit_code == 0
    assert (tmp_path / "keys.csv").read_text().splitlines() == printed
    refused = run(main, ["keys", str(out), "--secret", str(tmp_path / "none.bin")])
    assert refused.exit_code == 2
    assert "can't be read" in refused.output
