"""Tiny text models with random weights, in the layouts of published checkpoints."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import (
    BertConfig,
    BertForMaskedLM,
    BertTokenizer,
    ModernBertConfig,
    ModernBertForMaskedLM,
    PreTrainedTokenizerFast,
    RobertaConfig,
    RobertaForMaskedLM,
)

from editmill.generators.models.loading import Models
from editmill.generators.models.pack import PackSpec, RoleEntry
from editmill.generators.models.placement import Placement

SHAPE: dict[str, Any] = {
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "max_position_embeddings": 70,
    "type_vocab_size": 1,
    "initializer_range": 0.5,
}
SPECIAL = ("<s>", "<pad>", "</s>", "<unk>", "<mask>")
MODERN = ("[CLS]", "[PAD]", "[SEP]", "[UNK]", "[MASK]")


def roberta_tokenizer(special: tuple[str, ...] = SPECIAL) -> PreTrainedTokenizerFast:
    """Byte-level BPE with merges, case kept, no space before the first word: " red" and " cube" are tokens, " ivory" is
    two.

    Args:
        special: Start, padding, end, unknown word and mask; RoBERTa's or ModernBERT's.
    """
    start, pad, end, unknown, mask = special
    merges = [
        ("Ġ", "a"),
        ("Ġ", "r"),
        ("Ġr", "e"),
        ("Ġre", "d"),
        ("Ġ", "c"),
        ("u", "b"),
        ("ub", "e"),
        ("Ġc", "ube"),
        ("Ġ", "i"),
        ("Ġi", "v"),
        ("o", "r"),
        ("or", "y"),
    ]
    tokens = [*special, *sorted(pre_tokenizers.ByteLevel.alphabet()), *("".join(pair) for pair in merges)]
    tokenizer = Tokenizer(models.BPE(vocab={token: index for index, token in enumerate(tokens)}, merges=merges))
    tokenizer.pre_tokenizer, tokenizer.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    tokenizer.post_processor = processors.RobertaProcessing((end, 2), (start, 0), add_prefix_space=False)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=start,
        eos_token=end,
        cls_token=start,
        sep_token=end,
        pad_token=pad,
        unk_token=unknown,
        mask_token=AddedToken(mask, lstrip=True, normalized=False),
        model_max_length=64,
        model_input_names=["input_ids", "attention_mask"],
    )


def roberta_shape(tokenizer: Any) -> dict[str, Any]:
    """Settings of a tiny RoBERTa for ``tokenizer``."""
    return {**SHAPE, "vocab_size": len(tokenizer), "pad_token_id": tokenizer.pad_token_id, "hidden_dropout_prob": 0.0}


def write_roberta(folder: Path) -> Path:
    """A RobertaForMaskedLM."""
    torch.manual_seed(0)
    tokenizer = roberta_tokenizer()
    RobertaForMaskedLM(RobertaConfig(**roberta_shape(tokenizer))).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def modernbert_config(tokenizer: PreTrainedTokenizerFast, **settings: Any) -> ModernBertConfig:
    """A tiny ModernBERT, whose second layer looks at its neighbourhood only."""
    shape = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    return ModernBertConfig(
        **shape,
        vocab_size=len(tokenizer),
        initializer_range=0.5,
        local_attention=8,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        cls_token_id=tokenizer.cls_token_id,
        sep_token_id=tokenizer.sep_token_id,
        **settings,
    )


def write_modernbert(folder: Path) -> Path:
    """A ModernBertForMaskedLM."""
    torch.manual_seed(0)
    tokenizer = roberta_tokenizer(MODERN)
    ModernBertForMaskedLM(modernbert_config(tokenizer)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def write_bert(folder: Path) -> Path:
    """A BertForMaskedLM with word pieces."""
    torch.manual_seed(0)
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "red", "iv", "##ory", "cube", ".", "7"]
    tokenizer = BertTokenizer(vocab={token: index for index, token in enumerate(tokens)}, model_max_length=64)
    BertForMaskedLM(BertConfig(**{**SHAPE, "type_vocab_size": 2}, vocab_size=len(tokens))).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def models_of(role: str, cls: str, folder: Path) -> Models:
    """A pack with one role."""
    entry = RoleEntry(cls=cls, path=str(folder), licence="none")
    return Models(
        PackSpec(name="tiny", description="", roles={role: entry}, backgrounds=(), folder=folder.parent),
        Placement(device="cpu"),
    )
