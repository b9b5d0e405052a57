"""Sentences of the embedded causal language model."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
import torch

from editmill.generators.models.loading import Models
from editmill.generators.models.placement import Placement
from editmill.generators.models.sentence_writer import SentenceWriter
from editmill.pipelines.packs import find_pack

HOW: dict[str, Any] = {"top_k": 10, "top_p": 0.9, "temperature": 0.8, "max_tokens": 20}


@pytest.fixture(scope="module")
def writer() -> SentenceWriter:
    return SentenceWriter(Models(find_pack("tabletop"), Placement(device="cpu")))


def test_a_sentence_depends_on_no_sentence_beside_it(writer: SentenceWriter, monkeypatch: pytest.MonkeyPatch) -> None:
    written = writer.write(("red", "ball"), count=8, seed=3, **HOW)
    assert len(set(written)) > 2
    assert written[:3] == writer.write(("red", "ball"), count=3, seed=3, **HOW)
    assert written != writer.write(("red", "ball"), count=8, seed=4, **HOW)
    generate, called = writer.model.generate, list[int]()

    def narrow(**given: Any) -> Any:
        called.append(len(given["input_ids"]))
        if called[-1] > 3:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")
        return generate(**given)

    monkeypatch.setattr(writer.model, "generate", narrow)
    assert writer.write(("red", "ball"), count=8, seed=3, **HOW) == written
    assert called == [8, 4, 2, 2, 2, 2]


def test_sentences_are_as_frequent_as_those_that_the_library_samples(writer: SentenceWriter) -> None:
    ours = Counter(writer.write(("red", "ball"), count=600, seed=0, **HOW))
    tokens = writer.tokenizer([writer.entry.prompt.format("red, ball")], return_tensors="pt")
    sampling = {name: value for name, value in HOW.items() if name != "max_tokens"}
    with torch.random.fork_rng(), torch.inference_mode():
        torch.manual_seed(0)
        output = writer.model.generate(
            **tokens, do_sample=True, max_new_tokens=HOW["max_tokens"], num_return_sequences=600, **sampling
        )
    texts = writer.tokenizer.batch_decode(output[:, tokens.input_ids.shape[1] :], skip_special_tokens=True)
    theirs = Counter(text.partition(".")[0].strip() + "." for text in texts)
    assert ours.keys() == theirs.keys()
    # The difference of two shares of 600 has a standard deviation of 0.03 at the most.
    assert all(abs(ours[text] - theirs[text]) < 0.12 * 600 for text in theirs)
