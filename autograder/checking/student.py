"""How a check asks: the same question goes to a notebook's own functions, or to those in a sandbox."""

from __future__ import annotations

import contextlib
import functools
import io
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from autograder.checking.watch import Watch
from autograder.sandbox import wire
from autograder.sandbox.packed import flattened
from autograder.sandbox.wire import MAX_FRAME, MAX_SHARED
from autograder.sandbox.worker import NoAnswerError, answer
from autograder.submissions.cell_run import Noted
from autograder.submissions.files import files_beside
from autograder.submissions.limits import QUESTION_SECONDS

#: Under this name a check leaves in a student's notes what a person should look at.
FLAGS = "flags"
#: What a fresh student can be given or give back at once, and the largest file of weights.
MAX_BYTES = MAX_SHARED
#: Characters that are kept of what one answer prints in a notebook.
MAX_PRINTED = 2000


class StudentError(Exception):
    """The student's side gave no answer: it raised, hung, was missing or sent nonsense. The text is for the student."""


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


class Answers(list):
    """The answers to many questions, each an `Answer` or a `StudentError`.

    Parameters
    ----------
    answers : iterable of Answer or StudentError
    flat : tuple, optional
        Where all are arrays of numbers and no argument was changed: their shapes, as lists, and all their numbers, one
        after another.
    """

    def __init__(self, answers: Iterable[Answer | StudentError], flat: tuple[list, np.ndarray] | None = None) -> None:
        super().__init__(answers)
        self.flat = flat


class Oracle(Protocol):
    """Anything that answers questions: a student, or the course itself."""

    def ask(self, function: str, *args: Any) -> Answer:
        """Call ``function`` on copies of ``args``.

        Parameters
        ----------
        function : str
        *args
            Plain values: arrays, numbers, text, and lists of these.

        Returns
        -------
        Answer

        Raises
        ------
        StudentError
            If there is no answer: the function is missing, raised, hung, or returned no arrays or numbers.
        """

    def call(self, function: str, *args: Any) -> Any:
        """Return only the value of `ask`.

        Parameters
        ----------
        function : str
        *args
            Plain values: arrays, numbers, text, and lists of these.
        """


class Student(Oracle, Protocol):
    """A student, together with the course's own answers to compare with.

    ``oracle`` answers for the reference (``oracle.call("conv2d_layer", ...)``) and for the known faults
    (``oracle.call("fault", "no_flip", ...)``). In a notebook it runs in the same process; while grading it is
    a child of its own that no student's code has touched. ``notes`` is scratch space for what one line
    measured and the next line needs. ``alive`` is whether it can be asked without running its notebook again.
    ``files`` is what lies beside the notebook, ``left_out`` says in sentences what of it could not be taken, and
    ``material`` is what the lab brings for grading alone, such as images or labels; in a notebook there is none.
    ``owner`` is the student id of whoever handed the notebook in, told by where it lay and by nothing in it; empty in a
    notebook.
    """

    oracle: Oracle
    notes: dict[str, Any]
    alive: bool
    files: Mapping[str, bytes]
    left_out: Sequence[str]
    material: Mapping[str, Any]
    owner: str

    def ask_all(self, function: str, questions: Sequence[tuple]) -> Answers:
        """Ask one function many questions at once.

        Parameters
        ----------
        function : str
        questions : sequence of tuple
            The arguments of each.

        Returns
        -------
        Answers
            One per question; the error where there is no answer. An answer's seconds are those of all together.

        Raises
        ------
        StudentError
            If the function hung or ended its process.
        """

    def fresh(
        self,
        source: str,
        cpu: int | None = None,
        seconds: float | None = None,
        alone: bool = False,
        code_only: bool = False,
    ) -> Fresh:
        """Return the same student anew, with a cell of the course after the others: as nothing asked before left it.

        What its functions are asked and answer may be as large as weights and images are, `MAX_BYTES` each.

        Parameters
        ----------
        source : str
            The cell; its functions can be asked. What they answer is the student's side's answer, and no more.
        cpu : int, optional
            Processor time in seconds, and ``seconds`` of wall time, for all that is asked.
        alone : bool
            Without the student's cells and files.
        code_only : bool
            Of the files beside the notebook with the ``.py`` files alone, and without the files of any data set: what
            is trained there is trained by code. A notebook that is open has its files all the same.
        """

    def read(self, name: str, function: Callable[..., Any], *args: Any) -> Any:
        """Return what a function of the course makes of a file that was handed in.

        While grading, it is called where it can be ended; a file that takes too long is one that a person must look at.

        Parameters
        ----------
        name : str
            One of ``files``.
        function : callable
            One of a module, known by its name there. It takes the file's bytes.
        *args
            What else it takes. That and what it returns can be pickled.

        Raises
        ------
        StudentError
            If it took too long, or too much memory.
        Exception
            Whatever the function raised.
        """


class Fresh(Oracle, Protocol):
    """An answering side that is ended when its ``with`` block is left.

    ``alive`` is whether it can be asked again as it is.
    """

    alive: bool

    def __enter__(self) -> Fresh: ...

    def __exit__(self, *_: object) -> None: ...


@contextlib.contextmanager
def _without_logs() -> Iterator[None]:
    """Keep back what TensorFlow logs, such as that it traces a function again: it writes past what is redirected."""
    loggers = [logging.getLogger(name) for name in ("tensorflow", "absl")]
    # A level that is set makes all loggers forget what they know, which takes longer than most answers.
    loggers = [logger for logger in loggers if logger.level < logging.ERROR]
    levels = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


