from __future__ import annotations

import pickle

import pytest

from editmill.manifests import errors


def test_message_names_what_where_and_fix() -> None:
    error = errors.RecipeError("unknown key 'sede'", where="recipe.yaml", fix="did you mean 'seed'?")
    assert str(error) == "unknown key 'sede'\n  where: recipe.yaml\n  fix: did you mean 'seed'?"


def test_empty_parts_are_left_out() -> None:
    assert str(errors.DataError("no rows")) == "no rows"


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (errors.RequestError, 2),
        (errors.RecipeError, 2),
        (errors.SourceError, 2),
        (errors.ModelError, 2),
        (errors.OccupiedError, 2),
        (errors.DataError, 1),
        (errors.CorruptDatasetError, 1),
        (errors.ExhaustedError, 1),
    ],
)
def test_exit_codes(kind: type[errors.EditmillError], code: int) -> None:
    assert kind("x").exit_code == code
    assert isinstance(kind("x"), ValueError)


def test_errors_cross_process_boundaries() -> None:
    error = pickle.loads(pickle.dumps(errors.CorruptDatasetError("bad", where="a.tar", fix="rebuild")))
    assert (type(error), error.what, error.where, error.fix) == (errors.CorruptDatasetError, "bad", "a.tar", "rebuild")


def test_docstring_draws_the_whole_tree() -> None:
    kinds = {name for name, value in vars(errors).items() if isinstance(value, type) and name.endswith("Error")}
    assert errors.__doc__ is not None
    assert all(f"{kind} " in errors.__doc__ for kind in kinds)


def test_only_running_out_of_memory_counts_as_that() -> None:
    assert errors.out_of_memory(errors.exhausted(MemoryError()))
    for other in (RuntimeError("the shapes differ"), errors.DataError("out of memory"), OSError("no space left")):
        assert not errors.out_of_memory(other)


@pytest.mark.parametrize(
    ("said", "first"), [("a\nb", "a"), ("\n  a\nb", "a"), ("", "OSError"), ("\n", "OSError"), ("a", "a")]
)
def test_the_first_line_of_an_error_is_never_empty(said: str, first: str) -> None:
    assert errors.first_line(OSError(said)) == first
