"""What a grader is to the corpora: something that takes what was handed in, and returns points by function or none.

Another one needs a module with a function ``ready``, and an entry in `benchmarks.graders.GRADERS`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

#: Of the questions, for graders that draw none themselves.
SEED = 1
#: How many submissions are graded in parallel by graders that take one at a time.
WORKERS = 2


class NoGradeError(Exception):
    """A grader ended without points for a submission: it crashed, or did not end. The text is what it said last."""


@dataclass(frozen=True)
class Outcome:
    """What a grader made of one submission.

    Attributes
    ----------
    points : mapping of str to float, or None
        By function; None where there is no grade.
    seconds : float
        Wall time.
    reason : str
        Why there is no grade.
    """

    points: Mapping[str, float] | None
    seconds: float
    reason: str = ""


#: Takes a folder, named as the lab, with what one student handed in: the notebook, named as the lab too, and the files
#: beside it. Returns the points by function; raises `NoGradeError`. It changes nothing there.
Grade = Callable[[Path], Mapping[str, float]]
#: Takes such folders by name, and yields each name with its outcome.
GradeAll = Callable[[Mapping[str, Path]], Iterator[tuple[str, Outcome]]]


@dataclass(frozen=True)
class Grader:
    """A grader.

    Attributes
    ----------
    name : str
        What a person calls it.
    version : str
    says : str
        What it is and how it was run, for the reader of the table.
    ready : callable
        Takes a course folder with the lab released, which nothing may change, and returns a context manager that yields
        what grades submissions; `one_by_one` makes that of what grades one.
    depends : callable
        Returns what its results depend on beside the submissions, as texts by name; where that changes, everything is
        measured anew.
    hostile_known : str
        Where the page on hostile submissions has what it pays for them: under which name. Empty where they are graded.
    """

    name: str
    version: str
    says: str
    ready: Callable[[Path], AbstractContextManager[GradeAll]]
    depends: Callable[[], Mapping[str, str]]
    hostile_known: str = ""


def one_by_one(grade: Grade, workers: int) -> GradeAll:
    """Return what grades submissions with what grades one.

    Parameters
    ----------
    grade : callable
    workers : int
        How many are graded in parallel.
    """

    def timed(folder: Path) -> Outcome:
        start = time.perf_counter()
        try:
            points, reason = grade(folder), ""
        except NoGradeError as error:
            points, reason = None, str(error)
        return Outcome(points, time.perf_counter() - start, reason)

    def grade_all(folders: Mapping[str, Path]) -> Iterator[tuple[str, Outcome]]:
        with ThreadPoolExecutor(workers) as pool:
            tasks = {pool.submit(timed, folder): name for name, folder in folders.items()}
            try:
                for task in as_completed(tasks):
                    yield tasks[task], task.result()
            finally:
                pool.shutdown(cancel_futures=True)

    return grade_all
