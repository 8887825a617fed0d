"""The command line, ``cnn-course``: an instructor's commands from the release to the report, and a student's checks."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import sys
import warnings
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape

from autograder import console
from autograder.errors import UserError
from autograder.labs import UnknownLabError, get_lab
from source_lib.tensorflow_settings import quiet_tensorflow
from source_lib.text import visible

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np

    from autograder.checking.lab import Lab
    from autograder.sandbox.pool import Sandbox

quiet_tensorflow()

# jsonschema imports a check of web addresses where it finds one, for a second, and no notebook needs it.
sys.modules.setdefault("rfc3987_syntax", None)

FLAGGED, FAILED, STOPPED = 2, 1, 130

# typer carries a click of its own, whose base of all usage errors has no public name.
_ClickError = next(base for base in typer.BadParameter.__mro__ if base.__name__ == "ClickException")

app = typer.Typer(
    help="Release, grade and report the labs of the course.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
complaints = Console(stderr=True, soft_wrap=True)

Column = Enum("Column", {name: name for name in ("class", "probability")})
Dataset = Enum("Dataset", {"patchcam": "patchcam"})
CourseOption = Annotated[
    Path, typer.Option("--course", metavar="DIR", help="The folder that holds nbgrader_config.py.", show_default="here")
]
LabArgument = Annotated[str, typer.Argument(metavar="LAB", help="For example lab1.")]


@app.command()
def doctor(course: CourseOption = Path(".")) -> None:
    """Look whether everything that grading needs is here, and say what to do where it is not."""
    from autograder import doctor

    findings = doctor.examine(course)
    for finding in findings:
        mark = "[green]✓[/green]" if finding.fine else "[red]✗[/red]"
        console.console.print(f"{mark} {escape(finding.what)}", soft_wrap=True)
    if not all(finding.fine for finding in findings):
        raise typer.Exit(FAILED)


@app.command("new-lab")
def new_lab(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Of the lab, for example lab9.")],
    title: Annotated[str, typer.Option("--title", help="What a person calls it.")] = "",
    course: CourseOption = Path("."),
) -> None:
    """Write a minimal lab, which releases, grades and passes the tests, to start a lab of your own from."""
    from autograder.new_lab import new_lab as write

    root = course.resolve()
    for place in write(root, name, title):
        console.console.print(f"new: {place.relative_to(root)}", soft_wrap=True)
    console.console.print(
        f"Try it: cnn-course release {name}, and pytest tests/labs -k {name}. CONTRIBUTING.md says how to go on.",
        soft_wrap=True,
    )


@app.command()
def release(lab: LabArgument, course: CourseOption = Path(".")) -> None:
    """Write the student version of a lab. Refused if anything would leak with it."""
    known = get_lab(lab)
    _needs_instructor()
    from autograder.gradebook.course_folder import open_course
    from autograder.gradebook.release import release as write

    place = write(open_course(course), known)
    console.console.print(f"{escape(known.title)} is ready for students: {place}", soft_wrap=True)


@app.command()
def collect(
    lab: LabArgument,
    path: Annotated[Path, typer.Argument(metavar="PATH", help="What the platform gave: an archive or a folder.")],
    course: CourseOption = Path("."),
    roster: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Who is in the class.", show_default="roster.csv of the course")
    ] = None,
    timezone: Annotated[
        str, typer.Option(metavar="NAME", help="Of the platform's times.", show_default="Exchange.timezone, or UTC")
    ] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be taken, and write nothing.")] = False,
) -> None:
    """Take in what a learning platform gives: each student's files, under the names that grading knows."""
    known = get_lab(lab)
    _needs_instructor()
    from autograder.gradebook.collect import NEW, carry_out, planned
    from autograder.gradebook.course_folder import open_course
    from autograder.gradebook.platform_names import ROSTER
    from autograder.gradebook.roster import read_roster

    folder = open_course(course)
    if roster is None and (folder.root / ROSTER).is_file():
        roster = folder.root / ROSTER
    with planned(folder, known, path, roster and read_roster(roster), timezone) as plan:
        for _ in () if dry_run else carry_out(folder, known, plan):
            pass
        looks = console.show_plan(plan, everyone=dry_run)
        taken = sum(one.state == NEW for one in plan.students)
        would = "would be taken; nothing was written" if dry_run else "taken"
        console.console.print(f"{plan.platform}: {len(plan.students)} found, {taken} {would}.", soft_wrap=True)
    if looks:
        raise typer.Exit(FLAGGED)


