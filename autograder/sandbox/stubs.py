"""Packages that can be imported and compute nothing, in place of those that a lab is about.

A notebook imports Keras for its figures and comparisons, and its answers must not need it. So graded code runs where
the real packages are not there at all, and these stand in their place: any name of theirs is a class, which may be
passed on, subclassed and asked about. Making an instance, as calling a function would, is noted and refused, but for
the few functions that compute nothing of a layer.
"""

from __future__ import annotations

import functools
import importlib.abc
import importlib.machinery
import importlib.metadata
import random
import sys
import types
from collections.abc import Sequence
from typing import Any

import numpy as np


def _seed(seed: int) -> None:
    random.seed(seed)
    np.random.seed(seed)


#: What a package may be asked: settings, what something is, a copy of an array. A notebook's own check allows it too.
HARMLESS = {
    "convert_to_numpy": np.array,
    "epsilon": lambda: 1e-7,
    "floatx": lambda: "float32",
    "image_data_format": lambda: "channels_last",
    "is_keras_tensor": lambda x: False,
    "is_tensor": lambda x: False,
    "set_random_seed": _seed,
}
MAX_NOTED, MAX_CALLERS = 20, 50


class StubError(Exception):
    """A package was asked to compute where it is only a stand-in."""


class _Kind(type):
    """The class of all stand-ins: each attribute of one is another."""

    def __getattr__(cls, name: str) -> Any:
        if name == "__version__":
            return _version(cls.__module__.partition(".")[0])
        if name.startswith("__"):
            raise AttributeError(name)
        made = _stand_in(f"{cls.__module__}.{cls.__qualname__}", name)
        setattr(cls, name, made)
        return made

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        # A student's subclass comes before the stand-in, and that before object.
        package = cls.__mro__[-2]
        name = f"{package.__module__}.{package.__qualname__}"
        if package.__qualname__ in HARMLESS:
            return HARMLESS[package.__qualname__](*args, **kwargs)
        if len(noted) < MAX_NOTED:
            noted.append((name, _callers()))
        raise StubError(f"{name} is not there while answers are graded.")


#: What was asked to compute, with the names of the functions that led there, the innermost last.
noted: list[tuple[str, list[str]]] = []


def _callers() -> list[str]:
    frame, names = sys._getframe(2), []
    while frame is not None and len(names) < MAX_CALLERS:
        names.append(frame.f_code.co_name)
        frame = frame.f_back
    return names[::-1]


def _stand_in(path: str, name: str) -> Any:
    return _Kind(name, (), {"__module__": path, "__qualname__": name})


@functools.cache
def _version(name: str) -> str:
    """Return the version of the package in whose place a stand-in is: notebooks assert that it is new enough."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "0"


class _Module(types.ModuleType):
    """A module that has every name."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        made = _stand_in(self.__name__, name)
        setattr(self, name, made)
        return made


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def __init__(self, packages: Sequence[str]) -> None:
        self.packages = frozenset(packages)

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        if name.partition(".")[0] in self.packages:
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        return None

    def create_module(self, spec: Any) -> types.ModuleType:
        return _Module(spec.name)

    def exec_module(self, module: types.ModuleType) -> None:
        module.__all__, module.__version__ = [], _version(module.__name__.partition(".")[0])


def install(packages: Sequence[str]) -> None:
    """Put stand-ins in the place of packages, before any of them is imported.

    Parameters
    ----------
    packages : sequence of str
        Top-level names.

    Examples
    --------
    >>> install(["no_such_package"])
    >>> from no_such_package.layers import Dense
    >>> isinstance(3, Dense)
    False
    >>> Dense(3)
    Traceback (most recent call last):
    autograder.sandbox.stubs.StubError: no_such_package.layers.Dense is not there while answers are graded.
    """
    for package in packages:
        # Looked up once, before any job asks.
        _version(package)
    sys.meta_path.insert(0, _Finder(packages))
