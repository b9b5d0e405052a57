"""Choice of a partner source that stays the same when other sources are added."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from editmill.manifests.canonical import DIGEST_SIZE
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

    def __init__(self, records: Sequence[SourceRecord]) -> None:
        # Some bytes a record: a million of tuples would take a gigabyte.
        places, numbers, labels, pictures = array("Q"), array("Q"), array("q"), bytearray()
        for number, record in enumerate(records):
            if not record.problem:
                # Places do not depend on the recipe's seed, which only decides where on the ring to look.
                places.append(derive_seed(0, record.id, "partner-place"))
                numbers.append(number)
                labels.append(record.label)
                pictures += _picture(record)
        order = np.argsort(np.asarray(places), kind="stable")
        self._places, self._numbers, self._labels = (_sorted(column, order) for column in (places, numbers, labels))
        self._pictures = np.frombuffer(pictures, f"V{DIGEST_SIZE}")[order].tobytes()
        self._other = _steps_to_others(self._labels)

    def choose(self, record: SourceRecord, seed: int, count: int = 1) -> list[int]:
        """Return the places of at most ``count`` partners among the records, the best first."""
        found: list[int] = []
        start, step, shown = bisect_left(self._places, seed), 0, _picture(record)
        while step < len(self._places) and len(found) < count:
            place = (start + step) % len(self._places)
            other = self._labels[place] != record.label
            # A picture with several objects is several records, and its background still shows the other one.
            if other and self._pictures[place * DIGEST_SIZE : (place + 1) * DIGEST_SIZE] != shown:
                found.append(self._numbers[place])
            # One by one through a class that most sources have, planning would take the square of their number.
            step += 1 if other else self._other[place]
        return found


def _picture(record: SourceRecord) -> bytes:
    # One that can't be read has no digest; this is nobody's.
    return bytes.fromhex(record.sha256).ljust(DIGEST_SIZE, b"\xff")


def _sorted(column: array[int], order: npt.NDArray[np.intp]) -> array[int]:
    """Return an array in another order; single values of it are read faster than those of NumPy's."""
    return array(column.typecode, np.asarray(column)[order].tobytes())


def _steps_to_others(labels: Sequence[int]) -> array[int]:
    """Return for each place on a ring how far the next one with another label is; the ring's length without any."""
    count = len(labels)
    steps = array("Q", [count]) * count
    # Twice around, so that places before the end know what comes behind the beginning.
    for place in reversed(range(2 * count - 1)):
        here, after = place % count, (place + 1) % count
        steps[here] = 1 if labels[after] != labels[here] else min(count, steps[after] + 1)
    return steps
