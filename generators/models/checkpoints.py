"""Where a role's checkpoint lies on disk, and what identifies it."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from editmill.generators.models.downloads import download_advice
from editmill.generators.models.few_steps import LORA_CLASS, require_peft
from editmill.generators.models.pack import COMMIT, PackSpec, RoleEntry
from editmill.manifests.errors import ModelError
from editmill.manifests.records import ModelRecord
from editmill.manifests.weights import INDEX, WEIGHT_SUFFIXES, Choice, loaded_files, weights_digest

logger = logging.getLogger("editmill.models")


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint on the disk.

    Attributes:
        folder: Where its configuration lies.
        revision: The hub commit it is of, or "" for embedded weights.
        choice: What is loaded of the folder.
    """

    folder: Path
    revision: str
    choice: Choice


@dataclass(frozen=True)
class _Place:
    """A folder where a repository may lie, and the commit that its name tells."""

    root: Path
    commit: str = ""


def find_checkpoint(pack: PackSpec, role: str, models_dir: Path | None) -> Checkpoint:
    """Return a role's checkpoint: embedded, under ``models_dir``, or in the hub cache; nothing is downloaded.

    Raises:
        ModelError: It is not there, not complete, of another revision, or of none that can be told; the message names
            the download command.
    """
    entry = pack.entry(role)
    if not entry.repo:
        folder = _own_folder(pack, entry, models_dir)
        if not _present(folder, entry):
            raise _own_missing(pack, role, models_dir)
        return Checkpoint(folder, "", entry.choice)
    found = _found(entry, models_dir)
    chosen = found.get(entry.revision) if entry.revision else _only(found)
    if chosen is None:
        raise _refusal(pack, role, models_dir, found)
    return chosen


def is_present(pack: PackSpec, role: str, models_dir: Path | None) -> bool:
    """Return whether ``find_checkpoint`` finds a role's checkpoint."""
    entry = pack.entry(role)
    try:
        if not entry.repo:
            return _present(_own_folder(pack, entry, models_dir), entry)
        found = _found(entry, models_dir)
    except ModelError:
        return False
    return entry.revision in found if entry.revision else _only(found) is not None


def checkpoint_folder(pack: PackSpec, role: str, models_dir: Path | None) -> Path:
    """Return the folder of a role's checkpoint.

    Raises:
        ModelError: See ``find_checkpoint``.
    """
    return find_checkpoint(pack, role, models_dir).folder


def tell_variant(pack: PackSpec, role: str, found: Checkpoint) -> None:
    """Warn where nothing that is loaded is of the variant that the pack names."""
    variant = pack.entry(role).variant
    if variant and not any(f".{variant}." in path.name for path in loaded_files(found.folder, found.choice)):
        what = "%s: the checkpoint of %r has no weights of the variant %r; those without a variant are loaded"
        logger.warning(what, found.folder, role, variant)


def require_checkpoints(pack: PackSpec, roles: Sequence[str], models_dir: Path | None) -> None:
    """Refuse roles whose checkpoints can't be used, all of them at once.

    Raises:
        ModelError: It lists every role with its reason and its download command.
    """
    problems = []
    for role in roles:
        try:
            if pack.entry(role).cls == LORA_CLASS:
                require_peft()
            tell_variant(pack, role, find_checkpoint(pack, role, models_dir))
        except ModelError as error:
            problems.append(error)
    if len(problems) == 1:
        raise problems[0]
    if problems:
        lines = [f"{len(problems)} checkpoints of pack {pack.name!r} can't be used:"]
        lines += [f"  - {problem.what} ({problem.where})" for problem in problems]
        # Two roles may have one repository.
        fixes = dict.fromkeys(problem.fix for problem in problems)
        raise ModelError("\n".join(lines), fix="\n       ".join(("", *fixes)).lstrip("\n "))


def _found(entry: RoleEntry, models_dir: Path | None) -> dict[str, Checkpoint]:
    """Return the complete checkpoints on this machine by their revision, "" where there is no trace of one."""
    found: dict[str, Checkpoint] = {}
    for place in _places(entry.repo, models_dir):
        folder = place.root / entry.subfolder
        if _present(folder, entry):
            # What was put there by other means is taken for the revision that is pinned.
            revision = place.commit or _downloaded_commit(place.root, entry) or entry.revision
            found.setdefault(revision, Checkpoint(folder, revision, entry.choice))
    return found


def _only(found: dict[str, Checkpoint]) -> Checkpoint | None:
    """Return the one checkpoint whose revision is known."""
    return next(iter(found.values())) if len(found) == 1 and "" not in found else None


