"""The public face: what ``import editmill`` gives, and what it does not load."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import editmill

HEAVY = ("cv2", "diffusers", "prefect", "scipy.stats", "torch", "transformers")


def loaded(code: str) -> set[str]:
    """The heavy packages that a program loads."""
    program = f"import sys\n{code}\nprint(*(name for name in {HEAVY!r} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    return set(done.stdout.split())


def test_the_names_are_sorted_and_there() -> None:
    assert editmill.__all__ == sorted(editmill.__all__)
    assert dir(editmill) == editmill.__all__
    assert all(getattr(editmill, name) is not None for name in editmill.__all__)
    assert set(editmill._HOME) == set(editmill.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = editmill.nothing


def test_reading_and_evaluating_load_no_model_library() -> None:
    assert loaded("from editmill import evaluate, open_dataset, report, verify_dataset") == set()


def test_recipes_load_only_what_the_installed_sources_draw_with() -> None:
    assert loaded("from editmill import load_recipe") <= {"cv2"}


def test_types_are_shipped() -> None:
    assert (Path(editmill.__file__).parent / "py.typed").is_file()
