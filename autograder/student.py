"""How a check asks: the same question goes to a notebook's own functions, or to those in a sandbox."""

from __future__ import annotations

import contextlib
import io
import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, Protocol

from autograder.rubric import StudentError
from autograder.sandbox import wire


@dataclass(frozen=True)
class Answer:
    """What came back from one question.

    Attributes
    ----------
    value : array, number, str, or a list or tuple of these
        What the function returned. Anything with ``__array__`` arrives as a NumPy array.
    seconds : float
        Wall time from asking to having the whole answer.
    modified : tuple of int
        Positions of the arguments that the function changed in place.
    """

    value: Any
    seconds: float
    modified: tuple[int, ...] = ()


class Asked(Protocol):
    """Anything that answers questions: a student, or the course itself."""

    def ask(self, function: str, *args: Any) -> Answer:
        """Call ``function`` on copies of ``args``.

        Raises
        ------
        StudentError
            If there is no answer: the function is missing, raised, hung, or returned no arrays or numbers.
        """

    def call(self, function: str, *args: Any) -> Any:
        """Return only the value of `ask`."""


class Student(Asked, Protocol):
    """A student, together with the course's own answers to compare with.

    ``course`` answers for the reference (``course.call("conv2d_layer", ...)``) and for the known faults
    (``course.call("mutant", "conv2d_no_flip", ...)``). In a notebook it runs in the same process; while grading it is
    a child of its own that no student's code has touched. ``notes`` is scratch space for what one line
    measured and the next line needs.
    """

    course: Asked
    notes: dict[str, Any]


@dataclass
class Namespace:
    """Answers with the functions of a namespace, in this process.

    Parameters
    ----------
    functions : mapping of str to object
        Usually ``globals()`` of a notebook. Looked up anew for every question, so a cell may be run again.
    """

    functions: Mapping[str, Any]

    def ask(self, function: str, *args: Any) -> Answer:
        if function not in self.functions:
            raise StudentError(f"There is no function {function} yet. Run the cell that defines it, then check again.")
        target = self.functions[function]
        if not callable(target):
            kind = type(target).__name__
            raise StudentError(f"{function} is not a function but {kind}. Did a variable take its name?")
        mine = wire.copy(args)
        # A print or a warning inside the function is no fault and must not bury the table of results.
        quiet = io.StringIO()
        with contextlib.redirect_stdout(quiet), contextlib.redirect_stderr(quiet), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            start = time.perf_counter()
            try:
                value = wire.plain(target(*mine))
            except wire.UnsendableError as error:
                raise StudentError(f"{function} returned {error}") from None
            except Exception as error:
                raise StudentError(wire.describe(function, error)) from None
            seconds = time.perf_counter() - start
        return Answer(value, seconds, wire.differing(args, mine))

    def call(self, function: str, *args: Any) -> Any:
        return self.ask(function, *args).value


@dataclass
class NotebookStudent(Namespace):
    """The student of a notebook that is open: functions and the course's answers in the same process.

    Parameters
    ----------
    functions : mapping of str to object
        The notebook's ``globals()``.
    course : Asked
        The course's answers.
    """

    course: Asked = field(default_factory=lambda: Namespace({}))
    notes: dict[str, Any] = field(default_factory=dict)


def course_of(*modules: ModuleType) -> Namespace:
    """Return the course's answers from the modules that hold them, the later ones first asked."""
    functions: dict[str, Any] = {}
    for module in modules:
        functions |= vars(module)
    return Namespace(functions)

