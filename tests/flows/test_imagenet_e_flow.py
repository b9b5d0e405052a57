"""The flow, called directly against a temporary server; models, shards and files are real."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey
from prefect.exceptions import ParameterTypeError

from editmill.flows.builds import build_imagenet_e
from editmill.manifests.errors import DataError, RecipeError
from editmill.manifests.manifest import MANIFEST
from editmill.manifests.reader import open_dataset
from editmill.manifests.stats import shard_stem, stats_path
from editmill.manifests.verify import verify_dataset
from editmill.pipelines.build import build
from tests.flows.tiny import OVERRIDES, RECIPE, SAMPLES, tiny_prepared

pytestmark = [pytest.mark.prefect, pytest.mark.usefixtures("prefect_environment")]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, prefect_environment: dict[str, str]) -> dict[str, Any]:
    result: dict[str, Any] = build_tiny(tmp_path_factory.mktemp("built") / "out")
    return result


def build_tiny(out: Path, **parameters: Any) -> Any:
    return build_imagenet_e(recipe=RECIPE, overrides=OVERRIDES, out=out, device="cpu", **parameters)


def artifact(key: str) -> Any:
    with get_client(sync_client=True) as client:
        found = client.read_artifacts(artifact_filter=ArtifactFilter(key=ArtifactFilterKey(any_=[key])))
    assert found, f"no artifact {key}"
    return max(found, key=lambda item: item.created)


def test_the_flow_builds_a_dataset_that_verifies(built: dict[str, Any]) -> None:
    out = Path(built["out"])
    report = verify_dataset(out)
    assert report.ok, report.problems
    assert built["shards"] == report.shards == 2
    assert built["samples"] == report.samples
    assert Path(built["manifest"]) == out / MANIFEST
    assert open_dataset(out).table.num_rows == SAMPLES


def test_the_flow_gives_the_bytes_that_the_core_gives(built: dict[str, Any], tmp_path: Path) -> None:
    core = build(tiny_prepared(tmp_path / "out"), progress=False)
    assert core is not None
    assert (tmp_path / "out" / MANIFEST).read_bytes() == Path(built["manifest"]).read_bytes()


def test_the_run_page_shows_progress_counts_and_thumbnails(built: dict[str, Any]) -> None:
    assert artifact("demo-progress").data == 100.0
    assert artifact("demo-progress").description.startswith(f"{SAMPLES} of {SAMPLES} samples, ")
    counts = open_dataset(built["out"]).manifest.counts
    table = artifact("demo-counts").data
    for edit, statuses in counts.items():
        assert f'"edit": "{edit}", "ok": {sum(statuses.get("ok", {}).values())}' in table
    page = artifact("demo-dataset").data
    assert built["manifest"] in page
    assert "![thumbnails](data:image/jpeg;base64," in page
    with get_client(sync_client=True) as client:
        run = client.read_flow_run(artifact("demo-dataset").flow_run_id)
    head = built["fingerprint"][:12]
    assert run.name == f"demo {head} in out"
    assert {"recipe:demo", f"fingerprint:{head}", f"out:{built['out']}"} <= set(run.tags)


def test_a_second_run_checks_the_dataset_and_mends_damage(built: dict[str, Any], tmp_path: Path) -> None:
    out = tmp_path / "copy"
    shutil.copytree(built["out"], out)
    tar = next(out.glob("test/*-000000.tar"))
    before = tar.stat().st_mtime_ns
    assert build_tiny(out)["fingerprint"] == built["fingerprint"]
    assert tar.stat().st_mtime_ns == before
    assert "nothing to build" in artifact("demo-dataset").description
    whole = tar.read_bytes()
    tar.write_bytes(whole[:-512] + bytes(511) + b"x")
    assert build_tiny(out)["fingerprint"] == built["fingerprint"]
    assert tar.read_bytes() == whole
    assert verify_dataset(out).ok


def test_a_failed_shard_is_named_and_nothing_is_assembled(tmp_path: Path) -> None:
    out = tmp_path / "out"
    prepared = tiny_prepared(out)
    prepared.lock.release()
    name, folder = prepared.plan.recipe.name, out / prepared.plan.recipe.split
    # A folder where the shard's last file goes.
    blocked = stats_path(folder, shard_stem(name, 0))
    blocked.mkdir(parents=True)

    with pytest.raises(DataError, match=r"(?s)1 of 2 shards failed.*shard 000000: ") as caught:
        build_tiny(out)
    assert "000001" not in str(caught.value)
    page = artifact("demo-failed-shards").data
    assert re.search(r"shard 000000\*\*: Is a directory \(`.*000000_stats.json`\). What helps: put it right", page), (
        page
    )
    assert "shard 000001" not in page
    assert not (out / MANIFEST).exists()

    finished = stats_path(folder, shard_stem(name, 1))
    before = finished.stat().st_mtime_ns
    blocked.rmdir()
    assert build_tiny(out)["samples"] > 0
    assert finished.stat().st_mtime_ns == before, "the finished shard was built again"
    assert verify_dataset(out).ok


@pytest.mark.parametrize(
    "parameters",
    [
        {"shards": 0},
        {"device": "gpu"},
        {"recipe": "nothing-like-it"},
        {"overrides": "source.count=3"},
        {"steps": 3},
        {"engine": "dask-local:0"},
    ],
    ids=lambda value: next(iter(value)),
)
def test_parameters_are_validated_before_anything_runs(parameters: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises((ParameterTypeError, TypeError)):
        build_imagenet_e(**{"recipe": RECIPE, "out": tmp_path / "out", **parameters})
    assert not (tmp_path / "out").exists()


def test_a_bad_recipe_fails_the_run_with_the_cores_message(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"nothing\.yaml"):
        build_imagenet_e(recipe="nothing.yaml", out=tmp_path / "out")
    assert not (tmp_path / "out").exists()
