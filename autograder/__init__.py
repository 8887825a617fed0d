"""Checks, sandbox and reports that grade the labs of the course.

The rooms, from top to bottom: each may import those below it, and `source_lib`.

- ``cli``: the command line, ``cnn-course``
- ``demo``: the sample class that is released to, graded and shown
- ``doctor``: what works on this machine, and what to install
- ``new_lab``: a minimal lab, to start a new one from
- ``console``: what commands print
- ``nbgrader_plugin``: the names under which ``nbgrader_config.py`` finds the grader
- ``leaderboard``: what the predictions of a class reach, as a page
- ``grading``: from a submission to its points, one or a class in parallel
- ``gradebook``: the course folder, releases, grades and feedback pages
- ``notebook``: the check that students call
- ``labs``: each lab's checks, faults and samples, known to nothing below
- ``checking``: how an answer is asked for, judged and explained
- ``submissions``: what was handed in: files, cells, and what may not be used
- ``sandbox``: where students' code runs
- ``errors``: what is said to a person
"""

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
        points, and a notebook shows it as a table. Every call draws new inputs. Where a lab judges while grading alone,
        ``check("my_padding", practice=True)`` asks the same about other numbers and judges the answer.
        ``check("conv2d_layer", hint=2)`` adds a more direct hint to each that a line has; it costs nothing.
        ``check.submission()`` says what grading will see of the folder, once the notebook is saved.

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
