"""``editmill models check`` runs a role of every class of the public packs, on tiny checkpoints of its classes."""

from __future__ import annotations

import gc
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from editmill.flows.cli import main
from editmill.generators.models import loading
from editmill.generators.models.pack import PackSpec, RoleEntry
from editmill.generators.models.placement import Placement
from editmill.generators.models.trials import try_role
from editmill.pipelines.packs import find_pack, pack_names
from tests.tiny_classes import TINY, write_role


def roles_of_classes() -> dict[str, tuple[PackSpec, str]]:
    """A role of every class that a public pack names or a wrapper takes, with its pack."""
    found: dict[str, tuple[PackSpec, str]] = {}
    for cls in TINY:
        entry = RoleEntry(cls=cls, repo="mine/model", revision="0" * 40, licence="MIT")
        found[cls] = PackSpec(name="mine", description="", roles={"mine": entry}, backgrounds=()), "mine"
    for pack in map(find_pack, pack_names()):
        found |= {entry.cls: (pack, role) for role, entry in pack.roles.items() if not entry.path}
    return found


CLASSES = roles_of_classes()


@pytest.fixture(autouse=True)
def loaded(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Models that this process has loaded stay, and looking for garbage among what is there takes no time."""
    monkeypatch.setattr(loading, "_loaded", {})
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.mark.parametrize("cls", sorted(CLASSES))
def test_every_class_that_a_pack_names_computes(cls: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pack, role = CLASSES[cls]
    entry = pack.roles[role]
    for one in (role, *entry.parts.values()):
        write_role(pack.roles[one], tmp_path, monkeypatch)
    trial = try_role(pack, role, Placement(device="cpu", dtype="bfloat16", models_dir=tmp_path))
    assert trial.problem == ""
    assert (trial.revision, trial.licence) == (entry.revision, entry.licence)
    assert trial.parameters > 0
    assert min(trial.load_seconds, trial.run_seconds, trial.peak_bytes) > 0
    # The last layers of a new ControlNet are zero.
    assert trial.deviation is not None
    assert (0 < trial.deviation < 1) or "ControlNetModel" in cls


def test_what_is_missing_or_broken_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    roles = find_pack("sd15").roles
    write_role(roles["classifier"], tmp_path, monkeypatch)
    write_role(roles["zero_shot"], tmp_path, monkeypatch)
    (tmp_path / roles["zero_shot"].repo / "tokenizer.json").unlink()
    arguments = ("sd15", "--models-dir", str(tmp_path), "--roles", "classifier,zero_shot,inpaint")
    result = CliRunner().invoke(main, ["models", "check", *arguments, "--device", "cpu", "--json"])
    trials = {trial["role"]: trial for trial in json.loads(result.stdout)["roles"]}
    assert result.exit_code == 1
    assert not trials["classifier"]["problem"]
    assert trials["classifier"]["deviation"] is None
    assert "tokenizer" in trials["zero_shot"]["problem"]
    assert "not on this machine" in trials["inpaint"]["problem"]
    assert [name for name, trial in trials.items() if trial["missing"]] == ["inpaint"]
    assert trials["inpaint"]["fix"].startswith(f"hf download {roles['inpaint'].repo} --revision")
    text = CliRunner().invoke(main, ["models", "check", *arguments, "--device", "cpu"]).output
    assert f"fix: hf download {roles['inpaint'].repo}" in text
    assert [text.count(word) for word in ("  missing", "  failed")] == [1, 1]
    assert f"{roles['classifier'].repo}@{roles['classifier'].revision}" in text
