"""Thresholds by split conformal prediction: clean pictures are rejected at a chosen rate, whatever the scores'
distribution.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from editmill.manifests.guard_report import POOLED, GateThreshold


@dataclass(frozen=True)
class CleanScore:
    """One gate's lowest score over the clean pictures of one source: the source itself and its round trips.

    Pictures of one source are alike, so each source counts once; the lowest one stands for it, so that all its pictures
    pass together.
    """

    source: str
    class_name: str
    score: float


def rank_of(count: int, alpha: float) -> int:
    """Return k = floor(alpha * (n + 1)): the k-th smallest of n clean scores rejects one more of them with probability
    at most ``alpha``.

    (Vovk, Gammerman & Shafer 2005, section 2.3, with the score's sign turned.) 0 where n is too small for one.
    """
    # Products such as 0.05 * 60 may come out just below a whole number.
    return math.floor(alpha * (count + 1) + 1e-9)


def kth_smallest(scores: Sequence[float], alpha: float) -> float | None:
    """Return the threshold of scores; None where there are too few."""
    rank = rank_of(len(scores), alpha)
    return sorted(scores)[rank - 1] if rank else None


def thresholds(
    gate: str, clean: Sequence[CleanScore], *, alpha: float, least_sources: int
) -> tuple[GateThreshold, ...]:
    """Return the pooled threshold of a gate, and that of each class, in the order of their names.

    A class with fewer than ``least_sources`` sources is drawn towards the pooled threshold in proportion to what it
    lacks; one that is too small for a threshold of its own takes the pooled one.

    Args:
        gate: Name for the records.
        clean: One score per clean source.
        alpha: Rejections allowed to this gate, in (0, 1).
        least_sources: See above.
    """
    pooled = kth_smallest([one.score for one in clean], alpha)
    found = [
        GateThreshold(
            gate=gate,
            class_name=POOLED,
            sources=len(clean),
            rank=rank_of(len(clean), alpha),
            own=pooled,
            threshold=pooled,
            origin="none" if pooled is None else "pooled",
        )
    ]
    by_class: dict[str, list[float]] = {}
    for one in clean:
        by_class.setdefault(one.class_name, []).append(one.score)
    return (*found, *(_of_class(gate, name, by_class[name], pooled, alpha, least_sources) for name in sorted(by_class)))


def _of_class(
    gate: str, name: str, scores: Sequence[float], pooled: float | None, alpha: float, least_sources: int
) -> GateThreshold:
    own, count = kth_smallest(scores, alpha), len(scores)
    if own is None or pooled is None:
        # A class can't have a threshold where all together have none.
        threshold, origin = pooled, "none" if pooled is None else "pooled"
    elif count < least_sources:
        weight = count / least_sources
        threshold, origin = weight * own + (1 - weight) * pooled, "shrunk"
    else:
        threshold, origin = own, "own"
    return GateThreshold.model_validate(
        {
            "gate": gate,
            "class_name": name,
            "sources": count,
            "rank": rank_of(count, alpha),
            "own": own,
            "threshold": threshold,
            "origin": origin,
        }
    )


def lowest_scores(pictures: Sequence[tuple[str, str, Mapping[str, float]]], score: str) -> list[CleanScore]:
    """Return one ``CleanScore`` per source from (source, class, scores) of its pictures.

    Those without the score are left out.
    """
    found: dict[str, CleanScore] = {}
    for source, class_name, scores in pictures:
        if score in scores and (source not in found or scores[score] < found[source].score):
            found[source] = CleanScore(source, class_name, scores[score])
    return list(found.values())
