"""Assembly: check every shard, then write indexes, card and last the manifest."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path

from editmill.generators.base.reasons import Reason
from editmill.manifests.errors import DataError
from editmill.manifests.guard_report import GUARD_REPORT
from editmill.manifests.manifest import write_dataset_files
from editmill.manifests.records import Manifest
from editmill.manifests.remote import RemoteFolder
from editmill.manifests.stats import ShardStats, finished_shard, merge_counts, shard_stem
from editmill.manifests.threads import in_threads
from editmill.pipelines.fingerprint import Identity
from editmill.pipelines.plan import Plan, score_names_of
from editmill.pipelines.provenance import code_commit, code_version, full_environment
from editmill.pipelines.recipe import Recipe
from editmill.pipelines.reuse import reusable
from editmill.pipelines.shard import members_of
from editmill.pipelines.uploads import uploaded_shard


def assemble(
    plan: Plan,
    identity: Identity,
    out: Path,
    *,
    reuse: Path | None = None,
    remote: RemoteFolder | None = None,
    extras: Callable[[list[Path], Manifest], list[str]] | None = None,
) -> Manifest:
    """Complete the dataset in ``out``.

    Args:
        plan: What was built.
        identity: Its fingerprint and models.
        out: Its folder.
        reuse: A dataset of which some may be copied.
        remote: Where the shards are; None for ``out``.
        extras: Writes further files of the dataset, and returns their names; see ``Prepared``.

    Raises:
        DataError: A shard is missing, or its bytes are not those that its stats file names.
    """
    shards = list(in_threads(lambda shard: _finished(plan, identity, out, shard, remote), range(len(plan.shards))))
    manifest = make_manifest(plan, identity, shards, reuse=reuse)
    others = [GUARD_REPORT] if plan.recipe.calibration is not None else []
    if extras is not None:
        others += extras([out / shard.rows.path for shard in manifest.shards], manifest)
    return write_dataset_files(out, manifest, others=others, tars_elsewhere=remote is not None)


def _finished(plan: Plan, identity: Identity, out: Path, shard: int, remote: RemoteFolder | None) -> ShardStats:
    recipe = plan.recipe
    stem = shard_stem(recipe.name, shard)
    # Once more: shards may be of earlier runs and of other machines.
    if remote is None:
        stats = finished_shard(out / recipe.split, stem, fingerprint=identity.fingerprint, deep=True)
    else:
        stats = uploaded_shard(remote, out, f"{recipe.split}/{stem}.tar", identity.fingerprint)
    if stats is None or stats.planned != len(plan.shards[shard]):
        raise DataError(
            f"shard {shard} of {len(plan.shards)} is missing or damaged",
            where=f"{out if remote is None else remote.root}/{recipe.split}/{stem}",
            fix="run `editmill build` with the same arguments, which builds what is missing",
        )
    return stats


def reasons_of(recipe: Recipe) -> tuple[str, ...]:
    """Return the reasons that rows may give, sorted; none where guards of installed packages give reasons of theirs."""
    if recipe.guards:
        return ()
    closed: tuple[type[StrEnum], ...] = (Reason, *recipe.family.reasons)
    return tuple(sorted({str(reason) for reasons in closed for reason in reasons}))


def make_manifest(plan: Plan, identity: Identity, shards: list[ShardStats], *, reuse: Path | None = None) -> Manifest:
    """Return the manifest of finished shards, of which some may be copied from ``reuse``."""
    recipe = plan.recipe
    return Manifest(
        name=recipe.name,
        version=recipe.version,
        generator=recipe.generator.kind,
        fingerprint=identity.fingerprint,
        recipe=recipe.portable(plan.pack.name),
        code_version=code_version(),
        code_commit=code_commit(),
        environment=full_environment(recipe),
        earlier_environments=_earlier(recipe, reuse),
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


def _earlier(recipe: Recipe, reuse: Path | None) -> tuple[dict[str, str], ...]:
    """Return the other environments of a dataset that was copied from."""
    if reuse is None:
        return ()
    old, here = reusable(reuse).manifest, full_environment(recipe)
    found = [*old.earlier_environments, old.environment]
    return tuple(one for number, one in enumerate(found) if one != here and one not in found[:number])
