"""A hub that does not answer is asked once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from huggingface_hub import constants

from editmill.evaluators import load_classifier
from editmill.evaluators.adapters.hub import is_local
from editmill.evaluators.image_text.models import load_text_model
from editmill.manifests import ModelError

NAME = "someone/some-model"


@pytest.fixture
def unreachable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Nothing listens at the hub's address; the cache is empty."""
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    # No service has the port 1.
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:1")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


class Refusing(BaseHTTPRequestHandler):
    """Answers, though with an error."""

    def do_HEAD(self) -> None:
        self.send_error(503)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def answering(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    server = HTTPServer(("127.0.0.1", 0), Refusing)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    yield
    server.shutdown()
    server.server_close()


@pytest.mark.usefixtures("unreachable")
def test_one_message_where_neither_hub_nor_cache_has_the_model(caplog: pytest.LogCaptureFixture) -> None:
    for load in (load_text_model, load_classifier):
        with pytest.raises(ModelError, match="the hub can't be reached, and its cache does not have the model") as told:
            load(f"transformers:{NAME}", device="cpu")
        assert NAME in str(told.value)
    # The library warns before each of its retries.
    assert not caplog.records


def test_the_cache_is_used_where_the_hub_does_not_answer(unreachable: Path) -> None:
    snapshot = unreachable / "models--someone--some-model" / "snapshots" / ("a" * 40)
    snapshot.mkdir(parents=True)
    (snapshot / "config.json").write_text("{}")
    refs = unreachable / "models--someone--some-model" / "refs"
    refs.mkdir()
    (refs / "main").write_text("a" * 40)
    assert is_local(NAME)


@pytest.mark.usefixtures("unreachable")
def test_a_folder_needs_no_hub(tmp_path: Path) -> None:
    assert is_local(str(tmp_path))


@pytest.mark.usefixtures("answering")
def test_any_answer_of_the_hub_will_do() -> None:
    assert not is_local(NAME)
