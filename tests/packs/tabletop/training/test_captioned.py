from __future__ import annotations

from pathlib import Path

import pytest
import torch

from editmill.packs.tabletop.training import store
from editmill.packs.tabletop.training.captioned import captioned_batch, padded_tokenizer
from editmill.packs.tabletop.training.recognition import ATTRIBUTES, Mix
from editmill.packs.tabletop.training.store import SceneStore
from editmill.packs.tabletop.training.zero_shot import fits


@pytest.fixture(autouse=True)
def small_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scenes = SceneStore(tmp_path, count=24)
    monkeypatch.setattr(store, "_shared", lambda: scenes)


def test_captions_say_what_the_flags_mention() -> None:
    tokenizer = padded_tokenizer(24, masked=True)
    batch = captioned_batch("test", range(60), tokenizer, Mix(empty=0.3), side=16, grid=2)
    texts = tokenizer.batch_decode(batch["tokens"]["input_ids"], skip_special_tokens=True)
    for text, truth, mentioned in zip(texts, batch["truth"].tolist(), batch["mentioned"].tolist(), strict=True):
        named = [word for word in ATTRIBUTES["name"] if word in text.split()]
        if truth[0] < 0:
            assert (text == "no object") == mentioned[0]
            assert not named
        else:
            assert named == ([ATTRIBUTES["name"][truth[0]]] if mentioned[0] else [])
            assert (ATTRIBUTES["colour"][truth[1]] in text.split()) >= mentioned[1]
        assert mentioned[3] == (" on " in text or not named) or text == "no object"
    assert "no object" in texts
    assert len(set(texts)) > 30


def test_no_object_fits_empty_views_alone() -> None:
    batch = captioned_batch("test", range(60), padded_tokenizer(24, masked=False), Mix(empty=0.3), side=16, grid=2)
    fit = fits(batch["truth"], batch["mentioned"], batch["truth"])
    empty = batch["truth"][:, 0] < 0
    none = batch["mentioned"][:, 0] & empty
    assert none.any()
    assert torch.equal(fit[none], empty.expand(int(none.sum()), -1))
    assert bool(fit.diagonal().all())


@pytest.mark.parametrize("masked", [True, False])
def test_tokenizers_keep_length_and_mask_when_saved(masked: bool, tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    made = padded_tokenizer(20, masked=masked)
    made.save_pretrained(tmp_path)
    stored = AutoTokenizer.from_pretrained(tmp_path)
    texts = ["an azure cone on a striped cloth", "no object"]
    for tokenizer in (made, stored):
        tokens = tokenizer(texts, padding="max_length", truncation=True, return_tensors="pt")
        assert tokens.input_ids.shape == (2, 20)
        assert set(tokens) == {"input_ids", *(["attention_mask"] if masked else [])}
