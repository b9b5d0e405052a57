from __future__ import annotations

from pathlib import Path

import huggingface_hub.constants
import pytest

from editmill.generators.models.checkpoints import checkpoint_folder, local_folder, model_record
from editmill.generators.models.pack import PackSpec
from editmill.manifests.errors import ModelError
from editmill.manifests.weights import weights_digest
from editmill.pipelines.packs import find_pack

REPO, REVISION = "openai/clip-vit-large-patch14", "32bd64288804d66eefd0ccbe215aa642df71cc41"


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


def test_missing_checkpoint_without_a_folder_names_one_to_pass(sd15: PackSpec) -> None:
    with pytest.raises(ModelError) as caught:
        checkpoint_folder(sd15, "zero_shot", None)
    assert f"--revision {REVISION} --local-dir MODELS/{REPO}" in caught.value.fix
    assert "--models-dir MODELS" in caught.value.fix
    assert REPO in caught.value.where


@pytest.mark.parametrize("name", [REPO, REPO.split("/")[1]])
def test_models_dir_holds_checkpoints_with_and_without_the_organisation(
    sd15: PackSpec, tmp_path: Path, name: str
) -> None:
    folder = place(tmp_path / "models" / name)
    assert local_folder(sd15, "zero_shot", tmp_path / "models") == folder
    assert local_folder(sd15, "inpaint", tmp_path / "models") is None


def test_organisation_goes_before_the_bare_name(sd15: PackSpec, tmp_path: Path) -> None:
    place(tmp_path / REPO.split("/")[1])
    assert local_folder(sd15, "zero_shot", tmp_path) == tmp_path / REPO.split("/")[1]
    assert local_folder(sd15, "zero_shot", tmp_path) != place(tmp_path / REPO)
    assert local_folder(sd15, "zero_shot", tmp_path) == tmp_path / REPO


def test_folder_without_weights_is_no_checkpoint(sd15: PackSpec, tmp_path: Path) -> None:
    (tmp_path / REPO).mkdir(parents=True)
    (tmp_path / REPO / "config.json").write_text("{}")
    assert local_folder(sd15, "zero_shot", tmp_path) is None


def test_hub_cache_is_used_for_the_pinned_revision_only(sd15: PackSpec, hub_cache: Path) -> None:
    repository = hub_cache / f"models--{REPO.replace('/', '--')}"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text("0" * 40)
    place(repository / "snapshots" / ("0" * 40))
    assert local_folder(sd15, "zero_shot", None) is None
    snapshot = place(repository / "snapshots" / REVISION)
    assert local_folder(sd15, "zero_shot", None) == snapshot


def test_hub_snapshot_without_weights_is_no_checkpoint(sd15: PackSpec, hub_cache: Path) -> None:
    # An interrupted download leaves such a folder.
    snapshot = hub_cache / f"models--{REPO.replace('/', '--')}" / "snapshots" / REVISION
    snapshot.mkdir(parents=True)
    (snapshot / "config.json").write_text("{}")
    assert local_folder(sd15, "zero_shot", None) is None


def test_embedded_checkpoint_lies_beside_its_pack(pack: PackSpec, tmp_path: Path) -> None:
    assert checkpoint_folder(pack, "zero_shot", tmp_path) == pack.folder / "zero_shot"


def test_digest_covers_every_weight_and_configuration_file_and_its_name(tmp_path: Path) -> None:
    def digest_of(name: str, files: dict[str, bytes]) -> str:
        for path, content in files.items():
            (tmp_path / name / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name / path).write_bytes(content)
        return weights_digest(tmp_path / name)

    files = {"unet/model.safetensors": b"one", "vae/model.bin": b"two"}
    digest = digest_of("a", files)
    assert digest == digest_of("b", files) == digest_of("c", {**files, "README.md": b"words"})
    assert digest != digest_of("d", {**files, "scheduler/scheduler_config.json": b"{}"})
    others = [
        {**files, "vae/model.bin": b"twO"},
        {**files, "text.pt": b"3"},
        {"unet/model.safetensors": b"one", "vae/other.bin": b"two"},
    ]
    assert len({digest, *(digest_of(f"d{number}", other) for number, other in enumerate(others))}) == 4


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
    assert local_folder(sd15, "unconditional", None) is None
    assert checkpoint_folder(sd15, "unconditional", place(tmp_path / "adm-256").parent) == tmp_path / "adm-256"


def test_a_subfolder_of_a_repository_holds_the_checkpoint(sd15: PackSpec, tmp_path: Path) -> None:
    place(tmp_path / "CompVis/ldm-super-resolution-4x-openimages/unet")
    assert local_folder(sd15, "vq", tmp_path) is None
    vqvae = place(tmp_path / "CompVis/ldm-super-resolution-4x-openimages/vqvae")
    assert local_folder(sd15, "vq", tmp_path) == vqvae
