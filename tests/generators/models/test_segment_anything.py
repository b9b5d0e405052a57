from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import segment_anything
import torch
from safetensors.torch import save_file
from segment_anything.modeling import Sam

from editmill.generators.models.loading import Models
from editmill.generators.models.pack import PackSpec, RoleEntry
from editmill.generators.models.placement import Placement
from editmill.generators.models.segment_anything import SamConfig, build_sam, load_sam
from editmill.manifests.errors import ModelError

TINY = SamConfig(
    img_size=32,
    patch_size=8,
    embed_dim=16,
    depth=1,
    num_heads=2,
    out_chans=16,
    mask_in_chans=4,
    decoder_depth=1,
    decoder_mlp=16,
)


def write_tiny(folder: Path, *, config: SamConfig = TINY) -> Sam:
    """Write a Sam with random weights in the small format."""
    torch.manual_seed(0)
    sam = build_sam(config).eval()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(asdict(config)))
    save_file(sam.state_dict(), folder / "model.safetensors")
    return sam


def write_published(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Sam:
    """Write a checkpoint as the published ones are, from a network with the width of vit_b but one tiny block."""
    config = replace(TINY, embed_dim=768)
    monkeypatch.setitem(segment_anything.sam_model_registry, "vit_b", lambda: build_sam(config))
    torch.manual_seed(0)
    sam = build_sam(config)
    torch.save(sam.state_dict(), folder / "sam_vit_b_01ec64.pth")
    return sam


def equal(one: Sam, two: Sam) -> bool:
    first, second = one.state_dict(), two.state_dict()
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def test_small_model_comes_back_with_weights_and_pixel_statistics(tmp_path: Path) -> None:
    sam = write_tiny(tmp_path, config=replace(TINY, pixel_mean=(1.0, 2.0, 3.0)))
    loaded = load_sam(tmp_path)
    assert equal(loaded, sam)
    assert loaded.pixel_mean.flatten().tolist() == [1.0, 2.0, 3.0]
    assert (loaded.image_encoder.img_size, loaded.mask_decoder.num_multimask_outputs) == (32, 3)


def test_published_checkpoint_loads_with_the_packages_builder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sam = write_published(tmp_path, monkeypatch)
    assert equal(load_sam(tmp_path), sam)


@pytest.mark.parametrize(
    ("change", "message"),
    [("drop", "1 weights are missing and 0 are unknown"), ("add", "0 weights are missing and 1 are unknown")],
)
def test_checkpoint_of_another_network_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str, message: str
) -> None:
    state = write_published(tmp_path, monkeypatch).state_dict()
    if change == "drop":
        del state["mask_decoder.iou_token.weight"]
    else:
        state["more"] = torch.zeros(1)
    torch.save(state, tmp_path / "sam_vit_b_01ec64.pth")
    with pytest.raises(ValueError, match=message):
        load_sam(tmp_path)


def test_unknown_width_and_other_content_are_refused(tmp_path: Path) -> None:
    torch.save({"image_encoder.patch_embed.proj.weight": torch.zeros(5, 3, 16, 16)}, tmp_path / "other.pth")
    with pytest.raises(ValueError, match="is not a checkpoint of vit_b, vit_l, vit_h"):
        load_sam(tmp_path)
    torch.save([1, 2], tmp_path / "other.pth")
    with pytest.raises(ValueError, match="no flat dictionary of tensors"):
        load_sam(tmp_path)


def test_damaged_checkpoint_is_refused(tmp_path: Path) -> None:
    (tmp_path / "sam.pth").write_bytes(b"not a checkpoint")
    with pytest.raises(ValueError, match=r"sam\.pth is damaged or no file of tensors"):
        load_sam(tmp_path)


def test_folder_needs_exactly_one_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(OSError, match="0 weights files instead of one"):
        load_sam(tmp_path)
    write_published(tmp_path, monkeypatch)
    torch.save({}, tmp_path / "second.pth")
    with pytest.raises(OSError, match="2 weights files"):
        load_sam(tmp_path)


def test_configuration_of_another_library_is_refused(tmp_path: Path) -> None:
    write_tiny(tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "sam", "vision_config": {}}')
    with pytest.raises(ValueError, match=r"unknown field 'model_type'.*transformers.SamModel"):
        load_sam(tmp_path)


def test_half_precision_is_the_image_encoders_only(tmp_path: Path) -> None:
    sam = write_tiny(tmp_path)
    loaded = load_sam(tmp_path, dtype=torch.bfloat16).eval()
    assert loaded.image_encoder.patch_embed.proj.weight.dtype == torch.bfloat16
    assert loaded.prompt_encoder.no_mask_embed.weight.dtype == torch.float32
    image = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        found, wanted = loaded.image_encoder(image), sam.image_encoder(image)
    assert found.dtype == torch.float32
    assert (found - wanted).abs().max() < 0.1 * wanted.abs().max()
    assert not torch.equal(found, wanted)


def test_role_of_a_pack_loads_and_names_what_is_wrong(tmp_path: Path) -> None:
    roles = {"segmenter": RoleEntry(cls="segment_anything.Sam", path="segmenter", licence="Apache-2.0")}
    pack = PackSpec(name="tiny", description="", roles=roles, backgrounds=("grass",), folder=tmp_path)
    sam = write_tiny(tmp_path / "segmenter")
    loaded = Models(pack, Placement(device="cpu")).get("segmenter")
    assert equal(loaded, sam)
    assert not loaded.training
    assert not any(parameter.requires_grad for parameter in loaded.parameters())
    (tmp_path / "segmenter" / "config.json").write_text('{"model_type": "sam"}')
    with pytest.raises(ModelError, match=r"does not load as segment_anything\.Sam"):
        Models(pack, Placement(device="cpu", dtype="bfloat16")).get("segmenter")
