"""Where a role's checkpoint lies on disk, and what identifies it."""

from __future__ import annotations

from pathlib import Path

from editmill.generators.models.pack import PackSpec, RoleEntry
from editmill.manifests.errors import ModelError
from editmill.manifests.records import ModelRecord
from editmill.manifests.weights import WEIGHT_SUFFIXES, weights_digest


def local_folder(pack: PackSpec, role: str, models_dir: Path | None) -> Path | None:
    """Return the folder of a role's checkpoint if it is present: embedded, under ``models_dir``, or in the hub
    cache.
    """
    entry = pack.entry(role)
    if entry.path:
        folder = pack.folder / entry.path
        return folder if _has_weights(folder) else None
    if models_dir is not None:
        names = (entry.made,) if entry.made else (entry.repo, entry.repo.split("/")[-1])
        named = (models_dir / name / entry.subfolder for name in names)
        return next((folder for folder in named if _has_weights(folder)), None)
    return _hub_snapshot(entry) if entry.repo else None


def checkpoint_folder(pack: PackSpec, role: str, models_dir: Path | None) -> Path:
    """Return the folder as ``local_folder`` does, downloading nothing.

    Raises:
        ModelError: The checkpoint is not there; the message names the download command.
    """
    folder = local_folder(pack, role, models_dir)
    if folder is not None:
        return folder
    entry = pack.entry(role)
    if entry.path:
        # Embedded packs bring the code that trains them.
        trained = (pack.folder / "train.py").is_file()
        fix = f"reinstall editmill-{pack.name}, or train them: python -m editmill.packs.{pack.name}.train {role}"
        raise ModelError(
            f"the weights of {role!r} in pack {pack.name!r} are missing",
            where=str(pack.folder / entry.path),
            fix=fix if trained else f"put the checkpoint there, or correct roles.{role}.path in the pack's file",
        )
    if entry.made:
        raise ModelError(
            f"the checkpoint of {role!r} in pack {pack.name!r} has not been converted on this machine",
            where=str((models_dir or Path("MODELS")) / entry.made),
            fix=f"{entry.command.replace('MODELS', str(models_dir or 'MODELS'))}  (then pass --models-dir "
            f"{models_dir or 'MODELS'})",
        )
    target = models_dir / entry.repo if models_dir else Path("MODELS") / entry.repo
    raise ModelError(
        f"the checkpoint of {role!r} in pack {pack.name!r} is not on this machine",
        where=str(target) if models_dir else f"hub cache, {entry.repo}",
        fix=f"hf download {entry.repo} --revision {entry.revision} --local-dir {target}  (then pass --models-dir "
        f"{models_dir or 'MODELS'})",
    )


def _has_weights(folder: Path) -> bool:
    # An interrupted download leaves a folder without weights.
    return folder.is_dir() and any(path.suffix in WEIGHT_SUFFIXES for path in folder.rglob("*"))


def _hub_snapshot(entry: RoleEntry) -> Path | None:
    try:
        from huggingface_hub import snapshot_download
    except ImportError:
        return None
    try:
        snapshot = snapshot_download(entry.repo, revision=entry.revision, local_files_only=True)
    except OSError:
        return None
    folder = Path(snapshot) / entry.subfolder
    return folder if _has_weights(folder) else None


def model_record(pack: PackSpec, role: str, *, models_dir: Path | None, dtype: str) -> ModelRecord:
    """Return what the manifest says about a role's checkpoint."""
    entry = pack.entry(role)
    return ModelRecord(
        role=role,
        cls=entry.cls,
        # A folder of this machine is cut to its name.
        id=entry.repo
        or entry.made
        or f"{pack.name}/{Path(entry.path).name if Path(entry.path).is_absolute() else entry.path}",
        revision=entry.revision,
        digest=weights_digest(checkpoint_folder(pack, role, models_dir)),
        dtype=dtype,
        licence=entry.licence,
    )
