"""What a person sees of a class: progress while it is graded, a table, and a file."""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from autograder.checking.problem import without_asked
from autograder.errors import UserError
from source_lib.atomic_files import atomic_write
from source_lib.text import counted, in_series, shorten, some_of, visible

if TYPE_CHECKING:
    from autograder.checking.lab import Lab
    from autograder.gradebook.collect import Plan
    from autograder.gradebook.course_folder import CourseFolder
    from autograder.gradebook.drop import Leftovers
    from autograder.gradebook.platform_grades import FinalGrade
    from autograder.grading.changes import Change
    from autograder.grading.executors import Executor
    from autograder.grading.pipeline import Graded

console = Console()


def run_grading(
    folder: CourseFolder,
    lab: Lab,
    students: list[str],
    executor: Executor,
    seed: int | None,
    force: bool = False,
    save: bool = True,
) -> list[Graded]:
    """Grade with a progress bar; return one verdict per student, sorted.

    Parameters
    ----------
    folder : CourseFolder
    lab : Lab
    students : list of str
    executor : Executor
        Where submissions are graded.
    seed : int, optional
        Of the questions; the course's secret by default.
    force : bool
        Grade anew what was graded before.
    save : bool
        Without it nothing is written.

    Returns
    -------
    list of Graded
    """
    from autograder.grading.pipeline import grade_all

    found: list[Graded] = []
    with _progress() as progress:
        task = progress.add_task("Warming up the sandbox", total=len(students), note="")
        for graded in grade_all(
            folder,
            lab,
            students,
            executor,
            seed=seed,
            force=force,
            started=lambda: progress.update(task, description=f"Grading {lab.name}"),
            save=save,
        ):
            found.append(graded)
            kept = sum(one.kept for one in found)
            flagged = sum(one.verdict.status == "flagged" for one in found)
            notes = [f"{flagged} flagged"] + ([f"{kept} as before"] if kept else [])
            progress.update(task, advance=1, note=", ".join(notes))
    return sorted(found, key=lambda one: one.student)


def show_watch(folder: CourseFolder, lab: Lab, executor: Executor, per_day: int) -> None:
    """Grade what appears, and print a line for each submission, until the person stops it.

    Parameters
    ----------
    folder : CourseFolder
    lab : Lab
    executor : Executor
        Where submissions are graded.
    per_day : int
        Gradings of one student in a day.
    """
    from autograder.grading.watch import watch

    console.print(f"Watching {folder.step('submitted')} for {lab.name}. Ctrl-C ends it.", soft_wrap=True)
    for event in watch(folder, lab, executor, per_day):
        told = []
        if event.graded is not None:
            verdict = event.graded.verdict
            told.append(f"{verdict.points:g} of {verdict.max_points:g}{', as before' if event.graded.kept else ''}")
            told += [f"flagged: {flag}" for flag in verdict.flags if not event.graded.kept]
        told += [event.problem] if event.problem else []
        line = f"{datetime.datetime.now():%H:%M:%S} {visible(event.student)}: {'; '.join(told)}"
        console.print(escape(line), soft_wrap=True, highlight=False)


