"""What the flows of all families share: plan, one task per shard, assemble, report."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from editmill.flows.artifacts import label_run, post_changes, post_dataset, post_guards, post_up_to_date
from editmill.flows.engines import task_runner
from editmill.flows.events import announce
from editmill.flows.tasks import Tasks, log_core_messages
from editmill.generators.models.placement import Placement
from editmill.manifests.manifest import MANIFEST
from editmill.manifests.records import Manifest
from editmill.manifests.urls import absolute, spelled
from editmill.pipelines.build import Prepared, finish, finished, prepare
from editmill.pipelines.losses import check_losses
from editmill.pipelines.plan import make_plan
from editmill.pipelines.recipe import Recipe, load_recipe, recipe_names
from editmill.pipelines.refresh import plan_refresh
from editmill.pipelines.uploads import check_reached

# On Prefect's pages each alternative is a tab with its title: a menu, or text. Type checkers can't know the recipes.
if TYPE_CHECKING:
    RecipeName = str
else:
    _RecipeFile = Annotated[str, Field(title="path of a YAML file", pattern=r"\.ya?ml$")]
    RecipeName = Annotated[Literal[*recipe_names()], Field(title="name")] | _RecipeFile
ShardCount = Annotated[int, Field(ge=1, le=100_000)]
Share = Annotated[float, Field(ge=0, le=1)]
VersionCount = Annotated[int, Field(ge=1)]
BatchSize = Annotated[int, Field(ge=1, le=1000)]
Device = (
    Annotated[Literal["auto", "cpu", "cuda", "mps", "xpu"], Field(title="kind")]
    | Annotated[str, Field(title="one of several, such as cuda:1", pattern=r"^(cuda|xpu):\d+$")]
)


def build_dataset(
    recipe: str,
    source: str,
    models: str,
    out: Path,
    overrides: list[str],
    *,
    placement: Placement,
    allow_code: bool,
    engine: str,
) -> dict[str, Any]:
    """Build what is missing of a dataset and assemble it, within a flow run; see the flows for the arguments."""
    log_core_messages()
    check_reached(out)
    plan = make_plan(load_recipe(recipe, source=source, models=models, overrides=overrides, allow_code=allow_code))
    with task_runner(engine) as runner:
        tasks = Tasks(runner)
        # Resolved once: a worker with other hardware must not render what this fingerprint does not say.
        placement = tasks.find_device(placement)
        prepared = prepare(plan, absolute(out), placement, calibrate=tasks.calibrate)
        label_run(plan.recipe.name, prepared.identity.fingerprint, Path(prepared.where))
        manifest = _made(prepared, tasks, engine)
    place = Path(prepared.where)
    post_dataset(manifest, place, built=not prepared.complete)
    check_losses(place)
    announce(manifest, place)
    return {
        "name": manifest.name,
        "out": spelled(place),
        "manifest": spelled(place / MANIFEST),
        "fingerprint": manifest.fingerprint,
        "shards": len(manifest.shards),
        "samples": sum(shard.nsamples for shard in manifest.shards),
    }


def refresh_versions(
    recipe: Recipe, root: Path, *, placement: Placement, most: float, keep: int | None, mixed: bool, engine: str
) -> dict[str, Any]:
    """Bring a dataset up to date within a flow run; see the flow for the arguments."""
    log_core_messages()
    root = absolute(root)
    with task_runner(engine) as runner:
        tasks = Tasks(runner)
        placement = tasks.find_device(placement)
        with plan_refresh(recipe, root, placement, most=most, mixed=mixed) as work:
            label_run(recipe.name, work.identity.fingerprint, root)
            if work.done:
                post_up_to_date(recipe.name, work.version, work.changes)
            else:
                if not work.ready:
                    _made(work.prepare(tasks.calibrate), tasks, engine)
                manifest = work.publish(keep=keep)
                post_dataset(manifest, Path(work.where), built=True)
                if work.old is not None:
                    post_changes(manifest, work.changes)
                announce(manifest, Path(work.where))
            return {"root": spelled(root), "version": work.version, "new": not work.done, **work.changes.counts()}


def _made(prepared: Prepared, tasks: Tasks, engine: str) -> Manifest:
    with prepared.lock:
        if prepared.complete:
            return finished(prepared)
        started = time.time()
        if prepared.report is not None:
            post_guards(prepared.plan.recipe.name, prepared.report)
        tasks.build(prepared)
        return finish(prepared, started=started, engine=f"prefect, {engine.partition('//')[0]}")
