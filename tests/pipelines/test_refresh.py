"""A refreshed dataset is that of a fresh build; a failure leaves the version before; nothing is done for nothing."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import fsspec  # type: ignore[import-untyped,unused-ignore]
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from editmill.flows.cli import main
from editmill.generators.models.loading import Models
from editmill.manifests.errors import CorruptDatasetError, EditmillError, OccupiedError, RequestError
from editmill.manifests.reader import open_dataset
from editmill.manifests.records import Manifest
from editmill.manifests.verify import verify_dataset
from editmill.manifests.versions import read_current, versions_of
from editmill.pipelines.build import build, prepare
from editmill.pipelines.changes import prose
from editmill.pipelines.differences import Difference, compare
from editmill.pipelines.plan import make_plan
from editmill.pipelines.recipe import Recipe, load_recipe
from editmill.pipelines.refresh import plan_refresh, roll_back
from editmill.pipelines.regating.regate import regate
from editmill.pipelines.spent import total
from editmill.pipelines.takedown import mend, shows, take_down
from tests.manifests.builder import build_dataset, make_members, make_row, make_sources
from tests.pipelines.conftest import PLACEMENT
from tests.pipelines.photos import write_photos
from tests.pipelines.test_reuse import EDITS, built, change, files, plan_of
from tests.stores import Faults

CHANGES = (
    EDITS,
    "generator.render.removal=patches",
    "generator.render.max_upsampling=9",
    "shards=3",
    "version=1.0.0",
)
OF_REFRESH = {"changes.json", "CHANGES.md", "removed.parquet", "manifest.json"}


def recipe_of(pack: Path, labels: Path, *overrides: str) -> Recipe:
    return load_recipe("imagenet-e", source=f"folder:{labels}", models=str(pack), overrides=(*CHANGES, *overrides))


def refresh(recipe: Recipe, root: Path, *, most: float = 1.0, keep: int | None = None) -> str:
    """Refresh a folder and return its version."""
    with plan_refresh(recipe, root, PLACEMENT, most=most) as work:
        if not work.done:
            if not work.ready:
                build(work.prepare(), progress=False)
            work.publish(keep=keep)
        return work.version


@pytest.fixture(scope="module")
def first(tiny_pack: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Photographs and the first version of their dataset."""
    folder = tmp_path_factory.mktemp("first")
    labels = write_photos(folder / "photos", 6)
    assert refresh(recipe_of(tiny_pack, labels), folder / "root") == "1.0.0"
    return folder


@pytest.fixture
def here(first: Path, tmp_path: Path) -> Path:
    """A copy of them."""
    shutil.copytree(first, tmp_path / "here", symlinks=True)
    return tmp_path / "here"


def test_a_new_version_is_the_fresh_build_and_says_what_changed(tiny_pack: Path, here: Path, tmp_path: Path) -> None:
    labels, root = here / "photos/labels.csv", here / "root"
    change(labels)
    kept = files_of(root / "backgrounds")
    assert refresh(recipe_of(tiny_pack, labels), root) == "2.0.0"
    # One of each source: those of p2 and of the old p1 are gone, and those of the new p1 and of p9 there.
    shown = {Path(path).name.partition("-")[0] for path in files_of(root / "backgrounds")}
    assert shown == set(open_dataset(root).table["source_sha256"].to_pylist())
    assert len(kept.items() - files_of(root / "backgrounds").items()) == 2
    built(plan_of(tiny_pack, labels, "version=2.0.0"), tmp_path / "fresh")
    new, fresh = files(root / "versions/2.0.0"), files(tmp_path / "fresh")
    assert {name for name in new.keys() | fresh.keys() if new.get(name) != fresh.get(name)} == OF_REFRESH
    assert verify_dataset(root).ok
    assert not verify_dataset(root).remarks
    assert (root / "current").resolve() == root / "versions/2.0.0"
    document = json.loads(new["changes.json"])
    assert {key.split("__")[0] for key in document["added"]} == {"p9"}
    assert {key.split("__")[0] for key in document["removed"]} == {"p2"}
    assert document["made_anew"]["p1__original__0"] == ["source"]
    assert set(document["causes"]) == {"partner", "source"}
    assert document["causes"]["source"] == 3
    buried = pq.read_table(root / "versions/2.0.0/removed.parquet").to_pylist()
    assert {(row["source_id"], row["removed_in"]) for row in buried} == {("p2", "2.0.0")}
    found = compare(root / "versions/1.0.0", root)
    assert (len(found.added), len(found.removed), found.made) == (3, 3, document["made_anew"])


