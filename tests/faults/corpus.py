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

CHEAP = ("recipes/", "fields/", "commands/", "special/", "packs/")


def corpus() -> list[Case]:
    """Return every case; names are unique."""
    found = list(chain.from_iterable(module.cases() for module in MODULES))
    assert len({case.name for case in found}) == len(found)
    return found


def representative() -> list[Case]:
    """Return the cases that every test run has: those marked, and every twelfth of the kinds that take no time."""
    everything = corpus()
    cheap = [case.name for case in everything if case.name.startswith(CHEAP)]
    chosen = set(cheap[::12])
    return [case for case in everything if case.quick or case.name in chosen]
