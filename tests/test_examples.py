"""The script of docs/examples for Slurm, run as it is; tests/flows runs the program that waits for events."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from editmill.manifests.manifest import MANIFEST
from editmill.pipelines.build import build
from tests.flows.tiny import OVERRIDES, RECIPE, tiny_prepared

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "docs/examples"


@pytest.mark.slow
def test_a_job_array_builds_what_one_process_builds(tmp_path: Path) -> None:
    build(tiny_prepared(tmp_path / "core"), progress=False)
    command = tmp_path / "bin" / "editmill"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m editmill "$@"\n')
    command.chmod(0o755)
    changes = [word for change in OVERRIDES for word in ("--set", change)]
    out = tmp_path / "array"
    for number in ("0", "1", ""):
        array = {"SLURM_ARRAY_TASK_ID": number, "SLURM_ARRAY_TASK_COUNT": "2"} if number else {}
        environment = {**os.environ, **array, "PATH": f"{command.parent}:{os.environ['PATH']}"}
        words = ["bash", str(EXAMPLES / "slurm.sh"), RECIPE, str(out), "--device", "cpu", *changes]
        subprocess.run(words, env=environment, check=True, capture_output=True)
        tars = len(list(out.glob("test/*.tar")))
        assert (tars, (out / MANIFEST).exists()) == {"0": (1, False), "1": (2, False), "": (2, True)}[number]
    assert (out / MANIFEST).read_bytes() == (tmp_path / "core" / MANIFEST).read_bytes()
