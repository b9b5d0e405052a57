"""Re-gating: rows alone give what a rerun gives; pixels are the stored ones; nothing half-written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from editmill.generators.attribute.guards.settings import GuardSettings
from editmill.generators.attribute.regating import AttributeRegating
from editmill.generators.guards.ensemble.regating import EnsembleRegating
from editmill.manifests.errors import CorruptDatasetError, EditmillError, OccupiedError, RecipeError, RequestError
from editmill.manifests.guard_report import read_guard_report, write_guard_report
from editmill.manifests.reader import open_dataset
from editmill.manifests.records import SampleRow
from editmill.manifests.rows import iter_rows
from editmill.manifests.verify import verify_dataset
from editmill.pipelines.build import build, prepare
from editmill.pipelines.plan import make_plan
from editmill.pipelines.recipe import load_recipe
from editmill.pipelines.regating.regate import REGATE, Regating, regate
from tests.manifests.builder import build_dataset
from tests.pipelines.conftest import PLACEMENT
from tests.pipelines.regating.guarded import SETTINGS, build_guarded, report_with

# No edit of these is tried again, so that a build under other limits makes the same pictures.
EDITS = "generator.edits=[{name: original}, {name: paste-back}, {name: size, levels: [0.1, 0.05]}, {name: position}]"
SMALL = ("source.count=4", "source.start=40", "generator.render.steps=2", EDITS)
STRICT = (
    "guard.mask_iou=0.985",
    "guard.small_mask_iou=0.985",
    "guard.halo=1.0",
    "guard.halo_ratio=1.0",
    "guard.label_margin=0.9",
)


def rows_of(folder: Path) -> dict[str, SampleRow]:
    opened = open_dataset(folder)
    manifest = opened.manifest
    return {row.key: row for row in iter_rows(opened.table, members=manifest.members, score_names=manifest.score_names)}


def without_places(rows: dict[str, SampleRow]) -> dict[str, SampleRow]:
    """Return rows without where members lie, and without what they were made from, which names the limits then."""
    return {key: row.model_copy(update={"members": {}, "inputs": ""}) for key, row in rows.items()}


def built(folder: Path, *overrides: str) -> Path:
    plan = make_plan(load_recipe("imagenet-e", overrides=(*SMALL, *overrides)))
    assert build(prepare(plan, folder, PLACEMENT), progress=False) is not None
    return folder


@pytest.fixture(scope="module")
def edits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Attribute edits of four scenes by the embedded models."""
    return built(tmp_path_factory.mktemp("edits") / "set")


@pytest.fixture(scope="module")
def strict(edits: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Regating]:
    """The same under stricter limits."""
    out = tmp_path_factory.mktemp("strict") / "set"
    return out, regate(edits, out, overrides=STRICT)


def test_the_same_limits_give_the_same_rows(edits: Path, tmp_path: Path) -> None:
    out = tmp_path / "set"
    result = regate(edits, out, overrides=("guard.mask_iou=0.9",))
    assert rows_of(out) == rows_of(edits)
    assert (result.lost, result.needs_rendering, result.unexplained) == ((), (), ())
    assert [path.read_bytes() for path in sorted(out.glob("test/*.tar"))] == [
        path.read_bytes() for path in sorted(edits.glob("test/*.tar"))
    ]
    assert verify_dataset(out).problems == ()


def test_stricter_limits_give_the_rows_of_a_build_with_them(
    edits: Path, strict: tuple[Path, Regating], tmp_path: Path
) -> None:
    out, result = strict
    assert result.lost
    assert verify_dataset(out).problems == ()
    fresh = built(tmp_path / "fresh", *STRICT)
    assert without_places(rows_of(out)) == without_places(rows_of(fresh))
    assert open_dataset(out).manifest.counts == open_dataset(fresh).manifest.counts
    old = {sample.key: sample.members for sample in open_dataset(edits)}
    new = {sample.key: sample.members for sample in open_dataset(out)}
    assert new == {key: members for key, members in old.items() if key not in result.lost}


def test_what_passes_only_now_needs_rendering(strict: tuple[Path, Regating], tmp_path: Path) -> None:
    folder, made = strict
    settings = GuardSettings()
    names = [change.removeprefix("guard.").partition("=")[0] for change in STRICT]
    result = regate(folder, tmp_path / "back", overrides=[f"guard.{name}={getattr(settings, name)}" for name in names])
    assert set(result.needs_rendering) == set(made.lost)
    before, after = rows_of(folder), rows_of(tmp_path / "back")
    assert all(after[key] == before[key] for key in made.lost)


def test_the_new_version_names_its_parent(edits: Path, strict: tuple[Path, Regating]) -> None:
    out, result = strict
    document = json.loads((out / REGATE).read_bytes())
    parent = open_dataset(edits).manifest
    assert (parent.version, result.manifest.version) == ("2.0.0", "2.1.0")
    assert document["fingerprint"] == result.manifest.fingerprint != parent.fingerprint
    assert document["of"]["parent"]["fingerprint"] == parent.fingerprint
    assert document["of"]["changed"]["mask_iou"] == {"from": 0.9, "to": 0.985}
    assert document["lost"] == list(result.lost)
    assert "mask_iou: 0.985" in (out / "recipe.yaml").read_text()


def test_an_ensemble_under_the_same_rule(tmp_path: Path) -> None:
    build_guarded(tmp_path / "set", report=report_with(0.5))
    result = regate(tmp_path / "set", tmp_path / "new", overrides=("guard.contrast=2.0",))
    assert rows_of(tmp_path / "new") == rows_of(tmp_path / "set")
    assert result.unexplained == ()
    assert read_guard_report(tmp_path / "new") == report_with(0.5)
    assert verify_dataset(tmp_path / "new").problems == ()


