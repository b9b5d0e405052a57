"""Operators that destroy a label leave next to nothing of the object."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from editmill.generators.base.loaded import LoadedSource
from editmill.generators.guards.boxes import box_of
from editmill.generators.guards.ensemble.destroyers import OPERATORS, background_crop, destroyed, occluded, other_class
from tests.generators.guards.conftest import Toy


def changed(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    return (before != after).any(axis=-1)


@pytest.mark.parametrize("seed", range(8))
def test_a_card_covers_nine_tenths_of_the_object(toys: tuple[Toy, ...], seed: int) -> None:
    source = toys[seed % 3].source
    image, mask = occluded(source, np.random.default_rng(seed)), source.mask > 127
    covered = changed(source.image, image)
    assert 0.9 <= covered[mask].mean() <= 1
    left, top, right, bottom = (int(edge) for edge in box_of(mask))
    around = covered.copy()
    around[max(0, top - 3) : bottom + 3, max(0, left - 3) : right + 3] = False
    assert not around.any()


def test_a_crop_holds_no_object(toys: tuple[Toy, ...]) -> None:
    for toy in toys:
        source = toy.source
        marked = replace(
            source, image=np.where((source.mask > 127)[..., None], 255, 0).astype(np.uint8).repeat(3, axis=2)
        )
        crop = background_crop(marked)
        assert crop is not None
        assert crop.shape == source.image.shape
        assert not crop.any()


def test_an_object_that_fills_the_frame_leaves_no_room(toys: tuple[Toy, ...]) -> None:
    full = np.zeros_like(toys[0].source.mask)
    full[4:-4, 4:-4] = 255
    source = LoadedSource(toys[0].source.record, toys[0].source.image, full)
    assert background_crop(source) is None
    assert [one.operator for one in destroyed(source, toys[1].source, np.random.default_rng(0))] == [
        "class_swap",
        "occluded",
    ]


def test_another_object_takes_the_place(toys: tuple[Toy, ...]) -> None:
    source, other = toys[0].source, toys[1].source
    found = other_class(source, other, toys[0].ground)
    mine, theirs = box_of(source.mask > 127), box_of(found.mask > 127)
    assert np.allclose(
        [(mine[0] + mine[2]) / 2, (mine[1] + mine[3]) / 2],
        [(theirs[0] + theirs[2]) / 2, (theirs[1] + theirs[3]) / 2],
        atol=1.5,
    )
    assert max(mine[2] - mine[0], mine[3] - mine[1]) == pytest.approx(
        max(theirs[2] - theirs[0], theirs[3] - theirs[1]), abs=2
    )
    assert not changed(found.image, toys[0].ground)[found.mask == 0].any()


def test_cheap_operators_need_no_model(toys: tuple[Toy, ...]) -> None:
    made = [one.operator for one in destroyed(toys[0].source, toys[1].source, np.random.default_rng(0))]
    assert made == list(OPERATORS[:3])