def show_changes(folder: CourseFolder, lab: Lab, graded: list[Graded]) -> None:
    """Print who would gain or lose how much by grading again, and by which lines.

    Parameters
    ----------
    folder : CourseFolder
    lab : Lab
    graded : list of Graded
        The new verdicts.
    """
    from autograder.gradebook.class_tables import handed_in_by, read_groups, with_members
    from autograder.gradebook.feedback_pages import read_gradebook
    from autograder.gradebook.item_analysis import read_verdict
    from autograder.grading.changes import alike, by_line, change_of

    recorded = read_gradebook(folder, lab)
    changes = [
        change_of(lab, one.student, read_verdict(folder, lab, one.student), recorded.get(one.student), one.verdict)
        for one in graded
    ]
    by = handed_in_by(read_groups(folder.root, lab.name), [one.student for one in graded], lab.name)
    for students, one in alike(changes):
        named = with_members(by, students)
        # Of whom the points stay, a few stand for all.
        names = in_series(list(map(visible, named))) if one.difference or one.flags else some_of(named)
        console.print(_told(names, one), soft_wrap=True, highlight=False)
    lines = by_line(changes)
    if lines:
        console.print("By line:", highlight=False)
    for line, students in lines:
        told = f"    {_signed(line.difference)}  {line.function}: {line.title}, for {counted(students, 'student')}"
        console.print(escape(told), soft_wrap=True, highlight=False)
    differences = [one.difference for one in changes if one.before is not None]
    gain, lose = sum(one > 0 for one in differences), sum(one < 0 for one in differences)
    new = len(changes) - len(differences)
    console.print(
        f"{gain} would gain, {lose} would lose, {len(differences) - gain - lose} keep their automatic points"
        f"{f', {new} have no grade yet' if new else ''}. Nothing was written.",
        soft_wrap=True,
        highlight=False,
    )


def _told(names: str, change: Change) -> str:
    before = "no grade" if change.before is None else f"{change.before:g}"
    more = f" ({_signed(change.difference)})" if change.before is not None and change.difference else ""
    told = [f"{names}: {before} → {change.after:g}{more}"]
    told += [f"    {_signed(line.difference)}  {line.function}: {line.title}" for line in change.lines]
    told += [f"    {name}: other lines than before, but the points that a person gave stay" for name in change.by_hand]
    told += [f"    would be flagged: {flag}" for flag in change.flags]
    return escape("\n".join(told))


def _signed(points: float) -> str:
    return f"{'+' if points > 0 else '−'}{abs(points):g}"


def table(records: list[dict]) -> Table:
    """Return the table of a class: student, points, and why points were lost in a few words."""
    shown = Table(title="Automatic points", title_justify="left")
    shown.add_column("student", no_wrap=True)
    shown.add_column("points", justify="right", no_wrap=True)
    shown.add_column("status", no_wrap=True)
    shown.add_column("why points were lost")
    for record in records:
        color = "yellow" if record["status"] == "flagged" else "green"
        shown.add_row(
            escape(record["student"]),
            f"{record['points']:g} of {record['max_points']:g}",
            f"[{color}]{record['status']}[/{color}]",
            escape(few_words(record)),
        )
    return shown


def summarize(records: list[dict]) -> int:
    """Print the table of a class and what a person must look at; return how many are flagged."""
    console.print(table(records))
    flagged = [record for record in records if record["status"] == "flagged"]
    for record in flagged:
        console.print(f"[yellow]{escape(record['student'])}:[/yellow] {escape(record['message'])}", soft_wrap=True)
    console.print(f"{len(records)} graded, {len(flagged)} of them flagged for a person to look at.")
    return len(flagged)


def few_words(record: dict) -> str:
    """Return in a few words what one submission lost points for."""
    lost: dict[str, list[dict]] = {}
    asked: dict[str, int] = {}
    for item in record["items"]:
        function = item["check"].removeprefix("check_")
        asked[function] = asked.get(function, 0) + 1
        if not item["passed"]:
            lost.setdefault(function, []).append(item)
    # Functions that failed as a whole for one reason are named together.
    together: dict[str, list[str]] = {}
    parts: list[str] = []
    for function, items in lost.items():
        reasons = {_without(function, without_asked(item["message"])) for item in items}
        if any(reason.startswith("is not written yet") for reason in reasons):
            reasons = {"not written yet"}
        if len(items) == asked[function] and len(reasons) == 1:
            together.setdefault(reasons.pop(), []).append(function)
        else:
            parts.append(f"{function}: {shorten('; '.join('✗ ' + item['title'] for item in items), 90)}")
    for reason, functions in together.items():
        names = "everything" if len(functions) == len(asked) else ", ".join(functions)
        parts.append(f"{names}: {shorten(' '.join(reason.split()), 100)}")
    return "\n".join(parts) or "–"


