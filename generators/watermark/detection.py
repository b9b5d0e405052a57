"""Reading of marks from attacked pictures: raw evidence, matches with the item's key, exact p-values."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.stats import binom

from generators.base import Array
from generators.watermark.schemes.base import ReadingError, Scheme
from manifests.payloads import Payload

DIGITS = 6


def detect(scheme: Scheme, image: Array, payload: Payload) -> dict[str, Any]:
    """What ``scheme`` reads in ``image``, against ``payload``.

    The p-value is P(X >= matches) for X ~ Binomial(bits, 1/2), exact for keys that are random and independent of the picture. A decoder that fails
    leaves no evidence; evaluators count that as a miss.
    """
    found: dict[str, Any] = {
        "scheme": scheme.name, "detector": f"{scheme.package} {scheme.version}", "bits": scheme.bits, "scores": [], "matches": None,
        "p_value": None, "error": "",
    }
    try:
        scores = np.asarray(scheme.scores(image), np.float64)
    except (ReadingError, RuntimeError, ValueError, ArithmeticError, IndexError, AssertionError) as error:
        return {**found, "error": f"{type(error).__name__}: {error}"}
    if scores.shape != (scheme.bits,) or not np.isfinite(scores).all():
        return {**found, "error": f"the decoder gave scores of shape {scores.shape}, or some that are not finite, for {scheme.bits} bits"}
    matches = int(np.sum((scores > 0) == np.array(payload.bits, bool)))
    p_value = float(binom.sf(matches - 1, scheme.bits, 0.5))
    return {**found, "scores": [round(float(score), DIGITS) for score in scores], "matches": matches, "p_value": p_value}
