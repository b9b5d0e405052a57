"""The causal language model: sentences written from keywords of held-out scenes."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from editmill.generators.models.loading import Models
from editmill.generators.models.preprocessing import load_tokenizer
from editmill.packs.tabletop.checks.common import share
from editmill.packs.tabletop.training.causal_lm import CausalLmTask
from editmill.packs.tabletop.training.text_scenes import draw_description, text_scene
from editmill.packs.tabletop.training.tokenizer import grammar_words
from editmill.packs.tabletop.world import Scene
from editmill.packs.tabletop.world.sentences import Description, keywords, sentence_words, sentences

BATCH = 50
SAMPLED: dict[str, Any] = {"do_sample": True, "top_k": 10, "top_p": 0.9, "temperature": 0.8}
WRITERS: dict[str, dict[str, Any]] = {"greedy": {"do_sample": False}, "sampled": SAMPLED}
BOUNDS: dict[str, float] = {
    f"causal_lm_{writer}_{figure}": 0.95 for writer in WRITERS for figure in ("vocabulary", "keywords", "ended", "true")
}
LIMITS: dict[str, float] = {"causal_lm_perplexity": 1.6}


@torch.inference_mode()
def write(models: Models, prompts: list[str], **settings: Any) -> list[tuple[str, bool]]:
    """Return the text that follows each prompt, and whether the model ended it itself; sampling starts from seed 0."""
    model, tokenizer = models.get("causal_lm"), load_tokenizer(models, "causal_lm")
    written = []
    # generate() draws from the global stream, which others go on with.
    with torch.random.fork_rng():
        torch.manual_seed(0)
        for start in range(0, len(prompts), BATCH):
            tokens = tokenizer(prompts[start : start + BATCH], padding=True, return_tensors="pt")
            output = model.generate(**tokens.to(models.device), max_new_tokens=24, **settings)[
                :, tokens.input_ids.shape[1] :
            ]
            texts = tokenizer.batch_decode(output, skip_special_tokens=True)
            written += [
                (text.strip(), tokenizer.eos_token_id in ids) for text, ids in zip(texts, output.tolist(), strict=True)
            ]
    return written


def judge(texts: list[tuple[str, bool]], descriptions: list[Description], writer: str) -> dict[str, float]:
    """Return the figures of ``writer`` from its texts, each with whether it ended by itself, and what they were to
    say.
    """
    known = {*grammar_words(), *sentence_words()}
    words = [text.replace(".", "").split() for text, _ in texts]
    flags = {
        "vocabulary": [bool(said) and known.issuperset(said) for said in words],
        "keywords": [
            # With blanks around: a keyword may be two words, and must not be found within a longer one.
            all(f" {word} " in f" {' '.join(said)} " for word in keywords(description))
            for said, description in zip(words, descriptions, strict=True)
        ],
        "ended": [ended and text.endswith(".") and text.count(".") == 1 for text, ended in texts],
        "true": [text in sentences(description) for (text, _), description in zip(texts, descriptions, strict=True)],
    }
    return {f"causal_lm_{writer}_{name}": share(values) for name, values in flags.items()}


@torch.inference_mode()
def _perplexity(models: Models, examples: list[tuple[str, str]]) -> float:
    """Return the perplexity per token of sentences (with their end) after their prompts."""
    task, model = CausalLmTask(), models.get("causal_lm")
    total, count = 0.0, 0
    for start in range(0, len(examples), BATCH):
        batch = {name: value.to(models.device) for name, value in task.encode(examples[start : start + BATCH]).items()}
        tokens = int((batch["target"][:, 1:] >= 0).sum())
        total += float(task.loss(model, batch, torch.Generator())[0]) * tokens
        count += tokens
    return float(np.exp(total / count))


def measure(models: Models, scenes: list[Scene]) -> dict[str, float]:
    """Return the shares of greedy and sampled texts that use only the grammar's words, hold all keywords, end
    properly, and
    are true sentences of it.
    """
    rng = np.random.default_rng(0)
    descriptions = [draw_description(text_scene(scene.objects, scene.ground), rng) for scene in scenes]
    template = models.pack.entry("causal_lm").prompt
    prompts = [template.format(", ".join(keywords(description))) for description in descriptions]
    figures: dict[str, float] = {}
    for writer, settings in WRITERS.items():
        figures |= judge(write(models, prompts, **settings), descriptions, writer)
    options = [sentences(description) for description in descriptions]
    chosen = [texts[int(rng.integers(len(texts)))] for texts in options]
    return {**figures, "causal_lm_perplexity": _perplexity(models, list(zip(prompts, chosen, strict=True)))}