def test_an_ensemble_under_another_calibration(tmp_path: Path) -> None:
    build_guarded(tmp_path / "set", report=report_with(0.5))
    build_guarded(tmp_path / "fresh", report=report_with(0.65))
    path = write_guard_report(tmp_path, report_with(0.65))
    result = regate(tmp_path / "set", tmp_path / "new", report=path)
    assert without_places(rows_of(tmp_path / "new")) == without_places(rows_of(tmp_path / "fresh"))
    assert len(result.lost) == 1
    assert result.manifest.samples == 3


def test_an_earlier_candidate_has_no_pixels_and_a_duplicate_stays_one(tmp_path: Path) -> None:
    build_guarded(tmp_path / "set")
    result = regate(
        tmp_path / "set", tmp_path / "new", overrides=("guard.gates=[label_clip, label_siglip]", "guard.contrast=50")
    )
    rows = {int(row.source_id.removeprefix("img")): row for row in rows_of(tmp_path / "new").values()}
    assert {row.status for row in rows.values()} == {"rejected"}
    assert rows[7].reasons == ("sanity", "duplicate")
    assert result.needs_rendering == ()
    again = regate(tmp_path / "set", tmp_path / "loose", overrides=("guard.gates=[label_clip]", "guard.change=0"))
    waiting = {int(rows_of(tmp_path / "set")[key].source_id.removeprefix("img")) for key in again.needs_rendering}
    kept = {
        int(row.source_id.removeprefix("img")) for row in rows_of(tmp_path / "loose").values() if row.status == "ok"
    }
    assert (waiting, kept) == ({4}, {0, 1, 3, 5})


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (("guard.mask_iuo=1",), "guard.mask_iuo is not known"),
        (("seed=1",), "'seed'"),
        (("guard.contrast",), "not of the form"),
        (("contrast",), "not of the form"),
        (("source.count=3",), "not a threshold"),
        (("guard.verifiers=[]",), "measured again"),
        (("guard.alpha=0.1",), "--report"),
        (("guard.contrast=-1",), r"guard\.contrast: must be at least 0"),
        (("guard.direction=0.2",), "no row has the score 'direction'"),
        (("guard.gates=[label_clip, stable_clip]",), "no row has the score 'clip_margin_worst'"),
        (("guard.rule=calibrated",), "needs a calibration"),
    ],
)
def test_what_can_not_be_applied(tmp_path: Path, overrides: tuple[str, ...], words: str) -> None:
    build_guarded(tmp_path / "set")
    with pytest.raises(RequestError, match=words) as raised:
        regate(tmp_path / "set", tmp_path / "new", overrides=overrides)
    assert raised.value.exit_code == 2
    assert [path.name for path in tmp_path.iterdir()] == ["set"]


@pytest.mark.parametrize(
    ("kind", "words"),
    [("text", "edited captions have no thresholds"), ("watermark", "attacked pictures have no thresholds")],
)
def test_other_families(tmp_path: Path, kind: str, words: str) -> None:
    build_guarded(tmp_path / "set", generator=kind, guard={"kind": kind})
    with pytest.raises(RequestError, match=words):
        regate(tmp_path / "set", tmp_path / "new", overrides=("guard.contrast=3",))


def test_folders_versions_and_reports_are_checked(tmp_path: Path) -> None:
    build_guarded(tmp_path / "set")
    (tmp_path / "there").mkdir()
    refused: list[tuple[type[EditmillError], str, dict[str, object]]] = [
        (OccupiedError, "there already", {"out": tmp_path / "there"}),
        (RequestError, "itself has version", {"version": "1.0.0"}),
        (RecipeError, "is not a version", {"version": "1.1"}),
        (RequestError, "is not a guard_report.json", {"report": tmp_path / "guard_report.json"}),
        (RequestError, "no dataset here", {"dataset": tmp_path / "none"}),
    ]
    for error, words, changed in refused:
        arguments = {
            "dataset": tmp_path / "set",
            "out": tmp_path / "new",
            "overrides": ("guard.contrast=3",),
            **changed,
        }
        with pytest.raises(error, match=words):
            regate(**arguments)  # type: ignore[arg-type]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["set", "there"]


def test_a_damaged_sample_leaves_nothing(tmp_path: Path) -> None:
    build_guarded(tmp_path / "set")
    row = next(row for row in rows_of(tmp_path / "set").values() if row.status == "ok")
    tar = tmp_path / "set" / row.split / f"tiny-{row.shard:06d}.tar"
    data = bytearray(tar.read_bytes())
    data[row.members["png"].offset + 20] ^= 1
    tar.write_bytes(bytes(data))
    with pytest.raises(CorruptDatasetError, match="damaged"):
        regate(tmp_path / "set", tmp_path / "new", overrides=("guard.contrast=3",))
    assert [path.name for path in tmp_path.iterdir()] == ["set"]


def test_every_field_is_applied_or_has_its_reason() -> None:
    for regating, settings in ((AttributeRegating, GuardSettings), (EnsembleRegating, type(SETTINGS))):
        assert set(regating.limited) <= set(settings.model_fields)
    named = set(AttributeRegating.limited) | set(AttributeRegating.why_not) | {"kind"}
    assert named >= set(GuardSettings.model_fields)


def test_rows_without_scores_are_refused(tmp_path: Path) -> None:
    build_dataset(tmp_path / "bare")
    with pytest.raises(RequestError, match="guard settings are not those"):
        regate(tmp_path / "bare", tmp_path / "new", overrides=("guard.contrast=3",))