def _without(function: str, message: str) -> str:
    return message.replace(f"There is no function {function} yet.", "There is no such function yet.").removeprefix(
        f"{function} "
    )


def write_json(path: Path, records: list[dict]) -> None:
    """Write the report beside its place and rename it, so that there is never half of one.

    Parameters
    ----------
    path : pathlib.Path
    records : list of dict

    Raises
    ------
    UserError
        If it cannot be written.
    """
    text = json.dumps(records, indent=1, ensure_ascii=False) + "\n"
    try:
        with atomic_write(path) as part:
            part.write_text(text, encoding="utf-8")
            part.chmod(0o644)
    except OSError as error:
        raise UserError(f"The report {path} cannot be written: {error.strerror}. Choose another file.") from None


def update_penalties(folder: CourseFolder, lab: Lab) -> None:
    """Work out anew what being late costs, and print whose penalty is another now.

    Parameters
    ----------
    folder : CourseFolder
    lab : Lab

    Raises
    ------
    CourseError
        If the course's rule for late submissions cannot be used.
    """
    from autograder.gradebook.late import update_penalties

    changed = update_penalties(folder, lab.name)
    if changed:
        names = in_series([escape(visible(student)) for student in changed])
        console.print(f"Another penalty for handing in late than before: {names}.", soft_wrap=True)


def write_feedback_pages(folder: CourseFolder, lab: Lab, students: list[str]) -> bool:
    """Write each student's feedback page with a progress bar; return whether all were made.

    A page that fails is named and stops no other.

    Parameters
    ----------
    folder : CourseFolder
    lab : Lab
    students : list of str
        Who was graded.
    """
    from autograder.gradebook.feedback_pages import write_feedback

    failed: list[str] = []
    with _progress() as progress:
        task = progress.add_task("Writing feedback", total=len(students), note="")
        for number, page in enumerate(write_feedback(folder, lab, students), start=1):
            failed += [page.problem] if page.problem else []
            # The others of a group get a page too.
            progress.update(task, completed=number, total=max(number, len(students)))
    for reason in failed:
        console.print(f"[red]{escape(reason)}[/red]", soft_wrap=True)
    return not failed


def export(
    folder: CourseFolder, lab: Lab, platform: str, output: Path | None, fill: Path | None, column: str, so_far: bool
) -> None:
    """Write grades and feedback pages for a learning platform, and print who is not among them and why.

    Parameters
    ----------
    folder : CourseFolder
    lab : Lab
    platform : {"canvas", "moodle"}
    output : pathlib.Path, optional
        The folder to write to; ``exports`` of the course by default.
    fill : pathlib.Path, optional
        A file that was downloaded from the platform, to be filled in.
    column : str
        The title of its column of grades; may be empty.
    so_far : bool
        Write grades that are not final too.

    Raises
    ------
    UserError
        Before anything is written.
    """
    from autograder.gradebook import platform_feedback, platform_grades
    from autograder.gradebook.feedback_pages import open_gradebook

    update_penalties(folder, lab)
    with open_gradebook(folder) as gradebook:
        grades = platform_grades.class_grades(folder.root, gradebook, lab.name)
        by = platform_grades.graded_for(folder.root, gradebook, lab.name)
    if not any(not grade.exempt for grade in grades.values()):
        raise UserError(f"Nobody has a grade in {lab.name} yet. Grade it first: cnn-course grade {lab.name}")
    # Who is exempt and has handed in nevertheless has a page.
    paged = [one for one in grades if not grades[one].exempt or folder.step("feedback", one, lab.name).exists()]
    others = {one for one in paged if by.get(one, one) != one and platform == platform_grades.CANVAS}
    known = platform_grades.known_students(folder.root, lab.name, platform)
    made = platform_grades.make_csv(platform, lab, grades, known, fill, column, so_far)
    place = output or folder.root / "exports"
    table = place / f"{lab.name}-{platform}-grades.csv"
    archive = place / f"{lab.name}-{platform}-feedback.zip"
    packed = platform_feedback.pack_feedback(folder, lab, platform, set(paged) - others, known, archive)
    extra = place / f"{lab.name}-{platform}-feedback-groups.zip"
    shared = platform_feedback.pack_feedback(folder, lab, platform, others, known, extra, by) if others else None
    if shared is None or not shared.names:
        extra.unlink(missing_ok=True)
    platform_grades.write_csv(table, made.text)
    without = {**packed.left_out, **(shared.left_out if shared else {})}
    for what, left_out in (("grade", made.left_out), ("feedback", without)):
        for reason, students in _by_reason(left_out).items():
            console.print(
                f"[yellow]Without {what}:[/yellow] {escape(some_of(students))}. {escape(reason)}", soft_wrap=True
            )
    absent = sorted(known.keys() - grades.keys())
    if absent:
        names = in_series([escape(visible(student)) for student in absent])
        console.print(f"[yellow]In the roster, and nothing graded:[/yellow] {names}.", soft_wrap=True)
    console.print(f"Grades of {counted(len(made.students), 'student')}: {table}", soft_wrap=True)
    console.print(f"Feedback for {counted(len(packed.names), 'student')}: {packed.path}", soft_wrap=True)
    if shared is not None and shared.names:
        console.print(
            f"For {counted(len(shared.names), 'other member')} of groups: {shared.path}. Upload it too, unless Canvas "
            "gives each group one grade: then it shows the first pages to all of a group.",
            soft_wrap=True,
        )


