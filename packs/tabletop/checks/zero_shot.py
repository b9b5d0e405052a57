"""The zero-shot judge: classes, colours and grounds by text, and nothing where nothing is."""

from __future__ import annotations

from dataclasses import dataclass

from editmill.generators.models.judge import ZeroShotJudge
from editmill.generators.models.loading import Models
from editmill.manifests.arrays import Picture
from editmill.packs.tabletop.checks.common import crop_of, share
from editmill.packs.tabletop.checks.text_to_image import CROP_MARGIN, GROUND_PROMPTS, judged
from editmill.packs.tabletop.training.views import crop_around
from editmill.packs.tabletop.world import CLASSES, GROUNDS, Scene

BOUNDS = {"zero_shot_class": 0.97, "zero_shot_colour": 0.95, "zero_shot_none": 0.9}


@dataclass(frozen=True)
class Answers:
    """Which scenes a judge got right, one entry per scene."""

    classes: list[bool]
    colours: list[bool]
    none: list[bool]


def named_rightly(judge: ZeroShotJudge, pictures: list[Picture], scenes: list[Scene]) -> list[bool]:
    """Return for each picture whether the judge prefers the class of the scene's main object over all other classes."""
    seen = judge.probabilities(pictures, judge.class_prompts(CLASSES)).argmax(axis=1)
    return [CLASSES[index] == scene.objects[0].name for index, scene in zip(seen, scenes, strict=True)]


def says_none(judge: ZeroShotJudge, picture: Picture) -> bool:
    """Return whether the judge prefers "no object" over all classes together."""
    probabilities = judge.probabilities([picture], (*judge.class_prompts(CLASSES), "no object"))[0]
    return bool(probabilities[-1] > probabilities[:-1].sum())


def ask(judge: ZeroShotJudge, scenes: list[Scene]) -> Answers:
    """Ask for class and colour on crops around the object.

    "No object" is asked for on the clean ground, as a whole and in the object's place.
    """
    seen = [judged(judge, crop_of(scene), scene.objects[0].name) for scene in scenes]
    bare = [(scene.clean, crop_around(scene.clean, scene.boxes[0], margin=CROP_MARGIN)) for scene in scenes]
    return Answers(
        [name == scene.objects[0].name for (name, _), scene in zip(seen, scenes, strict=True)],
        [colour == scene.objects[0].colour for (_, colour), scene in zip(seen, scenes, strict=True)],
        [says_none(judge, picture) for pair in bare for picture in pair],
    )


def measure(models: Models, scenes: list[Scene]) -> dict[str, float]:
    """Return the shares of right answers, the share of objects that it sees at all, and classes and colours named from
    whole frames.
    """
    judge = ZeroShotJudge(models)
    answers = ask(judge, scenes)
    grounds = judge.probabilities([scene.clean for scene in scenes], GROUND_PROMPTS).argmax(axis=1)
    return {
        "zero_shot_class": share(answers.classes),
        "zero_shot_colour": share(answers.colours),
        "zero_shot_none": share(answers.none),
        "zero_shot_seen": share([not says_none(judge, crop_of(scene)) for scene in scenes]),
        "zero_shot_ground": share(
            [list(GROUNDS)[seen] == scene.ground for seen, scene in zip(grounds, scenes, strict=True)]
        ),
        "zero_shot_class_whole": share(named_rightly(judge, [scene.image for scene in scenes], scenes)),
    }
