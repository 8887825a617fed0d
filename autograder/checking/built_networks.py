"""What the networks do that a student's functions build: rebuilt from an allow-list of layers, and measured there."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

from autograder.checking import compare, error_texts, model_config
from autograder.checking.hints import NONE_FITS, Wrong
from autograder.checking.model_config import ConfigError
from autograder.checking.problem import Problem, lost
from autograder.checking.student import Student, StudentError

#: Said of a network of which nothing is known but that it is another one.
OTHER_NUMBERS = "gives other numbers than the network that is asked for, with the same weights"


@dataclass(frozen=True)
class Cells:
    """The course's cells that build networks beside a student's code and measure them far from it, and their limits.

    Attributes
    ----------
    build : str
        Defines ``course_models(function, questions)``, which returns for each question ``["model", configuration,
        *weights]``, or ``["no model", what it is]``, or ``["no second model", what happened]`` where it stops when it
        is called again.
    measure : str
        Defines ``course_measured(function, arguments, configuration, *weights)``, which returns numbers.
    seconds : float
        What each may take on the clock.
    most_parameters : int
        A network with more is not measured.
    any_size : bool
        Whether sides of the images may be left open.
    """

    build: str
    measure: str
    seconds: float
    most_parameters: int
    any_size: bool = False


def namespace_of(name: str, *modules: ModuleType) -> str:
    """Return code that makes what modules define in a dictionary of its own: no name of a student is touched.

    Parameters
    ----------
    name : str
        Of the dictionary.
    *modules : module
        Each after those of the grader that it imports from, which must be among them: those lines are left out.
    """
    source = "\n".join(re.sub(r"^from autograder\..*\n", "", inspect.getsource(one), flags=re.M) for one in modules)
    return f"{name} = {{}}\nexec({source!r}, {name})\n"


def plain(argument: Any) -> Any:
    """Return an argument as it crosses to the other side: a tuple as a list."""
    return list(argument) if isinstance(argument, tuple) else argument


def measured(student: Student, function: str, questions: Sequence[tuple], cells: Cells) -> list[np.ndarray]:
    """Return the numbers of the networks that a student's function builds, one array for each question.

    Parameters
    ----------
    student : Student
    function : str
    questions : sequence of tuple
        The arguments of each.
    cells : Cells

    Returns
    -------
    list of numpy.ndarray

    Raises
    ------
    StudentError
        If there is no network, or one that is not of Keras' own layers. The text is for the student.
    """
    try:
        with student.fresh(cells.build, seconds=cells.seconds, code_only=True) as side:
            sent = side.call("course_models", function, [[plain(one) for one in arguments] for arguments in questions])
    except StudentError as error:
        raise StudentError(error_texts.without_ours(str(error), function)) from None
    if not isinstance(sent, (list, tuple)) or len(sent) != len(questions):
        raise StudentError(f"{function} sent something that is no model.")
    models = [_model(function, one, cells) for one in sent]
    with student.fresh(cells.measure, seconds=cells.seconds, alone=True) as side:
        return [
            _numbers(side, function, arguments, config, weights, cells)
            for arguments, (config, weights) in zip(questions, models, strict=True)
        ]


def _model(function: str, sent: Any, cells: Cells) -> tuple[str, list[np.ndarray]]:
    if not isinstance(sent, (list, tuple)) or len(sent) < 2 or not all(isinstance(one, str) for one in sent[:2]):
        raise StudentError(f"{function} sent something that is no model.")
    kind, config, *weights = sent
    if kind == "no second model":
        raise StudentError(f"{function} works once: {config[:300]}. Leave what it is given as it was.")
    if kind != "model":
        raise StudentError(f"{function} returned {config[:60]} where a Keras model is expected.")
    if not all(isinstance(one, np.ndarray) or type(one) in (int, float) for one in weights):
        raise StudentError(f"{function} sent something that is no model.")
    if sum(np.size(one) for one in weights) > cells.most_parameters:
        raise StudentError(
            f"The model has more than {cells.most_parameters:,} parameters, and such a one is not looked at."
        )
    try:
        if not cells.any_size:
            model_config.fixed_inputs(config)
        return model_config.rebuildable(config), [np.asarray(one) for one in weights]
    except ConfigError as error:
        raise StudentError(f"The model {error}") from None


def _numbers(
    side: Any, function: str, arguments: tuple, config: str, weights: list[np.ndarray], cells: Cells
) -> np.ndarray:
    try:
        found = compare.array(
            side.call("course_measured", function, [plain(one) for one in arguments], config, *weights)
        )
    except StudentError as error:
        raise StudentError(f"The model cannot be looked at: {error_texts.without_ours(str(error), 'it')}") from None
    if found is None or found.ndim != 1:
        raise StudentError(f"The model of {function} cannot be looked at.")
    return found


def asking(
    function: str,
    questions: Callable[[np.random.Generator], Sequence[tuple]],
    part: slice,
    words: Callable[[np.ndarray, np.ndarray], str],
    excused: Callable[[Student, tuple, np.ndarray], np.ndarray] | None = None,
    *,
    asked: Callable[[str, Sequence[Any]], str],
    measured: Callable[[Student, str, Sequence[tuple]], list[np.ndarray]],
) -> Callable[[Student, np.random.Generator], Wrong | Problem | None]:
    """Return a question about a part of the numbers of networks.

    Parameters
    ----------
    function : str
    questions : callable
        Takes a random generator and returns arguments.
    part : slice
        Which numbers count.
    words : callable
        Takes the part of both, and says in a few words what is wrong; completes "the function …".
    excused : callable, optional
        Takes the student, the arguments and the right numbers, and returns which of the part count, as booleans.
    asked : callable
        Takes the function and arguments, and says what is asked for.
    measured : callable
        Takes the student, the function and all arguments, and returns the numbers of each network.
    """

    def question(student: Student, rng: np.random.Generator) -> Wrong | Problem | None:
        # Lines about the same questions ask once.
        known = student.notes.setdefault(f"networks of {function}", {})
        if questions not in known:
            asking = list(questions(rng))
            try:
                known[questions] = asking, measured(student, function, asking)
            except StudentError as error:
                known[questions] = asking, error
        asking, found = known[questions]
        if isinstance(found, StudentError):
            return lost(asked(function, asking[0]), str(found))
        for arguments, got in zip(asking, found, strict=True):
            right = compare.array(student.oracle.call(function, *[plain(one) for one in arguments]))
            mine, theirs = got[part], right[part]
            if mine.shape == theirs.shape and excused is not None:
                counts = excused(student, arguments, theirs)
                mine = np.where(counts, mine, theirs)
            if mine.shape != theirs.shape or not np.allclose(mine, theirs, rtol=1e-3, atol=1e-4):
                shown: tuple = ()
                sent = tuple(plain(one) for one in arguments)
                view = _view(part) if excused or not _known(student, function, sent, got) else _view(slice(None))
                what = words(mine, theirs)
                # What differs stands in the sentence; the numbers that stand for a network tell nobody anything.
                otherwise = NONE_FITS if OTHER_NUMBERS in what else ""
                return Wrong(function, sent, got, what, shown=shown, view=view, otherwise=otherwise)
        return None

    return question


def _view(part: slice) -> Callable[[Any], Any]:
    def view(value: Any) -> Any:
        return value[part] if isinstance(value, np.ndarray) and value.ndim == 1 else None

    return view


def _known(student: Student, function: str, arguments: tuple, got: np.ndarray) -> bool:
    """Return whether a known fault does all that a network does: it is named rather than one that fits in part."""
    try:
        everything = student.oracle.call("faults_alone", function, *arguments)
    except StudentError:
        return False
    return any(name and compare.alike(got, value) for name, (value, _) in everything.items())
