from __future__ import annotations

import numpy as np
import pytest

from editmill.packs.tabletop.world import GROUNDS, SPLITS, make_scene
from editmill.packs.tabletop.world.grounds import PAINTERS, PALETTES, TRAIN_PALETTES, paint_ground


def test_every_family_has_a_painter_palettes_and_wordings() -> None:
    assert set(PAINTERS) == set(PALETTES) == set(GROUNDS)
    assert all(GROUNDS.values())


@pytest.mark.parametrize("family", GROUNDS)
def test_training_and_shift_share_no_palette(family: str) -> None:
    train, shifted = PALETTES[family][:TRAIN_PALETTES], PALETTES[family][TRAIN_PALETTES:]
    assert len(train) == TRAIN_PALETTES
    assert len(shifted) == 2
    assert len({*train, *shifted}) == TRAIN_PALETTES + 2


@pytest.mark.parametrize("family", GROUNDS)
@pytest.mark.parametrize("shifted", [False, True])
def test_ground_is_a_picture_and_repeatable(family: str, shifted: bool) -> None:
    first, second, other = (
        paint_ground(family, np.random.default_rng(seed), 48, shifted=shifted) for seed in (1, 1, 2)
    )
    assert first.shape == (48, 48, 3)
    assert first.dtype == np.float32
    assert 0 <= first.min() <= first.max() <= 255
    assert first.std() > 2
    assert np.array_equal(first, second)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("split", SPLITS)
def test_scenes_use_the_palettes_of_their_split(split: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # Palettes of the other split in signal colours: not one pixel of them may appear.
    alarm = ((255, 0, 255), (255, 0, 255))
    others = slice(0, TRAIN_PALETTES) if split == "shifted" else slice(TRAIN_PALETTES, None)
    for family, palettes in PALETTES.items():
        changed = list(palettes)
        changed[others] = [alarm] * len(changed[others])
        monkeypatch.setitem(PALETTES, family, tuple(changed))
    for index in range(40):
        clean = make_scene(split, index, size=32).clean.astype(int)
        assert not ((clean[..., 1] < 10) & (clean[..., 0] > 100) & (clean[..., 2] > 100)).any()
