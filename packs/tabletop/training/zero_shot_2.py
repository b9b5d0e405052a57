"""The second zero-shot judge: a SiglipModel trained with the sigmoid loss on all pairs that fit, and auxiliary
attribute losses.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import SiglipConfig, SiglipImageProcessor, SiglipModel

from editmill.packs.tabletop.training.captioned import captioned_batch, padded_tokenizer
from editmill.packs.tabletop.training.recognition import AttributeHeads, Mix
from editmill.packs.tabletop.training.zero_shot import fits

SIDE, PATCH, WIDTH, LENGTH = 96, 12, 128, 24
# The bias is that of the paper: at the start nearly all pairs do not fit.
START_SCALE, START_BIAS = 3.0, -10.0


class SiglipNetwork(nn.Module):
    """SigLIP with linear heads that only training uses."""

    def __init__(self, vocabulary: int, bos: int, eos: int) -> None:
        super().__init__()
        tower = {"hidden_size": WIDTH, "num_attention_heads": 4}
        self.siglip = SiglipModel(
            SiglipConfig(
                text_config={
                    **tower,
                    "num_hidden_layers": 2,
                    "intermediate_size": WIDTH,
                    "vocab_size": vocabulary,
                    "max_position_embeddings": LENGTH,
                    "bos_token_id": bos,
                    "eos_token_id": eos,
                    "pad_token_id": eos,
                    "projection_size": WIDTH,
                },
                vision_config={
                    **tower,
                    "num_hidden_layers": 5,
                    "intermediate_size": 352,
                    "image_size": SIDE,
                    "patch_size": PATCH,
                },
            )
        )
        self.siglip.set_attn_implementation("eager")
        nn.init.constant_(self.siglip.logit_scale, START_SCALE)
        nn.init.constant_(self.siglip.logit_bias, START_BIAS)
        self.heads = AttributeHeads(WIDTH, WIDTH)


def sigmoid_loss(logits: Tensor, fit: Tensor) -> Tensor:
    """Return the pairwise sigmoid loss of all pairs (Zhai et al., arXiv 2303.15343, algorithm 1), here with many
    texts that
    fit one image.

    Args:
        logits: float [texts, images].
        fit: Bool [texts, images], which texts fit which images.

    Returns:
        The summed loss per fitting pair.
    """
    sign = fit.float() * 2 - 1
    return -F.logsigmoid(sign * logits).sum() / fit.sum()


class SiglipTask:
    """Sigmoid loss between views and captions plus cross-entropy of each attribute.

    Args:
        steps: Training steps.
        size: Views per step.
        start: Weights folder to go on from, at half the learning rate.
    """

    name = "zero_shot_2"
    lr, adam_lr, ema = 2e-3, 1e-3, 0.998
    mix = Mix()

    def __init__(self, *, steps: int = 2000, size: int = 64, start: Path | None = None) -> None:
        self.steps, self.size, self.start = steps, size, start
        if start:
            self.lr, self.adam_lr = self.lr / 2, self.adam_lr / 2
        self.tokenizer = padded_tokenizer(LENGTH, masked=False)

    def module(self) -> nn.Module:
        network = SiglipNetwork(len(self.tokenizer), self.tokenizer.bos_token_id, self.tokenizer.eos_token_id)
        if self.start:
            network.siglip.load_state_dict(SiglipModel.from_pretrained(self.start).state_dict())
        return network

    def batch(self, step: int) -> dict[str, Any]:
        indices = range(step * self.size, (step + 1) * self.size)
        return captioned_batch(self.name, indices, self.tokenizer, self.mix, side=SIDE, grid=SIDE // PATCH)

    def loss(self, module: Any, batch: dict[str, Any], generator: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        model = module.siglip
        seen = model.vision_model(batch["image"])
        feature = F.normalize(seen.pooler_output.float(), dim=-1)
        texts = F.normalize(model.text_model(**batch["tokens"]).pooler_output.float(), dim=-1)
        logits = texts @ feature.T * model.logit_scale.exp() + model.logit_bias
        fit = fits(batch["truth"], batch["mentioned"], batch["truth"])
        contrastive = sigmoid_loss(logits.float(), fit)
        attributes, figures = module.heads(feature * WIDTH**0.5, seen.last_hidden_state, batch)
        return contrastive + attributes, {"contrastive": contrastive.item(), **figures}

    def save(self, module: nn.Module, folder: Path) -> None:
        assert isinstance(module, SiglipNetwork)
        module.siglip.to(torch.float16).save_pretrained(folder)
        self.tokenizer.save_pretrained(folder)
        SiglipImageProcessor(
            size={"height": SIDE, "width": SIDE}, image_mean=[0.5] * 3, image_std=[0.5] * 3, resample=3
        ).save_pretrained(folder)