@app.command()
def grade(
    lab: LabArgument,
    course: CourseOption = Path("."),
    student: Annotated[str | None, typer.Option(help="Grade one student only.")] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Submissions graded in parallel.", show_default="by their number")
    ] = None,
    dask: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Grade on the workers of a Dask cluster: tcp://HOST:8786.")
    ] = None,
    isolation: Annotated[
        str, typer.Option(help="bubblewrap, or process: resource limits only, for trusted code.")
    ] = "bubblewrap",
    seed: Annotated[
        int | None, typer.Option(min=0, help="Of the questions.", show_default="the course's secret")
    ] = None,
    json_file: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write the report here.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Grade anew what was graded before.")] = False,
    preview: Annotated[
        bool, typer.Option("--preview", help="Show who would gain or lose how much, and change nothing.")
    ] = False,
    feedback: Annotated[bool, typer.Option(help="Write feedback pages too.")] = True,
) -> None:
    """Grade what students handed in. Exits with 2 where something is flagged for a person to look at."""
    known = get_lab(lab)
    _needs_instructor()
    if json_file is not None:
        _writable(json_file)
    if dask is not None and workers is not None:
        raise UserError("--workers is for this machine. How many work on a cluster, those who start its workers say.")
    with contextlib.ExitStack() as stack:
        if dask is None:
            # They warm up while the rest is imported.
            complete, another = _sandboxes(stack, known, isolation, course)
            sandboxes = [another()]
        from autograder.gradebook.course_folder import open_course
        from autograder.grading.dask_executor import DaskExecutor
        from autograder.grading.executors import LocalExecutor
        from autograder.grading.grade import as_record
        from autograder.grading.pipeline import students_of

        folder = open_course(course)
        students = students_of(folder, known, student)
        if dask is None:
            sandboxes += [another() for _ in range(1, min(len(students), workers or _workers(len(students))))]
            executor = LocalExecutor(folder.root, known, sandboxes, complete, keep=not preview)
        else:
            executor = DaskExecutor(dask, known, isolation)
        graded = console.run_grading(folder, known, students, executor, seed, force, save=not preview)
    records = [as_record(one.student, known, one.verdict) for one in graded]
    if preview:
        console.show_changes(folder, known, graded)
        if json_file is not None:
            console.write_json(json_file, records)
        return
    console.update_penalties(folder, known)
    if json_file is not None:
        console.write_json(json_file, records)
    if feedback:
        console.write_feedback_pages(folder, known, students)
    flagged = console.summarize(records)
    if feedback:
        console.console.print(f"Feedback pages: {folder.step('feedback')}", soft_wrap=True)
    if json_file is not None:
        console.console.print(f"Report: {json_file}", soft_wrap=True)
    if flagged:
        raise typer.Exit(FLAGGED)


def _sandboxes(
    stack: contextlib.ExitStack, lab: Lab, isolation: str, course: Path
) -> tuple[Sandbox, Callable[[], Sandbox]]:
    """Start the sandbox for the course's answers, and return it with what starts one for submissions."""
    from autograder.grading import answer_cache
    from autograder.sandbox.pool import Sandbox
    from autograder.submissions import reader

    reader.prepare()
    # Where the course's answers are known, only few submissions need all packages.
    lazy = answer_cache.are_known(course, lab)
    complete = stack.enter_context(Sandbox(isolation, imports=lab.imports, lazy=lazy))
    return complete, lambda: stack.enter_context(Sandbox(isolation, **lab.packages))


@app.command()
def watch(
    lab: LabArgument,
    course: CourseOption = Path("."),
    per_day: Annotated[int, typer.Option(min=1, help="Gradings of one student in a day, in UTC.")] = 20,
    workers: Annotated[int, typer.Option(min=1, help="Submissions graded in parallel.")] = 1,
    isolation: Annotated[
        str, typer.Option(help="bubblewrap, or process: resource limits only, for trusted code.")
    ] = "bubblewrap",
) -> None:
    """Grade what appears in the folder of submissions and write its feedback page, until Ctrl-C."""
    known = get_lab(lab)
    _needs_instructor()
    with contextlib.ExitStack() as stack:
        complete, another = _sandboxes(stack, known, isolation, course)
        sandboxes = [another() for _ in range(workers)]
        from autograder.gradebook.course_folder import open_course
        from autograder.grading.executors import LocalExecutor
        from autograder.grading.pipeline import released_roles

        folder = open_course(course)
        released_roles(folder, known)
        console.show_watch(folder, known, LocalExecutor(folder.root, known, sandboxes, complete), per_day)


