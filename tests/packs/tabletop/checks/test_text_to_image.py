"""The prompt grid and the generation that checks share."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch

from editmill.packs.tabletop.checks.text_to_image import BATCH, generate, grid, prompt


def test_grid_is_balanced_over_classes_colours_and_grounds() -> None:
    cells = grid(512)
    assert set(Counter(cell[:2] for cell in cells[:64]).values()) == {1}
    assert len(Counter(cell[0] for cell in cells)) == 8
    for column in range(3):
        assert set(Counter(cell[column] for cell in cells).values()) == {64}


def test_prompts_have_the_right_article() -> None:
    assert prompt("cube", "orange", "grass") == "an orange cube on green grass"
    assert prompt("star", "red", "brick") == "a red star on a brick wall"


def noise_pipeline(
    prompts: list[str], *, generator: list[torch.Generator], num_inference_steps: int, output_type: str, shade: Any
) -> Any:
    """A pipeline whose pictures are its noise plus a shade: all that batching could mix up."""
    shades = shade if isinstance(shade, list) else [shade] * len(prompts)
    noises = [torch.rand(2, 2, 3, generator=one).numpy() / 2 for one in generator]
    return SimpleNamespace(images=np.stack([noise + value for noise, value in zip(noises, shades, strict=True)]))


def test_each_picture_has_its_own_noise_and_its_own_settings() -> None:
    count = BATCH + 3
    alone = [generate(noise_pipeline, ["x"], steps=1, seed=number, shade=number / 100)[0] for number in range(count)]
    together = generate(noise_pipeline, ["x"] * count, steps=1, shade=[number / 100 for number in range(count)])
    assert all(np.array_equal(a, b) for a, b in zip(alone, together, strict=True))
