"""Whether pictures made with a reference show the reference's object, by the pack's image encoder."""

from __future__ import annotations

from copy import deepcopy

import numpy as np
from diffusers import StableDiffusionPipeline

from generators.models.image_adapter import attach
from generators.models.image_encoder import ImageEncoder
from generators.models.loading import Models
from packs.tabletop.checks.common import share
from packs.tabletop.checks.text_to_image import RESCALE, generate, sampling
from packs.tabletop.world import Scene

BOUNDS = {"image_adapter_better": 0.9}


def adapted_pipeline(models: Models) -> StableDiffusionPipeline:
    """A text-to-image pipeline of its own with the adapter; the network is a copy, since the adapter changes it."""
    components = models.get("text_to_image").components
    pipeline = StableDiffusionPipeline(**{**components, "unet": deepcopy(components["unet"])}, requires_safety_checker=False)
    pipeline.set_progress_bar_config(disable=True)
    return attach(pipeline, models.get("image_adapter"))


def measure(models: Models, scenes: list[Scene]) -> dict[str, float]:
    """Share of scenes whose picture is nearer to the reference (cosine) than the picture without a reference and than that with another's.

    All three have equal noise and the scene's caption without attributes, so that only the reference can tell them.
    """
    pipeline = adapted_pipeline(models)
    captions, references = [scene.plain_caption for scene in scenes], [scene.image for scene in scenes]
    made = {}
    for name, shift, scale in (("own", 0, 1.0), ("none", 0, 0.0), ("other", 1, 1.0)):
        pipeline.set_ip_adapter_scale(scale)
        made[name] = [
            generate(
                pipeline, [caption], seed=number, guidance_rescale=RESCALE, **sampling(models),
                ip_adapter_image=references[(number + shift) % len(references)],
            )[0]
            for number, caption in enumerate(captions)
        ]
    encoder = ImageEncoder(models)
    wanted = encoder.identities(references)
    cosine = {name: (encoder.identities(pictures) * wanted).sum(axis=1) for name, pictures in made.items()}
    return {
        "image_adapter_better": share(list((cosine["own"] > cosine["none"]) & (cosine["own"] > cosine["other"]))),
        **{f"image_adapter_cosine_{name}": float(np.mean(values)) for name, values in cosine.items()},
    }
