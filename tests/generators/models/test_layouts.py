"""Checkpoints load from every layout in which users have them, with the weights that were written."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from torchvision.models import squeezenet1_0

from editmill.generators.models.checkpoints import require_checkpoints
from editmill.generators.models.loading import Models
from editmill.generators.models.networks import find_class
from editmill.generators.models.pack import PackSpec, read_pack
from editmill.generators.models.placement import Placement
from editmill.manifests.errors import ModelError
from tests.generators.models.test_loading import CLIP, INPAINT, pack_of
from tests.generators.models.test_segment_anything import write_published
from tests.inpaint_families import write_family
from tests.original_names import original_state

CPU = Placement(device="cpu")


def write(path: Path, tensors: dict[str, Tensor]) -> None:
    if path.suffix == ".safetensors":
        save_file(tensors, path, metadata={"format": "pt"})
    else:
        torch.save(tensors, path)


def rewrite(folder: Path, *, suffix: str = ".safetensors", variant: str = "", shards: bool = False) -> None:
    """Write the weights of every network below ``folder`` in another layout, as the libraries name it."""
    for path in list(folder.rglob("*.safetensors")):
        stem = "pytorch_model" if suffix == ".bin" and path.stem == "model" else path.stem
        tensors, middle = load_file(path), f".{variant}" if variant else ""
        path.unlink()
        if not shards:
            write(path.with_name(f"{stem}{middle}{suffix}"), tensors)
            continue
        names = sorted(tensors)
        places = {name: f"{stem}{middle}-0000{1 + number % 2}-of-00002{suffix}" for number, name in enumerate(names)}
        for place in set(places.values()):
            write(path.with_name(place), {name: tensors[name] for name in names if places[name] == place})
        size = sum(tensor.nbytes for tensor in tensors.values())
        index = {"metadata": {"total_size": size}, "weight_map": places}
        path.with_name(f"{stem}{suffix}.index{middle}.json").write_text(json.dumps(index))


def add_variant(folder: Path) -> None:
    """Put weights of zeros beside the others, as repositories have several precisions."""
    for path in list(folder.rglob("*.safetensors")):
        zeros = {name: torch.zeros_like(value) for name, value in load_file(path).items()}
        write(path.with_name(f"{path.stem}.fp16.safetensors"), zeros)
        # Not read, where there are safetensors.
        path.with_name("pytorch_model.bin" if path.stem == "model" else f"{path.stem}.bin").write_bytes(b"")


LAYOUTS: dict[str, Callable[[Path], None]] = {
    "variant": lambda folder: rewrite(folder, variant="fp16"),
    "bin": lambda folder: rewrite(folder, suffix=".bin"),
    "bin variant": lambda folder: rewrite(folder, suffix=".bin", variant="fp16"),
    "sharded": lambda folder: rewrite(folder, shards=True),
    "sharded variant": lambda folder: rewrite(folder, variant="fp16", shards=True),
    "sharded bin": lambda folder: rewrite(folder, suffix=".bin", shards=True),
    "several": add_variant,
}


def networks(model: Any) -> dict[str, torch.nn.Module]:
    parts = getattr(model, "components", {"": model})
    return {name: part for name, part in parts.items() if isinstance(part, torch.nn.Module)}


def equal(one: Any, two: Any) -> bool:
    """Whether two models have the same weights in all networks."""
    first, second = networks(one), networks(two)
    return (
        bool(first)
        and first.keys() == second.keys()
        and all(
            torch.equal(value, second[name].state_dict()[key])
            for name, network in first.items()
            for key, value in network.state_dict().items()
        )
    )


@pytest.mark.parametrize("role", ["inpaint", "zero_shot"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_loads_without_a_word(
    pack: PackSpec, tmp_path: Path, role: str, layout: str, capfd: pytest.CaptureFixture[str], recwarn: Any
) -> None:
    shutil.copytree(pack.folder / role, tmp_path / role)
    LAYOUTS[layout](tmp_path / role)
    found = Models(pack_of(tmp_path, inpaint=INPAINT, zero_shot=CLIP), CPU).get(role)
    said = "".join(capfd.readouterr())
    assert equal(found, Models(pack, CPU).get(role))
    assert not said
    assert not [warning for warning in recwarn if "safe" in str(warning.message)]


def test_the_variant_that_is_asked_for_is_loaded(pack: PackSpec, tmp_path: Path) -> None:
    shutil.copytree(pack.folder / "zero_shot", tmp_path / "zero_shot")
    add_variant(tmp_path / "zero_shot")
    loaded = Models(pack_of(tmp_path, zero_shot={**CLIP, "variant": "fp16"}), CPU).get("zero_shot")
    assert not any(value.any() for value in loaded.text_model.encoder.state_dict().values())
    (tmp_path / "zero_shot" / "model.safetensors").rename(tmp_path / "zero_shot" / "model.bf16.safetensors")
    with pytest.raises(ModelError, match="does not load as transformers"):
        Models(pack_of(tmp_path, zero_shot=CLIP), CPU).get("zero_shot")
    (tmp_path / "zero_shot" / "pytorch_model.bin").unlink()
    with pytest.raises(ModelError, match="several variants") as told:
        Models(pack_of(tmp_path, zero_shot=CLIP), CPU).get("zero_shot")
    assert told.value.fix == "give the role the field variant: bf16 or fp16"


def test_a_variant_that_is_not_there_is_told(pack: PackSpec, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    shutil.copytree(pack.folder / "zero_shot", tmp_path / "zero_shot")
    asked = pack_of(tmp_path, zero_shot={**CLIP, "variant": "fp16"})
    require_checkpoints(asked, ["zero_shot"], None)
    assert "'zero_shot' has no weights of the variant 'fp16'" in caplog.text
    caplog.clear()
    rewrite(tmp_path / "zero_shot", variant="fp16")
    require_checkpoints(asked, ["zero_shot"], None)
    assert not caplog.text


def test_parts_that_nothing_reads_may_be_missing(pack: PackSpec, tmp_path: Path) -> None:
    shutil.copytree(pack.folder / "inpaint", tmp_path / "inpaint")
    index = tmp_path / "inpaint" / "model_index.json"
    named = {
        "safety_checker": ["stable_diffusion", "StableDiffusionSafetyChecker"],
        "feature_extractor": ["transformers", "CLIPImageProcessor"],
    }
    index.write_text(json.dumps({**json.loads(index.read_text()), **named}))
    loaded = Models(pack_of(tmp_path, inpaint=INPAINT), CPU).get("inpaint")
    assert loaded.safety_checker is loaded.feature_extractor is None
    assert equal(loaded, Models(pack, CPU).get("inpaint"))


def test_pictures_get_no_watermark_that_nobody_asked_for(tmp_path: Path) -> None:
    pytest.importorskip("imwatermark")
    path = write_family(tmp_path, "sdxl")
    cls = "diffusers.StableDiffusionXLInpaintPipeline"
    # As published, the index says nothing of it.
    assert "add_watermarker" not in (tmp_path / "inpaint" / "model_index.json").read_text()
    assert find_class(cls).from_pretrained(tmp_path / "inpaint").watermark is not None
    assert Models(read_pack(path), CPU).get("inpaint").watermark is None


@pytest.mark.parametrize("name", ["v1-5-inpainting.safetensors", "sd-v1-5-inpainting.ckpt"])
def test_a_pipeline_loads_from_a_single_file(pack: PackSpec, tmp_path: Path, name: str) -> None:
    wanted = Models(pack, CPU).get("inpaint")
    shutil.copytree(pack.folder / "inpaint", tmp_path / "inpaint")
    for path in (tmp_path / "inpaint").rglob("*.safetensors"):
        path.unlink()
    state = original_state(wanted)
    write(tmp_path / "inpaint" / name, state)
    mine = pack_of(tmp_path, inpaint={**INPAINT, "file": name})
    assert equal(Models(mine, CPU).get("inpaint"), wanted)
    for lost in ("model.diffusion_model.out.2.bias", "cond_stage_model.transformer.text_model.final_layer_norm.weight"):
        write(tmp_path / "inpaint" / name, {key: value for key, value in state.items() if key != lost})
        with pytest.raises(ModelError, match=f"{name} lacks weights of "):
            Models(mine, CPU).get("inpaint")


@pytest.mark.parametrize("part", ["zero_shot", "inpaint/vae", "inpaint/text_encoder"])
def test_a_network_loads_from_a_file_of_any_name(pack: PackSpec, tmp_path: Path, part: str) -> None:
    shutil.copytree(pack.folder / part, tmp_path / "network")
    (path,) = (tmp_path / "network").glob("*.safetensors")
    path.rename(path.with_name("tuned-v2.safetensors"))
    cls = {"vae": "diffusers.AutoencoderKL", "text_encoder": "transformers.CLIPTextModel"}
    role = {**CLIP, "cls": cls.get(Path(part).name, CLIP["cls"]), "path": "network", "file": "tuned-v2.safetensors"}
    loaded = Models(pack_of(tmp_path, network=role), CPU).get("network")
    first, *rest = part.split("/")
    whole = Models(pack, CPU).get(first)
    assert equal(loaded, getattr(whole, rest[0]) if rest else whole)


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_one_of_several_torchvision_files_is_loaded(tmp_path: Path, suffix: str) -> None:
    torch.manual_seed(0)
    networks = {name: squeezenet1_0(weights=None, num_classes=8) for name in ("first", "second")}
    for name, network in networks.items():
        write(tmp_path / f"{name}{suffix}", network.state_dict())
    role = {"cls": "torchvision.models.squeezenet1_0", "path": ".", "licence": "BSD-3-Clause"}
    with pytest.raises(ModelError, match="2 weights files instead of one; the role's field file names one"):
        Models(pack_of(tmp_path, classifier=role), CPU).get("classifier")
    loaded = Models(pack_of(tmp_path, classifier={**role, "file": f"second{suffix}"}), CPU).get("classifier")
    assert equal(loaded, networks["second"])


def test_a_published_segmenter_is_one_of_several_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = write_published(tmp_path, monkeypatch)
    (tmp_path / "sam_vit_h_4b8939.pth").write_bytes(b"")
    role = {"cls": "segment_anything.Sam", "path": ".", "file": "sam_vit_b_01ec64.pth", "licence": "Apache-2.0"}
    assert equal(Models(pack_of(tmp_path, segmenter=role), CPU).get("segmenter"), wanted)


def test_an_adapter_lies_in_a_folder_of_adapters_beside_its_encoder(pack: PackSpec, tmp_path: Path) -> None:
    # As h94/IP-Adapter has them: no processor, and pickles beside.
    root = tmp_path / "models"
    shutil.copytree(pack.folder / "zero_shot", root / "image_encoder")
    (root / "image_encoder" / "preprocessor_config.json").unlink()
    state = {"image_proj.proj.weight": torch.ones(4, 8), "ip_adapter.1.to_k_ip.weight": torch.ones(2, 2)}
    for name in ("ip-adapter_sd15", "ip-adapter-plus_sd15"):
        write(root / f"{name}.safetensors", state)
        (root / f"{name}.bin").write_bytes(b"")
    vision = {"cls": "transformers.CLIPVisionModelWithProjection", "path": ".", "subfolder": "models/image_encoder"}
    adapter = {
        "cls": "diffusers.loaders.IPAdapterMixin",
        "path": ".",
        "file": "models/ip-adapter_sd15.safetensors",
        "parts": {"image_encoder": "vision"},
    }
    licence = {"licence": "Apache-2.0"}
    loaded = Models(pack_of(tmp_path, vision={**vision, **licence}, adapter={**adapter, **licence}), CPU).get("adapter")
    assert torch.equal(loaded.state["ip_adapter"]["1.to_k_ip.weight"], torch.ones(2, 2))
    assert loaded.processor is None
