"""Views with captions for image-text models, and which captions fit which views."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from transformers import CLIPTokenizer

from editmill.packs.tabletop.training.recognition import ATTRIBUTES, Mix, View, collate, draw_scene, recognition_view
from editmill.packs.tabletop.training.tokenizer import make_tokenizer
from editmill.packs.tabletop.training.zero_shot import MENTIONS, caption_for
from editmill.packs.tabletop.world.scene import scene_rng

EMPTY_MENTIONS: tuple[tuple[str, ...], ...] = (("ground",), ("none",))


def padded_tokenizer(length: int, *, masked: bool) -> CLIPTokenizer:
    """Return the pack's tokenizer with a length of its own, and with an attention mask or, as SigLIP uses it, without
    one.
    """
    tokenizer = make_tokenizer()
    tokenizer.model_max_length = length
    tokenizer.model_input_names = ["input_ids", "attention_mask"] if masked else ["input_ids"]
    # What is set after construction is saved from here only.
    tokenizer.init_kwargs["model_input_names"] = tokenizer.model_input_names
    return tokenizer


def _caption(view: View, rng: np.random.Generator) -> tuple[str, list[bool]]:
    """Return a caption of the view, and which attributes it mentions."""
    choices = MENTIONS[:-1] if view.truth[0] >= 0 else EMPTY_MENTIONS
    mentioned = choices[int(rng.integers(len(choices)))]
    # "no object" fits what has no class, so it counts as a text that mentions the class -1.
    flags = [name in mentioned or (name == "name" and mentioned == ("none",)) for name in ATTRIBUTES]
    return caption_for(dict(zip(ATTRIBUTES, view.truth, strict=True)), mentioned, rng), flags


def captioned_batch(
    name: str, indices: range, tokenizer: CLIPTokenizer, mix: Mix, *, side: int, grid: int
) -> dict[str, Any]:
    """Return views and captions of training scenes: a pure function of the role's name and the indices.

    Returns:
        What ``collate`` returns; ``tokens``: the tokenizer's tensors, padded to its length; ``mentioned``: bool [n,
        attributes].
    """
    views, texts, flags = [], [], []
    for index in indices:
        rng = scene_rng("train", index, name)
        view = recognition_view(draw_scene(index, rng, mix), rng, side=side, grid=grid, whole=mix.whole)
        text, mentioned = _caption(view, rng)
        views.append(view)
        texts.append(text)
        flags.append(mentioned)
    tokens = tokenizer(texts, padding="max_length", truncation=True, return_tensors="pt")
    return {**collate(views), "mentioned": torch.tensor(flags), "tokens": dict(tokens)}
