"""A dataset's folder in an object store: whole files go there, and each is checked where it has arrived.

Its objects carry the sha256 of their bytes where the store keeps such facts; elsewhere they are read back.
"""

from __future__ import annotations

import errno
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

from editmill.manifests.atomic import atomic_file
from editmill.manifests.canonical import file_digest, stream_digest
from editmill.manifests.errors import CorruptDatasetError, OccupiedError
from editmill.manifests.records import FileRecord
from editmill.manifests.store import Store
from editmill.manifests.urls import connect, refused, tried

DIGEST = "sha256"


class RemoteFolder(Store):
    """A folder in an object store that a dataset is uploaded to.

    Args:
        root: Its URL.
    """

    def found(self, path: str) -> bytes | None:
        """Return an object's bytes; None where there is none."""
        full = self._full(path)
        try:
            return bytes(tried(lambda: self._filesystem.cat_file(full), f"{self.root}/{path}"))
        except FileNotFoundError:
            return None

    def read(self, path: str) -> bytes:
        """Read a whole object.

        Raises:
            FileNotFoundError: There is none.
        """
        data = self.found(path)
        if data is None:
            raise FileNotFoundError(errno.ENOENT, "No such file", f"{self.root}/{path}")
        return data

    def names(self) -> list[str]:
        """Return the paths of all objects, also of those that other processes have just put there."""
        self._filesystem.invalidate_cache()
        return tried(self.paths, self.root)

    def holds(self, record: FileRecord, *, read: bool = False) -> bool:
        """Return whether an object has the size and the digest of a record.

        Args:
            record: Of the file that it should be.
            read: Whether to read it where the store does not keep digests; else its size decides there.
        """
        try:
            return tried(lambda: self._holds(record, read), f"{self.root}/{record.path}")
        except FileNotFoundError:
            return False

    def put(self, file: Path, record: FileRecord) -> None:
        """Upload a file, in place of what may be there, and check it.

        Raises:
            RequestError: The store refuses it.
            OSError: It fails, or the object is another one than the file, time and again.
        """
        where = f"{self.root}/{record.path}"
        self._make_folder(record.path)
        try:
            tried(lambda: self._put(file, record, "overwrite"), where)
        except FileNotFoundError as error:
            # A bucket that is not there.
            raise refused(where, error) from error

    def create(self, file: Path, record: FileRecord) -> None:
        """Upload a file under a name that nothing has; an equal object may be there already.

        Raises:
            OccupiedError: There is another object.
            RequestError, OSError: As `put`.
        """
        where = f"{self.root}/{record.path}"
        try:
            tried(lambda: self._put(file, record, "create"), where)
        except FileExistsError as error:
            # Of an earlier try whose answer was lost, or of another build of the same dataset.
            if self.found(record.path) != file.read_bytes():
                what = f"another build has put its {record.path} there meanwhile"
                raise OccupiedError(what, where=where, fix="choose another --out, or run the command again") from error

    def get(self, record: FileRecord, target: Path) -> None:
        """Fetch an object, unless the target is that file already.

        Raises:
            CorruptDatasetError: The object has another digest than the record.
            FileNotFoundError: There is none.
        """
        if target.is_file() and file_digest(target) == record.sha256:
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        tried(lambda: self._get(record, target), f"{self.root}/{record.path}")

    def copy(self, source: str, record: FileRecord) -> bool:
        """Let the store copy an object to the path of a record; return whether it is there then.

        Args:
            source: The URL of the object.
            record: Of what it should be.
        """
        inner = connect(source)[1]
        with suppress(FileNotFoundError):
            tried(lambda: self._filesystem.cp_file(inner, self._full(record.path), **self._facts(record)), source)
        return self.holds(record, read=True)

    def remove(self, path: str) -> None:
        """Delete an object, if it is there."""
        with suppress(FileNotFoundError):
            tried(lambda: self._filesystem.rm_file(self._full(path)), f"{self.root}/{path}")

    @property
    def _keeps_digests(self) -> bool:
        """Whether objects carry facts: S3 and what speaks its protocol."""
        return hasattr(self._filesystem, "metadata")

    def _facts(self, record: FileRecord) -> dict[str, Any]:
        # Copies keep those of their source by themselves, but for large ones, which are copied part by part.
        return {"Metadata": {DIGEST: record.sha256}} if self._keeps_digests else {}

    def _put(self, file: Path, record: FileRecord, mode: str) -> None:
        try:
            self._filesystem.put_file(str(file), self._full(record.path), mode=mode, **self._facts(record))
        except FileExistsError:
            raise
        except Exception:
            # Stores of objects keep whole ones only; file systems that are used as stores may keep a part.
            if mode == "create":
                with suppress(Exception):
                    self._remove_part(file, record.path)
            raise
        if not self._holds(record, read=True):
            # Not a whole one, whatever the store said.
            self._filesystem.rm_file(self._full(record.path))
            raise OSError("the object is not what was uploaded")

    def _remove_part(self, file: Path, path: str) -> None:
        found, whole = self._filesystem.cat_file(self._full(path)), file.read_bytes()
        if found != whole and whole.startswith(found):
            self._filesystem.rm_file(self._full(path))

    def _holds(self, record: FileRecord, read: bool) -> bool:
        full = self._full(record.path)
        if self._filesystem.info(full, refresh=True)["size"] != record.bytes:
            return False
        if self._keeps_digests:
            return bool(self._filesystem.metadata(full).get(DIGEST) == record.sha256)
        if not read:
            return True
        with self._filesystem.open(full, "rb") as stream:
            return stream_digest(stream) == (record.bytes, record.sha256)

    def _get(self, record: FileRecord, target: Path) -> None:
        with self._filesystem.open(self._full(record.path), "rb") as stream, atomic_file(target) as copy:
            shutil.copyfileobj(stream, copy, 2**22)
            copy.flush()
            if file_digest(copy.name) != record.sha256:
                what = "the object has another digest than is written of it"
                raise CorruptDatasetError(what, where=f"{self.root}/{record.path}")

    def _make_folder(self, path: str) -> None:
        """Make the folders above an object, in file systems that have folders; buckets are never made."""
        if not self._keeps_digests:
            self._filesystem.makedirs(self._full(path).rpartition("/")[0], exist_ok=True)


def record_of(folder: Path, path: str) -> FileRecord:
    """Return the record of a file in a local folder."""
    return FileRecord(path=path, bytes=(folder / path).stat().st_size, sha256=file_digest(folder / path))
