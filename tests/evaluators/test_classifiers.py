from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from editmill import evaluators
from editmill.evaluators import Classifier, load_classifier
from editmill.evaluators.registry import EVALUATORS
from editmill.manifests import ModelError
from tests.evaluators.builder import PixelClassifier

ROOT = Path(__file__).parents[2]
REAL = ROOT.parent / "shared" / "real"


def test_exported_names_are_sorted_and_exist() -> None:
    assert evaluators.__all__ == sorted(evaluators.__all__)
    assert all(hasattr(evaluators, name) for name in evaluators.__all__)


def test_importing_evaluators_loads_no_framework() -> None:
    parts = ("attribute.export", *(f"{family}.evaluator" for family in EVALUATORS.own))
    modules = ", ".join(f"editmill.evaluators.{part}" for part in parts)
    heavy = {"torch", "torchvision", "timm", "transformers", "safetensors", "cv2", "diffusers", "prefect"}
    code = f"import sys, {modules}; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_missing_framework_names_the_install_command(tmp_path: Path) -> None:
    for name in ("torch", "torchvision", "timm", "transformers"):
        (tmp_path / f"{name}.py").write_text(f"raise ModuleNotFoundError('gone', name={name!r})\n")
    code = (
        "from editmill.evaluators import load_classifier\n"
        "from editmill.manifests import ModelError\n"
        "for spec in ('torchvision:resnet18@w.safetensors', 'timm:test_vit', 'transformers:folder'):\n"
        "    try:\n"
        "        load_classifier(spec)\n"
        "    except ModelError as error:\n"
        "        print(error.what, '|', error.fix)\n"
    )
    environment = {"PYTHONPATH": f"{tmp_path}:{ROOT}"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    lines = done.stdout.splitlines()
    assert len(lines) == 3
    for line, name in zip(lines, ("torchvision", "timm", "transformers"), strict=True):
        assert repr(name) in line
        assert line.endswith("pip install --constraint constraints.txt '.[generate]' ./packs/tabletop")


@pytest.mark.parametrize(
    ("spec", "what"),
    [
        *((spec, "names no model") for spec in ("", "resnet50", "torchvision:", ":model")),
        ("C:/models/x:y", "neither a kind of model nor a module"),
        ("on nx:model", "unknown kind of model"),
        ("mine.on nx:model", "unknown kind of model"),
    ],
)
def test_unknown_forms_are_refused_with_the_known_ones(spec: str, what: str) -> None:
    with pytest.raises(ModelError, match=what) as caught:
        load_classifier(spec)
    assert "torchvision:ARCHITECTURE@WEIGHTS_FILE" in caught.value.fix
    assert caught.value.exit_code == 2


def test_a_user_class_is_a_classifier() -> None:
    classifier: Classifier = PixelClassifier()
    assert classifier.name == "pixels"


@pytest.mark.skipif(not REAL.is_dir(), reason=f"no real photographs and weights at {REAL}")
@pytest.mark.parametrize(("options", "at_least"), [("", 15), ("?crop=227", 16), ("?crop=227&resize=227", 18)])
def test_squeezenet_classifies_most_real_photographs(options: str, at_least: int) -> None:
    with open(REAL / "imagenet" / "labels.csv", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    images = []
    for row in rows:
        with Image.open(REAL / "imagenet" / row["file"]) as image:
            images.append(np.asarray(image.convert("RGB")))
    names = {int(row["imagenet_index"]): row["label"] for row in rows}
    spec = f"torchvision:squeezenet1_0@{REAL / 'weights' / 'squeezenet1_0.safetensors'}{options}"
    classifier = load_classifier(spec, class_names=names, device="cpu")
    assert classifier.name == f"torchvision:squeezenet1_0@squeezenet1_0.safetensors{options}"
    labels = np.array([int(row["imagenet_index"]) for row in rows])
    assert len(labels) == 24
    assert (classifier.predict(images) == labels).sum() >= at_least
