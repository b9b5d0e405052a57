"""The whole evaluation of a dataset of latent ascents."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped,unused-ignore]

from editmill.evaluators.adapters.arrays import FloatArray
from editmill.evaluators.base import EvaluatedModel, Options, name_apart
from editmill.evaluators.classifiers import Classifier
from editmill.evaluators.figures import counted
from editmill.evaluators.fmr.ratio import percent_ratio
from editmill.evaluators.fmr.results import ModelFacts, Point, TargetResult, Transfer, Verification
from editmill.evaluators.fmr.rows import GUARD_ROLES, ORIGINAL, RANDOM, FmrRow, FmrRows, read_rows
from editmill.evaluators.held_out import took_part
from editmill.evaluators.predictions import name_predictions, predict_models
from editmill.evaluators.significance import holm, mcnemar_exact
from editmill.evaluators.statistics import Estimate, paired_drop, proportion
from editmill.manifests import Dataset, Manifest

# Sources under which intervals are too wide to rank models.
FEW = 100


@dataclass(frozen=True)
class FmrEvaluation:
    """A dataset of latent ascents.

    Attributes:
        resamples, seed: Of the bootstraps.
        oracle, mode: The recipe's.
        guard_report: Digest of the calibration, "" without one.
        warnings: What a reader of the tables must know.
        predictions: See `editmill.evaluators.predictions.name_predictions`.
    """

    manifest: Manifest
    resamples: int
    seed: int
    oracle: str
    mode: str
    guard_report: str
    models: tuple[ModelFacts, ...]
    targets: tuple[TargetResult, ...]
    transfer: tuple[Transfer, ...]
    verifications: tuple[Verification, ...]
    warnings: tuple[str, ...] = field(default=())
    predictions: pa.Table = field(default=None, repr=False, compare=False)


def evaluate_fmr(dataset: Dataset, models: Sequence[EvaluatedModel[Classifier]], options: Options) -> FmrEvaluation:
    """Measure models on originals, on pictures made for each target, and on the controls.

    Args:
        dataset: Of the family ``fmr``.
        models: Any; those with a target's weights give its PA and FMR, held-out ones verify labels, and all of them
            are in the transfer matrix.
        options: Bootstraps over sources, 10,000 resamples by default.

    Raises:
        DataError: The dataset holds no ascents, or no accepted sample.
    """
    rows, models = read_rows(dataset), name_apart(models)
    resamples = 10_000 if options.resamples is None else options.resamples
    facts = tuple(_facts(model, rows) for model in models)
    asked = predict_models(dataset, models, options)
    measured = [_Measured(rows, _right(table), resamples, options.seed) for table in asked]
    places = list(product(rows.networks, rows.targets))
    targets = _corrected([_target(rows, network, target, facts, measured) for network, target in places])
    # Which model a cell is of is known by its position: weights tell models apart, names are for readers.
    transfer = [
        (fact, measure.transfer(network, target, fact.model, own=target in fact.targets))
        for network, target in places
        if rows.eligible(network, target)
        for fact, measure in zip(facts, measured, strict=True)
    ]
    return FmrEvaluation(
        manifest=dataset.manifest,
        resamples=resamples,
        seed=options.seed,
        oracle=rows.oracle,
        mode=rows.mode,
        guard_report=", ".join(rows.reports),
        models=facts,
        targets=targets,
        transfer=tuple(one for _, one in transfer),
        verifications=tuple(
            Verification(one.network, one.target, one.model, one.sa, one.pa)
            for fact, one in transfer
            if fact.held_out == "yes"
        ),
        warnings=tuple(_warnings(rows, facts, targets)),
        predictions=name_predictions((one.name, table) for one, table in zip(models, asked, strict=True)),
    )


def _facts(model: EvaluatedModel[Classifier], rows: FmrRows) -> ModelFacts:
    """Return what a model was in the dataset, by digest or hub id.

    Networks and verifiers don't matter here: they are neither attacked nor do they decide.
    """
    # The published guard is a single judge; the other roles then decide nothing.
    guards = ("zero_shot",) if rows.oracle == "zero_shot" else GUARD_ROLES
    told = [record for record in rows.manifest.models if record.role in (*rows.targets, *guards)]
    same, undecided = took_part(model, told)
    attacked, guarding = (tuple(role for role in same if role in roles) for roles in (rows.targets, guards))
    return ModelFacts(model.name, model.digest, attacked, guarding, undecided)


def _right(table: pa.Table) -> dict[str, float]:
    return {row["key"]: float(row["label"] == row["predicted"]) for row in table.to_pylist()}


@dataclass(frozen=True)
class _Measured:
    """What one model gets right, by key."""

    rows: FmrRows
    right: Mapping[str, float]
    resamples: int
    seed: int

    def of(self, rows: Mapping[str, FmrRow], sources: Sequence[str]) -> FloatArray:
        """Return float64 [sources], 1 where it is right."""
        return np.array([self.right[rows[source].key] for source in sources], np.float64)

    def ratio(self, before: FloatArray, after: FloatArray) -> Estimate | None:
        """Return the ratio of two accuracies in percent."""
        return percent_ratio(before, after, resamples=self.resamples, seed=self.seed)

    def point(self, rows: Mapping[str, FmrRow], sources: Sequence[str], budget: int) -> Point:
        """Return accuracy on one place and its ratio to that on the originals of the same sources."""
        after = self.of(rows, sources)
        return Point(budget, _share(after), self.ratio(self.of(self.rows.at(ORIGINAL), sources), after))

    def transfer(self, network: str, target: str, model: str, *, own: bool) -> Transfer:
        """Return accuracies at the whole budget."""
        sources = self.rows.eligible(network, target)
        before, last = self.of(self.rows.at(ORIGINAL), sources), self.rows.budgets[-1]
        point = self.point(self.rows.ascent(network, target, last), sources, last)
        return Transfer(network, target, model, own, _share(before), point.pa, point.fmr)


def _share(right: FloatArray) -> Estimate:
    """Return a share with its interval; there is one trial per source."""
    return proportion(round(float(right.sum())), len(right))


def _target(
    rows: FmrRows, network: str, target: str, facts: Sequence[ModelFacts], measured: Sequence[_Measured]
) -> TargetResult:
    counted = _count(rows, network, target)
    found = next((number for number, fact in enumerate(facts) if target in fact.targets), None)
    sources = rows.eligible(network, target)
    if found is None or not sources:
        return counted
    mine = measured[found]
    last = rows.budgets[-1]
    # Budget 0 is the round trip, at which walks and ascents begin alike.
    walks = {budget: rows.at(RANDOM, network, "", budget) for budget in rows.budgets[1:]}
    # A walk is missing where the first target, which is asked beside it, does not know the class.
    walked = [source for source in sources if all(source in walk and walk[source].ok for walk in walks.values())]
    first = (mine.point(rows.ascent(network, target, 0), walked, 0),) if walked else ()
    difference = p_value = None
    if walked:
        before, after = mine.of(walks[last], walked), mine.of(rows.ascent(network, target, last), walked)
        difference = paired_drop(before, after, resamples=mine.resamples, seed=mine.seed)
        p_value = mcnemar_exact(int((before > after).sum()), int((after > before).sum()))
    return replace(
        counted,
        model=facts[found].model,
        sa=_share(mine.of(rows.at(ORIGINAL), sources)),
        curve=tuple(mine.point(rows.ascent(network, target, budget), sources, budget) for budget in rows.budgets),
        random=(*first, *(mine.point(walk, walked, budget) for budget, walk in walks.items() if walked)),
        difference=difference,
        p_value=p_value,
        with_fallback=_with_fallback(rows, network, target, mine),
    )


def _corrected(targets: Sequence[TargetResult]) -> tuple[TargetResult, ...]:
    """Fill in Holm's correction over all tests of the table."""
    adjusted = iter(holm([one.p_value for one in targets if one.p_value is not None]))
    return tuple(one if one.p_value is None else replace(one, p_holm=next(adjusted)) for one in targets)


