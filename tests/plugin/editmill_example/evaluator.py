"""Measures classifiers on pictures in blocks: accuracy by the side of the blocks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from editmill.evaluators import (
    Classifier,
    EvaluatedModel,
    Evaluator,
    Options,
    Report,
    Table,
    load_classifier,
    predict,
)
from editmill.evaluators.reporting import name_dataset, start_document
from editmill.evaluators.tables import decimal, percent, words
from editmill.manifests import Dataset, Manifest


@dataclass(frozen=True)
class BlocksResult:
    """Accuracy, a fraction, by model and side of the blocks; 0 is the original."""

    manifest: Manifest
    accuracy: Mapping[str, Mapping[float, float]]


class BlocksEvaluator(Evaluator[BlocksResult]):
    """Top-1 accuracy by the side of the blocks."""

    kind = "blocks"

    def load_model(self, spec: str, *, class_names: Mapping[int, str], device: str) -> EvaluatedModel[Classifier]:
        model = load_classifier(spec, class_names=class_names, device=device)
        return EvaluatedModel(model.name, model)

    def evaluate(self, dataset: Dataset, models: Sequence[EvaluatedModel[Any]], options: Options) -> BlocksResult:
        return BlocksResult(dataset.manifest, {one.name: self._measure(dataset, one, options) for one in models})

    def _measure(self, dataset: Dataset, model: EvaluatedModel[Classifier], options: Options) -> dict[float, float]:
        table = predict(dataset, model.model, batch_size=options.batch_size, progress=options.progress).to_pylist()
        found: dict[float, list[bool]] = {}
        for row in table:
            found.setdefault(row["level"], []).append(row["label"] == row["predicted"])
        return {level: sum(right) / len(right) for level, right in sorted(found.items())}

    def report(self, result: BlocksResult) -> Report:
        rows = [
            {"model": model, "side": level, "accuracy": value}
            for model, by_level in result.accuracy.items()
            for level, value in by_level.items()
        ]
        columns = [words("model"), decimal("side", 0), percent("top-1")]
        cells = [[row["model"], row["side"], row["accuracy"]] for row in rows]
        document = start_document(result.manifest, kind="editmill_example.blocks", schema_version=1)
        return Report(
            title=result.manifest.name,
            facts=[name_dataset(result.manifest)],
            tables=[Table("Accuracy by the side of the blocks", columns, cells)],
            fields=["model", "side", "accuracy"],
            rows=rows,
            document={**document, "rows": rows},
        )


EVALUATOR = BlocksEvaluator()
