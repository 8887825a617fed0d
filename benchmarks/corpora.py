"""How the grader judges submissions that were written to be judged wrongly.

Each corpus lies in ``tests``, where a part of it runs with every change. Here it is tried with several seeds of the
questions, and counted.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from autograder.gradebook.course_folder import open_course
from autograder.sandbox.pool import Sandbox
from benchmarks.grading import LAB, make_course
from benchmarks.report import Figure

SEEDS, QUICK_SEEDS = (1, 2, 3, 4, 5), (1,)
WORKERS = 2


def figures(quick: bool, tell: Callable[[str], None]) -> list[Figure]:
    """Try the corpora and return the figures.

    Parameters
    ----------
    quick : bool
        One seed instead of several.
    tell : callable
        Gets a sentence for the reader now and then.

    Returns
    -------
    list of Figure

    Raises
    ------
    UserError
        If the sandbox does not work here.
    """
    seeds = QUICK_SEEDS if quick else SEEDS
    found: list[Figure] = []
    with contextlib.ExitStack() as stack:
        complete = stack.enter_context(Sandbox())
        bare = [stack.enter_context(Sandbox(**LAB.packages)) for _ in range(WORKERS)]
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="cnn-course-corpora-")))
        found += fairness(make_course(place / "fairness"), bare, complete, seeds, tell)
    return found


def fairness(
    folder: Path, bare: Sequence[Sandbox], complete: Sandbox, seeds: Sequence[int], tell: Callable[[str], None]
) -> list[Figure]:
    """Grade right submissions in a fresh course folder with the lab released, and count whom that does an injustice."""
    from tests.fairness import corpus

    course = open_course(folder)
    students = corpus.hand_in(course)
    rejected: dict[int, dict[str, list[str]]] = {}
    for seed in seeds:
        tell(f"{len(students)} right submissions, written and saved in different ways, seed {seed}")
        rejected[seed] = corpus.rejected(corpus.graded(course, students, bare, complete, seed))
        for student, reasons in rejected[seed].items():
            tell(f"  {student}: {' '.join(reasons)}")
    return false_rejects(students, rejected)


def false_rejects(students: Sequence[str], rejected: Mapping[int, Mapping[str, Sequence[str]]]) -> list[Figure]:
    """Return the figures of what was rejected of right submissions.

    Parameters
    ----------
    students : sequence of str
        The submissions.
    rejected : mapping of int to mapping of str to sequence of str
        By seed and submission, why it did not get everything or called a person.

    Returns
    -------
    list of Figure
    """
    tried = len(students) * len(rejected)
    raw = {"tried": tried, "submissions": list(students), "seeds": list(rejected), "rejected": rejected}
    return [
        Figure("right submissions: false rejects", sum(map(len, rejected.values())), at_most=0, timed=False, raw=raw),
        Figure("  right submissions tried", tried, at_least=1, timed=False),
    ]
