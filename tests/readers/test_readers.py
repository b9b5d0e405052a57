"""Every loader that is installed, on every family that it can read."""

from __future__ import annotations

from pathlib import Path

import pytest

from editmill.manifests import open_dataset
from tests.readers.families import FAMILIES
from tests.readers.readers import READERS, UNSERVED, Unserved

# What a loader makes of damage and of its own cache does not depend on the family.
ONCE = ("mlcroissant, two sets in a cache", "mlcroissant, flipped bit")
PAIRS = [(reader, family) for reader in READERS for family in FAMILIES if reader not in ONCE or family == "attribute"]


@pytest.fixture(scope="module")
def roots(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A dataset of each family; do not change them."""
    folder = tmp_path_factory.mktemp("families")
    for family, write in FAMILIES.items():
        write(folder / family)
    return {family: folder / family for family in FAMILIES}


# Loaders leave files open for the garbage collector, and use what their libraries no longer want.
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("reader", "family"), PAIRS)
def test_a_loader_reads_a_family(reader: str, family: str, roots: dict[str, Path], tmp_path: Path) -> None:
    if family in UNSERVED.get(reader, ()):
        with pytest.raises(Unserved):
            READERS[reader](open_dataset(roots[family]), roots[family], tmp_path)
        return
    try:
        assert READERS[reader](open_dataset(roots[family]), roots[family], tmp_path)
    except ModuleNotFoundError as error:
        pytest.skip(f"{error.name} is not installed; `make readers` installs it")
