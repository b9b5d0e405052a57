"""The flows on finished datasets: what they write, whom they tell, and that nobody is told of a damaged one."""

from __future__ import annotations

import json
import threading
import time
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from editmill.flows.events import COMPLETE
from editmill.flows.finished_datasets import evaluate_dataset, publish_dataset
from editmill.manifests.canonical import file_digest
from editmill.manifests.errors import DataError, RequestError
from editmill.manifests.manifest import MANIFEST
from editmill.pipelines.build import build
from tests.flows.test_imagenet_e_flow import artifact
from tests.flows.tiny import tiny_prepared

pytestmark = pytest.mark.prefect


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("built") / "out"
    build(tiny_prepared(out), progress=False)
    return out


@pytest.fixture
def hook() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """The address of a webhook, and what it is told."""
    told: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", told
        server.shutdown()


def events(api: str, name: str) -> list[dict[str, Any]]:
    body = {"filter": {"event": {"name": [name]}}, "limit": 50}
    request = urllib.request.Request(
        f"{api}/events/filter", data=json.dumps(body).encode(), headers={"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=60) as response:
        found: list[dict[str, Any]] = json.load(response)["events"]
    return [event["payload"] for event in found]


def test_publishing_tells_by_an_event_and_a_webhook(
    dataset: Path, hook: tuple[str, list[dict[str, Any]]], prefect_environment: dict[str, str]
) -> None:
    address, told = hook
    facts = publish_dataset(dataset, webhook=address)
    assert facts["manifest_sha256"] == file_digest(dataset / MANIFEST)
    assert told == [{"event": COMPLETE, **facts}]
    deadline = time.monotonic() + 60
    while facts not in (found := events(prefect_environment["PREFECT_API_URL"], COMPLETE)):
        assert time.monotonic() < deadline, found
        time.sleep(0.5)


@pytest.mark.usefixtures("prefect_environment")
def test_nobody_is_told_of_a_damaged_dataset(
    dataset: Path, hook: tuple[str, list[dict[str, Any]]], tmp_path: Path
) -> None:
    address, told = hook
    with pytest.raises(DataError, match="damaged"):
        publish_dataset(tmp_path, webhook=address)
    assert not told
    with pytest.raises(RequestError, match="does not take the event"):
        publish_dataset(dataset, webhook="http://127.0.0.1:9")


@pytest.mark.usefixtures("prefect_environment")
def test_an_evaluation_writes_its_reports(dataset: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    done = evaluate_dataset(dataset, models=["pack:tabletop/classifier"], reports=tmp_path, device="cpu")
    assert {path.name for path in Path(done["report"]).iterdir()} == {"report.html", "report.json", "report.csv"}
    assert json.loads((Path(done["report"]) / "report.json").read_text())["kind"].startswith("editmill.")
    assert "classifier" in artifact("demo-evaluation").data
