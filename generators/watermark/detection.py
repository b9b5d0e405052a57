"""Reading of marks from attacked pictures: raw evidence, matches with the item's key, exact p-values."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.stats import binom

from editmill.generators.watermark.schemes.base import ReadingError, Scheme, read
from editmill.manifests.arrays import Picture
from editmill.manifests.payloads import Payload

DIGITS = 6


def detect(scheme: Scheme, image: Picture, payload: Payload, *, hidden: bool = False) -> dict[str, Any]:
    """Return what ``scheme`` reads in ``image``, against ``payload``.

    The p-value is P(X >= matches) for X ~ Binomial(bits, 1/2), exact for keys that are random and independent of the
    picture. A decoder that fails leaves no evidence; evaluators count that as a miss. Of a ``hidden`` key only the
    number of matches is told: bits that were read tell it where the mark is found, and bits that agree tell it to
    whoever can read the same picture.
    """
    found: dict[str, Any] = {
        "scheme": scheme.name,
        "detector": f"{scheme.package} {scheme.version}",
        "bits": scheme.bits,
        "key_id": payload.key_id,
        "commitment": payload.commitment,
        "scores": [],
        "matches": None,
        "p_value": None,
        "error": "",
    }
    try:
        scores = np.round(read(scheme, image), DIGITS)
    except ReadingError as error:
        return {**found, "error": str(error)}
    # Rounded first: rows give exactly these matches, also where a score rounds to 0.
    matches = int(np.sum((scores > 0) == np.array(payload.bits, bool)))
    # sf(k) is P(X > k).
    p_value = float(binom.sf(matches - 1, scheme.bits, 0.5))
    return {
        **found,
        "scores": [] if hidden else [float(score) for score in scores],
        "matches": matches,
        "p_value": p_value,
    }
