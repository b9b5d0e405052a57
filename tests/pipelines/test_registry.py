"""What recipes can name, and that every family says what it has to."""

from __future__ import annotations

import logging
import re
import subprocess
import sys
from importlib.metadata import EntryPoint
from typing import Any, Literal, get_args

import pytest

from editmill.generators.base.family import Settings
from editmill.generators.base.reasons import Reason
from editmill.generators.fmr.family import FmrFamily
from editmill.generators.guards.ensemble.settings import EnsembleSettings
from editmill.manifests.errors import RequestError
from editmill.manifests.plugins import Registry
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


def test_the_modules_of_families_load_no_model_library() -> None:
    modules = ", ".join(FAMILIES.own[kind].partition(":")[0] for kind in KINDS)
    heavy = ("torch", "cv2", "diffusers", "transformers", "prefect", "imwatermark", "blind_watermark")
    code = f"import sys, {modules}\nprint(*(name for name in {heavy!r} if name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split() == []


@pytest.mark.parametrize("name", sorted(recipe_files()))
def test_a_recipe_lies_with_its_family(name: str) -> None:
    family = load_recipe(name).family
    assert recipe_files()[name].parent == family.recipes()


def test_an_unknown_family_is_refused() -> None:
    with pytest.raises(RequestError, match="no family 'nothing'"):
        family_of("nothing")


class TheirSettings(Settings):
    kind: Literal["theirs"] = "theirs"


class OurKind(Settings):
    kind: Literal["attribute"] = "attribute"


class OpenKind(Settings):
    kind: str = "theirs"


class OurGuardKind(Settings):
    kind: Literal["ensemble"] = "ensemble"


@pytest.mark.parametrize(
    ("settings", "guard", "words"),
    [
        (OurKind, TheirSettings, "the kind of OurKind is not 'theirs'"),
        (OpenKind, TheirSettings, r"OpenKind has no kind: Literal\[...\] of one word"),
        (TheirSettings, OurGuardKind, "OurGuardKind has the kind of EnsembleSettings of the family"),
        (TheirSettings, int, "a subclass of Settings is expected"),
    ],
)
def test_a_family_whose_kinds_repeat_ours_is_left_out_with_one_warning(
    settings: Any, guard: Any, words: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class Theirs(FmrFamily):
        kind = "theirs"

    Theirs.settings, Theirs.guard = settings, guard
    monkeypatch.setattr("tests.pipelines.test_registry.THEIRS", Theirs, raising=False)
    point = EntryPoint("theirs", "tests.pipelines.test_registry:THEIRS", "editmill.families")
    monkeypatch.setattr("editmill.manifests.plugins.entry_points", lambda group: [point])
    registry = Registry("editmill.families", "family", FAMILIES.own, FAMILIES.check)
    families()
    with caplog.at_level(logging.WARNING):
        assert tuple(registry.loaded()) == tuple(registry.loaded()) == KINDS
    assert len(caplog.records) == 1
    assert re.search(words, caplog.text)


def test_a_family_that_shares_a_guard_of_ours_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    class Theirs(FmrFamily):
        kind = "theirs"

    Theirs.settings, Theirs.guard = TheirSettings, EnsembleSettings  # type: ignore[assignment]
    FAMILIES.check("theirs", Theirs)
