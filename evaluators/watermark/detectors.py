"""Detectors of third parties: one function from images to scores, evaluated beside the schemes' own decoders."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt

from editmill.evaluators.adapters.functions import import_module_of, place_of, takes
from editmill.manifests import Dataset, ModelError

Images = list[npt.NDArray[np.uint8]]
FORMS = "package.module:function"
ANSWER = (
    "return one number per image, higher for marked, as a list or an array of shape [n]; NaN where it cannot decode"
)

logger = logging.getLogger("editmill.evaluators")


@dataclass(frozen=True)
class NamedDetector:
    """A detector under a name.

    Attributes:
        name: Shown in tables.
        function: Maps RGB images, uint8 [height, width, 3], to one score per image, higher for marked.
    """

    name: str
    function: Callable[[Images], npt.ArrayLike]

    def scores(self, images: Images) -> npt.NDArray[np.float64]:
        """Return score images.

        Returns:
            Float64 [n]; minus infinity, a miss, where the function returned NaN.

        Raises:
            ModelError: The function failed, or did not return one number per image.
        """
        try:
            answer = self.function(images)
        except Exception as error:
            logger.info("%s failed", self.name, exc_info=True)
            raise ModelError(
                f"{self.name} failed on {len(images)} images: {type(error).__name__}: {error}",
                where=place_of(error),
                fix="mend it so that it takes a list of RGB images, uint8 [height, width, 3]; `editmill -v evaluate` "
                "shows the traceback",
            ) from error
        try:
            values = np.asarray(answer)
        except Exception as error:
            what = f"{self.name} returned a {type(answer).__name__} that is no array: {error}"
            raise ModelError(what, where="--model", fix=ANSWER) from error
        if values.shape != (len(images),) or values.dtype.kind not in "iufb":
            what = f"{self.name} returned {values.dtype} {list(values.shape)} for {len(images)} images"
            raise ModelError(what, where="--model", fix=ANSWER)
        found = values.astype(np.float64)
        return np.where(np.isnan(found), -np.inf, found)


def load_detector(spec: str) -> NamedDetector:
    """Load ``package.module:function``; dots after the colon reach into classes.

    A callable without arguments, such as a class, is called once and returns the function; else it is the function
    itself.

    Raises:
        ModelError: The form is unknown, the module or the function is missing, or importing or calling it fails.
    """
    module_name, colon, path = spec.partition(":")
    if not colon or not all(part.isidentifier() for part in (*module_name.split("."), *path.split("."))):
        raise ModelError(f"{spec!r} names no detector", where="--model", fix=f"give {FORMS}")
    target: Any = import_module_of(module_name, FORMS)
    for part in path.split("."):
        if not hasattr(target, part):
            raise ModelError(
                f"module {module_name!r} has no {path!r}", where=spec, fix="check the name after the colon"
            )
        target = getattr(target, part)
    return NamedDetector(spec, _find_function(target, spec))


def score_dataset(dataset: Dataset, detector: NamedDetector, *, batch_size: int = 16) -> dict[str, float]:
    """Return scores of all samples of the first seed, by key, in one pass over the shards.

    Raises:
        ModelError: See `NamedDetector.scores`.
    """
    samples = (sample for sample in dataset.select(status="ok") if sample.row["replica"] == 0)
    found: dict[str, float] = {}
    while batch := list(islice(samples, batch_size)):
        scores = detector.scores([np.asarray(sample.image()) for sample in batch])
        found |= {sample.key: float(score) for sample, score in zip(batch, scores, strict=True)}
    return found


def _find_function(target: Any, spec: str) -> Callable[[Images], npt.ArrayLike]:
    if not callable(target):
        raise ModelError(f"{spec} is a {type(target).__name__}, not a function", where="--model", fix="name a function")
    if not takes(target, 0):
        if not takes(target, 1) or isinstance(target, type):
            raise ModelError(f"{spec} takes neither no argument nor one", where="--model", fix="take a list of images")
        function: Callable[[Images], npt.ArrayLike] = target
        return function
    try:
        made = target()
    except Exception as error:
        raise ModelError(f"calling {spec} failed: {type(error).__name__}: {error}", where="--model") from error
    if not callable(made) or not takes(made, 1):
        what = f"{spec}() returned a {type(made).__name__} that takes no list of images"
        raise ModelError(what, where="--model", fix="return a function of images")
    return made
