"""The masked, causal and entailment models: data, one training step, and what the saved folder holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import AutoTokenizer, LlamaForCausalLM, RobertaForMaskedLM, RobertaForSequenceClassification

from editmill.packs.tabletop.training.causal_lm import CausalLmTask, draw_example, prompt
from editmill.packs.tabletop.training.masked_lm import IGNORED, MaskedLmTask, choose_masked
from editmill.packs.tabletop.training.nli import NliTask
from editmill.packs.tabletop.training.optim import make_optimisers
from editmill.packs.tabletop.world.scene import scene_rng

TASKS: dict[str, tuple[Any, Any]] = {
    "masked_lm": (lambda: MaskedLmTask(size=16), RobertaForMaskedLM),
    "causal_lm": (lambda: CausalLmTask(size=16), LlamaForCausalLM),
    "nli": (lambda: NliTask(size=16), RobertaForSequenceClassification),
}


def outputs(module: Any, batch: dict[str, Tensor]) -> Tensor:
    with torch.inference_mode():
        types = {"token_type_ids": batch["types"]} if "types" in batch else {}
        logits = module.eval()(input_ids=batch["tokens"], attention_mask=batch["attention"], **types).logits
    # What stands at padding is undefined; the entailment model has one output per text.
    return logits[batch["attention"].bool()] if logits.ndim == 3 else logits


@pytest.mark.parametrize("role", TASKS)
def test_a_batch_is_a_pure_function_of_the_step(role: str) -> None:
    first, again = TASKS[role][0]().batch(3), TASKS[role][0]().batch(3)
    other = TASKS[role][0]().batch(4)
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert first["tokens"].shape != other["tokens"].shape or not torch.equal(first["tokens"], other["tokens"])


@pytest.mark.parametrize("role", TASKS)
def test_steps_lower_the_loss_and_the_saved_folder_holds_the_model(role: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    make, cls = TASKS[role]
    task = make()
    module, batch = task.module(), task.batch(0)
    losses = []
    optimisers = make_optimisers(module, lr=1e-3, adam_lr=1e-3)
    for _ in range(4):
        loss, figures = task.loss(module, batch, torch.Generator())
        torch.autograd.backward(loss)
        for optimiser in optimisers:
            optimiser.step()
        module.zero_grad()
        losses.append(loss.item())
    assert losses[-1] < losses[0]
    assert all(0 <= value <= 1 for value in figures.values())
    task.save(module, tmp_path)
    loaded = cls.from_pretrained(tmp_path, dtype=torch.float32)
    # The loaded model has the fused attention, and the rotary frequencies of the saved one were rounded.
    assert (outputs(loaded, batch) - outputs(module.float(), batch)).abs().max() < 1e-3
    assert len(AutoTokenizer.from_pretrained(tmp_path)) == loaded.config.vocab_size
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) < 1_000_000


def test_masked_words_are_whole_words_and_often_attributes() -> None:
    task = MaskedLmTask(size=96)
    batch = task.batch(0)
    hidden = batch["target"] != IGNORED
    assert torch.equal(hidden, batch["tokens"] == task.tokenizer.mask_token_id)
    assert (hidden & (batch["attention"] == 0)).sum() == 0
    assert 0.05 < hidden.sum() / batch["attention"].sum() < 0.25
    assert torch.isin(batch["target"][hidden], task.attributes).float().mean() > 0.3


def test_modes_of_masking() -> None:
    tokens = torch.arange(20).repeat(3000, 1)
    usable = torch.ones_like(tokens, dtype=torch.bool)
    usable[:, :2] = False
    hidden = choose_masked(tokens, usable, torch.tensor([5, 6]), scene_rng("train", 0, "test"))
    counts = hidden.sum(1)
    assert not hidden[:, :2].any()
    assert 0.65 < (counts == 1).float().mean() < 0.9
    single = hidden[counts == 1].float().mean(0)
    assert single[5] > 0.2
    assert single[6] > 0.2
    assert single[10] > 0.01


def test_only_the_sentence_and_its_end_are_targets() -> None:
    task = CausalLmTask(size=8)
    asked, sentence = draw_example("train", 5)
    batch = task.encode([(asked, sentence), (prompt(("red", "cube")), "the cube is red.")])
    for row, text in enumerate((sentence, "the cube is red.")):
        target = batch["target"][row]
        assert task.tokenizer.decode(target[target != IGNORED]) == f" {text}</s>"
    assert (batch["target"][batch["attention"] == 0] == IGNORED).all()


def test_nli_goes_on_from_an_earlier_result(tmp_path: Path) -> None:
    torch.manual_seed(0)
    earlier = NliTask(size=4)
    earlier.save(earlier.module(), tmp_path)
    torch.manual_seed(1)
    found, expected = (
        NliTask(size=4, start=tmp_path).module().state_dict(),
        RobertaForSequenceClassification.from_pretrained(tmp_path).state_dict(),
    )
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], expected[name].float()) for name in expected)


def test_nli_texts_have_token_types() -> None:
    batch = NliTask(size=8).batch(0)
    assert batch["types"].shape == batch["tokens"].shape
    assert set(batch["types"].unique().tolist()) == {0, 1}
    assert (batch["types"].diff(dim=1)[batch["attention"][:, 1:].bool()] >= 0).all()
