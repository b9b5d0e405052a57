"""The entailment model: a small RoBERTa, with token types, that reads two texts of the grammar.

Give ``start`` (an earlier result) to go on with a fresh learning-rate schedule."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import RobertaConfig, RobertaForSequenceClassification

from editmill.packs.tabletop.training.masked_lm import encoder_shape
from editmill.packs.tabletop.training.nli_pairs import draw_pair
from editmill.packs.tabletop.training.text_tokenizer import MAX_LENGTH, make_text_tokenizer, save_text_tokenizer
from editmill.packs.tabletop.world.inference import LABELS
from editmill.packs.tabletop.world.scene import scene_rng

# How many sentences follow the premise's caption, and how many objects its scene has: one draw per batch, since texts
# of like length need little padding. Which attribute is which object's is the hard part, hence the many scenes with
# two.
COUNTS = (0, 1, 2, 3)
SHARES = (0.5, 0.3, 0.12, 0.08)
TWO_OBJECTS = 0.65


class NliTask:
    """Cross-entropy of the label."""

    name = "nli"
    lr, adam_lr, ema = 4e-3, 2e-3, 0.995

    def __init__(self, *, steps: int = 4500, size: int = 256, start: Path | None = None) -> None:
        self.steps, self.size, self.start = steps, size, start
        self.tokenizer = make_text_tokenizer(segments=True)

    def module(self) -> nn.Module:
        tokenizer = self.tokenizer
        model = RobertaForSequenceClassification(
            RobertaConfig(
                **{
                    **encoder_shape(
                        len(tokenizer), tokenizer.pad_token_id, tokenizer.bos_token_id, tokenizer.eos_token_id
                    ),
                    "type_vocab_size": 2,
                },
                id2label=dict(enumerate(LABELS)),
                label2id={label: index for index, label in enumerate(LABELS)},
            )
        )
        if self.start:
            earlier = RobertaForSequenceClassification.from_pretrained(
                self.start, local_files_only=True, dtype=torch.float32
            )
            model.load_state_dict(earlier.state_dict())
        # On the CPU the fused attention's backward pass is several times slower than the plain one.
        model.set_attn_implementation("eager")
        return model

    def batch(self, step: int) -> dict[str, Tensor]:
        rng = scene_rng("train", step, "nli-count")
        count, objects = int(rng.choice(COUNTS, p=SHARES)), 1 + int(rng.random() < TWO_OBJECTS)
        pairs = [
            draw_pair("train", index, count=count, objects=objects)
            for index in range(step * self.size, (step + 1) * self.size)
        ]
        # A cut text could have another label, so the rare pairs that are too long for the model are left out.
        lengths = map(
            len, self.tokenizer([pair.premise for pair in pairs], [pair.hypothesis for pair in pairs]).input_ids
        )
        pairs = [pair for pair, length in zip(pairs, lengths, strict=True) if length <= MAX_LENGTH]
        tokens = self.tokenizer(
            [pair.premise for pair in pairs], [pair.hypothesis for pair in pairs], padding=True, return_tensors="pt"
        )
        labels = torch.tensor([LABELS.index(pair.label) for pair in pairs])
        return {
            "tokens": tokens.input_ids,
            "types": tokens.token_type_ids,
            "attention": tokens.attention_mask,
            "label": labels,
        }

    def loss(
        self, module: Any, batch: dict[str, Tensor], generator: torch.Generator
    ) -> tuple[Tensor, dict[str, float]]:
        logits = module(
            input_ids=batch["tokens"], token_type_ids=batch["types"], attention_mask=batch["attention"]
        ).logits.float()
        return F.cross_entropy(logits, batch["label"]), {
            "accuracy": (logits.argmax(1) == batch["label"]).float().mean().item()
        }

    def save(self, module: nn.Module, folder: Path) -> None:
        assert isinstance(module, RobertaForSequenceClassification)
        module.to(torch.float16).save_pretrained(folder)
        save_text_tokenizer(folder, segments=True)
