"""Questions that a page checks itself: a number, a shape or a choice, with hints for typical wrong answers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from numbers import Integral, Real

from source_lib.interactive.markup import data_element

#: Hints that a question has at least: who is wrong in a usual way should learn why.
FEWEST_HINTS = 2
#: Whole numbers up to this size are exact in a browser too.
_EXACT = 2**53


@dataclass(frozen=True)
class Question:
    """A question with a field for the answer, as a notebook and a page show it.

    ``book/_static/exercise.js`` makes it live and ``exercise.css`` gives it its looks. Without them, and in print, it
    is the question, with its options where it has some, and a pointer to the worked answer.

    Attributes
    ----------
    text : str
        What is asked.
    html : str
        One ``form`` of class ``exercise``. It holds the right answer as data, which is not shown.
    """

    text: str
    html: str

    def _repr_html_(self) -> str:
        return self.html

    def __repr__(self) -> str:
        return f"{self.text} (The course's site checks your answer; the worked answer is below.)"


def number(
    question: str, *, answer: float, wrong: Mapping[float, str], unit: str = "", tolerance: float | None = None
) -> Question:
    """Ask for a number.

    Readers may write it as ``1,200``, ``0.25``, ``1/4``, ``25 %``, ``2^10`` or ``3.2 million``, with or without its
    unit.

    Parameters
    ----------
    question : str
        The label of the field. Text between backticks is set as code.
    answer : float
        The right number, as code computed it.
    wrong : mapping of float to str
        Typical wrong numbers, computed as those who err compute them, and for each a hint that names the mistake
        without giving the answer. At least two.
    unit : str
        What is counted or measured, such as ``"pixels"``. With ``"%"`` the answer is in percent.
    tolerance : float, optional
        How far off an answer may be. By default nothing for a whole number, and else what rounding to two significant
        digits takes.

    Returns
    -------
    Question
        With a field for the number, and its unit behind it.

    Raises
    ------
    ValueError
        If a number is not finite, a hint is empty, there are fewer than two, or an answer would be taken for another.

    Examples
    --------
    >>> side = (32 - 5) // 1 + 1
    >>> asked = number(
    ...     "Side of the output",
    ...     answer=side,
    ...     wrong={side - 1: "Add 1: the first place counts too.", 32: "Nothing is padded here."},
    ...     unit="pixels",
    ... )
    >>> asked.html.startswith('<form class="exercise exercise-number"')
    True
    """
    right = _finite("The answer", answer)
    values = {_finite("A wrong answer", value): hint for value, hint in wrong.items()}
    hints = _hints(values)
    if tolerance is None:
        tolerance = 0 if right == int(right) else 0.5 * 10.0 ** (math.floor(math.log10(abs(right))) - 1)
    if not 0 <= tolerance < math.inf:
        raise ValueError(f"tolerance is {tolerance}; it must be a finite number that is not negative.")
    _apart([right, *values], tolerance)
    data = {"answer": right, "tolerance": tolerance, "unit": unit, "wrong": hints}
    return _field("number", question, data, unit)


def shape(question: str, *, answer: Sequence[int | None], wrong: Mapping[Sequence[int | None], str]) -> Question:
    """Ask for a shape, such as rows, columns and channels.

    Readers may write it as ``28 × 28 × 8``, ``28x28x8``, ``28 by 28 by 8`` or ``(28, 28, 8)``.

    Parameters
    ----------
    question : str
        The label of the field. Text between backticks is set as code.
    answer : sequence of int or None
        The right shape, as code computed it; None for a size that is left open. A reader may put an open size for the
        batch before it.
    wrong : mapping of tuple to str
        Typical wrong shapes, and for each a hint. At least two.

    Returns
    -------
    Question
        With a field for the shape.

    Raises
    ------
    ValueError
        If a size is no whole number, a hint is empty, there are fewer than two, or a wrong shape is the right one.

    Examples
    --------
    >>> wrong = {(14, 14, 3): "The number of filters decides.", (28, 28, 8): "What does the stride do?"}
    >>> asked = shape("Output", answer=(14, 14, 8), wrong=wrong)
    >>> asked.text
    'Output'
    """
    right = _sizes("The answer", answer)
    values = {_sizes("A wrong answer", value): hint for value, hint in wrong.items()}
    hints = _hints(values)
    if right in values:
        raise ValueError(f"The wrong answer {right} is the right one. Compute it the way of somebody who errs.")
    return _field("shape", question, {"answer": list(right), "wrong": [[list(value), hint] for value, hint in hints]})


def choice(question: str, *, answer: object, wrong: Mapping[object, str], order: Sequence | None = None) -> Question:
    """Ask to choose one of some answers.

    Parameters
    ----------
    question : str
        Text between backticks is set as code, here as in the options and hints.
    answer : object
        The right option, as code found it; shown as text.
    wrong : mapping of object to str
        The other options, and for each a hint. At least two.
    order : sequence, optional
        All options as they are to be shown; by default sorted by their text, so that the place says nothing.

    Returns
    -------
    Question
        With the options to choose from.

    Raises
    ------
    ValueError
        If an option or a hint is empty, there are fewer than two hints, a wrong option is the right one, or the order
        holds other options.

    Examples
    --------
    >>> losses = {"mean": 0.3, "median": 0.2, "mode": 0.4}
    >>> best = min(losses, key=losses.get)
    >>> asked = choice("Which is best?", answer=best, wrong={"mean": "Outliers move it.", "mode": "It may be rare."})
    >>> asked.html.count("radio")
    3
    """
    right = _text("An option", str(answer))
    values = {_text("An option", str(value)): hint for value, hint in wrong.items()}
    hints = _hints(values)
    if right in values:
        raise ValueError(f"The option {right!r} is both right and wrong. Take it out of 'wrong', or check 'answer'.")
    options = sorted([right, *values]) if order is None else [str(option) for option in order]
    if sorted(options) != sorted([right, *values]):
        raise ValueError(
            f"'order' must hold each option once. It holds {', '.join(options)}; "
            f"answer and wrong answers are {', '.join(sorted([right, *values]))}."
        )
    data = {"answer": options.index(right), "wrong": [[options.index(value), hint] for value, hint in hints]}
    radios = "".join(
        f'<label><input type="radio" name="answer" value="{place}" autocomplete="off" hidden> {_code(option)}</label>'
        for place, option in enumerate(options)
    )
    asked = f"<fieldset><legend>{_code(_text('The question', question))}</legend>{radios}</fieldset>"
    return _form("choice", question, asked, data)


def _finite(what: str, value: float) -> float:
    if isinstance(value, bool) or not isinstance(value, Real) or not math.isfinite(value):
        raise ValueError(f"{what} is {value!r}; it must be a finite number. Compute it, and take .item() of an array.")
    if abs(value) > _EXACT:
        raise ValueError(f"{what} is {value!r}; a browser is exact up to {_EXACT}. Ask in thousands or in millions.")
    return int(value) if value == int(value) else float(value)


def _sizes(what: str, sizes: Sequence[int | None]) -> tuple[int | None, ...]:
    wrong = [size for size in sizes if size is not None and (not isinstance(size, Integral) or size < 0)]
    if wrong or len(sizes) == 0:
        raise ValueError(f"{what} is {tuple(sizes)!r}; a shape is one or more whole numbers, or None for an open size.")
    return tuple(None if size is None else int(size) for size in sizes)


def _hints(values: Mapping[object, str]) -> list[list]:
    """Return pairs of a wrong answer and its hint, once there are enough of them and none is empty."""
    if len(values) < FEWEST_HINTS:
        raise ValueError(
            f"'wrong' holds {len(values)} wrong answers that differ; give at least {FEWEST_HINTS}, each with a hint. "
            "Two mistakes that lead to the same answer share one hint."
        )
    return [[value, _text(f"The hint for {value}", hint)] for value, hint in values.items()]


def _text(what: str, text: str) -> str:
    if not isinstance(text, str) or not text.strip():
        raise ValueError(f"{what} is {text!r}; it must be a text that is not empty.")
    return text.strip()


def _apart(numbers: Sequence[float], tolerance: float) -> None:
    """Refuse a wrong number that passes for the right one, or whose hint another one's hides."""
    right, *others = numbers
    for place, value in enumerate(others):
        if abs(value - right) <= tolerance:
            raise ValueError(
                f"The wrong answer {value} is taken for the right one, {right}, with tolerance {tolerance}. "
                "Give a smaller tolerance, or other numbers in the question."
            )
        for other in others[:place]:
            if abs(value - other) <= tolerance:
                raise ValueError(
                    f"The wrong answers {other} and {value} are one with tolerance {tolerance}, so the second hint "
                    "would never be shown. Join the two, or give a smaller tolerance."
                )


