"""Choice of a partner source that stays the same when other sources are added."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable

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

    def choose(self, record: SourceRecord, seed: int, count: int = 1) -> list[str]:
        """Return the ids of at most ``count`` partners, the best first."""
        start, found = bisect_left(self._ring, (seed, "", 0, "")), []
        for step in range(len(self._ring)):
            _, identity, label, sha256 = self._ring[(start + step) % len(self._ring)]
            # A picture with several objects is several records, and its background still shows the other one.
            if label != record.label and sha256 != record.sha256:
                found.append(identity)
            if len(found) == count:
                break
        return found
