"""Assembly: check every shard, then write indexes, card and last the manifest."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from editmill.generators.base.reasons import Reason
from editmill.manifests.errors import DataError
from editmill.manifests.guard_report import GUARD_REPORT
from editmill.manifests.manifest import write_dataset_files
from editmill.manifests.records import Manifest
from editmill.manifests.stats import ShardStats, finished_shard, merge_counts, shard_stem
from editmill.pipelines.fingerprint import Identity
from editmill.pipelines.plan import Plan, score_names_of
from editmill.pipelines.provenance import code_commit, code_version, environment, plugins
from editmill.pipelines.recipe import Recipe
from editmill.pipelines.shard import members_of


def assemble(plan: Plan, identity: Identity, out: Path) -> Manifest:
    """Complete the dataset in ``out``.

    Raises:
        DataError: A shard is missing, or its bytes are not those that its stats file names.
    """
    manifest = make_manifest(
        plan, identity, [_finished(plan, identity, out, shard) for shard in range(len(plan.shards))]
    )
    calibrated = plan.recipe.calibration is not None
    return write_dataset_files(out, manifest, others=[GUARD_REPORT] if calibrated else [])


def _finished(plan: Plan, identity: Identity, out: Path, shard: int) -> ShardStats:
    recipe = plan.recipe
    stem = shard_stem(recipe.name, shard)
    # Every byte once more: shards may be of earlier runs and of other machines.
    stats = finished_shard(out / recipe.split, stem, fingerprint=identity.fingerprint, deep=True)
    if stats is None or stats.planned != len(plan.shards[shard]):
        raise DataError(
            f"shard {shard} of {len(plan.shards)} is missing or damaged",
            where=str(out / recipe.split / stem),
            fix="run `editmill build` with the same arguments, which builds what is missing",
        )
    return stats


def reasons_of(recipe: Recipe) -> tuple[str, ...]:
    """Return the reasons that rows may give, sorted; none where guards of installed packages give reasons of theirs."""
    if recipe.guards:
        return ()
    closed: tuple[type[StrEnum], ...] = (Reason, *recipe.family.reasons)
    return tuple(sorted({str(reason) for reasons in closed for reason in reasons}))


def make_manifest(plan: Plan, identity: Identity, shards: list[ShardStats]) -> Manifest:
    """Return the manifest of finished shards."""
    recipe = plan.recipe
    return Manifest(
        name=recipe.name,
        version=recipe.version,
        generator=recipe.generator.kind,
        fingerprint=identity.fingerprint,
        recipe=recipe.portable(plan.pack.name),
        code_version=code_version(),
        code_commit=code_commit(),
        environment=dict(sorted({**environment(), **plugins(recipe)}.items())),
        models=identity.models,
        sources=plan.sources,
        members=members_of(recipe, plan.pack),
        score_names=score_names_of(recipe, plan.pack),
        edits=recipe.family.edit_names(recipe.generator),
        reasons=reasons_of(recipe),
        class_names=plan.class_names,
        counts=merge_counts(stats.counts for stats in shards),
        shards=tuple(stats.record() for stats in shards),
    )
