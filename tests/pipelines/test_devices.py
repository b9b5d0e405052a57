"""Builds on several accelerators, whose list is made up: below it, the processes run on the CPU."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from editmill.generators.models.placement import Placement, visible
from editmill.manifests.errors import RequestError
from editmill.pipelines.build import build, prepare
from tests.pipelines.conftest import PLACEMENT, MakePlan


def test_a_device_without_an_index_is_every_accelerator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    names = {name: visible(Placement(device=name)) for name in ("cuda", "cuda:1", "cpu")}
    assert names == {"cuda": ["cuda:0", "cuda:1", "cuda:2"], "cuda:1": ["cuda:1"], "cpu": ["cpu"]}


@pytest.mark.parametrize("name", ["foo", "cuda:x", ""])
def test_a_device_that_does_not_exist_is_told_with_those_that_do(name: str) -> None:
    with pytest.raises(RequestError, match=f"there is no device '{name}'") as caught:
        Placement(device=name).check()
    assert "cpu, cuda, mps or xpu" in caught.value.fix
    assert "\n" not in caught.value.what


def test_a_process_runs_on_its_own_accelerator(
    tiny_plan: MakePlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("editmill.pipelines.build.visible", lambda device: ["cuda:98", "cuda:99"])
    # One shard is one process, on the first of them.
    with pytest.raises(RequestError, match=r"the device 'cuda:98' can't be used"):
        build(prepare(tiny_plan("shards=1"), tmp_path, PLACEMENT), progress=False)
