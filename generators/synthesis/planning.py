"""The plan of class-balanced synthesis: every sample of a class with its conditioning, template and real picture."""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np

from editmill.generators.base.edits import make_edit
from editmill.generators.base.samples import PlannedSample
from editmill.generators.synthesis.settings import ORIGINAL, SynthesisSettings
from editmill.generators.synthesis.templates import class_prompt
from editmill.manifests.keys import sample_key
from editmill.manifests.records import SourceRecord
from editmill.manifests.seeds import derive_seed

NO_TEMPLATE = -1


def class_anchors(records: Sequence[SourceRecord]) -> dict[int, SourceRecord]:
    """Return by label a record that stands for the class and holds no picture.

    Classes without a label are left out.
    """
    anchors: dict[int, SourceRecord] = {}
    least: dict[int, int] = {}
    for record in records:
        place = _place(record)
        if record.label >= 0 and record.class_name and place < least.get(record.label, place + 1):
            least[record.label] = place
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


def plan_samples(
    records: Sequence[SourceRecord], settings: SynthesisSettings, templates: Sequence[str], *, seed: int
) -> Iterator[PlannedSample]:
    """Yield every sample, class by class.

    A sample's source is the anchor of its class; those that share it are made one after another, which is what
    duplicates are refused among. Its partner is the real picture, None for ``text``. Its edit is named for the
    conditioning; ``template`` numbers the first round's template, and ``prompt`` is what it gives.

    A class's real pictures are taken in an order that follows from their ids alone, so that another picture takes the
    place of at most one; usable ones first, and again from the start where the quota is larger. Replicas count samples
    with the same real picture, or those made from text. Templates are a seeded permutation per class and conditioning,
    begun again where they run out, so that as many as possible are used.
    """
    # Places and numbers of records by class, the usable ones apart.
    usable: defaultdict[int, array[int]] = defaultdict(partial(array, "Q"))
    unusable: defaultdict[int, array[int]] = defaultdict(partial(array, "Q"))
    for number, record in enumerate(records):
        (unusable if record.problem else usable)[record.label].extend((_place(record), number))
    for label, anchor in class_anchors(records).items():
        # Unusable ones where a class has no others, so that its rows say what is wrong.
        found = usable[label] or unusable[label]
        real = [number for _, number in sorted(zip(found[::2], found[1::2], strict=True))]
        for kind in settings.kinds:
            rng = np.random.default_rng(derive_seed(seed, anchor.id, f"templates {kind}"))
            order = rng.permutation(len(templates))
            count = settings.quota_of(kind)
            # A real picture is stored as a control once at most.
            for number in range(min(count, len(real)) if kind == ORIGINAL else count):
                # Only text and image-text have a prompt.
                template = int(order[number % len(order)]) if kind.endswith("text") else NO_TEMPLATE
                prompt = class_prompt(templates[template], anchor.class_name) if template != NO_TEMPLATE else ""
                edit = make_edit("synthesis", kind, stochastic=kind != ORIGINAL, template=template, prompt=prompt)
                partner = None if kind == "text" else records[real[number % len(real)]]
                replica = number if partner is None else number // len(real)
                key = sample_key((partner or anchor).id, edit.label, replica)
                yield PlannedSample(key, anchor, edit, replica, partner)


def _place(record: SourceRecord) -> int:
    return derive_seed(0, record.id, "reference-place")
