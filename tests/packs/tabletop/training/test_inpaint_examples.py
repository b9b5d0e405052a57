"""What the inpainting model learns from: targets, holes and captions, and the cache of encoded examples."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from packs.tabletop.training.inpaint import EMPTY_OPENINGS, LatentCache, make_scheduler, random_blob, training_example
from packs.tabletop.training.tokenizer import MAX_LENGTH
from packs.tabletop.world import GROUNDS, make_scene

COUNT = 40


def test_examples_are_repeatable() -> None:
    (image, hole, caption), again = training_example(5), training_example(5)
    assert np.array_equal(image, again[0])
    assert np.array_equal(hole, again[1])
    assert caption == again[2]


def test_hole_over_the_object_is_filled_with_the_clean_ground_and_the_rest_is_the_scene() -> None:
    removals = grounds = 0
    for index in range(COUNT):
        target, hole, caption = training_example(index)
        scene = make_scene("train", index, size=128)
        assert hole.dtype == bool
        assert hole.any()
        if np.array_equal(target, np.where(hole[..., None], scene.clean, scene.image)) and not np.array_equal(target, scene.image):
            removals += not hole.all()
            # A removal never mentions the object.
            assert caption == "" or any(caption.endswith(opening + wording) for opening in EMPTY_OPENINGS for wording in GROUNDS[scene.ground])
        else:
            assert np.array_equal(target, scene.image)
            grounds += 1
            # A removal whose hole misses the object may have no caption either.
            assert caption == "" or any(caption.endswith(wording) for wording in GROUNDS[scene.ground])
    assert removals > 0.2 * COUNT
    assert grounds > 0.3 * COUNT


def test_blobs_leave_something_open_and_something_known() -> None:
    shares = [random_blob(np.random.default_rng(seed)).mean() for seed in range(60)]
    assert min(shares) > 0
    assert np.mean(shares) < 0.6


def test_cache_gives_back_what_was_written_and_nothing_before(tmp_path: Path) -> None:
    cache = LatentCache(tmp_path, 6)
    assert cache.read([1, 2]) is None
    encoded = {
        "latents": torch.randn(2, 8, 32, 32, generator=torch.Generator().manual_seed(0)), "mask": torch.ones(2, 1, 32, 32),
        "tokens": torch.arange(1, 2 * MAX_LENGTH + 1).view(2, MAX_LENGTH),
    }
    cache.write([1, 2], encoded)
    assert cache.read([0, 1]) is None
    for one in (cache, LatentCache(tmp_path, 6)):
        back = one.read([2, 1])
        assert back is not None
        assert torch.equal(back["tokens"], encoded["tokens"].flip(0))
        assert torch.equal(back["mask"], encoded["mask"])
        assert torch.allclose(back["latents"], encoded["latents"].flip(0), atol=2e-3)


def test_scheduler_starts_from_pure_noise() -> None:
    scheduler = make_scheduler()
    scheduler.set_timesteps(4)
    assert scheduler.alphas_cumprod[scheduler.timesteps[0]].item() < 1e-6
