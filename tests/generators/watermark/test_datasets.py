"""Whole datasets of regenerated watermarks: what is stored, evaluated, previewed, and opened with a secret."""

from __future__ import annotations

from pathlib import Path

import pytest

from editmill.evaluators import Options, evaluate, render, report
from editmill.evaluators.watermark.keys import reveal_keys
from editmill.generators.models.placement import Placement
from editmill.manifests.errors import RecipeError, RequestError, SourceError
from editmill.manifests.reader import Dataset, open_dataset
from editmill.manifests.verify import verify_dataset
from editmill.pipelines.build import build, prepare
from editmill.pipelines.fingerprint import identify
from editmill.pipelines.plan import Plan, make_plan
from editmill.pipelines.preview import preview_plan
from editmill.pipelines.recipe import load_recipe
from tests.generators.watermark.building import RUNGS, SCHEMES
from tests.released import traces

PLACEMENT = Placement(device="cpu")
PIPELINE = "generator.attacks=[{name: pipeline, start: none}]"
ONE = (PIPELINE, "generator.schemes=[{name: dwtDctSvd}]")


def plan_of(pack: Path, photos: Path, *changes: str) -> Plan:
    overrides = (
        f"generator.attacks={list(RUNGS)}",
        f"generator.schemes={list(SCHEMES)}",
        "generator.steps=2",
        "generator.least_pixels=4096",
        "shards=1",
        "source.licence=CC0-1.0",
        "generator.second_seed=0",
        *changes,
    )
    return make_plan(load_recipe("watermark", source=f"images:{photos}", models=str(pack), overrides=overrides))


@pytest.fixture(scope="module")
def dataset(pack: Path, photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    out = tmp_path_factory.mktemp("out") / "marks"
    build(prepare(plan_of(pack, photos), out, PLACEMENT), progress=False)
    assert verify_dataset(out).ok
    assert traces(out) == []
    return open_dataset(out)


def test_a_dataset_names_its_attacks_and_what_samples_are(dataset: Dataset) -> None:
    assert dataset.manifest.edits == tuple(rung["name"] for rung in RUNGS)
    assert dataset.manifest.class_names == {0: "unmarked", 1: "watermarked"}
    assert dataset.manifest.members == ("cls", "input.png", "json", "png", "source.png")
    assert set(dataset.table.column("status").to_pylist()) == {"ok"}


def test_the_evaluation_reads_it_without_models(dataset: Dataset) -> None:
    text = render(report(evaluate(dataset, options=Options(resamples=50))), "text")
    assert "dwtDctSvd" in text
    assert "too few items" in text


def test_keys_open_with_the_right_secret_alone(dataset: Dataset, tmp_path: Path) -> None:
    revealed = list(reveal_keys(dataset, None))
    assert [embedded for _, _, _, embedded, _, _ in revealed].count(1) == 9
    assert len(revealed) == 18
    assert len({bits for *_, bits, _ in revealed}) == 18
    assert all(len(bits) == 32 for *_, bits, _ in revealed)
    other = tmp_path / "secret.bin"
    other.write_bytes(bytes(32))
    with pytest.raises(RequestError, match="not the secret"):
        list(reveal_keys(dataset, other))


def test_a_secret_of_ones_own_changes_keys_and_fingerprint_and_is_stored_nowhere(
    pack: Path, photos: Path, tmp_path: Path
) -> None:
    secret = tmp_path / "secret.bin"
    secret.write_bytes(bytes(range(32)))
    plan = plan_of(pack, photos, *ONE, f"generator.secret_file={secret}")
    assert identify(plan, PLACEMENT).fingerprint != identify(plan_of(pack, photos, *ONE), PLACEMENT).fingerprint
    out = tmp_path / "out"
    build(prepare(plan, out, PLACEMENT), progress=False)
    found = open_dataset(out)
    revealed = list(reveal_keys(found, secret))
    assert len(revealed) == 6
    stored = b"".join(path.read_bytes() for path in out.rglob("*") if path.is_file())
    hidden = [text for *_, bits, nonce in revealed for text in (bits, nonce)]
    for text in (str(secret), bytes(range(32)).hex(), *hidden):
        assert text.encode() not in stored
    with pytest.raises(RequestError, match="secret of its own"):
        list(reveal_keys(found, None))


@pytest.mark.parametrize(
    ("override", "why"),
    [
        ("generator.least_pixels=1000000", "pixels are too few"),
        ("generator.side=40", "40 pixels"),
        ("source.licence=''", "no licence"),
    ],
)
def test_sources_that_can_not_be_used_are_refused_before_the_folder_is_made(
    pack: Path, photos: Path, tmp_path: Path, override: str, why: str
) -> None:
    with pytest.raises(SourceError, match=f"none of the sources can be used, such as .*{why}") as refused:
        prepare(plan_of(pack, photos, override), tmp_path / "out", PLACEMENT)
    assert refused.value.exit_code == 2
    assert not (tmp_path / "out").exists()


def test_a_preview_shows_the_first_scheme_under_every_attack(pack: Path, photos: Path) -> None:
    sheet = preview_plan(plan_of(pack, photos), PLACEMENT, sources=1, cell=64)
    assert sheet.width > 5 * 64


def test_the_grid_is_part_of_the_fingerprint(pack: Path, photos: Path) -> None:
    changed = plan_of(pack, photos, "generator.attacks=[{name: s50, start: partial, n_steps: 2}]")
    assert identify(changed, PLACEMENT).fingerprint != identify(plan_of(pack, photos), PLACEMENT).fingerprint


def test_other_pictures_than_png_are_refused() -> None:
    with pytest.raises(RecipeError, match="an attack's codec and quality"):
        load_recipe("watermark", overrides=["output.image=jpg"])


@pytest.mark.parametrize(("content", "words"), [(b"", "0 bytes"), (b"short", "5 bytes"), (None, "No such file")])
def test_secrets_that_are_none(tmp_path: Path, content: bytes | None, words: str) -> None:
    file = tmp_path / "secret.bin"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(RecipeError, match=words):
        load_recipe("watermark", overrides=[f"generator.secret_file={file}"])


def test_a_recipe_with_a_factory_is_refused_until_it_is_allowed(pack: Path) -> None:
    changes = ["generator.schemes=[{name: mine, factory: 'no_such_module:make'}]"]
    with pytest.raises(RecipeError, match="no_such_module:make"):
        load_recipe("watermark", models=str(pack), overrides=changes)
    recipe = load_recipe("watermark", models=str(pack), overrides=changes, allow_code=True)
    assert recipe.code() == ("no_such_module:make",)
