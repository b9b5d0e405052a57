"""Prompts that are encoded once; whole pipelines with them are in test_inpaint_pipelines."""

from __future__ import annotations

import torch

from editmill.generators.models.prompts import CAPACITY, Remembered


def test_the_last_prompts_are_kept_and_tensors_are_encoded_anew() -> None:
    asked: list[object] = []
    encode = Remembered(lambda given, *, prompt: asked.append(prompt))
    prompts = [str(number) for number in range(CAPACITY + 1)]
    # The last is kept still, and the first is not.
    for prompt in (*prompts, prompts[-1], prompts[0]):
        encode(None, prompt=prompt)
    assert asked == [*prompts, prompts[0]]
    for _ in range(2):
        encode([torch.zeros(1)], prompt="a lawn")
    assert asked[-2:] == ["a lawn", "a lawn"]
