"""What a process is set to before it builds a shard."""

from __future__ import annotations

import gc

import cv2
import pytest
import torch

from editmill.generators.models.placement import Placement
from editmill.pipelines.shard import configure_process
from tests.pipelines.conftest import PLACEMENT


def test_every_library_uses_one_thread_on_the_cpu_and_garbage_is_looked_for_seldom() -> None:
    cv2.setNumThreads(2)
    torch.set_num_threads(2)
    gc.set_threshold(700)
    configure_process(PLACEMENT)
    assert (cv2.getNumThreads(), torch.get_num_threads()) == (1, 1)
    assert gc.get_threshold()[0] > 700


def test_nothing_of_a_process_goes_to_another_accelerator(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[torch.device] = []
    monkeypatch.setattr(Placement, "resolve", lambda self: torch.device(self.device))
    monkeypatch.setattr(torch.cuda, "set_device", taken.append)
    for name in ("cuda:1", "cuda", "cpu"):
        configure_process(Placement(device=name))
    assert taken == [torch.device("cuda:1")]
