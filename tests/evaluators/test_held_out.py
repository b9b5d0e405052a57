"""Who took part in making a dataset."""

from __future__ import annotations

from pathlib import Path

import pytest

from editmill.evaluators import EvaluatedModel
from editmill.evaluators.held_out import hub_id, took_part
from editmill.manifests import ModelRecord

HUB = ModelRecord(
    role="image_guard",
    cls="transformers.CLIPModel",
    id="org/Clip",
    revision="a" * 40,
    digest="1" * 64,
    dtype="float32",
    licence="MIT",
)
EMBEDDED = HUB.model_copy(
    update={"role": "zero_shot", "id": "pack/weights/zero_shot", "revision": "", "digest": "2" * 64}
)


def known(id: str = "", digest: str = "") -> EvaluatedModel[None]:
    return EvaluatedModel("model", None, id, digest)


@pytest.mark.parametrize(
    ("model", "overlap", "undecided"),
    [
        (known("org/clip"), ("image_guard",), ("zero_shot",)),
        (known("org/clip", "3" * 64), ("image_guard",), ()),
        (known("", "1" * 64), ("image_guard",), ()),
        (known("weights/evaluation", "3" * 64), (), ()),
        (known("org/other"), (), ("zero_shot",)),
        (known(), (), ("image_guard", "zero_shot")),
    ],
)
def test_an_id_or_a_digest_decides(
    model: EvaluatedModel[None], overlap: tuple[str, ...], undecided: tuple[str, ...]
) -> None:
    assert took_part(model, [HUB, EMBEDDED]) == (overlap, undecided)


def test_nobody_took_part_in_a_dataset_without_models() -> None:
    assert took_part(known(), []) == ((), ())


def test_folders_tell_their_hub_id(tmp_path: Path) -> None:
    cached, downloaded = tmp_path / "models--org--clip" / "snapshots" / "abc", tmp_path / "org" / "clip"
    for folder in (cached, downloaded):
        folder.mkdir(parents=True)
        assert hub_id(str(folder)) == "org/clip"
    assert hub_id("org/clip") == "org/clip"
