"""What users name by a URL of an object store, such as ``s3://bucket/set``; what lies there is read by fsspec.

A URL travels through recipes as paths do, which keep one of its two slashes.
"""

from __future__ import annotations

import errno
import posixpath
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, TypeVar, cast

import fsspec  # type: ignore[import-untyped,unused-ignore]
from fsspec.asyn import sync  # type: ignore[import-untyped,unused-ignore]

from editmill.manifests.errors import EditmillError, RequestError, first_line
from editmill.manifests.plugins import install_hint

T = TypeVar("T")
# One letter before the colon is a drive of Windows.
URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):/+(.*)", re.DOTALL)
# Extras that bring the package of a protocol.
EXTRAS = {"s3": "s3", "s3a": "s3", "gs": "gs", "gcs": "gs"}
# Protocols of files and pages, in which nothing can be listed or written as in a store.
ELSEWHERE = ("file", "local", "http", "https", "ftp", "data", "hf")
# Bytes that are read ahead.
BLOCK = 2**22
# Seconds between two tries of what the network may have failed.
WAITS = (0.1, 0.5, 2.0, 5.0)
# What libraries raise, beside errors of Python itself, where trying again does not help.
REFUSALS = ("NoCredentialsError", "PartialCredentialsError", "ProfileNotFound", "ParamValidationError")
# And where nothing answers: an address that is wrong, or a network that is down.
SILENCE = (
    "EndpointConnectionError",
    "ConnectTimeoutError",
    "ReadTimeoutError",
    "ProxyConnectionError",
    "ClientConnectorError",
    "FSTimeoutError",
)
# Seconds in which a store has to answer at first.
FIRST = 4
# Stores that have answered this process.
_known: set[str] = set()


def is_url(path: str | Path) -> bool:
    """Return whether a path is a URL such as ``s3://bucket/set``."""
    return URL.match(str(path)) is not None


def spelled(path: str | Path) -> str:
    """Return a URL with both of its slashes, and without the steps upwards that stores do not know."""
    found = URL.fullmatch(str(path))
    if found is None:
        return str(path)
    scheme, rest = found.groups()
    if scheme == "file":
        return f"file:///{rest}"
    return f"{scheme}://{posixpath.normpath(rest).lstrip('/') if rest else ''}"


def absolute(path: Path) -> Path:
    """Return a path that does not depend on the folder that a command runs in; URLs never do."""
    return path if is_url(path) else path.resolve()


def connect(url: str | Path) -> tuple[Any, str]:
    """Return the file system of a URL and the path in it; nothing is asked of the network.

    Raises:
        RequestError: There is no such protocol, or its package is missing.
    """
    text = spelled(url)
    scheme, _, rest = text.partition("://")
    if scheme in EXTRAS and not rest:
        raise RequestError("the address names no bucket", where=text, fix=f"write {scheme}://BUCKET/FOLDER")
    try:
        filesystem, path = fsspec.url_to_fs(text)
    except (ImportError, ValueError) as error:
        hint = install_hint(EXTRAS[scheme]) if scheme in EXTRAS else "install the package that it names"
        what = f"cannot open {text}: {first_line(error)}"
        raise RequestError(what, fix=f"{hint}, or copy the data to a folder of this machine") from error
    return filesystem, str(path)


def connect_store(url: str | Path, *, where: str) -> None:
    """Make sure that a URL is one of an object store; nothing is asked of the network.

    Raises:
        RequestError: It is not; ``where`` names the option or field that holds it.
    """
    scheme = spelled(url).partition("://")[0]
    if scheme in ELSEWHERE:
        what = f"{spelled(url)!r} is a URL of no object store"
        raise RequestError(what, where=where, fix="name a path of this machine, or s3://BUCKET/FOLDER and the like")
    connect(url)


