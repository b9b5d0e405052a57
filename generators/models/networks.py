"""Loading of networks and pipelines that refuses incomplete checkpoints; the libraries fill gaps with random numbers and warn."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import torch


def find_class(name: str) -> Any:
    """The class that ``package.Class`` names."""
    package, _, cls = name.rpartition(".")
    return getattr(importlib.import_module(package), cls)


def load_network(cls: Any, folder: Path, *, dtype: torch.dtype) -> Any:
    """Load one network.

    Raises:
        ValueError: the checkpoint lacks weights of the network.
        OSError: the folder is incomplete or damaged.
    """
    network, report = cls.from_pretrained(folder, local_files_only=True, dtype=dtype, output_loading_info=True)
    missing = sorted(report["missing_keys"]) + sorted(str(key) for key in report["mismatched_keys"])
    if missing:
        raise ValueError(f"{len(missing)} weights are missing or of another shape, the first is {missing[0]}")
    return network


def load_pipeline(cls: Any, folder: Path, *, dtype: torch.dtype, parts: dict[str, Any]) -> Any:
    """Load a diffusers pipeline; ``parts`` come from other roles.

    Raises:
        ValueError: a part lacks weights.
        OSError: a part's folder is missing or damaged.
    """
    index = json.loads((folder / "model_index.json").read_text())
    loaded = dict(parts)
    for part, entry in index.items():
        # The safety checker blanks pictures, which a guard then could not tell from a failure; it is always left out.
        if part in loaded or part == "safety_checker" or not isinstance(entry, list) or entry[0] is None:
            continue
        if not (folder / part).is_dir():
            raise OSError(f"the part {part!r} that model_index.json names has no folder")
        if (folder / part / "config.json").exists() and entry[0] in ("diffusers", "transformers"):
            loaded[part] = load_network(find_class(f"{entry[0]}.{entry[1]}"), folder / part, dtype=dtype)
    return cls.from_pretrained(folder, local_files_only=True, dtype=dtype, safety_checker=None, requires_safety_checker=False, **loaded)
