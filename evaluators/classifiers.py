"""Classifiers under test, and how a user names one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from editmill.evaluators.adapters import functions, timm_models, torchvision_models, transformers_models
from editmill.evaluators.adapters.arrays import Images, IntArray
from editmill.evaluators.base import EvaluatedModel
from editmill.evaluators.held_out import hub_id
from editmill.manifests import ModelError
from editmill.manifests.weights import weights_digest


class Classifier(Protocol):
    """What an evaluation needs of a model.

    Attributes:
        name: Shown in tables; without folders of the machine it runs on.
    """

    @property
    def name(self) -> str: ...

    def predict(self, images: Images) -> IntArray:
        """Classify images.

        Args:
            images: RGB, uint8 [height, width, 3], of any and differing sizes.

        Returns:
            Int64 [len(images)]: labels of the dataset; -1 for a class that the dataset does not have.
        """
        ...


_ADAPTERS: dict[str, Callable[[str, Mapping[int, str] | None, str], Classifier]] = {
    "timm": timm_models.load,
    "torchvision": torchvision_models.load,
    "transformers": transformers_models.load,
}

FORMS = (
    "torchvision:ARCHITECTURE@WEIGHTS_FILE, timm:NAME[@WEIGHTS_FILE], transformers:FOLDER_OR_HUB_ID or "
    "package.module:function"
)


def load_classifier(spec: str, *, class_names: Mapping[int, str] | None = None, device: str = "auto") -> Classifier:
    """Load a classifier by name.

    Forms of ``spec``:
        - ``torchvision:ARCHITECTURE@WEIGHTS[?crop=N&resize=N]``: a torchvision architecture with a local
          ``.safetensors`` file, or a ``.pth`` or ``.pt`` file that holds nothing but tensors. Preprocessing is the
          architecture's own for its ImageNet weights; ``crop`` and ``resize`` (pixels) override it.
        - ``timm:NAME[@WEIGHTS]``: a timm model, pretrained when no weights are named.
        - ``transformers:FOLDER_OR_ID``: an image-classification model with its image processor.
        - ``package.module:function``: your own, see `editmill.evaluators.adapters.functions`.

    Args:
        spec: The name.
        class_names: The dataset's classes, by label, for models whose own labels carry names.
        device: A torch device, or ``auto`` for an accelerator where there is one.

    Raises:
        ModelError: The form is unknown, a package, file or function is missing, or the weights do not fit.
    """
    kind, _, rest = spec.partition(":")
    if not kind or not rest:
        raise ModelError(f"{spec!r} names no model", where="--model", fix=f"give {FORMS}")
    if kind in _ADAPTERS:
        return _ADAPTERS[kind](rest, class_names, device)
    if "/" in kind or "\\" in kind or not all(part.isidentifier() for part in kind.split(".")):
        raise ModelError(f"unknown kind of model {kind!r} in {spec!r}", where="--model", fix=f"give {FORMS}")
    return functions.load(spec, forms=FORMS)


def load_identified(spec: str, *, class_names: Mapping[int, str], device: str = "auto") -> EvaluatedModel[Classifier]:
    """Load a classifier as `load_classifier` does, with what tells its weights from others.

    Raises:
        ModelError: See `load_classifier`.
    """
    classifier = load_classifier(spec, class_names=class_names, device=device)
    return EvaluatedModel(classifier.name, classifier, *identify(spec))


def identify(spec: str) -> tuple[str, str]:
    """Return the hub id and digest of the weights of a model of transformers; "" for what is not known."""
    kind, _, rest = spec.partition(":")
    # Manifests digest folders of checkpoints, which single files and functions can't be compared with.
    if kind != "transformers":
        return "", ""
    return hub_id(rest), weights_digest(Path(rest)) if Path(rest).is_dir() else ""
