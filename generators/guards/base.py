"""What a guard is: scores on the final encoded picture, and reasons when a limit is passed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from editmill.generators.base import Candidate, Edit, Job
from editmill.generators.reasons import Reason

Array = np.ndarray


@dataclass(frozen=True)
class Verdict:
    """Scores by name, and the reasons to reject; empty reasons accept."""

    scores: dict[str, float]
    reasons: tuple[Reason, ...] = ()


class Rule(Protocol):
    """The limits of a guard: what they say of scores alone, also of those of a finished dataset."""

    def decide(self, edit: Edit, scores: Mapping[str, float]) -> Verdict:
        """Return the scores with those that follow from limits, and the reasons to reject.

        Scores that are missing reject nothing.
        """


class Guard(Protocol):
    """Judges one candidate."""

    score_names: tuple[str, ...]

    def check(self, job: Job, candidate: Candidate, image: Array) -> Verdict:
        """Judge ``image``, the decoded stored bytes, uint8 [H, W, 3] RGB."""


def check_all(guards: Sequence[Guard], job: Job, candidate: Candidate, image: Array) -> Verdict:
    """Ask every guard, also after a rejection, so that every score is there for a later rule."""
    verdicts = [guard.check(job, candidate, image) for guard in guards]
    scores = {name: value for verdict in verdicts for name, value in verdict.scores.items()}
    return Verdict(scores, tuple(reason for verdict in verdicts for reason in verdict.reasons))
