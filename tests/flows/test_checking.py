"""``editmill models check`` runs every role of every public pack, on tiny checkpoints of its classes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from editmill.flows.cli import main
from editmill.generators.models import loading
from editmill.pipelines.packs import find_pack, pack_names
from tests.tiny_classes import write_models_dir, write_role

PUBLIC = [name for name in pack_names() if any(entry.repo for entry in find_pack(name).roles.values())]


@pytest.fixture(autouse=True)
def loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Models that this process has loaded stay: the command lets go of all that it knows of."""
    monkeypatch.setattr(loading, "_loaded", {})


def check(*arguments: str) -> tuple[Result, dict[str, Any]]:
    result = CliRunner().invoke(main, ["models", "check", *arguments, "--device", "cpu", "--json"])
    assert result.exit_code in (0, 1), result.output
    document = json.loads(result.stdout)
    return result, {trial["role"]: trial for trial in document["roles"]}


@pytest.mark.parametrize("name", PUBLIC)
def test_every_role_of_a_public_pack_computes(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pack = find_pack(name)
    write_models_dir(pack, tmp_path, monkeypatch)
    result, trials = check(name, "--models-dir", str(tmp_path), "--dtype", "bfloat16")
    assert [trial["problem"] for trial in trials.values()] == [""] * len(pack.roles)
    assert result.exit_code == 0
    for role, trial in trials.items():
        assert trial["revision"] == pack.roles[role].revision
        assert trial["licence"] == pack.roles[role].licence
        assert trial["parameters"] > 0
        assert min(trial["load_seconds"], trial["run_seconds"], trial["peak_bytes"]) > 0
        # Random weights spread the errors of bfloat16, of which some outcomes have none.
        assert 0 <= trial["deviation"] < 1
    assert sum(trial["deviation"] > 0 for trial in trials.values()) > len(trials) / 2


def test_what_is_missing_or_broken_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    roles = find_pack("sd15").roles
    write_role(roles["classifier"], tmp_path, monkeypatch)
    write_role(roles["zero_shot"], tmp_path, monkeypatch)
    (tmp_path / roles["zero_shot"].repo / "tokenizer.json").unlink()
    arguments = ("sd15", "--models-dir", str(tmp_path), "--roles", "classifier,zero_shot,inpaint")
    result, trials = check(*arguments)
    assert result.exit_code == 1
    assert not trials["classifier"]["problem"]
    assert trials["classifier"]["deviation"] is None
    assert "tokenizer" in trials["zero_shot"]["problem"]
    assert "not on this machine" in trials["inpaint"]["problem"]
    assert trials["inpaint"]["fix"].startswith(f"hf download {roles['inpaint'].repo} --revision")
    text = CliRunner().invoke(main, ["models", "check", *arguments, "--device", "cpu"]).output
    assert f"fix: hf download {roles['inpaint'].repo}" in text
    assert f"{roles['classifier'].repo}@{roles['classifier'].revision}" in text
