"""N(y): the names that a label has to beat."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from editmill.manifests.arrays import Feature


def synonyms(name: str) -> frozenset[str]:
    """Return the names in "cock, rooster", plain: equal ones make twins that no judge can tell by text."""
    return frozenset(part.strip().lower().replace("_", " ") for part in name.split(","))


def confusables(
    features: Feature, names: tuple[str, ...], *, nearest: int, siblings: Mapping[str, tuple[str, ...]] | None = None
) -> dict[str, tuple[str, ...]]:
    """Return, for each name, its ``nearest`` other names by cosine, and its ``siblings`` (names of the same
    superclass),
    twins left out.

    Args:
        features: Unit text features of the names, float32 [names, width].
        names: The classes.
        nearest: How many; all when there are fewer.
        siblings: Further rivals by name, all of them in ``names``.
    """
    cosines = features @ features.T
    plain = [synonyms(name) for name in names]
    found = {}
    for index, name in enumerate(names):
        # A name shares its synonyms with itself, so it drops out too. Stable, so that ties keep the order of names.
        order = [other for other in np.argsort(-cosines[index], kind="stable") if not plain[index] & plain[other]]
        close = [names[other] for other in order[:nearest]]
        more = [other for other in (siblings or {}).get(name, ()) if not plain[index] & synonyms(other)]
        found[name] = tuple(dict.fromkeys((*close, *more)))
    return found
