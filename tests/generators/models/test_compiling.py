"""Compiled networks on the CPU, which takes a compiler of C++."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from editmill.generators.models.inpainter import Inpainter, InpaintRequest
from editmill.generators.models.loading import Models
from editmill.generators.models.placement import Placement
from editmill.generators.models.together import side_by_side
from editmill.manifests.arrays import Picture
from tests.checkpoints import write_inpaint_pipeline
from tests.generators.models.test_few_steps import pack_of
from tests.generators.pictures import photo


def test_the_blocks_of_what_denoises_are_compiled_when_they_are_called(tmp_path: Path) -> None:
    write_inpaint_pipeline(tmp_path / "inpaint")
    found = {}
    for wanted in (True, False):
        pipeline = Models(pack_of(tmp_path), Placement(device="cpu", compile=wanted)).get("inpaint")
        networks = (part for part in pipeline.components.values() if isinstance(part, torch.nn.Module))
        parts = (part for network in networks for part in network.modules() if part._compiled_call_impl is not None)
        found[wanted] = {type(part).__name__ for part in parts}
    assert found == {True: {"BasicTransformerBlock"}, False: set()}


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="needs a compiler")
def test_compiled_networks_draw_nearly_the_same_in_whatever_order_sizes_come(tmp_path: Path) -> None:
    write_inpaint_pipeline(tmp_path / "inpaint")
    asked = Placement(device="cpu", batch=2, compile=True)
    assert asked.settled().compile

    def drawn(placement: Placement, sizes: list[tuple[int, int]]) -> dict[tuple[int, int], list[Picture]]:
        inpainter = Inpainter(Models(pack_of(tmp_path), placement), steps=2, guidance=3.0)
        found = {}
        for width, height in sizes:
            image, hole = photo(1, width=width, height=height), np.ones((height, width), bool)
            requests = [InpaintRequest(image, hole, "grass", seed) for seed in range(2)]
            found[width, height] = side_by_side(inpainter.fill, requests, most=2)
        return found

    sizes = [(32, 32), (48, 24)]
    eager, compiled = drawn(Placement(device="cpu", batch=2), sizes), drawn(asked.settled(), sizes)
    torch.compiler.reset()
    turned = drawn(asked.settled(), sizes[::-1])
    for size in sizes:
        for one, other, before in zip(compiled[size], turned[size], eager[size], strict=True):
            assert np.array_equal(one, other)
            assert np.abs(one.astype(int) - before).max() <= 1


def test_without_a_compiler_networks_run_as_they_are(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("torch._inductor.config.cpp.cxx", ("no-such-compiler",))
    monkeypatch.setattr("torch._inductor.config.fx_graph_cache", False)
    torch.compiler.reset()
    assert not Placement(device="cpu", compile=True).settled().compile
    (told,) = (one.getMessage() for one in caplog.records if one.name == "editmill.models")
    assert told.startswith("torch can't compile networks here, so they run as they are (InductorError")


def test_whoever_compiles_nothing_does_not_load_the_compiler() -> None:
    asked = "import sys, editmill.generators.models.loading; sys.exit('torch._dynamo' in sys.modules)"
    subprocess.run([sys.executable, "-c", asked], check=True)
