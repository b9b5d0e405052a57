"""Recipes of watermarks that can't be meant are refused; secrets stay out of them."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import ValidationError

from editmill.generators.watermark.kinds import SAMPLERS, STARTS, Sampler, Start
from editmill.generators.watermark.schemes import make_scheme
from editmill.generators.watermark.settings import AttackSettings, WatermarkSettings
from editmill.manifests.payloads import LEAST_SECRET, public_secret

SMALL: dict[str, Any] = {"schemes": [{"name": "dwtDctSvd"}], "attacks": [{"name": "pipeline", "start": "none"}]}


def settings(**changes: Any) -> WatermarkSettings:
    return WatermarkSettings.model_validate({**SMALL, **changes})


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"schemes": [{"name": "stegaStamp"}]}, "no scheme 'stegaStamp'"),
        ({"schemes": [{"name": "rivaGan", "bits": 64}]}, "32 bits, not 64"),
        ({"schemes": [{"name": "dwtDct"}, {"name": "dwtDct"}]}, "twice"),
        ({"schemes": [{"name": "dwtDct", "options": {"a": 1}}]}, "options are for a factory"),
        ({"attacks": [{"name": "s", "start": "partial"}]}, "n_steps"),
        ({"attacks": [{"name": "s", "start": "clean", "n_steps": 3}]}, "n_steps"),
        ({"attacks": [{"name": "s", "start": "partial", "n_steps": 51}]}, "more than steps"),
        ({"attacks": [{"name": "s", "start": "none", "codec": "jpeg"}]}, "quality"),
        ({"attacks": [{"name": "s", "start": "none", "quality": 75}]}, "quality"),
        ({"fit": "crop"}, "side"),
        (
            {"schemes": [{"name": "dwtDct", "regenerate": False}], "attacks": [{"name": "v", "start": "vae"}]},
            "no scheme is regenerated",
        ),
        ({"schemes": [{"name": "rivaGan"}, {"name": "rivagan", "factory": "a:b"}]}, "two samples one key"),
        ({"schemes": [{"name": "unmarked", "factory": "a:b"}]}, "two samples one key"),
        ({"schemes": [{"name": "mine", "factory": "nomodule"}]}, "pattern"),
        ({"guidance": float("inf")}, "less than or equal"),
        ({"canny": [500, -3]}, "greater than or equal"),
        ({"secret_file": 5}, "path"),
        ({"secret_file": "/dev/zero"}, "not a regular file, but a device"),
        ({"secret_file": ""}, "secret_file is empty"),
        ({"secret_file": None}, "secret_file is empty"),
        ({"schemes": [{"name": "dwtDct", "private": True}]}, "everybody can decode dwtDct"),
        ({"secret_sha256": "0" * 64}, "give its file"),
    ],
)
def test_what_can_not_be_meant(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        settings(**changes)


def test_a_secret_is_committed_to_and_stays_out_of_the_recipe(tmp_path: Path) -> None:
    file = tmp_path / "secret.bin"
    file.write_bytes(bytes(range(32)))
    made = settings(secret_file=str(file))
    assert made.secret(0) == bytes(range(32))
    assert made.secret_sha256 == hashlib.sha256(bytes(range(32))).hexdigest()
    assert str(tmp_path) not in made.model_dump_json()
    assert (made.originals, settings().originals) == ("reference", "stored")
    assert settings(secret_file=str(file), originals="stored").originals == "stored"
    assert (made.withholds("dwtDctSvd"), settings().withholds("dwtDctSvd")) == (True, False)
    assert settings().secret(3) == public_secret(3)
    other = tmp_path / "other.bin"
    other.write_bytes(bytes(32))
    with pytest.raises(ValidationError, match="not the secret"):
        settings(secret_file=str(other), secret_sha256=made.secret_sha256)


def test_executed_steps() -> None:
    partial = AttackSettings(name="s04", start="partial", n_steps=2)
    assert settings().executed(partial) == 2
    assert settings().executed(AttackSettings(name="c", start="clean")) == 50
    assert settings().executed(AttackSettings(name="c", start="clean", steps=7)) == 7
    assert settings().executed(AttackSettings(name="v", start="vae")) == 0


def test_guidance_doubles_what_every_step_of_every_pass_costs() -> None:
    twice = AttackSettings(name="s04", start="partial", n_steps=2, passes=2)
    assert settings(guidance=2).cost(twice) == 8
    assert settings(guidance=1).cost(twice) == 4
    assert settings().cost(AttackSettings(name="v", start="vae", passes=3)) == 0


def test_tables_know_every_start_and_sampler() -> None:
    assert tuple(STARTS) == get_args(Start)
    assert tuple(SAMPLERS) == get_args(Sampler)


def test_factories_are_named_as_code_and_not_imported_to_validate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "planted.py").write_text("raise SystemExit('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    mine = {"name": "mine", "factory": "planted:make", "options": {"strength": 1}}
    made = settings(schemes=[{"name": "dwtDct"}, mine])
    assert made.code() == ("planted:make",)
    assert WatermarkSettings.model_validate_json(made.model_dump_json()) == made
    assert settings().code() == ()
    with pytest.raises(SystemExit, match="imported"):
        make_scheme(made.schemes[1])


def test_values_at_their_limits_are_taken(tmp_path: Path) -> None:
    whole = {"name": "s", "start": "partial", "n_steps": 50}
    assert settings(attacks=[whole]).executed(AttackSettings.model_validate(whole)) == 50
    file = tmp_path / "secret.bin"
    file.write_bytes(bytes(range(LEAST_SECRET)))
    assert settings(secret_file=str(file)).hidden
