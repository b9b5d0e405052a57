from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from PIL import Image
from safetensors.torch import save_file
from timm.data import create_transform, resolve_model_data_config

from editmill.evaluators import load_classifier
from editmill.manifests import ModelError
from tests.evaluators.adapters.images import make_images


def make_weights(path: Path, *, name: str = "test_vit", classes: int = 4) -> Any:
    torch.manual_seed(0)
    model: Any = timm.create_model(name, num_classes=classes)
    torch.nn.init.normal_(model.get_classifier().weight)
    save_file(model.state_dict(), path)
    model.eval()
    return model


@pytest.mark.parametrize("name", ["test_vit", "test_resnet"])
def test_predictions_equal_those_of_the_model_by_hand(tmp_path: Path, name: str) -> None:
    model = make_weights(tmp_path / "w.safetensors", name=name)
    images = make_images(6)
    preprocess = create_transform(**resolve_model_data_config(model), is_training=False)
    with torch.inference_mode():
        expected = model(torch.stack([preprocess(Image.fromarray(image)) for image in images])).argmax(1).tolist()
    classifier = load_classifier(f"timm:{name}@{tmp_path / 'w.safetensors'}", class_names={3: "cup"}, device="cpu")
    assert classifier.predict(images).tolist() == expected
    assert classifier.name == f"timm:{name}@w.safetensors"


def test_errors_name_what_is_wrong(tmp_path: Path) -> None:
    make_weights(tmp_path / "w.safetensors")
    cases = {
        "no_such_model": "cannot load the timm model 'no_such_model'",
        f"no_such_model@{tmp_path / 'w.safetensors'}": "cannot load the timm model 'no_such_model'",
        "test_vit@absent.safetensors": "no such weights file",
        f"test_resnet@{tmp_path / 'w.safetensors'}": "do not fit test_resnet",
    }
    for rest, text in cases.items():
        with pytest.raises(ModelError, match=text):
            load_classifier(f"timm:{rest}", device="cpu")
    with pytest.raises(ModelError, match="has 4 classes"):
        load_classifier(f"timm:test_vit@{tmp_path / 'w.safetensors'}", class_names={7: "cup"}, device="cpu")


def test_a_local_folder_brings_its_weights(tmp_path: Path) -> None:
    model = make_weights(tmp_path / "w.safetensors", classes=4)
    folder = tmp_path / "saved"
    timm.models.save_for_hf(model, str(folder), safe_serialization=True)
    images = make_images(4)
    by_file = load_classifier(f"timm:test_vit@{tmp_path / 'w.safetensors'}", device="cpu")
    by_folder = load_classifier(f"timm:local-dir:{folder}", device="cpu")
    assert by_folder.predict(images).tolist() == by_file.predict(images).tolist()
    assert by_folder.name == "timm:saved"
