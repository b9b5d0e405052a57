"""Sentences that use given keywords, by a causal language model."""

from __future__ import annotations

from typing import Any

import torch

from editmill.generators.models.loading import Models
from editmill.generators.models.preprocessing import load_tokenizer
from editmill.manifests.stages import stage


class SentenceWriter:
    """The role ``causal_lm``: any causal language model; the pack's prompt takes the keywords.

    What is written for one call depends on its seed alone, not on calls before or after it.
    """

    def __init__(self, models: Models, *, role: str = "causal_lm") -> None:
        self.model: Any = models.get(role)
        self.tokenizer, self.device, self.entry = load_tokenizer(models, role), models.device, models.pack.entry(role)

    @stage("networks")
    @torch.inference_mode()
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
        tokens = self.tokenizer([self.entry.prompt.format(", ".join(keywords))], return_tensors="pt").to(self.device)
        devices = [self.device] if self.device.type == "cuda" else []
        # generate() draws from global generators, whose state is put back afterwards.
        with torch.random.fork_rng(devices=devices):
            torch.manual_seed(seed)
            output = self.model.generate(
                **tokens,
                do_sample=True,
                top_k=top_k,
                top_p=top_p,
                temperature=temperature,
                max_new_tokens=max_tokens,
                num_return_sequences=count,
            )
        texts = self.tokenizer.batch_decode(output[:, tokens.input_ids.shape[1] :], skip_special_tokens=True)
        return [head.strip() + stop for head, stop, _ in (text.partition(".") for text in texts)]
