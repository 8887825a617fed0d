"""Which known fault fits a wrong answer, or which two at once."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from autograder.checking import compare, error_texts
from autograder.checking.faults import RAISED, Fault, id_of
from autograder.checking.student import Oracle, StudentError

NONE_FITS = "No mistake that the check knows was recognized in this output."
#: Of an output that no known mistake gives, where one was named for another line.
FIX_THE_OTHER_FIRST = "Fix the mistake that is named for another line of this function first, then check again."
SEVERAL_FIT = "More than one known mistake gives this output, so none is named."
#: Of a function that changes what it was given, where no known fault says how.
WORK_ON_A_COPY = "Make new arrays and lists, so that whoever calls the function keeps what went in."
_STEP_BY_STEP = (
    "Work one number of a small input out by hand, and print the same number after each step of your function. The "
    "first step where they differ is the one."
)
_IN_PLACE = (
    "Look for what writes into an argument: +=, -=, *= and sort() do, and so does an assignment to a part of it or to "
    "an entry of a list."
)


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
    otherwise : str
        What is said where no known fault fits; nothing where ``what`` names the mistake itself.
    named : callable, optional
        Takes an index into ``compared``, and says which number that is, where it is none of what the student returned.
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
    otherwise: str = NONE_FITS
    named: Callable[[tuple[int, ...]], str] | None = None


@dataclass(frozen=True)
class Asked:
    """One question that a student was asked, and what became of it.

    Attributes
    ----------
    function : str
    arguments : tuple
    value : object
        The answer; None where it ``raised``.
    raised : bool
    """

    function: str
    arguments: tuple
    value: Any = None
    raised: bool = False


def suspects(oracle: Oracle, wrong: Wrong, together: bool = True) -> list[str]:
    """Return the known faults that give a wrong answer; where there are none, each two that give it together.

    Every fault of the function is asked with the inputs of the question, all in one question to the course. Two
    together fit where the answer differs from that of each by itself.

    Parameters
    ----------
    oracle : Oracle
        Answers for the reference and for the faults.
    wrong : Wrong
        The answer, which did not raise. Where it changed arguments, a fault fits that changes the same.
    together : bool
        Whether two at once are looked for.

    Returns
    -------
    list of str
        Names as the oracle's ``fault`` takes them: of one form of each fault, or of two faults.
    """
    try:
        everything = oracle.call("faults_alone", wrong.function, *wrong.arguments)
    except StudentError:
        # What all faults answer may be too much to be sent, as to images of a thousand pixels.
        return []
    alone = {name: (value, at) for name, (value, at) in everything.items() if at != RAISED}
    right = alone.pop("", None)
    if wrong.changed:
        return _changing(wrong.changed, {name: tuple(changed) for name, (_, changed) in alone.items() if changed})

    def fits(value: Any) -> bool:
        return _gives(wrong, value) and (right is None or not compare.alike(wrong.view(value), wrong.view(right[0])))

    found = _one_form_each(name for name, (value, _) in alone.items() if fits(value))
    numbers = compare.array(wrong.view(wrong.got))
    # No numbers, or one number everywhere, is what a function gives that is not written yet.
    if found or not together or numbers is None or (numbers.size > 1 and (numbers == numbers.flat[0]).all()):
        return found
    try:
        pairs = oracle.call("faults_together", wrong.function, *wrong.arguments)
    except StudentError:
        return []
    return _one_form_each(name for name, value in pairs.items() if fits(value))


def suspects_of_error(oracle: Oracle, wrong: Wrong, answers: Iterable[Asked]) -> list[str]:
    """Return the known faults that may be why a function raised.

    A fault that raises here as well is suspected where it does to all small inputs what the function did. Where there
    is none, what the function answers tells: a fault is suspected that gives the same wrong answers.

    Parameters
    ----------
    oracle : Oracle
        Answers for the reference and for the faults.
    wrong : Wrong
        The question at which it raised.
    answers : iterable of Asked
        What became of smaller questions.

    Returns
    -------
    list of str
        Names as the oracle's ``fault`` takes them.
    """
    try:
        alone = oracle.call("faults_alone", wrong.function, *wrong.arguments)
    except StudentError:
        return []
    if alone.pop("")[1] == RAISED:
        return []
    answers = [one for one in answers if one.function == wrong.function]
    raising = [name for name, (_, at) in alone.items() if at == RAISED]
    if found := consistent(oracle, wrong.function, raising, answers):
        return found
    answered = [one for one in answers if not one.raised]
    if all(_same(oracle, "", one) for one in answered):
        return []
    return consistent(oracle, wrong.function, alone, answered)


def consistent(oracle: Oracle, function: str, names: Iterable[str], answers: Iterable[Asked]) -> list[str]:
    """Return those of some faults that do with each question what the student did, right or wrong.

    Parameters
    ----------
    oracle : Oracle
    function : str
        What the faults are of.
    names : iterable of str
        As `suspects` returns them.
    answers : iterable of Asked
        Those to other functions do not count.

    Returns
    -------
    list of str
    """
    answers = [one for one in answers if one.function == function]
    return _one_form_each(name for name in names if all(_same(oracle, name, one) for one in answers))


def _same(oracle: Oracle, name: str, asked: Asked) -> bool:
    """Return whether a fault, or the reference for ``""``, does the same with a question."""
    try:
        function = ("fault", name) if name else (asked.function,)
        value = oracle.call(*function, *asked.arguments)
    except StudentError:
        return asked.raised
    if asked.raised:
        return False
    left, right = compare.array(value), compare.array(asked.value)
    if left is not None and left.ndim == 1 and isinstance(asked.value, (list, tuple)):
        # Of several arrays a fault gives all numbers as one vector.
        right = _in_one(asked.value)
    # A vector is as good as a column where one is asked.
    return left is not None and right is not None and compare.alike(left.squeeze(), right.squeeze())


def _in_one(value: Any) -> np.ndarray | None:
    """Return all numbers of arrays, and of lists of these, as one vector; None where something is no number."""
    if isinstance(value, (list, tuple)):
        parts = [_in_one(part) for part in value]
        return None if any(part is None for part in parts) else np.concatenate([*parts, np.zeros(0)])
    values = compare.array(value)
    return None if values is None else values.ravel()


def _one_form_each(names: Iterable[str]) -> list[str]:
    """Return names without those of the same fault, or of the same two in another order."""
    found: dict[frozenset, str] = {}
    for name in names:
        found.setdefault(frozenset(id_of(name).split("+")), name)
    return list(found.values())


def likeliest(names: Sequence[str], before: Collection[str]) -> list[str]:
    """Return the one of several suspected faults that was named before, or else that is none of the rarer forms.

    Parameters
    ----------
    names : sequence of str
        What `suspects` returned.
    before : collection of str
        Ids of faults that were named for other lines.

    Returns
    -------
    list of str
        All of them where that does not leave one.
    """
    for some in ([name for name in names if id_of(name) in before], [name for name in names if name == id_of(name)]):
        if len(some) == 1:
            return some
    return list(names)


def _gives(wrong: Wrong, value: Any) -> bool:
    """Return whether a fault's answer is the wrong one. Of a tuple that begins with an array only that counts."""
    got = wrong.got
    if isinstance(value, tuple) and np.ndim(value[0]):
        if not isinstance(got, (tuple, list)) or len(got) < 2:
            return False
        got, value = got[0], value[0]
    seen, known = wrong.view(got), wrong.view(value)
    if isinstance(seen, np.ndarray) and isinstance(known, np.ndarray) and known.shape == (*seen.shape, 1):
        # A vector is as good as the column that a fault of the reference gives.
        known = known[..., 0]
    return (seen is not None or got is None) and compare.alike(known, seen)


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
        As `suspects` returns it.
    wrong : Wrong
    """
    try:
        value = oracle.call("fault", name, *wrong.arguments)
    except StudentError:
        return wrong.raised
    return not wrong.raised and _gives(wrong, value)


def fits_alone(oracle: Oracle, name: str, wrong: Wrong) -> bool:
    """Return whether of all known faults none but this one, or these two at once, give a wrong answer.

    Other forms of a fault than the first do not count: of so many, one nearly always fits a few numbers.

    Parameters
    ----------
    oracle : Oracle
    name : str
        As `suspects` returns it.
    wrong : Wrong
    """
    if not fits(oracle, name, wrong):
        return False
    alone = oracle.call("faults_alone", wrong.function, *wrong.arguments)
    others = [alone[other] for other in alone if other not in ("", id_of(name)) and other == id_of(other)]
    if wrong.raised:
        return all(at != RAISED for _, at in others)
    return not any(at != RAISED and _gives(wrong, value) for value, at in others)


def hint_of(faults: Iterable[Fault], names: Sequence[str], otherwise: str = NONE_FITS) -> str:
    """Return the hint of the one fault or the two that are suspected.

    Where there are none, or more than these, none is named: a wrong name costs more time than none.

    Parameters
    ----------
    faults : iterable of Fault
    names : sequence of str
        What `suspects` returned.
    otherwise : str
        What is said where there are none.

    Returns
    -------
    str
    """
    hints = {fault.id: fault.hint for fault in faults}
    # Faults with the same hint are one to whoever reads it.
    told = list(dict.fromkeys(_hint(hints, name) for name in names))
    if len(told) == 1:
        return told[0]
    return SEVERAL_FIT if told else otherwise


def _hint(hints: dict[str, str], name: str) -> str:
    # Told in the order of the rubric, whichever was put into which.
    parts = id_of(name).split("+")
    one, *other = [hint for id, hint in hints.items() if id in parts]
    return f"Two things at once: (1) {one} (2) {other[0]}" if other else one


def second_hint(faults: Iterable[Fault], message: str) -> str:
    """Return the second level of each hint in a message, more direct than the first; empty where there is none.

    Parameters
    ----------
    faults : iterable of Fault
        Whose hints the message may hold.
    message : str
        Why a point was lost.

    Returns
    -------
    str
    """
    seconds = {
        **dict.fromkeys((NONE_FITS, FIX_THE_OTHER_FIRST, SEVERAL_FIT), _STEP_BY_STEP),
        WORK_ON_A_COPY: _IN_PLACE,
        **error_texts.SECOND_HINTS,
    }
    seconds |= {fault.hint: fault.second_hint for fault in faults if fault.hint}
    found = [hint for hint in seconds if hint in message]
    # One hint may be the beginning of another.
    found = [hint for hint in found if not any(hint != other and hint in other for other in found)]
    told = list(dict.fromkeys(seconds[hint] for hint in sorted(found, key=message.index)))
    return told[0] if len(told) == 1 else " ".join(f"({k}) {text}" for k, text in enumerate(told, start=1))
