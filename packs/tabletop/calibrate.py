"""Calibration of the pack's attribute words: measures the thresholds of ``tabletop.yaml`` on scenes that nothing
else uses.

python -m editmill.packs.tabletop.calibrate
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass

import numpy as np
import torch

from editmill.generators.base.loaded import Box, CaptionedImage
from editmill.generators.guards.boxes import box_iou
from editmill.generators.models.detector import Detector
from editmill.generators.models.features import ImageTextFeatures
from editmill.generators.models.loading import Models
from editmill.generators.models.pack import AttributeGroup, read_pack
from editmill.generators.models.placement import Placement
from editmill.generators.models.segmenter import Segmenter
from editmill.generators.text.evidence import CropJudge, crop_around, find_word
from editmill.generators.text.settings import InsertionSettings
from editmill.generators.text.sightings import Lookout
from editmill.manifests.arrays import Feature
from editmill.manifests.progress import Progress
from editmill.manifests.records import SourceRecord
from editmill.packs.tabletop import PACK
from editmill.packs.tabletop.world import CLASSES, Scene, SceneObject, make_scene

START, COUNT = 22_000, 1000
BATCH = 8
SAME_PLACE = 0.5


@dataclass(frozen=True)
class Seen:
    """One detected object with its truth, its areas as shares of the frame, and its features by both judges."""

    truth: SceneObject
    mask: float
    box: float
    features: tuple[Feature, Feature]


def look(models: Models, scenes: list[Scene], judges: tuple[CropJudge, CropJudge]) -> list[Seen]:
    """Detect, measure and look at every object that the detector finds where one is."""
    settings, segmenter = InsertionSettings(), Segmenter(models)
    images = [CaptionedImage(_record(number), scene.image) for number, scene in enumerate(scenes)]
    found = Lookout(Detector(models, batch=BATCH), settings).find(
        images, [tuple({item.name for item in scene.objects}) for scene in scenes]
    )
    places: list[tuple[Scene, SceneObject, Box]] = []
    for scene, seen in zip(scenes, found, strict=True):
        for item, box in zip(scene.objects, scene.boxes, strict=True):
            gold = (float(box[0]), float(box[1]), float(box[2]), float(box[3]))
            places += [(scene, item, one.box) for one in seen[item.name] if box_iou(one.box, gold) >= SAME_PLACE]
    crops = [crop_around(scene.image, box, settings.crop_margin) for scene, _, box in places]
    features = [judge.look(crops) for judge in judges]
    return [
        Seen(
            item,
            float(segmenter.from_box(scene.image, box).mask.mean()),
            (box[2] - box[0]) * (box[3] - box[1]) / scene.image[..., 0].size,
            pair,
        )
        for (scene, item, box), pair in zip(Progress(places, desc="sizes"), zip(*features, strict=True), strict=True)
    ]


def _record(number: int) -> SourceRecord:
    return SourceRecord(id=str(number), image="", label=-1, class_name="", width=0, height=0, sha256="")


def figures(
    seen: list[Seen], judges: tuple[CropJudge, CropJudge], name: str, group: AttributeGroup, colours: tuple[str, ...]
) -> dict[str, float]:
    """Return the precision and recall of the two judges together, and the second judge's false rejections of true
    words and
    false acceptances.
    """
    said = right = positives = true_rejected = false_accepted = false_words = 0
    for one in seen:
        truth = one.truth.finish if name == "material" else one.truth.colour
        context = (
            ""
            if name == "colour"
            else colours[int(judges[0].logits(one.features[0], one.truth.name, colours)[:-1].argmax())]
        )
        first = judges[0].logits(one.features[0], one.truth.name, group.words, context=context, none=group.none)
        second = judges[1].logits(one.features[1], one.truth.name, group.words, context=context, none=group.guard_none)
        leads = {word: float(second[place] - np.delete(second, place).max()) for place, word in enumerate(group.words)}
        found = find_word(first, group)
        positives += bool(truth)
        true_rejected += bool(truth) and leads[truth] <= 0
        false_words += sum(word != truth for word in leads)
        false_accepted += sum(word != truth and lead > 0 for word, lead in leads.items())
        if found.sure and leads[found.word] > 0:
            said, right = said + 1, right + (found.word == truth)
    return {
        "positives": positives,
        "inserted": said,
        "precision": right / max(said, 1),
        "recall": right / max(positives, 1),
        "guard_rejects_true": true_rejected / max(positives, 1),
        "guard_accepts_false": false_accepted / max(false_words, 1),
    }


def main() -> None:
    """Print the usual sizes of objects, and what the pack's thresholds give."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenes", type=int, default=COUNT, help="number of held-out scenes (default: %(default)s)")
    count = parser.parse_args().scenes
    torch.set_num_threads(1)
    models = Models(read_pack(PACK), Placement(device="cpu"))
    judges = (
        CropJudge(ImageTextFeatures(models, role="zero_shot", batch=BATCH)),
        CropJudge(ImageTextFeatures(models, role="zero_shot_2", batch=BATCH)),
    )
    scenes = [make_scene("heldout", START + number) for number in Progress(range(count), desc="scenes")]
    seen = look(models, scenes, judges)
    for name in CLASSES:
        # The size without a name is the one in the middle.
        usual = [one for one in seen if one.truth.name == name and not one.truth.size]
        print(
            f"{name}: {{mask: {np.median([one.mask for one in usual]):.4f}, "
            f"box: {np.median([one.box for one in usual]):.4f}}}"
        )
    colours = models.pack.attributes["colour"].words
    for name, group in models.pack.attributes.items():
        print(name, {key: round(value, 4) for key, value in figures(seen, judges, name, group, colours).items()})


if __name__ == "__main__":
    main()
