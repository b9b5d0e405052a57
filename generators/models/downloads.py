"""The command that downloads what a role loads, and nothing else of its repository."""

from __future__ import annotations

import inspect
import re
import shlex
from pathlib import Path

from editmill.generators.models.pack import RoleEntry

TEXTS = ("*.json", "*.txt", "*.model", "*.jinja")
# Parts of pipelines that are texts alone.
WITHOUT_WEIGHTS = ("tokenizer", "scheduler", "feature_extractor", "image_processor", "processor")


def download_advice(entry: RoleEntry, target: Path | None) -> str:
    """Return the shell command that downloads a role's checkpoint into a folder, or into the hub cache."""
    words = ["hf", "download", entry.repo]
    if entry.revision:
        words += ["--revision", entry.revision]
    if target is not None:
        words += ["--local-dir", str(target)]
    for pattern in wanted_files(entry):
        words += ["--include", pattern]
    if not entry.file and not entry.variant:
        # Weights of another variant have two dots: model.fp16.safetensors.
        words += ["--exclude", f"*.*{_suffix(entry)}"]
    return shlex.join(words)


def wanted_files(entry: RoleEntry) -> list[str]:
    """Return patterns of the files that a role loads: configurations, and weights in one format and variant."""
    folder = f"{entry.subfolder}/" if entry.subfolder else ""
    if not entry.cls.startswith(("diffusers.", "transformers.")) or entry.cls == "diffusers.loaders.IPAdapterMixin":
        return [folder + entry.file] if entry.file else [f"{folder}*"]
    if entry.file:
        return [folder + name for name in (*TEXTS, entry.file)]
    ending = f"*.{entry.variant}*{_suffix(entry)}" if entry.variant else f"*{_suffix(entry)}"
    if entry.cls.endswith("Pipeline"):
        return [folder + name for name in (*TEXTS, *(f"{part}/{ending}" for part in _networks(entry)))]
    # At the top of a repository, the same weights may lie under other names.
    # The safety checker, deep in diffusers, is a network of transformers.
    stem = "pytorch_model" if entry.pickled else "model"
    stem = "diffusion_pytorch_model" if re.fullmatch(r"diffusers\.\w+", entry.cls) else stem
    return [folder + name for name in (*TEXTS, ending if folder else stem + ending)]


def _suffix(entry: RoleEntry) -> str:
    return ".bin" if entry.pickled else ".safetensors"


def _networks(entry: RoleEntry) -> list[str]:
    """Return the parts of a pipeline's class that have weights and come with it."""
    # Not above, since packs are listed without torch.
    from editmill.generators.models.networks import find_class

    parameters = inspect.signature(find_class(entry.cls).__init__).parameters.values()
    # Those with defaults are settings, and parts that few repositories have.
    parts = [one.name for one in parameters if one.default is one.empty and one.name != "self"]
    given = ("safety_checker", *entry.parts)
    return [part for part in parts if part not in given and not part.startswith(WITHOUT_WEIGHTS)]