def check_answers(url: str) -> None:
    """Make sure that S3 answers this process at all, whatever it says; later it is given all the time that it needs.

    Raises:
        RequestError: It does not.
    """
    store, (filesystem, path) = _store_of(url), connect(url)
    if store in _known or not hasattr(filesystem, "call_s3"):
        return
    config = {"connect_timeout": FIRST, "read_timeout": FIRST, "retries": {"max_attempts": 0}}
    options = {**filesystem.storage_options, "config_kwargs": {**filesystem.config_kwargs, **config}}
    asked = type(filesystem)(**options, skip_instance_cache=True)
    asked.retries = 1
    try:
        # It loads what describes S3, which takes as long as it takes.
        asked.connect()
        sync(asked.loop, asked._call_s3, "head_bucket", Bucket=path.partition("/")[0], timeout=FIRST)
    except Exception as error:
        if type(error).__name__ in SILENCE:
            raise unreachable(url, error) from error
    _known.add(store)


def unreachable(url: str, error: Exception) -> RequestError:
    """Return the message about a store that has not answered yet."""
    said = "" if isinstance(error, TimeoutError) else first_line(error)
    what = f"the store can't be reached: {said or f'no answer within {FIRST} s'}"
    return RequestError(what, where=url, fix="check the address and the network")


def _store_of(url: str) -> str:
    return "/".join(url.split("/")[:3])


def tried(call: Callable[[], T], where: str) -> T:
    """Return what a call of a store returns, which is tried again where the network may have failed.

    A store that has never answered this process is not waited for: its address may be wrong.

    Raises:
        FileNotFoundError, FileExistsError: As the call.
        RequestError: The store refuses it, or has never answered.
        OSError: It failed every time.
    """
    store = _store_of(where)
    check_answers(where)
    for wait in (*WAITS, None):
        try:
            found = call()
        except (EditmillError, FileNotFoundError, FileExistsError):
            _known.add(store)
            raise
        except Exception as error:
            # Each library has errors of its own.
            if is_refusal(error):
                raise refused(where, error) from error
            if type(error).__name__ in SILENCE and store not in _known:
                raise unreachable(where, error) from error
            if wait is None:
                raise OSError(errno.EIO, f"the store can't be reached: {first_line(error)}", where) from error
            time.sleep(wait)
        else:
            _known.add(store)
            return found
    raise AssertionError


def is_refusal(error: Exception) -> bool:
    """Return whether a store refuses something, so that trying again does not help."""
    return isinstance(error, (PermissionError, NotImplementedError)) or type(error).__name__ in REFUSALS


def refused(where: str, error: Exception) -> RequestError:
    """Return the message about a store that refuses something."""
    fix = "check the address, the bucket and the credentials; docs/object-stores.md says where they come from"
    return RequestError(f"the store refuses it: {first_line(error)}", where=where, fix=fix)


def size_of(path: str | Path) -> int:
    """Return the size in bytes of the object that a URL names.

    Raises:
        FileNotFoundError: There is none; or as `tried`.
        IsADirectoryError: It is a folder.
    """
    filesystem, full = connect(path)
    found = tried(lambda: filesystem.info(full), spelled(path))
    if found["type"] != "file":
        raise IsADirectoryError(errno.EISDIR, "not a regular file, but a folder", spelled(path))
    return int(found["size"])


def read_object(path: str | Path, start: int | None = None, end: int | None = None) -> bytes:
    """Read an object, or a range of its bytes, in one request; raises as `tried`."""
    filesystem, full = connect(path)
    return bytes(tried(lambda: filesystem.cat_file(full, start=start, end=end), spelled(path)))


def open_object(path: str | Path) -> BinaryIO:
    """Open an object for reading forwards, some megabytes at a time; it can seek. Raises as `tried`."""
    filesystem, full = connect(path)
    return cast(BinaryIO, tried(lambda: filesystem.open(full, "rb", block_size=BLOCK), spelled(path)))


def find_objects(folder: str | Path) -> list[str]:
    """Return the paths below a folder, relative to it, sorted; none where there is no such folder."""
    filesystem, full = connect(folder)
    filesystem.invalidate_cache()
    found = tried(lambda: filesystem.find(full), spelled(folder))
    return sorted(str(path).removeprefix(full).lstrip("/") for path in found)


def match_objects(pattern: str) -> list[str]:
    """Return the URLs of what a pattern with wildcards names, sorted."""
    filesystem, full = connect(pattern)
    scheme = spelled(pattern).partition("://")[0]
    found = tried(lambda: filesystem.glob(full), spelled(pattern))
    return sorted(f"{scheme}://{str(path).lstrip('/')}" for path in found)
