"""The causal language model: a small Llama that writes one sentence of the grammar from keywords.

A text reads ``keywords: red, cube, wooden table. sentence: the red cube stands on the wooden table.`` and then ends.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM

from editmill.packs.tabletop.training.text_scenes import draw_description, draw_text_scene
from editmill.packs.tabletop.training.text_tokenizer import MAX_LENGTH, make_text_tokenizer, save_text_tokenizer
from editmill.packs.tabletop.world.sentences import keywords, sentences

WIDTH = 128
IGNORED = -100
PROMPT = "keywords: {}. sentence:"


def prompt(words: tuple[str, ...]) -> str:
    """Return the prompt that asks for a sentence with ``words``."""
    return PROMPT.format(", ".join(words))


def draw_example(split: str, index: int) -> tuple[str, str]:
    """Return prompt and sentence, both from scene ``index`` of ``split``."""
    scene, rng = draw_text_scene(split, index, "causal-lm")
    description = draw_description(scene, rng)
    options = sentences(description)
    return prompt(keywords(description)), options[int(rng.integers(len(options)))]


class CausalLmTask:
    """Cross-entropy of the sentence and its end; the prompt is given."""

    name = "causal_lm"
    lr, adam_lr, ema = 3e-3, 2e-3, 0.995

    def __init__(self, *, steps: int = 400, size: int = 256) -> None:
        self.steps, self.size = steps, size
        self.tokenizer = make_text_tokenizer(pairs=False)

    def module(self) -> nn.Module:
        tokenizer = self.tokenizer
        model = LlamaForCausalLM(
            LlamaConfig(
                vocab_size=len(tokenizer),
                hidden_size=WIDTH,
                intermediate_size=192,
                num_hidden_layers=3,
                num_attention_heads=4,
                num_key_value_heads=4,
                max_position_embeddings=MAX_LENGTH,
                tie_word_embeddings=True,
                bos_token_id=tokenizer.bos_token_id,
                eos_token_id=tokenizer.eos_token_id,
                pad_token_id=tokenizer.pad_token_id,
            )
        )
        # On the CPU the fused attention's backward pass is several times slower than the plain one.
        model.set_attn_implementation("eager")
        return model

    def encode(self, examples: list[tuple[str, str]]) -> dict[str, Tensor]:
        """Return token ids, attention and targets, all int64 [examples, tokens].

        Targets of prompt and padding are -100.
        """
        end = self.tokenizer.eos_token
        tokens = self.tokenizer(
            [f"{asked} {sentence}{end}" for asked, sentence in examples], padding=True, return_tensors="pt"
        )
        ids, attention = tokens.input_ids, tokens.attention_mask
        lengths = torch.tensor([len(ids) for ids in self.tokenizer([asked for asked, _ in examples]).input_ids])
        # Padding stands on the left, before the prompt.
        first = ids.shape[1] - attention.sum(1) + lengths
        return {
            "tokens": ids,
            "attention": attention,
            "target": ids.masked_fill(torch.arange(ids.shape[1]) < first[:, None], IGNORED),
        }

    def batch(self, step: int) -> dict[str, Tensor]:
        return self.encode([draw_example("train", index) for index in range(step * self.size, (step + 1) * self.size)])

    def loss(
        self, module: Any, batch: dict[str, Tensor], generator: torch.Generator
    ) -> tuple[Tensor, dict[str, float]]:
        states = module.model(input_ids=batch["tokens"], attention_mask=batch["attention"]).last_hidden_state
        # Each token is predicted by the one before it.
        target = batch["target"][:, 1:]
        asked = target != IGNORED
        logits, target = module.lm_head(states[:, :-1][asked]).float(), target[asked]
        return F.cross_entropy(logits, target), {"right": (logits.argmax(1) == target).float().mean().item()}

    def save(self, module: nn.Module, folder: Path) -> None:
        assert isinstance(module, LlamaForCausalLM)
        tokenizer = self.tokenizer
        module.generation_config = GenerationConfig(
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
            max_new_tokens=24,
        )
        module.to(torch.float16).save_pretrained(folder)
        save_text_tokenizer(folder, pairs=False)
