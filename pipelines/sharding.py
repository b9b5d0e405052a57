"""How many shards a dataset has where its recipe does not say."""

from __future__ import annotations

import math

from editmill.generators.base.family import Estimate

MOST_SHARDS = 100_000
# Minutes of work in a shard.
MINUTES = 15.0
# Of a network evaluation where the pack names no speed: a public checkpoint on an accelerator.
SECONDS = 0.1
# Small datasets are split too, so that two workers share every one and eight have two shards each, as long as the
# sources of a shard fill an accelerator's batches.
FEWEST, SHARED, SOURCES = 2, 16, 16


def estimated_minutes(estimate: Estimate) -> float:
    """Return the minutes of work, guessed where the pack names no speed."""
    return estimate.cpu_minutes or estimate.network_evaluations * SECONDS / 60


def choose_shards(estimate: Estimate, sources: int) -> int:
    """Return a number of shards by their cost; nothing of the machine counts, so that bytes do not depend on it."""
    by_cost = math.ceil(estimated_minutes(estimate) / MINUTES)
    by_sharing = min(SHARED, max(FEWEST, sources // SOURCES))
    return min(max(by_cost, by_sharing), sources, MOST_SHARDS)
