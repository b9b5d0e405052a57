"""What an evaluation of latent ascents holds."""

from __future__ import annotations

from dataclasses import dataclass

from editmill.evaluators.statistics import Estimate


@dataclass(frozen=True)
class Point:
    """One budget of a curve.

    Attributes:
        budget: Ascent or random steps; 0 is the round trip.
        pa: Accuracy on the pictures, a share with its interval.
        fmr: 100 * PA / SA with its interval; None where SA is 0.
    """

    budget: int
    pa: Estimate
    fmr: Estimate | None


@dataclass(frozen=True)
class TargetResult:
    """One target on the pictures made for it with one network.

    Attributes:
        network, target: roles.
        model: The evaluated model that is the target; "" where none is, and then nothing is measured.
        generator_overlap: The recipe says that the target was trained on the network's pictures.
        guard_overlap: The target's weights guard as well.
        n_sources: Planned sources.
        n_eligible: Sources whose original and round trip exist, and whose round trip the guard lets pass; SA and PA are
            over these.
        n_accepted: Eligible sources with at least one accepted step.
        n_fallback: Sources whose refused round trip is replaced by the original.
        n_failed: The rest, by reason.
        validation_rate: Share of the steps after the round trip that the guard let pass; None without a step.
        completed: Share of the eligible sources whose whole budget was spent; None without one.
        sa: Accuracy on the originals, a share; None where nothing is measured.
        curve: PA(b) by budget, from the round trip on.
        random: The same of random walks of as many steps of the same length.
        difference: PA of random walks less that of ascents at the whole budget, paired by source.
        p_value: Exact McNemar test of that difference.
        p_holm: The same after Holm's correction over the networks and targets that are measured.
        with_fallback: FMR at the whole budget if fall-backs counted, as published; None without fall-backs.
    """

    network: str
    target: str
    model: str
    generator_overlap: bool
    guard_overlap: bool
    n_sources: int
    n_eligible: int
    n_accepted: int
    n_fallback: int
    n_failed: dict[str, int]
    validation_rate: float | None
    completed: float | None
    sa: Estimate | None = None
    curve: tuple[Point, ...] = ()
    random: tuple[Point, ...] = ()
    difference: Estimate | None = None
    p_value: float | None = None
    p_holm: float | None = None
    with_fallback: Estimate | None = None


@dataclass(frozen=True)
class Transfer:
    """One model on the pictures made for one target: accuracies on the target's eligible sources, and their ratio in
    percent.
    """

    network: str
    target: str
    model: str
    own: bool
    sa: Estimate
    pa: Estimate
    ratio: Estimate | None


@dataclass(frozen=True)
class Verification:
    """How often a held-out model agrees with the labels of one accepted set (``after``), and of the originals of the
    same sources (``before``).
    """

    network: str
    target: str
    model: str
    before: Estimate
    after: Estimate


@dataclass(frozen=True)
class ModelFacts:
    """One evaluated model.

    Attributes:
        targets: Roles of targets with the same weights.
        guards: Roles that guard with the same weights.
        undecided: Roles of which neither an id nor a digest tells whether it had them.
    """

    model: str
    digest: str
    targets: tuple[str, ...]
    guards: tuple[str, ...]
    undecided: tuple[str, ...]

    @property
    def held_out(self) -> str:
        """Whether it neither was ascended against nor guards: ``yes``, ``no`` or ``unknown``."""
        return "no" if self.targets or self.guards else "unknown" if self.undecided else "yes"
