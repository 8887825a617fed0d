"""What a function may be asked: a domain of regions, and questions that cover every pair of them."""

from __future__ import annotations

import functools
import math
import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, product, takewhile
from typing import Any

import numpy as np

from autograder.checking import compare
from autograder.checking.hints import Wrong
from autograder.checking.reasons import Small
from autograder.checking.rubric import Line, decided
from autograder.checking.student import Answer, Answers, Oracle, Student, StudentError
from autograder.sandbox.packed import BATCH, Questions

#: The region of each axis that one question is drawn from.
Regions = Mapping[str, Any]


@dataclass(frozen=True)
class Question:
    """One question of a domain.

    Attributes
    ----------
    regions : mapping of str to object
        Where it lies, by axis.
    arguments : tuple
    """

    regions: Regions
    arguments: tuple

    @property
    def size(self) -> int:
        """The numbers in its arguments: of two questions a person reads the smaller one."""
        return _size(self.arguments)


def _size(value: Any) -> int:
    return sum(map(_size, value)) if isinstance(value, (list, tuple)) else np.size(value)


@dataclass(frozen=True, eq=False)
class Domain:
    """All that a function may be asked, as regions along axes.

    A fault that shows where one condition on the input holds, or two together, is found by questions that cover each
    pair of regions [1]_. What lies between the regions is found by questions that are drawn freely.

    Attributes
    ----------
    axes : mapping of str to sequence
        The regions by axis, for example the sizes of an image.
    draw : callable
        Takes a random generator and a mapping with one region of each axis, and returns the arguments of a question.
    possible : callable
        Takes regions of some axes, and returns whether a question may have them together. What is possible stays so
        where the smallest regions of the other axes are added.
    freely : callable, optional
        Takes a random generator and returns the arguments of a small question anywhere in the domain.
    free : int
        How many questions are drawn freely.

    References
    ----------
    .. [1] D. R. Kuhn, D. R. Wallace, A. M. Gallo, "Software fault interactions and implications for software testing",
       IEEE Transactions on Software Engineering 30 (2004) 418-421.

    Examples
    --------
    >>> axes = {"size": [1, 5], "sign": [-1, 1]}
    >>> domain = Domain(axes, lambda rng, at: (at["sign"] * rng.uniform(1, 2, at["size"]),))
    >>> [question.arguments[0].size for question in domain.questions(0)]
    [1, 1, 5, 5]
    """

    axes: Mapping[str, Sequence[Any]]
    draw: Callable[[np.random.Generator, Regions], tuple]
    possible: Callable[[Regions], bool] = lambda regions: True
    freely: Callable[[np.random.Generator], tuple] | None = None
    free: int = 60

    @functools.lru_cache(maxsize=64)  # noqa: B019 - a domain lives as long as its lab
    def questions(self, seed: int) -> tuple[Question, ...]:
        """Return questions in which every possible pair of regions occurs, and free ones, the smallest first.

        Parameters
        ----------
        seed : int
            The same seed gives the same questions.

        Returns
        -------
        tuple of Question
        """
        rng = np.random.default_rng(seed)
        drawn = [Question(regions, self.draw(rng, regions)) for regions in self._covering(rng)]
        if self.freely is not None:
            drawn += [Question({}, self.freely(rng)) for _ in range(self.free)]
        # Nobody learns from a question that holds nothing.
        return tuple(sorted(drawn, key=lambda question: question.size or math.inf))

    @functools.lru_cache(maxsize=64)  # noqa: B019 - few: what is packed once serves all who lost the same lines
    def arguments(self, seed: int, positions: tuple[int, ...] | None = None) -> Questions:
        """Return the arguments of those questions, or of the ones at some positions, as they are sent.

        Parameters
        ----------
        seed : int
        positions : tuple of int, optional

        Returns
        -------
        Questions
        """
        questions = self.questions(seed)
        return Questions(questions[k].arguments for k in (range(len(questions)) if positions is None else positions))

    def _covering(self, rng: np.random.Generator) -> list[Regions]:
        """Return combinations of regions in which every possible pair occurs, few by greedy choice."""
        left = {
            frozenset(pair)
            for one, other in combinations(self.axes, 2)
            for pair in product(self._places(one), self._places(other))
            if self.possible(self._regions(pair))
        }
        rows: list[Regions] = []
        while left:
            pair = min(left, key=sorted)
            tries = (self._row(pair, left, rng, greedy=number < 3) for number in range(_TRIES))
            row = next((row for row in tries if row is not None), None)
            # A pair that goes with no regions of the other axes is not possible either.
            left.discard(pair)
            if row is not None:
                left -= {frozenset(pair) for pair in combinations(row, 2)}
                rows.append(self._regions(sorted(row, key=lambda place: list(self.axes).index(place[0]))))
        return rows

    def _row(
        self, pair: frozenset, left: set[frozenset], rng: np.random.Generator, greedy: bool
    ) -> list[tuple[str, int]] | None:
        """Return a region of each axis with a pair among them; None where a choice leaves an axis without any."""
        row = sorted(pair)
        for axis in rng.permutation([axis for axis in self.axes if axis not in dict(row)]):
            fitting = [place for place in self._places(axis) if self.possible(self._regions([*row, place]))]
            if not fitting:
                return None
            new = [greedy and sum(frozenset((place, other)) in left for other in row) for place in fitting]
            best = [place for place, count in zip(fitting, new, strict=True) if count == max(new)]
            row.append(best[rng.integers(len(best))])
        return row

    def _places(self, axis: str) -> list[tuple[str, int]]:
        return [(str(axis), number) for number in range(len(self.axes[axis]))]

    def _regions(self, places: Iterable[tuple[str, int]]) -> Regions:
        return {axis: self.axes[axis][number] for axis, number in places}


