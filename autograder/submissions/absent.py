"""Why a name is not there while grading, said in an open notebook and on a feedback page in the same words."""

from __future__ import annotations

import re
from collections.abc import Callable

from autograder.submissions.exploring import EXPLORE, MAX_SOURCE, first_line

EXPLORES = (
    "That cell only explores, so grading does not run it. Make what the function needs in a cell without the tag "
    f"{EXPLORE}, or inside of the function."
)
TOO_LONG = f"That cell is longer than {MAX_SOURCE // 2**20} MB, so grading does not read it."
_MAX_LINE = 60
#: What an error says of a name that was looked up and was not there.
LOOKED_UP = re.compile(
    r"NameError: name '(?P<name>\w{1,100})' is not defined|There is no function (?P<function>\w{1,100}) yet"
)


def made_in(name: str, text: str, why: str) -> str:
    """Return which cell makes a name, and why it is not there while grading.

    Parameters
    ----------
    name : str
    text : str
        The cell.
    why : str
        A sentence on that cell.

    Examples
    --------
    >>> made_in("K", "\\nK = data.K\\nprint(K)", "That cell is too long.")
    'K is made in the cell that begins with "K = data.K". That cell is too long.'
    """
    return f'{name} is made in the cell that begins with "{_begins(text)}". {why}'


def _begins(text: str) -> str:
    line = first_line(text)
    return line if len(line) <= _MAX_LINE else line[:_MAX_LINE] + "…"


def stops(name: str, more: str) -> str:
    """Return why a cell makes nothing after the line that needs a name which is not there.

    Parameters
    ----------
    name : str
    more : str
        Why that one is not there.
    """
    return f"That cell stops while grading, since {name} is not there. {more}".rstrip()


def changed_in(name: str, text: str) -> str:
    """Return what is said of a name whose value a cell changes that grading does not run.

    Parameters
    ----------
    name : str
    text : str
        The cell.
    """
    return f'{name} is changed in the cell that begins with "{_begins(text)}". {EXPLORES}'


def made_again(name: str, text: str, later: str) -> str:
    """Return what is said of a name that two cells make, where the one that grading runs last is not the one here.

    Parameters
    ----------
    name : str
    text, later : str
        The cell that made it last here, and the one that comes last in the notebook.
    """
    return (
        f'{name} is here as the cell that begins with "{_begins(text)}" made it. Further down, the cell that begins '
        f'with "{_begins(later)}" makes it too, so that is what grading has. Keep one of them.'
    )


def too_early(needed: str, text: str) -> str:
    """Return why a cell stops that needs what another one makes further down.

    Parameters
    ----------
    needed : str
    text : str
        The other cell.
    """
    return (
        f'That cell needs {needed}, which is made further down, in the cell that begins with "{_begins(text)}". '
        "Grading runs cells from top to bottom: move it below."
    )


def stale(name: str, text: str) -> str:
    """Return what is said of a name that nothing in the notebook makes anymore.

    Parameters
    ----------
    name : str
    text : str
        The cell as it was when it made the name.
    """
    return (
        f'{name} was made in a cell that began with "{_begins(text)}" and has been changed or deleted since. Run the '
        "cell that makes it now, or restart the kernel and run all cells: that is what grading has."
    )


def explained(message: str, find: Callable[[str], str]) -> str:
    """Return a message with the reason for each name in it that was looked up and was not there.

    Parameters
    ----------
    message : str
    find : callable
        Takes a name and returns why it is not there; ``""`` where that is not known.

    Examples
    --------
    >>> explained("f stopped with NameError: name 'x' is not defined.", "No cell makes {}.".format)
    "f stopped with NameError: name 'x' is not defined. No cell makes x."
    """
    found = [match["name"] or match["function"] for match in LOOKED_UP.finditer(message)]
    return " ".join(filter(None, [message, *map(find, dict.fromkeys(found))]))