@app.command()
def feedback(
    lab: LabArgument,
    course: CourseOption = Path("."),
    student: Annotated[str | None, typer.Option(help="Write the page of one student only.")] = None,
) -> None:
    """Write the feedback pages again, with the points and comments that people have entered since."""
    known = get_lab(lab)
    _needs_instructor()
    from autograder.gradebook.course_folder import open_course
    from autograder.grading.pipeline import students_of

    folder = open_course(course)
    console.update_penalties(folder, known)
    written = console.write_feedback_pages(folder, known, students_of(folder, known, student))
    console.console.print(f"Feedback pages: {folder.step('feedback')}", soft_wrap=True)
    if not written:
        raise typer.Exit(FAILED)


@app.command("check-submission")
def check_submission(
    lab: LabArgument,
    folder: Annotated[
        Path | None, typer.Argument(metavar="FOLDER", help="What is handed in.", show_default="here")
    ] = None,
) -> None:
    """Look at what is about to be handed in as grading will. Exits with 1 where something is to be put right."""
    from autograder.submissions.preview import lines, preview

    known = get_lab(lab)
    place = (folder or Path(".")).resolve()
    if not place.is_dir():
        raise UserError(f"There is no folder {place}. Give the one that holds your notebook.")
    found = preview(place, known.wanted, {check.grade_id for check in known.checks}, known.explore_cells)
    for line in lines(found, known.wanted):
        console.console.print(escape(line), soft_wrap=True, highlight=False)
    if found.problems:
        raise typer.Exit(FAILED)


@app.command("check-csv")
def check_csv(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="For example run1.csv run2.csv.")],
    rows: Annotated[
        int | None, typer.Option(min=1, help="Number of test images.", show_default="as many as there are lines")
    ] = None,
    classes: Annotated[int, typer.Option(min=2, help="Number of classes.")] = 2,
    column: Annotated[Column | None, typer.Option(help="What the files should hold.", show_default="either")] = None,
) -> None:
    """Check files of predictions before they are handed in. Exits with 1 where one is wrong."""
    from source_lib import predictions

    if not predictions.check_csv(*files, rows=rows, classes=classes, column=column and column.value):
        raise typer.Exit(FAILED)


@app.command("check-masks")
def check_masks(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="For example masks.npz or masks.png.")],
    count: Annotated[
        int | None, typer.Option(min=1, help="Number of images.", show_default="as many as there are masks")
    ] = None,
    height: Annotated[int, typer.Option(min=1, max=4096, help="Rows of a mask.")] = 128,
    width: Annotated[int, typer.Option(min=1, max=4096, help="Columns of a mask.")] = 128,
    truth: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The right masks of the same images, to find misplaced ones.")
    ] = None,
) -> None:
    """Check files of masks before they are handed in. Exits with 1 where one is wrong."""
    from autograder.checking.metrics import dice_of_images
    from source_lib import masks
    from source_lib.text import counted

    right, measure = None, None
    if truth is not None:
        try:
            read = masks.read_masks(truth.read_bytes(), (height, width), count, str(truth))
        except OSError as error:
            raise UserError(f"{truth} cannot be read: {error.strerror}.") from None
        if read.values is None:
            raise UserError(str(read.problems[0]))
        right = read.values

        def measure(found: np.ndarray) -> str:
            """Return how well masks fit the right ones, as a sentence."""
            dice = dice_of_images(found, right).mean()
            return f"mean Dice coefficient {dice:.3f} over {counted(len(right), 'image')}."

    if not masks.check_masks(*files, shape=(height, width), count=count, truth=right, measure=measure):
        raise typer.Exit(FAILED)


