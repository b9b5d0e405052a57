"""Planning of attribute edits: CPU only, every draw seeded by source and edit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from editmill.generators.attribute.edits import kind_of
from editmill.generators.attribute.partners import SPARES, PartnerPool
from editmill.generators.attribute.settings import AttributeSettings, EditSettings
from editmill.generators.base.edits import Edit, Scalar, make_edit
from editmill.manifests.errors import RequestError
from editmill.manifests.records import SourceRecord
from editmill.manifests.seeds import derive_seed

NAME = "attribute"


class AttributePlanner:
    """Turns a recipe's edits into resolved edits of one source.

    Args:
        settings: The recipe's part.
        prompts: The pack's background prompts.
        records: All sources, which may lend their backgrounds.
        seed: The recipe's seed.
    """

    def __init__(
        self, settings: AttributeSettings, *, prompts: tuple[str, ...], records: Sequence[SourceRecord], seed: int
    ) -> None:
        self.settings, self.prompts, self.records, self.seed = settings, prompts, records, seed
        self.pool = PartnerPool(records if any(edit.name == "random-background" for edit in settings.edits) else ())

    def plan(self, source: SourceRecord) -> list[tuple[Edit, int, list[int]]]:
        """Return edits with their replica numbers; an edit's draws depend on no other edit.

        The last of each are the places of the sources that may lend their background, the chosen one first.
        """
        return [planned for edit in self.settings.edits for planned in self._plan_edit(edit, source)]

    def _rng(self, source: SourceRecord, edit: str, replica: int) -> np.random.Generator:
        return np.random.default_rng(derive_seed(self.seed, source.id, f"plan-{edit}", replica))

    def _plan_edit(self, edit: EditSettings, source: SourceRecord) -> Iterator[tuple[Edit, int, list[int]]]:
        for level in edit.planned_levels():
            for replica in range(edit.count):
                lenders = self._lenders(source, replica) if edit.name == "random-background" else []
                drawn, stochastic = self._draw(edit, source, replica, lenders), self._stochastic(edit.name)
                yield make_edit(NAME, edit.name, level=level, stochastic=stochastic, **drawn), replica, lenders

    def _draw(
        self, edit: EditSettings, source: SourceRecord, replica: int, lenders: Sequence[int]
    ) -> dict[str, Scalar]:
        """Return every random draw of an edit but its noise."""
        if edit.name == "position":
            x, y = self._rng(source, edit.name, replica).random(2)
            # Rounded in the plan, so that rows hold the place exactly as it is used.
            return {"x": round(float(x), 6), "y": round(float(y), 6)}
        if edit.name == "direction":
            return {"angle": int(self._rng(source, edit.name, replica).integers(edit.angles[0], edit.angles[1] + 1))}
        if edit.name == "background":
            prompts = edit.prompts or self.prompts
            if not prompts:
                fix = (
                    "name some under `backgrounds` in the pack's file or in the edit's `prompts`, or leave the edit out"
                )
                raise RequestError("the pack has no backgrounds, and the edit `background` needs them", fix=fix)
            # One order for all replicas of a source, so that none repeats a prompt before all were used.
            order = self._rng(source, edit.name, 0).permutation(len(prompts))
            return {"prompt": prompts[int(order[replica % len(prompts)])]}
        if edit.name == "random-background":
            return {"partner": self.records[lenders[0]].id if lenders else ""}
        if edit.facts.guided and replica:
            # The round trip whose noise it shares is the one of this number.
            return {"draw": replica}
        return {"share": edit.size} if edit.name == "resample" else {}

    def _lenders(self, source: SourceRecord, replica: int) -> list[int]:
        return self.pool.choose(source, derive_seed(self.seed, source.id, "partner", replica), 1 + SPARES)

    def _stochastic(self, name: str) -> bool:
        """Return whether another seed gives another picture: what generates anew for each sample does."""
        kind = kind_of(name)
        return not kind.copied if self.settings.render.mode == "faithful" else kind.generated