def _count(rows: FmrRows, network: str, target: str) -> TargetResult:
    """Return what the rows alone tell of a target."""
    eligible, made = rows.eligible(network, target), rows.ascent(network, target, rows.budgets[-1])
    fallbacks = sum(row.ok and row.fallback for row in made.values())
    mine = [made[source] for source in eligible]
    # The guard's first look is at the round trip, which is no step.
    steps, passed = sum(row.looked - 1 for row in mine), sum(row.valid - 1 for row in mine)
    return TargetResult(
        network,
        target,
        "",
        any(row.generator_overlap for row in made.values()),
        any(row.guard_overlap for row in made.values()),
        n_sources=len(rows.sources),
        n_eligible=len(eligible),
        n_accepted=sum(row.emitted > 0 for row in mine),
        n_fallback=fallbacks,
        n_failed=dict(sorted(Counter(row.reason for row in made.values() if not row.ok).items())),
        validation_rate=passed / steps if steps else None,
        completed=sum(row.stop == "budget" for row in mine) / len(mine) if mine else None,
    )


def _with_fallback(rows: FmrRows, network: str, target: str, mine: _Measured) -> Estimate | None:
    made, originals = rows.ascent(network, target, rows.budgets[-1]), rows.at(ORIGINAL)
    if not any(row.ok and row.fallback for row in made.values()):
        return None
    # Fall-backs included, which eligible sources leave out.
    both = (made, originals)
    sources = [source for source in rows.sources if all(source in side and side[source].ok for side in both)]
    return mine.ratio(mine.of(originals, sources), mine.of(made, sources))


def _warnings(rows: FmrRows, facts: Sequence[ModelFacts], targets: Sequence[TargetResult]) -> list[str]:
    found = []
    missing = sorted({one.target for one in targets if not any(one.target in fact.targets for fact in facts)})
    if missing:
        lacking = ", ".join(missing)
        found.append(f"no evaluated model has the weights of {lacking}, so PA and FMR of it are not measured")
    unsure = [fact.model for fact in facts if fact.undecided and not (fact.targets or fact.guards)]
    if unsure:
        found.append(
            f"neither an id nor a digest tells whether {', '.join(unsure)} was a target or guards, so its agreement "
            "verifies nothing"
        )
    if not any(fact.held_out == "yes" for fact in facts):
        found.append("no held-out model verifies the labels of the accepted pictures")
    guarding = sorted({role for fact in facts for role in fact.guards})
    if guarding:
        roles = ", ".join(guarding)
        found.append(f"evaluated models with the weights of {roles} guard the pictures, which favours them")
    least = min((one.n_eligible for one in targets), default=0)
    if least < FEW:
        found.append(f"only {counted(least, 'source')} in the smallest eligible set, which is too few to rank models")
    if any(one.n_fallback for one in targets):
        found.append(
            "originals replace refused round trips; SA and PA leave these sources out, with_fallback counts them "
            "as published"
        )
    if rows.oracle == "ensemble" and rows.reports == ("",):
        found.append("the guard ensemble is not calibrated: its gates' own limits bound")
    return found
