"""Samples of regenerated watermarks: rows, members, what fails alone, and what samples of one source share."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from editmill.generators.base.images import decode_image
from editmill.generators.base.making import Built
from editmill.generators.base.samples import Job
from editmill.generators.watermark.quality import psnr
from editmill.generators.watermark.reasons import WatermarkReason
from editmill.generators.watermark.regeneration import Regenerator
from editmill.generators.watermark.schemes import EmbeddingError
from editmill.generators.watermark.schemes.blind import BlindWatermark
from editmill.generators.watermark.schemes.invisible import DwtScheme
from editmill.generators.watermark.settings import WatermarkGuardSettings
from editmill.manifests.arrays import Feature, Picture
from editmill.manifests.errors import ExhaustedError
from tests.generators.watermark.building import SIDE, build_of, builder_of, built_of, plan_of, rows_of
from tests.generators.watermark.pictures import textured

UNTOUCHED: dict[str, Any] = {"attacks": [{"name": "pipeline", "start": "none"}]}
ROUND_TRIP: dict[str, Any] = {"attacks": [{"name": "vae", "start": "vae"}], "schemes": [{"name": "dwtDctSvd"}]}
BLIND = [{"name": "blind-watermark"}]


@pytest.fixture(scope="module")
def built(pack: Path, photos: Path) -> list[Built]:
    return built_of(build_of(pack, photos))


def test_every_scheme_and_a_negative_under_every_attack(built: list[Built]) -> None:
    counts = Counter((row.edit, row.parameters["watermark"].get("scheme", "")) for row, _ in built)
    names = ("dwtDctSvd", "blind-watermark", "")
    assert counts == {
        **{(rung, name): 3 for rung in ("pipeline", "vae", "s50", "clean", "bare") for name in names},
        ("pipeline", "dwtDct"): 3,
    }
    assert {(row.status, row.attempts) for row, _ in built} == {("ok", 1)}


def test_members_are_the_triple_and_match_their_digests(built: list[Built]) -> None:
    for row, members in built:
        parameters = row.parameters
        assert sorted(members) == ["cls", "input.png", "json", "png", "source.png"]
        assert hashlib.sha256(members["input.png"]).hexdigest() == parameters["input_sha256"]
        assert hashlib.sha256(members["source.png"]).hexdigest() == parameters["source_png_sha256"]
        assert members["cls"] == str(int(bool(parameters["watermark"]))).encode()
        document = json.loads(members["json"])
        assert document["notice"] == parameters["notice"]
        assert json.loads(document["detections"]) == parameters["detections"]
        if parameters["watermark"]:
            assert parameters["watermark"]["sha256"] == parameters["input_sha256"]
        else:
            assert members["input.png"] == members["source.png"]


def test_every_field_is_documented(built: list[Built]) -> None:
    text = (Path(__file__).parents[3] / "docs" / "formats-watermark.md").read_text()
    fields: set[str] = set()
    for row, members in built:
        parameters = row.parameters
        groups = [parameters[name] for name in ("attack", "watermark", "source")]
        for group in (parameters, *groups, *parameters["detections"], json.loads(members["json"])):
            fields |= set(group)
    assert not {name for name in fields if f"`{name}`" not in text}


def test_marks_are_read_before_an_attack_and_not_after_a_clean_start_without_controls(built: list[Built]) -> None:
    read = {
        (row.edit, row.source_id, one["scheme"]): one["matches"]
        for row, _ in built
        for one in row.parameters["detections"]
        if row.label == 1
    }
    for source in {source for _, source, _ in read}:
        for scheme in ("dwtDctSvd", "blind-watermark"):
            assert read["pipeline", source, scheme] >= 31
            assert read["bare", source, scheme] < 27


def test_negatives_are_read_by_all_against_keys_of_their_own(built: list[Built]) -> None:
    read = [row.parameters["detections"] for row, _ in built if row.label == 0]
    assert all([one["scheme"] for one in all_] == ["dwtDctSvd", "blind-watermark", "dwtDct"] for all_ in read)
    assert 14 < np.mean([one["matches"] for all_ in read for one in all_]) < 18


def test_a_clean_start_without_controls_is_one_picture_for_all_marks_of_a_source(built: list[Built]) -> None:
    pictures: dict[tuple[str, str], set[bytes]] = {}
    for row, members in built:
        pictures.setdefault((row.edit, row.source_id), set()).add(members["png"])
    for (edit, _), different in pictures.items():
        assert len(different) == (1 if edit == "bare" else 4 if edit == "pipeline" else 3)


def test_quality_is_that_of_the_stored_pictures(built: list[Built]) -> None:
    for row, members in built:
        attacked, entered, source = (decode_image(members[member]) for member in ("png", "input.png", "source.png"))
        assert row.scores["psnr_input"] == pytest.approx(psnr(attacked, entered), abs=1e-5)
        assert row.scores["psnr_source"] == pytest.approx(psnr(attacked, source), abs=1e-5)
        assert -1 <= row.scores["cosine_input"] <= 1


def test_results_do_not_depend_on_what_is_built_beside(pack: Path, photos: Path, built: list[Built]) -> None:
    build = build_of(pack, photos)
    expected = {row.key: (row, members) for row, members in built}
    builder, _ = builder_of(build)
    for sample in [sample for sample in plan_of(build) if sample.edit.name in ("s50", "clean")][::-1][:4]:
        assert list(builder.build([sample], shard=0)) == [expected[sample.key]]


@pytest.mark.parametrize("sampler", ["ddim", "euler-ancestral"])
def test_pictures_of_an_attack_share_calls_and_stay_what_they_are(
    pack: Path, photos: Path, monkeypatch: pytest.MonkeyPatch, sampler: str
) -> None:
    sizes: list[int] = []
    denoised = Regenerator._denoised

    def counted(regenerator: Regenerator, asked: Any) -> Any:
        sizes.append(len(asked))
        return denoised(regenerator, asked)

    monkeypatch.setattr(Regenerator, "_denoised", counted)
    alone, together = (built_of(build_of(pack, photos, batch=batch, sampler=sampler)) for batch in (1, 4))
    assert max(sizes) == 4
    assert sum(size > 1 for size in sizes) > 3
    for (one, single), (two, batched) in zip(alone, together, strict=True):
        assert (one.key, one.reasons, one.seed) == (two.key, two.reasons, two.seed)
        apart = decode_image(single["png"]).astype(int) - decode_image(batched["png"])
        assert np.abs(apart).max() <= 2


def test_a_source_is_marked_once_per_scheme(pack: Path, photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    embedded: list[str] = []
    embed = DwtScheme.embed

    def count(scheme: DwtScheme, image: Picture, payload: Feature) -> Feature:
        embedded.append(scheme.name)
        return embed(scheme, image, payload)

    monkeypatch.setattr(DwtScheme, "embed", count)
    schemes = [{"name": "dwtDctSvd"}, {"name": "dwtDct", "regenerate": False}]
    attacks = [*UNTOUCHED["attacks"], *ROUND_TRIP["attacks"]]
    build = build_of(pack, photos, schemes=schemes, attacks=attacks)
    assert {row.status for row in rows_of(build)} == {"ok"}
    assert embedded == ["dwtDctSvd", "dwtDct"] * 3
    # Makers may be asked again for a part of the jobs.
    _, maker = builder_of(build)
    samples = plan_of(build)[:5]
    source = maker.load(samples[0])
    jobs = [Job(sample, source, seed=1) for sample in samples]
    assert maker.make(jobs)[2:] == maker.make(jobs[2:])
    assert embedded == ["dwtDctSvd", "dwtDct"] * 4


def test_marks_come_in_the_order_of_the_recipe_and_a_negative_needs_one(
    pack: Path, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, maker = builder_of(build := build_of(pack, photos, **UNTOUCHED))
    samples = [sample for sample in plan_of(build) if not sample.edit["scheme"]]
    source = maker.load(samples[0])
    maker.marker.enter(source, "")
    assert list(source.marks) == ["dwtDctSvd"]
    monkeypatch.setattr(DwtScheme, "embed", lambda *_: None)
    source = maker.load(samples[1])
    maker.marker.enter(source, "")
    assert list(source.marks) == ["dwtDctSvd", "blind-watermark"]


def test_originals_by_reference_store_the_attacked_picture_alone(pack: Path, photos: Path, built: list[Built]) -> None:
    found = built_of(build_of(pack, photos, originals="reference", **UNTOUCHED))
    assert {tuple(sorted(members)) for _, members in found} == {("cls", "json", "png")}
    assert [row for row, _ in found] == [row for row, _ in built if row.edit == "pipeline"]


def test_pictures_without_a_licence_become_rows_with_their_reason(pack: Path, photos: Path) -> None:
    rows = rows_of(build_of(pack, photos, licence="", **UNTOUCHED))
    assert {(row.status, row.reasons) for row in rows} == {("failed", (WatermarkReason.RIGHTS_MISSING,))}
    for row in rows:
        scheme = {"scheme": row.parameters["watermark"]["scheme"], "embedded": False} if row.label else {}
        assert row.parameters["watermark"] == scheme
        assert "states no licence" in row.parameters["detail"]
    granted = rows_of(build_of(pack, photos, licence="", rights_basis="own work", **UNTOUCHED))
    assert all(row.status == "ok" and row.parameters["source"]["rights_basis"] == "own work" for row in granted)


def test_bad_pictures_are_rows_and_good_ones_beside_them_are_built(pack: Path, tmp_path: Path) -> None:
    Image.fromarray(textured(0, height=SIDE, width=SIDE)).save(tmp_path / "good.png")
    Image.fromarray(textured(0, height=40, width=40)).save(tmp_path / "small.png")
    (tmp_path / "broken.png").write_bytes(b"no picture")
    rows = rows_of(build_of(pack, tmp_path, schemes=[{"name": "dwtDctSvd"}], **UNTOUCHED))
    assert {row.source_id: (row.status, row.reasons) for row in rows} == {
        "good": ("ok", ()),
        "small": ("failed", ("source_too_small",)),
        "broken": ("failed", ("source_unreadable",)),
    }
    assert not any(str(tmp_path) in row.model_dump_json() for row in rows)


def test_a_mark_that_does_not_fit_fails_alone(pack: Path, photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise EmbeddingError("no room")

    monkeypatch.setattr(BlindWatermark, "embed", refuse)
    rows = rows_of(build_of(pack, photos, **UNTOUCHED))
    failed = [row for row in rows if row.status != "ok"]
    assert {(row.status, row.reasons) for row in failed} == {("failed", ("embed_failed",))}
    expected = {"watermark": {"scheme": "blind-watermark", "embedded": False}, "detail": "blind-watermark: no room"}
    assert all((row.parameters, row.attempts, row.candidates) == (expected, 0, ()) for row in failed)
    assert len(failed) == 3
    assert len(rows) == 12
    alone = rows_of(build_of(pack, photos, schemes=BLIND, **UNTOUCHED))
    assert {row.reasons for row in alone} == {("embed_failed",)}
    assert len(alone) == 6


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (lambda image: image, "left the picture as it was"),
        (lambda image: image.astype(float), "float64"),
        (lambda image: image[:-1], "for a picture"),
        (lambda image: None, "object"),
        (lambda image: dict[str, int]()["missing"], "KeyError"),
        (lambda image: Path("/no/such/weights").read_bytes(), "FileNotFoundError: No such file or directory"),
    ],
)
def test_what_a_scheme_of_others_may_give(
    pack: Path, photos: Path, monkeypatch: pytest.MonkeyPatch, made: Any, words: str
) -> None:
    monkeypatch.setattr(BlindWatermark, "embed", lambda _, image, payload: made(image))
    failed = [row for row in rows_of(build_of(pack, photos, **UNTOUCHED)) if row.status != "ok"]
    assert {row.reasons for row in failed} == {("embed_failed",)}
    assert words in failed[0].parameters["detail"]
    assert "/no/such" not in failed[0].parameters["detail"]


def test_a_scheme_that_works_in_place_spoils_nothing(pack: Path, photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def spoil(_: Any, image: Picture, *rest: Any) -> Feature:
        image[:8] = 255
        return image if rest else np.zeros(32)

    monkeypatch.setattr(BlindWatermark, "embed", spoil)
    monkeypatch.setattr(BlindWatermark, "scores", spoil)
    for row, members in built_of(build_of(pack, photos, schemes=[*BLIND, {"name": "dwtDctSvd"}], **UNTOUCHED)):
        assert hashlib.sha256(members["input.png"]).hexdigest() == row.parameters["input_sha256"]
        assert members["png"] == members["input.png"]
        if row.label == 0:
            assert members["input.png"] == members["source.png"]
        if row.parameters["watermark"].get("scheme") == "dwtDctSvd":
            assert row.parameters["detections"][0]["matches"] >= 31


def test_memory_that_runs_out_is_no_broken_mark(pack: Path, photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def exhaust(*_: Any) -> None:
        raise torch.OutOfMemoryError

    build = build_of(pack, photos, schemes=BLIND, **UNTOUCHED)
    for method in ("scores", "embed"):
        monkeypatch.setattr(BlindWatermark, method, exhaust)
        with pytest.raises(ExhaustedError):
            rows_of(build)


def test_an_even_result_is_rejected_and_described(pack: Path, photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Regenerator, "_round_trip", lambda _, image: np.full_like(image, 60))
    found = built_of(build_of(pack, photos, **ROUND_TRIP))
    assert {(row.status, row.reasons, bool(members)) for row, members in found} == {("rejected", ("sanity",), False)}
    assert all(row.parameters["attack"]["rung"] == "vae" and "detail" not in row.parameters for row, _ in found)


@pytest.mark.parametrize(("contrast", "status"), [(1.0, "ok"), (np.nextafter(1.0, 2.0), "rejected")])
def test_a_picture_at_the_least_contrast_passes(pack: Path, photos: Path, contrast: float, status: str) -> None:
    """Where nothing is attacked, the contrast is exactly that of what entered."""
    guard = WatermarkGuardSettings.model_construct(contrast=contrast)
    rows = rows_of(replace(build_of(pack, photos, schemes=[{"name": "dwtDctSvd"}], **UNTOUCHED), guard=guard))
    assert {row.status for row in rows} == {status}


def test_a_failing_attack_of_one_sample_fails_alone(
    pack: Path, photos: Path, monkeypatch: pytest.MonkeyPatch, built: list[Built]
) -> None:
    regenerate, tried = Regenerator.regenerate, []

    def fail(one: Regenerator, item: Any, attack: Any, seed: int) -> Any:
        tried.append((item.record.source_id, item.record.scheme, attack.name))
        if (attack.name, item.record.scheme) == ("vae", "dwtDctSvd"):
            raise RuntimeError("kernel")
        return regenerate(one, item, attack, seed)

    monkeypatch.setattr(Regenerator, "regenerate", fail)
    build = build_of(pack, photos)
    expected = {row.key: (row, members) for row, members in built}
    for row, members in built_of(build, [one for one in plan_of(build) if one.edit.name in ("pipeline", "vae")]):
        if row.status == "ok":
            assert (row, members) == expected[row.key]
        else:
            assert (row.status, row.reasons, row.edit) == ("failed", ("proposer_error",), "vae")
            watermark = {"scheme": "dwtDctSvd", "embedded": False}
            assert row.parameters == {"watermark": watermark, "detail": "RuntimeError: kernel"}
            assert (row.class_name, row.cost, row.attempts, row.candidates) == ("watermarked", 0, 0, ())
            assert not members
    assert len(tried) == len(set(tried)) == 3 * 7


def test_items_of_another_ledger_become_rows(pack: Path, photos: Path) -> None:
    build = build_of(pack, photos, **ROUND_TRIP)
    builder, maker = builder_of(build)
    maker.regenerator = builder_of(build)[1].regenerator
    rows = [row for row, _ in builder.build(plan_of(build), shard=0)]
    assert {(row.status, row.reasons) for row in rows} == {("failed", (WatermarkReason.NO_EMBED_RECORD,))}
    assert "only marks that a run embedded itself" in rows[0].parameters["detail"]
