"""The plan of class-balanced synthesis: every sample of a class with its conditioning, template and real picture."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from editmill.generators.base import Edit, make_edit
from editmill.generators.synthesis.conditioning import ORIGINAL, SynthesisSettings
from editmill.generators.synthesis.templates import class_prompt
from editmill.manifests.records import SourceRecord
from editmill.manifests.seeds import derive_seed

NO_TEMPLATE = -1


@dataclass(frozen=True)
class Cell:
    """One sample of a class.

    Attributes:
        anchor: Stands for the class; samples that share it are built one after another, which is what duplicates are
            refused among.
        edit: Its name is the conditioning; ``template`` numbers the first round's template, and ``prompt`` is what it
            gives.
        reference: The real picture; None for ``text``.
        replica: Counts samples with the same real picture, or those made from text.
    """

    anchor: SourceRecord
    edit: Edit
    reference: SourceRecord | None
    replica: int


def class_anchors(records: Sequence[SourceRecord]) -> dict[int, SourceRecord]:
    """Return by label, a record that stands for the class and holds no picture.

    Classes without a label are left out.
    """
    anchors: dict[int, SourceRecord] = {}
    for record in records:
        if record.label >= 0 and record.class_name and record.label not in anchors:
            anchors[record.label] = SourceRecord(
                id=f"class-{record.wnid or record.label}",
                image="",
                label=record.label,
                class_name=record.class_name,
                wnid=record.wnid,
                width=record.width,
                height=record.height,
                sha256="",
            )
    return dict(sorted(anchors.items()))


def plan_cells(
    records: Sequence[SourceRecord], settings: SynthesisSettings, templates: Sequence[str], *, seed: int
) -> Iterator[Cell]:
    """Yield every sample, class by class.

    A class's real pictures are taken in the source's order, usable ones first, and again from the start where the quota
    is larger. Templates are a seeded permutation per class and conditioning, begun again where they run out, so that as
    many as possible are used.
    """
    for label, anchor in class_anchors(records).items():
        real = [record for record in records if record.label == label]
        real = [record for record in real if not record.problem] or real
        for kind in settings.edits:
            order = np.random.default_rng(derive_seed(seed, anchor.id, f"templates {kind.name}")).permutation(
                len(templates)
            )
            for number in range(settings.quota_of(kind.name)):
                if kind.name == ORIGINAL and number >= len(real):
                    break
                template = int(order[number % len(order)]) if kind.name.endswith("text") else NO_TEMPLATE
                prompt = class_prompt(templates[template], anchor.class_name) if template != NO_TEMPLATE else ""
                edit = make_edit(
                    "synthesis", kind.name, stochastic=kind.name != ORIGINAL, template=template, prompt=prompt
                )
                if kind.name == "text":
                    yield Cell(anchor, edit, None, number)
                else:
                    yield Cell(anchor, edit, real[number % len(real)], number // len(real))
