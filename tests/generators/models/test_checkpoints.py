from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import huggingface_hub.constants
import pytest

from editmill.generators.models.checkpoints import checkpoint_folder, is_present, model_record, require_checkpoints
from editmill.generators.models.downloads import wanted_files
from editmill.generators.models.pack import PackSpec
from editmill.manifests.errors import ModelError
from editmill.manifests.weights import WHOLE, Choice, weights_digest
from editmill.pipelines.packs import find_pack

REPO, REVISION = "openai/clip-vit-large-patch14", "32bd64288804d66eefd0ccbe215aa642df71cc41"
OTHER = "0" * 40


@pytest.fixture(scope="module")
def sd15() -> PackSpec:
    return find_pack("sd15")


@pytest.fixture(autouse=True)
def hub_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty hub cache, whatever lies in this machine's own."""
    cache = tmp_path / "hub"
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(cache))
    return cache


def place(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(b"weights")
    return folder


def test_missing_checkpoint_names_the_download_command(sd15: PackSpec, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="not on this machine") as caught:
        checkpoint_folder(sd15, "zero_shot", tmp_path)
    assert caught.value.fix.startswith(f"hf download {REPO} --revision {REVISION} --local-dir {tmp_path / REPO}")
    assert caught.value.where == str(tmp_path / REPO)


def test_missing_checkpoint_without_a_folder_goes_into_the_hub_cache(sd15: PackSpec) -> None:
    with pytest.raises(ModelError) as caught:
        checkpoint_folder(sd15, "zero_shot", None)
    assert caught.value.fix.startswith(f"hf download {REPO} --revision {REVISION} --include")
    assert REPO in caught.value.where


@pytest.mark.parametrize("name", [REPO, REPO.split("/")[1], f"models--{REPO.replace('/', '--')}/snapshots/{REVISION}"])
def test_models_dir_holds_checkpoints_by_name_or_is_a_hub_cache(sd15: PackSpec, tmp_path: Path, name: str) -> None:
    folder = place(tmp_path / "models" / name)
    assert checkpoint_folder(sd15, "zero_shot", tmp_path / "models") == folder
    assert not is_present(sd15, "inpaint", tmp_path / "models")


def test_organisation_goes_before_the_bare_name(sd15: PackSpec, tmp_path: Path) -> None:
    bare = place(tmp_path / REPO.split("/")[1])
    assert checkpoint_folder(sd15, "zero_shot", tmp_path) == bare
    assert checkpoint_folder(sd15, "zero_shot", tmp_path) != place(tmp_path / REPO)
    assert checkpoint_folder(sd15, "zero_shot", tmp_path) == tmp_path / REPO


@pytest.mark.parametrize("index", ["", "model.safetensors.index.json"])
def test_folder_without_its_weights_is_no_checkpoint(sd15: PackSpec, tmp_path: Path, index: str) -> None:
    # An interrupted download leaves such a folder.
    (tmp_path / REPO).mkdir(parents=True)
    (tmp_path / REPO / "config.json").write_text("{}")
    if index:
        (tmp_path / REPO / index).write_text(json.dumps({"weight_map": {"a": "model-00001-of-00001.safetensors"}}))
    assert not is_present(sd15, "zero_shot", tmp_path)
    with pytest.raises(ModelError, match="not on this machine"):
        checkpoint_folder(sd15, "zero_shot", tmp_path)


def snapshot(cache: Path, commit: str) -> Path:
    return place(cache / f"models--{REPO.replace('/', '--')}" / "snapshots" / commit)


def note(folder: Path, name: str, commit: str) -> None:
    """Leave the trace of a download with ``hf download --local-dir``."""
    path = folder / ".cache" / "huggingface" / "download" / f"{name}.metadata"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{commit}\n{'a' * 40}\n1712656091.1\n")


@pytest.mark.parametrize("given", [False, True])
def test_another_revision_is_named(sd15: PackSpec, hub_cache: Path, given: bool) -> None:
    snapshot(hub_cache, OTHER)
    models_dir = hub_cache if given else None
    assert not is_present(sd15, "zero_shot", models_dir)
    with pytest.raises(ModelError, match=f"in revision {OTHER}; the pack asks for {REVISION}") as told:
        checkpoint_folder(sd15, "zero_shot", models_dir)
    assert told.value.where.endswith(OTHER)
    assert f"hf download {REPO} --revision {REVISION}" in told.value.fix
    asked = snapshot(hub_cache, REVISION)
    assert checkpoint_folder(sd15, "zero_shot", models_dir) == asked


def test_another_revision_in_a_downloaded_folder_is_named(sd15: PackSpec, tmp_path: Path) -> None:
    note(place(tmp_path / REPO), "model.safetensors", OTHER)
    with pytest.raises(ModelError, match=f"in revision {OTHER}; the pack asks for {REVISION}"):
        checkpoint_folder(sd15, "zero_shot", tmp_path)
    note(tmp_path / REPO, "model.safetensors", REVISION)
    assert checkpoint_folder(sd15, "zero_shot", tmp_path) == tmp_path / REPO


@pytest.fixture
def unpinned(sd15: PackSpec) -> PackSpec:
    """The pack, which leaves the judge's revision to what is on the disk."""
    entry = sd15.roles["zero_shot"].model_copy(update={"revision": ""})
    return sd15.model_copy(update={"roles": {**sd15.roles, "zero_shot": entry}})


@pytest.mark.parametrize("cached", [False, True])
def test_a_revision_that_is_left_out_is_the_one_on_the_disk(unpinned: PackSpec, tmp_path: Path, cached: bool) -> None:
    if cached:
        snapshot(tmp_path, OTHER)
    else:
        note(place(tmp_path / REPO), "model.safetensors", OTHER)
        # What is not loaded has no say.
        note(tmp_path / REPO, "pytorch_model.bin", REVISION)
    assert is_present(unpinned, "zero_shot", tmp_path)
    record = model_record(unpinned, "zero_shot", models_dir=tmp_path, dtype="float32")
    assert record.revision == OTHER
    with pytest.raises(ModelError) as told:
        checkpoint_folder(unpinned, "zero_shot", tmp_path / "nowhere")
    assert told.value.fix.startswith(f"hf download {REPO} --local-dir")


def test_a_revision_that_can_not_be_told_is_asked_for(unpinned: PackSpec, tmp_path: Path) -> None:
    place(tmp_path / "plain" / REPO)
    for commit in (OTHER, REVISION):
        snapshot(tmp_path / "cache", commit)
    mixed = place(tmp_path / "mixed" / REPO)
    (mixed / "config.json").write_text("{}")
    note(mixed, "model.safetensors", OTHER)
    note(mixed, "config.json", REVISION)
    said = {"plain": "no trace of its revision", "cache": f"several revisions: {OTHER}, {REVISION}", "mixed": "several"}
    for name, message in said.items():
        assert not is_present(unpinned, "zero_shot", tmp_path / name)
        with pytest.raises(ModelError, match=message):
            checkpoint_folder(unpinned, "zero_shot", tmp_path / name)


def test_all_that_is_missing_is_listed_with_what_is_downloaded(sd15: PackSpec, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="3 checkpoints of pack 'sd15' can't be used") as told:
        require_checkpoints(sd15, ["inpaint", "zero_shot", "classifier"], tmp_path)
    assert all(f"of '{role}'" in told.value.what for role in ("inpaint", "zero_shot", "classifier"))
    commands = [line.strip() for line in told.value.fix.splitlines()]
    assert [command.split()[:3] for command in commands] == [
        ["hf", "download", sd15.roles[role].repo] for role in ("inpaint", "zero_shot", "classifier")
    ]
    networks = "--include 'text_encoder/*.safetensors' --include 'unet/*.safetensors' --exclude '*.*.safetensors'"
    assert f"--include 'vae/*.safetensors' {networks}" in commands[0]
    assert "safety_checker" not in told.value.fix
    assert "--include 'model*.safetensors' --exclude '*.*.safetensors'" in commands[1]


@pytest.mark.parametrize(
    ("changes", "patterns"),
    [
        ({"variant": "fp16"}, ["model*.fp16*.safetensors"]),
        ({"subfolder": "models/vision"}, ["models/vision/*.json", "models/vision/*.safetensors"]),
        ({"cls": "segment_anything.Sam", "file": "sam_vit_b_01ec64.pth"}, ["sam_vit_b_01ec64.pth"]),
        ({"pickled": True}, ["pytorch_model*.bin"]),
        ({"cls": "diffusers.VQModel", "pickled": True}, ["diffusion_pytorch_model*.bin"]),
        ({"cls": "diffusers.AutoencoderKL", "file": "vae.ckpt"}, ["*.json", "vae.ckpt"]),
        (
            {"cls": "diffusers.StableDiffusionXLInpaintPipeline", "parts": {"vae": "autoencoder"}},
            ["text_encoder/*.safetensors", "text_encoder_2/*.safetensors", "unet/*.safetensors"],
        ),
    ],
)
def test_only_what_is_loaded_is_downloaded(sd15: PackSpec, changes: dict[str, Any], patterns: list[str]) -> None:
    wanted = wanted_files(sd15.roles["zero_shot"].model_copy(update=changes))
    assert set(patterns) <= set(wanted)
    weights = [pattern for pattern in wanted if pattern.endswith(("safetensors", "bin", "ckpt", "pth"))]
    assert weights == [pattern for pattern in patterns if not pattern.endswith("json")]


def test_embedded_checkpoint_lies_beside_its_pack(pack: PackSpec, tmp_path: Path) -> None:
    assert checkpoint_folder(pack, "zero_shot", tmp_path) == pack.folder / "zero_shot"


PIPELINE = {
    "model_index.json": json.dumps({"unet": ["d", "U"], "vae": ["d", "V"], "safety_checker": ["s", "C"]}).encode(),
    "unet/config.json": b"{}",
    "unet/diffusion_pytorch_model.safetensors": b"one",
    "vae/diffusion_pytorch_model.bin": b"two",
}


def test_digest_covers_what_is_loaded_and_its_names(tmp_path: Path) -> None:
    def digest_of(changes: dict[str, bytes], choice: Choice = WHOLE) -> str:
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        for path, content in {**PIPELINE, **changes}.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content)
        return weights_digest(folder, choice)

    digest = digest_of({})
    not_loaded = {
        "README.md": b"words",
        "safety_checker/model.safetensors": b"blank",
        "unet/diffusion_pytorch_model.bin": b"one again",
        "unet/diffusion_pytorch_model.fp16.safetensors": b"half",
        "v1-5-pruned.safetensors": b"all in one",
        "vae_1_0/diffusion_pytorch_model.safetensors": b"older",
    }
    assert digest == digest_of({}) == digest_of(not_loaded)
    loaded = [
        {"unet/config.json": b"{ }"},
        {"vae/diffusion_pytorch_model.bin": b"twO"},
        {"vae/diffusion_pytorch_model.safetensors": b"two"},
        {
            "scheduler/scheduler_config.json": b"{}",
            "model_index.json": b'{"unet": ["d", "U"], "scheduler": ["d", "S"]}',
        },
    ]
    chosen = [Choice("fp16"), Choice(file="v1-5-pruned.safetensors"), Choice(apart=("vae",))]
    others = {*map(digest_of, loaded), *(digest_of(not_loaded, choice) for choice in chosen)}
    assert len({digest, *others}) == 8


