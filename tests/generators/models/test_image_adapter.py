"""IP-Adapter files that are complete load; others are refused with what is wrong."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import save_file

from editmill.generators.models.image_adapter import load_image_adapter

ENCODER = SimpleNamespace(config=SimpleNamespace(hidden_size=8))
STATE = {"image_proj.proj_in.weight": torch.ones(4, 8), "ip_adapter.1.to_k_ip.weight": torch.ones(2, 2)}


def load(folder: Path, state: dict[str, torch.Tensor]) -> object:
    save_file(state, folder / "adapter.safetensors")
    return load_image_adapter(folder, dtype=torch.float32, image_encoder=ENCODER, processor=None)


def test_weights_are_split_by_part_and_converted(tmp_path: Path) -> None:
    save_file({name: value.half() for name, value in STATE.items()}, tmp_path / "adapter.safetensors")
    adapter = load_image_adapter(tmp_path, dtype=torch.float32, image_encoder=ENCODER, processor=None)
    assert set(adapter.state["image_proj"]) == {"proj_in.weight"}
    assert adapter.state["ip_adapter"]["1.to_k_ip.weight"].dtype == torch.float32


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"unet.conv_in.weight": torch.ones(1)}, "which no IP-Adapter has"),
        ({"image_proj.proj_in.weight": torch.ones(4, 9)}, "features of width 9"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, changed: dict[str, torch.Tensor], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        load(tmp_path, {**STATE, **changed})


@pytest.mark.parametrize("left", list(STATE))
def test_half_an_adapter_is_refused(tmp_path: Path, left: str) -> None:
    with pytest.raises(ValueError, match="one of image_proj and ip_adapter is missing"):
        load(tmp_path, {left: STATE[left]})


def test_two_files_are_refused(tmp_path: Path) -> None:
    save_file(STATE, tmp_path / "other.safetensors")
    with pytest.raises(ValueError, match="2 safetensors files"):
        load(tmp_path, STATE)
