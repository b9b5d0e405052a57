from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from editmill.generators.models.adm import AdmLayout, convert_adm, convert_unet, infer_layout, unet_config
from editmill.generators.models.loading import Models
from editmill.generators.models.pack import PackSpec, RoleEntry
from editmill.generators.models.placement import Placement
from editmill.manifests.errors import ModelError
from tests.generators.models.reference_adm import Adm, ReferenceAdm

State = dict[str, Tensor]
SIDE = 16
CONFIGS = {
    "one head": Adm(head_width=64),
    "four heads": Adm(head_width=16),
    "attention at every level, eight and sixteen heads": Adm(channels=64, attention=(1, 2), head_width=8),
    "attention in the middle alone": Adm(attention=()),
    "two blocks, three levels, one width twice": Adm(multipliers=(1, 1, 2), blocks=2, attention=(2, 4), head_width=32),
    "one level": Adm(multipliers=(1,), attention=(1,)),
    "new attention order": Adm(legacy=False),
    "timestep added": Adm(scale_shift=False),
    "resampled by convolutions": Adm(residual=False, multipliers=(1, 2, 2), attention=(4,)),
    "resampled by convolutions, timestep added": Adm(residual=False, scale_shift=False, attention=(1, 2)),
}


@torch.inference_mode()
def gap(config: Adm, *, legacy: bool) -> float:
    """Largest difference between the converted network and the reference, relative to the reference's largest
    output.
    """
    reference = ReferenceAdm(config)
    unet = convert_unet(reference.state_dict(), side=SIDE, head_width=config.head_width, legacy_attention=legacy)
    noisy, timesteps = torch.randn(2, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(1)), torch.tensor([3, 871])
    expected = reference(noisy, timesteps)
    assert expected.std() > 0.05
    return float((unet(noisy, timesteps).sample - expected).abs().max() / expected.abs().max())


@pytest.mark.parametrize("name", CONFIGS)
def test_converted_network_equals_the_reference(name: str) -> None:
    assert gap(CONFIGS[name], legacy=CONFIGS[name].legacy) < 1e-4


@pytest.mark.parametrize("legacy", [True, False])
def test_wrong_attention_order_breaks_parity(legacy: bool) -> None:
    assert gap(replace(CONFIGS["four heads"], legacy=legacy), legacy=not legacy) > 1e-2


def test_wrong_head_width_breaks_parity() -> None:
    state = ReferenceAdm(CONFIGS["four heads"]).state_dict()
    noisy, at = torch.randn(1, 3, SIDE, SIDE), torch.tensor([5])
    with torch.inference_mode():
        right, wrong = (convert_unet(state, side=SIDE, head_width=width)(noisy, at).sample for width in (16, 32))
    assert (right - wrong).abs().max() > 1e-2


def test_published_configuration_is_inferred() -> None:
    with torch.device("meta"):
        published = Adm(channels=256, multipliers=(1, 1, 2, 2, 4, 4), blocks=2, attention=(8, 16, 32), head_width=64)
        state = ReferenceAdm(published, seed=None).state_dict()
    layout = infer_layout(state)
    assert layout == AdmLayout(
        widths=(256, 256, 512, 512, 1024, 1024),
        blocks=2,
        attention=(False, False, False, True, True, True),
        residual=True,
        scale_shift=True,
        inputs=3,
        outputs=6,
    )
    config = unet_config(layout, side=256, head_width=64)
    assert config["down_block_types"] == ("ResnetDownsampleBlock2D",) * 3 + ("AttnDownBlock2D",) * 3
    assert config["up_block_types"] == ("AttnUpBlock2D",) * 3 + ("ResnetUpsampleBlock2D",) * 3
    # Four bytes each make the published file's 2.21 GB.
    assert sum(weight.numel() for weight in convert_unet(state, side=256).parameters()) == 552_814_086


def renamed(state: State) -> State:
    return {f"module.{name}": tensor for name, tensor in state.items()}


def without(name: str) -> Callable[[State], State]:
    return lambda state: {key: tensor for key, tensor in state.items() if key != name}


def with_one(name: str, *shape: int) -> Callable[[State], State]:
    return lambda state: {**state, name: torch.zeros(shape)}


