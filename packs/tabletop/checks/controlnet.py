"""Whether pictures follow the edges that the ControlNet was given."""

from __future__ import annotations

import numpy as np
from diffusers import StableDiffusionControlNetPipeline
from PIL import Image

from editmill.generators.models.loading import Models
from editmill.packs.tabletop.checks.common import edge_f1
from editmill.packs.tabletop.checks.text_to_image import generate, sampling
from editmill.packs.tabletop.training.controlnet import canny_edges
from editmill.packs.tabletop.world import Scene

BOUNDS = {"controlnet_gain": 2.0}


def controlled_pipeline(models: Models) -> StableDiffusionControlNetPipeline:
    """Return the text-to-image pipeline with the ControlNet."""
    components = models.get("text_to_image").components
    pipeline = StableDiffusionControlNetPipeline(
        **components, controlnet=models.get("controlnet"), requires_safety_checker=False
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def measure(models: Models, scenes: list[Scene]) -> dict[str, float]:
    """Return the mean F1 (2 pixels of tolerance) of the edges of generated pictures with the wanted ones, at
    conditioning
    scales 1 and 0, and their ratio.
    """
    pipeline = controlled_pipeline(models)
    wanted = [canny_edges(scene.image) for scene in scenes]
    agreement = {}
    for scale in (1.0, 0.0):
        pictures = generate(
            pipeline,
            [scene.caption for scene in scenes],
            **sampling(models),
            image=[Image.fromarray(edges) for edges in wanted],
            controlnet_conditioning_scale=scale,
        )
        scores = [
            edge_f1(canny_edges(made)[..., 0] > 0, edges[..., 0] > 0)
            for made, edges in zip(pictures, wanted, strict=True)
        ]
        agreement[scale] = float(np.mean(scores))
    return {
        "controlnet_edge_f1": agreement[1.0],
        "controlnet_edge_f1_off": agreement[0.0],
        "controlnet_gain": agreement[1.0] / max(agreement[0.0], 1e-9),
    }
