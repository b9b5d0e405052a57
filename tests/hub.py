"""A Hugging Face Hub on loopback: what its client asks to make a repository, to fill it and to read it back."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

import pytest

LARGE = (".tar", ".parquet")
TOKEN = "hf_test"


class Hub:
    """Repositories as bytes by path; large files are objects by their sha256 before a commit names them.

    Attributes:
        room: Objects that it takes before it cuts every connection in the middle of one.
        received: Digests of the objects that arrived, in their order.
    """

    def __init__(self) -> None:
        self.files: dict[str, dict[str, bytes]] = {}
        self.private: dict[str, bool] = {}
        self.objects: dict[str, bytes] = {}
        self.received: list[str] = []
        self.commits: list[str] = []
        self.room, self.begun = 10**6, count()

    def create(self, asked: dict[str, Any]) -> tuple[int, Any]:
        name = f"{asked['organization']}/{asked['name']}"
        status = 409 if name in self.files else 200
        self.files.setdefault(name, {})
        self.private.setdefault(name, asked.get("visibility") == "private")
        return status, {"url": f"/datasets/{name}"}

    def preupload(self, name: str, asked: dict[str, Any]) -> tuple[int, Any]:
        modes = [(one["path"], one["path"].endswith(LARGE)) for one in asked["files"]]
        return 200, {
            "files": [
                {
                    "path": path,
                    "uploadMode": "lfs" if large else "regular",
                    "shouldIgnore": False,
                    "oid": self._oid(name, path),
                }
                for path, large in modes
            ]
        }

    def batch(self, asked: dict[str, Any], address: str) -> tuple[int, Any]:
        def one(oid: str, size: int) -> dict[str, Any]:
            there = {} if oid in self.objects else {"actions": {"upload": {"href": f"{address}/objects/{oid}"}}}
            return {"oid": oid, "size": size, **there}

        return 200, {"transfer": "basic", "objects": [one(each["oid"], each["size"]) for each in asked["objects"]]}

    def commit(self, name: str, lines: list[dict[str, Any]]) -> tuple[int, Any]:
        files = self.files[name]
        for line in lines:
            value = line["value"]
            if line["key"] == "header":
                self.commits.append(value["summary"])
            elif line["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                files[value["path"]] = self.objects[value["oid"]]
            else:
                del files[value["path"]]
        return 200, {"commitUrl": f"/datasets/{name}/commit/{'0' * 40}", "commitOid": "0" * 40}

    def entries(self, name: str) -> list[dict[str, Any]]:
        """Return the tree, folders included."""
        files = self.files[name]
        folders = {path.rpartition("/")[0] for path in files if "/" in path}
        return [{"type": "directory", "path": folder, "oid": "0" * 40} for folder in sorted(folders)] + [
            {"type": "file", "path": path, "size": len(files[path]), "oid": self._oid(name, path)}
            for path in sorted(files)
        ]

    def _oid(self, name: str, path: str) -> str | None:
        data = self.files[name].get(path)
        if data is None:
            return None
        if path.endswith(LARGE):
            return hashlib.sha256(data).hexdigest()
        return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


class Handler(BaseHTTPRequestHandler):
    """Answers in the words of the Hub; ``server.hub`` is what it keeps."""

    protocol_version = "HTTP/1.1"

    @property
    def hub(self) -> Hub:
        return self.server.hub  # type: ignore[attr-defined]

    def log_message(self, format: str, *args: Any) -> None:
        """Stay quiet."""

    def do_PUT(self) -> None:
        size, oid = int(self.headers["Content-Length"]), self.path.rpartition("/")[2]
        if next(self.hub.begun) >= self.hub.room:
            self.rfile.read(size // 2)
            self.close_connection = True
            return
        self.hub.objects[oid] = self.rfile.read(size)
        self.hub.received.append(oid)
        self._answer(200, {})

    def do_POST(self) -> None:
        body, path = self.rfile.read(int(self.headers["Content-Length"])), urlsplit(self.path).path
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            return self._answer(403, {"error": "the token may not write"})
        if path == "/api/repos/create":
            return self._answer(*self.hub.create(json.loads(body)))
        if path == "/api/validate-yaml":
            return self._answer(200, {"errors": [], "warnings": []})
        if path.endswith("/info/lfs/objects/batch"):
            return self._answer(*self.hub.batch(json.loads(body), f"http://{self.headers['Host']}"))
        found = re.fullmatch(r"/api/datasets/([^/]+/[^/]+)/(preupload|commit|paths-info)/[^/]+", path)
        assert found, path
        name, verb = found.groups()
        if verb == "commit":
            return self._answer(*self.hub.commit(name, [json.loads(line) for line in body.splitlines()]))
        if verb == "preupload":
            return self._answer(*self.hub.preupload(name, json.loads(body)))
        wanted = json.loads(body)["paths"]
        return self._answer(200, [one for one in self.hub.entries(name) if one["path"] in wanted])

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        if found := re.fullmatch(r"/datasets/([^/]+/[^/]+)/resolve/[^/]+/(.+)", path):
            data = self.hub.files[found[1]].get(found[2])
            return self._send(404, b"", {"X-Error-Code": "EntryNotFound"}) if data is None else self._file(data)
        found = re.fullmatch(r"/api/datasets/([^/]+/[^/]+)(?:/(tree|revision)/([^/]+)(?:/(.*))?)?", path)
        if not found or found[1] not in self.hub.files:
            return self._answer(404, {"error": "Repository not found"})
        name, verb, _, below = found.groups()
        if verb != "tree":
            return self._answer(200, {"id": name, "sha": "0" * 40, "private": self.hub.private[name]})
        entries = [one for one in self.hub.entries(name) if one["path"].startswith(f"{below}/" if below else "")]
        if "recursive=true" not in self.path.lower():
            entries = [one for one in entries if one["path"].count("/") == (below.count("/") + 1 if below else 0)]
        return self._answer(200, entries)

    do_HEAD = do_GET

    def _file(self, data: bytes) -> None:
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        first, last = (int(asked[1]), int(asked[2] or len(data) - 1)) if asked else (0, len(data) - 1)
        facts = {"ETag": f'"{hashlib.sha256(data).hexdigest()}"', "X-Repo-Commit": "0" * 40}
        if asked:
            facts["Content-Range"] = f"bytes {first}-{last}/{len(data)}"
        self._send(206 if asked else 200, data[first : last + 1], facts)

    def _answer(self, status: int, document: Any) -> None:
        self._send(status, json.dumps(document).encode(), {"Content-Type": "application/json"})

    def _send(self, status: int, body: bytes, facts: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**facts, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


@contextmanager
def hub_server() -> Iterator[Hub]:
    """Serve a Hub for this process, whose client then neither waits between tries nor uses Xet's own protocol."""
    from huggingface_hub import HfFileSystem, constants
    from huggingface_hub.utils import _http

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hub = Hub()
    server.hub = hub  # type: ignore[attr-defined]
    Thread(target=server.serve_forever, daemon=True).start()
    HfFileSystem.clear_instance_cache()
    with pytest.MonkeyPatch.context() as patch:
        address = f"http://127.0.0.1:{server.server_port}"
        patch.setattr(constants, "ENDPOINT", address)
        # Made of the address when the client is imported.
        template = constants.HUGGINGFACE_CO_URL_TEMPLATE.replace(constants._HF_DEFAULT_ENDPOINT, address)
        patch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        patch.setattr(constants, "HF_HUB_OFFLINE", False)
        patch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        patch.setattr(_http.time, "sleep", lambda seconds: None)
        patch.setenv("HF_TOKEN", TOKEN)
        yield hub
    HfFileSystem.clear_instance_cache()
    server.shutdown()
    server.server_close()
