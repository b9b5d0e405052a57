"""The masked language model: a small RoBERTa that learns the caption grammar and copies attributes from elsewhere in
the text.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import RobertaConfig, RobertaForMaskedLM

from editmill.packs.tabletop.training.text_scenes import (
    ATTRIBUTE_WORDS,
    TextScene,
    draw_description,
    draw_text_scene,
    draw_wording,
    part_of,
)
from editmill.packs.tabletop.training.text_tokenizer import (
    MAX_LENGTH,
    make_text_tokenizer,
    save_text_tokenizer,
    word_ids,
)
from editmill.packs.tabletop.world.scene import scene_rng
from editmill.packs.tabletop.world.sentences import Description, caption, sentences

WIDTH = 128
IGNORED = -100
TWO_OBJECTS = 0.4


def encoder_shape(vocabulary: int, pad: int, bos: int, eos: int) -> dict[str, Any]:
    """Return the configuration that the pack's RoBERTa models share.

    The usual initial spread of 0.02 suits a width of 768: at 128 attention stays even and the layers silent for
    hundreds of steps.
    """
    return {
        "vocab_size": vocabulary,
        "hidden_size": WIDTH,
        "intermediate_size": 2 * WIDTH,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        # RoBERTa counts positions from the id of its padding plus one.
        "max_position_embeddings": MAX_LENGTH + pad + 1,
        "type_vocab_size": 1,
        "pad_token_id": pad,
        "bos_token_id": bos,
        "eos_token_id": eos,
        "initializer_range": 0.08,
        "hidden_dropout_prob": 0.0,
        "attention_probs_dropout_prob": 0.0,
    }


def draw_text(scene: TextScene, rng: np.random.Generator) -> str:
    """Return a caption; mostly with a paraphrase of it or a sentence about the same scene before or after it."""
    texts = [caption(_caption_content(scene, rng, share=0.7), rng)]
    kind = rng.random()
    if kind < 0.65:
        texts.append(caption(_caption_content(scene, rng, share=0.75), rng))
    elif kind < 0.85:
        options = sentences(draw_description(scene, rng))
        texts.append(options[int(rng.integers(len(options)))].removesuffix("."))
    if rng.random() < 0.5:
        texts.reverse()
    return ". ".join(texts) + ("." if rng.random() < 0.5 else "")


def _caption_content(scene: TextScene, rng: np.random.Generator, *, share: float) -> Description:
    things = scene.things if rng.random() < 0.7 else scene.things[:1]
    return Description(
        tuple(part_of(thing, rng, share=share) for thing in things), draw_wording(scene.ground, rng, share=0.8)
    )


def choose_masked(tokens: Tensor, usable: Tensor, attributes: Tensor, rng: np.random.Generator) -> Tensor:
    """Return which tokens to hide, bool [texts, tokens]: a quarter of the texts lose 15-30 % of their words, half one
    attribute, a quarter one word.

    Attributes that stand in the text twice are preferred, since copying is what takes longest to learn.

    Args:
        tokens: Ids, int64 [texts, tokens].
        usable: Tokens that are not special, bool [texts, tokens].
        attributes: Ids of the attribute words, int64 [words].
        rng: Draws everything.
    """
    count, length = tokens.shape
    noise = torch.from_numpy(rng.random((count, length)))
    rates = torch.from_numpy(rng.uniform(0.15, 0.3, (count, 1)))
    at_attribute = usable & torch.isin(tokens, attributes)
    repeated = (tokens[:, :, None] == tokens[:, None, :]).sum(2) > 1
    candidates = torch.where(at_attribute.any(1, keepdim=True), at_attribute * (0.5 + 0.5 * repeated), usable)
    one_attribute = F.one_hot((noise * candidates).argmax(1), length).bool()
    one_word = F.one_hot((noise * usable).argmax(1), length).bool()
    mode = torch.from_numpy(rng.integers(0, 4, (count, 1)))
    return torch.where(mode == 0, (noise < rates) & usable, torch.where(mode == 1, one_word, one_attribute))


class MaskedLmTask:
    """Cross-entropy at hidden words."""

    name = "masked_lm"
    lr, adam_lr, ema = 5e-3, 3e-3, 0.995

    def __init__(self, *, steps: int = 900, size: int = 256) -> None:
        self.steps, self.size = steps, size
        self.tokenizer = make_text_tokenizer()
        self.attributes = torch.tensor(word_ids(self.tokenizer, ATTRIBUTE_WORDS))

    def module(self) -> nn.Module:
        tokenizer = self.tokenizer
        config = RobertaConfig(
            **encoder_shape(len(tokenizer), tokenizer.pad_token_id, tokenizer.bos_token_id, tokenizer.eos_token_id)
        )
        model = RobertaForMaskedLM(config)
        # On the CPU the fused attention's backward pass is several times slower than the plain one.
        model.set_attn_implementation("eager")
        return model

    def batch(self, step: int) -> dict[str, Tensor]:
        indices = range(step * self.size, (step + 1) * self.size)
        rng = scene_rng("train", step, "masked-lm-words")
        # Scenes of a batch have as many objects, so that their texts are of like length and need little padding.
        objects = 1 + int(rng.random() < TWO_OBJECTS)
        texts = [draw_text(*draw_text_scene("train", index, "masked-lm", objects=objects)) for index in indices]
        tokens = self.tokenizer(texts, padding=True, return_tensors="pt")
        ids, attention = tokens.input_ids, tokens.attention_mask
        usable = ~torch.isin(ids, torch.tensor(self.tokenizer.all_special_ids))
        hidden = choose_masked(ids, usable, self.attributes, rng)
        return {
            "tokens": ids.masked_fill(hidden, self.tokenizer.mask_token_id),
            "attention": attention,
            "target": ids.masked_fill(~hidden, IGNORED),
        }

    def loss(
        self, module: Any, batch: dict[str, Tensor], generator: torch.Generator
    ) -> tuple[Tensor, dict[str, float]]:
        states = module.roberta(input_ids=batch["tokens"], attention_mask=batch["attention"]).last_hidden_state
        hidden = batch["target"] != IGNORED
        logits, target = module.lm_head(states[hidden]).float(), batch["target"][hidden]
        right = logits.argmax(1) == target
        told = (batch["tokens"][:, None, :] == batch["target"][:, :, None]).any(2)[hidden]
        copied = right[told & torch.isin(target, self.attributes.to(target.device))]
        return F.cross_entropy(logits, target), {
            "right": right.float().mean().item(),
            "copied": copied.float().mean().item(),
        }

    def save(self, module: nn.Module, folder: Path) -> None:
        assert isinstance(module, RobertaForMaskedLM)
        module.to(torch.float16).save_pretrained(folder)
        save_text_tokenizer(folder)
