"""Whether pictures made with a reference show the reference's object, by the pack's image encoder."""

from __future__ import annotations

from copy import deepcopy

import numpy as np
from diffusers import StableDiffusionPipeline

from editmill.generators.models.image_adapter import attach
from editmill.generators.models.image_encoder import ImageEncoder
from editmill.generators.models.loading import Models
from editmill.manifests.arrays import Feature
from editmill.packs.tabletop.checks.text_to_image import RESCALE, generate, sampling
from editmill.packs.tabletop.world import Scene

BOUNDS = {"image_adapter_better": 0.9}
NOISES = 4


def adapted_pipeline(models: Models) -> StableDiffusionPipeline:
    """Return a text-to-image pipeline of its own with the adapter.

    The network is a copy, since the adapter changes it.
    """
    components = models.get("text_to_image").components
    pipeline = StableDiffusionPipeline(
        **{**components, "unet": deepcopy(components["unet"])}, requires_safety_checker=False
    )
    pipeline.set_progress_bar_config(disable=True)
    return attach(pipeline, models.get("image_adapter"))


def measure(models: Models, scenes: list[Scene]) -> dict[str, float]:
    """Return the share of every second scene whose pictures are nearer to the reference (cosine) than those without a
    reference and than those with another's.

    All have the scene's caption without attributes, so that only the reference can tell them, and the noises are equal:
    ``NOISES`` for each scene, over which the cosines are averaged, since without a reference one picture in eight has
    the right colour by chance. ``image_adapter_better_single`` compares picture by picture instead.
    """
    scenes = scenes[::2]
    pipeline, encoder = adapted_pipeline(models), ImageEncoder(models)
    references = [scene.image for scene in scenes]
    wanted = encoder.identities(references)
    cosine = {}
    for name, shift, scale in (("own", 0, 1.0), ("none", 0, 0.0), ("other", 1, 1.0)):
        pipeline.set_ip_adapter_scale(scale)
        rows = []
        for number, scene in enumerate(scenes):
            reference = references[(number + shift) % len(references)]
            pictures = [
                generate(
                    pipeline,
                    [scene.plain_caption],
                    seed=seed,
                    ip_adapter_image=[reference],
                    guidance_rescale=RESCALE,
                    **sampling(models),
                )[0]
                for seed in range(NOISES * number, NOISES * (number + 1))
            ]
            rows.append(encoder.identities(pictures) @ wanted[number])
        cosine[name] = np.stack(rows)
    means = {name: values.mean(axis=1) for name, values in cosine.items()}
    return {
        "image_adapter_better": better(means),
        "image_adapter_better_single": better(cosine),
        **{f"image_adapter_cosine_{name}": float(values.mean()) for name, values in cosine.items()},
    }


def better(cosine: dict[str, Feature]) -> float:
    """Return the share of entries in which the own reference beats both none and another's."""
    return float(np.mean((cosine["own"] > cosine["none"]) & (cosine["own"] > cosine["other"])))