#: How often a row is begun anew, the first times with as many new pairs as can be.
_TRIES = 60
#: Takes a student, the question, what it answered and what is right, and returns what is wrong.
Judge = Callable[[Student, Question, Answer, Any], "Wrong | str | None"]


@dataclass(frozen=True)
class Elsewhere:
    """What says whether another function of the student, which this one calls, is at fault.

    Attributes
    ----------
    handed : callable
        Takes the arguments of a question, and returns those to which the right answer is what the other function must
        be handed there.
    at_fault : callable
        Takes a student, a question, the right answer and what the other function must be handed.
    """

    handed: Callable[[tuple], tuple]
    at_fault: Callable[[Student, Question, Any, Any], bool]


class _Handed:
    """What another function must be handed at each of some questions, asked in batches where it is wanted."""

    def __init__(self, function: str, questions: tuple[Question, ...], elsewhere: Elsewhere) -> None:
        self._function, self._questions, self._elsewhere = function, questions, elsewhere
        self._found: dict[int, Sequence[Any]] = {}

    def at_fault(self, student: Student, question: Question, right: Any, position: int) -> bool:
        """Return whether that function is at fault for the answer to the question at a position."""
        # The oracle is not kept: it keeps this, for as long as it lives.
        start = position - position % BATCH
        if start not in self._found:
            some = self._questions[start : start + BATCH]
            batch = [list(self._elsewhere.handed(one.arguments)) for one in some]
            self._found[start] = student.oracle.call("all_right", self._function, batch)
        return self._elsewhere.at_fault(student, question, right, self._found[start][position - start])


@dataclass(frozen=True, eq=False)
class _Known:
    """The right answers to some questions, and how far off an answer may be where these are arrays."""

    right: Sequence[Any]
    allowed: Sequence[np.ndarray] | None
    handed: _Handed | None = None

    @functools.lru_cache(maxsize=64)  # noqa: B019 - few: what is packed once serves all who lost the same lines
    def part(self, positions: tuple[int, ...]) -> _Known:
        """Return the same of some of the questions."""
        return _Known([self.right[k] for k in positions], self.allowed and [self.allowed[k] for k in positions])

    @functools.cached_property
    def _flat(self) -> tuple[list[list[int]], np.ndarray, np.ndarray]:
        numbers, allowed = (np.concatenate([one.ravel() for one in arrays]) for arrays in (self.right, self.allowed))
        return [list(one.shape) for one in self.right], numbers, allowed

    def all_right(self, answers: Answers) -> bool:
        """Return whether all answers are right at a glance; where they are not, each is looked at."""
        if answers.flat is None or self.allowed is None:
            return False
        shapes, numbers, allowed = self._flat
        # A comparison with NaN is never true.
        return answers.flat[0] == shapes and bool(np.all(np.abs(answers.flat[1] - numbers) <= allowed))


#: By the oracle that answered, so that a class is not asked what is known; the questions that were wanted last stay.
_answered: weakref.WeakKeyDictionary[Oracle, OrderedDict[tuple, _Known]] = weakref.WeakKeyDictionary()
_MOST_KNOWN = 64
_lock = threading.Lock()


def _known(
    oracle: Oracle,
    function: str,
    domain: Domain,
    seed: int,
    exact: Callable[[Question], bool],
    rounding: Callable[[Question], float],
    elsewhere: Elsewhere | None,
) -> _Known:
    key = function, domain, seed
    with _lock:
        known = _answered.setdefault(oracle, OrderedDict())
        if key not in known:
            handed = _Handed(function, domain.questions(seed), elsewhere) if elsewhere else None
            known[key] = replace(_ask_the_oracle(oracle, function, domain, seed, exact, rounding), handed=handed)
            while len(known) > _MOST_KNOWN:
                known.popitem(last=False)
        known.move_to_end(key)
        return known[key]


