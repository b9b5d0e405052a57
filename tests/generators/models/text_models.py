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
    PreTrainedTokenizerFast,
    RobertaConfig,
    RobertaForMaskedLM,
)

from editmill.generators.models.loading import Models, Placement
from editmill.generators.models.pack import PackSpec, RoleEntry

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


def roberta_tokenizer() -> PreTrainedTokenizerFast:
    """Byte-level BPE with merges, case kept, no space before the first word: " red" and " cube" are tokens, " ivory" is
    two.
    """
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
    tokens = [*SPECIAL, *sorted(pre_tokenizers.ByteLevel.alphabet()), *("".join(pair) for pair in merges)]
    tokenizer = Tokenizer(models.BPE(vocab={token: index for index, token in enumerate(tokens)}, merges=merges))
    tokenizer.pre_tokenizer, tokenizer.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), add_prefix_space=False)
    mask = AddedToken("<mask>", lstrip=True, normalized=False)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<s>",
        eos_token="</s>",
        cls_token="<s>",
        sep_token="</s>",
        pad_token="<pad>",
        unk_token="<unk>",
        mask_token=mask,
        model_max_length=64,
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
