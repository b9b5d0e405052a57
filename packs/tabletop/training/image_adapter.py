"""The image adapter: IP-Adapter-Plus for the text-to-image model, fed by the pack's CLIP vision encoder (Ye et al.,
arXiv 2308.06721).
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import torch
from diffusers import UNet2DConditionModel
from diffusers.models.attention_processor import AttnProcessor, IPAdapterAttnProcessor
from diffusers.models.embeddings import IPAdapterPlusImageProjection, MultiIPAdapterImageProjection
from safetensors.torch import save_file
from torch import Tensor, nn
from transformers import CLIPTextModel, CLIPVisionModelWithProjection

from editmill.manifests.arrays import Picture
from editmill.packs.tabletop.training.autoencoder import to_tensor
from editmill.packs.tabletop.training.diffusion import (
    WEIGHTS,
    add_noise,
    drop_captions,
    run_norms_in_float32,
    weighted_error,
)
from editmill.packs.tabletop.training.store import train_scene
from editmill.packs.tabletop.training.text_to_image import OBJECT_WEIGHT, TextToImageTask, is_empty
from editmill.packs.tabletop.training.views import resize
from editmill.packs.tabletop.training.zero_shot import SIDE
from editmill.packs.tabletop.world.scene import plan_scene

WIDTH = 96
QUERIES = 16
CAPTION_FORGOTTEN = 0.5
REFERENCE_DROP = 0.1
FILE = "ip-adapter-plus.safetensors"
RENAMED = (
    (r"\.ln0\.", ".0.norm1."),
    (r"\.ln1\.", ".0.norm2."),
    (r"\.attn\.to_out\.0\.", ".0.to_out."),
    (r"\.attn\.to_q\.", ".0.to_q."),
    (r"\.ff\.0\.", ".1.0."),
    (r"\.ff\.1\.net\.0\.proj\.", ".1.1."),
    (r"\.ff\.1\.net\.2\.", ".1.3."),
)


class AdaptedNetwork(nn.Module):
    """The frozen text-to-image model and vision encoder, with the projection and the image cross-attention to train."""

    def __init__(self, folder: Path, vision: Path) -> None:
        super().__init__()
        self.unet = UNet2DConditionModel.from_pretrained(folder / "unet", dtype=torch.float32).requires_grad_(False)
        self.text = CLIPTextModel.from_pretrained(folder / "text_encoder", dtype=torch.float32).requires_grad_(False)
        self.vision = CLIPVisionModelWithProjection.from_pretrained(vision, dtype=torch.float32).requires_grad_(False)
        output = self.unet.config.cross_attention_dim
        projection = IPAdapterPlusImageProjection(
            embed_dims=self.vision.config.hidden_size,
            output_dims=output,
            hidden_dims=WIDTH,
            heads=2,
            num_queries=QUERIES,
        )
        self._add_image_attention()
        self.unet.encoder_hid_proj = MultiIPAdapterImageProjection([projection])
        self.unet.config.encoder_hid_dim_type = "ip_image_proj"
        run_norms_in_float32(self.unet)

    def _add_image_attention(self) -> None:
        processors: dict[str, nn.Module | AttnProcessor] = {}
        for name in self.unet.attn_processors:
            attention = self.unet.get_submodule(name.removesuffix(".processor"))
            # Self-attention, which reads neither text nor reference.
            if name.endswith("attn1.processor"):
                processors[name] = AttnProcessor()
                continue
            processor = IPAdapterAttnProcessor(
                attention.inner_dim, cross_attention_dim=attention.cross_attention_dim, num_tokens=[QUERIES]
            )
            # Starting from the text's keys and values is the reference implementation's choice too.
            for text, image in ((attention.to_k, processor.to_k_ip[0]), (attention.to_v, processor.to_v_ip[0])):
                image.weight.data.copy_(text.weight.data)
            processors[name] = processor
        self.unet.set_attn_processor(processors)

    def forward(self, sample: Tensor, timesteps: Tensor, tokens: Tensor, reference: Tensor) -> Tensor:
        """Return the predicted velocity, float32 [n, 4, h, w]; ``reference`` is float32 [n, 3, S, S] in [-1, 1]."""
        text = self.text(tokens).last_hidden_state
        with torch.no_grad():
            # The last layer but one, as published adapters and diffusers' pipelines read it.
            hidden = self.vision(reference, output_hidden_states=True).hidden_states[-2]
        # The added dimension counts the references of a picture.
        return self.unet(sample, timesteps, text, added_cond_kwargs={"image_embeds": [hidden[:, None]]}).sample.float()

    def adapter_state(self) -> dict[str, Tensor]:
        """Return the trained weights under the names of the published IP-Adapter-Plus files, float16."""
        projection = self.unet.encoder_hid_proj.image_projection_layers[0].state_dict()
        state = {f"image_proj.{name}": value for name, value in published_names(projection).items()}
        crossed = [
            processor
            for processor in self.unet.attn_processors.values()
            if isinstance(processor, IPAdapterAttnProcessor)
        ]
        for number, processor in enumerate(crossed):
            # Published files count self-attentions too, which take the even numbers.
            state[f"ip_adapter.{2 * number + 1}.to_k_ip.weight"] = processor.to_k_ip[0].weight
            state[f"ip_adapter.{2 * number + 1}.to_v_ip.weight"] = processor.to_v_ip[0].weight
        return {name: value.detach().to(torch.float16).contiguous() for name, value in state.items()}


def published_names(projection: dict[str, Tensor]) -> dict[str, Tensor]:
    """Map diffusers' names of the projection's weights to those of the published files, where keys and values are
    one matrix.
    """
    state: dict[str, Tensor] = {}
    for name, value in projection.items():
        if ".attn.to_v." in name:
            continue
        if ".attn.to_k." in name:
            state[name.replace(".attn.to_k.", ".0.to_kv.")] = torch.cat(
                [value, projection[name.replace(".to_k.", ".to_v.")]]
            )
            continue
        for pattern, replacement in RENAMED:
            name = re.sub(pattern, replacement, name)
        state[name] = value
    return state


class ImageAdapterTask(TextToImageTask):
    """v-prediction given another picture of the same object on the same ground.

    References and captions are dropped independently.
    """

    name = "image_adapter"
    lr, adam_lr, ema = 2e-3, 1e-3, 0.995

    def __init__(
        self,
        *,
        steps: int = 2000,
        size: int = 64,
        start: Path = WEIGHTS / "text_to_image",
        vision: Path = WEIGHTS / "zero_shot",
        **settings: Any,
    ) -> None:
        super().__init__(steps=steps, size=size, **settings)
        self.base, self.vision = start, vision

    def module(self) -> nn.Module:
        return AdaptedNetwork(self.base, self.vision)

    def reference(self, index: int) -> Picture:
        """Return the object as it lies in the world's scene, uint8 RGB, or the example itself where that scene shows
        something else.
        """
        alike = len(plan_scene("train", index).objects) == 1 and not is_empty(index)
        return (train_scene(index) if alike else self.scene(index)).image

    def batch(self, step: int) -> dict[str, Any]:
        references = [to_tensor(resize(self.reference(index), SIDE)) for index in self.indices(step)]
        return {**self.frames(step), "reference": torch.stack(references)}

    def loss(self, module: Any, batch: dict[str, Any], generator: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        batch = self.encoded(batch)
        noisy, velocity, timesteps = add_noise(self.scheduler, batch["latents"].float(), generator)
        tokens = drop_captions(batch["tokens"], self.tokenizer, generator, share=CAPTION_FORGOTTEN)
        # diffusers' pipelines feed the encoding of a zero tensor where guidance wants no reference.
        kept = (torch.rand(len(tokens), generator=generator) >= REFERENCE_DROP).to(tokens.device)
        predicted = module(noisy, timesteps, tokens, batch["reference"] * kept[:, None, None, None])
        return weighted_error(predicted, velocity, 1 + OBJECT_WEIGHT * batch["cover"]), {}

    def save(self, module: nn.Module, folder: Path) -> None:
        assert isinstance(module, AdaptedNetwork)
        folder.mkdir(parents=True, exist_ok=True)
        save_file(module.adapter_state(), folder / FILE)
