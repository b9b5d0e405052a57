"""A tiny checkpoint of every class that a public pack names, where its role looks for it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import timm
import torch
from diffusers import ControlNetModel
from safetensors.torch import save_file
from transformers import (
    CLIPVisionModelWithProjection,
    DINOv3ViTConfig,
    DINOv3ViTImageProcessor,
    DINOv3ViTModel,
    ViTConfig,
    ViTForImageClassification,
    ViTImageProcessor,
)

from editmill.generators.models.pack import RoleEntry
from editmill.generators.models.timm_classifier import convert_timm
from editmill.packs.tabletop import PACK
from tests.checkpoints import (
    LABELS,
    SEED,
    SIDE,
    WIDTH,
    make_unet,
    write_clip,
    write_resnet_classifier,
    write_unconditional,
)
from tests.fmr_models import write_autoencoder, write_vq
from tests.generators.models.test_detector import write_grounding, write_owlv2
from tests.generators.models.test_sam2 import write_sam2
from tests.generators.models.test_segment_anything import write_published
from tests.generators.models.text_models import write_modernbert
from tests.inpaint_families import CLASSES, make_family
from tests.synthesis_models import write_safety_checker, write_variation
from tests.watermark_models import make_pipeline, write_dinov2


def write_controlnet(folder: Path) -> None:
    """Write a ControlNet."""
    torch.manual_seed(SEED + 30)
    ControlNetModel.from_unet(make_unet(), conditioning_embedding_out_channels=(8, 16)).save_pretrained(folder)


def write_vit(folder: Path) -> None:
    """Write a vision transformer that classifies."""
    torch.manual_seed(SEED + 31)
    shape = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    config = ViTConfig(**shape, image_size=SIDE, patch_size=8, num_labels=len(LABELS))
    ViTForImageClassification(config).save_pretrained(folder)
    ViTImageProcessor(size={"height": SIDE, "width": SIDE}).save_pretrained(folder)


def write_dinov3(folder: Path) -> None:
    """Write an encoder with registers."""
    torch.manual_seed(SEED + 33)
    shape = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    DINOv3ViTModel(DINOv3ViTConfig(**shape, image_size=SIDE, patch_size=8, num_register_tokens=4)).save_pretrained(
        folder
    )
    DINOv3ViTImageProcessor(size={"height": SIDE, "width": SIDE}).save_pretrained(folder)


def write_timm(folder: Path) -> None:
    """Write a classifier of timm's."""
    torch.manual_seed(SEED + 34)
    weights = folder.parent / "timm.pth"
    torch.save(timm.create_model("test_resnet", num_classes=len(LABELS)).state_dict(), weights)
    folder.rmdir()
    convert_timm(weights, folder, architecture="test_resnet")


def write_vision(folder: Path) -> None:
    """Write the vision tower of a CLIP as IP-Adapters come with it: without a processor."""
    write_clip(folder)
    tower = CLIPVisionModelWithProjection.from_pretrained(folder)
    shutil.rmtree(folder)
    tower.save_pretrained(folder)


def write_adapter(path: Path) -> None:
    """Write an IP-Adapter for the vision tower; its projection makes four tokens."""
    torch.manual_seed(SEED + 32)
    projection = {"proj.weight": (4 * WIDTH, WIDTH), "proj.bias": (4 * WIDTH,), "norm.weight": (WIDTH,)}
    shapes = {**projection, "norm.bias": (WIDTH,)}
    state = {f"image_proj.{name}": torch.randn(shape) for name, shape in shapes.items()}
    save_file({**state, "ip_adapter.1.to_k_ip.weight": torch.randn(8, WIDTH)}, path)


def embedded(role: str) -> Callable[[Path], object]:
    """Return what copies an embedded checkpoint, which is small too."""
    return lambda folder: shutil.copytree(PACK.parent / "weights" / role, folder, dirs_exist_ok=True)


def inpainting(family: str) -> Callable[[Path], object]:
    """Return what writes an inpainting pipeline."""
    return lambda folder: make_family(family).save_pretrained(folder)


TINY: dict[str, Callable[[Path], object]] = {
    "diffusers.AutoencoderKL": write_autoencoder,
    "diffusers.ControlNetModel": write_controlnet,
    "diffusers.DDPMPipeline": write_unconditional,
    "diffusers.StableDiffusionImageVariationPipeline": write_variation,
    "diffusers.StableDiffusionImg2ImgPipeline": lambda folder: make_pipeline().save_pretrained(folder),
    "diffusers.StableDiffusionPipeline": lambda folder: make_pipeline().save_pretrained(folder),
    "diffusers.VQModel": write_vq,
    "diffusers.pipelines.stable_diffusion.safety_checker.StableDiffusionSafetyChecker": write_safety_checker,
    "transformers.CLIPModel": write_clip,
    "transformers.CLIPVisionModelWithProjection": write_vision,
    "transformers.DINOv3ViTModel": write_dinov3,
    "transformers.Dinov2Model": write_dinov2,
    "transformers.GroundingDinoForObjectDetection": write_grounding,
    "transformers.LlamaForCausalLM": embedded("causal_lm"),
    "transformers.ModernBertForMaskedLM": write_modernbert,
    "transformers.OwlViTForObjectDetection": embedded("detector"),
    "transformers.Owlv2ForObjectDetection": write_owlv2,
    "transformers.ResNetForImageClassification": write_resnet_classifier,
    "transformers.RobertaForMaskedLM": embedded("masked_lm"),
    "transformers.RobertaForSequenceClassification": embedded("nli"),
    "transformers.Sam2Model": write_sam2,
    "transformers.SiglipModel": embedded("zero_shot_2"),
    "transformers.TimmWrapperForImageClassification": write_timm,
    "transformers.ViTForImageClassification": write_vit,
    **{f"diffusers.{name}": inpainting(family) for family, name in CLASSES.items()},
}


def write_role(entry: RoleEntry, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Write a role's checkpoint under a folder for ``--models-dir``.

    ``monkeypatch`` makes the published segmenter small.
    """
    folder = root / (entry.repo or entry.made) / entry.subfolder
    folder.mkdir(parents=True, exist_ok=True)
    if entry.cls == "segment_anything.Sam":
        write_published(folder, monkeypatch)
    elif entry.cls == "diffusers.loaders.IPAdapterMixin":
        write_adapter(folder / entry.file)
    elif entry.cls in TINY:
        TINY[entry.cls](folder)
    else:
        pytest.fail(f"no tiny checkpoint of {entry.cls}: add it to TINY in tests/tiny_classes.py")
