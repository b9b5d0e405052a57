from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from torchvision.models import squeezenet1_0
from torchvision.transforms import v2

from editmill.evaluators import load_classifier
from editmill.manifests import ModelError
from tests.evaluators.adapters.images import make_images


def make_weights(path: Path, *, classes: int = 5) -> Any:
    torch.manual_seed(0)
    model: Any = squeezenet1_0(weights=None, num_classes=classes)
    # The head's initial weights are so small that one class may win everywhere.
    torch.nn.init.normal_(model.classifier[1].weight)
    weights = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    save_file(weights, path) if path.suffix == ".safetensors" else torch.save(weights, path)
    model.eval()
    return model


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_predictions_equal_those_of_the_model_by_hand(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"weights{suffix}"
    model = make_weights(path)
    images = make_images(6)
    preprocess = v2.Compose(
        [
            v2.Resize(256),
            v2.CenterCrop(224),
            v2.PILToTensor(),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
        ]
    )
    with torch.inference_mode():
        expected = model(torch.stack([preprocess(Image.fromarray(image)) for image in images])).argmax(1).numpy()
    classifier = load_classifier(f"torchvision:squeezenet1_0@{path}", device="cpu")
    found = classifier.predict(images)
    assert found.dtype == np.int64
    assert found.tolist() == expected.tolist()
    assert classifier.name == f"torchvision:squeezenet1_0@weights{suffix}"


def test_crop_and_resize_reach_the_preprocessing(tmp_path: Path) -> None:
    make_weights(tmp_path / "w.safetensors")
    classifier = load_classifier(
        f"torchvision:squeezenet1_0@{tmp_path / 'w.safetensors'}?crop=97&resize=120", device="cpu"
    )
    assert classifier.preprocess(Image.new("RGB", (300, 200))).shape == (3, 97, 97)  # type: ignore[attr-defined]
    assert classifier.name.endswith("w.safetensors?crop=97&resize=120")


def test_a_trainers_checkpoint_is_unpacked(tmp_path: Path) -> None:
    model = make_weights(tmp_path / "plain.pth")
    torch.save({"epoch": 3, "state_dict": model.state_dict()}, tmp_path / "training.pth")
    images = make_images(4)
    plain, training = (
        load_classifier(f"torchvision:squeezenet1_0@{tmp_path / name}.pth", device="cpu")
        for name in ("plain", "training")
    )
    assert plain.predict(images).tolist() == training.predict(images).tolist()


class Payload:
    """Would write a file when unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str, str]]:
        return open, (str(self.path), "w")


def test_a_pickle_with_code_is_refused_and_not_run(tmp_path: Path) -> None:
    torch.save({"state_dict": Payload(tmp_path / "ran")}, tmp_path / "bad.pth")
    with pytest.raises(ModelError, match="cannot read the weights"):
        load_classifier(f"torchvision:squeezenet1_0@{tmp_path / 'bad.pth'}")
    assert not (tmp_path / "ran").exists()


def test_errors_name_what_is_wrong(tmp_path: Path) -> None:
    good, damaged, list_file, other = (
        tmp_path / name for name in ("good.safetensors", "bad.safetensors", "list.pth", "w.bin")
    )
    make_weights(good)
    damaged.write_bytes(b"not safetensors")
    torch.save([1, 2], list_file)
    other.write_bytes(b"")
    cases = {
        "squeezenet1_0": "names no weights",
        f"squeezenet9@{good}": "no classifier 'squeezenet9'",
        f"squeezenet1_0@{tmp_path / 'absent.safetensors'}": "no such weights file",
        f"squeezenet1_0@{damaged}": "cannot read the weights",
        f"squeezenet1_0@{list_file}": "no tensors by name",
        f"squeezenet1_0@{other}": "'.bin' are not read",
        f"squeezenet1_0@{good}?size=3": "bad option size=3",
        f"squeezenet1_0@{good}?crop=0": "bad option crop=0",
        f"squeezenet1_1@{good}": "do not fit squeezenet1_1",
        f"resnet18@{good}": "do not fit resnet18",
    }
    for rest, text in cases.items():
        with pytest.raises(ModelError, match=text):
            load_classifier(f"torchvision:{rest}", device="cpu")


def test_a_close_name_is_offered(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="did you mean squeezenet1_"):
        load_classifier(f"torchvision:squeezenet@{tmp_path / 'w.pth'}")


def test_labels_beyond_the_models_classes_are_refused(tmp_path: Path) -> None:
    make_weights(tmp_path / "w.safetensors")
    spec = f"torchvision:squeezenet1_0@{tmp_path / 'w.safetensors'}"
    load_classifier(spec, class_names={4: "cup"}, device="cpu")
    with pytest.raises(ModelError, match="has 5 classes, the dataset has labels up to 5"):
        load_classifier(spec, class_names={5: "cup"}, device="cpu")


def test_an_unknown_device_is_refused(tmp_path: Path) -> None:
    make_weights(tmp_path / "w.safetensors")
    with pytest.raises(ModelError, match="cannot use the device 'abacus'"):
        load_classifier(f"torchvision:squeezenet1_0@{tmp_path / 'w.safetensors'}", device="abacus")
