"""Whether one text entails another, by a sequence classifier."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import torch

from editmill.generators.models.loading import Models
from editmill.generators.models.micro_batches import halving
from editmill.generators.models.preprocessing import load_tokenizer
from editmill.generators.models.token_batches import batches, pad_sequences
from editmill.manifests.arrays import Feature
from editmill.manifests.errors import ModelError
from editmill.manifests.stages import stage

LABELS = ("entailment", "neutral", "contradiction")
LEAST_BATCH = 4


def label_columns(id2label: dict[int, str]) -> list[int]:
    """Return the columns of ``LABELS`` in a model's output.

    Raises:
        ValueError: The model's labels are not these three, in any order and case.
    """
    columns = {str(label).lower(): column for column, label in id2label.items()}
    if set(columns) != set(LABELS):
        raise ValueError(f"the labels are {', '.join(sorted(columns))}, not {', '.join(LABELS)}")
    return [int(columns[label]) for label in LABELS]


class Entailment:
    """The role ``nli``: a RoBERTa or another model for pairs of texts.

    Results of a pair do not depend on the pairs beside it.
    """

    def __init__(self, models: Models, *, role: str = "nli") -> None:
        self.model: Any = models.get(role)
        self.device = models.device
        self.tokenizer = load_tokenizer(models, role)
        try:
            self.columns = label_columns(self.model.config.id2label)
        except ValueError as error:
            fix = "use a checkpoint whose id2label names entailment, neutral and contradiction"
            raise ModelError(
                f"{role!r} is not an entailment model: {error}", where=str(models.folder(role)), fix=fix
            ) from error

    @stage("networks")
    @torch.inference_mode()
    def probabilities(self, pairs: list[tuple[str, str]]) -> Feature:
        """Return probabilities that (premise, hypothesis) is entailment, neutral, contradiction: float32 [pairs, 3].

        Pairs beyond the model's length are cut at the end of their longer text.
        """
        if not pairs:
            return np.zeros((0, len(LABELS)), np.float32)
        premises, hypotheses = (list(texts) for texts in zip(*pairs, strict=True))
        encoded = self.tokenizer(premises, hypotheses, truncation=True)
        result = np.zeros((len(pairs), len(LABELS)), np.float32)
        for length, positions in batches([len(ids) for ids in encoded.input_ids], len(LABELS)):
            run = partial(self._logits, encoded, positions, length)
            logits, _ = halving(run, max(LEAST_BATCH, len(positions)))
            result[positions] = logits.float().softmax(dim=-1)[:, self.columns].cpu().numpy()
        return result

    def _logits(self, encoded: Any, positions: list[int], length: int, size: int) -> torch.Tensor:
        """Return the model's output for pairs, float [positions, 3], ``size`` in a call."""
        found = []
        for start in range(0, len(positions), size):
            part = positions[start : start + size]
            # Batches of a few are summed in another order than longer ones, so a short one is filled up.
            filled = [*part, *[part[-1]] * (min(LEAST_BATCH, size) - len(part))]
            found.append(self.model(**self._inputs(encoded, filled, length)).logits[: len(part)])
        return torch.cat(found)

    def _inputs(self, encoded: Any, positions: list[int], length: int) -> dict[str, torch.Tensor]:
        ids, attention = pad_sequences(
            [encoded.input_ids[position] for position in positions], length, self.tokenizer.pad_token_id
        )
        inputs = {"input_ids": ids, "attention_mask": attention}
        # BERT tells the two texts apart by them; RoBERTa has none.
        if "token_type_ids" in encoded:
            inputs["token_type_ids"], _ = pad_sequences(
                [encoded.token_type_ids[position] for position in positions], length, 0
            )
        return {name: value.to(self.device) for name, value in inputs.items()}
