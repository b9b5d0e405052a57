"""What a class holds already: the pictures that new ones may not repeat, and how often each conditioning was
accepted.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

import numpy as np

from editmill.generators.guards.ensemble.duplicates import DuplicateIndex, Fingerprint
from editmill.generators.guards.ensemble.settings import EnsembleSettings
from editmill.generators.guards.reasons import GuardReason
from editmill.generators.synthesis.acceptance import CellCounts, adapted_candidates
from editmill.generators.synthesis.selection import normalised
from editmill.generators.synthesis.settings import RetrySettings
from editmill.manifests.arrays import Feature


class Crowd:
    """The accepted samples of one class in the order of the plan.

    A class lies in one shard, so neither workers nor the order of shards change what a sample is compared with; the
    number of shards does not either.
    """

    def __init__(self, guard: EnsembleSettings, retries: RetrySettings) -> None:
        self.guard, self.retries = guard, retries
        self.index = DuplicateIndex(guard)
        self.features: list[Feature] = []
        self.counts: dict[str, CellCounts] = {}

    def candidates(self, conditioning: str) -> int:
        """Return K of the next sample."""
        return adapted_candidates(self.retries, self.counts.get(conditioning, CellCounts()))

    def compare(self, one: Fingerprint, source: Fingerprint | None) -> tuple[dict[str, float], tuple[StrEnum, ...]]:
        """Return scores of a candidate against the class's samples and its own real picture, and the reasons to
        reject.
        """
        scores = self.index.scores(one)
        reasons = self.index.reasons(scores)
        if source is None:
            return scores, reasons
        own = DuplicateIndex(self.guard)
        own.add(source)
        found = own.scores(one)
        cosine = found["duplicate_cosine"]
        copied = bool(own.reasons(found)) or (self.guard.source_copy is not None and cosine > self.guard.source_copy)
        scores |= {"source_hamming": found["duplicate_hamming"], "source_cosine": cosine}
        return scores, (*reasons, *([GuardReason.NEAR_SOURCE_COPY] if copied else []))

    def farthest(self, accepted: Sequence[bool], features: Feature) -> int:
        """Return the one of the accepted candidates, features float [candidates, width], farthest from the class's
        samples; the first in an empty class.

        One step of the greedy k-centre (Gonzalez 1985), with the samples so far as centres.

        Raises:
            ValueError: None is accepted.
        """
        pool = np.flatnonzero(accepted)
        if not len(pool):
            raise ValueError("no candidate is accepted")
        if not self.features:
            return int(pool[0])
        cosines = normalised(features[pool]) @ normalised(np.stack(self.features)).T
        return int(pool[cosines.max(axis=1).argmin()])

    def add(self, one: Fingerprint | None) -> None:
        """Take a sample in."""
        if one is not None:
            self.index.add(one)
            self.features.append(one.feature)

    def count(self, conditioning: str, *, candidates: int, accepted: int) -> None:
        """Remember how a sample's candidates fared."""
        self.counts[conditioning] = self.counts.get(conditioning, CellCounts()).plus(
            candidates=candidates, accepted=accepted
        )
