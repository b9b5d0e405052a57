"""Whether the image encoder knows an object again, and whether distances in its space grow with damage."""

from __future__ import annotations

import cv2
import numpy as np

from editmill.generators.models.frechet import frechet_distance
from editmill.generators.models.image_encoder import ImageEncoder
from editmill.generators.models.loading import Models
from editmill.manifests.arrays import Feature
from editmill.packs.tabletop.checks.common import crop_of
from editmill.packs.tabletop.training.views import composite_view
from editmill.packs.tabletop.world import Scene
from editmill.packs.tabletop.world.scene import scene_rng

BOUNDS = {"image_encoder_identity_auc": 0.95}
TURN = 0.2
BLUR = 1.5


def moved(scene: Scene, other: Scene, number: int) -> Scene:
    """Return the scene's object on the ground of ``other``, at another scale and place, turned a little."""
    return composite_view(scene, other, scene_rng("heldout", number, "identity"), turn=TURN)


def separation(same: Feature, different: Feature) -> float:
    """Return area under the ROC curve: the chance that a same pair scores above a different pair, ties counting
    half.
    """
    ordered = np.sort(different)
    below, above = np.searchsorted(ordered, same, "left"), np.searchsorted(ordered, same, "right")
    return float((below + above).mean() / 2 / len(different))


def identity_figures(first: Feature, second: Feature, labels: list[tuple[str, str]]) -> dict[str, float]:
    """Return how well cosines tell the same object from objects that differ in class and colour.

    Args:
        first: Unit features of the objects, float [n, width].
        second: Unit features of the same objects in other pictures, in the same order.
        labels: Class and colour of each object.

    Returns:
        ``auc`` over all pairs; ``above`` is the share of (object, other object) for which the same object's cosine is
        the higher; ``top1`` is the share of objects nearest to themselves among all n, those of equal class and colour
        included.
    """
    cosines = first @ second.T
    names, colours = (np.array(column) for column in zip(*labels, strict=True))
    different = (names[:, None] != names) & (colours[:, None] != colours)
    same = np.diag(cosines)
    return {
        "auc": separation(same, cosines[different]),
        "above": float((same[:, None] > cosines)[different].mean()),
        "top1": float((cosines.argmax(axis=1) == np.arange(len(same))).mean()),
        "cosine_same": float(same.mean()),
        "cosine_different": float(cosines[different].mean()),
    }


def measure(models: Models, scenes: list[Scene]) -> dict[str, float]:
    """Return identity on crops and on whole frames, and Fréchet distances from one half of the scenes to the other: as
    they are, blurred, and emptied.
    """
    encoder = ImageEncoder(models)
    following = scenes[1:] + scenes[:1]
    seconds = [moved(scene, other, number) for number, (scene, other) in enumerate(zip(scenes, following, strict=True))]
    labels = [(scene.objects[0].name, scene.objects[0].colour) for scene in scenes]
    crops = identity_figures(
        encoder.identities([crop_of(s) for s in scenes]), encoder.identities([crop_of(s) for s in seconds]), labels
    )
    frames = identity_figures(
        encoder.identities([s.image for s in scenes]), encoder.identities([s.image for s in seconds]), labels
    )
    half = len(scenes) // 2
    reference, held = encoder.contents([s.image for s in scenes[:half]]), [s.image for s in scenes[half : 2 * half]]
    blurred = [cv2.GaussianBlur(image, (0, 0), BLUR) for image in held]
    return {
        **{f"image_encoder_identity_{name}": value for name, value in crops.items()},
        "image_encoder_whole_auc": frames["auc"],
        "image_encoder_whole_above": frames["above"],
        "image_encoder_frechet_equal": frechet_distance(reference, encoder.contents(held)),
        "image_encoder_frechet_blurred": frechet_distance(reference, encoder.contents(blurred)),
        "image_encoder_frechet_emptied": frechet_distance(
            reference, encoder.contents([s.clean for s in scenes[half : 2 * half]])
        ),
    }
