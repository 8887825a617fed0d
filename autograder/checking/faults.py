"""Known faults: mistakes that people make, each as a change of something right.

The tests prove that each fault loses exactly the lines that it names, and a failing check compares a student's answer
with what the faults give. While grading, this module and those that hold a lab's faults run in a job of the course, so
they import nothing of the grader.
"""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Any, Literal

import numpy as np

Implementation = Callable[..., Any]


@dataclass(frozen=True)
class Fault:
    """A known fault of a submission.

    Attributes
    ----------
    id : str
        Its name, unique in the lab, without ``+``.
    loses : frozenset of str
        The lines that it costs, and no others, each as ``function.key``.
    apply : callable
        Takes what is right, and returns it with the fault.
    to : {"function", "code", "files", "report"}
        What it is applied to: an implementation of ``function``; the text of the solution; the files beside the
        notebook, by name; or the function that makes a report of them.
    function : str
        The student's function that has the fault, where ``to`` is ``"function"``.
    hint : str
        What the fault looks like and what to do, without the code that does it. Empty where no answer shows the fault.
    part : str
        What of the answer the fault is about. Of the faults about one part, nobody makes two at once; without it, the
        fault is never looked for together with another.

    Examples
    --------
    >>> fault = Fault("no_bias", frozenset({"add.bias"}), lambda add: lambda x, b: add(x, 0), function="add")
    >>> fault.apply(lambda x, b: x + b)(2, 3)
    2
    """

    id: str
    loses: frozenset[str]
    apply: Callable[[Any], Any]
    to: Literal["function", "code", "files", "report"] = "function"
    function: str = ""
    hint: str = ""
    part: str = ""


def fault_functions(faults: Iterable[Fault], reference: Mapping[str, Implementation]) -> dict[str, Implementation]:
    """Return the functions that answer for a lab's known faults.

    Parameters
    ----------
    faults : iterable of Fault
        Those of functions count.
    reference : mapping of str to callable
        The right functions, by name.

    Returns
    -------
    dict of str to callable
        ``fault(id, *arguments)`` answers as the fault does, or as two with a ``+`` between their ids, the last one put
        into the first. ``faults_alone(function, *arguments)`` and ``faults_together(function, *arguments)`` are
        `known_answers` and `paired_answers` of all faults of a function. ``all_right(function, questions)`` are the
        right answers to many questions.

    Examples
    --------
    >>> zero = Fault("zero", frozenset({"double.value"}), lambda right: lambda x: 0 * x, function="double")
    >>> fault_functions([zero], {"double": lambda x: 2 * x})["fault"]("zero", 3)
    0
    """
    known = {fault.id: fault for fault in faults if fault.to == "function"}

    def fault(id: str, *arguments: Any) -> Any:
        last, _, first = id.partition("+")
        right = reference[known[last].function]
        return known[last].apply(known[first].apply(right) if first else right)(*arguments)

    def of(function: str) -> list[Fault]:
        return [one for one in known.values() if one.function == function]

    def faults_alone(function: str, *arguments: Any) -> dict[str, tuple[Any, list[int]]]:
        return known_answers(of(function), reference[function], arguments)

    def faults_together(function: str, *arguments: Any) -> dict[str, Any]:
        return paired_answers(of(function), reference[function], arguments)

    def all_right(function: str, questions: Sequence[Sequence]) -> list[Any]:
        return [reference[function](*arguments) for arguments in questions]

    return {
        "fault": fault,
        "faults_alone": faults_alone,
        "faults_together": faults_together,
        "all_right": all_right,
    }


def known_answers(
    faults: Iterable[Fault], right: Implementation, arguments: Sequence
) -> dict[str, tuple[Any, list[int]]]:
    """Return what the known faults of a function answer.

    Parameters
    ----------
    faults : iterable of Fault
        Of one function.
    right : callable
        The function without a fault.
    arguments : sequence
        What it is called with.

    Returns
    -------
    dict of str to tuple
        By `Fault.id`, and by ``""`` for the right one: the answer, and the positions of the arguments that were
        changed in place. One that raised has the answer None and no list of positions but ``[-1]``.
    """
    right = _cached(right)
    answers = {"": right} | {fault.id: fault.apply(right) for fault in faults}
    return {name: _called(answer, arguments) for name, answer in answers.items()}


#: The positions of an answer that raised instead.
RAISED = [-1]


def paired_answers(faults: Iterable[Fault], right: Implementation, arguments: Sequence) -> dict[str, Any]:
    """Return what two known faults at once answer, where each by itself shows.

    Parameters
    ----------
    faults, right, arguments
        As in `known_answers`.

    Returns
    -------
    dict of str to object
        By the two `Fault.id` with a ``+`` between them, the fault that is put in last first. What raised is left out.
    """
    faults, right = list(faults), _cached(right)
    alone = {name: value for name, (value, at) in known_answers(faults, right, arguments).items() if at != RAISED}
    expected = alone.get("")
    shown = [fault for fault in faults if fault.part and fault.id in alone and not _alike(alone[fault.id], expected)]
    pairs = {
        f"{last.id}+{first.id}": _called(last.apply(first.apply(right)), arguments)
        for last, first in permutations(shown, 2)
        if last.part != first.part
    }
    return {name: value for name, (value, at) in pairs.items() if at != RAISED}


def _cached(right: Implementation) -> Implementation:
    """Return the function with a cache: most faults need the same answer, and Keras takes its time."""
    answers: dict[bytes, Any] = {}

    def cached(*arguments: Any) -> Any:
        key = pickle.dumps(arguments)
        if key not in answers:
            answers[key] = right(*arguments)
        return copy.deepcopy(answers[key])

    return cached


def _called(answer: Implementation, arguments: Sequence) -> tuple[Any, list[int]]:
    """Return an answer to copies of the arguments and which of these it changed; None and `RAISED` where it raised."""
    own = copy.deepcopy(list(arguments))
    before = [pickle.dumps(argument) for argument in own]
    try:
        value = answer(*own)
    except Exception:
        return None, RAISED
    return value, [k for k, argument in enumerate(own) if pickle.dumps(argument) != before[k]]


def _alike(left: Any, right: Any) -> bool:
    try:
        return np.shape(left) == np.shape(right) and np.allclose(left, right, rtol=1e-4, atol=1e-5, equal_nan=True)
    except (TypeError, ValueError):
        return left is right
