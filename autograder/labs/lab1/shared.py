"""Questions that several functions of the lab are asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from autograder.checking import compare
from autograder.checking.array_text import YOURS
from autograder.checking.domain import Domain, Elsewhere, Judge, Question, whole_domain
from autograder.checking.hints import Wrong
from autograder.checking.questions import changed_inputs, small
from autograder.checking.reasons import Small
from autograder.checking.rubric import Line, decided
from autograder.checking.student import Answer, Student, StudentError
from autograder.labs.lab1.wording import PARAMETERS, own_activation, wrong_answer


def inputs_unchanged(
    student: Student,
    function: str,
    questions: Sequence[tuple],
    alive: Callable[[list], bool],
) -> Wrong | str | None:
    """Ask whether the inputs are as before, of a function that does something with them.

    Parameters
    ----------
    student : Student
    function : str
    questions : sequence of tuple
        The arguments of each.
    alive : callable
        Takes all answers, and returns whether they follow from the questions.
    """
    values = []
    for arguments in questions:
        answer = student.ask(function, *arguments)
        if what := changed_inputs(answer, PARAMETERS[function]):
            return wrong_answer(function, arguments, answer, what, changed=answer.modified)
        values.append(answer.value)
    if alive(values):
        return None
    return f"{function} kept its inputs, but what it returns does not follow from them yet, so this cannot count."


def follows_from(questions: Sequence[tuple]) -> Callable[[list], bool]:
    """Tell numbers that follow from the first two questions from zeros, constants and the inputs themselves."""

    def alive(values: list) -> bool:
        first, second = values[:2]
        if not compare.varied(first) or compare.agree(first, second):
            return False
        bare = np.squeeze(compare.array(first))
        return not any(compare.agree(bare, np.squeeze(a)) for a in questions[0] if isinstance(a, np.ndarray))

    return alive


def right_but_for_activation(
    student: Student, function: str, arguments: tuple, answer: Answer, expected: np.ndarray
) -> Answer:
    """Return the right answer where a layer's is what the student's own activation makes of the right sum.

    A fault of ``activation``, which ``'linear'`` may have as well, has cost there already.

    Parameters
    ----------
    student : Student
    function : str
        A layer, whose last argument is the activation's name.
    arguments : tuple
    answer : Answer
    expected : numpy.ndarray
        What the reference answers.

    Returns
    -------
    Answer
        The same one where that is not so.
    """
    values = compare.array(answer.value)
    if values is None or values.size != expected.size or compare.agree(values.ravel(), expected.ravel()):
        return answer
    act = arguments[-1]
    total = _right_sum(student, function, arguments, expected).reshape(values.shape)
    own, half = own_activation(student, total, act), own_activation(student, total / 2, act)
    # What does not depend on the sum, such as zeros, is no activation of it.
    if compare.agree(own, values) and not compare.agree(own, half):
        return replace(answer, value=expected.reshape(values.shape))
    return answer


def _right_sum(student: Student, function: str, arguments: tuple, expected: np.ndarray) -> np.ndarray:
    *inputs, act = arguments
    return expected if act == "linear" else student.oracle.call(function, *inputs, "linear")


def ask_layer(student: Student, function: str, *arguments: Any) -> tuple[Answer, np.ndarray]:
    """Return a layer's answer, as `right_but_for_activation` has it, and that of the reference.

    Parameters
    ----------
    student : Student
    function : str
    *arguments
    """
    answer, expected = student.ask(function, *arguments), student.oracle.call(function, *arguments)
    return right_but_for_activation(student, function, arguments, answer, expected), expected


def compared_layer(student: Student, function: str, *arguments: Any) -> Wrong | None:
    """Ask a layer and compare its answer with that of the reference, or with what the student's activation makes of it.

    Parameters
    ----------
    student : Student
    function : str
    *arguments
    """
    answer, expected = ask_layer(student, function, *arguments)
    what = compare.difference(answer.value, expected)
    return None if what is None else wrong_answer(function, arguments, answer, what, expected=expected)


def _judge_layer(function: str) -> Judge:
    """Return what judges an answer of a layer that has an activation.

    Parameters
    ----------
    function : str
    """

    def judge(student: Student, question: Question, answer: Answer, expected: np.ndarray) -> Wrong | None:
        values = compare.array(answer.value)
        # A dense layer may return [K] where [K, 1] is expected.
        if values is not None and expected.ndim == 2 and values.shape == expected.shape[:1]:
            answer = replace(answer, value=values[:, None])
        return different(student, function, question, answer, expected, rounding=_rounding(question))

    return judge


def _rounding(question: Question) -> float:
    """Return how far off the sums of a layer may be in single precision, where large terms cancel."""
    inputs, weights = (np.asarray(one) for one in question.arguments[:2])
    # A dense layer's weights are [K, N], a convolution's [R, S, C_I, C_O].
    terms = weights.size // weights.shape[0 if weights.ndim == 2 else -1]
    return compare.sum_rounding(terms, inputs, weights)


def _activation_at_fault(student: Student, question: Question, expected: np.ndarray, total: np.ndarray) -> bool:
    """Return whether the student's own activation is wrong about the right sum of a layer.

    Parameters
    ----------
    student : Student
    question : Question
    expected : numpy.ndarray
        What the layer must return.
    total : numpy.ndarray
        The right sum.
    """
    # Who makes a vector of a column before the activation needs that of a vector; what overflows depends on the type.
    sums = [total, total.ravel()] if total.ndim == 2 else [total]
    sums += [one.astype(other) for one in sums for other in ("float32", "float64") if one.dtype != other]
    own = [own_activation(student, one, question.arguments[-1]) for one in sums]
    return not all(compare.agree(one, expected.reshape(right.shape)) for one, right in zip(own, sums, strict=True))


def domain_of_layer(function: str, domain: Domain, points: float) -> Line:
    """Return the line that asks a layer with an activation over its whole domain.

    Parameters
    ----------
    function : str
    domain : Domain
    points : float
    """
    elsewhere = Elsewhere(lambda arguments: (*arguments[:-1], "linear"), _activation_at_fault)
    return whole_domain(
        function, domain, _judge_layer(function), points, _lost_beside_activation, elsewhere, rounding=_rounding
    )


def judge_exactly(function: str) -> Judge:
    """Return what judges an answer whose numbers are those of the question.

    Parameters
    ----------
    function : str
    """

    def judge(student: Student, question: Question, answer: Answer, expected: np.ndarray) -> Wrong | None:
        return different(student, function, question, answer, expected, exact=True)

    return judge


def different(
    student: Student,
    function: str,
    question: Question,
    answer: Answer,
    expected: Any,
    exact: bool = False,
    rounding: float = 0.0,
) -> Wrong | None:
    """Return what is wrong with an answer to a question of a domain, its inputs included.

    Parameters
    ----------
    student : Student
    function : str
    question : Question
    answer : Answer
    expected : object
    exact, rounding
        As in `compare.difference`.
    """
    what = compare.difference(answer.value, expected, exact, rounding)
    if what is not None:
        return wrong_answer(function, question.arguments, answer, what, expected=expected)
    return changed_input(student, function, question, answer)


def changed_input(student: Student, function: str, question: Question, answer: Answer) -> Wrong | None:
    """Return which inputs were changed in place, where the line that asks for that is not lost already.

    Parameters
    ----------
    student : Student
    function : str
    question : Question
    answer : Answer
    """
    what = changed_inputs(answer, PARAMETERS[function])
    if what is None or not decided(student, function).get("inputs", True):
        return None
    return wrong_answer(function, question.arguments, answer, what, changed=answer.modified)


def _lost_beside_activation(question: Question, lost: frozenset[str]) -> bool:
    """Return whether lines that are lost explain what a layer answers: that on the activation explains only itself.

    Parameters
    ----------
    question : Question
    lost : frozenset of str
    """
    return bool(lost - {"activation"}) or ("activation" in lost and question.arguments[-1] != "linear")


def applies_activation(student: Student, function: str, arguments: tuple, names: Sequence[str]) -> Wrong | str | None:
    """Ask whether a layer applies the activation to what it gives with ``'linear'``.

    Right is what the reference makes of that, or the student's own activation: a fault there has cost already.

    Parameters
    ----------
    student : Student
    function : str
        A layer, whose last argument is the activation's name.
    arguments : tuple
        All others.
    names : sequence of str
        Activations to try.
    """
    linear = student.call(function, *arguments, "linear")
    values = compare.array(linear)
    if values is None or values.size < 2 or not np.all(np.isfinite(values)):
        return f"With 'linear' {function} returned no array of finite numbers to compare with."
    proven = False
    for name in names:
        question = (*arguments, name)
        own = own_activation(student, values, name)
        try:
            answer = student.ask(function, *question)
        except StudentError as error:
            if own is None:
                continue
            return str(error)
        true = student.oracle.call(function, *question)
        # A dense layer may return [K] where the reference returns [K, 1].
        true = true.reshape(values.shape) if true.size == values.size else true
        if not compare.agree(answer.value, true):
            true = student.oracle.call("activation", values.ravel(), name).reshape(values.shape)
        if compare.agree(answer.value, true):
            proven |= compare.varied(true) and not compare.agree(true, values)
        elif own is not None and compare.agree(answer.value, own):
            proven |= compare.varied(own) and not compare.agree(own, values)
        else:
            what = f"did not give {name!r} of its own 'linear' answer: it {compare.difference(answer.value, true)}"
            shown = ((f"{YOURS}, 'linear'", values), (f"{name!r} of it", true), (f"{YOURS}, {name!r}", answer.value))
            return wrong_answer(function, question, answer, what, *shown, expected=true)
    if proven:
        return None
    return f"Whether {function} applies its activation cannot be seen: none changed its result. Fix activation first."


def attempt(question: Callable[..., Wrong | str | None], *arguments: Any) -> Wrong | str | None:
    """Ask a question, and return why there is no answer as a sentence.

    Parameters
    ----------
    question : callable
    *arguments

    Returns
    -------
    Wrong, str or None
    """
    try:
        return question(*arguments)
    except StudentError as error:
        return str(error)


def small_layer(function: str, *questions: tuple[tuple, Sequence[str]]) -> list[Small]:
    """Return questions about the activation of a layer.

    Parameters
    ----------
    function : str
    *questions : tuple
        The arguments of the layer, and the names of activations.

    Returns
    -------
    list of callable
    """
    return [small(applies_activation, function, arguments, names) for arguments, names in questions]


INPUTS_TITLE = "The inputs are not changed"
