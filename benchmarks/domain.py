"""Where a graded function is asked, as the mutation score sees it: what is drawn, what is right, and in which regions.

A lab that is measured has a module ``tests.labs.<lab>.domains``. Nothing in it comes from the lab's checks: it is read
off the text that students get, so that what the checks forget is not forgotten here as well.
"""

from __future__ import annotations

import copy
import functools
import importlib
import importlib.util
import itertools
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

from autograder.checking import compare
from autograder.checking.lab import Lab
from autograder.sandbox import wire

#: A fault that is confined to a region shows in at least this part of it: else it is a fault of a smaller region.
SHOWS = 0.5
#: How many inputs must lie in a region, of all that are drawn.
LEAST = 6


@dataclass(frozen=True)
class Region:
    """A part of a domain.

    Attributes
    ----------
    factor : str
        What it is about. Two regions of one factor are no pair.
    holds : callable
        Takes the arguments, and returns whether they lie in it.
    alone : bool
        Whether it makes no pairs: nothing else of the arguments matters there.
    """

    factor: str
    holds: Callable[..., bool]
    alone: bool = False

    def has(self, arguments: Sequence) -> bool:
        """Return whether arguments lie in the region; whatever it cannot look at lies outside."""
        try:
            return bool(self.holds(*arguments))
        except Exception:
            return False


@dataclass(frozen=True)
class Domain:
    """What a function may be asked.

    Attributes
    ----------
    draw : callable
        Takes a random generator, and returns arguments.
    solve : callable
        Takes arguments, and returns the right answer; raises where an error is right.
    right : callable
        Takes an answer, the right one, and the arguments, and returns whether the answer is as good. It is not called
        where an error is right.
    regions : mapping of str to Region
        By name; the name completes "where".
    wrongs : mapping of str to callable
        Ways to be wrong: each takes a right answer (None where an error is right) and the arguments, and returns a
        wrong one, raises, or changes the arguments. The name completes "the function".
    slow : bool
        Whether an answer takes long, as a network that is built does: short tests then try a part of what they would.
    again : callable, optional
        Where the same arguments must give the same answer, such as those of one seed: takes two answers to them, and
        returns whether they are the same. Every right answer is asked for twice then.
    ask : callable, optional
        Takes a function and the arguments, and returns what is judged, where that is more than what the function
        returns once: its gradient too, or what it returns for other seeds. ``right`` takes this of an answer and of the
        right one; what takes arguments in a region or a way to be wrong takes those that the function is called with.
    """

    draw: Callable[[np.random.Generator], tuple]
    solve: Callable[..., Any]
    right: Callable[[Any, Any, Sequence], bool]
    regions: Mapping[str, Region]
    wrongs: Mapping[str, Callable[[Any, Sequence], Any]]
    slow: bool = False
    again: Callable[[Any, Any], bool] | None = None
    ask: Callable[[Callable, Sequence], Any] | None = None


# What the domains of several labs draw with, and ways to be right and wrong that suit most functions of arrays.


def one_of(rng: np.random.Generator, values: Sequence) -> Any:
    """Return one of some values, each as likely."""
    return values[int(rng.integers(len(values)))]


def no_difference(value: Any, expected: np.ndarray, arguments: Sequence) -> bool:
    """Return whether an answer is the right one, as `compare.difference` has it."""
    return compare.difference(value, expected) is None


def raise_error(value: Any, arguments: Sequence) -> None:
    """Raise in place of an answer."""
    raise ValueError("no answer")


def change_input(value: Any, arguments: Sequence) -> Any:
    """Return the right answer, and leave the first input changed."""
    arguments[0][...] = 0
    return value


class Raised:
    """In the place of an answer: there was an error."""


