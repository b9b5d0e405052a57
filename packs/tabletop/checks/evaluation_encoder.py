"""The image-text model that only evaluators use."""

from __future__ import annotations

from editmill.generators.models.judge import ZeroShotJudge
from editmill.generators.models.loading import Models
from editmill.packs.tabletop.checks.common import share
from editmill.packs.tabletop.checks.text_to_image import judged
from editmill.packs.tabletop.checks.zero_shot import ask
from editmill.packs.tabletop.checks.zero_shot_2 import judge_figures
from editmill.packs.tabletop.world import Scene

BOUNDS = {"evaluation_encoder_class": 0.97, "evaluation_encoder_colour": 0.95}


def measure(models: Models, scenes: list[Scene]) -> dict[str, float]:
    """Return the shares of right answers on crops, composites and whole frames."""
    judge = ZeroShotJudge(models, role="evaluation_encoder")
    colours = [judged(judge, scene.image, scene.objects[0].name)[1] for scene in scenes]
    return {
        **judge_figures("evaluation_encoder", judge, scenes, ask(judge, scenes)),
        "evaluation_encoder_colour_whole": share(
            [colour == scene.objects[0].colour for colour, scene in zip(colours, scenes, strict=True)]
        ),
    }
