"""The names that a label has to beat."""

from __future__ import annotations

import numpy as np

from editmill.generators.guards.ensemble.confusables import confusables, synonyms

NAMES = ("crane", "heron", "crane, bird", "truck", "stork")
ANGLES = np.deg2rad([0, 10, 1, 90, 20])
FEATURES = np.stack([np.cos(ANGLES), np.sin(ANGLES)], axis=1).astype(np.float32)


def test_the_nearest_names_come_first_and_twins_are_left_out() -> None:
    found = confusables(FEATURES, NAMES, nearest=2)
    assert found["crane"] == ("heron", "stork")
    assert found["truck"] == ("stork", "heron")
    assert set(found) == set(NAMES)


def test_siblings_are_rivals_whatever_their_distance() -> None:
    found = confusables(FEATURES, NAMES, nearest=1, siblings={"crane": ("truck", "heron", "crane, bird")})
    assert found["crane"] == ("heron", "truck")


def test_synonyms_are_plain() -> None:
    assert synonyms("Great_Grey, crane") == {"great grey", "crane"}