def _by_reason(left_out: Mapping[str, str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for student, reason in left_out.items():
        found.setdefault(reason, []).append(student)
    return found


def take_requests(folder: CourseFolder, lab: Lab, path: Path) -> int:
    """Take in requests to look at grades again, and print what was not taken; return how many lines that are.

    Parameters
    ----------
    folder : CourseFolder
    lab : Lab
    path : pathlib.Path
        The CSV file.
    """
    from autograder.gradebook.platform_names import ROSTER
    from autograder.gradebook.regrades import read_requests, take_in
    from autograder.gradebook.roster import read_roster

    roster = read_roster(folder.root / ROSTER) if (folder.root / ROSTER).exists() else None
    read = read_requests(path, lab, _grades(folder, lab), roster)
    new = take_in(folder.root, read.requests)
    for text in read.problems:
        console.print(f"[yellow]look:[/yellow] {escape(text)}", soft_wrap=True, highlight=False)
    more = f", {counted(read.elsewhere, 'line')} about other labs" if read.elsewhere else ""
    known = len(read.requests) - len(new)
    console.print(f"{len(new)} new, {known} known before{more}.", soft_wrap=True, highlight=False)
    return len(read.problems)


def decide_request(folder: CourseFolder, lab: Lab, student: str, by: str, note: str) -> None:
    """Write down who decided a student's open requests, and print the points of then and now.

    Parameters
    ----------
    folder : CourseFolder
    lab : Lab
    student : str
    by, note : str
        Who decided, and why.
    """
    from autograder.gradebook.regrades import decide

    done = decide(folder.root, lab.name, student, _grades(folder, lab).get(student), by, note)
    for one in done:
        told = f"{visible(one.student)}: {one.before:g} → {one.after:g} of {one.most:g}, decided by {visible(one.by)}."
        console.print(escape(told), soft_wrap=True, highlight=False)


def show_requests(folder: CourseFolder, lab: Lab) -> None:
    """Print the requests about a lab that are open, and where the log is.

    Parameters
    ----------
    folder : CourseFolder
    lab : Lab
    """
    from autograder.gradebook.regrades import LOG, read_log

    log = read_log(folder.root)
    waiting = log.open_of(lab.name)
    grades = _grades(folder, lab) if waiting else {}
    for one in waiting:
        now = f"{grades[one.student].points:g}" if one.student in grades else "no grade"
        asked = f", asked {visible(one.asked)}" if one.asked else ""
        told = f"{visible(one.student)}{asked}: {one.before:g} of {one.most:g} then, {now} now\n    {visible(one.text)}"
        console.print(escape(told), soft_wrap=True, highlight=False)
    if waiting:
        console.print(
            f"Grade one anew: cnn-course grade {lab.name} --student STUDENT --force, or give the points in formgrader. "
            f"Then: cnn-course regrade {lab.name} --decide STUDENT --by NAME",
            soft_wrap=True,
            highlight=False,
        )
    if log.cut_off:
        lines = in_series([str(number) for number in log.cut_off])
        console.print(
            f"[yellow]look:[/yellow] {LOG} holds lines that were cut off ({lines}). Run again what was stopped.",
            soft_wrap=True,
            highlight=False,
        )
    decided = sum(one.after is not None and one.lab == lab.name for one in log.requests)
    console.print(f"{len(waiting)} open, {decided} decided: {folder.root / LOG}", soft_wrap=True, highlight=False)


def _grades(folder: CourseFolder, lab: Lab) -> dict[str, FinalGrade]:
    from autograder.gradebook.feedback_pages import open_gradebook
    from autograder.gradebook.platform_grades import class_grades

    with open_gradebook(folder) as gradebook:
        return class_grades(folder.root, gradebook, lab.name)


def show_leftovers(found: Leftovers, root: Path) -> None:
    """Print what there is of a student who leaves, and which tables a person must correct.

    Parameters
    ----------
    found : Leftovers
    root : pathlib.Path
        The course's folder.
    """
    console.print(f"Of {escape(visible(found.student))}:", highlight=False)
    for text in found.sentences(root):
        console.print(f"    {escape(visible(text))}", soft_wrap=True, highlight=False)
    if found.tables:
        console.print(
            f"[yellow]look:[/yellow] Yours to correct, take the lines out of {in_series(found.tables)}.", soft_wrap=True
        )
    if found.made:
        names = some_of([str(path.relative_to(root)) for path in dict.fromkeys(found.made)], other="other file")
        console.print(
            f"[yellow]look:[/yellow] May show the student until you make them again or delete them: {escape(names)}.",
            soft_wrap=True,
            highlight=False,
        )


def show_plan(plan: Plan, everyone: bool) -> int:
    """Print what was found for each student, what is taken and why; return how many things a person must look at.

    Parameters
    ----------
    plan : Plan
    everyone : bool
        Also those of whom nothing is to be said.
    """
    for one in plan.students:
        if not (everyone or one.said or one.doubts):
            continue
        when = f"{one.when:%Y-%m-%d %H:%M} UTC" if one.when else "time unknown"
        found = in_series([shorten(name, 60) for name in list(one.handed.files)[:12]])
        more = len(one.handed.files) - 12
        told = f"{escape(visible(one.student))}: {escape(one.state)}, {when}; found {escape(found) or 'nothing'}"
        console.print(f"{told}{f' and {more} more' if more > 0 else ''}", soft_wrap=True, highlight=False)
        for text in one.said:
            console.print(f"    {escape(text)}", soft_wrap=True, highlight=False)
        for text in one.doubts:
            console.print(f"    [yellow]look:[/yellow] {escape(text)}", soft_wrap=True, highlight=False)
    for text in plan.problems:
        console.print(f"[yellow]look:[/yellow] {escape(text)}", soft_wrap=True, highlight=False)
    if plan.missing:
        names = in_series([visible(name) for name in plan.missing])
        console.print(f"Missing, {len(plan.missing)} of the roster: {escape(names)}.", soft_wrap=True, highlight=False)
    return len(plan.problems) + sum(bool(one.doubts) for one in plan.students)


def _progress() -> Progress:
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[note]}"),
        TimeRemainingColumn(),
        console=console,
    )
