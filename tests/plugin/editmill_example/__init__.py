"""Pictures in coarse blocks: an example of a package that adds to editmill."""

from pathlib import Path

PACK = Path(__file__).parent / "example.yaml"