def _ask_the_oracle(
    oracle: Oracle,
    function: str,
    domain: Domain,
    seed: int,
    exact: Callable[[Question], bool],
    rounding: Callable[[Question], float],
) -> _Known:
    # One message holds no more than `wire.MAX_ARRAYS`.
    batches = (list(map(list, batch)) for batch in domain.arguments(seed).batches)
    right = [answer for batch in batches for answer in oracle.call("all_right", function, batch)]
    if not all(isinstance(one, np.ndarray) for one in right):
        return _Known(right, None)
    allowed = [
        compare.allowed(one, exact(q), rounding(q)) for one, q in zip(right, domain.questions(seed), strict=True)
    ]
    return _Known(right, allowed)


def whole_domain(
    function: str,
    domain: Domain,
    judge: Judge,
    points: float,
    excused: Callable[[Question, frozenset[str]], bool] = lambda question, lost: bool(lost),
    elsewhere: Elsewhere | None = None,
    exact: Callable[[Question], bool] = lambda question: False,
    rounding: Callable[[Question], float] = lambda question: 0.0,
) -> Line:
    """Return the line that asks a function over its whole domain.

    It stands last. One fault costs once: what another line has charged already is not asked here.

    Parameters
    ----------
    function : str
    domain : Domain
    judge : callable
        Takes a student, a `Question`, the answer and the right answer. Returns a `Wrong`, a sentence, or None.
    points : float
    excused : callable
        Takes a question and the keys of the lines that are lost, those about unchanged inputs and unknown names left
        out, and returns whether these explain whatever is wrong there.
    elsewhere : Elsewhere, optional
    exact : callable
        Takes a question and returns whether nothing is computed there, as `compare.difference` has it.
    rounding : callable
        Takes a question and returns how far off a sum may be there, as `compare.difference` has it.

    Returns
    -------
    Line
    """

    def question(student: Student, rng: np.random.Generator) -> Wrong | str | None:
        return ask(student, int(rng.integers(2**63)))

    def ask(student: Student, seed: int, skip: int = 0) -> Wrong | str | None:
        """Return what is wrong with the first answer, or with a later one where so many wrong ones are skipped."""
        before = takewhile(lambda line: line[0] != DOMAIN, decided(student, function).items())
        values = {key: passed for key, passed in before if key not in BESIDE_THE_VALUES}
        # Who is right nowhere has nothing that could be excused.
        lost = frozenset(key for key, passed in values.items() if not passed and any(values.values()))
        questions = domain.questions(seed)
        positions = tuple(k for k, one in enumerate(questions) if not (lost and excused(one, lost)))
        if not positions:
            return None
        some = None if len(positions) == len(questions) else positions
        answers = student.ask_all(function, domain.arguments(seed, some))
        asked = [questions[k] for k in positions]
        if all(isinstance(answer, StudentError) for answer in answers):
            # Who answers nothing need not wait for what is right: that is seconds where nobody has asked it yet.
            student.ask(function, *asked[0].arguments)
        known = _known(student.oracle, function, domain, seed, exact, rounding, elsewhere)
        handed = known.handed
        if some is not None:
            known = known.part(some)
        if known.all_right(answers):
            return None
        judged = elsewhere is None
        for k, one, answer, expected in zip(positions, asked, answers, known.right, strict=True):
            problem = answer if isinstance(answer, StudentError) else judge(student, one, answer, expected)
            if problem is not None and handed and handed.at_fault(student, one, expected, k):
                continue
            # Where all numbers are nearly the same, also who always returns one number is right.
            judged = judged or problem is not None or compare.varied(expected)
            if isinstance(problem, StudentError):
                # Asked by itself, so that whoever explains it knows what was asked.
                problem = judge(student, one, student.ask(function, *one.arguments), expected)
            if problem is not None and skip == 0:
                return problem
            skip -= problem is not None
        return None if judged else f"No answer says anything of {function}: a function that it calls is at fault."

    # The first wrong answers to questions that are the same for everyone.
    smaller: list[Small] = [lambda student, skip=skip: ask(student, 0, skip) for skip in range(SMALLER)]
    return Line(DOMAIN, "Inputs of every kind: sizes, signs, large and small numbers", points, question, smaller)


#: How many wrong answers are looked at to find a fault that gives them all.
SMALLER = 8
#: The key of the line.
DOMAIN = "domain"
#: Lines that say nothing of the values that a function returns.
BESIDE_THE_VALUES = ("inputs", "unknown")
