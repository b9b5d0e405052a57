from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from PIL import Image
from transformers import ConvNextImageProcessor, ResNetConfig, ResNetForImageClassification

from editmill.evaluators import load_classifier
from editmill.evaluators.adapters.torch_support import TensorClassifier
from editmill.evaluators.adapters.transformers_models import map_labels
from editmill.manifests import ModelError
from tests.evaluators.adapters.images import make_images

NAMES = {0: "cup", 1: "Dog", 2: "golden_retriever", 3: "cat"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny ResNet in float16 with its processor."""
    torch.manual_seed(0)
    config = ResNetConfig(embedding_size=8, hidden_sizes=[8, 8], depths=[1, 1], layer_type="basic", id2label=NAMES)
    model = ResNetForImageClassification(config)
    torch.nn.init.normal_(model.classifier[1].weight)
    path = tmp_path_factory.mktemp("models") / "tiny-resnet"
    model.half().save_pretrained(path)
    ConvNextImageProcessor(size={"shortest_edge": 32}, crop_pct=1.0).save_pretrained(path)
    return path


def class_indices(folder: Path, images: list[object]) -> list[int]:
    processor = ConvNextImageProcessor.from_pretrained(folder)
    model = ResNetForImageClassification.from_pretrained(folder, dtype=torch.float32).eval()
    inputs = processor(images=[Image.fromarray(image) for image in images], return_tensors="pt")  # type: ignore[arg-type]
    with torch.inference_mode():
        return list(model(**inputs).logits.argmax(1).tolist())


def test_labels_go_by_name_where_all_names_are_known(folder: Path) -> None:
    images = make_images(8)
    expected = [{0: 7, 1: 5, 2: 9, 3: -1}[index] for index in class_indices(folder, list(images))]
    names = {5: "dog", 7: "cup", 9: "Golden retriever"}
    classifier = load_classifier(f"transformers:{folder}", class_names=names, device="cpu")
    assert classifier.predict(images).tolist() == expected
    assert classifier.name == "transformers:tiny-resnet"
    assert isinstance(classifier, TensorClassifier)
    assert classifier.model(torch.zeros(1, 3, 32, 32)).dtype == torch.float32


def test_labels_go_by_index_otherwise(folder: Path) -> None:
    images = make_images(8)
    for names in (None, {0: "cup", 1: "aeroplane"}):
        classifier = load_classifier(f"transformers:{folder}", class_names=names, device="cpu")
        assert classifier.predict(images).tolist() == class_indices(folder, list(images))


@pytest.mark.parametrize(
    ("model_names", "class_names", "labels"),
    [
        (["a", "b"], {0: "b", 1: "a"}, [1, 0]),
        (["a", "b", "c"], {4: "c"}, [-1, -1, 4]),
        # ImageNet has "crane" twice, the bird and the machine: names cannot tell them apart.
        (["crane", "owl", "crane"], {0: "crane", 1: "owl"}, [0, 1, 2]),
        (["crane", "owl", "lift"], {0: "crane", 2: "crane"}, [0, 1, 2]),
        (["LABEL_0", "LABEL_1"], {0: "b", 1: "a"}, [0, 1]),
        (["a"], {}, [0]),
    ],
)
def test_the_mapping_of_labels(model_names: list[str], class_names: dict[int, str], labels: list[int]) -> None:
    assert map_labels(dict(enumerate(model_names)), class_names, model="m").tolist() == labels


def test_labels_beyond_the_models_classes_are_refused(folder: Path) -> None:
    with pytest.raises(ModelError, match="has 4 classes, the dataset has labels up to 900"):
        load_classifier(f"transformers:{folder}", class_names={900: "aeroplane"}, device="cpu")


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot load an image classifier"):
        load_classifier(f"transformers:{tmp_path / 'absent'}")


def test_a_backbone_without_its_head_is_refused(folder: Path, tmp_path: Path) -> None:
    model = ResNetForImageClassification.from_pretrained(folder)
    model.resnet.save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | {"architectures": ["ResNetForImageClassification"]}))
    ConvNextImageProcessor.from_pretrained(folder).save_pretrained(tmp_path)
    with pytest.raises(ModelError, match="lack 2 tensors, first 'classifier"):
        load_classifier(f"transformers:{tmp_path}")
