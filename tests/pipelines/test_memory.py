"""Networks that have room for few pictures at once: every family goes on with fewer, and says so once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn.modules.module import register_module_forward_pre_hook

from editmill.generators.models.micro_batches import say_once
from editmill.generators.models.placement import Placement
from editmill.manifests.errors import ExhaustedError
from editmill.manifests.reader import open_dataset
from editmill.pipelines.build import build, prepare
from editmill.pipelines.plan import make_plan
from editmill.pipelines.recipe import load_recipe

TINY = ("generator.render.steps=1", "generator.render.max_upsampling=9")
FAITHFUL = ("generator.render.mode=faithful", "generator.render.faithful.executed=2")
BACKGROUNDS = "generator.edits=[{name: size, levels: [0.1]}, {name: background}]"
GUIDED = "generator.edits=[{name: complexity, levels: [10]}, {name: adversarial, levels: [10]}]"
SCHEMES = "generator.schemes=[{name: dwtDctSvd}]"
ATTACKS = "generator.attacks=[{name: vae, start: vae}, {name: clean, start: clean}]"
FEW = ("source.count=2", "generator.batch=4", "calibration=null")
CONDITIONS = "generator.conditionings=[{name: text}]"
# A recipe and what makes it small; what batches are for in the family is set to 4 at least.
CASES: dict[str, tuple[str, tuple[str, ...]]] = {
    "attribute": ("imagenet-e", (*TINY, BACKGROUNDS)),
    "guided": ("imagenet-e", (*TINY, "generator.render.steps=2", GUIDED)),
    "faithful": ("imagenet-e", (*FAITHFUL, GUIDED)),
    "text": ("xmai", ("source.count=4",)),
    "dilution": ("dilution", ("source.count=4",)),
    "watermark": ("watermark", ("source.count=2", "generator.steps=2", SCHEMES, ATTACKS)),
    "fmr": ("fmr", (*FEW, "generator.budget=1", "generator.targets=[classifier]")),
    "synthesis": ("imagenet-g", (*FEW, "generator.quota=1", "generator.steps=1", CONDITIONS)),
}
# With the embedded networks, which take minutes.
PARAMETERS = [
    *("attribute", "guided", "faithful"),
    *(pytest.param(name, marks=pytest.mark.slow) for name in ("text", "dilution", "watermark", "fmr", "synthesis")),
]


@contextmanager
def room_for(count: int) -> Iterator[list[int]]:
    """Let no network look at more pictures or texts than ``count`` at once; yields how many were too many."""
    refused: list[int] = []

    def look(module: nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        # The first layer of networks that see pictures, and one of the decoder of a segmenter.
        pictures = isinstance(module, nn.ConvTranspose2d) or (isinstance(module, nn.Conv2d) and module.in_channels == 3)
        # Texts of classes are read when models load, which ends with the command's message: tests/flows/test_cli.py.
        texts = isinstance(module, nn.Embedding) and inputs[0].ndim == 2 and count > 0
        if (pictures or texts) and len(inputs[0]) > count:
            refused.append(len(inputs[0]))
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")

    hook = register_module_forward_pre_hook(look)
    try:
        yield refused
    finally:
        hook.remove()


def decisions(family: str, out: Path, tiny: tuple[Path, Path]) -> list[tuple[str, list[str]]]:
    recipe, overrides = CASES[family]
    pack, photos = tiny
    mine = {"source": f"folder:{photos}", "models": str(pack)} if recipe == "imagenet-e" else {}
    plan = make_plan(load_recipe(recipe, overrides=(*overrides, "shards=1"), **mine))
    build(prepare(plan, out, Placement(device="cpu", batch=4)), progress=False)
    table = open_dataset(out).table
    return list(zip(*(table.column(name).to_pylist() for name in ("key", "reasons")), strict=True))


@pytest.mark.parametrize("family", PARAMETERS)
def test_too_many_pictures_are_halved_once_said_and_change_no_decision(
    family: str, tmp_path: Path, tiny_pack: Path, photos: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tiny = tiny_pack, photos
    expected = decisions(family, tmp_path / "roomy", tiny)
    assert not any("proposer_error" in reasons for _, reasons in expected)
    say_once.cache_clear()
    caplog.clear()
    with room_for(2) as refused:
        assert decisions(family, tmp_path / "narrow", tiny) == expected
    assert refused
    warned = [one.getMessage() for one in caplog.records if "need too much memory" in one.getMessage()]
    assert warned
    assert len(set(warned)) == len(warned)


@pytest.mark.parametrize("family", PARAMETERS)
def test_one_picture_too_many_ends_with_what_helps(family: str, tmp_path: Path, tiny_pack: Path, photos: Path) -> None:
    with room_for(0), pytest.raises(ExhaustedError, match="out of memory: CUDA") as told:
        decisions(family, tmp_path / "none", (tiny_pack, photos))
    assert all(words in told.value.fix for words in ("--offload model", "--dtype", "smaller"))
