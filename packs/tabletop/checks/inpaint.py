"""Removal and background edits, as the product makes them, judged by the detector and by the zero-shot judge."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from editmill.generators.attribute.settings import RenderSettings
from editmill.generators.compositing.composite import compose, matte
from editmill.generators.compositing.hole import HoleRule
from editmill.generators.compositing.removal import blend_fill
from editmill.generators.guards.looking import object_crop
from editmill.generators.models.detector import Detector
from editmill.generators.models.inpainter import Inpainter, InpaintRequest
from editmill.generators.models.judge import ZeroShotJudge
from editmill.generators.models.loading import Models
from editmill.manifests.arrays import Mask, Picture
from editmill.packs.tabletop.checks.common import crop_of, main_mask, psnr, share
from editmill.packs.tabletop.checks.detector import box_iou
from editmill.packs.tabletop.checks.text_to_image import GROUND_PROMPTS
from editmill.packs.tabletop.checks.zero_shot import named_rightly, says_none
from editmill.packs.tabletop.world import CLASSES, Scene

BOUNDS = {"removal_success": 0.9, "background_recognised": 0.85}
# As the guard of removals takes it.
SAME_PLACE = 0.3


@dataclass(frozen=True)
class Judges:
    """The models that look at the edits."""

    zero_shot: ZeroShotJudge
    detector: Detector

    def finds_object(self, image: Picture, box: tuple[int, int, int, int]) -> bool:
        """Return whether the detector finds an object of any class where ``box`` is."""
        found = self.detector.detect([image], self.detector.class_queries(CLASSES))[0]
        return any(box_iou(item.box, box) > SAME_PLACE for item in found)

    def sees_object(self, crop: Picture) -> bool:
        """Return whether the zero-shot judge sees something."""
        return not says_none(self.zero_shot, crop)

    def names(self, crop: Picture, scene: Scene) -> bool:
        """Return whether the zero-shot judge names the scene's class."""
        return named_rightly(self.zero_shot, [crop], [scene])[0]


def remove(inpainter: Inpainter, scene: Scene, prompt: str, seed: int) -> tuple[Picture, Mask]:
    """Return the scene without its main object, as the product removes it, and the hole that was filled, bool [H,
    W].
    """
    settings = RenderSettings()
    hole = HoleRule().hole(scene.image, main_mask(scene))
    fill = inpainter.fill(InpaintRequest(scene.image, hole, prompt, seed))
    return blend_fill(scene.image, fill, hole, settings.feather), hole


def replace_ground(inpainter: Inpainter, scene: Scene, prompt: str, seed: int) -> tuple[Picture, Picture]:
    """Return the main object before a ground from ``prompt``, and the generated frame alone."""
    mask = main_mask(scene)
    generated = inpainter.fill(InpaintRequest(scene.image, mask <= 127, prompt, seed))
    return compose(scene.image, generated, matte(mask / np.float32(255))), generated


def removal_figures(inpainter: Inpainter, judges: Judges, scene: Scene, prompt: str, seed: int) -> dict[str, float]:
    """Return one removal: what still sees an object in its place, and how near the filled hole is to the true
    ground.
    """
    removed, hole = remove(inpainter, scene, prompt, seed)
    return {
        "removal_success": not judges.finds_object(removed, scene.boxes[0]),
        "object_found_before_removal": judges.finds_object(scene.image, scene.boxes[0]),
        "removal_unseen_by_judge": not judges.sees_object(object_crop(removed, main_mask(scene))),
        "object_seen_before_removal": judges.sees_object(crop_of(scene)),
        "removal_psnr": psnr(scene.clean[hole], removed[hole]),
        "removal_psnr_object_left_in": psnr(scene.clean[hole], scene.image[hole]),
    }


def background_figures(inpainter: Inpainter, judges: Judges, scene: Scene, family: int, seed: int) -> dict[str, float]:
    """Return one background edit: whether the judge names the prompted ground, and the object before and after."""
    edited, generated = replace_ground(inpainter, scene, GROUND_PROMPTS[family], seed)
    return {
        "background_recognised": judges.zero_shot.probabilities([generated], GROUND_PROMPTS)[0].argmax() == family,
        "object_kept": judges.names(object_crop(edited, main_mask(scene)), scene),
        "object_recognised_unedited": judges.names(crop_of(scene), scene),
    }


def measure(models: Models, scenes: list[Scene]) -> dict[str, float]:
    """Return shares in [0, 1] and PSNR in dB over one removal and one background edit per scene, with their controls on
    the unedited scenes.

    ``removal_success``: the detector finds nothing of any class in the removed object's place.
    """
    inpainter = Inpainter(models, steps=models.pack.steps, guidance=models.pack.guidance)
    judges = Judges(ZeroShotJudge(models), Detector(models))
    rows = [
        removal_figures(inpainter, judges, scene, models.pack.removal_prompt, number)
        | background_figures(inpainter, judges, scene, number % len(GROUND_PROMPTS), number)
        for number, scene in enumerate(scenes)
    ]
    return {
        name: share([bool(row[name]) for row in rows])
        if "psnr" not in name
        else float(np.mean([row[name] for row in rows]))
        for name in rows[0]
    }
