"""Pictures that a dataset holds already."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from editmill.generators.guards.ensemble.phash import perceptual_hash
from editmill.generators.guards.ensemble.settings import EnsembleSettings
from editmill.generators.guards.reasons import GuardReason
from editmill.manifests.arrays import Feature, Picture


@dataclass(frozen=True)
class Fingerprint:
    """What a picture is compared by: its hash, and its unit frame feature, float32 [width]."""

    hash: int
    feature: Feature


def fingerprint(image: Picture, feature: Feature) -> Fingerprint:
    """Return the fingerprint of a picture uint8 [H, W, 3] RGB with its unit feature (``SteadyEncoder.identities``)."""
    return Fingerprint(perceptual_hash(image), feature)


class DuplicateIndex:
    """Fingerprints of accepted pictures, which arrive in a fixed order: the first of several equal ones is kept.

    Both hash and feature have to agree, because smooth pictures of different things may share a hash.

    Args:
        settings: The limits ``hamming`` and ``duplicate``.
    """

    def __init__(self, settings: EnsembleSettings) -> None:
        self.settings = settings
        self._hashes: list[int] = []
        self._features: list[Feature] = []

    def __len__(self) -> int:
        return len(self._hashes)

    def scores(self, one: Fingerprint) -> dict[str, float]:
        """Return ``duplicate_hamming`` in bits and ``duplicate_cosine`` of the nearest picture, by cosine among those
        within the hash limit.

        Without any within it, they are those of the picture with the nearest hash; empty without any picture.
        """
        if not self._hashes:
            return {}
        differing = np.array(self._hashes, np.uint64) ^ np.uint64(one.hash)
        distances = np.unpackbits(differing.view(np.uint8)).reshape(-1, 64).sum(axis=1, dtype=np.int64)
        within = np.flatnonzero(distances <= max(self.settings.hamming, int(distances.min())))
        # In float64: the number of rows varies, and with it the order of the sums.
        cosines = np.stack([self._features[number] for number in within]).astype(np.float64) @ one.feature.astype(
            np.float64
        )
        nearest = int(cosines.argmax())
        return {"duplicate_hamming": float(distances[within[nearest]]), "duplicate_cosine": float(cosines[nearest])}

    def reasons(self, scores: dict[str, float]) -> tuple[StrEnum, ...]:
        """Return ``duplicate`` where both limits are kept."""
        same = (
            scores.get("duplicate_hamming", 64.0) <= self.settings.hamming
            and scores.get("duplicate_cosine", -1.0) >= self.settings.duplicate
        )
        return (GuardReason.DUPLICATE,) if same else ()

    def add(self, one: Fingerprint) -> None:
        """Remember an accepted picture."""
        self._hashes.append(one.hash)
        self._features.append(one.feature)
