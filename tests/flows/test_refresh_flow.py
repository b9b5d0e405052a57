"""The flow ``refresh-dataset`` against a temporary server, with real edits of the embedded pack."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from editmill.flows.builds import refresh_dataset
from editmill.manifests.errors import RequestError
from editmill.manifests.reader import open_dataset
from tests.flows.test_imagenet_e_flow import artifact
from tests.flows.tiny import OVERRIDES, RECIPE, SAMPLES

pytestmark = [pytest.mark.prefect, pytest.mark.slow, pytest.mark.usefixtures("prefect_environment")]


def run(root: Path, *overrides: str, **parameters: Any) -> dict[str, Any]:
    changes = [*OVERRIDES, "shards=2", "version=1.0.0", *overrides]
    result: dict[str, Any] = refresh_dataset(recipe=RECIPE, root=root, overrides=changes, device="cpu", **parameters)
    return result


def test_a_run_makes_a_version_only_where_something_changed(tmp_path: Path) -> None:
    first = run(tmp_path)
    assert (first["version"], first["new"]) == (open_dataset(tmp_path, verify=True).manifest.version, True)
    again = run(tmp_path)
    assert (again["version"], again["new"], again["kept"]) == (first["version"], False, SAMPLES)
    more = run(tmp_path, "source.count=4")
    assert (more["new"], more["kept"], more["added"], more["removed"]) == (True, SAMPLES, 2, 0)
    assert open_dataset(tmp_path, verify=True).manifest.version == more["version"] == "1.1.0"
    assert "2 samples added" in artifact("demo-changes").data
    with pytest.raises(RequestError, match="more than 20%"):
        run(tmp_path, "source.count=2")
    assert open_dataset(tmp_path).manifest.version == "1.1.0"
