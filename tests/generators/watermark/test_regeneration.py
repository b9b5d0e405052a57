"""Regeneration on tiny checkpoints of the published classes: the clean-start proof, the ladder, the switches, and what
it may not do.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import editmill.generators.watermark
from editmill.generators.base.loaded import Unusable
from editmill.generators.models.image_adapter import convert_image_adapter
from editmill.generators.models.loading import Models
from editmill.generators.models.pack import read_pack
from editmill.generators.models.placement import Placement
from editmill.generators.watermark.ledger import Ledger
from editmill.generators.watermark.regeneration import Regenerator
from editmill.generators.watermark.settings import AttackSettings, WatermarkSettings
from editmill.manifests.arrays import Picture
from editmill.manifests.errors import RequestError
from tests.generators.watermark.pictures import textured

FIRST, SECOND = (textured(seed, height=64, width=80) for seed in range(2))
CLEAN = AttackSettings(name="clean", start="clean")
BARE = {"control": 0, "adapter": 0, "colour_match": False}


@pytest.fixture(scope="module")
def models(pack: Path) -> Models:
    return Models(read_pack(pack), Placement(device="cpu"))


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def regenerator(models: Models, **changes: Any) -> Regenerator:
    small = {
        "schemes": [{"name": "dwtDct"}],
        "attacks": [{"name": "p", "start": "none"}],
        "steps": 4,
        "least_pixels": 4096,
    }
    return Regenerator(WatermarkSettings.model_validate({**small, **changes}), models, Ledger())


def attack(one: Regenerator, image: Picture, settings: AttackSettings, seed: int = 1) -> Picture:
    return one.regenerate(one.ledger.seal(image, source_id="a"), settings, seed).image


def test_a_clean_start_without_controls_is_bit_identical_for_two_pictures_and_terminal_is_not(models: Models) -> None:
    one = regenerator(models)
    clean = AttackSettings(name="c", start="clean", **BARE)
    terminal = AttackSettings(name="t", start="terminal", **BARE)
    assert np.array_equal(attack(one, FIRST, clean), attack(one, SECOND, clean))
    assert not np.array_equal(attack(one, FIRST, terminal), attack(one, SECOND, terminal))
    assert not np.array_equal(attack(one, FIRST, clean), attack(one, FIRST, clean, seed=2))


@pytest.mark.parametrize("kept", ["control", "adapter", "colour_match"])
def test_each_condition_alone_brings_the_picture_into_a_clean_start(models: Models, kept: str) -> None:
    one = regenerator(models)
    settings = AttackSettings.model_validate(
        {"name": "c", "start": "clean", **BARE, kept: 1 if kept != "colour_match" else True}
    )
    first, second = attack(one, FIRST, settings), attack(one, SECOND, settings)
    # The tiny ControlNet's last layers are zero, as they are before any training: its edges say nothing yet.
    assert np.array_equal(first, second) == (kept == "control")


@pytest.mark.parametrize("sampler", ["ddim", "ddpm", "unipc", "euler-ancestral"])
def test_samplers_run_repeat_and_keep_the_clean_start(models: Models, sampler: str) -> None:
    one = regenerator(models, sampler=sampler)
    clean = AttackSettings(name="c", start="clean", **BARE)
    partial = AttackSettings(name="s", start="partial", n_steps=2)
    assert np.array_equal(attack(one, FIRST, clean), attack(one, SECOND, clean))
    assert np.array_equal(attack(one, FIRST, partial), attack(one, FIRST, partial))
    assert attack(one, FIRST, partial).std() > 0


def test_the_first_pass_of_a_sampler_does_not_depend_on_what_ran_before(models: Models) -> None:
    partial, clean = AttackSettings(name="s", start="partial", n_steps=1), AttackSettings(name="c", start="clean")
    fresh = attack(regenerator(models, sampler="unipc"), FIRST, partial)
    used = regenerator(models, sampler="unipc")
    attack(used, SECOND, clean)
    assert np.array_equal(attack(used, FIRST, partial), fresh)


def test_facts_are_those_realised(models: Models) -> None:
    one = regenerator(models, steps=10)
    made = one.regenerate(
        one.ledger.seal(FIRST, source_id="a"), AttackSettings(name="s", start="partial", n_steps=3, passes=2), 0
    )
    facts = made.facts
    assert (facts["executed"], facts["timestep"], facts["requested"], facts["passes"]) == (3, 299, 0.3, 2)
    assert facts["snr"] == pytest.approx(facts["sqrt_alpha_bar"] ** 2 / (1 - facts["sqrt_alpha_bar"] ** 2))
    assert facts["scheduler"] == "DDIMScheduler"
    assert made.cost == 2 * 2 * 3
    still = one.regenerate(one.ledger.seal(FIRST, source_id="a"), AttackSettings(name="v", start="vae"), 0)
    assert (still.facts["timestep"], still.facts["snr"], still.cost) == (-1, None, 0)
    assert set(still.facts) == set(facts)


def test_margins_are_kept_whatever_the_sides(models: Models) -> None:
    one, odd = regenerator(models), textured(3, height=67, width=93)
    for settings in (CLEAN, AttackSettings(name="v", start="vae")):
        assert attack(one, odd, settings).shape == odd.shape


def test_passes_and_codecs_are_axes_of_their_own(models: Models) -> None:
    one = regenerator(models)
    once, twice = (
        attack(one, FIRST, AttackSettings(name="s", start="partial", n_steps=2, passes=passes)) for passes in (1, 2)
    )
    assert not np.array_equal(once, twice)
    jpeg = attack(one, FIRST, AttackSettings(name="j", start="none", codec="jpeg", quality=50))
    assert not np.array_equal(jpeg, FIRST)
    assert np.array_equal(attack(one, FIRST, AttackSettings(name="p", start="none")), FIRST)


def test_foreign_and_changed_pictures_are_refused_and_nothing_is_rendered(
    models: Models, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = regenerator(models)
    monkeypatch.setattr(Regenerator, "_denoise", lambda *_: pytest.fail("rendered"))
    foreign = Ledger().seal(FIRST, source_id="a", scheme="dwtDct", key_id="k")
    with pytest.raises(Unusable, match="only marks that a run embedded itself"):
        one.regenerate(foreign, CLEAN, 0)


def test_values_that_are_not_finite_are_an_error(models: Models, monkeypatch: pytest.MonkeyPatch) -> None:
    one = regenerator(models)
    monkeypatch.setattr(one._pipeline.vae, "decode", lambda latents, **_: (torch.full((1, 3, 64, 80), torch.nan),))
    with pytest.raises(ValueError, match="not finite"):
        attack(one, FIRST, CLEAN)


def test_the_attack_can_not_import_a_detector() -> None:
    folder = Path(editmill.generators.watermark.__file__).parent
    seen, waiting = set(), ["regeneration"]
    while waiting:
        name = waiting.pop()
        seen.add(name)
        tree = ast.parse((folder / f"{name}.py").read_text())
        modules = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
        own = [
            module.removeprefix("editmill.generators.watermark.")
            for module in modules
            if module.startswith("editmill.generators.watermark")
        ]
        assert not any("detection" in module or "schemes" in module for module in own), name
        waiting += [module for module in own if module not in seen]
    assert {"ledger", "schedule", "settings"} <= seen


@pytest.mark.parametrize("content", [b"", b"no pickle", None])
def test_files_that_are_no_adapter_are_not_converted(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "adapter.bin"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(RequestError, match="not a pickled IP-Adapter"):
        convert_image_adapter(file, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_pickle_that_would_run_code_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "adapter.bin"
    torch.save({"image_proj": Path("x"), "ip_adapter": {}}, file)
    with pytest.raises(RequestError, match="not a pickled IP-Adapter"):
        convert_image_adapter(file, tmp_path / "out")