@app.command()
def data(
    name: Annotated[Dataset, typer.Argument(help="The data set.")],
    origin: Annotated[Path, typer.Option("--from", metavar="DIR", help="Folder of the official HDF5 files.")],
    target: Annotated[
        Path | None, typer.Option("--to", metavar="DIR", help="Where to.", show_default="where the course looks first")
    ] = None,
    train: Annotated[int, typer.Option(min=2, help="Training images.")] = 20000,
    valid: Annotated[int, typer.Option(min=2, help="Validation images.")] = 3000,
    test: Annotated[int, typer.Option(min=2, help="Test images.")] = 3000,
    seed: Annotated[int, typer.Option(min=0, help="Of the random choice.")] = 0,
    labels: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the labels of the test images here, for grading alone.")
    ] = None,
) -> None:
    """Make the course's part of a data set from the official files: cut, chosen at random, classes balanced."""
    from rich.progress import Progress

    from source_lib.data import DatasetError, patchcam

    folder = target or patchcam.folder_for_data()
    counts = {"train": train, "valid": valid, "test": test}
    with Progress(console=console.console, transient=True) as bar:
        tasks = {part: bar.add_task(part, total=None) for part in counts}
        try:
            made = patchcam.make_patchcam(
                origin,
                folder,
                counts,
                seed,
                labels,
                lambda part, done, total: bar.update(tasks[part], completed=done, total=total),
            )
        except DatasetError as error:
            raise UserError(str(error)) from None
    for file in made["sha256"]:
        console.console.print(f"{folder / file}", soft_wrap=True)
    if labels is not None:
        console.console.print(f"Labels of the test images, not for students: {labels}", soft_wrap=True)


@app.command()
def leaderboard(
    lab: LabArgument,
    course: CourseOption = Path("."),
    labels: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="The labels of the test images.", show_default="where the lab has them in the course"
        ),
    ] = None,
    to: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where to.", show_default="leaderboard of the course")
    ] = None,
    private: Annotated[
        bool, typer.Option("--private", help="Show the private part too, in files of its own, for instructors.")
    ] = False,
    names: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Nicknames: a CSV file with the header student,nickname.")
    ] = None,
    anonymous: Annotated[
        bool, typer.Option("--anonymous", help="Show pseudonyms. The list of names is for you alone.")
    ] = False,
) -> None:
    """Write a page and a CSV file of what the predictions that students handed in reach."""
    _needs_instructor()
    from autograder.gradebook import secret
    from autograder.gradebook.class_tables import read_exempt
    from autograder.gradebook.course_folder import open_course
    from autograder.grading.pipeline import students_of
    from autograder.leaderboard import entries, page
    from autograder.leaderboard.board import find_contest, make_board
    from source_lib.text import some_of

    contest = find_contest(lab)
    folder = open_course(course)
    exempt = read_exempt(folder.root, lab)
    everybody = students_of(folder, contest)
    students = [student for student in everybody if student not in exempt]
    if not students:
        raise UserError(f"All who handed in {lab} are exempt from it, so there is nobody to rank.")
    own = secret.read_or_make(folder.root)
    called = entries.display_names(students, entries.read_nicknames(names) if names else {}, own if anonymous else None)
    colors = "" if contest.dataset is None else "; the first time, a classifier of colors is trained"
    with console.console.status(f"Scoring what {len(students)} handed in{colors}"):
        board = make_board(
            contest,
            {student: folder.step("submitted", student, lab) for student in students},
            labels or folder.root / contest.labels,
            own,
            folder.root,
            called,
            private,
        )
    instructors = folder.root / "leaderboard-private"
    html, table = page.write_board(board, to or (instructors if private else folder.root / "leaderboard"))
    for name, what in board.without_rank:
        console.console.print(f"[yellow]{escape(name)}:[/yellow] {escape(what)}", soft_wrap=True)
    if left_out := [student for student in everybody if student in exempt]:
        console.console.print(f"Exempt, and not on the board: {escape(some_of(left_out))}.", soft_wrap=True)
    ranked = len(students) - len(board.without_rank)
    console.console.print(
        f"{ranked} of {len(students)} have a rank. The page: {html}, and as CSV: {table}", soft_wrap=True
    )
    if private:
        console.console.print("They show the private part: not for students.", soft_wrap=True)
    if anonymous:
        path = instructors / "names.csv"
        page.write_files({path: page.names_csv(called)}, private=True)
        console.console.print(f"Who is who, not for students: {path}", soft_wrap=True)


Platform = Enum("Platform", {name: name for name in ("canvas", "moodle")})


