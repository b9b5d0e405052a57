"""A tiny BERT that reads captions, and one that prefers chosen tokens."""

from __future__ import annotations

from pathlib import Path

import torch
from transformers import BertConfig, BertForMaskedLM, BertTokenizer

from editmill.generators.models.masked_lm import MaskedLm
from tests.generators.models.text_models import SHAPE, models_of

WORDS = (
    "a",
    "an",
    "the",
    "The",
    "red",
    "blue",
    "old",
    "two",
    "2",
    "man",
    "dog",
    "ball",
    "asian",
    "teddy",
    "bear",
    "and",
    "on",
    "grass",
    "with",
    "##tic",
    "##s",
    "shirt",
    "t",
    ".",
    ",",
    "-",
    "'",
    "s",
    "…",
    "...",
)
VOCABULARY = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS)
LENGTH = 24


def make_bert(folder: Path, preferred: tuple[str, ...] = ()) -> MaskedLm:
    """A BERT with random weights, its vocabulary in ``VOCABULARY``.

    ``preferred`` tokens win everywhere, the first most.
    """
    torch.manual_seed(0)
    # Loaded models are remembered by the folder of their pack.
    folder = folder / "model"
    tokenizer = BertTokenizer(
        vocab={token: index for index, token in enumerate(VOCABULARY)}, model_max_length=LENGTH, do_lower_case=False
    )
    model = BertForMaskedLM(BertConfig(**{**SHAPE, "type_vocab_size": 2}, vocab_size=len(VOCABULARY)))
    if preferred:
        with torch.no_grad():
            # Words then look alike to the model, and its biases decide.
            model.get_input_embeddings().weight.zero_()
            for rank, token in enumerate(preferred):
                model.cls.predictions.bias[VOCABULARY.index(token)] = float(len(preferred) - rank)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return MaskedLm(models_of("masked_lm", "transformers.BertForMaskedLM", folder))


def probabilities(model: MaskedLm, tokens: list[str], place: int) -> dict[str, float]:
    """The model's own probabilities at one place of a sequence, padded as in a batch."""
    ids = [VOCABULARY.index(token) for token in tokens]
    padded = ids + [0] * (16 - len(ids))
    with torch.inference_mode():
        logits = model.model(
            input_ids=torch.tensor([padded]), attention_mask=torch.tensor([[1] * len(ids) + [0] * (16 - len(ids))])
        ).logits
    return dict(zip(VOCABULARY, logits[0, place].softmax(dim=-1).tolist(), strict=True))
