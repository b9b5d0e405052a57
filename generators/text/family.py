"""Edits of captions (XMAI, dilution) as a family."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from editmill.generators.base.edits import make_edit
from editmill.generators.base.family import Asked, Build, Estimate, Family
from editmill.generators.base.samples import PlannedSample, Sheet
from editmill.generators.base.worlds import leave_out
from editmill.generators.text.edits import EDITS
from editmill.generators.text.reasons import TextReason
from editmill.generators.text.records import GROUP, MEMBERS, REFERENCE, SCORE_NAMES
from editmill.generators.text.settings import TextGuardSettings, TextSettings
from editmill.manifests.keys import sample_key
from editmill.manifests.records import SourceRecord

if TYPE_CHECKING:
    from PIL import Image

    from editmill.generators.text.making import TextMaker

# Roles that are asked where the pack has them: those that measure every text, and those that insertion asks too.
MEASURING = ("zero_shot", "masked_lm", "nli")
GROUNDING = ("zero_shot", "zero_shot_2", "segmenter", "masked_lm", "nli")
LABELS = {0: "entailment", 1: "neutral", 2: "contradiction"}
# Measured on tabletop captions and COCO: seconds of one core, and bytes of rows and members, per caption and edit.
CPU_SECONDS, MEMBER_BYTES, BYTES_PER_PIXEL = 0.03, 3000, 1.5

TextAsked = Asked[TextSettings, TextGuardSettings]


class TextFamily(Family[TextSettings, TextGuardSettings]):
    """Attributes inserted into captions, and the controls of that, by the ``text`` generator."""

    kind = "text"
    version = 6
    what = "edited captions"
    settings = TextSettings
    guard = TextGuardSettings
    needs = "captions"
    reasons = (TextReason,)
    failures = frozenset({TextReason.TEXT_TOO_LONG})
    # The source does not know what is true, the grounded edit left no slot to take over, or no model may see the text.
    excused = Family.excused | {TextReason.NO_GOLD, TextReason.NO_INSERTION, TextReason.TEXT_TOO_LONG}

    def edit_names(self, settings: TextSettings) -> tuple[str, ...]:
        """Return the names of the recipe's edits."""
        return tuple(edit.name for edit in settings.edits)

    def plan(self, asked: TextAsked, records: Sequence[SourceRecord]) -> Iterator[PlannedSample]:
        """Yield every edit of every caption; replicas number an image's captions."""
        edits = [make_edit(self.kind, name) for name in self.edit_names(asked.settings)]
        for record in records:
            for replica in range(len(record.captions)):
                for edit in edits:
                    yield PlannedSample(sample_key(record.id, edit.label, replica), record, edit, replica)

    def alone(self, settings: TextSettings, edit: str) -> TextSettings:
        """Return the settings with one edit."""
        return settings.model_copy(update={"edits": tuple(one for one in settings.edits if one.name == edit)})

    def unit(self, asked: TextAsked, sample: PlannedSample) -> Hashable:
        """Return the caption: its edits take over each other's slots."""
        return sample.source.id, sample.replica

    def reads_classes(self, asked: TextAsked) -> bool:
        """Return that there are no classes."""
        return False

    def resolve(self, asked: TextAsked) -> tuple[TextSettings, list[str]]:
        """Leave out what a judge chooses that was not trained on such pictures; it is sure of false words there."""
        settings, pack = asked.settings, asked.pack
        if settings.unknown_world == "make" or pack.knows(asked.source_kind):
            return settings, []
        lost = [edit for edit in settings.edits if EDITS[edit.name].needs_judges]
        why = "whose words or places its judges would choose"
        notices = leave_out(settings.edits, lost, pack, asked.source_kind, why=why)
        kept = tuple(edit for edit in settings.edits if edit not in lost)
        return settings.model_copy(update={"edits": kept}), notices

    def roles(self, asked: TextAsked) -> list[str]:
        """Return the judge, what boxes and edits need, and what else measures or grounds that the pack has."""
        settings, kinds = asked.settings, [EDITS[edit.name] for edit in asked.settings.edits]
        located = settings.insertion.boxes == "detector" and any(kind.needs_judges for kind in kinds)
        needed = ["zero_shot", *(["detector"] if located else [])]
        if any(kind.needs_masked_lm for kind in kinds):
            needed.append("masked_lm")
        if settings.dilution.writer == "causal_lm" and any(kind.written for kind in kinds):
            needed.append("causal_lm")
        others = GROUNDING if any(kind.needs_grounding for kind in kinds) else MEASURING
        return list(dict.fromkeys((*needed, *(role for role in others if role in asked.pack.roles))))

    def members(self, asked: TextAsked) -> tuple[str, ...]:
        """Return the texts, their facts, and the picture where it is stored."""
        return tuple(sorted(MEMBERS if asked.image == REFERENCE else (asked.image, *MEMBERS)))

    def score_names(self, asked: TextAsked) -> tuple[str, ...]:
        """Return what is measured of every text."""
        return SCORE_NAMES

    def maker(self, build: Build[TextSettings, TextGuardSettings]) -> TextMaker:
        """Return the editor of captions."""
        from editmill.generators.text.making import TextMaker

        return TextMaker(build)

    def estimate(self, asked: TextAsked, samples: Iterable[PlannedSample]) -> Estimate:
        """Return a cost by the number of samples, and the size of pictures where they are stored."""
        pixels = count = 0
        for sample in samples:
            pixels += sample.source.width * sample.source.height
            count += 1
        stored = 0 if asked.image == REFERENCE else pixels
        return Estimate(
            network_evaluations=count,
            megabytes=round((stored * BYTES_PER_PIXEL + count * MEMBER_BYTES) / 1e6, 3),
            cpu_minutes=round(count * CPU_SECONDS / 60, 2),
        )

    def together(self, asked: TextAsked, batch: int) -> int:
        """Return the images of a group, whatever a batch is."""
        return GROUP

    def check(self, asked: TextAsked) -> None:
        """Refuse nothing: the picture is the source's, and can be stored in every way, or not at all."""

    def class_names(self, records: Sequence[SourceRecord]) -> dict[int, str]:
        """Return what a caption's label says of its image, where any caption has one."""
        return dict(LABELS) if any(caption.label >= 0 for record in records for caption in record.captions) else {}

    def sheet(self, sources: Sequence[Sheet], columns: Sequence[str], *, cell: int) -> Image.Image:
        """Draw a row per source: its picture beside its first caption's texts."""
        from editmill.generators.text.sheet import caption_sheet

        return caption_sheet(sources, cell=cell)
