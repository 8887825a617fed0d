"""What the tests of all labs share: `tests/labs/test_labs.py` runs each lab's trial.

A lab's folder here has a module ``trial``, with

- ``VARIANTS``: names of known-right ways to solve the lab, two at least;
- ``outcome(tools, seed, variant=None, fault=None)``: asks a right submission, or one of these ways, with a known fault
  where one is given, and returns an `Outcome`;
- ``SEEDS`` and ``LONG_SEEDS``, optional: how many seeds of the questions are asked, 1 and 3 by default;
- ``NOT_LOST``, optional: lines that no fault can lose by itself, each with its reason;
- ``NOT_NAMED``, optional: lines whose message names no fault, each with its reason.

A lab whose functions take arguments has a module ``domains`` as well, which `benchmarks.domain` describes:
`tests/test_mutation.py` measures with it what the checks find.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import ModuleType

import numpy as np
import pytest

from autograder.checking.lab import Lab
from autograder.checking.rubric import Check
from autograder.checking.student import Student


@dataclass(frozen=True)
class Outcome:
    """Which lines were asked, and what is wrong with those that were lost, both by ``function.key``."""

    asked: frozenset[str]
    lost: Mapping[str, str]


@dataclass(frozen=True)
class Tools:
    """What a trial may need; it is only made where it is asked for."""

    request: pytest.FixtureRequest

    def fixture(self, name: str):
        return self.request.getfixturevalue(name)


def trial_of(lab: Lab) -> ModuleType:
    """Return the trial of a lab.

    Raises
    ------
    AssertionError
        If the lab has none, or one without variants.
    """
    try:
        trial = importlib.import_module(f"tests.labs.{lab.name}.trial")
    except ModuleNotFoundError:
        raise AssertionError(
            f"{lab.name} has no trial. Write tests/labs/{lab.name}/trial.py, as tests/labs/kit.py describes it."
        ) from None
    assert len(getattr(trial, "VARIANTS", ())) >= 2, (
        f"tests/labs/{lab.name}/trial.py: VARIANTS names fewer than two right ways to solve the lab. Add some."
    )
    return trial


def asked(student: Student, checks: Iterable[Check], seed: int) -> Outcome:
    """Ask all lines of some checks, explain what is lost, and return the outcome."""
    every: set[str] = set()
    lost: dict[str, str] = {}
    for check in checks:
        items = check(student, np.random.default_rng(seed))
        names = [f"{check.function}.{line.key}" for line in check.lines]
        every |= set(names)
        lost |= {name: item.message for name, item in zip(names, items, strict=True) if not item.passed}
    return Outcome(frozenset(every), lost)
