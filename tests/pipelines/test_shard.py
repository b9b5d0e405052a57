"""What a process is set to before it builds a shard."""

from __future__ import annotations

import cv2
import torch

from editmill.pipelines.shard import configure_process
from tests.pipelines.conftest import PLACEMENT


def test_every_library_uses_one_thread_on_the_cpu() -> None:
    cv2.setNumThreads(2)
    torch.set_num_threads(2)
    configure_process(PLACEMENT)
    assert (cv2.getNumThreads(), torch.get_num_threads()) == (1, 1)
