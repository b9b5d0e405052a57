"""What binds an ascent, and what is only written down beside it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

from editmill.generators.base.guards import Verdict
from editmill.generators.fmr.oracle import Oracle, Subject
from editmill.manifests.arrays import Picture
from editmill.manifests.stages import stage

Key = tuple[str, int, bytes]


class FmrGuard:
    """An oracle that binds, and another whose scores are kept and decide nothing.

    Verdicts are remembered until ``forget``: ascents against several targets begin with the same round trip, and
    emitted pictures were judged as iterates.

    Args:
        binding: decides.
        watching: Is asked by ``describe`` alone.
    """

    def __init__(self, binding: Oracle, watching: Oracle) -> None:
        self.binding, self.watching = binding, watching
        self._bound: dict[Key, Verdict] = {}
        self._watched: dict[Key, Verdict] = {}

    @stage("guards")
    def __call__(self, subjects: Sequence[Subject], images: Sequence[Picture]) -> list[Verdict]:
        """Return the binding verdicts."""
        return _remembered(self.binding, self._bound, subjects, images)

    @stage("guards")
    def describe(self, subjects: Sequence[Subject], images: Sequence[Picture]) -> list[Verdict]:
        """Return the binding verdicts with the scores of both."""
        watched = _remembered(self.watching, self._watched, subjects, images)
        return [
            Verdict({**beside.scores, **own.scores}, own.reasons)
            for own, beside in zip(self(subjects, images), watched, strict=True)
        ]

    def forget(self) -> None:
        """Drop what is remembered."""
        self._bound.clear()
        self._watched.clear()


def _remembered(
    oracle: Callable[[Sequence[Subject], Sequence[Picture]], Sequence[Verdict]],
    known: dict[Key, Verdict],
    subjects: Sequence[Subject],
    images: Sequence[Picture],
) -> list[Verdict]:
    keys = [
        (subject.key, subject.label, hashlib.blake2b(image.tobytes(), digest_size=16).digest())
        for subject, image in zip(subjects, images, strict=True)
    ]
    # One picture may be asked about several times in a call; one look is enough.
    new = {key: number for number, key in enumerate(keys) if key not in known}
    if new:
        numbers = list(new.values())
        known.update(
            zip(
                new,
                oracle([subjects[number] for number in numbers], [images[number] for number in numbers]),
                strict=True,
            )
        )
    return [known[key] for key in keys]
