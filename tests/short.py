"""The short form of a long list of cases: a part is in the suite, and ``make test-long`` runs all."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from itertools import count

import pytest


def one_in(every: int, cases: Iterable, names: Callable = str) -> list:
    """Return all cases as parameters of a test. The first of each so many is in the suite, the others are long.

    Parameters
    ----------
    every : int
        How many cases one stands for.
    cases : iterable
    names : callable
        What a case is called.
    """
    positions = count()
    return one_of_each(lambda case: next(positions) // every, cases, names)


def one_of_each(kind: Callable[[object], Hashable], cases: Iterable, names: Callable = str) -> list:
    """Return all cases as parameters of a test. The first of each kind is in the suite, the others are long.

    Parameters
    ----------
    kind : callable
        What kind a case is of.
    cases : iterable
    names : callable
        What a case is called.
    """
    seen: set[Hashable] = set()
    found = []
    for case in cases:
        known = (of := kind(case)) in seen
        seen.add(of)
        found.append(pytest.param(case, id=names(case), marks=pytest.mark.long if known else ()))
    return found
