"""Sentences that use given keywords, by a causal language model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from editmill.generators.models.loading import Models
from editmill.generators.models.micro_batches import in_micro_batches
from editmill.generators.models.preprocessing import load_tokenizer
from editmill.manifests.seeds import derive_seed
from editmill.manifests.stages import stage


class _Drawn:
    """Adds Gumbel noise to logits [n, tokens], of each text from its own CPU generator: the largest sum is a draw from
    their softmax (Maddison et al., arXiv 1411.0030), which depends on no text beside it.
    """

    def __init__(self, seeds: Sequence[int]) -> None:
        self.generators = [torch.Generator().manual_seed(seed) for seed in seeds]

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        waits = torch.stack([torch.empty(scores.shape[1]).exponential_(generator=one) for one in self.generators])
        return scores - waits.log().to(scores.device)


class SentenceWriter:
    """The role ``causal_lm``: any causal language model; the pack's prompt takes the keywords.

    A sentence depends on its seed alone, not on sentences before or beside it.
    """

    def __init__(self, models: Models, *, role: str = "causal_lm") -> None:
        self.model: Any = models.get(role)
        self.tokenizer, self.device, self.entry = load_tokenizer(models, role), models.device, models.pack.entry(role)

    def write(
        self,
        keywords: tuple[str, ...],
        *,
        count: int,
        seed: int,
        top_k: int,
        top_p: float,
        temperature: float,
        max_tokens: int,
    ) -> list[str]:
        """Return ``count`` sampled texts after the prompt, each cut after its first full stop.

        The same text may come several times.
        """
        # Load for most of a second, with captions that nobody writes for.
        from transformers import LogitsProcessorList, TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper

        prompt = self.entry.prompt.format(", ".join(keywords))
        warpers = [TemperatureLogitsWarper(temperature), TopKLogitsWarper(top_k), TopPLogitsWarper(top_p)]

        def written(seeds: Sequence[int]) -> list[str]:
            return self._written(prompt, LogitsProcessorList([*warpers, _Drawn(seeds)]), len(seeds), max_tokens)

        seeds = [derive_seed(seed, "", "sentence", number) for number in range(count)]
        return in_micro_batches(seeds, count, written)

    @stage("networks")
    @torch.inference_mode()
    def _written(self, prompt: str, processors: Any, count: int, max_tokens: int) -> list[str]:
        tokens = self.tokenizer([prompt] * count, return_tensors="pt").to(self.device)
        # What samples within generate() draws from generators of the process, for all texts together.
        output = self.model.generate(**tokens, do_sample=False, logits_processor=processors, max_new_tokens=max_tokens)
        texts = self.tokenizer.batch_decode(output[:, tokens.input_ids.shape[1] :], skip_special_tokens=True)
        return [head.strip() + stop for head, stop, _ in (text.partition(".") for text in texts)]
