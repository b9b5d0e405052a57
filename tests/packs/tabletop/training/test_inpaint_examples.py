"""What the inpainting model learns from: targets, holes and captions, and the cache of encoded examples."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import torch

from editmill.packs.tabletop.training.inpaint import EMPTY, LatentCache, random_blob, training_example
from editmill.packs.tabletop.training.tokenizer import MAX_LENGTH
from editmill.packs.tabletop.world import GROUNDS, make_scene

COUNT = 60


def test_examples_are_repeatable() -> None:
    (image, hole, caption), again = training_example(5), training_example(5)
    assert np.array_equal(image, again[0])
    assert np.array_equal(hole, again[1])
    assert caption == again[2]


def test_objects_appear_in_a_hole_only_when_the_caption_names_them() -> None:
    kinds = Counter[str]()
    for index in range(COUNT):
        target, hole, caption = training_example(index)
        scene = make_scene("train", index, size=128)
        assert hole.dtype == bool
        assert hole.any()
        assert np.array_equal(target[~hole], scene.image[~hole]) or np.array_equal(target, scene.clean)
        covered = hole & (np.max(scene.alphas, axis=0) > 0.5)
        if covered.sum() > 20 and np.array_equal(target[covered], scene.image[covered]):
            assert scene.objects[0].name in caption
            kinds["object"] += 1
        elif covered.any():
            assert np.array_equal(target[covered], scene.clean[covered])
            assert caption in ("", EMPTY) or any(caption.endswith(wording) for wording in GROUNDS[scene.ground])
            kinds["removal"] += 1
        else:
            kinds["ground"] += 1
    assert kinds["removal"] > 0.25 * COUNT
    assert kinds["ground"] > 0.2 * COUNT
    assert kinds["object"] > 0


def test_blobs_leave_something_open_and_something_known() -> None:
    shares = [random_blob(np.random.default_rng(seed)).mean() for seed in range(60)]
    assert min(shares) > 0
    assert np.mean(shares) < 0.6


def test_cache_gives_back_what_was_written_and_nothing_before(tmp_path: Path) -> None:
    cache = LatentCache(tmp_path, 6)
    assert cache.tensors([1, 2]) is None
    encoded = {
        "latents": torch.randn(2, 8, 32, 32, generator=torch.Generator().manual_seed(0)),
        "mask": torch.ones(2, 1, 32, 32),
        "tokens": torch.arange(1, 2 * MAX_LENGTH + 1).view(2, MAX_LENGTH),
    }
    cache.keep([1, 2], encoded)
    assert cache.tensors([0, 1]) is None
    for one in (cache, LatentCache(tmp_path, 6)):
        back = one.tensors([2, 1])
        assert back is not None
        assert torch.equal(back["tokens"], encoded["tokens"].flip(0))
        assert torch.equal(back["mask"], encoded["mask"])
        assert torch.allclose(back["latents"], encoded["latents"].flip(0), atol=2e-3)
