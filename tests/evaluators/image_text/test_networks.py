"""Weights that do not fit are refused; long texts are counted.

A hub id is told by its name and by what the cache holds.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import huggingface_hub.constants
import pytest
from safetensors.torch import load_file, save_file

from editmill.evaluators.image_text.models import TextModel, load_text_model
from editmill.evaluators.image_text.networks import digest_of
from editmill.flows.commands.dataset import resolve_pack
from editmill.manifests import ModelError
from editmill.manifests.weights import weights_digest
from tests.evaluators.text.test_classification import write_pair_classifier

ENCODER = Path(resolve_pack("pack:tabletop/evaluation_encoder").removeprefix("transformers:"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(ENCODER, tmp_path / "encoder"))


def without(folder: Path, part: str) -> Path:
    """The folder's weights less all tensors whose name holds ``part``."""
    path = folder / "model.safetensors"
    save_file({name: tensor for name, tensor in load_file(path).items() if part not in name}, path, {"format": "pt"})
    return folder


def test_missing_weights_are_refused(folder: Path) -> None:
    with pytest.raises(ModelError, match=r"lack 1 tensors, first 'text_projection\.weight'") as caught:
        load_text_model(f"transformers:{without(folder, 'text_projection')}", device="cpu")
    assert caught.value.where == str(folder)
    assert caught.value.fix


def test_a_missing_scale_does_not_matter(folder: Path) -> None:
    load_text_model(f"transformers:{without(folder, 'logit_scale')}", device="cpu")


def test_weights_of_a_deeper_network_are_refused(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    config["text_config"]["num_hidden_layers"] = 1
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelError, match=r"have no place in it, first 'text_model\.encoder\.layer\.1"):
        load_text_model(f"transformers:{folder}", device="cpu")


def test_heads_of_other_tasks_do_not_matter(folder: Path) -> None:
    path = folder / "model.safetensors"
    weights = load_file(path)
    save_file({**weights, "decoder.weight": weights["text_projection.weight"].clone()}, path, {"format": "pt"})
    load_text_model(f"transformers:{folder}", device="cpu")


def test_a_pair_classifier_without_its_head_is_refused(tmp_path: Path) -> None:
    folder = without(write_pair_classifier(tmp_path / "vilt", "vilt"), "rank_output")
    with pytest.raises(ModelError, match="rank_output"):
        load_text_model(f"transformers:{folder}", device="cpu")


def test_texts_longer_than_the_model_reads_are_told() -> None:
    model = load_text_model(f"transformers:{ENCODER}", device="cpu")
    assert model.cut(["a red cube", "a cube and " * 20]).tolist() == [False, True]
    assert load_text_model("tests.evaluators.text.test_evaluation:features").cut(["a red cube"]) is None


def test_a_model_named_by_hub_id_has_its_id_and_the_digest_of_the_cache(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    revision = "c" * 40
    repository = tmp_path / "hub" / "models--org--encoder"
    shutil.copytree(folder, repository / "snapshots" / revision)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(revision)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    network = load_network(folder)
    assert digest_of("org/encoder", network) == weights_digest(folder)
    assert digest_of("org/other", network) == ""


def load_network(folder: Path) -> object:
    from editmill.evaluators.image_text.models import DualEncoder

    model: TextModel = load_text_model(f"transformers:{folder}", device="cpu")
    assert isinstance(model, DualEncoder)
    return model.model