@dataclass(eq=False)
class Namespace:
    """Answers with the functions of a namespace, in this process.

    Parameters
    ----------
    functions : mapping of str to object
        Usually ``globals()`` of a notebook. Looked up anew for every question, so a cell may be run again.
    most : int
        The largest array of an answer, in bytes.
    printed : list of str
        What was printed for each question for which something was, cut off.
    remarks : list of str
        What grading would not take of it, in sentences.
    """

    functions: Mapping[str, Any]
    most: int = field(default=MAX_FRAME, kw_only=True)
    printed: list[str] = field(default_factory=list, kw_only=True)
    remarks: list[str] = field(default_factory=list, kw_only=True)

    @property
    def alive(self) -> bool:
        """Always, as this process is."""
        return True

    def ask(self, function: str, *args: Any) -> Answer:
        return self._answered(self.functions, function, args)

    def _answered(self, functions: Mapping[str, Any], function: str, args: tuple) -> Answer:
        large = self.most > MAX_FRAME
        try:
            wire.refuse_large({"args": args}, MAX_FRAME, large)
        except wire.UnsendableError as error:
            raise StudentError(f"{function} cannot be asked with what another function returned: {error}") from None
        # A print inside the function is no fault and must not bury the table of results.
        said = io.StringIO()
        start = time.perf_counter()
        try:
            with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said), _without_logs():
                value, modified = answer(functions, function, args, self.most)
            seconds = time.perf_counter() - start
            wire.refuse_large({"value": value}, wire.MAX_REPLY, large)
        except NoAnswerError as error:
            raise StudentError(str(error)) from None
        except wire.UnsendableError as error:
            raise StudentError(f"{function} returned {error}") from None
        finally:
            if said.tell():
                self.printed.append(said.getvalue()[:MAX_PRINTED])
        if seconds > QUESTION_SECONDS and not large and f"{function} took" not in str(self.remarks):
            self.remarks.append(
                f"{function} took {seconds:.0f} seconds for one answer here, and grading waits {QUESTION_SECONDS:g}."
            )
        return Answer(value, seconds, modified)

    def call(self, function: str, *args: Any) -> Any:
        return self.ask(function, *args).value

    def ask_all(self, function: str, questions: Sequence[tuple]) -> Answers:
        answers = Answers([])
        with _without_logs():
            for arguments in questions:
                try:
                    answers.append(self.ask(function, *arguments))
                except StudentError as error:
                    answers.append(error)
        if all(isinstance(one, Answer) and not one.modified for one in answers):
            shapes, numbers = flattened([one.value for one in answers])
            answers.flat = (shapes, numbers) if None not in shapes else None
        return answers

    def __enter__(self) -> Namespace:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is to be ended here."""


@dataclass(eq=False)
class NotebookStudent(Namespace):
    """The student of a notebook that is open: functions and the course's answers in the same process.

    Parameters
    ----------
    functions : mapping of str to object
        The notebook's ``globals()``.
    oracle : Oracle
        The course's answers.
    loaded : mapping of str to object
        All that the notebook holds, such as its images, whether or not grading will have it.
    most, printed, remarks, notes, alive, material, owner
        As `Namespace` and `Student` have them.
    forbidden : tuple of str
        Packages that are refused to its functions while they are asked, as they are while grading.
    noted : dict of str to list of Noted
        What they called of these, by the function that was asked.
    """

    oracle: Oracle = field(default_factory=lambda: Namespace({}))
    loaded: Mapping[str, Any] = field(default_factory=dict)
    notes: dict[str, Any] = field(default_factory=dict)
    alive: bool = True
    material: Mapping[str, Any] = field(default_factory=dict)
    owner: str = ""
    forbidden: tuple[str, ...] = ()
    noted: dict[str, list[Noted]] = field(default_factory=dict)

    def ask(self, function: str, *args: Any) -> Answer:
        target = self.functions.get(function)
        if not self.forbidden or not callable(target):
            return super().ask(function, *args)
        watch = Watch(self.forbidden)
        try:
            return self._answered({function: functools.partial(watch.call, target)}, function, args)
        finally:
            if watch.noted:
                self.noted.setdefault(function, []).extend(watch.noted)

    @property
    def files(self) -> Mapping[str, bytes]:
        """What lies in the folder in which the notebook runs."""
        files, left_out = files_beside(Path("notebook.ipynb").absolute())
        self.remarks += left_out
        return files

    @property
    def left_out(self) -> Sequence[str]:
        """What of that could not be taken, in sentences."""
        return files_beside(Path("notebook.ipynb").absolute())[1]

    def read(self, name: str, function: Callable[..., Any], *args: Any) -> Any:
        return function(self.files[name], *args)

    def fresh(
        self,
        source: str,
        cpu: int | None = None,
        seconds: float | None = None,
        alone: bool = False,
        code_only: bool = False,
    ) -> Namespace:
        functions = {} if alone else dict(self.functions)
        exec(compile(source, "the check", "exec"), functions)
        return Namespace(functions, most=MAX_BYTES, printed=self.printed, remarks=self.remarks)


def once(find: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that finds something out about a student once, and then knows it, also that it failed.

    Parameters
    ----------
    find : callable
        Takes a student, and what else it needs, such as the random generator of the line that asks first; a
        `StudentError` that it raises is raised again for each line that needs it. What it finds is kept in the
        student's notes, under its name.
    """

    @functools.wraps(find)
    def known(student: Student, *needed: Any) -> Any:
        name = f"{find.__module__}.{find.__name__}"
        if name not in student.notes:
            try:
                student.notes[name] = find(student, *needed)
            except StudentError as error:
                student.notes[name] = error
        if isinstance(student.notes[name], StudentError):
            raise StudentError(str(student.notes[name]))
        return student.notes[name]

    return known
