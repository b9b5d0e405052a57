"""Arrays on disk that are filled row by row, so that later epochs and other processes find what was computed once."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from editmill.manifests.arrays import Feature


class RowStore:
    """``count`` rows of several columns, one file per column.

    Processes may fill it at once as long as they write equal rows: the flag that marks a row as present is written
    last.
    """

    def __init__(self, folder: Path, count: int, columns: Mapping[str, tuple[type, tuple[int, ...]]]) -> None:
        """Open the files or make them.

        Args:
            folder: Where the files lie.
            count: Number of rows.
            columns: Dtype and shape of a row for each column.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self.columns = {name: _open(folder / name, dtype, (count, *shape)) for name, (dtype, shape) in columns.items()}
        self.present = _open(folder / "present", np.uint8, (count,))

    def read(self, rows: Any) -> dict[str, Feature] | None:
        """Return copies of ``rows`` (an index or a list of them) by column, or None when some were not written yet."""
        if not np.all(self.present[rows]):
            return None
        return {name: np.array(column[rows]) for name, column in self.columns.items()}

    def write(self, rows: Any, values: Mapping[str, Feature]) -> None:
        """Keep ``values`` by column as ``rows``."""
        for name, column in self.columns.items():
            column[rows] = values[name]
        self.present[rows] = 1


def _open(path: Path, dtype: type, shape: tuple[int, ...]) -> Feature:
    if not path.exists():
        # Appending leaves alone what another process may have written between the test and this line.
        with path.open("ab") as file:
            file.truncate(int(np.prod(shape)) * np.dtype(dtype).itemsize)
    return np.memmap(path, dtype, "r+", shape=shape)
