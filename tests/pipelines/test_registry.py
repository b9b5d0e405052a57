"""What recipes can name, and that every family says what it has to."""

from __future__ import annotations

import subprocess
import sys
from typing import get_args

import pytest

from editmill.generators.base.family import Settings
from editmill.generators.base.reasons import Reason
from editmill.manifests.errors import RequestError
from editmill.pipelines.recipe import load_recipe, recipe_files
from editmill.pipelines.registry import FAMILIES, families, family_of
from editmill.pipelines.sources.registry import SOURCES

KINDS = ("attribute", "text", "watermark", "fmr", "synthesis")


def test_the_families_that_come_along() -> None:
    assert tuple(families()) == KINDS
    assert {"tabletop", "folder", "webdataset"} <= set(SOURCES.names())


@pytest.mark.parametrize("kind", KINDS)
def test_a_family_says_what_it_has_to(kind: str) -> None:
    family = family_of(kind)
    assert family.kind == kind
    assert get_args(family.settings.model_fields["kind"].annotation) == (kind,)
    assert issubclass(family.settings, Settings)
    assert issubclass(family.guard, Settings)
    assert family.version >= 1
    assert family.what
    assert family.needs in ("labelled", "captions", "pictures")
    assert family.failures <= {reason for reasons in (Reason, *family.reasons) for reason in reasons}
    assert list(family.recipes().glob("*.yaml")), "a family without a recipe can't be tried"


@pytest.mark.parametrize("kind", KINDS)
def test_the_module_of_a_family_loads_no_model_library(kind: str) -> None:
    module = FAMILIES.own[kind].partition(":")[0]
    heavy = ("torch", "cv2", "diffusers", "transformers", "prefect")
    code = f"import sys, {module}\nprint(*(name for name in {heavy!r} if name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split() == []


@pytest.mark.parametrize("name", sorted(recipe_files()))
def test_a_recipe_lies_with_its_family(name: str) -> None:
    family = load_recipe(name).family
    assert recipe_files()[name].parent == family.recipes()


def test_an_unknown_family_is_refused() -> None:
    with pytest.raises(RequestError, match="no family 'nothing'"):
        family_of("nothing")
