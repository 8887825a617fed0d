"""One lab, as everything that is shared sees it."""

from __future__ import annotations

import functools
import importlib
import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from autograder.checking.faults import Fault, fault_functions
from autograder.checking.practice import Practice
from autograder.checking.rubric import Check
from autograder.checking.student import Namespace, Oracle
from autograder.errors import UserError
from autograder.sandbox.worker import IMPORTS
from autograder.submissions.wanted import Wanted

PACKAGE = "autograder.labs"
#: In the package of a lab, a line for each released cell that only explores.
EXPLORE_FILE = "explore_cells.txt"


class LabError(UserError):
    """A lab is not made as a lab must be. The text names the file and the remedy."""


@dataclass(frozen=True)
class Lab:
    """One lab: what it asks, the known faults, and where the rest of it is.

    Its package ``autograder.labs.<name>`` may have more rooms, modules that are imported when they are needed:
    ``demo`` with the ``SAMPLE_CLASS`` that the demo grades, ``contest`` with the ``CONTEST`` of its leaderboard, and
    ``solution`` with the ``SOLUTION`` that ``make reproduce`` trains.

    Attributes
    ----------
    name : str
        Its folder under ``assignments/``, for example ``lab1``.
    title : str
        What a person calls it.
    checks : tuple of Check
        In the order of the notebook.
    manual : dict of str to float
        Points of the cells that a person grades, by ``grade_id``.
    faults : tuple of Fault
        The known faults.
    reference : str
        The module whose functions are right answers to compare with; empty where there is none.
    reference_parts : tuple of str
        Modules that the reference and the known faults import, each after those that it imports itself. They import
        nothing else of the grader.
    forbidden : tuple of str
        Top-level packages that an answer must not call instead of computing.
    imports : tuple of str
        Modules that a sandbox imports once, before all notebooks, because most of them do.
    prepare : callable, optional
        Asks the reference for what is measured once, before any student's code runs.
    timed : tuple of str
        Functions of the reference that are asked for the time they take. They need no package of ``forbidden``.
    material : callable, optional
        Takes the course's folder and its secret, and returns by name what is needed for grading alone: arrays, numbers
        and text. Raises a `UserError` where it is missing.
    practice : callable, optional
        Asks the same about other numbers than those that are graded, with a verdict.
    for_release : callable, optional
        Takes the same when the lab is released, keeps in the course's folder what grading needs, and returns by their
        names the files that students of this course get beside the notebook.
    chapters : tuple of str
        The titles of the chapters of the book that it needs, as the chapters give them. The lab's page and the released
        notebook name these.
    files : tuple of str
        What students hand in beside the notebook, as `Wanted` writes it.
    """

    name: str
    title: str
    checks: tuple[Check, ...]
    manual: dict[str, float]
    faults: tuple[Fault, ...] = ()
    reference: str = ""
    reference_parts: tuple[str, ...] = ()
    forbidden: tuple[str, ...] = ()
    imports: tuple[str, ...] = IMPORTS
    prepare: Callable[[Oracle], None] | None = None
    timed: tuple[str, ...] = ()
    material: Callable[[Path, int], Mapping[str, Any]] | None = None
    practice: Practice | None = None
    for_release: Callable[[Path, int], Mapping[str, bytes]] | None = None
    chapters: tuple[str, ...] = ()
    files: tuple[str, ...] = ()

    @property
    def wanted(self) -> Wanted:
        """What is wanted of a student."""
        return Wanted(self.name, frozenset((*(check.grade_id for check in self.checks), *self.manual)), self.files)

    @functools.cached_property
    def explore_cells(self) -> frozenset[str]:
        """The fingerprints of the released cells that only explore (see `submissions.exploring`).

        `cnn-course release` writes them into the lab's package, for a notebook may lose its tags and a kernel never
        sees them.
        """
        spec = importlib.util.find_spec(f"{PACKAGE}.{self.name}")
        file = Path(spec.origin).with_name(EXPLORE_FILE) if spec is not None and spec.origin else None
        return frozenset(file.read_text().split()) if file is not None and file.is_file() else frozenset()

    @property
    def points(self) -> float:
        """The automatic points of the lab."""
        return float(sum(check.points for check in self.checks))

    @property
    def lines(self) -> dict[str, float]:
        """The points of each line, by ``function.key``."""
        return {f"{check.function}.{line.key}": line.points for check in self.checks for line in check.lines}

    @property
    def packages(self) -> dict[str, tuple[str, ...]]:
        """What a sandbox in which its submissions run lacks, and what it has imported before, by `Sandbox`'s names."""
        return {"without": self.forbidden, "imports": self.imports}

    @property
    def reference_modules(self) -> tuple[str, ...]:
        """The modules that a job of the course needs to answer for the reference and for the faults, in this order."""
        kit = "autograder.checking.faults"
        own = (*self.reference_parts, self.reference, f"{PACKAGE}.{self.name}.faults")
        return (kit, *own) if self.reference else ()

    def check(self, grade_id: str) -> Check | None:
        """Return the check that scores the cell ``grade_id``, or None."""
        return next((check for check in self.checks if check.grade_id == grade_id), None)

    def room(self, name: str) -> ModuleType | None:
        """Return the module ``name`` of the lab's package, or None where the lab has none."""
        full = f"{PACKAGE}.{self.name}.{name}"
        return importlib.import_module(full) if importlib.util.find_spec(full) is not None else None

    def oracle(self) -> Namespace:
        """Return the reference's answers and those of the known faults, computed in this process."""
        if not self.reference:
            return Namespace({})
        functions = vars(importlib.import_module(self.reference))
        return Namespace({**functions, **fault_functions(self.faults, functions)})

    def disagreements(self) -> list[str]:
        """Return where the lab contradicts itself, a sentence each; none where it does not."""
        package = f"{PACKAGE.replace('.', '/')}/{self.name}"
        found = []
        for check in self.checks:
            keys = [line.key for line in check.lines]
            for key in sorted({key for key in keys if keys.count(key) > 1}):
                found.append(
                    f"{package}/checks.py: the check of {check.function} has two lines {key!r}. Rename one of them."
                )
            for line in check.lines:
                if not line.points > 0:
                    found.append(
                        f"{package}/checks.py: the line {check.function}.{line.key} is worth {line.points:g} points. "
                        "Give it more than 0."
                    )
        functions = {check.function for check in self.checks}
        for fault in self.faults:
            if unknown := sorted(fault.loses - self.lines.keys()):
                found.append(
                    f"{package}/faults.py: the fault {fault.id!r} loses {', '.join(unknown)}, and no check has such a "
                    "line. Name lines as function.key."
                )
            if bool(fault.hint) != bool(fault.second_hint):
                found.append(
                    f"{package}/faults.py: the fault {fault.id!r} has one level of its hint alone. Write both hint and "
                    "second_hint, or neither."
                )
            for other in sorted(fault.together.keys() - {one.id for one in self.faults}):
                found.append(
                    f"{package}/faults.py: the fault {fault.id!r} comes together with {other!r}, which is none. Name "
                    "another fault."
                )
            if not fault.loses:
                found.append(
                    f"{package}/faults.py: the fault {fault.id!r} loses no line. Say which lines it costs, or delete "
                    "it."
                )
            if fault.to == "function" and fault.function not in functions:
                found.append(
                    f"{package}/faults.py: the fault {fault.id!r} is one of the function {fault.function!r}, which no "
                    "check asks. Name a function that is checked."
                )
        ids = [fault.id for fault in self.faults]
        for id in sorted({id for id in ids if ids.count(id) > 1}):
            found.append(f"{package}/faults.py: two faults are called {id!r}. Rename one of them.")
        found += self._without_reference(package)
        return found

    def _without_reference(self, package: str) -> list[str]:
        asked = [check.function for check in self.checks if check.wording is not None]
        if asked and not self.reference:
            return [f"{package}/__init__.py: the checks of {', '.join(asked)} need right answers. Name the reference."]
        known = self.oracle().functions if asked else {}
        return [
            f"{package}/reference.py: there is no function {function}, which the check of that name compares with."
            for function in asked
            if function not in known
        ]