def test_digest_changes_when_a_weight_file_changes(tmp_path: Path) -> None:
    # In one process, which may outlive a change of weights.
    folder = place(tmp_path / "model")
    before = weights_digest(folder)
    (folder / "model.safetensors").write_bytes(b"other weights")
    assert weights_digest(folder) != before


def test_record_says_what_was_loaded(pack: PackSpec, sd15: PackSpec, models_dir: Path) -> None:
    embedded = model_record(pack, "inpaint", models_dir=None, dtype="float32")
    assert (embedded.role, embedded.cls, embedded.id) == (
        "inpaint",
        "diffusers.StableDiffusionInpaintPipeline",
        "tiny/inpaint",
    )
    public = model_record(sd15, "zero_shot", models_dir=models_dir, dtype="float16")
    assert (public.id, public.revision, public.dtype, public.licence) == (REPO, REVISION, "float16", "MIT")
    # The two packs' tiny models hold equal weights.
    assert public.digest == model_record(pack, "zero_shot", models_dir=None, dtype="float16").digest


def test_record_of_a_missing_checkpoint_is_a_model_error(sd15: PackSpec, tmp_path: Path) -> None:
    with pytest.raises(ModelError):
        model_record(sd15, "inpaint", models_dir=tmp_path / "none", dtype="float32")


def test_a_converted_checkpoint_lies_under_models_dir_or_its_command_is_named(sd15: PackSpec, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="not been converted") as caught:
        checkpoint_folder(sd15, "unconditional", tmp_path)
    assert caught.value.fix.startswith("editmill convert adm 256x256_diffusion_uncond.pt --to")
    assert str(tmp_path / "adm-256") in caught.value.fix
    assert not is_present(sd15, "unconditional", None)
    place(tmp_path / "adm-256" / "unet")
    (tmp_path / "adm-256" / "model_index.json").write_text('{"unet": ["diffusers", "UNet2DModel"]}')
    assert checkpoint_folder(sd15, "unconditional", tmp_path) == tmp_path / "adm-256"


def test_a_subfolder_of_a_repository_holds_the_checkpoint(sd15: PackSpec, tmp_path: Path) -> None:
    place(tmp_path / "CompVis/ldm-super-resolution-4x-openimages/unet")
    assert not is_present(sd15, "vq", tmp_path)
    vqvae = place(tmp_path / "CompVis/ldm-super-resolution-4x-openimages/vqvae")
    assert checkpoint_folder(sd15, "vq", tmp_path) == vqvae
