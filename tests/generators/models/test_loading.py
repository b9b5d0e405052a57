from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import yaml
from diffusers import AutoencoderKL

from editmill.generators.models import loading
from editmill.generators.models.loading import Models
from editmill.generators.models.pack import PackSpec, read_pack
from editmill.generators.models.placement import Placement
from editmill.manifests.errors import ModelError
from editmill.packs.tabletop import PACK
from tests.checkpoints import write_resnet_classifier

CPU = Placement(device="cpu")


def pack_of(folder: Path, **roles: dict[str, object]) -> PackSpec:
    """A pack file in ``folder`` with these roles."""
    document = {"name": "mine", "description": "Mine.", "backgrounds": ["green grass"], "roles": roles}
    (folder / "mine.yaml").write_text(yaml.safe_dump(document))
    return read_pack(folder / "mine.yaml")


INPAINT = {"cls": "diffusers.StableDiffusionInpaintPipeline", "path": "inpaint", "licence": "MIT"}
CLIP = {"cls": "transformers.CLIPModel", "path": "zero_shot", "licence": "MIT"}


@pytest.fixture
def spoilable(pack: PackSpec, tmp_path: Path) -> Path:
    """A copy of the tiny checkpoints to damage."""
    for role in ("inpaint", "zero_shot"):
        shutil.copytree(pack.folder / role, tmp_path / role)
    return tmp_path


def test_a_role_loads_once_per_process(pack: PackSpec) -> None:
    first = Models(pack, CPU).get("inpaint")
    assert Models(read_pack(pack.folder / "tiny.yaml"), Placement(device="cpu")).get("inpaint") is first
    assert Models(pack, Placement(device="cpu", dtype="float16")).get("zero_shot") is not Models(pack, CPU).get(
        "zero_shot"
    )


def test_attention_is_that_of_torch(pack: PackSpec) -> None:
    models = Models(pack, CPU)
    assert {type(one).__name__ for one in models.get("inpaint").unet.attn_processors.values()} == {"AttnProcessor2_0"}
    assert models.get("zero_shot").config._attn_implementation == "sdpa"


def test_convolutions_lie_as_their_kernels_read_them_fastest(pack: PackSpec) -> None:
    models = Models(pack, CPU)
    for network, laid in ((models.get("inpaint").vae, True), (models.get("zero_shot"), False)):
        kernels = [weight for weight in network.parameters() if weight.dim() == 4 and weight.shape[2] > 1]
        assert {kernel.is_contiguous(memory_format=torch.channels_last) for kernel in kernels} == {laid}
    plain, picture = AutoencoderKL.from_pretrained(models.folder("inpaint") / "vae"), torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        ours, theirs = (vae.encode(picture).latent_dist.mean for vae in (models.get("inpaint").vae, plain))
    torch.testing.assert_close(ours.contiguous(), theirs, rtol=1e-4, atol=1e-4)


def test_networks_are_for_inference(pack: PackSpec) -> None:
    network = Models(pack, CPU).get("zero_shot")
    assert not network.training
    assert not any(parameter.requires_grad for parameter in network.parameters())
    assert {parameter.device.type for parameter in network.parameters()} == {"cpu"}


# A role of every class that the embedded pack has.
ROLE_OF_CLASS = {entry.cls: role for role, entry in read_pack(PACK).roles.items()}


@pytest.mark.parametrize("role", ROLE_OF_CLASS.values())
def test_nothing_is_loaded_within_inference_mode(role: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # Tensors that are made there never have gradients, in whatever process they were loaded first.
    monkeypatch.setattr(loading, "_loaded", {})
    with torch.inference_mode():
        found = Models(read_pack(PACK), CPU).get(role)
    parts = getattr(found, "components", {"": found}).values()
    networks = [part for part in parts if isinstance(part, torch.nn.Module)]
    tensors = [tensor for network in networks for tensor in (*network.parameters(), *network.buffers())]
    assert not any(tensor.is_inference() for tensor in tensors)
    assert tensors or not networks


def test_a_network_that_was_loaded_within_inference_mode_has_gradients(
    pack: PackSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "_loaded", {})
    with torch.inference_mode():
        network = Models(pack, CPU).get("zero_shot")
    picture = torch.zeros(1, 3, *[network.config.vision_config.image_size] * 2, requires_grad=True)
    network.get_image_features(pixel_values=picture).pooler_output.sum().backward()
    assert picture.grad is not None


def test_dtype_is_that_of_the_placement(pack: PackSpec) -> None:
    models = Models(pack, Placement(device="cpu", dtype="bfloat16"))
    assert models.get("inpaint").unet.dtype == models.get("zero_shot").dtype == torch.bfloat16


def test_parts_are_shared(pack: PackSpec, spoilable: Path) -> None:
    shutil.move(spoilable / "inpaint" / "vae", spoilable / "autoencoder")
    autoencoder = {"cls": "diffusers.AutoencoderKL", "path": "autoencoder", "licence": "MIT"}
    models = Models(
        pack_of(spoilable, autoencoder=autoencoder, inpaint={**INPAINT, "parts": {"vae": "autoencoder"}}), CPU
    )
    assert isinstance(models.get("autoencoder"), AutoencoderKL)
    assert models.get("inpaint").vae is models.get("autoencoder")


@pytest.mark.parametrize("replaced", ["inpaint/unet", "autoencoder"])
def test_a_checkpoint_that_is_replaced_meanwhile_is_loaded_again(spoilable: Path, replaced: str) -> None:
    shutil.move(spoilable / "inpaint" / "vae", spoilable / "autoencoder")
    autoencoder = {"cls": "diffusers.AutoencoderKL", "path": "autoencoder", "licence": "MIT"}
    mine = pack_of(spoilable, autoencoder=autoencoder, inpaint={**INPAINT, "parts": {"vae": "autoencoder"}})
    first = Models(mine, CPU).get("inpaint")
    assert Models(mine, CPU).get("inpaint") is first
    config = spoilable / replaced / "config.json"
    config.write_text(config.read_text() + " ")
    assert Models(mine, CPU).get("inpaint") is not first


def test_part_without_a_role_is_a_model_error(spoilable: Path) -> None:
    with pytest.raises(ModelError, match="'autoencoder'"):
        Models(pack_of(spoilable, inpaint={**INPAINT, "parts": {"vae": "autoencoder"}}), CPU).get("inpaint")


def test_missing_role_is_a_model_error(models: Models) -> None:
    with pytest.raises(ModelError, match="'nli'"):
        models.get("nli")


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:200])


