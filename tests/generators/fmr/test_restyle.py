"""Shifts of colour and contrast."""

from __future__ import annotations

import numpy as np

from editmill.generators.fmr.restyle import restyle


def test_neutral_numbers_change_nothing() -> None:
    image = np.random.default_rng(0).integers(0, 256, (8, 8, 3)).astype(np.uint8)
    assert np.array_equal(restyle(image, saturation=1, contrast=1, brightness=0), image)


def test_each_number_does_its_part() -> None:
    image = np.array([[[200, 40, 40]]], np.uint8)
    grey = restyle(image, saturation=0, contrast=1, brightness=0)[0, 0]
    assert len(set(grey.tolist())) == 1
    assert restyle(image, saturation=1, contrast=0.5, brightness=0)[0, 0].tolist() == [164, 84, 84]
    assert restyle(image, saturation=1, contrast=1, brightness=100)[0, 0].tolist() == [255, 140, 140]
