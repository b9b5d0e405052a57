"""Evaluation of models on datasets: each family's evaluator, reports in six forms, and the statistics behind them.

Importing it loads no torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from editmill.evaluators.base import EvaluatedModel, Evaluator, Options, name_apart
from editmill.evaluators.classifiers import Classifier, load_classifier
from editmill.evaluators.predictions import predict, predict_each
from editmill.evaluators.registry import evaluator_of, exporters
from editmill.evaluators.reporting import Report, render
from editmill.evaluators.significance import holm, mcnemar_exact
from editmill.evaluators.statistics import Estimate, mean_of_means, paired_drop, proportion_interval
from editmill.evaluators.tables import Column, Table
from editmill.manifests import Dataset, Manifest, RequestError, atomic_write

__all__ = [
    "Classifier",
    "Column",
    "Estimate",
    "EvaluatedModel",
    "Evaluator",
    "Options",
    "Report",
    "Table",
    "evaluate",
    "evaluator_of",
    "exporters",
    "holm",
    "load_classifier",
    "load_models",
    "mcnemar_exact",
    "mean_of_means",
    "name_apart",
    "paired_drop",
    "predict",
    "predict_each",
    "proportion_interval",
    "render",
    "report",
    "write_report",
]


class Result(Protocol):
    """What an evaluation found; the rest of it is the family's own."""

    @property
    def manifest(self) -> Manifest: ...


def load_models(
    dataset: Dataset, specs: Sequence[str], *, baselines: Sequence[str] = (), device: str = "auto"
) -> list[EvaluatedModel[Any]]:
    """Load models for a dataset, each under a name of its own.

    Args:
        dataset: What they are to be measured on; its family says which models it takes.
        specs: Names of models, see ``editmill evaluate --help``; those of packs are the command line's alone.
        baselines: Names of the models that the others are judged by, as effective robustness does.
        device: A torch device, or ``auto`` for an accelerator where there is one.

    Raises:
        ModelError: A form is unknown, or a package, file or function is missing or does not fit.
        RequestError: There is no evaluator for the dataset, or a model is named in both ways.
    """
    if twice := sorted(set(specs) & set(baselines)):
        raise RequestError(f"{twice[0]} is named both as a model and as a baseline", fix="name it once")
    evaluator, names = evaluator_of(dataset.manifest), dataset.manifest.class_names
    loaded = [evaluator.load_model(spec, class_names=names, device=device) for spec in (*specs, *baselines)]
    return name_apart([replace(one, baseline=at >= len(specs)) for at, one in enumerate(loaded)])


def evaluate(
    dataset: Dataset,
    models: Sequence[str | EvaluatedModel[Any]] = (),
    *,
    options: Options | None = None,
    device: str = "auto",
) -> Any:
    """Measure models on a dataset, or on a selection of it.

    Args:
        dataset: Of any family that has an evaluator.
        models: Models that `load_models` returned, or their names; datasets of watermarks need none.
        options: How models are asked, and how uncertainty is measured.
        device: Where named models are loaded to.

    Returns:
        The family's result, which `report` turns into tables.

    Raises:
        RequestError: There is no evaluator for the dataset, no model, or an option that would change nothing.
        DataError: The dataset holds nothing to measure, or is damaged.
        ModelError: A model does not load, or failed.
    """
    evaluator, options = evaluator_of(dataset.manifest), options or Options()
    loaded = [load_models(dataset, [one], device=device)[0] if isinstance(one, str) else one for one in models]
    evaluator.check_request(loaded, options)
    return evaluator.evaluate(dataset, name_apart(loaded), options)


def report(result: Result) -> Report:
    """Return what an evaluation says: facts, warnings, tables, plots, CSV rows and a JSON document.

    `render` writes it in one of six forms.
    """
    return evaluator_of(result.manifest).report(result)


def write_report(path: str | Path, result: Result, form: str = "html") -> None:
    """Write the report of an evaluation to a file, whole or not at all."""
    atomic_write(path, render(report(result), form).encode())
