"""Which files of a checkpoint's folder are loaded, and the digest over them, as `ModelRecord.digest` holds it."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from editmill.manifests.canonical import file_digest
from editmill.manifests.errors import ModelError

WEIGHT_SUFFIXES = {".safetensors", ".bin", ".pt", ".pth", ".ckpt"}
# Schedulers, tokenizers and processors change pictures and scores as weights do.
CONFIG_SUFFIXES = {".json", ".txt", ".model", ".jinja"}
INDEX = "model_index.json"
# How diffusers and transformers name weights: one file, or an index of several.
_STEMS = r"(model(?=.*\.safetensors)|pytorch_model(?=.*\.bin)|diffusion_pytorch_model)"
_SINGLE = re.compile(_STEMS + r"(?:\.(\w+))?(\.safetensors|\.bin)")
_SHARDED = re.compile(_STEMS + r"(\.safetensors|\.bin)\.index(?:\.(\w+))?\.json")


@dataclass(frozen=True)
class Choice:
    """What is chosen of a folder that may hold more than is loaded.

    Attributes:
        variant: Of the weights, such as ``fp16``; "" for those without one or, where there are none, the only one.
        file: The one file that holds all weights, relative to the folder; "" for the libraries' own names.
        apart: Parts of a pipeline that come from elsewhere.
    """

    variant: str = ""
    file: str = ""
    apart: tuple[str, ...] = ()


WHOLE = Choice()


@dataclass(frozen=True)
class NetworkWeights:
    """The weights of one network under the libraries' own names.

    Attributes:
        variant: As in ``Choice``.
        suffix: ``.safetensors`` or ``.bin``.
        names: Files, an index of shards among them.
    """

    variant: str
    suffix: str
    names: tuple[str, ...]


def network_weights(folder: Path, variant: str = "") -> NetworkWeights | None:
    """Return the weights that are loaded from a network's folder: those of ``variant``, safetensors before pickles.

    Returns:
        None where no file has a name that the libraries know.

    Raises:
        ModelError: There are weights, but of several other variants, or of others than the one that is asked for.
    """
    found: dict[tuple[str, str], NetworkWeights] = {}
    for weights in _known(folder):
        found.setdefault((weights.variant, weights.suffix), weights)
    if not found:
        return None
    variants = sorted({name for name, _ in found})
    # A pipeline's smaller parts often have no variant of their own.
    wanted = next((name for name in (variant, "") if name in variants), None)
    if wanted is None and not variant and len(variants) == 1:
        wanted = variants[0]
    if wanted is None:
        what = f"no weights of the variant {variant!r}" if variant else "weights of several variants"
        fix = f"give the role the field variant: {' or '.join(filter(None, variants))}"
        raise ModelError(f"the checkpoint has {what}", where=str(folder), fix=fix)
    return found.get((wanted, ".safetensors")) or found[wanted, ".bin"]


def _known(folder: Path) -> Iterator[NetworkWeights]:
    """Yield what the libraries could load from a folder, what they prefer first."""
    names = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    single = [
        (match[1].startswith("diffusion"), NetworkWeights(match[2] or "", match[3], (name,)))
        for name in names
        if (match := _SINGLE.fullmatch(name))
    ]
    sharded = [
        (match[1].startswith("diffusion"), NetworkWeights(match[3] or "", match[2], (name, *_shards(folder / name))))
        for name in names
        if (match := _SHARDED.fullmatch(name))
    ]
    # diffusers looks for an index first, transformers for a single file.
    yield from (weights for diffusers, weights in sharded if diffusers)
    yield from (weights for _, weights in single)
    yield from (weights for diffusers, weights in sharded if not diffusers)


def _shards(index: Path) -> list[str]:
    try:
        return sorted(set(json.loads(index.read_bytes())["weight_map"].values()))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        what = f"{index.name} is no index of weights"
        raise ModelError(what, where=str(index.parent), fix="download it again") from error


def loaded_parts(index: dict[str, Any], apart: Sequence[str] = ()) -> list[str]:
    """Return the parts that a pipeline loads from its folder, given what ``model_index.json`` holds.

    The safety checker blanks pictures, which a guard then could not tell from a failure; it is always left out, and so
    is the feature extractor where nothing else reads it.
    """
    parts = [name for name, entry in index.items() if isinstance(entry, list) and entry[0] is not None]
    unused = {"safety_checker", *apart}
    if "image_encoder" not in parts and "safety_checker" in index:
        unused.add("feature_extractor")
    return [name for name in parts if name not in unused]


def loaded_files(folder: Path, choice: Choice = WHOLE) -> list[Path]:
    """Return the weight and configuration files that a checkpoint is loaded from, in sorted order.

    Raises:
        ModelError: See ``network_weights``, or ``model_index.json`` is damaged.
    """
    index = folder / INDEX
    if index.is_file():
        try:
            parts = loaded_parts(json.loads(index.read_bytes()), choice.apart)
        except (ValueError, AttributeError, IndexError) as error:
            what = f"{INDEX} is no description of a pipeline"
            raise ModelError(what, where=str(folder), fix="download it again") from error
        files = [index, *(path for part in parts for path in _files_of(folder / part, choice))]
    else:
        files = list(_files_of(folder, choice))
    if choice.file:
        files.append(folder / choice.file)
    return sorted(files)


def _files_of(folder: Path, choice: Choice) -> Iterator[Path]:
    """Yield configuration files, and the weights unless they are in a file of their own."""
    known = None if choice.file else network_weights(folder, choice.variant)
    for path in folder.iterdir() if folder.is_dir() else ():
        if path.suffix in WEIGHT_SUFFIXES:
            mine = not choice.file and (known is None or path.name in known.names)
        else:
            mine = path.suffix in CONFIG_SUFFIXES and not _SHARDED.fullmatch(path.name)
        if mine or (known is not None and path.name in known.names):
            yield path


def weights_digest(folder: Path, choice: Choice = WHOLE) -> str:
    """Return the sha256 over the names and sha256 of all files that are loaded from ``folder``, in sorted order."""
    total = hashlib.sha256()
    for path in loaded_files(folder, choice):
        status = path.stat()
        sha256 = _digest(path, status.st_size, status.st_mtime_ns)
        total.update(f"{path.relative_to(folder).as_posix()}:{sha256}\n".encode())
    return total.hexdigest()


def weights_stamp(folder: Path, choice: Choice = WHOLE) -> tuple[tuple[str, int, int], ...]:
    """Return names, sizes in bytes and times of the same files: what changes when one is replaced, without reading."""
    stats = ((path, path.stat()) for path in loaded_files(folder, choice))
    return tuple((str(path), status.st_size, status.st_mtime_ns) for path, status in stats)


# Size and time are part of the key, so that a file that is replaced meanwhile is digested again.
@lru_cache(maxsize=1024)
def _digest(path: Path, size: int, modified: int) -> str:
    return file_digest(path)
