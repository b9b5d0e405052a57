"""A tiny pack with every role that guarded synthesis proposes with: the classes of the published checkpoints, random
weights.
"""

from __future__ import annotations

from pathlib import Path

import torch
import yaml
from diffusers import StableDiffusionImageVariationPipeline
from diffusers.pipelines.stable_diffusion import StableDiffusionSafetyChecker
from transformers import CLIPConfig, CLIPImageProcessor, CLIPVisionConfig, CLIPVisionModelWithProjection

from editmill.generators.models.image_adapter import convert_image_adapter
from tests.checkpoints import SEED, SIDE, WIDTH, text_settings
from tests.watermark_models import make_pipeline, write_watermark_pack

VISION = {
    "hidden_size": WIDTH,
    "intermediate_size": WIDTH,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "patch_size": 8,
}


def write_variation(folder: Path) -> None:
    """Write an image variation pipeline, whose encoder takes 224 pixels as the published one does."""
    torch.manual_seed(SEED + 20)
    parts = make_pipeline().components
    encoder = CLIPVisionModelWithProjection(CLIPVisionConfig(**VISION, image_size=224, projection_dim=WIDTH))
    StableDiffusionImageVariationPipeline(
        vae=parts["vae"],
        image_encoder=encoder,
        unet=parts["unet"],
        scheduler=parts["scheduler"],
        safety_checker=None,
        feature_extractor=CLIPImageProcessor(),
        requires_safety_checker=False,
    ).save_pretrained(folder)


def write_safety_checker(folder: Path) -> None:
    """Write a safety checker that finds every picture unsafe: its thresholds are below any cosine."""
    torch.manual_seed(SEED + 21)
    config = CLIPConfig(
        text_config=text_settings(),
        vision_config={**VISION, "image_size": SIDE, "projection_dim": WIDTH},
        projection_dim=WIDTH,
    )
    checker = StableDiffusionSafetyChecker(config)
    checker.concept_embeds_weights.data.fill_(-2.0)
    checker.special_care_embeds_weights.data.fill_(2.0)
    checker.save_pretrained(folder)
    CLIPImageProcessor(size={"shortest_edge": SIDE}, crop_size={"height": SIDE, "width": SIDE}).save_pretrained(folder)


def write_synthesis_pack(root: Path, *, variation: bool = False, checker: bool = False) -> Path:
    """Write the pack; with a model of its own for variations, and with a safety checker, if asked for."""
    path = write_watermark_pack(root)
    convert_image_adapter(root / "adapter.bin", root / "adapter")
    document = yaml.safe_load(path.read_text())
    roles = document["roles"]
    roles["image_to_image"] = {"cls": "diffusers.StableDiffusionImg2ImgPipeline", "path": "sd", "licence": "none"}
    if variation:
        write_variation(root / "variation")
        roles["image_variation"] = {
            "cls": "diffusers.StableDiffusionImageVariationPipeline",
            "path": "variation",
            "licence": "none",
        }
    if checker:
        write_safety_checker(root / "checker")
        cls = "diffusers.pipelines.stable_diffusion.safety_checker.StableDiffusionSafetyChecker"
        roles["safety_checker"] = {"cls": cls, "path": "checker", "licence": "none"}
    path.write_text(yaml.safe_dump(document))
    return path
