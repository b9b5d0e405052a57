"""IP-Adapter files that are complete load; others are refused with what is wrong."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

from editmill.generators.models.image_adapter import ImageAdapter, attach, load_image_adapter
from tests.watermark_models import make_pipeline

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
    with pytest.raises(OSError, match="2 weights files"):
        load(tmp_path, STATE)


def test_the_published_form_of_sd15_joins_a_pipeline_with_an_encoder_that_has_no_processor() -> None:
    pipeline = make_pipeline()
    vision = CLIPVisionConfig(
        hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=2, image_size=28, patch_size=14
    )
    encoder = CLIPVisionModelWithProjection(vision).eval()
    width = pipeline.unet.config.cross_attention_dim
    crossed = [name for name in pipeline.unet.attn_processors if name.endswith("attn2.processor")]
    inner = [pipeline.unet.get_submodule(name.removesuffix(".processor")).inner_dim for name in crossed]
    state = {
        "image_proj": {
            "proj.weight": torch.randn(4 * width, vision.projection_dim),
            "proj.bias": torch.zeros(4 * width),
        },
        "ip_adapter": {
            f"{2 * place + 1}.{part}.weight": torch.randn(side, width)
            for place, side in enumerate(inner)
            for part in ("to_k_ip", "to_v_ip")
        },
    }
    state["image_proj"] |= {"norm.weight": torch.ones(width), "norm.bias": torch.zeros(width)}
    attach(pipeline, ImageAdapter(state, encoder, None))

    def drawn(grey: int) -> object:
        picture = Image.new("RGB", (40, 30), (grey, 0, 0))
        generator = torch.Generator().manual_seed(0)
        return pipeline(
            "", ip_adapter_image=[picture], num_inference_steps=1, generator=generator, output_type="np"
        ).images

    assert np.abs(np.asarray(drawn(0)) - np.asarray(drawn(255))).max() > 0
