"""All cases."""

from __future__ import annotations

from itertools import chain

from tests.faults import (
    coco,
    commands,
    datasets,
    labels,
    masks,
    packs,
    paths,
    pictures,
    recipes,
    shards,
    special,
    texts,
    trees,
)
from tests.faults.case import Case

MODULES = (pictures, masks, labels, coco, texts, shards, trees, special, paths, recipes, datasets, packs, commands)


def corpus() -> list[Case]:
    """Return every case; names are unique."""
    found = list(chain.from_iterable(module.cases() for module in MODULES))
    assert len({case.name for case in found}) == len(found)
    return found
