"""Which known fault fits a wrong answer, or which two at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from autograder.checking import compare
from autograder.checking.faults import RAISED, Fault
from autograder.checking.student import Oracle, StudentError

NONE_FITS = "No known mistake gives this output, nor do two together."
SEVERAL_FIT = "More than one known mistake gives this output, so none is named."


@dataclass(frozen=True)
class Wrong:
    """A wrong answer.

    Attributes
    ----------
    function : str
        What was asked.
    arguments : tuple
        With what.
    got : object
        What came back.
    what : str
        What is wrong with it; completes "the function …".
    expected : object
        What should have come back, in the form of what was compared with it; None where that is no single answer.
    compared : object
        What of ``got`` was compared with ``expected``.
    shown : tuple of (str, object)
        What a person needs to see of it, by label: the inputs, what is expected, what came.
    view : callable
        What of an answer counts, for example one of two numbers. Takes any answer, also one of the wrong kind.
    changed : tuple of int
        Positions of the arguments that were changed in place, where that is what is wrong.
    raised : bool
        Whether the function raised instead of answering.
    """

    function: str
    arguments: tuple
    got: Any
    what: str
    expected: Any = None
    compared: Any = None
    shown: tuple[tuple[str, Any], ...] = ()
    view: Callable[[Any], Any] = lambda value: value
    changed: tuple[int, ...] = ()
    raised: bool = False


def suspects(oracle: Oracle, wrong: Wrong) -> list[str]:
    """Return the known faults that give a wrong answer; where there are none, each two that give it together.

    Every fault of the function is asked with the inputs of the question, all in one question to the course. Two
    together fit where the answer differs from that of each by itself.

    Parameters
    ----------
    oracle : Oracle
        Answers for the reference and for the faults.
    wrong : Wrong
        The answer. Where it changed arguments, a fault fits that changes the same; where it raised, one that raises.

    Returns
    -------
    list of str
        Names as the oracle's ``fault`` takes them: of one fault, or of two with a ``+`` between them.
    """
    everything = oracle.call("faults_alone", wrong.function, *wrong.arguments)
    alone = {name: (value, at) for name, (value, at) in everything.items() if at != RAISED}
    right = alone.pop("", None)
    if wrong.raised:
        return [name for name in everything if name and name not in alone] if right is not None else []
    if wrong.changed:
        return _changing(wrong.changed, {name: tuple(changed) for name, (_, changed) in alone.items() if changed})
    got = wrong.view(wrong.got)

    def fits(value: Any) -> bool:
        return compare.alike(wrong.view(value), got) and (
            right is None or not compare.alike(wrong.view(value), wrong.view(right[0]))
        )

    found = [name for name, (value, _) in alone.items() if fits(value)]
    numbers = compare.array(got)
    # No numbers, or one number everywhere, is what a function gives that is not written yet.
    if found or numbers is None or (numbers.size > 1 and (numbers == numbers.flat[0]).all()):
        return found
    together = oracle.call("faults_together", wrong.function, *wrong.arguments)
    pairs = {frozenset(name.split("+")): name for name, value in together.items() if fits(value)}
    return list(pairs.values())


def _changing(changed: tuple[int, ...], known: dict[str, tuple[int, ...]]) -> list[str]:
    found = [name for name, positions in known.items() if positions == changed]
    return found or [
        f"{one}+{other}"
        for one, other in combinations(known, 2)
        if known[one] != known[other] and tuple(sorted({*known[one], *known[other]})) == changed
    ]


def fits(oracle: Oracle, name: str, wrong: Wrong) -> bool:
    """Return whether a known fault, or two at once, give a wrong answer.

    Parameters
    ----------
    oracle : Oracle
    name : str
        Of a fault, or of two with a ``+`` between them.
    wrong : Wrong
    """
    try:
        value = oracle.call("fault", name, *wrong.arguments)
    except StudentError:
        return wrong.raised
    return not wrong.raised and compare.alike(wrong.view(value), wrong.view(wrong.got))


def fits_alone(oracle: Oracle, name: str, wrong: Wrong) -> bool:
    """Return whether of all known faults none but this one, or these two at once, give a wrong answer.

    Parameters
    ----------
    oracle : Oracle
    name : str
        Of a fault, or of two with a ``+`` between them.
    wrong : Wrong
    """
    alone = oracle.call("faults_alone", wrong.function, *wrong.arguments)
    others = [(value, at) for other, (value, at) in alone.items() if other not in ("", name)]
    if not fits(oracle, name, wrong):
        return False
    if wrong.raised:
        return all(at != RAISED for _, at in others)
    got = wrong.view(wrong.got)
    return not any(at != RAISED and compare.alike(wrong.view(value), got) for value, at in others)


def hint_of(faults: Iterable[Fault], names: Sequence[str]) -> str:
    """Return the hint of the one fault or the two that are suspected.

    Where there are none, or more than these, none is named: a wrong name costs more time than none.

    Parameters
    ----------
    faults : iterable of Fault
    names : sequence of str
        What `suspects` returned.

    Returns
    -------
    str
    """
    if len(names) != 1:
        return SEVERAL_FIT if names else NONE_FITS
    hints = {fault.id: fault.hint for fault in faults}
    # Told in the order of the rubric, whichever was put into which.
    parts = names[0].split("+")
    one, *other = [hint for name, hint in hints.items() if name in parts]
    return f"Two things at once: (1) {one} (2) {other[0]}" if other else one
