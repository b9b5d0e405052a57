"""The search for one source's samples: rounds of candidates with fresh seeds, until a quota, a cap or the last
round.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from editmill.generators.synthesis.adaptation import Parameters, adapt
from editmill.generators.synthesis.budget import Meter, Stop
from editmill.generators.synthesis.settings import RetrySettings

# Candidate k of a round has this number times the round, plus k, so that its seed does not depend on how many the
# rounds before had.
STRIDE = 64


@dataclass(frozen=True)
class Request:
    """Candidates to make next: their numbers, their seeds and what they are made with."""

    round: int
    numbers: tuple[int, ...]
    seeds: tuple[int, ...]
    parameters: Parameters


class Search:
    """What to try next for one source, as a state that knows neither models nor pictures.

    ``request`` changes nothing until its outcomes are recorded, so that work which a fault of the infrastructure ended
    is asked for again and uses up no round. Requests of several searches can be rendered in one batch.

    Args:
        settings: Rounds, and how they adapt.
        meter: The run's; shared by all its searches.
        seed: The seed of a candidate's number.
        start: Parameters of the first round.
        candidates: K; None for the settings' own.
        quota: Accepted candidates wanted.
        whole_rounds: Whether a round is finished although its quota is met, for modes that select among several.
        eligible: Whether the source can be used at all.

    Raises:
        ValueError: K is not between 1 and 64.
    """

    def __init__(
        self,
        settings: RetrySettings,
        meter: Meter,
        seed: Callable[[int], int],
        *,
        start: Parameters | None = None,
        candidates: int | None = None,
        quota: int = 1,
        whole_rounds: bool = False,
        eligible: bool = True,
    ) -> None:
        self.settings, self.meter, self.seed = settings, meter, seed
        self.parameters, self.quota, self.whole_rounds, self.eligible = (
            start or Parameters(),
            quota,
            whole_rounds,
            eligible,
        )
        self.per_round = settings.candidates if candidates is None else candidates
        if not 1 <= self.per_round <= STRIDE:
            raise ValueError(f"candidates per round are between 1 and {STRIDE}, not {self.per_round}")
        self.round = 0
        self.seconds = 0.0
        self.tried: dict[int, tuple[str, ...]] = {}
        self.stop: Stop | None = None
        self._current: list[tuple[str, ...]] = []

    @property
    def accepted(self) -> list[int]:
        """Numbers of the accepted candidates."""
        return [number for number, reasons in self.tried.items() if not reasons]

    def request(self, most: int) -> Request | None:
        """Return at most ``most`` candidates of the current round, or None when the search has ended, for the reason in
        ``stop``.
        """
        self.stop = self.stop or self._check()
        if self.stop is not None:
            return None
        left = self.meter.left(len(self.tried))
        count = min(most, self.per_round - len(self._current), *([] if left is None else [left]))
        first = self.round * STRIDE + len(self._current)
        numbers = tuple(range(first, first + count))
        return Request(self.round, numbers, tuple(map(self.seed, numbers)), self.parameters)

    def record(self, request: Request, reasons: Sequence[Sequence[str]], *, seconds: float = 0.0) -> None:
        """Go on from a request's outcomes: the reasons against each candidate, none for accepted ones, and the seconds
        that it took.
        """
        outcomes = [tuple(map(str, one)) for one in reasons]
        self.tried |= dict(zip(request.numbers, outcomes, strict=True))
        self._current += outcomes
        self.seconds += seconds
        self.meter.spend(len(outcomes))
        if len(self._current) >= self.per_round:
            self.parameters = adapt(self.parameters, self._current, self.settings)
            self.round, self._current = self.round + 1, []

    def _check(self) -> Stop | None:
        if not self.eligible:
            return Stop.SOURCE_INELIGIBLE
        # Asked before the rounds, so that a quota which the last one meets does not count as exhausted.
        between = not self._current
        if len(self.accepted) >= self.quota and (between or not self.whole_rounds):
            return Stop.QUOTA_MET
        if self.round >= self.settings.rounds:
            return Stop.ROUNDS_EXHAUSTED
        return self.meter.reached(len(self.tried), self.seconds)
