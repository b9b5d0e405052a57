"""Pictures from prompts over a balanced grid of classes and colours, named by the pack's own judge."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Any

import numpy as np
import torch

from editmill.generators.models.detector import Detector
from editmill.generators.models.frechet import frechet_distance
from editmill.generators.models.image_encoder import ImageEncoder
from editmill.generators.models.judge import ZeroShotJudge
from editmill.generators.models.loading import Models
from editmill.manifests.arrays import Picture
from editmill.packs.tabletop.checks.common import held_out, share
from editmill.packs.tabletop.training.views import crop_around
from editmill.packs.tabletop.world import CLASSES, COLOURS, GROUNDS, Scene
from editmill.packs.tabletop.world.captions import object_phrase

BOUNDS = {"text_to_image_class": 0.85, "text_to_image_colour": 0.85}
GROUND_PROMPTS = tuple(wordings[0] for wordings in GROUNDS.values())
CROP_MARGIN = 0.3
# Without rescaling, guidance from pure noise inflates objects (Lin et al., arXiv 2305.08891, section 3.4).
RESCALE = 0.7
BATCH = 16


def grid(count: int) -> list[tuple[str, str, str]]:
    """Return (class, colour, ground) of ``count`` prompts: every run of 64 holds each pair of class and colour once,
    the grounds in turn.
    """
    colours, grounds = list(COLOURS), list(GROUNDS)
    return [(CLASSES[i % 8], colours[(i // 8 + i) % 8], grounds[(i // 64 + i // 8 + 3 * i) % 8]) for i in range(count)]


def prompt(name: str, colour: str, ground: str) -> str:
    """Return the grid's wording."""
    return f"{object_phrase(name, colour, '', '')} on {GROUNDS[ground][0]}"


def generate(pipeline: Any, prompts: Sequence[str], *, steps: int, seed: int = 0, **settings: Any) -> list[Picture]:
    """Return pictures uint8 [H, W, 3] RGB; picture i has noise of its own from seed + i, whatever the batch.

    ``settings`` go to the pipeline; a list among them has one entry per prompt.
    """
    pictures: list[Picture] = []
    for first in range(0, len(prompts), BATCH):
        part = slice(first, first + BATCH)
        given = {name: value[part] if isinstance(value, list) else value for name, value in settings.items()}
        generators = [torch.Generator().manual_seed(seed + first + i) for i in range(len(prompts[part]))]
        images = pipeline(
            list(prompts[part]), generator=generators, num_inference_steps=steps, output_type="np", **given
        ).images
        pictures += list(np.rint(images.clip(0, 1) * 255).astype(np.uint8))
    return pictures


def sampling(models: Models) -> dict[str, Any]:
    """Return the pack's number of steps and guidance, as ``generate`` takes them."""
    return {"steps": models.pack.steps, "guidance_scale": models.pack.guidance}


def judged(judge: ZeroShotJudge, picture: Picture, name: str) -> tuple[str, str]:
    """Return the class that the judge sees in a picture, and the colour given the class ``name``."""
    by_class = judge.probabilities([picture], judge.class_prompts(CLASSES))[0].argmax()
    by_colour = judge.probabilities([picture], tuple(object_phrase(name, colour, "", "") for colour in COLOURS))[
        0
    ].argmax()
    return CLASSES[int(by_class)], list(COLOURS)[int(by_colour)]


def found_and_judged(judge: ZeroShotJudge, detector: Detector, picture: Picture, name: str) -> tuple[str, str]:
    """Return what the judge sees in the crop around the best detection of any class.

    Empty names where the detector finds nothing.
    """
    found = detector.detect([picture], detector.class_queries(CLASSES))[0]
    if not found:
        return "", ""
    left, top, right, bottom = (round(edge) for edge in found[0].box)
    return judged(judge, crop_around(picture, (left, top, right, bottom), margin=CROP_MARGIN), name)


def measure(models: Models, scenes: list[Scene]) -> dict[str, float]:
    """Return the shares of four pictures per scene whose prompted class, colour and ground the judge names.

    Real scenes are measured as a control.

    Class and colour are read from the crop around what the detector finds; a picture in which it finds nothing counts
    as wrong. ``text_to_image_fid`` is the Frechet distance to held-out scenes in the space of the role
    ``image_encoder`` (not Inception's), and ``text_to_image_fid_real`` that of two disjoint sets of held-out scenes of
    the same size, which is what sampling alone gives.
    """
    judge, detector, encoder = ZeroShotJudge(models), Detector(models), ImageEncoder(models)
    cells = grid(4 * len(scenes))
    pictures = generate(
        models.get("text_to_image"), [prompt(*cell) for cell in cells], guidance_rescale=RESCALE, **sampling(models)
    )
    seen = [found_and_judged(judge, detector, picture, cell[0]) for picture, cell in zip(pictures, cells, strict=True)]
    real = [found_and_judged(judge, detector, scene.image, scene.objects[0].name) for scene in scenes]
    grounds = judge.probabilities(pictures, GROUND_PROMPTS).argmax(axis=1)
    others = encoder.contents([scene.image for scene in islice(held_out(), 2 * len(pictures))])
    reference, control = others[: len(pictures)], others[len(pictures) :]
    return {
        "text_to_image_class": share([found[0] == cell[0] for found, cell in zip(seen, cells, strict=True)]),
        "text_to_image_colour": share([found[1] == cell[1] for found, cell in zip(seen, cells, strict=True)]),
        "text_to_image_ground": share(
            [list(GROUNDS)[found] == cell[2] for found, cell in zip(grounds, cells, strict=True)]
        ),
        "text_to_image_class_real": share(
            [found[0] == scene.objects[0].name for found, scene in zip(real, scenes, strict=True)]
        ),
        "text_to_image_colour_real": share(
            [found[1] == scene.objects[0].colour for found, scene in zip(real, scenes, strict=True)]
        ),
        "text_to_image_fid": frechet_distance(encoder.contents(pictures), reference),
        "text_to_image_fid_real": frechet_distance(control, reference),
    }
