"""Object stores for tests: S3 on loopback, whose answers may fail, and one in memory that tears what it takes."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from io import BytesIO
from threading import Thread
from typing import Any

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

Answer = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
ERROR = b"<Error><Code>%s</Code><Message>%s</Message></Error>"


class Killed(BaseException):
    """The process ends here."""


class Faults:
    """Fails a share of the requests, half of them after they were carried out; refuses writing, or all."""

    def __init__(self, application: Answer) -> None:
        self.application, self.share, self.count = application, 0.0, 0
        self.read_only = self.denied = False
        self.random = random.Random(0)

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        # Read whole: what is left of it would stand in a connection that is kept.
        environ["wsgi.input"] = BytesIO(environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)))
        if self.denied or (self.read_only and environ["REQUEST_METHOD"] == "PUT"):
            return _error(start, "403 Forbidden", ERROR % (b"AccessDenied", b"Access Denied"))
        if self.random.random() >= self.share:
            return self.application(environ, start)
        self.count += 1
        if self.random.random() < 0.5:
            list(self.application(environ, lambda *facts: None))
        return _error(start, "500 Internal Server Error", ERROR % (b"InternalError", b"try again"))


def _error(start: Callable[..., Any], status: str, body: bytes) -> Iterable[bytes]:
    start(status, [("Content-Type", "application/xml"), ("Content-Length", str(len(body)))])
    return [body]


@contextmanager
def s3_server() -> Iterator[Faults]:
    """Serve S3 on loopback, for this process and those that it starts, with a bucket called ``bucket``."""
    from moto.server import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import make_server

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    faults = Faults(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", 0, faults, threaded=True)
    Thread(target=server.serve_forever, daemon=True).start()
    facts = {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.server_port}",
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        # Otherwise botocore hides the faults.
        "AWS_MAX_ATTEMPTS": "1",
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in facts.items():
            patch.setenv(name, value)
        fsspec.filesystem("s3").mkdir("bucket")
        yield faults
    server.shutdown()


class TornFileSystem(MemoryFileSystem):
    """Keeps but half of a share of what is uploaded, and says so of half of those."""

    protocol = "torn"
    store: dict[str, Any] = {}
    pseudo_dirs = [""]
    share, random = 0.0, random.Random(1)

    def put_file(self, lpath: str, rpath: str, *args: Any, **kwargs: Any) -> None:
        super().put_file(lpath, rpath, *args, **kwargs)
        if self.random.random() < self.share:
            self.pipe_file(rpath, self.cat_file(rpath)[: self.size(rpath) // 2])
            if self.random.random() < 0.5:
                raise OSError("the connection was lost")


fsspec.register_implementation("torn", TornFileSystem, clobber=True)
