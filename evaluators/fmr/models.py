"""Models under test with what identifies them, so that targets, guards and verifiers are told apart by weights and not
by names.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from editmill.evaluators.classifiers import Classifier, Images, load_classifier
from editmill.evaluators.text.held_out import hub_id
from editmill.evaluators.text.models import TextModel, load_text_model
from editmill.evaluators.text.pairs import PairClassifier
from editmill.manifests import ModelError
from editmill.manifests.weights import weights_digest

# Image-text models, which classify by the prompt that fits best.
DUAL_ENCODERS = frozenset({"CLIPModel", "SiglipModel", "Siglip2Model", "VisionTextDualEncoderModel"})
PROMPT = "a {}"


@dataclass(frozen=True)
class EvaluatedModel:
    """A classifier; ``id`` is the hub's and ``digest`` that of its files, either "" where it is not known."""

    classifier: Classifier
    id: str = ""
    digest: str = ""

    @property
    def name(self) -> str:
        """Shown in tables."""
        return self.classifier.name


@dataclass(frozen=True)
class PromptClassifier:
    """An image-text model as a classifier: the class whose text is nearest to the picture.

    Attributes:
        name: Shown in tables.
        model: See `editmill.evaluators.text.models.TextModel`.
        labels: Int64 [classes], the dataset's labels.
        texts: Float64 [classes, features], of length 1.
    """

    name: str
    model: TextModel
    labels: npt.NDArray[np.int64]
    texts: npt.NDArray[np.float64]

    def predict(self, images: Images) -> npt.NDArray[np.int64]:
        """Classify images; see `editmill.evaluators.Classifier`."""
        features = self.model.images([Image.fromarray(image) for image in images])
        return np.asarray(self.labels[(features @ self.texts.T).argmax(axis=1)], dtype=np.int64)


def load_model(spec: str, *, class_names: Mapping[int, str], device: str = "auto") -> EvaluatedModel:
    """Load a classifier as `editmill.evaluators.load_classifier` does, or ``transformers:FOLDER`` of an image-text
    model, which is asked "a CLASS".

    Raises:
        ModelError: A package, file or function is missing, or the weights do not fit.
    """
    kind, _, rest = spec.partition(":")
    if kind != "transformers":
        return EvaluatedModel(load_classifier(spec, class_names=class_names, device=device))
    folder = Path(rest)
    digest = weights_digest(folder) if folder.is_dir() else ""
    if DUAL_ENCODERS & set(_architectures(folder)):
        return EvaluatedModel(_prompted(spec, class_names, device), hub_id(rest), digest)
    return EvaluatedModel(load_classifier(spec, class_names=class_names, device=device), hub_id(rest), digest)


def _prompted(spec: str, class_names: Mapping[int, str], device: str) -> PromptClassifier:
    model = load_text_model(spec, device=device)
    if isinstance(model, PairClassifier):
        raise ModelError(
            "a classifier of pairs has no features of pictures",
            where=spec,
            fix="name a CLIP, SigLIP or dual encoder model",
        )
    names = [PROMPT.format(name.split(",")[0]) for name in class_names.values()]
    return PromptClassifier(model.name, model, np.array(list(class_names), np.int64), model.texts(names))


def _architectures(folder: Path) -> list[str]:
    path = folder / "config.json"
    if not path.is_file():
        return []
    return [str(name) for name in json.loads(path.read_text()).get("architectures") or []]
