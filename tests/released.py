"""What a dataset must not tell: names of machines, and where files lay on the machine that built it."""

from __future__ import annotations

import re
import socket
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq

REPOSITORY = Path(__file__).parents[1]


def traces(root: Path) -> list[str]:
    """Return where a dataset's texts name this machine or a folder of it; pictures are left out."""
    folders = {
        str(folder) for folder in (REPOSITORY, Path.cwd(), Path.home(), Path(tempfile.gettempdir()), root.parent)
    }
    # Letters on either side would make it another word; random names of sources hold short ones.
    words = [rf"(?<![\w/.-]){re.escape(folder)}(?![\w.-])" for folder in folders if folder != "/"]
    words.append(rf"(?<![\w-]){re.escape(socket.gethostname())}(?![\w-])")
    pattern = re.compile("|".join(words))
    return [f"{place}: {found[0]}" for place, text in _texts(root) if (found := pattern.search(text))]


def _texts(root: Path) -> Iterator[tuple[str, str]]:
    for path in sorted(path for path in root.rglob("*") if path.is_file()):
        name = str(path.relative_to(root))
        if path.suffix == ".tar":
            with tarfile.open(path) as tar:
                for member in tar:
                    stream = tar.extractfile(member)
                    if stream is not None and member.name.endswith((".json", ".txt", ".cls")):
                        yield f"{name}: {member.name}", stream.read().decode()
        elif path.suffix == ".parquet":
            for row in pq.ParquetFile(path).read().to_pylist():
                yield f"{name}: {row['key']}", str(row)
        else:
            yield name, path.read_text()
