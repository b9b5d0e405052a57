"""Refreshing a dataset: a new version beside the old one, of which everything is copied that is made from the same."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from editmill.generators.base.reasons import Reason
from editmill.generators.base.samples import PlannedSample
from editmill.generators.models.placement import Placement
from editmill.manifests.atomic import atomic_write
from editmill.manifests.canonical import canonical_json
from editmill.manifests.errors import RequestError
from editmill.manifests.guard_report import GuardReport
from editmill.manifests.locks import Lock
from editmill.manifests.manifest import MANIFEST, README, dataset_records, read_manifest
from editmill.manifests.reader import open_dataset
from editmill.manifests.records import Manifest, SourceRecord
from editmill.manifests.remote import RemoteFolder
from editmill.manifests.store import Store
from editmill.manifests.urls import is_url
from editmill.manifests.verify import verify_dataset
from editmill.manifests.versions import (
    CURRENT,
    VERSIONS,
    make_current,
    no_versions,
    read_current,
    version_folder,
    version_numbers,
    versions_of,
)
from editmill.pipelines.assemble import make_manifest
from editmill.pipelines.build import Prepared, prepare
from editmill.pipelines.calibrate import calibrate_guards
from editmill.pipelines.changes import write_changes
from editmill.pipelines.differences import Difference, Known, causes, facts_between, samples_of, shared_causes
from editmill.pipelines.fingerprint import Identity, identify
from editmill.pipelines.identity import record_digest, sample_inputs
from editmill.pipelines.losses import check_losses
from editmill.pipelines.plan import Plan, make_plan
from editmill.pipelines.recipe import Recipe
from editmill.pipelines.reuse import check_environment, judged_anew, made_from, sharded_like, spares_last
from editmill.pipelines.states import (
    BACKGROUNDS,
    NAME_WHOLE,
    NEXT,
    STATE,
    lock_versions,
    prune_backgrounds,
    read_state,
    state_file,
    whole_version,
)
from editmill.pipelines.stored_versions import fetch_versions, publish_versions
from editmill.pipelines.takedown import DELETED, forgotten, mend, refuse_forgotten
from editmill.pipelines.uploads import scratch_folder
from editmill.pipelines.workspace import begun

logger = logging.getLogger("editmill.build")


@dataclass(frozen=True)
class Refresh:
    """What a refresh will do.

    Attributes:
        root: The folder of versions on this machine.
        plan: Of the new version.
        identity: Its fingerprint and models.
        placement: Where models run.
        old: Folder of the current version; None for the first one.
        before: What its rows say, by key.
        changes: What differs from it.
        done: Whether nothing differs.
        ready: Whether the new version is there already: a refresh was stopped before it made it current.
        mixed: Whether other versions of libraries may have built the old one.
        lock: By which other refreshes are kept out; None where nothing is going to be made.
        remote: The folder of versions in an object store, where there is one; ``root`` is where it is refreshed.
    """

    root: Path
    plan: Plan
    identity: Identity
    placement: Placement
    old: Path | None
    before: dict[str, Known]
    changes: Difference
    done: bool
    ready: bool
    mixed: bool
    lock: Lock | None
    remote: RemoteFolder | None = None

    def __enter__(self) -> Refresh:
        return self

    def __exit__(self, *error: object) -> None:
        if self.lock is not None:
            self.lock.release()

    @property
    def version(self) -> str:
        """The new version, or the current one where nothing differs."""
        return self.plan.recipe.version

    @property
    def where(self) -> str:
        """Where readers find that version: its folder, or its URL."""
        return f"{self.root if self.remote is None else self.remote.root}/{VERSIONS}/{self.version}"

    def prepare(
        self, calibrate: Callable[..., GuardReport | None] = calibrate_guards, *, cache: Path | None = None
    ) -> Prepared:
        """Take the folder in which the new version is built; a refresh that was stopped goes on there.

        Args:
            calibrate: As for ``build.prepare``.
            cache: As for ``build.prepare``; None for a folder beside the versions that keeps what the sources have.

        Raises:
            EditmillError: See ``build.prepare``.
        """
        folder = self.root / NEXT
        if folder.exists() and begun(folder)[0] != self.identity.fingerprint:
            # Of another state of the sources, which nobody waits for any more, or damaged.
            shutil.rmtree(folder)
        prepared = prepare(
            self.plan,
            folder,
            self.placement,
            reuse=None if self.old is None or judged_anew(read_manifest(self.old)) else self.old,
            mixed=self.mixed,
            calibrate=calibrate,
            cache=cache or self.root / BACKGROUNDS,
        )
        return replace(prepared, extras=self._extras) if self.old is not None else prepared

    def _extras(self, shards: list[Path], manifest: Manifest) -> list[str]:
        assert self.old is not None
        return write_changes(self.changes, self.before, shards, manifest, old=self.old, out=self.root / NEXT)

    def publish(self, *, keep: int | None = None) -> Manifest:
        """Verify the finished version and make it the current one; a failure leaves the old one current.

        Args:
            keep: How many versions stay, the current one among them; None for all.

        Raises:
            DataError: It is damaged, or nothing survived of a part of it.
        """
        if self.ready:
            folder = version_folder(self.root, self.version)
            verify_dataset(folder).raise_for_problems(f"delete {folder}, and run the same command again")
        else:
            self._move()
        make_current(self.root, self.version)
        if keep is not None:
            _prune(self.root, keep)
        if self.remote is not None:
            publish_versions(self.remote, self.root, None if self.old is None else self.old.name)
        return read_manifest(version_folder(self.root, self.version))

    def _move(self) -> None:
        folder = self.root / NEXT
        verify_dataset(folder).raise_for_problems("run the same command again, which mends it")
        check_losses(folder)
        records, pictures = dict[str, str](), list[str]()
        for source in _sources(self.plan):
            records[source.id] = record_digest(source)
            pictures.append(source.sha256)
        state = {"common": dict(self.identity.common), "records": records}
        (self.root / STATE).mkdir(exist_ok=True)
        (self.root / VERSIONS).mkdir(exist_ok=True)
        atomic_write(state_file(self.root, self.version), canonical_json(state))
        folder.rename(version_folder(self.root, self.version))
        prune_backgrounds(self.root, pictures)


def plan_refresh(
    recipe: Recipe,
    root: Path | str,
    placement: Placement,
    *,
    most: float = 0.2,
    mixed: bool = False,
    wait: bool = True,
    dry: bool = False,
    scratch: Path | None = None,
) -> Refresh:
    """Find out what a refresh would do; nothing is built, and no model is loaded.

    Args:
        recipe: What the dataset is made by.
        root: The folder of versions, or its URL in an object store; made where it is missing.
        placement: Where models run.
        most: Largest share of the current version's samples that may be gone or made anew.
        mixed: Whether other versions of libraries may have built the current version.
        wait: Whether to wait for another refresh of this folder.
        dry: Whether nothing is going to be made, so that nothing is written and nobody kept out.
        scratch: Folder below which versions for a URL are made; None for one in the user's cache.

    Raises:
        RequestError: More would be gone or made anew; or the libraries are others.
        EditmillError: The source, the models, the store or the current version can't be read.
    """
    remote = RemoteFolder(root) if is_url(root) else None
    root = Path(root) if remote is None else scratch_folder(remote.root, scratch)
    if (root / MANIFEST).exists():
        raise no_versions(str(root), read_manifest(root).version)
    if dry:
        if remote is not None:
            fetch_versions(remote, root, write=False)
        return _of(_plan(recipe, root, placement.settled(), most, mixed, None), remote)
    lock = lock_versions(root, wait=wait)
    try:
        mend(root)
        if remote is not None:
            fetch_versions(remote, root)
        return _of(_plan(recipe, root, placement.settled(), most, mixed, lock), remote)
    except BaseException:
        lock.release()
        raise


def _of(work: Refresh, remote: RemoteFolder | None) -> Refresh:
    """Add the store of a refresh; in a folder of this machine a first version must be the first one."""
    others = versions_of(work.root)
    if remote is None and work.old is None and others and not work.ready:
        fix = f"make one of these current by `editmill rollback`: {', '.join(others)}"
        raise RequestError(f"there are versions, but {CURRENT} is absent", where=str(work.root), fix=fix)
    return replace(work, remote=remote)


def _plan(recipe: Recipe, root: Path, placement: Placement, most: float, mixed: bool, lock: Lock | None) -> Refresh:
    current = read_current(root)
    if current is None:
        plan = make_plan(recipe, without=forgotten(root))
        all_new = Difference(added={sample.key: sample.source.id for sample in plan.file.samples(spares=())})
        work = Refresh(root, plan, identify(plan, placement), placement, None, {}, all_new, False, False, mixed, lock)
        return _settled(work, recipe.version)
    old = version_folder(root, current.version)
    manifest = read_manifest(root)
    plan = _as_version(make_plan(sharded_like(recipe, manifest), without=forgotten(root)), current.version)
    identity = identify(plan, placement)
    with whole_version():
        before = samples_of(Store(old), manifest)
    changes = _changes(root, plan, identity, manifest, before)
    work = Refresh(root, plan, identity, placement, old, before, changes, False, False, mixed, lock)
    if not (changes.added or changes.removed or changes.made) and _same_card(plan, identity, manifest):
        damaged = _damaged(old, manifest)
        if not damaged:
            return replace(work, done=True)
        said = (
            "%s: %s is absent or has another size than its manifest says (%d such files); a new version will be whole"
        )
        logger.warning(said, old, damaged[0], len(damaged))
    if changes.share > most:
        raise _too_much(root, changes, most, manifest)
    if not mixed and not judged_anew(manifest):
        check_environment(old, plan.recipe)
    return _settled(work, recipe.version)


def _too_much(root: Path, changes: Difference, most: float, manifest: Manifest) -> RequestError:
    what = f"{changes.share:.0%} of the samples would be gone or made anew, more than {most:.0%}"
    fix = "see whether the source is all there; if it is meant, allow it by --max-change 100% (a flow: max_change=1)"
    if judged_anew(manifest):
        what += f", since `editmill regate` made {manifest.version}, and such a version can't be copied from"
        fix = "make the version that it was made from current by `editmill rollback`, or allow it by --max-change 100%"
    return RequestError(what, where=str(root), fix=fix)


def roll_back(root: Path, version: str) -> None:
    """Make an earlier version the current one again.

    Raises:
        RequestError: There is no such version.
        DataError: It is damaged.
    """
    with lock_versions(root):
        mend(root)
        if version in versions_of(root):
            verify_dataset(version_folder(root, version)).raise_for_problems(NAME_WHOLE)
            refuse_forgotten(open_dataset(version_folder(root, version)), forgotten(root))
        make_current(root, version)


def _settled(work: Refresh, asked: str) -> Refresh:
    """Give the new version its number: at least the recipe's, and none that is taken.

    A version that a refresh has finished, and was stopped before it made it current, is taken as it is.
    """
    after = asked if work.old is None else work.changes.next_version(read_manifest(work.old).version)
    version = max(asked, after, key=version_numbers)
    plan, identity = work.plan, work.identity
    while True:
        plan = _as_version(plan, version)
        identity = identify(plan, work.placement)
        if version not in versions_of(work.root):
            return replace(work, plan=plan, identity=identity)
        if read_manifest(version_folder(work.root, version)).fingerprint == identity.fingerprint:
            return replace(work, plan=plan, identity=identity, ready=True)
        version = work.changes.next_version(version)


def _as_version(plan: Plan, version: str) -> Plan:
    return replace(plan, recipe=plan.recipe.model_copy(update={"version": version}))


def _planned(plan: Plan, identity: Identity) -> Iterator[PlannedSample]:
    for shard in plan.shards:
        inputs = sample_inputs(plan.recipe.family, plan.asked, shard.without_spares(), identity.common)
        yield from (replace(sample, inputs=one) for sample, one in zip(shard.without_spares(), inputs, strict=True))


def _changes(root: Path, plan: Plan, identity: Identity, manifest: Manifest, before: dict[str, Known]) -> Difference:
    """Compare the current version's rows with a plan."""
    found, gone = Difference(facts=facts_between(manifest, make_manifest(plan, identity, []))), dict(before)
    state, regated, lasting = read_state(root, manifest.version), judged_anew(manifest), spares_last(manifest)
    for sample in _planned(plan, identity):
        old = gone.pop(sample.key, None)
        if old is None:
            found.added[sample.key] = (sample.partner or sample.source).id
        elif regated:
            # Its rows have the inputs of the thresholds that they were first judged by.
            found.made[sample.key] = ["judged by editmill regate"]
        elif not made_from(sample, old.inputs):
            found.made[sample.key] = _causes(sample, identity, state, found)
        elif Reason.SOURCE_CHANGED in old.reasons or (old.inputs != sample.inputs and not lasting):
            # It is tried again, for what it needed may be there again.
            found.made[sample.key] = causes([], source=Reason.SOURCE_CHANGED in old.reasons, partner=True)
        else:
            found.kept += 1
    found.removed = {key: one.source for key, one in gone.items()}
    return found