def _field(kind: str, question: str, data: dict, unit: str = "") -> Question:
    shown = f' <span class="exercise-unit">{escape(unit)}</span>' if unit else ""
    asked = (
        f'<label><span class="exercise-question">{_code(_text("The question", question))}</span> '
        '<span class="exercise-blank"><input type="text" autocomplete="off" autocapitalize="off" spellcheck="false" '
        f"hidden></span>{shown}</label> "
    )
    return _form(kind, question, asked, data)


def _form(kind: str, question: str, asked: str, data: dict) -> Question:
    html = "".join(
        [
            f'<form class="exercise exercise-{kind}" autocomplete="off" novalidate>{asked}',
            '<button type="submit" hidden>Check</button>',
            '<p class="exercise-verdict" role="status" aria-live="polite"></p>',
            '<p class="exercise-pointer">The worked answer is below.</p>',
            data_element({"kind": kind} | data),
            "</form>",
        ]
    )
    return Question(question.strip(), html)


def _code(text: str) -> str:
    """Return text as HTML, with what stands between backticks set as code."""
    parts = escape(text).split("`")
    if len(parts) % 2 == 0:
        raise ValueError(f"A backtick is left open in {text!r}. Close it, or take it out.")
    return "".join(f"<code>{part}</code>" if place % 2 else part for place, part in enumerate(parts))