class Pool:
    """Arguments from all over a domain, the right answers, who lies where, and where each way to be wrong shows.

    Parameters
    ----------
    domain : Domain
    size : int
        How many.
    seed : int
    """

    def __init__(self, domain: Domain, size: int, seed: int = 0) -> None:
        self.domain = domain
        rng = np.random.default_rng(seed)
        self.arguments = [domain.draw(rng) for _ in range(size)]
        self.expected = [_answer(domain, domain.solve, one) for one in self.arguments]
        self.inside = {
            name: np.array([region.has(one) for one in self.arguments]) for name, region in domain.regions.items()
        }

    @functools.cached_property
    def shows(self) -> dict[str, np.ndarray]:
        """At which positions each way to be wrong is wrong."""

        def spoilt(spoil: Callable, position: int) -> bool:
            if self.domain.ask is not None:
                return self.wrong(lambda *arguments: _spoilt(self.domain, spoil, arguments), position)
            expected = self.expected[position]
            value = None if expected is Raised else copy.deepcopy(expected)
            return self.wrong(lambda *arguments: spoil(value, arguments), position)

        positions = range(len(self.arguments))
        return {wrong: np.array([spoilt(spoil, k) for k in positions]) for wrong, spoil in self.domain.wrongs.items()}

    def wrong(self, function: Callable, position: int) -> bool:
        """Return whether a function is wrong where it is asked with the arguments of a position.

        Parameters
        ----------
        function : callable
        position : int
        """
        arguments, expected = self.arguments[position], self.expected[position]
        mine = copy.deepcopy(arguments)  # Which keeps the order in memory.
        value = _answer(self.domain, function, mine)
        if value is Raised or expected is Raised:
            return value is not expected
        if wire.differing(arguments, mine) or not self.domain.right(value, expected, arguments):
            return True
        if self.domain.again is None:
            return False
        return not self.domain.again(value, _answer(self.domain, function, copy.deepcopy(arguments)))

    def first_wrong(self, function: Callable) -> int | None:
        """Return the first position at which a function is wrong, or None."""
        return next((k for k in range(len(self.arguments)) if self.wrong(function, k)), None)

    def faults(self, *regions: str) -> list[str]:
        """Return the ways to be wrong that show in most of what lies in all of some regions."""
        inside = np.logical_and.reduce([self.inside[name] for name in regions])
        if np.count_nonzero(inside) < LEAST:
            return []
        return [wrong for wrong, shows in self.shows.items() if shows[inside].mean() >= SHOWS]

    def pairs(self) -> Iterator[tuple[str, str]]:
        """Yield the pairs of regions of different factors."""
        regions = {name: region for name, region in self.domain.regions.items() if not region.alone}
        for one, other in itertools.combinations(regions, 2):
            if regions[one].factor != regions[other].factor:
                yield one, other


def _answer(domain: Domain, function: Callable, arguments: Sequence) -> Any:
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return function(*arguments) if domain.ask is None else domain.ask(function, arguments)
    except Exception:
        return Raised


def _spoilt(domain: Domain, spoil: Callable, arguments: Sequence) -> Any:
    """Return the answer that a way to be wrong makes of the right one."""
    try:
        value = domain.solve(*arguments)
    except Exception:
        value = None
    return spoil(value, arguments)


def confined(domain: Domain, regions: Sequence[str], wrong: str) -> Callable:
    """Return a function that is right, but for some regions.

    Parameters
    ----------
    domain : Domain
    regions : sequence of str
        It is wrong where arguments lie in all of them.
    wrong : str
        How; one of the domain's.
    """
    inside = [domain.regions[name] for name in regions]
    spoil = domain.wrongs[wrong]

    def fault(*arguments: Any) -> Any:
        if not all(region.has(arguments) for region in inside):
            return domain.solve(*arguments)
        return _spoilt(domain, spoil, arguments)

    return fault


def domains_of(lab: Lab) -> ModuleType | None:
    """Return the module ``domains`` of a lab's tests, or None where it has none.

    It has ``DOMAINS``, a `Domain` by function; ``WAYS``, right functions by function and name; ``namespace``, which
    takes a function's name and an answer to it, and returns the functions of a student who is right in all others;
    ``TIMED``, optional: the keys of lines that measure time, and are not asked here; and ``faulty``, optional: takes a
    `Fault` and a right function, and returns that with the fault, where the course's faults take other arguments.

    Parameters
    ----------
    lab : Lab
    """
    name = f"tests.labs.{lab.name}.domains"
    return importlib.import_module(name) if importlib.util.find_spec(name) is not None else None
