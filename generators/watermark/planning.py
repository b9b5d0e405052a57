"""The samples of one source: every scheme and one shared negative under every attack, with keys drawn at plan time."""

from __future__ import annotations

from collections.abc import Iterator

from editmill.generators.base.edits import Edit, make_edit
from editmill.generators.base.samples import PlannedSample
from editmill.generators.watermark.settings import AttackSettings, SchemeSettings, WatermarkSettings
from editmill.manifests.keys import sample_key
from editmill.manifests.payloads import make_payload
from editmill.manifests.records import SourceRecord
from editmill.manifests.seeds import SEED_BITS, derive_seed

GENERATOR = "watermark"


def plan_source(settings: WatermarkSettings, source: SourceRecord, *, secret: bytes) -> Iterator[PlannedSample]:
    """Yield every sample of a source; replica 1 is the second seed.

    Edits of one attack share name and replica, whatever the mark, and therefore the seed: negatives get the same noise
    as their positives.
    """
    for attack in settings.attacks:
        if _draw(source.id, "share") >= attack.share:
            continue
        # Where no noise is drawn, a second seed changes nothing.
        again = attack.kind.denoises and _draw(source.id, "second seed") < settings.second_seed
        edits = [_marked(source, attack, scheme, secret) for scheme in settings.schemes if attack.takes(scheme)]
        edits.append(make_edit(GENERATOR, attack.name, scheme="", key_id="", commitment=""))
        for replica in range(2 if again else 1):
            for edit in edits:
                label = attack.key_label(str(edit["scheme"]))
                yield PlannedSample(sample_key(source.id, label, replica), source, edit, replica)


def _marked(source: SourceRecord, attack: AttackSettings, scheme: SchemeSettings, secret: bytes) -> Edit:
    key = make_payload(secret, source.id, scheme.name, length=scheme.bits)
    return make_edit(GENERATOR, attack.name, scheme=scheme.name, key_id=key.key_id, commitment=key.commitment)


def _draw(source_id: str, what: str) -> float:
    """Return a number in [0, 1) that depends on the source alone, so that a larger share contains a smaller one."""
    return float(derive_seed(0, source_id, what) / 2**SEED_BITS)
