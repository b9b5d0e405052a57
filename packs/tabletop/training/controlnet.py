"""The ControlNet: a copy of the convolutions of the text-to-image model's encoder that reads Canny edges (Zhang et al.,
arXiv 2302.05543).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from diffusers import ControlNetModel, UNet2DConditionModel
from torch import Tensor, nn
from transformers import CLIPTextModel

from editmill.manifests.arrays import Picture
from editmill.packs.tabletop.training.diffusion import (
    WEIGHTS,
    add_noise,
    drop_captions,
    run_norms_in_float32,
    use_plain_attention,
)
from editmill.packs.tabletop.training.text_to_image import TextToImageTask

CANNY = (100, 200)
# One entry per stage of the conditioning embedding: two halvings for an autoencoder factor of 4.
EMBEDDING_CHANNELS = (16, 32, 64)
CAPTION_FORGOTTEN = 0.3


def canny_edges(image: Picture) -> Picture:
    """Return white edges on black, uint8 [H, W, 3], of a uint8 [H, W, 3] RGB picture.

    OpenCV's thresholds 100 and 200, as ControlNet's examples have.
    """
    edges = cv2.Canny(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), *CANNY)
    return np.repeat(edges[..., None], 3, axis=2)


def edge_network(unet: UNet2DConditionModel) -> ControlNetModel:
    """Return a ControlNet with the convolutions of the UNet's encoder, and without its attention: edges say where
    things are, not what a text means.
    """
    config = unet.config
    network = ControlNetModel(
        block_out_channels=config.block_out_channels,
        down_block_types=("DownBlock2D",) * len(config.block_out_channels),
        mid_block_type="UNetMidBlock2D",
        layers_per_block=config.layers_per_block,
        norm_num_groups=config.norm_num_groups,
        cross_attention_dim=config.cross_attention_dim,
        conditioning_embedding_out_channels=EMBEDDING_CHANNELS,
    )
    own, given = network.state_dict(), unet.state_dict()
    # What the UNet has no counterpart of, such as the zero convolutions, stays as it was made.
    network.load_state_dict({name: given.get(name, value) for name, value in own.items()})
    return network


class ControlledNetwork(nn.Module):
    """The frozen text-to-image model and the ControlNet to train."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.unet = UNet2DConditionModel.from_pretrained(folder / "unet", dtype=torch.float32).requires_grad_(False)
        self.text = CLIPTextModel.from_pretrained(folder / "text_encoder", dtype=torch.float32).requires_grad_(False)
        self.controlnet = edge_network(self.unet)
        use_plain_attention(self)
        run_norms_in_float32(self)

    def forward(self, sample: Tensor, timesteps: Tensor, tokens: Tensor, edges: Tensor) -> Tensor:
        """Return the predicted velocity, float32 [n, 4, h, w]; ``edges`` is float32 [n, 3, H, W] in [0, 1]."""
        text = self.text(tokens).last_hidden_state
        down, middle = self.controlnet(sample, timesteps, text, controlnet_cond=edges, return_dict=False)
        return self.unet(
            sample, timesteps, text, down_block_additional_residuals=down, mid_block_additional_residual=middle
        ).sample.float()


class ControlNetTask(TextToImageTask):
    """v-prediction on the text-to-image model's own examples.

    Captions are forgotten more often, so that edges count.
    """

    name = "controlnet"
    lr, adam_lr, ema = 2e-3, 1e-3, 0.995
    # Edges say how an object lies, so it need not stand.
    turned = True

    def __init__(
        self, *, steps: int = 480, size: int = 32, start: Path = WEIGHTS / "text_to_image", **settings: Any
    ) -> None:
        super().__init__(steps=steps, size=size, **settings)
        self.base = start

    def module(self) -> nn.Module:
        return ControlledNetwork(self.base)

    def batch(self, step: int) -> dict[str, Any]:
        edges = [canny_edges(self.scene(index).image) for index in self.indices(step)]
        return {**self.frames(step), "edges": torch.from_numpy(np.stack(edges)).permute(0, 3, 1, 2).float() / 255}

    def loss(self, module: Any, batch: dict[str, Any], generator: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        batch = self.encoded(batch)
        noisy, velocity, timesteps = add_noise(self.scheduler, batch["latents"].float(), generator)
        tokens = drop_captions(batch["tokens"], self.tokenizer, generator, share=CAPTION_FORGOTTEN)
        return (module(noisy, timesteps, tokens, batch["edges"]) - velocity).square().mean(), {}

    def save(self, module: nn.Module, folder: Path) -> None:
        assert isinstance(module, ControlledNetwork)
        module.controlnet.to(torch.float16).save_pretrained(folder)
