"""The whole evaluation of a dataset of generated pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from editmill.evaluators.base import EvaluatedModel, Options, name_apart
from editmill.evaluators.classifiers import Classifier
from editmill.evaluators.predictions import predict
from editmill.evaluators.synthesis.filling import Filling, GateCount, Hole, count_gates, find_holes, measure_filling
from editmill.evaluators.synthesis.robustness import (
    LEAST_MODELS,
    ClassifierResult,
    Robustness,
    effective_robustness,
    measure_model,
)
from editmill.evaluators.synthesis.rows import ORIGINAL, SynthesisRow, read_rows
from editmill.manifests import Dataset, Manifest

TARGET = 0.95


@dataclass(frozen=True)
class SynthesisEvaluation:
    """A dataset of generated pictures.

    Attributes:
        filling: Per conditioning, then all together.
        unguardable: Classes of which no candidate was made, since calibration found no judge that knows them.
        duplicates: Candidates refused as repetitions.
        guarded: Whether the guards were calibrated.
        warnings: What a reader of the tables must know.
    """

    manifest: Manifest
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

    @property
    def overall(self) -> Filling:
        """All conditionings together."""
        return self.filling[-1]


def evaluate_synthesis(
    dataset: Dataset, models: Sequence[EvaluatedModel[Classifier]], options: Options
) -> SynthesisEvaluation:
    """Measure classifiers on a dataset, and what its guards let pass.

    Only accepted pictures are stored, so accuracy is that of the gated set; the gate's acceptance says how much it took
    away.

    Raises:
        DataError: The dataset is of another generator, or holds no sample.
        ModelError: A classifier failed.
    """
    rows, names = read_rows(dataset), dataset.manifest.class_names
    size, progress = options.batch_size, options.progress
    results = tuple(
        measure_model(one.name, predict(dataset, one.model, batch_size=size, progress=progress), names)
        for one in name_apart(models)
    )
    filling, gates, robustness = measure_filling(rows), count_gates(rows), effective_robustness(results)
    guarded = dataset.manifest.recipe.get("calibration") is not None
    return SynthesisEvaluation(
        manifest=dataset.manifest,
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
    elif not robustness:
        lines.append(
            f"effective robustness needs {LEAST_MODELS} models of unequal accuracy on the control; {len(results)} given"
        )
    return lines
