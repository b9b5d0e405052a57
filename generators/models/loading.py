"""Loading of roles: once per process, placed by accelerate."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from safetensors import SafetensorError

from editmill.generators.models.checkpoints import Checkpoint, find_checkpoint
from editmill.generators.models.compiling import compile_denoiser
from editmill.generators.models.few_steps import LORA_CLASS, LORA_PART, put_on, set_sampler
from editmill.generators.models.later import import_later
from editmill.generators.models.networks import (
    colours_side_by_side,
    find_class,
    load_network,
    load_pipeline,
    load_script,
    load_torchvision,
    one_file,
    read_tensors,
    tile_large_frames,
)
from editmill.generators.models.pack import PackSpec
from editmill.generators.models.placement import Placement
from editmill.generators.models.prompts import remember_prompts
from editmill.manifests.errors import ModelError, out_of_memory
from editmill.manifests.stages import stage
from editmill.manifests.weights import weights_digest, weights_stamp

# The first is imported by diffusers for one option of its schedulers, the second by accelerate for a questionnaire.
for _module in ("scipy.stats", "boto3"):
    import_later(_module)

logger = logging.getLogger("editmill.models")
# By what is loaded and where, so that all Models of a process share the weights.
_loaded: dict[tuple[object, ...], Any] = {}


def forget() -> None:
    """Let go of all models of this process; whoever still holds one keeps it."""
    _loaded.clear()


@contextmanager
def quiet() -> Iterator[None]:
    """Silence the libraries' own progress bars, which would tear ours, and their reports of spare weights.

    Missing ones are refused.
    """
    import diffusers.utils.logging as diffusers_logging
    import transformers.utils.logging as transformers_logging

    libraries: tuple[Any, ...] = (diffusers_logging, transformers_logging)
    levels = [library.get_verbosity() for library in libraries]
    for library in libraries:
        library.disable_progress_bar()
        library.set_verbosity_error()
    try:
        yield
    finally:
        for library, level in zip(libraries, levels, strict=True):
            library.enable_progress_bar()
            library.set_verbosity(level)


class Models:
    """The models of one pack under one placement; each role loads when it is first asked for.

    Args:
        pack: The pack.
        placement: Where they run.
        digests: Of weights, by role, as far as they are known.
    """

    def __init__(self, pack: PackSpec, placement: Placement, digests: Mapping[str, str] | None = None) -> None:
        self.pack, self.placement = pack, placement
        self._got: dict[str, Any] = {}
        self._digests = dict(digests or {})

    @cached_property
    def device(self) -> torch.device:
        """The resolved device."""
        return self.placement.resolve()

    def get(self, role: str) -> Any:
        """Return the loaded network or pipeline of ``role``, in evaluation mode.

        Raises:
            ModelError: The role or its checkpoint is missing, or the checkpoint does not load.
        """
        if role not in self._got:
            name = (self.pack.describe(role), self.placement, *self._files(role))
            if name not in _loaded:
                # Whoever asks first may be within inference mode, and weights made there never have a gradient.
                with torch.inference_mode(False):
                    _loaded[name] = self._place(self._load(role))
            self._got[role] = _loaded[name]
        return self._got[role]

    def _files(self, role: str) -> Iterator[object]:
        """Yield what lies on the disk for a role and its parts: a checkpoint that is replaced is another one."""
        for name in (role, *self.pack.entry(role).parts.values()):
            found = self.checkpoint(name)
            yield weights_stamp(found.folder, found.choice)

    def digest(self, role: str) -> str:
        """Return the digest of a role's weights, computed where nobody has given it."""
        if role not in self._digests:
            found = self.checkpoint(role)
            self._digests[role] = weights_digest(found.folder, found.choice)
        return self._digests[role]

    def checkpoint(self, role: str) -> Checkpoint:
        """Return the role's checkpoint on the disk."""
        return find_checkpoint(self.pack, role, self.placement.models_dir)

    def folder(self, role: str) -> Path:
        """Return the folder of the role's checkpoint."""
        return self.checkpoint(role).folder

    @stage("start")
    def _load(self, role: str) -> Any:
        entry, found = self.pack.entry(role), self.checkpoint(role)
        folder, choice = found.folder, found.choice
        dtype = getattr(torch, self.placement.precision)
        logger.info("loading %s from %s", role, folder)
        parts = {part: self.get(other) for part, other in entry.parts.items()}
        try:
            with quiet():
                if entry.cls.endswith("Pipeline"):
                    adapter = parts.pop(LORA_PART, None)
                    pipeline = load_pipeline(find_class(entry.cls), folder, choice, dtype=dtype, parts=parts)
                    if adapter is not None:
                        put_on(pipeline, adapter)
                    if entry.sampler:
                        set_sampler(pipeline, entry.sampler)
                    return pipeline
                if entry.cls == LORA_CLASS:
                    return read_tensors(one_file(folder, choice))
                if entry.cls == "diffusers.loaders.IPAdapterMixin":
                    from transformers import AutoImageProcessor

                    from editmill.generators.models.image_adapter import load_image_adapter

                    encoder = self.folder(entry.parts["image_encoder"])
                    # The published encoder has none; diffusers then takes CLIP's in the encoder's size.
                    has = (encoder / "preprocessor_config.json").is_file()
                    processor = AutoImageProcessor.from_pretrained(encoder, local_files_only=True) if has else None
                    return load_image_adapter(folder, choice, dtype=dtype, processor=processor, **parts)
                if entry.cls == "segment_anything.Sam":
                    from editmill.generators.models.segment_anything import load_sam

                    return load_sam(folder, choice, dtype=dtype)
                if entry.cls == "torch.jit.ScriptModule":
                    return load_script(folder, choice)
                if entry.cls.startswith("torchvision.models."):
                    return load_torchvision(find_class(entry.cls), folder, choice, dtype=dtype)
                return load_network(find_class(entry.cls), folder, choice, dtype=dtype)
        except (
            OSError,
            ValueError,
            RuntimeError,
            KeyError,
            TypeError,
            AttributeError,
            ImportError,
            EOFError,
            SafetensorError,
            UnpicklingError,
        ) as error:
            if out_of_memory(error):
                raise
            raise ModelError(
                f"the checkpoint of {role!r} does not load as {entry.cls}: {error}",
                where=str(folder),
                fix="check that the folder is complete and of the class that the pack names",
            ) from error

    def _place(self, model: Any) -> Any:
        if isinstance(model, torch.jit.ScriptModule):
            return model.eval().to(self.device)
        if isinstance(model, torch.nn.Module):
            tile_large_frames(model)
            # Gradients are taken by latents and pictures, never by weights.
            return colours_side_by_side(model.eval().requires_grad_(False).to(self.device))
        # Neither network nor pipeline: an adapter, which moves with the pipeline that it joins.
        if not hasattr(model, "set_progress_bar_config"):
            return model
        model.set_progress_bar_config(disable=True)
        remember_prompts(model)
        for part in model.components.values():
            if isinstance(part, torch.nn.Module):
                tile_large_frames(part)
                colours_side_by_side(part)
        if self.placement.compile:
            compile_denoiser(model)
        if self.placement.offload == "model" and self.device.type != "cpu":
            model.enable_model_cpu_offload(device=self.device)
            return model
        return model.to(self.device)
