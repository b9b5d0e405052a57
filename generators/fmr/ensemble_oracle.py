"""The guard ensemble as the oracle of an ascent."""

from __future__ import annotations

from collections.abc import Sequence

from editmill.generators.base.guards import Verdict
from editmill.generators.fmr.oracle import Subject
from editmill.generators.guards.ensemble.ensemble import GuardEnsemble
from editmill.generators.guards.ensemble.shown import Shown
from editmill.manifests.arrays import Picture


class EnsembleOracle:
    """Accepts what the ensemble accepts.

    No change from the source is asked for: a step that changes nothing violates nothing.

    Args:
        ensemble: The guards, with calibrated limits or their own.
    """

    def __init__(self, ensemble: GuardEnsemble) -> None:
        self.ensemble = ensemble

    def __call__(self, subjects: Sequence[Subject], images: Sequence[Picture]) -> list[Verdict]:
        return self.ensemble.check(
            [self._show(subject, image) for subject, image in zip(subjects, images, strict=True)]
        )

    def _show(self, subject: Subject, image: Picture) -> Shown:
        return Shown(
            image,
            subject.class_name,
            subject.label,
            mask=subject.mask,
            source=subject.image,
            source_mask=subject.mask,
            edited=False,
        )
