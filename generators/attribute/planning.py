"""Planning of attribute edits: CPU only, every draw seeded by source and edit."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from generators.attribute.partners import PartnerPool
from generators.attribute.settings import AttributeSettings, EditSettings
from generators.base import Edit, make_edit
from manifests.records import SourceRecord
from manifests.seeds import derive_seed

NAME = "attribute"


class AttributePlanner:
    """Turns a recipe's edits into resolved edits of one source.

    Args:
        settings: the recipe's part.
        prompts: the pack's background prompts.
        pool: sources that may lend their background.
        seed: the recipe's seed.
    """

    def __init__(self, settings: AttributeSettings, *, prompts: tuple[str, ...], pool: PartnerPool, seed: int) -> None:
        self.settings, self.prompts, self.pool, self.seed = settings, prompts, pool, seed

    def plan(self, source: SourceRecord) -> list[tuple[Edit, int]]:
        """Edits with their replica numbers; an edit's draws depend on no other edit."""
        return [planned for edit in self.settings.edits for planned in self._plan_edit(edit, source)]

    def _rng(self, source: SourceRecord, edit: str, replica: int) -> np.random.Generator:
        return np.random.default_rng(derive_seed(self.seed, source.id, f"plan-{edit}", replica))

    def _plan_edit(self, edit: EditSettings, source: SourceRecord) -> Iterator[tuple[Edit, int]]:
        if edit.name in ("original", "paste-back", "full"):
            yield make_edit(NAME, edit.name), 0
        elif edit.name == "size":
            for level in edit.levels:
                yield make_edit(NAME, "size", level=level), 0
        elif edit.name == "position":
            x, y = self._rng(source, edit.name, 0).random(2)
            yield make_edit(NAME, "position", level=edit.size, x=round(float(x), 6), y=round(float(y), 6)), 0
        elif edit.name == "direction":
            angle = int(self._rng(source, edit.name, 0).integers(edit.angles[0], edit.angles[1] + 1))
            yield make_edit(NAME, "direction", level=edit.size, angle=angle), 0
        elif edit.name == "background":
            prompts = edit.prompts or self.prompts
            order = self._rng(source, edit.name, 0).permutation(len(prompts))
            for replica in range(edit.count):
                yield make_edit(NAME, "background", stochastic=True, prompt=prompts[int(order[replica % len(prompts)])]), replica
        else:
            for replica in range(edit.count):
                partner = self.pool.choose(source, derive_seed(self.seed, source.id, "partner", replica))
                yield make_edit(NAME, "random-background", partner=partner), replica