@app.command()
def export(
    lab: LabArgument,
    platform: Annotated[Platform, typer.Option("--to", help="The learning platform.")],
    course: CourseOption = Path("."),
    fill: Annotated[
        Path | None,
        typer.Option("--fill", metavar="FILE", help="Fill in this CSV file that was downloaded from the platform."),
    ] = None,
    column: Annotated[str, typer.Option(help="The title of the column of grades in that file.")] = "",
    so_far: Annotated[bool, typer.Option("--so-far", help="Write grades that are not final too.")] = False,
    output: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where to.", show_default="exports of the course")
    ] = None,
) -> None:
    """Write grades as CSV and feedback pages as a zip, as a learning platform takes them."""
    known = get_lab(lab)
    _needs_instructor()
    from autograder.gradebook.course_folder import open_course

    console.export(open_course(course), known, platform.value, output, fill, column, so_far)


@app.command()
def similar(
    lab: LabArgument,
    course: CourseOption = Path("."),
    threshold: Annotated[
        float, typer.Option(min=0.05, max=1.0, help="Show pairs from this part of one's own code on.")
    ] = 0.6,
    output: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where to.", show_default="similar of the course")
    ] = None,
) -> None:
    """Write a page of pairs of submissions with code in common, to look at. It is never a verdict."""
    known = get_lab(lab)
    _needs_instructor()
    from autograder.gradebook.course_folder import open_course
    from autograder.gradebook.similar import compare_class
    from autograder.gradebook.similar_page import write_similar
    from autograder.grading.pipeline import students_of
    from source_lib.text import counted

    folder = open_course(course)
    students = students_of(folder, known)
    with console.console.status(f"Comparing what {len(students)} handed in"):
        found = compare_class(folder, known, students, threshold)
    page = write_similar(found, output or folder.root / "similar")
    for name, reason in sorted(found.unread.items()):
        console.console.print(
            f"[yellow]Not compared:[/yellow] {escape(visible(name))}. {escape(reason)}", soft_wrap=True
        )
    if found.common:
        names = f"{counted(len(found.common), 'submission')} of {counted(len(students), 'student')}"
        console.console.print(
            f"{names} hold nothing but what many of the class write, and are in no pair. The page names them: where "
            "whole answers have one source, it looks like this.",
            soft_wrap=True,
        )
    console.console.print(
        f"{len(found.pairs)} of the pairs among {len(found.students)} submissions have much in common. It is never a "
        f"verdict: read both sides. The page, not for students: {page}",
        soft_wrap=True,
    )


@app.command()
def accept(
    lab: LabArgument,
    students: Annotated[list[str], typer.Argument(metavar="STUDENT...", help="Whose flagged submission is fine.")],
    course: CourseOption = Path("."),
) -> None:
    """Let the automatic points of flagged submissions count, once a person has looked at them."""
    known = get_lab(lab)
    _needs_instructor()
    from autograder.gradebook.accept import accept as settle
    from autograder.gradebook.course_folder import open_course
    from source_lib.text import in_series

    for one in settle(open_course(course), known, students):
        waits = f" {in_series(one.waiting)} still to be graded by a person." if one.waiting else ""
        console.console.print(
            escape(f"{visible(one.student)}: {one.points:g} of {one.most:g} count.{waits}"),
            soft_wrap=True,
            highlight=False,
        )


@app.command()
def regrade(
    lab: LabArgument,
    course: CourseOption = Path("."),
    requests: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Take in the requests of this CSV file, such as a form's.")
    ] = None,
    decide: Annotated[str, typer.Option(metavar="STUDENT", help="Write down that a request is decided.")] = "",
    by: Annotated[str, typer.Option(metavar="NAME", help="Who decided.")] = "",
    note: Annotated[str, typer.Option(metavar="TEXT", help="Why, for the log.")] = "",
) -> None:
    """Keep a queue of requests to look at grades again, and a log of who decided what."""
    known = get_lab(lab)
    _needs_instructor()
    from autograder.gradebook.course_folder import open_course

    if requests is not None and decide:
        raise UserError("Take in requests first, and decide one after: --requests and --decide are two commands.")
    if (by or note) and not decide:
        raise UserError("--by and --note say who decided a request and why. Say whose: --decide STUDENT")
    folder = open_course(course)
    looks = console.take_requests(folder, known, requests) if requests is not None else 0
    if decide:
        console.decide_request(folder, known, decide, by, note)
    console.show_requests(folder, known)
    if looks:
        raise typer.Exit(FLAGGED)


