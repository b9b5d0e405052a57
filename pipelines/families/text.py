"""Edits of captions (XMAI) as a family."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from editmill.generators.base import make_edit
from editmill.generators.models.loading import Models
from editmill.generators.models.pack import PackSpec
from editmill.generators.text.editing import TextEditor
from editmill.generators.text.measures import SCORE_NAMES
from editmill.generators.text.settings import TextGuardSettings, TextSettings
from editmill.manifests.keys import sample_key
from editmill.manifests.records import SourceRecord
from editmill.pipelines.captions import MEMBERS, REFERENCE, CaptionBuilder
from editmill.pipelines.families.base import Builder, Setting
from editmill.pipelines.packs import find_pack
from editmill.pipelines.planned import PlannedSample
from editmill.pipelines.recipe import Recipe
from editmill.pipelines.sources import AnySpec, CaptionSource, open_captions

NAME = "text"
# Roles that insertion asks; those that a pack lacks have no say, but the first.
ROLES = ("zero_shot", "zero_shot_2", "segmenter", "masked_lm", "nli")
LABELS = {0: "entailment", 1: "neutral", 2: "contradiction"}
# Measured on tabletop captions and COCO: seconds of one core, and bytes of rows and members, per caption and edit.
CPU_SECONDS, MEMBER_BYTES, BYTES_PER_PIXEL = 0.03, 3000, 1.5


class TextFamily:
    """Attributes inserted into captions, and the controls of that, by the ``text`` generator."""

    version = 1
    score_names = SCORE_NAMES

    def open(self, spec: AnySpec) -> CaptionSource:
        return open_captions(spec)

    def plan(self, recipe: Recipe, records: Sequence[SourceRecord]) -> Iterator[PlannedSample]:
        edits = [make_edit(NAME, edit.name) for edit in settings_of(recipe).edits]
        for record in records:
            for replica in range(len(record.captions)):
                for edit in edits:
                    yield PlannedSample(sample_key(record.id, edit.label, replica), record, edit, replica)

    def roles(self, recipe: Recipe, pack: PackSpec) -> list[str]:
        settings = settings_of(recipe)
        names = {edit.name for edit in settings.edits}
        needed = ["zero_shot", *(["detector"] if settings.insertion.boxes == "detector" else [])]
        if names & {"xmai-2023", "naive", "random-word", "clare"}:
            needed.append("masked_lm")
        if names & {"dilute", "dilute-false"} and settings.dilution.writer == "causal_lm":
            needed.append("causal_lm")
        return list(dict.fromkeys((*needed, *(role for role in ROLES if role in pack.roles))))

    def asked(self, pack: PackSpec) -> dict[str, Any]:
        return pack.model_dump(mode="json", include={"attributes", "object_sizes"})

    def members(self, recipe: Recipe) -> tuple[str, ...]:
        return tuple(sorted(MEMBERS if recipe.output.image == REFERENCE else (recipe.output.image, *MEMBERS)))

    def class_names(self, records: Sequence[SourceRecord]) -> dict[int, str]:
        return dict(LABELS) if any(caption.label >= 0 for record in records for caption in record.captions) else {}

    def builder(self, setting: Setting) -> Builder:
        recipe, models = setting.recipe, Models(find_pack(setting.recipe.models), setting.placement)
        assert isinstance(recipe.guard, TextGuardSettings)
        editor = TextEditor(settings_of(recipe), recipe.guard, models)
        return CaptionBuilder(recipe, open_captions(recipe.source), editor, fingerprint=setting.fingerprint)

    def estimate(self, recipe: Recipe, pack: PackSpec, samples: Sequence[PlannedSample]) -> dict[str, float]:
        pixels = (
            sum(sample.source.width * sample.source.height for sample in samples)
            if recipe.output.image != REFERENCE
            else 0
        )
        return {
            "network_evaluations": len(samples),
            "megabytes": round((pixels * BYTES_PER_PIXEL + len(samples) * MEMBER_BYTES) / 1e6, 3),
            "cpu_minutes": round(len(samples) * CPU_SECONDS / 60, 2),
        }


def settings_of(recipe: Recipe) -> TextSettings:
    """Return the recipe's generator, which is of this family."""
    assert isinstance(recipe.generator, TextSettings)
    return recipe.generator
