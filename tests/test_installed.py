"""The light wheel in an environment of its own, beside packages and folders that have our folders' names."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from editmill.generators.attribute.guards.settings import GuardSettings
from tests.manifests.builder import build_dataset
from tests.pipelines.photos import write_photos
from tests.pipelines.regating.guarded import build_guarded

ROOT = Path(__file__).parents[1]
# Packages of the index that are called as our folders are; there is none called packs.
NAMESAKES = ("manifests", "flows", "generators", "evaluators", "pipelines")
FOLDERS = (*NAMESAKES, "packs")
PROGRAM = """
import json, sys
from editmill import evaluate, open_dataset, render, report, verify_dataset
import editmill.manifests, editmill.flows, flows, manifests
dataset = open_dataset(sys.argv[1])
heavy = [name for name in ("torch", "cv2", "prefect", "diffusers") if name in sys.modules]
found = report(evaluate(dataset, ["mine:zero"]))
print(json.dumps({
    "samples": len(dataset), "intact": verify_dataset(sys.argv[1]).ok, "heavy": heavy, "rows": len(list(found.rows)),
    "own": [flows.__file__, manifests.__file__], "ours": [editmill.flows.__file__, editmill.manifests.__file__],
}))
"""
COMMANDS = (ROOT / "tests/light_commands.py").read_text()
MODEL = "import numpy as np\ndef zero(images):\n    return np.zeros(len(images), dtype=np.int64)\n"


def wheel(folder: Path) -> Path:
    """Build the light wheel into a folder, from a copy: what an earlier build left would be packed too."""
    aside = shutil.ignore_patterns(".*", "build", "out", "runs", "docs", "tests", "weights", "*.egg-info")
    shutil.copytree(ROOT, folder / "copy", symlinks=True, ignore=aside)
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir"]
    subprocess.run([*pip, str(folder), str(folder / "copy")], check=True, capture_output=True, timeout=600)
    (built,) = folder.glob("editmill-*.whl")
    return built


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with packages of its own that are called as our folders are, with datasets and photographs."""
    folder = tmp_path / "project"
    for name in FOLDERS:
        (folder / name).mkdir(parents=True)
        (folder / name / "__init__.py").write_text("OWN = True\n")
    (folder / "mine.py").write_text(MODEL)
    write_photos(folder / "photos")
    build_dataset(folder / "set")
    build_guarded(folder / "guarded", generator="attribute", guard=GuardSettings().model_dump(mode="json"))
    return folder


def check(python: Path, project: Path, environment: dict[str, str]) -> None:
    """Verify, evaluate and read the project's dataset with an installed editmill, from within the project."""

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [str(python), *arguments], cwd=project, env=environment, capture_output=True, text=True, timeout=600
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    found = json.loads(run("-c", PROGRAM, "set"))
    assert found["intact"]
    assert found["samples"] > 0
    assert found["rows"] > 0
    assert found["heavy"] == []
    assert all(Path(path).is_relative_to(project) for path in found["own"])
    assert not any(Path(path).is_relative_to(project) or Path(path).is_relative_to(ROOT) for path in found["ours"])
    assert "intact" in run("-m", "editmill", "verify", "set")
    run("-c", COMMANDS)


def test_the_light_wheel_beside_a_projects_own_folders(project: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    built = wheel(tmp_path)
    with zipfile.ZipFile(built) as archive:
        names = archive.namelist()
        archive.extractall(site)
    assert not [name for name in names if name.startswith("editmill/packs/tabletop") or name.endswith(".safetensors")]
    assert "editmill/py.typed" in names
    assert built.stat().st_size < 2_000_000
    check(Path(sys.executable), project, {**os.environ, "PYTHONPATH": str(site)})


@pytest.mark.slow
def test_an_empty_environment_beside_the_packages_of_the_index(project: Path, tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "venv")], check=True)
    python = tmp_path / "venv/bin/python"
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    constraints = ["--constraint", str(ROOT / "constraints.txt")]
    subprocess.run([*pip, *constraints, str(wheel(tmp_path))], check=True, timeout=1800)
    # Some of them ask for packages that no longer build; their own files are what matters.
    subprocess.run([*pip, "--no-deps", *NAMESAKES], check=True, timeout=1800)
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    check(python, project, environment)
    listed = subprocess.run([str(python), "-m", "pip", "list"], check=True, capture_output=True, text=True).stdout
    assert not {"torch", "prefect", "diffusers", "opencv-python"} & {line.split()[0] for line in listed.splitlines()}
