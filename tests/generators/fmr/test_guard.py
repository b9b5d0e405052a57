"""What binds and what is only written down."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from editmill.generators.base.guards import Verdict
from editmill.generators.base.reasons import Reason
from editmill.generators.fmr.guard import FmrGuard
from editmill.generators.fmr.oracle import Subject
from editmill.manifests.arrays import Picture

DARK, LIGHT = np.zeros((4, 4, 3), np.uint8), np.full((4, 4, 3), 200, np.uint8)
SUBJECT = Subject("one", DARK, 0, "ball")


class Counting:
    """Refuses dark pictures, or light ones, and counts what it sees."""

    def __init__(self, score: str, *, dark: bool) -> None:
        self.score, self.dark, self.seen = score, dark, 0

    def __call__(self, subjects: Sequence[Subject], images: Sequence[Picture]) -> list[Verdict]:
        self.seen += len(images)
        return [
            Verdict({self.score: float(image.mean())}, (Reason.SANITY,) if (image.mean() < 100) == self.dark else ())
            for image in images
        ]


def test_one_decides_and_the_other_is_written_down() -> None:
    binding, watching = Counting("own", dark=True), Counting("beside", dark=False)
    guard = FmrGuard(binding, watching)
    assert [verdict.reasons for verdict in guard([SUBJECT, SUBJECT], [DARK, LIGHT])] == [(Reason.SANITY,), ()]
    assert watching.seen == 0
    (light,) = guard.describe([SUBJECT], [LIGHT])
    assert (light.scores, light.reasons) == ({"own": 200, "beside": 200}, ())


def test_a_picture_of_a_source_is_judged_once_until_it_is_forgotten() -> None:
    binding, watching = Counting("own", dark=True), Counting("beside", dark=False)
    guard = FmrGuard(binding, watching)
    guard([SUBJECT, SUBJECT], [DARK, DARK.copy()])
    guard.describe([SUBJECT], [DARK])
    assert (binding.seen, watching.seen) == (1, 1)
    guard([Subject("two", DARK, 0, "ball")], [DARK])
    assert binding.seen == 2
    guard.forget()
    guard([SUBJECT], [DARK])
    assert binding.seen == 3
