"""Classifiers under test, and how a user names one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

import numpy as np
import numpy.typing as npt

from editmill.evaluators.adapters import functions, timm_models, torchvision_models, transformers_models
from editmill.manifests import ModelError

Images = list[npt.NDArray[np.uint8]]
Labels = npt.NDArray[np.int64]


class Classifier(Protocol):
    """What an evaluation needs of a model.

    Attributes:
        name: Shown in tables; without folders of the machine it runs on.
    """

    @property
    def name(self) -> str: ...

    def predict(self, images: Images) -> Labels:
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
    kind, colon, rest = spec.partition(":")
    if not colon or not kind or not rest:
        raise ModelError(f"{spec!r} names no model", where="--model", fix=f"give {FORMS}")
    if kind in _ADAPTERS:
        return _ADAPTERS[kind](rest, class_names, device)
    if "/" in kind or "\\" in kind or not all(part.isidentifier() for part in kind.split(".")):
        raise ModelError(f"unknown kind of model {kind!r} in {spec!r}", where="--model", fix=f"give {FORMS}")
    return functions.load(spec, forms=FORMS)
