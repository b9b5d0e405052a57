"""Which accepted candidates become samples. Rejected ones are never taken, however few are left."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from editmill.generators.synthesis.settings import SelectionSettings
from editmill.manifests.arrays import Feature


def select(
    settings: SelectionSettings,
    accepted: Sequence[bool],
    *,
    embeddings: Feature | None = None,
    wrong: Feature | None = None,
) -> list[int]:
    """Return candidates of one source by the recipe's mode.

    Args:
        settings: Mode and count.
        accepted: Whether all guards let each candidate pass, in the order of their numbers.
        embeddings: float [candidates, features], for ``diverse``.
        wrong: Bool [candidates, surrogates], whether each surrogate gets each candidate wrong, for ``surrogate``.

    Returns:
        At most ``settings.count`` indices, best first.

    Raises:
        ValueError: The mode's argument is missing.
    """
    if settings.mode == "diverse":
        if embeddings is None:
            raise ValueError("the mode diverse needs embeddings")
        return diverse(accepted, embeddings, settings.count)
    if settings.mode == "surrogate":
        if wrong is None:
            raise ValueError("the mode surrogate needs the surrogates' errors")
        return misleading(accepted, wrong, settings.count, least_wrong=settings.least_wrong)
    return first_accepted(accepted, settings.count)


def first_accepted(accepted: Sequence[bool], count: int) -> list[int]:
    """Return the first accepted candidates: independent of everything but the guards."""
    return [number for number, passed in enumerate(accepted) if passed][:count]


def diverse(accepted: Sequence[bool], embeddings: Feature, count: int) -> list[int]:
    """Choose by greedy k-centre among the accepted (Gonzalez 1985; at most twice the optimal radius).

    The first is the first accepted; each next one is the farthest from those taken, the lowest number among equals.
    Distances are Euclidean between normalised embeddings (float [candidates, features]).
    """
    pool = first_accepted(accepted, len(accepted))
    if not pool:
        return []
    points = normalised(embeddings[pool])
    taken = [0]
    nearest = np.linalg.norm(points - points[0], axis=1)
    while len(taken) < min(count, len(pool)):
        # Taken ones are at distance 0, and so is a copy of one; -1 keeps the former out.
        nearest[taken] = -1
        taken.append(int(nearest.argmax()))
        nearest = np.minimum(nearest, np.linalg.norm(points - points[taken[-1]], axis=1))
    return [pool[number] for number in taken]


def misleading(accepted: Sequence[bool], wrong: Feature, count: int, *, least_wrong: int) -> list[int]:
    """Return the first accepted candidates that at least ``least_wrong`` surrogates get wrong (bool [candidates,
    surrogates]).
    """
    enough = wrong.sum(axis=1) >= least_wrong
    return first_accepted([bool(passed and misled) for passed, misled in zip(accepted, enough, strict=True)], count)


def normalised(embeddings: Feature) -> Feature:
    """Return rows scaled to a norm of 1, float64; zeros stay zeros."""
    rows = np.asarray(embeddings, np.float64)
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(norms > 0, norms, 1)


def label_noise(wrong_share: float, failure_wrong: float, failure_right: float) -> float:
    """Return the share of wrong labels among candidates that were chosen because surrogates fail on them.

    Adversarial selection concentrates the guards' errors: f * e_bad / (f * e_bad + (1 - f) * e_good), by Bayes' rule.

    Args:
        wrong_share: F, the share of wrong labels among the accepted, in [0, 1].
        failure_wrong: e_bad, the surrogates' failure rate on wrong labels, in [0, 1].
        failure_right: e_good, that on right labels, in [0, 1].

    Returns:
        In [0, 1]; NaN where the surrogates never fail, so that nothing is chosen.

    Raises:
        ValueError: A share is not in [0, 1].
    """
    for name, value in (
        ("wrong_share", wrong_share),
        ("failure_wrong", failure_wrong),
        ("failure_right", failure_right),
    ):
        if not 0 <= value <= 1:
            raise ValueError(f"{name} is a share between 0 and 1, not {value:g}")
    wrong, right = wrong_share * failure_wrong, (1 - wrong_share) * failure_right
    return wrong / (wrong + right) if wrong + right else float("nan")
