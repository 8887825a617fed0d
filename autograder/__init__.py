"""Checks, sandbox and reports that grade the labs of the course."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from autograder.checking.tables import Points


def open_lab(name: str, functions: Mapping[str, Any]) -> Callable[..., Points]:
    """Return the ``check`` function of a lab for the notebook that is open.

    Parameters
    ----------
    name : str
        The lab, for example ``"lab1"``.
    functions : mapping of str to object
        The notebook's ``globals()``. Functions are looked up when they are checked, so a cell may be run again.

    Returns
    -------
    callable
        ``check("conv2d_layer")`` judges one function, ``check()`` all of them. What it returns is the number of
        points, and a notebook shows it as a table. Every call draws new inputs.

    Raises
    ------
    UnknownLabError
        If there is no such lab.

    Examples
    --------
    >>> check = open_lab("lab1", globals())
    >>> check("flatten_layer")
    0.0
    """
    from autograder.notebook import lab_check

    return lab_check(name, functions)
