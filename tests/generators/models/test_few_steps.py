"""Few-step samplers and adapters of low rank on a tiny pipeline."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from editmill.generators.models import few_steps
from editmill.generators.models.checkpoints import require_checkpoints
from editmill.generators.models.inpainter import Inpainter, InpaintRequest
from editmill.generators.models.loading import Models
from editmill.generators.models.pack import PackSpec, RoleEntry
from editmill.generators.models.placement import Placement
from editmill.generators.models.trial import count_parameters
from editmill.manifests.errors import ModelError
from tests.checkpoints import write_inpaint_pipeline
from tests.generators.pictures import photo

CPU = Placement(device="cpu")
CLASS = "diffusers.StableDiffusionInpaintPipeline"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny pipeline, and adapters: one for its queries, and one that knows none of its layers."""
    root = tmp_path_factory.mktemp("pack")
    write_inpaint_pipeline(root / "inpaint")
    unet = Models(pack_of(root), CPU).get("inpaint").unet
    torch.manual_seed(0)
    state = {}
    for name, layer in unet.named_modules():
        if name.endswith("to_q"):
            rows, columns = layer.weight.shape
            state[f"unet.{name}.lora_A.weight"] = torch.randn(2, columns)
            state[f"unet.{name}.lora_B.weight"] = torch.randn(rows, 2)
    for place, tensors in (("lora", state), ("other", {"text_encoder_9.a.lora_A.weight": torch.ones(2, 2)})):
        (root / place).mkdir()
        save_file(tensors, root / place / "pytorch_lora_weights.safetensors")
    return root


def pack_of(root: Path, *, adapter: str = "", **settings: Any) -> PackSpec:
    roles = {"inpaint": RoleEntry(cls=CLASS, path="inpaint", licence="none", **settings)}
    if adapter:
        file = "pytorch_lora_weights.safetensors"
        roles["adapter"] = RoleEntry(cls=few_steps.LORA_CLASS, path=adapter, file=file, licence="none")
        roles["inpaint"] = roles["inpaint"].model_copy(update={"parts": {"lora": "adapter"}})
    return PackSpec(name="tiny", description="", roles=roles, backgrounds=("grass",), folder=root)


@pytest.mark.parametrize(
    ("sampler", "name", "timesteps"),
    [
        (None, "DDIMScheduler", [751, 501, 251, 1]),
        ("lcm", "LCMScheduler", [999, 759, 499, 259]),
        ("turbo", "EulerAncestralDiscreteScheduler", [999, 749, 499, 249]),
        ("lightning", "EulerDiscreteScheduler", [999, 749, 499, 249]),
    ],
)
def test_a_sampler_draws_in_few_steps_without_guidance(
    folder: Path, sampler: str | None, name: str, timesteps: list[int]
) -> None:
    models = Models(pack_of(folder, sampler=sampler), CPU)
    inpainter = Inpainter(models, steps=4, guidance=0.0)
    calls: list[tuple[int, float]] = []
    hook = inpainter.pipeline.unet.register_forward_pre_hook(
        lambda _, given: calls.append((len(given[0]), float(given[1])))
    )
    image = photo(1, width=32, height=32)
    first, again, other = (
        inpainter.fill(InpaintRequest(image, np.ones((32, 32), bool), "grass", seed)) for seed in (1, 1, 2)
    )
    hook.remove()
    assert type(inpainter.pipeline.scheduler).__name__ == name
    assert calls == [(1, step) for step in timesteps] * 3
    assert inpainter.cost() == 4
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_samplers_are_for_pipelines_that_were_not_trained_by_flow_matching() -> None:
    with pytest.raises(ValueError, match="a sampler is for pipelines"):
        RoleEntry(cls="transformers.CLIPModel", path="here", licence="none", sampler="lcm")
    with pytest.raises(ValueError, match="should be 'lcm', 'turbo' or 'lightning'"):
        RoleEntry(cls="diffusers.StableDiffusionPipeline", path="here", licence="none", sampler="")
    flow = type("Pipeline", (), {"scheduler": type("FlowMatchEulerDiscreteScheduler", (), {})()})()
    with pytest.raises(ValueError, match="'lcm' is for Stable Diffusion 1, 2 and XL"):
        few_steps.set_sampler(flow, "lcm")


def test_an_adapter_needs_its_package(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(few_steps, "find_spec", lambda name: None)
    with pytest.raises(ModelError, match="need the package peft") as told:
        require_checkpoints(pack_of(folder, adapter="lora"), ["inpaint", "adapter"], None)
    assert "lora" in told.value.fix


@pytest.mark.skipif(find_spec("peft") is None, reason="needs the extra lora")
def test_an_adapter_becomes_part_of_the_weights(folder: Path) -> None:
    plain = Models(pack_of(folder), CPU).get("inpaint").unet.state_dict()
    models = Models(pack_of(folder, adapter="lora", sampler="lcm"), CPU)
    require_checkpoints(models.pack, ["inpaint", "adapter"], None)
    adapter = models.get("adapter")
    fused = models.get("inpaint").unet.state_dict()
    assert count_parameters(adapter) == sum(tensor.numel() for tensor in adapter.values())
    assert fused.keys() == plain.keys()
    for name, weight in plain.items():
        layer = f"unet.{name.removesuffix('.weight')}"
        added = (
            adapter[f"{layer}.lora_B.weight"] @ adapter[f"{layer}.lora_A.weight"] if name.endswith("to_q.weight") else 0
        )
        assert torch.allclose(fused[name], weight + added, atol=1e-5), name
    with pytest.raises(ModelError, match="no weights for any network"):
        Models(pack_of(folder, adapter="other"), CPU).get("inpaint")
