"""The whole evaluation of a dataset of generated pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pyarrow as pa  # type: ignore[import-untyped,unused-ignore]

from editmill.evaluators.base import EvaluatedModel, Options, name_apart
from editmill.evaluators.classifiers import Classifier
from editmill.evaluators.predictions import name_predictions, predict_models
from editmill.evaluators.synthesis.accuracy import ClassifierResult, measure_model
from editmill.evaluators.synthesis.answers import read_answers
from editmill.evaluators.synthesis.filling import Filling, GateCount, Hole, count_gates, find_holes, measure_filling
from editmill.evaluators.synthesis.robustness import LEAST_BASELINES, Robustness, effective_robustness
from editmill.evaluators.synthesis.rows import ORIGINAL, SynthesisRow, read_rows
from editmill.manifests import Dataset, Manifest

TARGET = 0.95


@dataclass(frozen=True)
class SynthesisEvaluation:
    """A dataset of generated pictures.

    Attributes:
        resamples, seed: Of the bootstraps.
        filling: Per conditioning, then all together.
        unguardable: Classes of which no candidate was made, since calibration found no judge that knows them.
        duplicates: Candidates refused as repetitions.
        guarded: Whether the guards were calibrated.
        warnings: What a reader of the tables must know.
        predictions: See `editmill.evaluators.predictions.name_predictions`.
    """

    manifest: Manifest
    resamples: int
    seed: int
    models: tuple[ClassifierResult, ...]
    robustness: tuple[Robustness, ...]
    filling: tuple[Filling, ...]
    holes: tuple[Hole, ...]
    gates: tuple[GateCount, ...]
    unguardable: tuple[str, ...]
    duplicates: int
    guarded: bool
    warnings: tuple[str, ...]
    rows: tuple[SynthesisRow, ...] = field(repr=False, compare=False)
    predictions: pa.Table = field(repr=False, compare=False)

    @property
    def overall(self) -> Filling:
        """All conditionings together."""
        return self.filling[-1]


def evaluate_synthesis(
    dataset: Dataset, models: Sequence[EvaluatedModel[Classifier]], options: Options
) -> SynthesisEvaluation:
    """Measure classifiers on a dataset, and what its guards let pass.

    Args:
        dataset: Of the family ``synthesis``.
        models: Any; the line of effective robustness is fitted to those that are baselines, or without any to all but
            the judged one.
        options: Bootstraps over pictures, 10,000 resamples by default.

    Only accepted pictures are stored, so accuracy is that of the gated set; the gate's acceptance says how much it took
    away.

    Raises:
        DataError: The dataset is of another generator, or holds no sample.
        ModelError: A classifier failed.
    """
    rows, names = read_rows(dataset), dataset.manifest.class_names
    resamples, seed = 10_000 if options.resamples is None else options.resamples, options.seed
    models = name_apart(models)
    found = predict_models(dataset, models, options)
    results = tuple(
        replace(measure_model(one.name, table, names, resamples=resamples, seed=seed), baseline=one.baseline)
        for one, table in zip(models, found, strict=True)
    )
    answers = read_answers([(one.name, one.baseline, table) for one, table in zip(models, found, strict=True)])
    filling, gates = measure_filling(rows), count_gates(rows)
    robustness = effective_robustness(answers, resamples=resamples, seed=seed)
    guarded = dataset.manifest.recipe.get("calibration") is not None
    return SynthesisEvaluation(
        manifest=dataset.manifest,
        resamples=resamples,
        seed=seed,
        models=results,
        robustness=robustness,
        filling=filling,
        holes=find_holes(rows),
        gates=gates,
        unguardable=tuple(dict.fromkeys(row.class_name for row in rows if row.stop == "source_ineligible")),
        duplicates=sum(gate.rejected for gate in gates if gate.reason == "duplicate"),
        guarded=guarded,
        warnings=tuple(_warnings(dataset.manifest, rows, filling[-1], results, robustness, guarded)),
        rows=rows,
        predictions=name_predictions((one.name, table) for one, table in zip(models, found, strict=True)),
    )


def _warnings(
    manifest: Manifest,
    rows: Sequence[SynthesisRow],
    overall: Filling,
    results: Sequence[ClassifierResult],
    robustness: Sequence[Robustness],
    guarded: bool,
) -> list[str]:
    lines = []
    if not guarded:
        lines.append("the guards were not calibrated: how often they err on these classes is not known")
    if overall.filled < TARGET * overall.planned:
        lines.append(
            f"{overall.filled} of {overall.planned} quotas are filled, less than {TARGET:.0%}: classes are not balanced"
        )
    mode = manifest.recipe["generator"].get("selection", {}).get("mode", "untargeted")
    if mode == "surrogate":
        lines.append(
            "candidates were chosen because surrogates fail on them, which concentrates wrong labels: judge models "
            "that were no surrogates"
        )
    if not any(row.conditioning == ORIGINAL and row.ok for row in rows):
        lines.append("no control: build with generator.original=true for accuracy on real pictures of the same classes")
    else:
        lines += _lacking(results, {one.model for one in robustness})
    return lines


def _lacking(results: Sequence[ClassifierResult], measured: set[str]) -> list[str]:
    """Say which models have no effective robustness, and why."""
    baselines = sum(one.baseline for one in results)
    lacking = [one.model for one in results if not one.baseline and one.model not in measured]
    if not lacking:
        return []
    given = f"{baselines} named" if baselines else f"{len(results) - 1} other models"
    return [
        f"no effective robustness of {', '.join(lacking)}: it needs {LEAST_BASELINES} baselines of unequal accuracy on "
        f"the control, {given} (name some by --baseline)"
    ]
