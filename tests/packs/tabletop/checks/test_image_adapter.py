"""The comparison behind the image adapter's figure."""

from __future__ import annotations

import numpy as np
import pytest

from editmill.packs.tabletop.checks.image_adapter import better


def test_an_entry_counts_when_its_own_reference_beats_both_others() -> None:
    cosine = {
        "own": np.array([0.9, 0.9, 0.1, 0.5]),
        "none": np.array([0.2, 0.95, 0.0, 0.5]),
        "other": np.array([0.3, 0.1, 0.2, 0.1]),
    }
    assert better(cosine) == pytest.approx(0.25)
    assert better({name: np.stack([values, values[::-1]]) for name, values in cosine.items()}) == pytest.approx(0.25)
