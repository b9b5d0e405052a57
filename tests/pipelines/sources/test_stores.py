"""Sources in object stores: the records, pictures and refusals of the same source in a folder."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import fsspec
import numpy as np
import pytest
from click.testing import CliRunner

from editmill.flows.cli import main
from editmill.generators.base.loaded import Unusable
from editmill.generators.base.reasons import Reason
from editmill.generators.base.sources import Spec
from editmill.manifests.errors import RequestError, SourceError
from editmill.pipelines.plan import content_digest
from editmill.pipelines.sources import open_source, parse_source
from editmill.pipelines.sources.registry import SOURCES
from tests.pipelines.photos import write_photos
from tests.pipelines.sources.test_reading import CASES, Case, imagenet_s_case, picture
from tests.stores import Faults

STORED = [case for case in CASES if case is not imagenet_s_case]


@pytest.fixture(params=["memory", "s3"])
def url(request: pytest.FixtureRequest, s3: Faults) -> Iterator[str]:
    """A folder of a store, which does not end with one."""
    yield f"{request.param}://bucket/given/source"
    s3.denied = False
    filesystem = fsspec.filesystem(request.param)
    if filesystem.exists("bucket/given"):
        filesystem.rm("bucket/given", recursive=True)


@pytest.fixture
def case(request: pytest.FixtureRequest, tmp_path: Path) -> Case:
    made: Case = request.param(tmp_path)
    made.image(picture(9))
    if made.mask is not None:
        made.mask(False)
    return made


def moved(spec: Spec, folder: Path, url: str) -> Spec:
    """Upload a source's folder, and return the spec that names it there."""
    filesystem, inner = fsspec.url_to_fs(url)
    for path in filter(Path.is_file, folder.rglob("*")):
        filesystem.pipe_file(f"{inner}/{path.relative_to(folder)}", path.read_bytes())
    return type(spec).model_validate_json(spec.model_dump_json().replace(str(folder), url))


@pytest.mark.parametrize("case", STORED, indirect=True)
def test_a_store_gives_the_records_and_pictures_of_a_folder(case: Case, url: str, tmp_path: Path) -> None:
    there, here = open_source(moved(case.spec, tmp_path, url)), open_source(case.spec)
    records = list(there.records())
    assert content_digest(records) == content_digest(here.records())
    assert there.spec.portable() == here.spec.portable()
    # Others that were opened anew, as workers do.
    loaded, expected = open_source(there.spec).load(records[0]), here.load(records[0])
    assert np.array_equal(loaded.image, expected.image)
    if case.mask is not None:
        assert np.array_equal(loaded.mask, expected.mask)
    filesystem, inner = fsspec.url_to_fs(url)
    for path in filesystem.find(inner):
        filesystem.rm_file(path)
    filesystem.invalidate_cache()
    with pytest.raises((Unusable, SourceError)) as caught:
        open_source(there.spec).load(records[0])
    if isinstance(caught.value, Unusable):
        assert caught.value.reason in (Reason.SOURCE_UNREADABLE, Reason.SOURCE_CHANGED)
        assert "bucket" not in str(caught.value)


def test_shards_are_found_by_wildcards_and_braces(url: str, tmp_path: Path) -> None:
    (case,) = [made(tmp_path) for made in STORED if made.__name__ == "webdataset_case"]
    for number in (1, 2, 3):
        case.image(picture(number))
        shutil.copy(tmp_path / "x.tar", tmp_path / f"part-{number}.tar")
    (tmp_path / "x.tar").unlink()
    moved(case.spec, tmp_path, url)
    for pattern, shades in (("part-*.tar", [1, 2, 3]), ("part-{2..3}.tar", [2, 3])):
        source = open_source(type(case.spec)(shards=f"{url}/{pattern}"))
        assert [source.load(record).image[0, 0, 0] for record in source.records()] == shades


@pytest.mark.parametrize("url", ["s3"], indirect=True)
def test_a_plan_stops_where_a_store_refuses(url: str, s3: Faults, tmp_path: Path) -> None:
    """What can't be reached for now must not become a row that says that a picture can't be read."""
    spec = moved(SOURCES.get("folder").spec_type(labels=write_photos(tmp_path)), tmp_path, url)
    source = open_source(spec)
    record = next(iter(source.records()))
    s3.denied = True
    with pytest.raises(RequestError, match="refuses it"):
        source.load(record)


def test_commands_plan_sources_of_a_store_and_say_what_is_missing(url: str, photos: Path) -> None:
    moved(SOURCES.get("folder").spec_type(labels=photos), photos.parent, url)
    command = ["plan", "imagenet-e", "--json", "--source"]
    plans = [CliRunner().invoke(main, [*command, f"folder:{place}/labels.csv"]) for place in (url, photos.parent)]
    assert json.loads(plans[0].stdout) == json.loads(plans[1].stdout)
    missing = CliRunner().invoke(main, [*command, f"folder:{url}/none.csv"])
    assert (missing.exit_code, missing.output.count("error:")) == (2, 1)
    assert f"where: {url}/none.csv" in missing.output
    missing = CliRunner().invoke(main, ["plan", "watermark", "--source", f"images:{url}/none"])
    assert (missing.exit_code, missing.output.count("error:")) == (2, 1)
    assert f"where: {url}/none" in missing.output


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("folder:gs://bucket/labels.csv", "gcsfs"),
        ("folder:https://host/labels.csv", "no object store"),
        ("imagenet-s:s3://bucket/set", "URLs are not supported here"),
    ],
)
def test_what_is_no_source_is_told(text: str, words: str) -> None:
    with pytest.raises(SourceError, match="can't be read") as caught:
        parse_source(text)
    assert words in caught.value.fix
