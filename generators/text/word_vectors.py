"""Similarity of words by the input embeddings of a masked language model."""

from __future__ import annotations

import torch

from editmill.generators.models.masked_lm import MaskedLm


class WordVectors:
    """Cosines of words: 1 for a word and itself. Words of several tokens are the mean of theirs."""

    def __init__(self, model: MaskedLm) -> None:
        self.model = model
        self.table = model.model.get_input_embeddings().weight.detach().float()
        self._vectors: dict[str, torch.Tensor] = {}

    def similarity(self, first: str, second: str) -> float:
        """Return the cosine of two words, in [-1, 1]."""
        return 1.0 if first == second else float(self._vector(first) @ self._vector(second))

    def _vector(self, word: str) -> torch.Tensor:
        if word not in self._vectors:
            # After a blank, as within a text (see MaskedLm).
            ids = self.model.tokenizer(f" {word}", add_special_tokens=False).input_ids
            mean = self.table[ids].mean(dim=0) if ids else torch.zeros(self.table.shape[1])
            self._vectors[word] = mean / mean.norm().clamp(min=1e-12)
        return self._vectors[word]
