"""Registries: names that come along, names of installed packages, and packages that are broken."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from importlib.metadata import EntryPoint
from typing import Any

import pytest

from editmill.manifests.errors import RequestError
from editmill.manifests.plugins import Registry, require, require_class

GROUP = "editmill.things"
OWN = {"join": "os.path:join", "split": "os.path:split"}


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Registry[Any]:
    """A registry beside three installed entry points: a good one, a broken one, and one that takes a name of ours."""
    points = [
        EntryPoint("broken", "os.path:no_such_function", GROUP),
        EntryPoint("base", "os.path:basename", GROUP),
        EntryPoint("join", "os.path:dirname", GROUP),
    ]
    monkeypatch.setattr("editmill.manifests.plugins.entry_points", lambda group: points if group == GROUP else [])
    return Registry(GROUP, "thing", OWN)


def test_names_of_ours_come_first(registry: Registry[Any]) -> None:
    assert registry.names() == ("join", "split", "base", "broken")
    assert "base" in registry
    assert "nothing" not in registry


def test_a_name_of_ours_is_never_taken_over(registry: Registry[Any], caplog: pytest.LogCaptureFixture) -> None:
    import os.path

    with caplog.at_level(logging.WARNING):
        assert registry.get("join") is os.path.join
    assert "'join' of os.path:dirname is left out: the name is taken" in caplog.text


def test_objects_of_installed_packages_are_loaded(registry: Registry[Any]) -> None:
    import os.path

    assert registry.get("base") is os.path.basename


def test_an_unknown_name_lists_the_known_ones(registry: Registry[Any]) -> None:
    with pytest.raises(RequestError, match=r"no thing 'nothing'(.|\n)*join, split, base, broken"):
        registry.get("nothing")


def test_a_broken_package_is_named_and_leaves_the_others_alone(
    registry: Registry[Any], caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(RequestError, match="the thing 'broken' does not import: AttributeError"):
        registry.get("broken")
    with caplog.at_level(logging.WARNING):
        assert set(registry.loaded()) == {"join", "split", "base"}
    assert "broken" in caplog.text


def test_a_fault_of_our_own_is_not_hidden() -> None:
    with pytest.raises(AttributeError):
        Registry[Any](GROUP, "thing", {"own": "os.path:no_such_function"}).get("own")


def test_an_object_that_does_not_fit_is_told_once_and_left_out(
    registry: Registry[Any], caplog: pytest.LogCaptureFixture
) -> None:
    def check(name: str, found: Any) -> None:
        require(name != "base", "it is the wrong way round")

    registry.check = check
    with caplog.at_level(logging.WARNING):
        assert set(registry.loaded()) == set(registry.loaded()) == {"join", "split"}
        with pytest.raises(RequestError, match="the thing 'base' does not fit: TypeError: it is the wrong way round"):
            registry.get("base")
    assert caplog.text.count("wrong way round") == 1


@pytest.mark.parametrize("reverse", [False, True])
def test_of_two_packages_with_one_name_ours_wins_then_the_first_by_its_module(
    monkeypatch: pytest.MonkeyPatch, reverse: bool
) -> None:
    points = [
        EntryPoint("pack", "aaa.theirs:PACK", GROUP),
        EntryPoint("pack", "editmill.manifests.plugins:Registry", GROUP),
        EntryPoint("path", "os.path:join", GROUP),
        EntryPoint("path", "os.path:split", GROUP),
    ]
    ordered = points[::-1] if reverse else points
    monkeypatch.setattr("editmill.manifests.plugins.entry_points", lambda group: ordered)
    registry = Registry[Any](GROUP, "thing", {})
    assert registry.get("pack") is Registry
    assert registry.get("path").__name__ == "join"


class Shape(ABC):
    sides: int

    @abstractmethod
    def area(self) -> float: ...


class Half(Shape):
    sides = 1


class Whole(Half):
    def area(self) -> float:
        return 0.0


@pytest.mark.parametrize(
    ("found", "words"), [(5, "a subclass of Shape"), (str, "a subclass of Shape"), (Half, "Half lacks area")]
)
def test_classes_have_to_be_complete(found: Any, words: str) -> None:
    require_class(Whole, Shape, "sides")
    with pytest.raises(TypeError, match=words):
        require_class(found, Shape, "sides")
    with pytest.raises(TypeError, match="Whole lacks colour"):
        require_class(Whole, Shape, "colour")
