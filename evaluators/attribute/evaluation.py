"""Top-1 accuracy of classifiers by edit, and what each edit costs them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa  # type: ignore[import-untyped,unused-ignore]

from editmill.evaluators.attribute.columns import Column
from editmill.evaluators.attribute.orders import Order, orders
from editmill.evaluators.attribute.outcomes import read_outcomes
from editmill.evaluators.attribute.pairing import ColumnResult, Uncertainty, compare_columns
from editmill.evaluators.attribute.rows import Sources, columns_of, count_planned, read_sources
from editmill.evaluators.attribute.strata import Stratum, strata
from editmill.evaluators.base import EvaluatedModel, Options, name_apart
from editmill.evaluators.classifiers import Classifier
from editmill.evaluators.predictions import predict_models
from editmill.evaluators.statistics import Estimate
from editmill.manifests import Dataset, Manifest


@dataclass(frozen=True)
class ModelDrops:
    """One classifier.

    Attributes:
        columns: In the dataset's order; columns without an accepted sample are left out.
        mean_drop: Mean of the drops over the edited columns, controls excluded; None where there is none. Its ``n``
            counts the sources that are in any of them.
        strata: Thirds of the sources.
        orders: The published ones.
        predictions: One row per accepted sample: key, source_id, edit, level, replica, label, predicted.
    """

    model: str
    columns: tuple[ColumnResult, ...]
    mean_drop: Estimate | None
    strata: tuple[Stratum, ...]
    orders: tuple[Order, ...]
    predictions: pa.Table = field(repr=False, compare=False)


@dataclass(frozen=True)
class AttributeEvaluation:
    """Classifiers on a dataset of edited photographs, or on a selection of it.

    Attributes:
        uncertainty: How it was measured.
        planned: Planned samples by column, those without an accepted sample included; without the columns of edits of
            which the selection leaves rows out, since acceptance shows only in all of them.
        sources: Size and difficulty of the sources.
        models: All on the same samples.
    """

    manifest: Manifest
    uncertainty: Uncertainty
    planned: Mapping[Column, int]
    sources: Sources
    models: tuple[ModelDrops, ...]

    def acceptance(self, result: ColumnResult) -> float | None:
        """Return the share of a column's planned samples that was accepted; None where that is not known."""
        planned = self.planned.get(result.column)
        return result.accuracy.n / planned if planned else None


def evaluate_attribute(
    dataset: Dataset, models: Sequence[EvaluatedModel[Classifier]], options: Options
) -> AttributeEvaluation:
    """Measure classifiers on a dataset's accepted samples, or on a selection of them.

    Args:
        dataset: The dataset; drops need its ``original`` samples.
        models: The classifiers.
        options: 95 % intervals from 10,000 resamples by default.

    Raises:
        RequestError: An option is out of range.
        DataError: There is no accepted sample, or a shard is damaged.
        ModelError: A classifier does not give one integer label per image.
    """
    resamples = 10_000 if options.resamples is None else options.resamples
    uncertainty = Uncertainty(options.confidence, resamples, options.seed)
    columns, sources = columns_of(dataset), read_sources(dataset)

    def measure(model: EvaluatedModel[Classifier], found: pa.Table) -> ModelDrops:
        outcomes = read_outcomes(found, columns)
        split, ordered = strata(outcomes, sources, uncertainty), orders(outcomes, uncertainty)
        return ModelDrops(model.name, *compare_columns(outcomes, uncertainty), split, ordered, found)

    models = name_apart(models)
    found = predict_models(dataset, models, options)
    measured = tuple(map(measure, models, found))
    return AttributeEvaluation(dataset.manifest, uncertainty, count_planned(dataset), sources, measured)
