"""The samples of one source: every scheme and one shared negative under every attack, with keys drawn at plan time."""

from __future__ import annotations

from collections.abc import Iterator

from editmill.generators.base import Edit, make_edit
from editmill.generators.watermark.settings import UNMARKED, AttackSettings, SchemeSettings, WatermarkSettings
from editmill.manifests.payloads import make_payload
from editmill.manifests.records import SourceRecord
from editmill.manifests.seeds import SEED_BITS, derive_seed

GENERATOR = "watermark"


class WatermarkPlanner:
    """Plans marks and attacks; no models, no pixels."""

    def __init__(self, settings: WatermarkSettings, *, seed: int) -> None:
        self.settings, self.seed = settings, seed
        self.secret = settings.secret(seed)

    def plan(self, source: SourceRecord) -> Iterator[tuple[str, Edit, int]]:
        """Yield label for the key, edit and replica of each sample; replica 1 is the second seed.

        Edits of one attack share label and replica, whatever the mark, and therefore the seed: negatives get the same
        noise as their positives.
        """
        for attack in self.settings.attacks:
            if _draw(source.id, "share") >= attack.share:
                continue
            again = attack.generates and _draw(source.id, "second seed") < self.settings.second_seed
            for replica in range(2 if again else 1):
                for scheme in self.settings.schemes:
                    if scheme.regenerate or attack.start == "none":
                        yield f"{attack.name}-{scheme.name.lower()}", self._marked(source, attack, scheme), replica
                yield (
                    f"{attack.name}-{UNMARKED}",
                    make_edit(GENERATOR, attack.name, stochastic=False, scheme="", key_id="", commitment=""),
                    replica,
                )

    def _marked(self, source: SourceRecord, attack: AttackSettings, scheme: SchemeSettings) -> Edit:
        key = make_payload(self.secret, source.id, scheme.name, length=scheme.bits)
        return make_edit(GENERATOR, attack.name, scheme=scheme.name, key_id=key.key_id, commitment=key.commitment)


def _draw(source_id: str, what: str) -> float:
    """Return a number in [0, 1) that depends on the source alone, so that a larger share contains a smaller one."""
    return float(derive_seed(0, source_id, what) / 2**SEED_BITS)
