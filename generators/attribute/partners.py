"""Choice of a partner source that stays the same when other sources are added."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence

from editmill.manifests.records import SourceRecord
from editmill.manifests.seeds import derive_seed

# Partners that a sample may turn to when its own can't be used, such as one whose object fills most of its picture.
SPARES = 7

NO_PARTNER = "no usable source in another picture has another label, so none can lend its background"
NO_PARTNER_FIX = (
    "add photographs of at least one other class, or leave the edit random-background out of generator.edits"
)


class PartnerPool:
    """Usable sources on a ring of hashes; a source's partner is the next one of another class in another picture.

    An added source becomes the partner only of those whose place on the ring lies just before it.
    """

    def __init__(self, records: Iterable[SourceRecord]) -> None:
        usable = [
            # Places do not depend on the recipe's seed, which only decides where on the ring to look.
            (derive_seed(0, record.id, "partner-place"), record.id, record.label, record.sha256)
            for record in records
            if not record.problem
        ]
        self._ring = sorted(usable)
        self._other = _steps_to_others([label for _, _, label, _ in self._ring])

    def choose(self, record: SourceRecord, seed: int, count: int = 1) -> list[str]:
        """Return the ids of at most ``count`` partners, the best first."""
        found: list[str] = []
        start, step = bisect_left(self._ring, (seed, "", 0, "")), 0
        while step < len(self._ring) and len(found) < count:
            place = (start + step) % len(self._ring)
            _, identity, label, sha256 = self._ring[place]
            # A picture with several objects is several records, and its background still shows the other one.
            if label != record.label and sha256 != record.sha256:
                found.append(identity)
            # One by one through a class that most sources have, planning would take the square of their number.
            step += self._other[place] if label == record.label else 1
        return found


def _steps_to_others(labels: Sequence[int]) -> list[int]:
    """Return for each place on a ring how far the next one with another label is; the ring's length without any."""
    steps, count = [len(labels)] * len(labels), len(labels)
    # Twice around, so that places before the end know what comes behind the beginning.
    for place in reversed(range(2 * count - 1)):
        here, after = place % count, (place + 1) % count
        steps[here] = 1 if labels[after] != labels[here] else min(count, steps[after] + 1)
    return steps