def test_the_command_makes_a_version_then_finds_nothing_to_do(tiny_pack: Path, here: Path) -> None:
    labels, root = here / "photos/labels.csv", here / "root"
    (root / "state/1.0.0.json").write_text("{")
    change(labels)
    sets = [word for one in CHANGES for word in ("--set", one)]
    where = ["--source", f"folder:{labels}", "--models", str(tiny_pack), "--root", str(root), "--device", "cpu"]
    for told in ("samples in 3 shards", "up to date: 2.0.0"):
        done = CliRunner().invoke(main, ["refresh", "imagenet-e", *where, *sets, "--max-change", "100%"])
        assert (done.exit_code, told in done.output) == (0, True), done.output
    assert read_current(root)


def test_nothing_changed_loads_no_model_and_makes_no_version(
    tiny_pack: Path, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded: list[str] = []
    monkeypatch.setattr(Models, "get", lambda self, role: loaded.append(role))
    before = files_of(here / "root")
    with plan_refresh(recipe_of(tiny_pack, here / "photos/labels.csv"), here / "root", PLACEMENT) as work:
        assert (work.done, work.version) == (True, "1.0.0")
    assert files_of(here / "root") == before
    # Prose gives a patch, of which every shard is linked and no sample is made.
    assert refresh(recipe_of(tiny_pack, here / "photos/labels.csv", "description=prose"), here / "root") == "1.0.1"
    assert not loaded
    shards = open_dataset(here / "root").manifest.shards
    assert all(
        (here / "root/versions/1.0.0" / one.path).samefile(here / "root/versions/1.0.1" / one.path) for one in shards
    )


def test_a_current_version_that_is_damaged_is_followed_by_a_whole_one(
    tiny_pack: Path, here: Path, caplog: pytest.LogCaptureFixture
) -> None:
    recipe, root = recipe_of(tiny_pack, here / "photos/labels.csv"), here / "root"
    shards = open_dataset(root).manifest.shards
    os.truncate(root / "versions/1.0.0" / shards[0].path, 512)
    (root / "versions/1.0.0" / shards[1].rows.path).unlink()
    (root / "next/test").mkdir(parents=True)
    (root / "next/run.json").write_text("x")
    assert refresh(recipe, root) == "1.0.1"
    assert f"1.0.0: {shards[0].path} is absent or has another size" in caplog.text
    assert "(2 such files)" in caplog.text
    assert open_dataset(root, verify=True).manifest.shards == shards
    assert json.loads((root / "versions/1.0.1/changes.json").read_text())["counts"]["kept"] == 18
    assert refresh(recipe, root) == "1.0.1"


def test_what_was_gone_during_a_build_is_tried_again_though_nothing_else_changed(
    tiny_pack: Path, here: Path, tmp_path: Path
) -> None:
    recipe, file, root = recipe_of(tiny_pack, here / "photos/labels.csv"), here / "photos/images/p3.png", tmp_path / "r"
    data = file.read_bytes()
    with plan_refresh(recipe, root, PLACEMENT) as work:
        file.unlink()
        build(work.prepare(), progress=False)
        work.publish()
    file.write_bytes(data)
    assert refresh(recipe, root) == "2.0.0"
    document = json.loads((root / "versions/2.0.0/changes.json").read_text())
    assert [key.split("__")[0] for key, why in document["made_anew"].items() if why == ["source"]] == ["p3"] * 3
    assert document["causes"] == {"partner": 1, "source": 3}
    whole = open_dataset(here / "root").manifest.shards
    assert [one.sha256 for one in open_dataset(root).manifest.shards] == [one.sha256 for one in whole]
    assert refresh(recipe, root) == "2.0.0"


def test_a_dry_run_counts_and_makes_nothing(tiny_pack: Path, first: Path, tmp_path: Path) -> None:
    recipe = recipe_of(tiny_pack, first / "photos/labels.csv")
    with plan_refresh(recipe, tmp_path / "root", PLACEMENT, dry=True) as work:
        assert (work.version, len(work.changes.added)) == ("1.0.0", 18)
    assert not (tmp_path / "root").exists()


def test_what_was_judged_anew_is_not_copied(tiny_pack: Path, here: Path) -> None:
    recipe, root = recipe_of(tiny_pack, here / "photos/labels.csv"), here / "root"
    lost = regate(root, root / "versions/1.1.0", overrides=["guard.background_change=255"]).lost
    roll_back(root, "1.1.0")
    with pytest.raises(RequestError, match=r"`editmill regate` made 1\.1\.0") as caught:
        refresh(recipe, root, most=0.2)
    assert "rollback" in caught.value.fix
    # As asked, by the first thresholds: its rows' inputs are those of the first build all the same.
    assert refresh(recipe, root) == "2.0.0"
    first, last = (open_dataset(root / "versions" / version) for version in ("1.0.0", "2.0.0"))
    assert [one.sha256 for one in last.manifest.shards] == [one.sha256 for one in first.manifest.shards]
    document = json.loads((root / "versions/2.0.0/changes.json").read_text())
    assert document["causes"] == {"judged by editmill regate": 18}
    assert lost
    assert {key for key, (_, new) in document["status_flips"].items() if new == "ok"} == set(lost)


def test_versions_in_a_store_are_compared_rolled_back_and_copied_from(
    tiny_pack: Path, here: Path, tmp_path: Path, s3: Faults
) -> None:
    labels, root, url = here / "photos/labels.csv", here / "root", "s3://bucket/compared"
    assert refresh(recipe_of(tiny_pack, labels, "description=prose"), root) == "1.0.1"
    fsspec.filesystem("s3").put(f"{root}/", f"{url}/", recursive=True)
    told = CliRunner().invoke(main, ["diff", f"{url}/versions/1.0.0", url])
    assert "0 samples added, 0 removed, 0 made anew" in told.output
    assert "18 kept" in told.output
    for version, code in (("1.0.2", 2), ("1.0.0", 0)):
        done = CliRunner().invoke(main, ["rollback", url, version])
        assert done.exit_code == code, done.output
    assert open_dataset(url).manifest.version == "1.0.0"
    change(labels)
    for reuse in (Path(url), root):
        built(plan_of(tiny_pack, labels), tmp_path / reuse.name, reuse=reuse)
    assert files(tmp_path / "compared") == files(tmp_path / "root")


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_only_added_keys_make_a_minor_version_and_old_ones_can_go(tiny_pack: Path, here: Path) -> None:
    labels, root = here / "photos/labels.csv", here / "root"
    more = EDITS.replace("[{", "[{name: full}, {", 1)
    assert refresh(recipe_of(tiny_pack, labels, more), root) == "1.1.0"
    roll_back(root, "1.0.0")
    assert open_dataset(root).manifest.version == "1.0.0"
    # The number is taken, by this very content.
    assert refresh(recipe_of(tiny_pack, labels, more), root) == "1.1.0"
    assert refresh(recipe_of(tiny_pack, labels, more, "seed=1"), root, keep=2) == "2.0.0"
    assert versions_of(root) == ["1.1.0", "2.0.0"]
    document = json.loads((root / "versions/2.0.0/changes.json").read_text())
    assert document["causes"] == {"recipe seed": len(open_dataset(root).table)}
    assert "## 1.1.0" in (root / "versions/2.0.0/CHANGES.md").read_text()
    with pytest.raises(RequestError, match=r"no version 1\.0\.0"):
        roll_back(root, "1.0.0")


def test_other_bytes_from_the_same_are_no_copies(tmp_path: Path) -> None:
    build_dataset(tmp_path / "one", sources=2)
    build_dataset(tmp_path / "two", sources=2, make=lambda row: {**make_members(row), "png": b"another"})
    found = compare(tmp_path / "one", tmp_path / "two")
    accepted = open_dataset(tmp_path / "one").manifest.samples
    assert list(found.made.values()) == [["the same, with other bytes"]] * accepted
    assert found.kept == len(open_dataset(tmp_path / "one").table) - accepted


def test_names_of_classes_are_shown_as_they_are() -> None:
    text = prose(Difference(facts={"classes": ["*mug*", "a_b"]}), "1.0.0")
    assert r"* changed classes: \*mug\*, a\_b" in text


def test_too_many_changes_are_refused_and_the_version_stays(tiny_pack: Path, here: Path) -> None:
    labels, root = here / "photos/labels.csv", here / "root"
    labels.write_text("\n".join(labels.read_text().splitlines()[:4]) + "\n")
    with pytest.raises(RequestError, match="more than 20%") as caught:
        refresh(recipe_of(tiny_pack, labels), root, most=0.2)
    assert "--max-change" in caught.value.fix
    assert open_dataset(root).manifest.version == "1.0.0"


def test_a_failure_leaves_the_version_before_and_the_next_refresh_goes_on(
    tiny_pack: Path, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    labels, root = here / "photos/labels.csv", here / "root"
    change(labels)
    monkeypatch.setattr("editmill.pipelines.refresh.verify_dataset", broken)
    with pytest.raises(CorruptDatasetError):
        refresh(recipe_of(tiny_pack, labels), root)
    assert open_dataset(root).manifest.version == "1.0.0"
    monkeypatch.undo()
    # Renamed, but never made current.
    monkeypatch.setattr("editmill.pipelines.refresh.make_current", broken)
    with pytest.raises(CorruptDatasetError):
        refresh(recipe_of(tiny_pack, labels), root)
    assert open_dataset(root).manifest.version == "1.0.0"
    monkeypatch.undo()
    assert refresh(recipe_of(tiny_pack, labels), root) == "2.0.0"
    assert open_dataset(root, verify=True).manifest.version == "2.0.0"


def broken(*_: object, **__: object) -> Manifest:
    raise CorruptDatasetError("broken")


def test_a_finished_version_that_was_damaged_since_is_not_made_current(tiny_pack: Path, here: Path) -> None:
    labels, root = here / "photos/labels.csv", here / "root"
    change(labels)
    refresh(recipe_of(tiny_pack, labels), root)
    roll_back(root, "1.0.0")
    damage(root / "versions/2.0.0")
    with pytest.raises(CorruptDatasetError):
        refresh(recipe_of(tiny_pack, labels), root)
    assert open_dataset(root).manifest.version == "1.0.0"


def damage(version: Path) -> None:
    """Change a byte of the first tar that no other version has a link to."""
    tar = next(path for path in sorted(version.glob("*/*.tar")) if path.stat().st_nlink == 1)
    data = bytearray(tar.read_bytes())
    data[600] ^= 1
    tar.write_bytes(data)


def test_only_leftovers_of_its_own_are_cleared_from_among_the_versions(tmp_path: Path) -> None:
    for name in (".1.0.0.removed", ".1.0.0.purged", ".2.0.0.aside", "3.0.0", ".3.0.0.aside", ".mine", ".mine.removed"):
        (tmp_path / "versions" / name).mkdir(parents=True)
    (tmp_path / "versions/.DS_Store").touch()
    mend(tmp_path)
    left = {path.name for path in (tmp_path / "versions").iterdir()}
    # What was put aside comes back where nothing has its place.
    assert left == {"2.0.0", "3.0.0", ".mine", ".mine.removed", ".DS_Store"}


def test_a_damaged_version_keeps_no_other_from_being_purged_and_is_not_served(tiny_pack: Path, here: Path) -> None:
    labels, root = here / "photos/labels.csv", here / "root"
    change(labels)
    refresh(recipe_of(tiny_pack, labels), root)
    for tar in (root / "versions/1.0.0").glob("*/*.tar"):
        tar.write_bytes(b"")
    with pytest.raises(CorruptDatasetError, match=r"1\.0\.0 can't be purged") as caught:
        take_down(root, ["p3"])
    assert "delete" in caught.value.fix
    shown = open_dataset(root, verify=True)
    assert (shown.manifest.version, "p3" in set(shown.table["source_id"].to_pylist())) == ("2.0.0", False)
    shutil.rmtree(root / "versions/1.0.0")
    assert set(take_down(root, ["p3"]).values()) == {0}


def test_a_version_that_shows_what_was_taken_down_is_not_made_current(here: Path) -> None:
    root = here / "root"
    shutil.copytree(root / "versions/1.0.0", here / "kept")
    take_down(root, ["p3"])
    current = read_current(root)
    shutil.rmtree(root / "versions/1.0.0")
    shutil.move(here / "kept", root / "versions/1.0.0")
    with pytest.raises(RequestError, match="shows a source that was taken down"):
        roll_back(root, "1.0.0")
    assert read_current(root) == current


def test_a_source_that_is_taken_down_is_gone_from_all_versions_and_does_not_come_back(
    tiny_pack: Path, here: Path
) -> None:
    labels, root = here / "photos/labels.csv", here / "root"
    assert refresh(recipe_of(tiny_pack, labels, "description=prose"), root) == "1.0.1"
    spent = total(root / "versions/1.0.1")
    lost = take_down(root, ["p3"])
    assert not (root / "backgrounds").exists()
    assert total(root / "versions/1.0.1") == spent
    assert set(lost) == {"1.0.0", "1.0.1"}
    assert lost["1.0.0"] == lost["1.0.1"] >= 3
    for version in lost:
        dataset = open_dataset(root / "versions" / version, verify=True)
        assert not [row for row in dataset.table.to_pylist() if '"p3"' in row["parameters"] or row["source_id"] == "p3"]
    assert open_dataset(root, verify=True).manifest.version == "1.0.1"
    assert not [path for path in (root / "state").glob("*.json") if '"p3":' in path.read_text()]
    # Once more is no mistake, another id is.
    assert set(take_down(root, ["p3"]).values()) == {0}
    with pytest.raises(RequestError, match="no version has a source 'p33'"):
        take_down(root, ["p33"])
    # Those that lost their background borrow another one.
    refresh(recipe_of(tiny_pack, labels), root)
    assert "p3" not in set(open_dataset(root).table["source_id"].to_pylist())


@pytest.mark.parametrize(("parameter", "shown"), [("partner", True), ("prompt", False)])
def test_only_parameters_that_name_sources_show_one(parameter: str, shown: bool) -> None:
    row = make_row(make_sources(1)[0], "full").model_copy(update={"parameters": {parameter: "p3"}})
    assert shows(row, {"p3"}) == shown


def test_one_dataset_is_no_folder_of_versions_and_neither_is_built_into_the_other(tiny_pack: Path, here: Path) -> None:
    recipe, one = recipe_of(tiny_pack, here / "photos/labels.csv"), here / "root/versions/1.0.0"
    with pytest.raises(RequestError, match="holds one dataset, not versions") as caught:
        refresh(recipe, one)
    assert "versions/1.0.0" in str(caught.value.fix)
    with pytest.raises(OccupiedError, match="holds the versions") as refused:
        prepare(make_plan(recipe), here / "root", PLACEMENT)
    assert "editmill refresh --root" in refused.value.fix
    # As the message says.
    (here / "other/versions").mkdir(parents=True)
    shutil.copytree(one, here / "other/versions/1.0.0")
    roll_back(here / "other", "1.0.0")
    assert refresh(recipe, here / "other") == "1.0.0"


NO_MANIFEST = {"refresh": "is absent", "forget": "can't be purged", "rollback": "no version 1.0.0", "diff": "is absent"}


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("current.json", "{", dict.fromkeys(("refresh", "forget", "diff"), "damaged")),
        ("current.json", "{}", dict.fromkeys(("refresh", "forget", "diff"), "damaged")),
        ("current.json", None, dict.fromkeys(("refresh", "diff"), "current.json is absent")),
        ("forgotten.json", "{}", dict.fromkeys(("refresh", "forget", "rollback"), "damaged")),
        ("versions/1.0.0/manifest.json", None, NO_MANIFEST),
        ("versions/1.0.0/manifest.json", "{", {"refresh": "not the one", "forget": "damaged", "rollback": "damaged"}),
        ("versions/1.0.0/samples.parquet", None, dict.fromkeys(("refresh", "forget", "rollback", "diff"), "is absent")),
        ("versions/1.0.0-copy/manifest.json", "{}", {"forget": "can't be purged", "rollback": ""}),
        ("state/1.0.0.json", '{"records": 3}', {"refresh": "", "forget": ""}),
    ],
)
def test_what_is_damaged_in_a_folder_of_versions_is_told_with_what_mends_it(
    tiny_pack: Path, first: Path, here: Path, name: str, content: str | None, said: dict[str, str]
) -> None:
    root, path = here / "root", here / "root" / name
    path.parent.mkdir(exist_ok=True)
    path.unlink(missing_ok=True)
    if content is not None:
        path.write_text(content)
    # Another seed has causes to tell.
    recipe = recipe_of(tiny_pack, here / "photos/labels.csv", "version=1.0.1", "seed=1")
    commands: dict[str, Callable[[], object]] = {
        "refresh": lambda: plan_refresh(recipe, root, PLACEMENT, most=1.0, dry=True),
        "rollback": lambda: roll_back(root, "1.0.0"),
        "diff": lambda: compare(root, first / "root"),
        "forget": lambda: take_down(root, ["p3"]),
    }
    for command, words in said.items():
        with pytest.raises(EditmillError, match=words) if words else nullcontext() as caught:
            commands[command]()
        assert caught is None or caught.value.fix


@pytest.mark.parametrize("points", [3, pytest.param(20, marks=pytest.mark.slow)])
def test_a_killed_refresh_leaves_a_whole_version_and_the_next_one_goes_on(
    tiny_pack: Path, here: Path, tmp_path: Path, points: int
) -> None:
    change(here / "photos/labels.csv")
    (tmp_path / "scratch").mkdir()
    command = [
        sys.executable,
        "-m",
        "tests.pipelines.refresh_kills",
        tiny_pack,
        here,
        tmp_path / "scratch",
        str(points),
    ]
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[2], check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.count("was served, then 2.0.0") == points
