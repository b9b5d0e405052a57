"""Builds on several accelerators, whose list is made up: below it, the processes run on the CPU."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from editmill.generators.models.loading import visible
from editmill.manifests.errors import RequestError
from editmill.manifests.manifest import MANIFEST, RUN
from editmill.pipelines.build import build, prepare
from tests.pipelines.conftest import PLACEMENT, MakePlan

EDITS = "generator.edits=[{name: original}, {name: background}]"


def test_a_device_without_an_index_is_every_accelerator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    names = {name: visible(torch.device(name)) for name in ("cuda", "cuda:1", "cpu")}
    assert names == {"cuda": ["cuda:0", "cuda:1", "cuda:2"], "cuda:1": ["cuda:1"], "cpu": ["cpu"]}


def test_which_accelerator_it_is_changes_no_byte(
    tiny_plan: MakePlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build(prepare(tiny_plan(EDITS), tmp_path / "one", PLACEMENT), progress=False)
    monkeypatch.setattr("editmill.pipelines.build.visible", lambda device: ["cpu:0", "cpu"])
    build(prepare(tiny_plan(EDITS), tmp_path / "two", PLACEMENT), progress=False)
    # The manifest has the digests of all bytes.
    assert (tmp_path / "two" / MANIFEST).read_bytes() == (tmp_path / "one" / MANIFEST).read_bytes()
    assert json.loads((tmp_path / "two" / RUN).read_text())["engine"] == "2 processes on cpu:0, cpu"


def test_a_process_runs_on_its_own_accelerator(
    tiny_plan: MakePlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("editmill.pipelines.build.visible", lambda device: ["cuda:98", "cuda:99"])
    with pytest.raises(RequestError, match=r"the device 'cuda:9[89]' can't be used"):
        build(prepare(tiny_plan(EDITS), tmp_path, PLACEMENT), progress=False)
