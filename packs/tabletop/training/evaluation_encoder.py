"""The image-text model that only evaluators use: ConvNeXt and BERT in a VisionTextDualEncoderModel, another family than
both judges.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import (
    BertConfig,
    ConvNextConfig,
    ConvNextImageProcessor,
    VisionTextDualEncoderConfig,
    VisionTextDualEncoderModel,
)

from editmill.packs.tabletop.training.captioned import captioned_batch, padded_tokenizer
from editmill.packs.tabletop.training.recognition import AttributeHeads, Mix
from editmill.packs.tabletop.training.zero_shot import fits, multi_positive_loss

SIDE, STRIDE, WIDTH, TEXT_WIDTH, LENGTH = 96, 16, 128, 96, 24
WIDTHS = (32, 64, 112, 160)


def dual_encoder_config(vocabulary: int, pad: int) -> VisionTextDualEncoderConfig:
    """Return the configuration; ``hidden_size`` tells the dual encoder the width that ConvNeXt pools to."""
    vision = ConvNextConfig(
        hidden_sizes=list(WIDTHS),
        depths=[1, 1, 3, 1],
        patch_size=4,
        image_size=SIDE,
        hidden_size=WIDTHS[-1],
        layer_scale_init_value=0.5,
    )
    text = BertConfig(
        vocab_size=vocabulary,
        hidden_size=TEXT_WIDTH,
        num_hidden_layers=2,
        num_attention_heads=3,
        intermediate_size=2 * TEXT_WIDTH,
        max_position_embeddings=LENGTH,
        type_vocab_size=1,
        pad_token_id=pad,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    return VisionTextDualEncoderConfig.from_vision_text_configs(vision, text, projection_dim=WIDTH)


class DualNetwork(nn.Module):
    """The dual encoder with linear heads that only training uses; patches are read from the third stage."""

    def __init__(self, vocabulary: int, pad: int) -> None:
        super().__init__()
        self.dual = VisionTextDualEncoderModel(dual_encoder_config(vocabulary, pad))
        self.heads = AttributeHeads(WIDTH, WIDTHS[-2])


class EvaluationEncoderTask:
    """Multi-positive contrastive loss between views and captions plus cross-entropy of each attribute.

    Args:
        steps: Training steps.
        size: Views per step.
        start: Weights folder to go on from.
    """

    name = "evaluation_encoder"
    lr, adam_lr, ema = 2e-3, 1e-3, 0.998
    mix = Mix(whole=0.35)

    def __init__(self, *, steps: int = 3000, size: int = 64, start: Path | None = None) -> None:
        self.steps, self.size, self.start = steps, size, start
        self.tokenizer = padded_tokenizer(LENGTH, masked=True)

    def module(self) -> nn.Module:
        network = DualNetwork(len(self.tokenizer), self.tokenizer.pad_token_id)
        if self.start:
            network.dual.load_state_dict(VisionTextDualEncoderModel.from_pretrained(self.start).state_dict())
        return network

    def batch(self, step: int) -> dict[str, Any]:
        indices = range(step * self.size, (step + 1) * self.size)
        return captioned_batch(self.name, indices, self.tokenizer, self.mix, side=SIDE, grid=SIDE // STRIDE)

    def loss(self, module: Any, batch: dict[str, Any], generator: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        model = module.dual
        seen = model.vision_model(batch["image"], output_hidden_states=True)
        feature = F.normalize(model.visual_projection(seen.pooler_output).float(), dim=-1)
        texts = F.normalize(model.text_projection(model.text_model(**batch["tokens"]).pooler_output).float(), dim=-1)
        logits = (texts @ feature.T * model.logit_scale.exp()).float()
        contrastive = multi_positive_loss(logits, fits(batch["truth"], batch["mentioned"], batch["truth"]))
        patches = seen.hidden_states[3].flatten(2).transpose(1, 2)
        attributes, figures = module.heads(feature * WIDTH**0.5, patches, batch)
        return contrastive * 0.5 + attributes, {"contrastive": contrastive.item(), **figures}

    def save(self, module: nn.Module, folder: Path) -> None:
        assert isinstance(module, DualNetwork)
        module.dual.to(torch.float16).save_pretrained(folder)
        self.tokenizer.save_pretrained(folder)
        ConvNextImageProcessor(
            size={"shortest_edge": SIDE}, crop_pct=1.0, image_mean=[0.5] * 3, image_std=[0.5] * 3, resample=3
        ).save_pretrained(folder)