@app.command()
def drop(
    student: Annotated[str, typer.Argument(metavar="STUDENT", help="The id, as the folders have it.")],
    course: CourseOption = Path("."),
    lab: Annotated[str, typer.Option(metavar="LAB", help="This lab alone.", show_default="all, and the student")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be removed, and remove nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Remove a student: from the gradebook, and what was handed in, graded and written. Nobody else is touched."""
    if lab:
        get_lab(lab)
    _needs_instructor()
    from autograder.gradebook import drop as leaving
    from autograder.gradebook.course_folder import open_course

    folder = open_course(course)
    found = leaving.find_leftovers(folder, student, lab)
    console.show_leftovers(found, folder.root)
    if dry_run:
        console.console.print("Nothing was removed.")
        return
    try:
        sure = yes or typer.confirm("Remove this? It cannot be brought back.")
    except typer.Abort:
        sure = False
    if not sure:
        raise UserError("Nothing was removed. Where nobody can be asked, add --yes.")
    leaving.drop(folder, found)
    console.console.print("Removed.")


@app.command()
def report(
    lab: LabArgument,
    course: CourseOption = Path("."),
    output: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where to.", show_default="reports of the course")
    ] = None,
) -> None:
    """Write a page and CSV files of what the class found hard: line by line, and which known mistakes it made."""
    known = get_lab(lab)
    _needs_instructor()
    from autograder.gradebook.course_folder import open_course
    from autograder.gradebook.item_analysis import analyze_course
    from autograder.gradebook.report_page import write_report
    from autograder.grading.pipeline import students_of

    folder = open_course(course)
    page, *tables = write_report(
        analyze_course(folder, known, students_of(folder, known)), output or folder.root / "reports"
    )
    console.console.print(f"The report: {page}, and as CSV: {' and '.join(map(str, tables))}", soft_wrap=True)


@app.command()
def demo(
    labs: Annotated[
        list[str] | None, typer.Argument(metavar="LAB", help="What is shown.", show_default="all labs")
    ] = None,
    course: CourseOption = Path("."),
    site: Annotated[bool, typer.Option("--site/--no-site", help="Build the site too.")] = True,
) -> None:
    """Build the site, release the labs, grade a sample class in the sandbox, and show the result."""
    known = [get_lab(lab) for lab in dict.fromkeys(labs or ())]
    _needs_instructor()
    from autograder import demo as show

    show.run(course, console.console, known, site)


def _writable(path: Path) -> None:
    """Find out before an hour of grading whether its report can be written."""
    if path.is_dir() or not os.access(path.parent, os.W_OK):
        raise UserError(f"The report {path} cannot be written there. Choose another file, in a folder that exists.")


def _workers(submissions: int) -> int:
    """Return how many sandboxes pay for their start-up with so many submissions."""
    return max(1, min(os.cpu_count() or 1, submissions // 20))


def _needs_instructor() -> None:
    if importlib.util.find_spec("nbgrader") is None:
        raise UserError(
            "This needs the instructor's packages, which are not installed. Install them in the course's repository "
            "with: pip install --constraint constraints.txt '.[instructor]'"
        )


def main() -> None:
    """Run the command line; a mistake gets a sentence, never a traceback."""
    # nbgrader 0.9 uses its database layer in a way that newer versions of that layer warn about.
    warnings.filterwarnings("ignore", module=r"nbgrader\..*")
    # It calls alembic by name, which lies beside Python: whoever has not activated the environment, as a timer or a
    # hub has not, would get its traceback.
    os.environ["PATH"] = os.pathsep.join(filter(None, [os.environ.get("PATH", ""), str(Path(sys.executable).parent)]))
    try:
        code = app(standalone_mode=False)
    except (typer.Abort, KeyboardInterrupt):
        code = STOPPED
    except _ClickError as error:
        error.show()
        code = FAILED
    except (UserError, UnknownLabError) as error:
        complaints.print(f"[red]cnn-course:[/red] {escape(str(error))}")
        code = FAILED
    # typer turns an interrupt into this code by itself, but for one that comes before it runs.
    if code == STOPPED:
        complaints.print("Stopped. What was graded so far is saved.")
    sys.exit(code if isinstance(code, int) else 0)
