"""The second zero-shot judge, and how far its errors are those of the first."""

from __future__ import annotations

import numpy as np

from editmill.generators.models.judge import ZeroShotJudge
from editmill.generators.models.loading import Models
from editmill.packs.tabletop.checks.common import crop_of, share
from editmill.packs.tabletop.checks.zero_shot import Answers, ask, named_rightly, says_none
from editmill.packs.tabletop.training.views import composite_view
from editmill.packs.tabletop.world import Scene
from editmill.packs.tabletop.world.scene import scene_rng

BOUNDS = {"zero_shot_2_class": 0.97, "zero_shot_2_colour": 0.95, "zero_shot_2_none": 0.9}
# Both judges together are worth more than one as long as most of their errors are their own.
LIMITS = {"zero_shot_2_shared_errors": 0.5}


def shared_errors(first: list[bool], second: list[bool]) -> float:
    """Return the share of the scenes that at least one judge got wrong which both got wrong; 0 where there are none."""
    wrong, also = ~np.array(first), ~np.array(second)
    return float((wrong & also).sum() / max(1, (wrong | also).sum()))


def composites(scenes: list[Scene]) -> list[Scene]:
    """Return each scene's object without its shadow on the ground of the next scene, at another scale."""
    pairs = zip(scenes, scenes[1:] + scenes[:1], strict=True)
    return [
        composite_view(scene, other, scene_rng("heldout", number, "composite"))
        for number, (scene, other) in enumerate(pairs)
    ]


def judge_figures(role: str, judge: ZeroShotJudge, scenes: list[Scene], answers: Answers) -> dict[str, float]:
    """Return the shares of right answers of one judge.

    ``seen`` is the share of objects that it doesn't take for nothing.
    """
    return {
        f"{role}_class": share(answers.classes),
        f"{role}_colour": share(answers.colours),
        f"{role}_none": share(answers.none),
        f"{role}_seen": share([not says_none(judge, crop_of(scene)) for scene in scenes]),
        f"{role}_class_composite": share(
            named_rightly(judge, [crop_of(scene) for scene in composites(scenes)], scenes)
        ),
        f"{role}_class_whole": share(named_rightly(judge, [scene.image for scene in scenes], scenes)),
    }


def measure(models: Models, scenes: list[Scene]) -> dict[str, float]:
    """Return the shares of right answers, and the share of errors in common with ``zero_shot``."""
    judge = ZeroShotJudge(models, role="zero_shot_2")
    answers = ask(judge, scenes)
    first = named_rightly(ZeroShotJudge(models), [crop_of(scene) for scene in scenes], scenes)
    return {
        **judge_figures("zero_shot_2", judge, scenes, answers),
        "zero_shot_2_shared_errors": shared_errors(first, answers.classes),
    }