def drop_half_of_the_weights(path: Path) -> None:
    from safetensors.torch import load_file, save_file

    tensors = load_file(path)
    save_file(dict(list(tensors.items())[: len(tensors) // 2]), path, metadata={"format": "pt"})


def set_width(path: Path) -> None:
    config = json.loads(path.read_text())
    config["block_out_channels"] = [64, 128]
    path.write_text(json.dumps(config))


DAMAGES: dict[str, tuple[str, Callable[[Path], object]]] = {
    "index missing": ("inpaint/model_index.json", Path.unlink),
    "index broken": ("inpaint/model_index.json", lambda path: path.write_text("{")),
    "network truncated": ("inpaint/unet/diffusion_pytorch_model.safetensors", truncate),
    "network missing": ("inpaint/unet/diffusion_pytorch_model.safetensors", Path.unlink),
    "network of another shape": ("inpaint/unet/config.json", set_width),
    "text encoder truncated": ("inpaint/text_encoder/model.safetensors", truncate),
    "judge truncated": ("zero_shot/model.safetensors", truncate),
    # transformers puts one with an empty vocabulary in its place.
    "tokenizer missing": ("inpaint/tokenizer", shutil.rmtree),
    "judge's config missing": ("zero_shot/config.json", Path.unlink),
    "judge's config broken": ("zero_shot/config.json", lambda path: path.write_text("{")),
    # transformers fills what is missing with random numbers and only warns.
    "judge half there": ("zero_shot/model.safetensors", drop_half_of_the_weights),
    "text encoder half there": ("inpaint/text_encoder/model.safetensors", drop_half_of_the_weights),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_broken_checkpoint_is_a_model_error_that_names_its_folder(spoilable: Path, damage: str) -> None:
    name, spoil = DAMAGES[damage]
    spoil(spoilable / name)
    role = name.split("/")[0]
    with pytest.raises(ModelError) as caught:
        Models(pack_of(spoilable, inpaint=INPAINT, zero_shot=CLIP), CPU).get(role)
    assert caught.value.where == str(spoilable / role)


@pytest.mark.parametrize(
    "cls",
    [
        "transformers.NoSuchModel",
        "no_such_package.Model",
        "diffusers.AutoencoderKL",
        "transformers.MobileNetV2ForImageClassification",
    ],
)
def test_checkpoint_of_another_class_is_a_model_error(tmp_path: Path, cls: str) -> None:
    write_resnet_classifier(tmp_path / "classifier")
    with pytest.raises(ModelError):
        Models(pack_of(tmp_path, classifier={"cls": cls, "path": "classifier", "licence": "MIT"}), CPU).get(
            "classifier"
        )


def test_classifier_loads(tmp_path: Path) -> None:
    write_resnet_classifier(tmp_path / "classifier")
    role: dict[str, object] = {
        "cls": "transformers.ResNetForImageClassification",
        "path": "classifier",
        "licence": "MIT",
    }
    assert Models(pack_of(tmp_path, classifier=role), CPU).get("classifier").config.id2label[7] == "bottle"


def test_auto_finds_a_device() -> None:
    assert Placement().resolve().type in ("cpu", "cuda", "mps", "xpu")
    assert Placement(device="cpu").resolve() == torch.device("cpu")


def test_missing_weights_of_a_pack_of_ones_own_ask_for_the_checkpoint(tmp_path: Path) -> None:
    entry = {"cls": "transformers.CLIPModel", "path": "nowhere", "licence": "MIT"}
    with pytest.raises(ModelError, match="weights of 'judge' in pack 'mine' are missing") as told:
        Models(pack_of(tmp_path, judge=entry), CPU).get("judge")
    assert told.value.fix == "put the checkpoint there, or correct roles.judge.path in the pack's file"
    (tmp_path / "train.py").touch()
    with pytest.raises(ModelError, match=r"python -m editmill\.packs\.mine\.train judge"):
        Models(pack_of(tmp_path, judge=entry), CPU).get("judge")


@pytest.mark.parametrize(
    ("device", "capabilities", "precision"),
    [
        ("cuda", [(8, 0), (9, 0)], "bfloat16"),
        ("cuda", [(9, 0), (7, 5)], "float32"),
        ("cuda:0", [(9, 0), (7, 5)], "bfloat16"),
        ("cpu", [], "float32"),
        ("mps", [], "float32"),
    ],
)
def test_precision_is_bfloat16_where_every_accelerator_computes_in_it(
    device: str, capabilities: list[tuple[int, int]], precision: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: len(capabilities))
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda name: capabilities[torch.device(name).index])
    assert Placement(device=device).precision == precision


def test_a_settled_placement_leaves_no_choice() -> None:
    assert Placement(device="cpu").settled() == Placement(device="cpu", dtype="float32", batch=1)
    assert Placement(device="cpu", dtype="bfloat16").settled().precision == "bfloat16"
