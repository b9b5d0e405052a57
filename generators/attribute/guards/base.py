"""What a guard of attribute edits is: scores on the final encoded picture, and reasons when a limit is passed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from editmill.generators.attribute.candidates import Candidate, EditJob
from editmill.generators.base.guards import Verdict
from editmill.manifests.arrays import Picture


class Guard(Protocol):
    """Judges one candidate."""

    score_names: tuple[str, ...]

    def check(self, job: EditJob, candidate: Candidate, image: Picture) -> Verdict:
        """Judge ``image``, the decoded stored bytes, uint8 [H, W, 3] RGB."""


def check_all(guards: Sequence[Guard], job: EditJob, candidate: Candidate, image: Picture) -> Verdict:
    """Ask every guard, also after a rejection, so that every score is there for a later rule."""
    verdicts = [guard.check(job, candidate, image) for guard in guards]
    scores = {name: value for verdict in verdicts for name, value in verdict.scores.items()}
    return Verdict(scores, tuple(reason for verdict in verdicts for reason in verdict.reasons))
