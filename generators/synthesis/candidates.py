"""Candidates of one planned sample: proposed, encoded, judged and compared, one failure alone."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from editmill.generators.base.failing import in_parts, told
from editmill.generators.base.guards import PictureGuard, StoredPicture
from editmill.generators.base.images import encode_image
from editmill.generators.base.making import ask_guards, finite_scores
from editmill.generators.base.reasons import Reason
from editmill.generators.base.samples import PlannedSample
from editmill.generators.base.threads import threads
from editmill.generators.guards.ensemble.duplicates import Fingerprint
from editmill.generators.guards.ensemble.ensemble import GuardEnsemble
from editmill.generators.guards.ensemble.shown import Shown
from editmill.generators.guards.ensemble.verifier import Verifier
from editmill.generators.models.model_errors import is_model_error
from editmill.generators.synthesis.crowd import Crowd
from editmill.generators.synthesis.proposing import Proposal, Proposed, Proposer
from editmill.generators.synthesis.reasons import SynthesisReason
from editmill.manifests.arrays import Picture
from editmill.manifests.records import CandidateRecord

logger = logging.getLogger("editmill.synthesis")
Wanted = tuple[int, Proposal]


@dataclass(frozen=True)
class Candidate:
    """One candidate.

    Attributes:
        record: Of the guards.
        png: Bytes, empty where rendering failed.
        fingerprint: What duplicates are found by.
        cost: Network evaluations.
    """

    record: CandidateRecord
    png: bytes = b""
    fingerprint: Fingerprint | None = None
    cost: int = 0


class CandidateMaker:
    """Makes candidates and judges them.

    Args:
        proposer: Makes pictures.
        ensemble: The guards.
        surrogates: Classifiers of which some have to be wrong; none to ask for nothing.
        least_wrong: How many of them.
        guards: Those of installed packages, which bind as the ensemble does.
        threads: Of encoders, which work while guards look.
    """

    def __init__(
        self,
        proposer: Proposer,
        ensemble: GuardEnsemble,
        surrogates: Sequence[Verifier],
        *,
        least_wrong: int,
        guards: Sequence[PictureGuard] = (),
        threads: int = 1,
    ) -> None:
        self.proposer, self.ensemble, self.surrogates, self.least_wrong = proposer, ensemble, surrogates, least_wrong
        self.guards, self.threads = guards, threads

    def make(
        self, wanted: Sequence[Wanted], sample: PlannedSample, crowd: Crowd, source: Fingerprint | None
    ) -> list[Candidate]:
        """Return candidates of one conditioning in order; one whose model fails has that for a reason.

        Args:
            wanted: Numbers and proposals.
            sample: Whose candidates they are.
            crowd: What the class holds already.
            source: Of the real picture that they are made from.
        """
        return in_parts(partial(self._make, sample=sample, crowd=crowd, source=source), wanted, failed=_failed)

    def fingerprints(self, images: Sequence[Picture]) -> list[Fingerprint | None]:
        """Return what pictures are compared by, nothing in packs without an image encoder."""
        return [None] * len(images) if self.ensemble.encoder is None else list(self.ensemble.fingerprints(images))

    def _make(
        self, wanted: Sequence[Wanted], *, sample: PlannedSample, crowd: Crowd, source: Fingerprint | None
    ) -> list[Candidate]:
        made = self.proposer.propose([proposal for _, proposal in wanted])
        with threads(self.threads) as pool:
            encoding = [pool.submit(encode_image, one.image, "png") for one in made]
            found = self._judged(wanted, made, sample, crowd, source)
            return [replace(one, png=waiting.result()) for one, waiting in zip(found, encoding, strict=True)]

    def _judged(
        self,
        wanted: Sequence[Wanted],
        made: Sequence[Proposed],
        sample: PlannedSample,
        crowd: Crowd,
        source: Fingerprint | None,
    ) -> list[Candidate]:
        """Return candidates without their bytes, which give back exactly the pictures that guards see here."""
        anchor, stored = sample.source, [one.image for one in made]
        size = self.proposer.size(wanted[0][1].conditioning)
        # No source is shown: the thresholds are those of pictures made from text, and a variation need not keep the
        # object's identity.
        shown = [
            Shown(image, anchor.class_name, anchor.label, unsafe=one.unsafe, finite=one.finite, size=size)
            for image, one in zip(stored, made, strict=True)
        ]
        verdicts, prints, asked = self.ensemble.check(shown), self.fingerprints(stored), self._ask(shown)
        found = []
        for number, (attempt, proposal) in enumerate(wanted):
            own, (misled, opinions) = prints[number], asked[number]
            compared, repeated = ({}, ()) if own is None else crowd.compare(own, source)
            asked_of, refused = self._guarded(sample, stored[number])
            scores, wrong = finite_scores({**verdicts[number].scores, **compared, **opinions, **asked_of})
            reasons = (*verdicts[number].reasons, *repeated, *refused, *wrong)
            # Only what the guards accept can be refused by selection.
            reasons = reasons or (() if misled else (SynthesisReason.NOT_SELECTED,))
            record = CandidateRecord(
                attempt=attempt,
                seed=proposal.seed,
                accepted=not reasons,
                reasons=tuple(map(str, reasons)),
                scores=scores,
            )
            found.append(Candidate(record, b"", own, made[number].cost))
        return found

    def _guarded(self, sample: PlannedSample, image: Picture) -> tuple[dict[str, float], tuple[str, ...]]:
        """Return what the guards of installed packages say; one that fails refuses the candidate."""
        anchor, record = sample.source, sample.partner or sample.source
        try:
            return ask_guards(self.guards, StoredPicture(image, anchor.class_name, anchor.label, record, sample.edit))
        except Exception as error:
            if not is_model_error(error):
                raise
            told(sample, error)
            return {}, (Reason.GUARD_ERROR,)

    def _ask(self, shown: Sequence[Shown]) -> list[tuple[bool, dict[str, float]]]:
        """Return whether enough surrogates get each picture wrong (True without any), and their scores."""
        if not self.surrogates:
            return [(True, {}) for _ in shown]
        found = []
        for parts in zip(*(surrogate.scores(shown) for surrogate in self.surrogates), strict=True):
            merged = {name: value for part in parts for name, value in part.items()}
            # A surrogate that does not know the class can't get it wrong.
            wrong = [merged.get(f"verifier_{one.role}_agrees", 1.0) == 0 for one in self.surrogates]
            found.append((sum(wrong) >= self.least_wrong, merged))
        return found


def _failed(wanted: Wanted, error: Exception) -> Candidate:
    number, proposal = wanted
    logger.warning("candidate %d: %s: %s", number, type(error).__name__, error)
    reasons = (str(Reason.PROPOSER_ERROR),)
    return Candidate(CandidateRecord(attempt=number, seed=proposal.seed, accepted=False, reasons=reasons))
