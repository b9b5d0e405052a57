"""Detectors of third parties: one function from images to scores, evaluated beside the schemes' own decoders."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice

import numpy as np
import numpy.typing as npt

from editmill.evaluators.adapters.arrays import FloatArray, Images
from editmill.evaluators.adapters.functions import ask, find_attribute, made_by, takes
from editmill.manifests import Dataset, ModelError

FORMS = "package.module:function"
ANSWER = (
    "return one number per image, higher for marked, as a list or an array of shape [n]; NaN where it cannot decode"
)


@dataclass(frozen=True)
class NamedDetector:
    """A detector under a name.

    Attributes:
        name: Shown in tables.
        function: Maps RGB images, uint8 [height, width, 3], to one score per image, higher for marked.
    """

    name: str
    function: Callable[[Images], npt.ArrayLike]

    def scores(self, images: Images) -> FloatArray:
        """Score images.

        Returns:
            Float64 [n]; minus infinity, a miss, where the function returned NaN.

        Raises:
            ModelError: The function failed, or did not return one number per image.
        """
        values = ask(self.function, images, name=self.name, fix=ANSWER)
        if values.shape != (len(images),) or values.dtype.kind not in "iufb":
            what = f"{self.name} returned {values.dtype} {list(values.shape)} for {len(images)} images"
            raise ModelError(what, where="--model", fix=ANSWER)
        # A picture that can't be decoded counts as a miss at every threshold, and is never dropped.
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
    made = made_by(target := find_attribute(spec, FORMS), spec)
    if made is not target and not (callable(made) and takes(made, 1)):
        what = f"{spec}() returned a {type(made).__name__} that takes no list of images"
        raise ModelError(what, where="--model", fix="return a function of images")
    return NamedDetector(spec, made)


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
