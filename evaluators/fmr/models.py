"""Classifiers under test, image-text models among them, which classify by the prompt that fits best."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from editmill.evaluators.adapters.arrays import FloatArray, Images, IntArray
from editmill.evaluators.base import EvaluatedModel
from editmill.evaluators.classifiers import Classifier, identify, load_identified
from editmill.evaluators.image_text.models import TextModel, load_text_model
from editmill.evaluators.image_text.pairs import PairClassifier
from editmill.manifests import ModelError

# Image-text models, which classify by the prompt that fits best.
DUAL_ENCODERS = frozenset({"CLIPModel", "SiglipModel", "Siglip2Model", "VisionTextDualEncoderModel"})
PROMPT = "a {}"


@dataclass(frozen=True)
class PromptClassifier:
    """An image-text model as a classifier: the class whose text is nearest to the picture.

    Attributes:
        name: Shown in tables.
        model: See `editmill.evaluators.image_text.models.TextModel`.
        labels: Int64 [classes], the dataset's labels.
        texts: Float64 [classes, features], of length 1.
    """

    name: str
    model: TextModel
    labels: IntArray
    texts: FloatArray

    def predict(self, images: Images) -> IntArray:
        """Classify images; see `editmill.evaluators.Classifier`."""
        features = self.model.images([Image.fromarray(image) for image in images])
        return np.asarray(self.labels[(features @ self.texts.T).argmax(axis=1)], dtype=np.int64)


def load_fmr_model(spec: str, *, class_names: Mapping[int, str], device: str = "auto") -> EvaluatedModel[Classifier]:
    """Load a classifier as `editmill.evaluators.load_classifier` does, or ``transformers:FOLDER`` of an image-text
    model, which is asked "a CLASS".

    Raises:
        ModelError: A package, file or function is missing, or the weights do not fit.
    """
    kind, _, rest = spec.partition(":")
    if kind != "transformers" or not DUAL_ENCODERS & set(_architectures(Path(rest))):
        return load_identified(spec, class_names=class_names, device=device)
    model = load_text_model(spec, device=device)
    if isinstance(model, PairClassifier):
        what, fix = "a classifier of pairs has no features of pictures", "name a CLIP, SigLIP or dual encoder model"
        raise ModelError(what, where=spec, fix=fix)
    # ImageNet's names list synonyms, parted by commas; the first one is asked for.
    texts = model.texts([PROMPT.format(name.split(",")[0]) for name in class_names.values()])
    prompted = PromptClassifier(model.name, model, np.array(list(class_names), np.int64), texts)
    return EvaluatedModel(model.name, prompted, *identify(spec))


def _architectures(folder: Path) -> list[str]:
    path = folder / "config.json"
    if not path.is_file():
        return []
    return [str(name) for name in json.loads(path.read_text()).get("architectures") or []]
