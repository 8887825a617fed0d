"""How long it takes to collect a class: ``python -m benchmarks.collecting --submissions 300 --runs 3``."""

from __future__ import annotations

import argparse
import shutil
import statistics
import tempfile
import time
from pathlib import Path

from autograder.gradebook.collect import carry_out, planned
from autograder.gradebook.course_folder import open_course
from autograder.gradebook.roster import read_roster
from autograder.labs import all_labs
from tests import platforms

ROOT = Path(__file__).resolve().parent.parent


def measured(platform: str, count: int, outputs: int, runs: int) -> list[tuple[float, float]]:
    """Return the seconds and the processor time that collecting takes, of the lab that asks for most files.

    Parameters
    ----------
    platform : str
        One of `tests.platforms.PLATFORMS`.
    count : int
        Submissions.
    outputs : int
        Bytes of output in each notebook.
    runs : int
        How often, each time into an empty course.
    """
    lab = max(all_labs(), key=lambda one: len(one.files))
    students = platforms.classmates(lab, count, outputs=outputs)
    seconds = []
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        shutil.copy(ROOT / "nbgrader_config.py", root)
        on_disk = platform in ("exchange", "folders")
        path = platforms.write_archive(root / ("given" if on_disk else "given.zip"), platform, lab, students)
        roster = read_roster(platforms.write_roster(root / "class.csv", students))
        for _ in range(runs):
            shutil.rmtree(root / "assignments", ignore_errors=True)
            course = open_course(root)
            start, used = time.perf_counter(), time.process_time()
            with planned(course, lab, path, roster) as plan:
                done = list(carry_out(course, lab, plan))
            seconds.append((time.perf_counter() - start, time.process_time() - used))
            assert len(done) == count and not plan.problems
    return seconds


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--submissions", type=int, default=300)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--outputs", type=int, default=200_000, help="bytes of output in each notebook")
    given = parser.parse_args()
    for platform in platforms.PLATFORMS:
        wall, used = zip(*measured(platform, given.submissions, given.outputs, given.runs), strict=True)
        print(
            f"{platform}: {given.submissions} submissions in {statistics.median(wall):.2f} s ({min(wall):.2f} to "
            f"{max(wall):.2f} in {given.runs} runs), {statistics.median(used):.2f} s of processor time",
            flush=True,
        )


if __name__ == "__main__":
    main()
