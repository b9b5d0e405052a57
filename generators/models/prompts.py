"""Prompts that are encoded once: pictures of a build have few between them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

# Results that are kept; those of a large encoder take megabytes of the accelerator each.
CAPACITY = 16


class Remembered:
    """The ``encode_prompt`` of a pipeline, whose last results it keeps; equal arguments give the very same tensors.

    Args:
        encode: The pipeline's own.
    """

    def __init__(self, encode: Callable[..., Any]) -> None:
        self._encode = encode
        self._results: dict[str, Any] = {}

    def __call__(self, *given: Any, **named: Any) -> Any:
        """Return the embeddings; of arguments that hold tensors or pictures they are computed anew."""
        arguments = (given, *sorted(named.items()))
        if not _told_by_text(arguments):
            return self._encode(*given, **named)
        key = repr(arguments)
        if key not in self._results:
            if len(self._results) >= CAPACITY:
                self._results.pop(next(iter(self._results)))
            self._results[key] = self._encode(*given, **named)
        return self._results[key]


def remember_prompts(pipeline: Any) -> Any:
    """Return a pipeline of diffusers that encodes each prompt once."""
    if hasattr(pipeline, "encode_prompt"):
        pipeline.encode_prompt = Remembered(pipeline.encode_prompt)
    return pipeline


def _told_by_text(value: Any) -> bool:
    """Return whether equal representations are equal values."""
    if isinstance(value, list | tuple):
        return all(map(_told_by_text, value))
    return value is None or isinstance(value, str | int | float | torch.device)
