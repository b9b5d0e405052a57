"""Detection states the evidence, exact p-values, and errors instead of dropping pictures."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from editmill.generators.watermark.detection import detect
from editmill.generators.watermark.schemes.base import ReadingError
from editmill.manifests.arrays import Feature, Picture
from editmill.manifests.payloads import make_payload
from tests.generators.watermark.pictures import textured

KEY = make_payload(b"0123456789abcdef", "a", "fake", length=32)


class Fake:
    """A scheme that reads what it is told."""

    name, package, version, bits = "fake", "tests", "1", 32
    parameters: dict[str, Any] = {}

    def __init__(self, evidence: Any) -> None:
        self.evidence = evidence

    def embed(self, image: Picture, payload: Feature) -> Picture:
        return image

    def scores(self, image: Picture) -> Feature:
        if isinstance(self.evidence, Exception):
            raise self.evidence
        return np.asarray(self.evidence)


@pytest.mark.parametrize(("wrong", "p_value"), [(0, 2.0**-32), (1, 33 * 2.0**-32), (32, 1.0)])
def test_matches_and_exact_p_values(wrong: int, p_value: float) -> None:
    bits = [1 - bit if place < wrong else bit for place, bit in enumerate(KEY.bits)]
    found = detect(Fake([bit - 0.5 for bit in bits]), textured(0), KEY)
    assert found["matches"] == 32 - wrong
    assert found["p_value"] == pytest.approx(p_value)
    assert (found["detector"], found["bits"], found["error"]) == ("tests 1", 32, "")
    assert (found["key_id"], found["commitment"]) == (KEY.key_id, KEY.commitment)
    assert np.mean(np.abs(found["scores"])) == 0.5


@pytest.mark.parametrize(
    "evidence", [ReadingError("no"), KeyError("no"), TypeError("no"), np.ones(31), np.full(32, np.nan)]
)
def test_a_decoder_that_fails_leaves_an_error_and_no_evidence(evidence: Any) -> None:
    found = detect(Fake(evidence), textured(0), KEY)
    assert found["error"]
    assert (found["scores"], found["matches"], found["p_value"]) == ([], None, None)


def test_what_rows_hold_decides_the_matches() -> None:
    """A score that rounds to 0 reads as 0, as in the rows, whatever it was."""
    evidence = [0.4e-6 if bit else -0.4e-6 for bit in KEY.bits]
    found = detect(Fake(evidence), textured(0), KEY)
    assert found["scores"] == [0.0] * 32
    assert found["matches"] == sum(bit == (score > 0) for bit, score in zip(KEY.bits, found["scores"], strict=True))
    assert found["matches"] != 32
