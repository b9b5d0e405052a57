from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from editmill.generators.models.checkpoints import checkpoint_folder
from editmill.generators.models.pack import PackSpec, misspelt, read_pack
from editmill.manifests.errors import ModelError
from editmill.pipelines.packs import find_pack, pack_names

ROLE = {"cls": "transformers.CLIPModel", "path": "zero_shot", "licence": "MIT"}
DOCUMENT = {"name": "mine", "description": "Mine.", "backgrounds": ["green grass"], "roles": {"zero_shot": ROLE}}


def write(folder: Path, document: object) -> Path:
    path = folder / "mine.yaml"
    path.write_text(yaml.safe_dump(document))
    return path


def test_pack_is_read_with_its_folder(tmp_path: Path) -> None:
    pack = read_pack(write(tmp_path, DOCUMENT))
    assert pack.folder == tmp_path
    assert pack.entry("zero_shot").cls == "transformers.CLIPModel"
    assert pack.backgrounds == ("green grass",)


@pytest.mark.parametrize(
    "document",
    [
        {**DOCUMENT, "background": ["typing error"]},
        {**DOCUMENT, "roles": {"zero_shot": {**ROLE, "weight": "x"}}},
        {name: value for name, value in DOCUMENT.items() if name != "roles"},
        {**DOCUMENT, "roles": {"zero_shot": {"cls": "x.Y"}}},
        {**DOCUMENT, "steps": "many"},
        {**DOCUMENT, "steps": 0},
        {**DOCUMENT, "roles": {"zero_shot": {**ROLE, "parts": {"vae": "zero_shot"}}}},
        {**DOCUMENT, "roles": {"zero_shot": {**ROLE, "parts": {"lora": "other"}}, "other": ROLE}},
        [DOCUMENT],
        None,
        "text",
    ],
)
def test_bad_document_is_a_model_error_that_names_the_file(tmp_path: Path, document: object) -> None:
    path = write(tmp_path, document)
    with pytest.raises(ModelError, match=r"not valid|not a mapping") as caught:
        read_pack(path)
    assert caught.value.where == str(path)


def test_unknown_key_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="backgruonds"):
        read_pack(write(tmp_path, {**DOCUMENT, "backgruonds": []}))


def test_broken_yaml_is_a_model_error(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("name: [")
    with pytest.raises(ModelError, match="not valid"):
        read_pack(tmp_path / "bad.yaml")


def test_missing_file_is_a_model_error(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="No such file") as caught:
        read_pack(tmp_path / "none.yaml")
    assert caught.value.where == str(tmp_path / "none.yaml")


def test_file_that_is_no_text_is_a_model_error(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(ModelError):
        read_pack(tmp_path / "bad.yaml")


def test_folder_instead_of_a_file_is_a_model_error(tmp_path: Path) -> None:
    (tmp_path / "folder.yaml").mkdir()
    with pytest.raises(ModelError):
        read_pack(tmp_path / "folder.yaml")


def test_missing_role_names_the_roles_there_are(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="'inpaint'") as caught:
        read_pack(write(tmp_path, DOCUMENT)).entry("inpaint")
    assert "zero_shot" in caught.value.fix


@pytest.mark.parametrize(
    "role",
    [
        {"cls": "transformers.CLIPModel", "licence": "MIT"},
        {**ROLE, "repo": "openai/clip-vit-large-patch14", "revision": "0" * 40},
        {
            "cls": "transformers.CLIPModel",
            "licence": "MIT",
            "repo": "openai/clip-vit-large-patch14",
            "revision": "main",
        },
        {**ROLE, "cls": "CLIPModel"},
        {**ROLE, "file": "/etc/passwd"},
        {**ROLE, "subfolder": "unet/../../other"},
    ],
)
def test_role_is_either_embedded_or_a_repository_at_a_commit(tmp_path: Path, role: dict[str, str]) -> None:
    with pytest.raises(ModelError):
        read_pack(write(tmp_path, {**DOCUMENT, "roles": {"zero_shot": role}}))


@pytest.mark.parametrize("name", pack_names())
def test_packs_that_come_with_editmill_have_what_the_edits_need(name: str) -> None:
    pack: PackSpec = find_pack(name)
    assert pack.name == name
    assert pack.backgrounds or "inpaint" not in pack.roles
    assert misspelt(pack) == []
    for entry in pack.roles.values():
        # No commit of this repository stands in full in any public source that we know.
        assert entry.path or entry.made or len(entry.revision) == 40 or entry.repo == "yepengliu/ctrlregen"
        assert all(other in pack.roles for other in entry.parts.values())


def test_roles_that_look_like_ours_are_told(tmp_path: Path) -> None:
    roles = dict.fromkeys(("zero_shot", "detectr", "classifier_weak", "my_own"), ROLE)
    (notice,) = misspelt(read_pack(write(tmp_path, {**DOCUMENT, "roles": roles})))
    assert "the role 'detectr' of the pack 'mine'; is 'detector' meant?" in notice


def test_unknown_pack_names_the_packs(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="nothing") as caught:
        find_pack("nothing")
    assert "sd15" in caught.value.fix
    assert "tabletop" in caught.value.fix


def test_embedded_weights_that_are_missing_name_their_folder(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="'zero_shot'") as caught:
        checkpoint_folder(read_pack(write(tmp_path, DOCUMENT)), "zero_shot", None)
    assert caught.value.where == str(tmp_path / "zero_shot")
