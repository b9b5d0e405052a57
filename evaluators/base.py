"""What every family of datasets has: how its models are loaded and measured, and how the result is reported."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from editmill.evaluators.reporting import Report
from editmill.manifests import Dataset, RequestError

M = TypeVar("M")
R = TypeVar("R")


@dataclass(frozen=True)
class Options:
    """How models are asked, and how uncertainty is measured.

    Attributes:
        batch_size: Images or texts at a time.
        progress: Whether to draw bars on standard error.
        images: Folder with the images of a dataset that names them and does not hold them, found by their digests.
        confidence: Coverage of the intervals, in (0, 1).
        resamples: Of the bootstraps; None for the family's own number.
        seed: Of the bootstraps.
    """

    batch_size: int = 32
    progress: bool = True
    images: Path | None = None
    confidence: float = 0.95
    resamples: int | None = None
    seed: int = 0


# What every family takes; the rest each family names itself.
_ALWAYS = frozenset({"batch_size", "progress"})


@dataclass(frozen=True)
class EvaluatedModel(Generic[M]):
    """A model under test.

    Attributes:
        name: Shown in reports; without folders of the machine that it runs on, and the only one of those that are
            evaluated together.
        model: The classifier, image-text model or detector itself.
        id: On the hub; "" where it is not known.
        digest: Of its weights, as manifests have it; "" where it is not known.
        baseline: Whether others are judged by it, and not it itself.
    """

    name: str
    model: M
    id: str = ""
    digest: str = ""
    baseline: bool = False


def name_apart(models: Sequence[EvaluatedModel[M]]) -> list[EvaluatedModel[M]]:
    """Return the models under names of their own: of equal names the second ends with ``-2``, the third with ``-3``.

    Names that no other model has stay as they are, so that doing it again changes nothing.
    """
    # Names further on count too, or a new name could be that of a later model.
    taken = {model.name for model in models}
    found: list[EvaluatedModel[M]] = []
    for model in models:
        if any(other.name == model.name for other in found):
            number = 2
            while f"{model.name}-{number}" in taken:
                number += 1
            model = replace(model, name=f"{model.name}-{number}")
            taken.add(model.name)
        found.append(model)
    return found


@dataclass(frozen=True)
class Exported:
    """What an export wrote: images by folder, folders without an image and why, and accepted samples left out by
    edit and level.
    """

    images: dict[str, int]
    missing: dict[str, str]
    left_out: dict[str, int]
    sources: int


class Write(Protocol):
    """Writes a dataset into a folder that does not exist or is empty, whole or not at all."""

    def __call__(
        self, dataset: Dataset, target: Path, *, complete_pairs: bool = False, progress: bool = False
    ) -> Exported: ...


@dataclass(frozen=True)
class Exporter:
    """A layout that other loaders read.

    Attributes:
        about: What the folders hold, for the help.
        write: Writes them; with ``complete_pairs`` only the sources that every folder has.
    """

    about: str
    write: Write


class Evaluator(ABC, Generic[R]):
    """What measures the datasets of one family; its result ``R`` has an attribute ``manifest``.

    Attributes:
        kind: The family, as manifests name the generator.
        needs_models: Whether there is nothing to measure without a model.
        takes: The options that it reads, beside the size of batches and the bars, and ``baseline`` where it takes
            baselines.
        exports: Layouts of other loaders that its datasets can be written in, by name.
    """

    kind: ClassVar[str]
    needs_models: ClassVar[bool] = True
    takes: ClassVar[frozenset[str]] = frozenset()
    exports: ClassVar[Mapping[str, Exporter]] = {}

    @abstractmethod
    def load_model(self, spec: str, *, class_names: Mapping[int, str], device: str) -> EvaluatedModel[Any]:
        """Load a model as the user names it.

        Args:
            spec: The name, see ``editmill evaluate --help``.
            class_names: The dataset's classes, by label.
            device: A torch device, or ``auto`` for an accelerator where there is one.

        Raises:
            ModelError: The form is unknown, or a package, file or function is missing or does not fit.
        """

    @abstractmethod
    def evaluate(self, dataset: Dataset, models: Sequence[EvaluatedModel[Any]], options: Options) -> R:
        """Measure models on a dataset.

        Raises:
            DataError: The dataset is of another family, or holds nothing to measure.
            ModelError: A model failed.
        """

    @abstractmethod
    def report(self, result: R) -> Report:
        """Return what a result says, for `editmill.evaluators.render`."""

    def remarks(self, dataset: Dataset) -> list[str]:
        """Return lines on a finished dataset, which its build prints."""
        return []

    def check_request(self, models: Sequence[EvaluatedModel[Any]], options: Options) -> None:
        """Refuse to measure without a model that is needed, or with options that would change nothing.

        Raises:
            RequestError: The request is one of these.
        """
        if self.needs_models and all(model.baseline for model in models):
            fix = "name one, such as pack:tabletop/classifier; `editmill evaluate --help` lists the forms"
            raise RequestError("no model to measure", where="--model", fix=fix)
        if "baseline" not in self.takes and any(model.baseline for model in models):
            what = f"the evaluation of {self.kind} datasets takes no baselines"
            raise RequestError(what, where="--baseline", fix="name the models by --model")
        # An option at its default asks for nothing, so a family need not read it.
        known = self.takes | _ALWAYS
        for option in fields(options):
            if option.name not in known and getattr(options, option.name) != option.default:
                what = f"the evaluation of {self.kind} datasets does not take the option {option.name!r}"
                raise RequestError(what, where=option.name, fix=f"it takes {', '.join(sorted(known))}")
