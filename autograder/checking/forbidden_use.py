"""Whose fault it is that a package computed which the lab is about, and what it costs: in a notebook and in grading.

What was called is noted while an answer runs: by stand-ins while grading (`autograder.sandbox.stubs`), and in an open
notebook by `autograder.checking.watch`. Both refuse it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from autograder.checking.rubric import Check, Item
from autograder.submissions.cell_run import Noted
from source_lib.text import in_series


def sentence(function: str, name: str) -> str:
    """Return what is said of an answer that let a package compute.

    Parameters
    ----------
    function : str
        The answer.
    name : str
        What it called.

    Examples
    --------
    >>> sentence("activation", "keras.ops.relu")
    'activation uses keras.ops.relu instead of computing its answer, so it scores 0. Write it with NumPy or SciPy.'
    """
    return f"{function} uses {name} instead of computing its answer, so it scores 0. Write it with NumPy or SciPy."


def blamed(
    checks: Sequence[Check],
    functions: Iterable[str],
    noted: Mapping[str, Sequence[Noted]],
    items: Mapping[str, Sequence[Item]],
) -> tuple[dict[str, str], bool]:
    """Return which answers let a package compute, and whether one failed for another function that did.

    Whose fault it is that ``dense_layer`` has no answer, when the ``activation`` that it calls lets Keras compute, the
    innermost of the lab's functions tells. An answer that does without after all, after an error, has computed.

    Parameters
    ----------
    checks : sequence of Check
    functions : iterable of str
        All functions of the lab.
    noted : mapping of str to sequence of Noted
        What was called while each function was asked.
    items : mapping of str to sequence of Item
        What each check, by its ``grade_id``, found where the packages compute nothing.

    Returns
    -------
    dict of str to str
        For each answer at fault what it called first.
    bool
    """
    functions = frozenset(functions)
    guilty: dict[str, str] = {}
    elsewhere = False
    for check in checks:
        lost = any(not item.passed for item in items[check.grade_id])
        for note in noted.get(check.function, ()) if lost else ():
            if check.function == next((name for name in reversed(note.callers) if name in functions), check.function):
                guilty.setdefault(check.function, note.name)
            else:
                elsewhere = True
    return guilty, elsewhere


def proven(
    check: Check, alone: Sequence[Item], helped: Sequence[Item], packages: Sequence[str]
) -> tuple[list[Item], str]:
    """Return the items of an answer that was asked without some packages and with them.

    What passed alone was computed, even where the answer then fails beside the packages, for example since it downloads
    data. What passed only beside them is not paid.

    Parameters
    ----------
    check : Check
    alone, helped : sequence of Item
        What the check found without the packages and with them.
    packages : sequence of str
        Their names.

    Returns
    -------
    list of Item
    str
        Why a person must look; empty where nobody has to.
    """
    unproven = [helps.passed and not item.passed for item, helps in zip(alone, helped, strict=True)]
    message = (
        f"{check.function} gives other answers where {in_series(packages)} cannot be used: it needs what another "
        "function or line of the notebook makes with them. It is paid once a person has seen that it "
        "computes by itself."
    )
    items = [
        replace(helps, passed=False, message=message) if doubt else item if item.passed else helps
        for item, helps, doubt in zip(alone, helped, unproven, strict=True)
    ]
    return items, message if any(unproven) else ""