def _places(repo: str, models_dir: Path | None) -> Iterator[_Place]:
    if models_dir is not None:
        yield from (_Place(models_dir / name) for name in (repo, repo.split("/")[-1]))
        cache = models_dir
    else:
        try:
            from huggingface_hub import constants
        except ImportError:
            return
        cache = Path(constants.HF_HUB_CACHE)
    snapshots = cache / f"models--{repo.replace('/', '--')}" / "snapshots"
    for folder in sorted(snapshots.iterdir()) if snapshots.is_dir() else ():
        yield _Place(folder, folder.name)


def _present(folder: Path, entry: RoleEntry) -> bool:
    """Return whether all files are there that the names of others tell of."""
    if not folder.is_dir():
        return False
    if entry.cls.endswith("Pipeline") and not (folder / INDEX).is_file():
        return False
    files = loaded_files(folder, entry.choice)
    # An interrupted download leaves a folder without weights, or without some of the shards.
    return any(path.suffix in WEIGHT_SUFFIXES for path in files) and all(path.is_file() for path in files)


def _downloaded_commit(root: Path, entry: RoleEntry) -> str:
    """Return the commit that ``hf download --local-dir`` notes for the files that are loaded; "" for no trace.

    Raises:
        ModelError: They are of several commits.
    """
    notes = root / ".cache" / "huggingface" / "download"
    commits = set()
    for path in loaded_files(root / entry.subfolder, entry.choice):
        note = notes / f"{path.relative_to(root).as_posix()}.metadata"
        first = note.read_text().partition("\n")[0].strip() if note.is_file() else ""
        commits.update([first] if COMMIT.fullmatch(first) else [])
    if len(commits) > 1:
        raise ModelError(
            f"the files of {entry.repo} were downloaded from several revisions: {', '.join(sorted(commits))}",
            where=str(root),
            fix=download_advice(entry, root),
        )
    return next(iter(commits), "")


def _own_folder(pack: PackSpec, entry: RoleEntry, models_dir: Path | None) -> Path:
    """Return the folder of embedded or converted weights."""
    root = pack.folder / entry.path if entry.path else (models_dir or Path("MODELS")) / entry.made
    return root / entry.subfolder


def _own_missing(pack: PackSpec, role: str, models_dir: Path | None) -> ModelError:
    entry = pack.entry(role)
    where = str(_own_folder(pack, entry, models_dir))
    if entry.made:
        fix = f"{entry.command.replace('MODELS', str(models_dir or 'MODELS'))}  (then pass --models-dir "
        fix += f"{models_dir or 'MODELS'})"
        what = f"the checkpoint of {role!r} in pack {pack.name!r} has not been converted on this machine"
        return ModelError(what, where=where, fix=fix)
    # Embedded packs bring the code that trains them.
    trained = (pack.folder / "train.py").is_file()
    fix = f"reinstall editmill-{pack.name}, or train them: python -m editmill.packs.{pack.name}.train {role}"
    return ModelError(
        f"the weights of {role!r} in pack {pack.name!r} are missing",
        where=where,
        fix=fix if trained else f"put the checkpoint there, or correct roles.{role}.path in the pack's file",
    )


def _refusal(pack: PackSpec, role: str, models_dir: Path | None, found: dict[str, Checkpoint]) -> ModelError:
    entry = pack.entry(role)
    target = models_dir / entry.repo if models_dir else None
    where = str(target or f"hub cache, {entry.repo}")
    named = f"the checkpoint of {role!r} in pack {pack.name!r}"
    fix = download_advice(entry, target)
    if not found:
        return ModelError(f"{named} is not on this machine", where=where, fix=fix)
    there = ", ".join(sorted(filter(None, found)))
    folder = str(next(iter(found.values())).folder)
    if entry.revision:
        fix = f"give roles.{role}.revision the one that is there, or: {fix}"
        return ModelError(f"{named} is there in revision {there}; the pack asks for {entry.revision}", folder, fix)
    several = f"is there in several revisions: {there}" if len(found) > 1 else "has no trace of its revision"
    return ModelError(
        f"{named} {several}", folder, f"give roles.{role}.revision the full commit of {entry.repo} that it is of"
    )


def model_record(pack: PackSpec, role: str, *, models_dir: Path | None, dtype: str) -> ModelRecord:
    """Return what the manifest says about a role's checkpoint."""
    entry, found = pack.entry(role), find_checkpoint(pack, role, models_dir)
    return ModelRecord(
        role=role,
        cls=entry.cls,
        # A folder of this machine is cut to its name.
        id=entry.repo
        or entry.made
        or f"{pack.name}/{Path(entry.path).name if Path(entry.path).is_absolute() else entry.path}",
        revision=found.revision,
        digest=weights_digest(found.folder, found.choice),
        dtype=dtype,
        licence=entry.licence,
    )
