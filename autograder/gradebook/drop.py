"""A student leaves the course: what there is of one goes, from the gradebook and the folders, and of nobody else."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from nbgrader.api import Gradebook, SubmittedAssignment

from autograder.errors import UserError
from autograder.gradebook.class_tables import EXEMPT, GROUPS, read_groups
from autograder.gradebook.collect import earlier_folder, forget_contents
from autograder.gradebook.course_folder import CourseError, CourseFolder
from autograder.gradebook.feedback_pages import open_gradebook
from autograder.gradebook.late import DEADLINES
from autograder.gradebook.platform_names import COLLECTED, ROSTER, read_collected, remove_collected
from autograder.gradebook.roster import unfit
from autograder.gradebook.store import at_once
from source_lib.text import counted, in_series, visible

STEPS = ("submitted", "autograded", "feedback")
#: What was made from a class, by lab: it shows who was there then.
MADE = ("exports", "similar", "leaderboard", "leaderboard-private")
#: Tables of the instructor's own, which no command changes.
OWN = (ROSTER, GROUPS, EXEMPT, DEADLINES)


@dataclass(frozen=True)
class Leftovers:
    """What there is of one student.

    Attributes
    ----------
    student : str
    enrolled : bool
        Whether the gradebook knows the student.
    graded : tuple of str
        The labs in the gradebook.
    folders : tuple of pathlib.Path
    collected : tuple of str
        The labs that were taken from a platform.
    tables : tuple of str
        Files of the instructor's own that name the student.
    lab : str
        The one lab that is meant; empty for all.
    made : tuple of pathlib.Path
        Files that were made from the labs concerned, which may show the student until they are made again.
    """

    student: str
    enrolled: bool
    graded: tuple[str, ...]
    folders: tuple[Path, ...]
    collected: tuple[str, ...]
    tables: tuple[str, ...]
    lab: str = ""
    made: tuple[Path, ...] = ()

    def sentences(self, root: Path) -> list[str]:
        """Return what there is, a sentence each.

        Parameters
        ----------
        root : pathlib.Path
            The course's folder.
        """
        who = "student and " if self.enrolled and not self.lab else ""
        told = [f"the gradebook: {who}{counted(len(self.graded), 'grade')} ({', '.join(self.graded) or 'none'})"]
        told = told if self.graded or who else []
        told += [
            f"{folder.relative_to(root) if folder.is_relative_to(root) else folder}: {counted(_files(folder), 'file')}"
            for folder in self.folders
        ]
        return told + ([f"{COLLECTED}: {', '.join(self.collected)}"] if self.collected else [])


def find_leftovers(course: CourseFolder, student: str, lab: str = "") -> Leftovers:
    """Return what there is of a student in a course.

    Parameters
    ----------
    course : CourseFolder
    student : str
    lab : str
        The one lab that is meant; empty for all.

    Raises
    ------
    CourseError
        If there is nothing, the id could be no student's, or others would lose the submission of their group.
    UserError
        If a table or the gradebook cannot be read.
    """
    if problem := unfit(student):
        raise CourseError(f"The id {visible(student)[:60]!r} {problem}, so there is no such student.")
    places = [course.step(step, student, lab or ".") for step in STEPS]
    places.append(earlier_folder(course, student) / lab)
    folders = tuple(folder for folder in places if folder.is_symlink() or folder.exists())
    with open_gradebook(course) as gradebook:
        everybody = [one.id for one in gradebook.students]
        graded = _graded(gradebook, student, lab)
        for name in [lab] if lab else sorted({*graded, *_handed_in(course, student)}):
            _refuse_for_group(course, gradebook, student, name)
    collected = tuple(sorted(of for of, who in read_collected(course.root) if who == student and lab in ("", of)))
    if not (folders or graded or collected or (student in everybody and not lab)):
        raise CourseError(f"There is nothing of {visible(student)} in {course.root}{f' for {lab}' if lab else ''}.")
    tables = tuple(name for name in OWN if not lab and _names(course.root / name, student))
    labs = {lab} if lab else {*graded, *collected, *_handed_in(course, student)}
    made = tuple(path for name in sorted(labs) for path in _made(course.root, name))
    return Leftovers(student, student in everybody, graded, folders, collected, tables, lab, made)


def drop(course: CourseFolder, found: Leftovers) -> None:
    """Remove what there is of a student: the grades in one step, and then the folders.

    Whatever stops it, running it again removes the rest.

    Parameters
    ----------
    course : CourseFolder
    found : Leftovers

    Raises
    ------
    UserError
        If something cannot be removed.
    """
    student = found.student
    with open_gradebook(course) as gradebook, at_once(gradebook):
        for name in found.graded:
            gradebook.remove_submission(name, student)
        if found.enrolled and not found.lab:
            gradebook.db.expire_all()
            gradebook.remove_student(student)
    for folder in found.folders:
        try:
            folder.unlink() if folder.is_symlink() else shutil.rmtree(folder)
            # With its last lab, a student's own folder goes too.
            if found.lab and not any(folder.parent.iterdir()):
                folder.parent.rmdir()
        except OSError as error:
            raise UserError(
                f"{error.filename or folder} cannot be removed: {error.strerror}. Run this again."
            ) from None
    remove_collected(course.root, [(lab, student) for lab in found.collected])
    forget_contents(course, student, found.lab)


def _graded(gradebook: Gradebook, student: str, lab: str) -> tuple[str, ...]:
    query = gradebook.db.query(SubmittedAssignment).filter(SubmittedAssignment.student_id == student)
    names = sorted(one.assignment.name for one in query)
    return tuple(name for name in names if lab in ("", name))


def _made(root: Path, lab: str) -> list[Path]:
    """Return the files that were made from a lab's class, in the folders where they are by default."""
    found = [path for folder in MADE for path in sorted((root / folder).glob(f"{lab}[.-]*"))]
    names = root / "leaderboard-private" / "names.csv"
    return found + [names] * names.is_file()


def _handed_in(course: CourseFolder, student: str) -> list[str]:
    folder = course.step("submitted", student)
    return [one.name for one in folder.iterdir() if one.is_dir()] if folder.is_dir() else []


def _refuse_for_group(course: CourseFolder, gradebook: Gradebook, student: str, lab: str) -> None:
    """Refuse to take away the submission of a whole group."""
    here = {one.student_id for one in gradebook.assignment_submissions(lab)}
    here |= {path.parent.name for path in course.step("submitted").glob(f"*/{lab}")}
    for group in read_groups(course.root, lab):
        others = [one for one in group.members if one != student]
        if student in {*group.members} & here and others and not here & set(others):
            raise CourseError(
                f"{visible(student)} handed in {lab} for {in_series([visible(one) for one in others])} too (group "
                f"{visible(group.name)}). Take {visible(student)} out of {GROUPS}, move the folder "
                f"{course.step('submitted', student, lab)} to one of the others, and grade {lab} first."
            )


def _names(path: Path, student: str) -> bool:
    """Return whether a table names a student; one that cannot be read is said elsewhere."""
    try:
        lines = path.read_text("utf-8-sig", "replace").splitlines()
    except OSError:
        return False
    return any(student in (cell.strip(' "') for cell in line.replace(";", ",").split(",")) for line in lines)


def _files(folder: Path) -> int:
    return 1 if folder.is_symlink() else sum(not path.is_dir() for path in folder.rglob("*"))
