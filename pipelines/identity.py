"""What each sample of a plan is made from, as digests: equal ones are equal bytes, in whatever dataset."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping
from typing import Any

from editmill.generators.base.family import Asked, Family
from editmill.generators.base.samples import PlannedSample
from editmill.manifests.records import SourceRecord


class Reads:
    """Digests what planned samples say of themselves and their sources; those of a source follow each other."""

    def __init__(self) -> None:
        self._source: SourceRecord | None = None
        self._digest = ""

    def of(self, sample: PlannedSample) -> str:
        """Return the digest of a sample's key, edit and records, those of its spares left out."""
        if sample.source is not self._source:
            self._source, self._digest = sample.source, record_digest(sample.source)
        edit = sample.edit
        made = [edit.generator, edit.name, edit.level, [list(one) for one in edit.parameters], edit.stochastic]
        partner = "" if sample.partner is None else record_digest(sample.partner)
        said = [sample.key, made, sample.replica, self._digest, partner]
        return hashlib.sha256(json.dumps(said).encode()).hexdigest()

    def spares(self, sample: PlannedSample) -> str:
        """Return the digest of the records of a sample's spares, empty where it has none."""
        return _joined(*map(record_digest, sample.spares)) if sample.spares else ""


def record_digest(record: SourceRecord) -> str:
    """Return the digest of all that a record says, without the folders of this machine."""
    attributes = dict(sorted(record.attributes.items()))
    said = {"image": record.image_name, "mask": record.mask_name, "attributes": attributes}
    # Several times as fast as canonical JSON, and just as fixed: fields have an order.
    return hashlib.sha256(record.model_copy(update=said).model_dump_json().encode()).hexdigest()


def sample_inputs(
    family: Family[Any, Any], asked: Asked[Any, Any], samples: Iterable[PlannedSample], common: Mapping[str, str]
) -> list[str]:
    """Return the inputs of a shard's samples, in order.

    Args:
        family: Of the samples.
        asked: What the recipe asks of it.
        samples: All planned ones of the shard.
        common: By edit, digest of what its samples share (``Identity.common``).
    """
    inputs, units = list[str](), defaultdict[Hashable, list[int]](list)
    for number, sample in enumerate(samples):
        inputs.append(_joined(common[sample.edit.name], sample.reads))
        units[family.unit(asked, sample)].append(number)
    for numbers in units.values():
        if len(numbers) > 1:
            together = _joined(*(inputs[number] for number in numbers))
            for number in numbers:
                inputs[number] = _joined(inputs[number], together)
    return inputs


def _joined(*digests: str) -> str:
    return hashlib.sha256(" ".join(digests).encode()).hexdigest()
