"""Datasets of regenerated watermarks: tiny checkpoints of the published classes, real schemes, photographs from
files.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from editmill.evaluators.watermark import evaluate_watermark, watermark_text
from editmill.evaluators.watermark.keys import reveal_keys
from editmill.generators.models.image_adapter import convert_image_adapter
from editmill.generators.models.loading import Placement
from editmill.generators.reasons import Reason
from editmill.generators.watermark.quality import psnr
from editmill.generators.watermark.schemes import EmbeddingError
from editmill.generators.watermark.schemes.blind import BlindWatermark
from editmill.manifests.errors import RequestError
from editmill.manifests.reader import Dataset, open_dataset
from editmill.manifests.records import SampleRow
from editmill.manifests.verify import verify_dataset
from editmill.pipelines.build import build, prepare
from editmill.pipelines.encode import decode_image
from editmill.pipelines.fingerprint import identify
from editmill.pipelines.plan import Plan, make_plan
from editmill.pipelines.preview import preview_plan
from editmill.pipelines.recipe import load_recipe
from editmill.pipelines.shard import ShardTask, sample_builder
from editmill.pipelines.watermarks import WatermarkBuilder
from tests.generators.watermark.pictures import textured
from tests.watermark_models import write_watermark_pack

PLACEMENT = Placement(device="cpu")
RUNGS = (
    "{name: pipeline, start: none}",
    "{name: vae, start: vae}",
    "{name: s50, start: partial, n_steps: 1}",
    "{name: clean, start: clean}",
    "{name: bare, start: clean, ladder: false, control: 0, adapter: 0, colour_match: false}",
)
SCHEMES = (
    "[{name: dwtDctSvd, bits: 32}, {name: blind-watermark, bits: 32}, {name: dwtDct, bits: 32, regenerate: false}]"
)
SIDE = 96
UNTOUCHED = "generator.attacks=[{name: pipeline, start: none}]"


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("pack")
    path = write_watermark_pack(root)
    convert_image_adapter(root / "adapter.bin", root / "adapter")
    return path


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("photos")
    for number in range(3):
        Image.fromarray(textured(number, height=SIDE, width=SIDE + 8)).save(root / f"photo {number}.png")
    return root


def plan_of(pack: Path, photos: Path, *changes: str) -> Plan:
    overrides = (
        f"generator.attacks=[{', '.join(RUNGS)}]",
        f"generator.schemes={SCHEMES}",
        "generator.steps=2",
        "generator.least_pixels=4096",
        "shards=1",
        "source.licence=CC0-1.0",
        "generator.second_seed=0",
        *changes,
    )
    return make_plan(load_recipe("watermark", source=f"images:{photos}", models=str(pack), overrides=overrides))


def rows_of(plan: Plan) -> list[SampleRow]:
    task = ShardTask.for_plan(plan, 0, identity=identify(plan, PLACEMENT), out=None, placement=PLACEMENT)
    return [row for row, _ in sample_builder(task).build(task.samples, shard=0)]


@pytest.fixture(scope="module")
def dataset(pack: Path, photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    out = tmp_path_factory.mktemp("out") / "marks"
    build(prepare(plan_of(pack, photos), out, PLACEMENT), progress=False)
    assert verify_dataset(out).ok
    return open_dataset(out)


def facts(dataset: Dataset) -> list[dict[str, Any]]:
    return [{**row, "parameters": json.loads(row["parameters"])} for row in dataset.table.to_pylist()]


def test_every_scheme_and_a_negative_under_every_attack(dataset: Dataset) -> None:
    counts = Counter((row["edit"], row["parameters"]["watermark"].get("scheme", "")) for row in facts(dataset))
    names = ("dwtDctSvd", "blind-watermark", "")
    assert counts == {
        **{(rung, name): 3 for rung in ("pipeline", "vae", "s50", "clean", "bare") for name in names},
        ("pipeline", "dwtDct"): 3,
    }
    assert {row["status"] for row in facts(dataset)} == {"ok"}


def test_members_are_the_triple_and_match_their_digests(dataset: Dataset) -> None:
    for sample in dataset:
        parameters = json.loads(sample.row["parameters"])
        assert hashlib.sha256(sample.members["input.png"]).hexdigest() == parameters["input_sha256"]
        assert hashlib.sha256(sample.members["source.png"]).hexdigest() == parameters["source_png_sha256"]
        assert sample.members["cls"] == str(int(bool(parameters["watermark"]))).encode()
        document = json.loads(sample.members["json"])
        assert document["notice"] == parameters["notice"]
        assert json.loads(document["detections"]) == parameters["detections"]
        if parameters["watermark"]:
            assert parameters["watermark"]["sha256"] == parameters["input_sha256"]
        else:
            assert sample.members["input.png"] == sample.members["source.png"]


def test_every_field_is_documented(dataset: Dataset) -> None:
    text = (Path(__file__).parents[2] / "docs" / "formats-watermark.md").read_text()
    fields: set[str] = set()
    for row in facts(dataset):
        parameters = row["parameters"]
        for group in (
            parameters,
            parameters["attack"],
            parameters["watermark"],
            parameters["source"],
            *parameters["detections"],
        ):
            fields |= set(group)
    fields |= {name for sample in dataset for name in sample.json()}
    assert not {name for name in fields if f"`{name}`" not in text}


def test_marks_are_read_before_an_attack_and_not_after_a_clean_start_without_controls(dataset: Dataset) -> None:
    read = {
        (row["edit"], row["source_id"], one["scheme"]): one["matches"]
        for row in facts(dataset)
        for one in row["parameters"]["detections"]
        if row["label"] == 1
    }
    for source in {source for _, source, _ in read}:
        for scheme in ("dwtDctSvd", "blind-watermark"):
            assert read["pipeline", source, scheme] >= 31
            assert read["bare", source, scheme] < 27


def test_negatives_are_read_by_all_against_keys_of_their_own(dataset: Dataset) -> None:
    negatives = [row for row in facts(dataset) if row["label"] == 0]
    assert all(
        [one["scheme"] for one in row["parameters"]["detections"]] == ["dwtDctSvd", "blind-watermark", "dwtDct"]
        for row in negatives
    )
    matches = [one["matches"] for row in negatives for one in row["parameters"]["detections"]]
    assert 14 < np.mean(matches) < 18


def test_a_clean_start_without_controls_is_one_picture_for_all_marks_of_a_source(dataset: Dataset) -> None:
    pictures: dict[tuple[str, str], set[str]] = {}
    for row in facts(dataset):
        pictures.setdefault((row["edit"], row["source_id"]), set()).add(row["png_sha256"])
    for (edit, _), digests in pictures.items():
        assert len(digests) == (1 if edit == "bare" else 4 if edit == "pipeline" else 3)


def test_quality_is_that_of_the_stored_pictures(dataset: Dataset) -> None:
    for sample in dataset.select(edit="vae"):
        attacked, entered, source = (
            decode_image(sample.members[member]) for member in ("png", "input.png", "source.png")
        )
        assert sample.row["score_psnr_input"] == pytest.approx(psnr(attacked, entered), abs=1e-5)
        assert sample.row["score_psnr_source"] == pytest.approx(psnr(attacked, source), abs=1e-5)
        assert -1 <= sample.row["score_cosine_input"] <= 1


def test_the_evaluation_reads_it_without_torch(dataset: Dataset) -> None:
    text = watermark_text(evaluate_watermark(dataset, bootstrap=50))
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
    changes = ("generator.attacks=[{name: pipeline, start: none}]", "generator.schemes=[{name: dwtDctSvd}]")
    plan = plan_of(pack, photos, *changes, f"generator.secret_file={secret}")
    assert identify(plan, PLACEMENT).fingerprint != identify(plan_of(pack, photos, *changes), PLACEMENT).fingerprint
    out = tmp_path / "out"
    build(prepare(plan, out, PLACEMENT), progress=False)
    found = open_dataset(out)
    revealed = list(reveal_keys(found, secret))
    assert len(revealed) == 6
    stored = b"".join(path.read_bytes() for path in out.rglob("*") if path.is_file())
    for text in (
        str(secret),
        bytes(range(32)).hex(),
        *(bits for *_, bits, _ in revealed),
        *(nonce for *_, nonce in revealed),
    ):
        assert text.encode() not in stored
    with pytest.raises(RequestError, match="secret of its own"):
        list(reveal_keys(found, None))


def test_originals_by_reference_store_the_attacked_picture_alone(pack: Path, photos: Path, tmp_path: Path) -> None:
    plan = plan_of(pack, photos, "generator.originals=reference", "generator.attacks=[{name: vae, start: vae}]")
    manifest = build(prepare(plan, tmp_path / "out", PLACEMENT), progress=False)
    assert manifest is not None
    assert manifest.members == ("cls", "json", "png")


def test_results_do_not_depend_on_what_is_built_beside(pack: Path, photos: Path, dataset: Dataset) -> None:
    plan = plan_of(pack, photos)
    task = ShardTask.for_plan(plan, 0, identity=identify(plan, PLACEMENT), out=None, placement=PLACEMENT)
    builder = sample_builder(task)
    expected = {row["key"]: row["png_sha256"] for row in dataset.table.to_pylist()}
    alone = [sample for sample in task.samples if sample.edit.name in ("s50", "clean")][::-1][:4]
    for sample in alone:
        ((_, members),) = builder.build([sample], shard=0)
        assert hashlib.sha256(members["png"]).hexdigest() == expected[sample.key]


def test_pictures_without_a_licence_become_rows_with_their_reason(pack: Path, photos: Path) -> None:
    changes = ("source.licence=''", "generator.attacks=[{name: pipeline, start: none}]")
    rows = rows_of(plan_of(pack, photos, *changes))
    assert {(row.status, row.reasons) for row in rows} == {("failed", (Reason.RIGHTS_MISSING,))}
    granted = rows_of(plan_of(pack, photos, *changes, "generator.rights_basis=own work"))
    assert all(row.status == "ok" and row.parameters["source"]["rights_basis"] == "own work" for row in granted)


def test_bad_pictures_are_rows_and_good_ones_beside_them_are_built(pack: Path, tmp_path: Path) -> None:
    Image.fromarray(textured(0, height=SIDE, width=SIDE)).save(tmp_path / "good.png")
    Image.fromarray(textured(0, height=40, width=40)).save(tmp_path / "small.png")
    (tmp_path / "broken.png").write_bytes(b"no picture")
    rows = rows_of(
        plan_of(
            pack, tmp_path, "generator.attacks=[{name: pipeline, start: none}]", "generator.schemes=[{name: dwtDctSvd}]"
        )
    )
    assert {row.source_id: row.reasons for row in rows} == {
        "good": (),
        "small": ("source_too_small",),
        "broken": ("source_unreadable",),
    }


def test_a_mark_that_does_not_fit_fails_alone(pack: Path, photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise EmbeddingError("no room")

    monkeypatch.setattr(BlindWatermark, "embed", refuse)
    rows = rows_of(plan_of(pack, photos, UNTOUCHED, "seed=1"))
    failed = [row for row in rows if row.status != "ok"]
    assert {(row.reasons, row.parameters["watermark"]["scheme"]) for row in failed} == {
        (("embed_failed",), "blind-watermark")
    }
    assert len(failed) == 3
    assert len(rows) == 12
    alone = rows_of(plan_of(pack, photos, UNTOUCHED, "generator.schemes=[{name: blind-watermark}]", "seed=1"))
    assert {row.reasons for row in alone} == {("embed_failed",)}
    assert len(alone) == 6


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (lambda image: image, "left the picture as it was"),
        (lambda image: image.astype(float), "float64"),
        (lambda image: image[:-1], "for a picture"),
        (lambda image: None, "object"),
        (lambda image: {}["missing"], "KeyError"),
    ],
)
def test_what_a_scheme_of_others_may_give(
    pack: Path, photos: Path, monkeypatch: pytest.MonkeyPatch, made: Any, words: str
) -> None:
    monkeypatch.setattr(BlindWatermark, "embed", lambda _, image, payload: made(image))
    rows = rows_of(plan_of(pack, photos, UNTOUCHED, f"seed={len(words)}"))
    failed = [row for row in rows if row.status != "ok"]
    assert {row.reasons for row in failed} == {("embed_failed",)}
    assert words in failed[0].parameters["detail"]


def test_a_scheme_that_works_in_place_spoils_nothing(pack: Path, photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def spoil(_: Any, image: np.ndarray, *rest: Any) -> np.ndarray:
        image[:8] = 255
        return image if rest else np.zeros(32)

    monkeypatch.setattr(BlindWatermark, "embed", spoil)
    monkeypatch.setattr(BlindWatermark, "scores", spoil)
    plan = plan_of(pack, photos, UNTOUCHED, "generator.schemes=[{name: blind-watermark}, {name: dwtDctSvd}]", "seed=3")
    task = ShardTask.for_plan(plan, 0, identity=identify(plan, PLACEMENT), out=None, placement=PLACEMENT)
    for row, members in sample_builder(task).build(task.samples, shard=0):
        assert hashlib.sha256(members["input.png"]).hexdigest() == row.parameters["input_sha256"]
        assert members["png"] == members["input.png"]
        if row.label == 0:
            assert members["input.png"] == members["source.png"]
        assert (
            row.parameters["watermark"].get("scheme") != "dwtDctSvd" or row.parameters["detections"][0]["matches"] >= 31
        )


def test_memory_that_runs_out_is_no_broken_mark(pack: Path, photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def exhaust(*_: Any) -> None:
        raise torch.OutOfMemoryError

    plan = plan_of(pack, photos, UNTOUCHED, "generator.schemes=[{name: blind-watermark}]", "seed=4")
    monkeypatch.setattr(BlindWatermark, "scores", exhaust)
    with pytest.raises(torch.OutOfMemoryError):
        rows_of(plan)
    monkeypatch.setattr(BlindWatermark, "embed", exhaust)
    with pytest.raises(torch.OutOfMemoryError):
        rows_of(plan)


def test_a_failing_attack_and_an_even_result_are_rows(
    pack: Path, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = plan_of(
        pack, photos, "generator.attacks=[{name: vae, start: vae}]", "generator.schemes=[{name: dwtDctSvd}]", "seed=2"
    )
    task = ShardTask.for_plan(plan, 0, identity=identify(plan, PLACEMENT), out=None, placement=PLACEMENT)
    builder = sample_builder(task)
    assert isinstance(builder, WatermarkBuilder)
    monkeypatch.setattr(builder.regenerator, "_round_trip", lambda image: np.full_like(image, 60))
    assert {row.reasons for row, _ in builder.build(task.samples, shard=0)} == {("sanity",)}

    def fail(_: Any) -> None:
        raise RuntimeError("kernel")

    monkeypatch.setattr(builder.regenerator, "_round_trip", fail)
    failed = [row for row, _ in builder.build(task.samples, shard=0)]
    assert {row.reasons for row in failed} == {("proposer_error",)}
    assert failed[0].parameters["detail"] == "RuntimeError: kernel"


def test_a_preview_shows_the_first_scheme_under_every_attack(pack: Path, photos: Path) -> None:
    sheet = preview_plan(plan_of(pack, photos), PLACEMENT, sources=1, cell=64)
    assert sheet.width > 5 * 64


def test_the_grid_is_part_of_the_fingerprint(pack: Path, photos: Path) -> None:
    changed = plan_of(pack, photos, "generator.attacks=[{name: s50, start: partial, n_steps: 2}]")
    assert identify(changed, PLACEMENT).fingerprint != identify(plan_of(pack, photos), PLACEMENT).fingerprint
