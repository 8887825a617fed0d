"""The labs, each a package with the same rooms; what is shared finds them here and knows none by name."""

from __future__ import annotations

import importlib
import pkgutil
import traceback
from pathlib import Path

from autograder.checking.lab import Lab, LabError


class UnknownLabError(Exception):
    """No lab of that name is registered. The text names those that are."""


def lab_names() -> list[str]:
    """Return the names of all labs that have a package here, sorted."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__) if module.ispkg)


def get_lab(name: str) -> Lab:
    """Return the lab ``name``, which the package ``autograder.labs.<name>`` defines as ``LAB``.

    Parameters
    ----------
    name : str
        For example ``"lab1"``.

    Returns
    -------
    Lab

    Raises
    ------
    UnknownLabError
        If there is no such lab.
    LabError
        If its package cannot be imported, or defines no ``LAB``, or one of another name.

    Examples
    --------
    >>> get_lab("lab1").points
    35.0
    """
    if name not in lab_names():
        raise UnknownLabError(f"There is no lab called {name!r}. Known labs: {', '.join(lab_names())}.")
    file = f"autograder/labs/{name}/__init__.py"
    try:
        lab = getattr(importlib.import_module(f"{__name__}.{name}"), "LAB", None)
    except Exception as error:
        raise LabError(_not_imported(file, error)) from error
    if not isinstance(lab, Lab):
        raise LabError(f"{file} defines no LAB. Define LAB = Lab(name={name!r}, ...) there, as the other labs do.")
    if lab.name != name:
        raise LabError(f"The LAB of {file} is called {lab.name!r}. Its name must be that of its folder, {name!r}.")
    return lab


def _not_imported(file: str, error: Exception) -> str:
    # The last place in the lab's own folder is where its author looks.
    last = [frame for frame in traceback.extract_tb(error.__traceback__) if str(Path(file).parent) in frame.filename]
    where = f"{file.rpartition('/')[0]}/{Path(last[-1].filename).name}, line {last[-1].lineno}" if last else file
    return f"{where}: {type(error).__name__}: {error}. The lab cannot be imported; correct it there."


def all_labs() -> list[Lab]:
    """Return all labs, in the order of their names."""
    return [get_lab(name) for name in lab_names()]