def _causes(
    sample: PlannedSample, identity: Identity, state: dict[str, dict[str, str]], found: Difference
) -> list[str]:
    """Return why a sample is made anew."""
    records, edit, mine = state.get("records", {}), sample.edit.name, sample.source
    same = state.get("common", {}).get(edit) == identity.common[edit]
    changed = mine.id in records and records[mine.id] != record_digest(mine)
    shared = [] if same else shared_causes(found.facts)
    return causes(shared, source=changed, partner=sample.partner is not None)


def _same_card(plan: Plan, identity: Identity, manifest: Manifest) -> bool:
    """Return whether a plan would give a dataset the same name, recipe and facts beside its samples."""
    made = make_manifest(plan, identity, [])
    names = ("name", "recipe", "models", "members", "score_names", "edits", "reasons", "class_names")
    same = all(getattr(made, name) == getattr(manifest, name) for name in names)
    return same and made.sources.licence == manifest.sources.licence


def _damaged(version: Path, manifest: Manifest) -> list[str]:
    """Return the files of a version that are absent or have another size, which shows without reading them."""

    def whole(path: Path, size: int) -> bool:
        return path.is_file() and path.stat().st_size == size

    # People write on the card.
    records = (record for record in dataset_records(manifest) if record.path != README)
    return [record.path for record in records if not whole(version / record.path, record.bytes)]


def _sources(plan: Plan) -> Iterator[SourceRecord]:
    """Yield the sources that samples show, each once."""
    seen = set[str]()
    for sample in plan.file.samples(spares=()):
        for record in (sample.source, sample.partner):
            if record is not None and record.id not in seen:
                seen.add(record.id)
                yield record


def _prune(root: Path, keep: int) -> None:
    """Delete the oldest versions, but never the current one."""
    current = read_current(root)
    assert current is not None
    others = [version for version in versions_of(root) if version != current.version]
    for version in others[: max(0, len(others) + 1 - keep)]:
        state_file(root, version).unlink(missing_ok=True)
        # Whole under its name, or not at all.
        aside = root / VERSIONS / f".{version}{DELETED}"
        version_folder(root, version).rename(aside)
        shutil.rmtree(aside)