FAULTS: dict[str, tuple[Callable[[State], State], str]] = {
    "another layout": (renamed, "output_blocks"),
    "tensor missing": (without("middle_block.1.qkv.bias"), r"1 missing: middle_block\.1\.qkv\.bias"),
    "tensor left over": (with_one("input_blocks.9.0.weight", 1), r"1 unexpected: input_blocks\.9\.0\.weight"),
    "class-conditional": (with_one("label_emb.weight", 1000, 128), "class-conditional"),
    "fixed variance": (
        lambda state: {**state, "out.2.weight": state["out.2.weight"][:3], "out.2.bias": state["out.2.bias"][:3]},
        "not learned",
    ),
    "first level narrower than the embedding": (with_one("time_embed.0.weight", 128, 64), "embedded in 64"),
    "no first block": (without("input_blocks.1.0.out_layers.3.weight"), "no weights input_blocks.1.0"),
    "shape": (
        with_one("middle_block.0.in_layers.2.weight", 64, 64, 1, 1),
        r"mid_block\.resnets\.0\.conv1\.weight is \(64, 64, 1, 1\)",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_wrong_checkpoint_is_a_model_error_that_says_what(fault: str, tmp_path: Path) -> None:
    spoil, words = FAULTS[fault]
    torch.save(spoil(ReferenceAdm(Adm()).state_dict()), tmp_path / "adm.pt")
    with pytest.raises(ModelError, match=words) as caught:
        convert_adm(tmp_path / "adm.pt", tmp_path / "out", side=SIDE, head_width=16)
    assert caught.value.where == str(tmp_path / "adm.pt")
    assert caught.value.fix
    assert [path.name for path in tmp_path.iterdir()] == ["adm.pt"]


def test_heads_must_divide_the_attention_layers() -> None:
    with pytest.raises(ValueError, match="heads 48 channels wide"):
        convert_unet(ReferenceAdm(Adm()).state_dict(), side=SIDE, head_width=48)


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", pickle.dumps(print, protocol=2)])
def test_damaged_file_is_a_model_error(content: bytes, tmp_path: Path) -> None:
    """The last one is a pickle that names a function; loading takes tensors alone."""
    for suffix in ("pt", "safetensors"):
        (tmp_path / f"adm.{suffix}").write_bytes(content)
        with pytest.raises(ModelError, match="damaged"):
            convert_adm(tmp_path / f"adm.{suffix}", tmp_path / "out")


def test_missing_file_and_existing_folder_are_model_errors(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no such checkpoint"):
        convert_adm(tmp_path / "adm.pt", tmp_path / "out")
    with pytest.raises(ModelError, match="exists already"):
        convert_adm(tmp_path / "adm.pt", tmp_path)
    torch.save({"model_state_dict": {}}, tmp_path / "adm.pt")
    with pytest.raises(ModelError, match="flat dictionary"):
        convert_adm(tmp_path / "adm.pt", tmp_path / "out")


@pytest.mark.parametrize("suffix", ["pt", "safetensors"])
def test_written_pipeline_loads_as_the_role(suffix: str, tmp_path: Path) -> None:
    reference = ReferenceAdm(Adm())
    checkpoint = tmp_path / f"adm.{suffix}"
    torch.save(reference.state_dict(), checkpoint) if suffix == "pt" else save_file(reference.state_dict(), checkpoint)
    convert_adm(checkpoint, tmp_path / "out", side=SIDE, head_width=16)
    assert {path.name for path in tmp_path.iterdir()} == {checkpoint.name, "out"}
    assert [path.suffix for path in (tmp_path / "out" / "unet").iterdir() if "model" in path.name] == [".safetensors"]
    roles = {"unconditional": RoleEntry(cls="diffusers.DDPMPipeline", path="out", licence="MIT")}
    pack = PackSpec(name="adm", description="", roles=roles, backgrounds=("grass",), folder=tmp_path)
    pipeline = Models(pack, Placement(device="cpu")).get("unconditional")
    assert pipeline.unet.config.sample_size == SIDE
    assert pipeline.scheduler.config.variance_type == "learned_range"
    assert float(pipeline.scheduler.alphas_cumprod[242]) == pytest.approx(0.543, abs=1e-3)
    noisy, at = torch.randn(1, 3, SIDE, SIDE), torch.tensor([242])
    with torch.inference_mode():
        assert torch.allclose(pipeline.unet(noisy, at).sample, reference(noisy, at), atol=1e-4)
