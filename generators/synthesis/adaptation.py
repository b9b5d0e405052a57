"""How the reasons of a rejected round change the next one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from editmill.generators.synthesis.settings import RetrySettings

# Reasons by what helps against them; guards that are not in the pack never give theirs.
LOST = frozenset(
    {
        "label_clip",
        "label_margin_low",
        "label_siglip",
        "identity_dino",
        "object_lost",
        "mask_iou",
        "area_ratio",
        "duplicate_object",
        "object_expanded",
    }
)
ABSENT = frozenset({"edit_absent", "no_op", "near_source_copy", "unchanged"})
OUTSIDE = frozenset({"outside_mask_changed", "object_pixels_changed"})


@dataclass(frozen=True)
class Parameters:
    """What a round renders with.

    Attributes:
        strength: Share of the noise schedule that runs, in (0, 1].
        guidance: Classifier-free guidance scale.
        tightening: By how many of its own steps the edited mask is drawn in.
        template: Counts the prompt templates that were tried before; take it modulo their number.
    """

    strength: float = 0.6
    guidance: float = 7.5
    tightening: int = 0
    template: int = 0


def dominant(reasons: Sequence[Sequence[str]]) -> frozenset[str]:
    """Return the group of reasons (``LOST``, ``ABSENT``, ``OUTSIDE``, or the empty one) that most candidates were first
    rejected for.

    Args:
        reasons: Each candidate's, first one first; empty for accepted ones, which don't count.

    Returns:
        The group; of equally frequent ones that which asks for the weaker edit.
    """
    firsts = [candidate[0] for candidate in reasons if candidate]
    # In this order, as max() takes the first of equal counts: the weaker edit before the stronger one.
    counts = Counter({group: sum(first in group for first in firsts) for group in (LOST, OUTSIDE, ABSENT)})
    group, count = max(counts.items(), key=lambda item: item[1])
    # A round that is mostly rejected for something else, such as sanity, needs other seeds alone.
    return group if count > len(firsts) - counts.total() else frozenset()


def adapt(parameters: Parameters, reasons: Sequence[Sequence[str]], settings: RetrySettings) -> Parameters:
    """Return the next round's parameters: another template, and a remedy for the dominant reason."""
    group, following = dominant(reasons), replace(parameters, template=parameters.template + 1)
    if group == LOST:
        # A start outside the bounds is left where it is rather than moved the other way.
        lowest = min(settings.least_strength, parameters.strength)
        return replace(following, strength=_rounded(max(lowest, parameters.strength - settings.strength_step)))
    if group == OUTSIDE:
        return replace(following, tightening=parameters.tightening + 1)
    if group == ABSENT and parameters.strength < settings.most_strength:
        return replace(
            following, strength=_rounded(min(settings.most_strength, parameters.strength + settings.strength_step))
        )
    if group == ABSENT:
        highest = max(settings.most_guidance, parameters.guidance)
        return replace(following, guidance=min(highest, parameters.guidance + settings.guidance_step))
    return following


def _rounded(value: float) -> float:
    """Return the number without the binary residue of repeated tenths, which would stand in rows."""
    return round(value, 6)
