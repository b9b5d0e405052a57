"""A third-party package adds a family, a source, a guard, a pack and an evaluator without a line of ours changed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

PLUGIN = Path(__file__).parent / "plugin"
# Runs commands in one process, since starting one takes longer than any of them.
DRIVER = """
import json, sys
from click.testing import CliRunner
from editmill.flows.cli import main
done = {}
for name, arguments in json.loads(sys.argv[1]).items():
    result = CliRunner().invoke(main, arguments)
    done[name] = [result.exit_code, result.stdout, result.output]
json.dump(done, open("done.json", "w"))
"""
MODEL = """
import numpy as np
def upright(images):
    return np.array([int(np.ptp(image[:, 0, 0]) > np.ptp(image[0, :, 0])) for image in images])
"""
EVALUATE = ["evaluate", "one", "--model", "mine:upright"]
SMALL = (
    "generator.schemes=[{name: dwtDctSvd}]",
    "generator.attacks=[{name: pipeline, start: none}]",
    "generator.side=64",
    "generator.least_pixels=4096",
    "source.side=64",
    "guards=[{name: brightness}]",
)
COMMANDS = {
    "recipes": ["recipes"],
    "models": ["models"],
    "help": ["plan", "--help"],
    "plan": ["plan", "blocks", "--json"],
    # One shard, so that the second build starts one process beside this one.
    "one": ["build", "blocks", "--shards", "1", "--workers", "1", "--out", "one"],
    "two": ["build", "blocks", "--shards", "1", "--workers", "2", "--out", "two"],
    "verify": ["verify", "one"],
    "preview": ["preview", "blocks", "-n", "2", "--out", "sheet.png"],
    "text": EVALUATE,
    "json": [*EVALUATE, "--format", "json"],
    "csv": [*EVALUATE, "--format", "csv"],
    "markdown": [*EVALUATE, "--format", "markdown"],
    "watermark": [
        *("build", "watermark", "--source", "stripes:4", "--workers", "1", "--out", "watermark"),
        *(argument for change in SMALL for argument in ("--set", change)),
    ],
}


@dataclass(frozen=True)
class Ran:
    """What the commands printed by name, and the folder in which they ran."""

    folder: Path
    printed: dict[str, str]

    def json(self, name: str) -> dict[str, object]:
        """What a command printed, or what a dataset's manifest says."""
        path = self.folder / name / "manifest.json"
        found: dict[str, object] = json.loads(path.read_text() if path.exists() else self.printed[name])
        return found


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """Every command, run where the package is installed beside editmill."""
    folder = tmp_path_factory.mktemp("installed")
    shutil.copytree(PLUGIN, folder / "source", ignore=shutil.ignore_patterns("build", "*.egg-info", "__pycache__"))
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    site = str(folder / "site")
    subprocess.run([*pip, "--target", site, str(folder / "source")], check=True, capture_output=True, timeout=300)
    (folder / "mine.py").write_text(MODEL)
    environment = {**os.environ, "PYTHONPATH": f"{site}{os.pathsep}{folder}"}
    command = [sys.executable, "-c", DRIVER, json.dumps(COMMANDS)]
    subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True, timeout=600)
    done = json.loads((folder / "done.json").read_text())
    assert {name: output for name, (code, _, output) in done.items() if code} == {}
    return Ran(folder, {name: printed for name, (_, printed, _) in done.items()})


def test_the_manifest_names_the_package_that_brought_what_the_recipe_names(ran: Ran) -> None:
    environment = ran.json("one")["environment"]
    assert isinstance(environment, dict)
    assert environment["editmill-example"]


def test_everything_is_listed(ran: Ran) -> None:
    assert "blocks" in ran.printed["recipes"]
    assert "example: A pack without models" in ran.printed["models"]
    assert "stripes[:COUNT]" in ran.printed["help"]


def test_it_plans_builds_and_verifies(ran: Ran) -> None:
    assert ran.json("plan")["edits"] == {"original": 8, "blocks-2": 8, "blocks-8": 8}
    assert "intact" in ran.printed["verify"]
    assert ran.json("one")["generator"] == "blocks"
    assert ran.json("one")["score_names"] == ["change", "brightness"]


def test_its_guard_rejects_with_its_own_reason(ran: Ran) -> None:
    counts = ran.json("one")["counts"]
    assert isinstance(counts, dict)
    assert counts["original"] == {"ok": {"": 7}, "rejected": {"too_dark": 1}}


def test_another_process_gives_equal_bytes(ran: Ran) -> None:
    paths = sorted((ran.folder / "one" / "test").iterdir())
    assert paths
    assert all((ran.folder / "two" / "test" / path.name).read_bytes() == path.read_bytes() for path in paths)


def test_its_pictures_can_be_previewed(ran: Ran) -> None:
    assert (ran.folder / "sheet.png").stat().st_size > 0


def test_its_evaluator_reports_in_every_form(ran: Ran) -> None:
    rows = ran.json("json")["rows"]
    assert isinstance(rows, list)
    assert {(row["side"], row["accuracy"]) for row in rows} == {(0.0, 1.0), (2.0, 1.0), (8.0, 3 / 7)}
    assert "Accuracy by the side of the blocks" in ran.printed["text"]
    assert ran.printed["csv"].startswith("model,side,accuracy\n")
    assert "| model | side | top-1, % |" in ran.printed["markdown"]


def test_its_source_and_its_guard_serve_our_families(ran: Ran) -> None:
    found = ran.json("watermark")
    assert "brightness" in json.dumps(found["score_names"])
    assert isinstance(found["sources"], dict)
    assert found["sources"]["name"] == "stripes"
