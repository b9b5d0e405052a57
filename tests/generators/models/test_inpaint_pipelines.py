"""Every family of inpainting pipelines, loaded from the layout of its published checkpoint."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import editmill.packs
from editmill.generators.models.inpaint_pipelines import network_of, takes_several
from editmill.generators.models.inpainter import Inpainter, InpaintRequest, native_size
from editmill.generators.models.loading import Models
from editmill.generators.models.pack import read_pack
from editmill.generators.models.placement import Placement
from editmill.generators.models.prompts import Remembered
from editmill.generators.models.together import side_by_side
from editmill.manifests.errors import ModelError
from tests.checkpoints import SIDE
from tests.generators.pictures import disc, photo
from tests.inpaint_families import CLASSES, FAMILIES, UNSIZED, Guided, write_family

PACKS = Path(editmill.packs.__file__).parent
WHOLE = np.ones((SIDE, SIDE), bool)


@pytest.fixture(scope="module", params=FAMILIES)
def models(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Models:
    path: Path = write_family(tmp_path_factory.mktemp(request.param), request.param)
    return Models(read_pack(path), Placement(device="cpu"))


@pytest.fixture
def inpainter(models: Models) -> Inpainter:
    return Inpainter(models, steps=4, guidance=2.0)


def test_every_family_fills_and_is_guided(inpainter: Inpainter) -> None:
    noises: list[float] = []

    def towards_white(width: int, height: int) -> Any:
        def shift(clean: Tensor, noise: float) -> Tensor:
            noises.append(noise)
            leaf = clean.clone().requires_grad_()
            decoded = inpainter.decode(leaf)
            assert decoded.shape == (1, 3, height, width)
            (gradient,) = torch.autograd.grad(decoded.mean(), leaf)
            return gradient / gradient.square().mean().sqrt() * 0.3

        return shift

    whole = np.ones(photo().shape[:2], bool)
    requests = [
        InpaintRequest(photo(), whole, "green grass", 1, 0.75, shift) for shift in (None, None, Guided(towards_white))
    ]
    plain, again, guided = (inpainter.fill(request) for request in requests)
    assert plain.shape == photo().shape
    assert np.array_equal(plain, again)
    assert guided.astype(int).sum() > plain.astype(int).sum()
    assert len(noises) == 3
    assert sorted(noises, reverse=True) == noises


def test_prompt_seed_and_strength_matter(inpainter: Inpainter) -> None:
    asked = [("green grass", 1, 1.0), ("a brick wall", 1, 1.0), ("green grass", 2, 1.0), ("green grass", 1, 0.5)]
    pictures = [inpainter.fill(InpaintRequest(photo(), disc() > 0, *one)) for one in asked]
    assert all(not np.array_equal(pictures[0], other) for other in pictures[1:])


def test_guidance_decodes_as_the_pipeline_does(inpainter: Inpainter) -> None:
    """The last step of a flow ends at the clean prediction, which the pipeline then decodes itself."""
    if not type(inpainter.pipeline.scheduler).__name__.startswith("FlowMatch"):
        pytest.skip("other schedulers end near the clean prediction, not at it")
    seen: list[Tensor] = []

    def look(width: int, height: int) -> Any:
        def shift(clean: Tensor, noise: float) -> Tensor:
            seen.append(inpainter.decode(clean).detach())
            return torch.zeros_like(clean)

        return shift

    picture = inpainter.fill(InpaintRequest(photo(width=SIDE, height=SIDE), WHOLE, "green grass", 1, 1.0, Guided(look)))
    decoded = (seen[-1][0].permute(1, 2, 0) / 2 + 0.5).clamp(0, 1).numpy() * 255
    assert picture.std() > 2
    assert np.abs(decoded - picture).max() <= 0.51


@pytest.mark.parametrize("strength", [1.0, 0.6])
@pytest.mark.parametrize("guidance", [0.0, 1.0, 2.0])
def test_cost_is_the_number_of_evaluations(models: Models, guidance: float, strength: float) -> None:
    inpainter = Inpainter(models, steps=3, guidance=guidance)
    evaluated: list[int] = []

    def count(module: Any, inputs: Any, options: Any) -> None:
        evaluated.append(len(inputs[0] if inputs else options["hidden_states"]))

    handle = network_of(inpainter.pipeline).register_forward_pre_hook(count, with_kwargs=True)
    inpainter.fill(InpaintRequest(photo(), disc() > 0, "green grass", 1, strength))
    handle.remove()
    assert sum(evaluated) == inpainter.cost(strength=strength)


def test_what_the_hole_held_does_not_matter(inpainter: Inpainter) -> None:
    hole = np.zeros((64, 96), bool)
    hole[8:56, 8:88] = True
    inner = np.zeros_like(hole)
    inner[28:36, 40:56] = True
    pictures = [
        inpainter.fill(InpaintRequest(np.where(inner[..., None], np.uint8(level), photo()), hole, "", 1))
        for level in (0, 255)
    ]
    assert np.array_equal(pictures[0][hole], pictures[1][hole])


def test_a_pipeline_without_a_size_needs_one_from_the_pack(tmp_path: Path) -> None:
    path = write_family(tmp_path, "z-image")
    path.write_text(path.read_text().replace(f"side: {SIDE}", "side: 0"))
    with pytest.raises(ModelError, match="native size") as told:
        Inpainter(Models(read_pack(path), Placement(device="cpu")), steps=1, guidance=0.0)
    assert "roles.inpaint.side" in told.value.fix


INPAINTING = [path for path in sorted(PACKS.glob("*.yaml")) if "inpaint" in read_pack(path).roles]


@pytest.mark.parametrize("path", INPAINTING, ids=lambda path: path.stem)
def test_public_packs_name_a_class_that_is_tried_here(path: Path) -> None:
    entry = read_pack(path).entry("inpaint")
    family = next(family for family, name in CLASSES.items() if entry.cls == f"diffusers.{name}")
    assert bool(entry.side) == (family in UNSIZED)
    assert entry.side % 16 == 0


def test_frames_of_flux2_are_never_shrunk_by_its_pipeline() -> None:
    """It shrinks what has more than 1024 times 1024 pixels, and guidance would not know."""
    side = read_pack(PACKS / "flux2-klein.yaml").entry("inpaint").side
    shapes = [native_size(1000, round(1000 * ratio / 100), side=side, multiple=16) for ratio in range(10, 1000)]
    assert max(width * height for width, height in shapes) <= 1024**2


def test_pictures_side_by_side_are_those_of_calls_alone(inpainter: Inpainter) -> None:
    requests = [
        InpaintRequest(photo(seed), disc() > 0, prompt, seed, 0.8)
        for seed, prompt in ((1, "green grass"), (2, "a brick wall"), (3, "green grass"))
    ]
    evaluated: list[int] = []
    handle = network_of(inpainter.pipeline).register_forward_pre_hook(lambda *_: evaluated.append(1))
    alone = [inpainter.fill(request) for request in requests]
    calls, evaluated[:] = len(evaluated), []
    together = side_by_side(inpainter.fill, requests, most=3)
    handle.remove()
    # Kernels may sum in another order, which a few values round another way.
    assert max(np.abs(one.astype(int) - other).max() for one, other in zip(alone, together, strict=True)) <= 1
    assert calls == len(evaluated) * (3 if takes_several(inpainter.pipeline) else 1)


def test_a_prompt_is_encoded_once_and_its_embeddings_stay_as_they_were(inpainter: Inpainter) -> None:
    calls = 0

    def counted(*given: Any, **named: Any) -> Any:
        nonlocal calls
        calls += 1
        return encode(*given, **named)

    encode = type(inpainter.pipeline).encode_prompt.__get__(inpainter.pipeline)
    pictures, needed = [], []
    for _ in range(2):
        inpainter.pipeline.encode_prompt = Remembered(counted)
        for prompt in ("a lawn", "a wall", "a lawn"):
            pictures.append(inpainter.fill(InpaintRequest(photo(0), disc() > 0, prompt, 1)))
            needed.append(calls)
    assert 0 < needed[0] < needed[1] == needed[2]
    assert all(np.array_equal(one, pictures[0]) for one in pictures[2::3])
