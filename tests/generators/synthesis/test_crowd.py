from __future__ import annotations

import numpy as np
import pytest

from editmill.generators.guards.ensemble.duplicates import Fingerprint
from editmill.generators.guards.ensemble.settings import EnsembleSettings
from editmill.generators.guards.reasons import GuardReason
from editmill.generators.synthesis.crowd import Crowd
from editmill.generators.synthesis.settings import RetrySettings

EAST, NORTH = np.array([1.0, 0.0], np.float32), np.array([0.0, 1.0], np.float32)


def crowd(**guard: float) -> Crowd:
    return Crowd(EnsembleSettings.model_validate(guard), RetrySettings(candidates=4, adapt_after=2))


def test_a_copy_of_an_accepted_picture_is_a_duplicate_and_of_the_real_one_a_copy() -> None:
    one = crowd()
    assert one.compare(Fingerprint(0, EAST), None) == ({}, ())
    one.add(Fingerprint(0, EAST))
    scores, reasons = one.compare(Fingerprint(3, EAST), None)
    assert (scores["duplicate_hamming"], reasons) == (2.0, (GuardReason.DUPLICATE,))
    assert one.compare(Fingerprint(0, NORTH), None)[1] == ()
    scores, reasons = one.compare(Fingerprint(2**40 - 1, NORTH), Fingerprint(2**40 - 1, NORTH))
    assert (scores["source_cosine"], reasons) == (1.0, (GuardReason.NEAR_SOURCE_COPY,))


def test_a_limit_on_the_cosine_with_the_real_picture() -> None:
    far = Fingerprint(2**63 - 1, EAST)
    assert crowd().compare(Fingerprint(0, EAST), far)[1] == ()
    assert crowd(source_copy=0.9).compare(Fingerprint(0, EAST), far)[1] == (GuardReason.NEAR_SOURCE_COPY,)


def test_the_farthest_accepted_candidate_is_taken() -> None:
    one = crowd()
    features = np.stack([EAST, NORTH, -EAST])
    assert one.farthest([False, True, True], features) == 1
    one.add(Fingerprint(0, EAST))
    assert one.farthest([True, True, True], features) == 2
    assert one.farthest([True, True, False], features) == 1
    with pytest.raises(ValueError, match="no candidate"):
        one.farthest([False] * 3, features)


def test_candidates_adapt_to_the_cell() -> None:
    one = crowd()
    for _ in range(2):
        assert one.candidates("text") == 4
        one.count("text", candidates=10, accepted=10)
    assert one.candidates("text") == 2
    assert one.candidates("image") == 4
