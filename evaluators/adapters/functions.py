"""A classifier of the user's own, named ``package.module:attribute``.

What the attribute is decides, in this order:

1. An object with a method ``predict`` (not a class) is the classifier.
2. A callable that can be called without arguments, such as a class or a factory function, is called once; what it
   returns must have a method ``predict``.
3. A callable that takes one argument is itself the function from images to labels.

A function whose only argument has a default is a factory by rule 2.
"""

from __future__ import annotations

import inspect
import logging
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
import numpy.typing as npt

from editmill.evaluators.adapters.arrays import Images, IntArray
from editmill.manifests import ModelError
from editmill.manifests.errors import first_line

ANSWER = "return one integer label per image, as an array of shape [n] in main memory"

logger = logging.getLogger("editmill.evaluators")


@dataclass(frozen=True)
class FunctionClassifier:
    """A function from images to labels under a name.

    Attributes:
        name: Shown in tables.
        function: Maps RGB images, uint8 [height, width, 3], to integer labels [n].
    """

    name: str
    function: Callable[[Images], npt.ArrayLike]

    def predict(self, images: Images) -> IntArray:
        """Classify images; see `editmill.evaluators.Classifier`.

        Raises:
            ModelError: The function failed, or returned something other than one integer label per image.
        """
        labels = ask(self.function, images, name=self.name, fix=ANSWER)
        if labels.shape != (len(images),) or not np.issubdtype(labels.dtype, np.integer):
            what = f"{self.name} returned {labels.dtype} {list(labels.shape)} for {len(images)} images"
            raise ModelError(what, where="--model", fix=ANSWER)
        return labels.astype(np.int64)


def ask(function: Callable[[Images], npt.ArrayLike], images: Images, *, name: str, fix: str) -> npt.NDArray[Any]:
    """Return what a user's function says of images, as an array.

    Args:
        function: The function.
        images: What it is called with.
        name: Of the function, for messages.
        fix: What it is to return.

    Raises:
        ModelError: It failed, or returned something that does not become an array.
    """
    try:
        answer = function(images)
    except Exception as error:
        logger.info("%s failed", name, exc_info=True)
        raise ModelError(
            f"{name} failed on {len(images)} images: {type(error).__name__}: {first_line(error)}",
            where=place_of(error),
            fix="change it so that it takes a list of RGB images, uint8 [height, width, 3]; `editmill -v evaluate` "
            "shows the traceback",
        ) from error
    try:
        # Tensors on an accelerator, for one, do not become arrays.
        return np.asarray(answer)
    except Exception as error:
        what = f"{name} returned a {type(answer).__name__} that is not an array: {first_line(error)}"
        raise ModelError(what, where="--model", fix=fix) from error


def place_of(error: Exception) -> str:
    """Return the file and line where a user's function raised the error: its own file's, though a library below it
    raised.

    To be called by the function that called the user's.
    """
    # The first frame is ours.
    frames = traceback.extract_tb(error.__traceback__)[1:]
    own = [frame for frame in frames if frame.filename == frames[0].filename]
    return f"{own[-1].filename}:{own[-1].lineno}" if own else "--model"


def load(spec: str, *, forms: str) -> FunctionClassifier:
    """Load ``package.module:attribute``; dots after the colon reach into classes.

    Args:
        spec: The name.
        forms: All forms of a model's name, for the message.

    Raises:
        ModelError: The module or the attribute is missing, importing or calling it fails, or it is nothing to call.
    """
    return FunctionClassifier(spec, _find_predict(find_attribute(spec, forms), spec))


def find_attribute(spec: str, forms: str) -> Any:
    """Return what ``package.module:attribute`` names; see `load`."""
    module_name, _, path = spec.partition(":")
    target: Any = import_module_of(module_name, forms)
    for part in path.split("."):
        if not hasattr(target, part):
            what = f"module {module_name!r} has no {path!r}"
            raise ModelError(what, where=spec, fix="check the name after the colon")
        target = getattr(target, part)
    return target


def import_module_of(name: str, forms: str) -> Any:
    """Import a user's module; see `load`."""
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        # Else the module is there, and something that it imports is missing.
        if error.name and (name == error.name or name.startswith(f"{error.name}.")):
            what = f"{name!r} is neither a kind of model nor a module that can be imported"
            fix = f"give {forms}; for a module in this folder, set PYTHONPATH=."
            raise ModelError(what, where="--model", fix=fix) from error
        raise ModelError(f"module {name!r} needs {error.name!r}, which is not installed", where="--model") from error
    except Exception as error:
        raise ModelError(
            f"importing {name!r} failed: {type(error).__name__}: {first_line(error)}", where="--model"
        ) from error


def _find_predict(target: Any, spec: str) -> Callable[..., Any]:
    # The method of a class is not bound yet: the class is called first.
    predict: Callable[..., Any] | None = None if inspect.isclass(target) else getattr(target, "predict", None)
    if callable(predict):
        return predict
    made = made_by(target, spec)
    if made is target:
        return made
    method: Callable[..., Any] | None = getattr(made, "predict", None)
    if not callable(method):
        what = f"{spec}() returned a {type(made).__name__} without a method predict"
        raise ModelError(what, where="--model", fix="return a classifier")
    return method


def made_by(target: Any, spec: str) -> Any:
    """Return a function of one argument itself, and of what can be called without arguments what it returns.

    Raises:
        ModelError: It is neither, or calling it fails.
    """
    if not callable(target):
        raise ModelError(f"{spec} is a {type(target).__name__}, not a function", where="--model", fix="name a function")
    if not takes(target, 0):
        if inspect.isclass(target) or not takes(target, 1):
            raise ModelError(f"{spec} takes neither no argument nor one", where="--model", fix="take a list of images")
        return target
    try:
        return target()
    except Exception as error:
        raise ModelError(
            f"calling {spec} failed: {type(error).__name__}: {first_line(error)}", where="--model"
        ) from error


def takes(target: Callable[..., Any], arguments: int) -> bool:
    """Return whether something can be called with so many arguments."""
    try:
        inspect.signature(target).bind(*[None] * arguments)
    except TypeError:
        return False
    except ValueError:
        # Built in and without a signature: a function of one argument.
        return arguments == 1
    return True
