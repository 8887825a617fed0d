"""Grades as the CSV files that learning platforms take: Canvas's gradebook import and Moodle's grading worksheet.

The columns are those that the platforms' importers look for: ``lib/gradebook_importer.rb`` of Canvas, and
``mod/assign/feedback/offline/importgradeslib.php`` of Moodle. Either a new file is written, or a file that was
downloaded from the platform is filled in, which keeps everything else in it.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from nbgrader.api import Gradebook
from nbgrader.plugins import ExportPlugin
from traitlets import Bool, Unicode

from autograder.checking.lab import Lab
from autograder.errors import UserError
from autograder.gradebook.class_tables import handed_in_by, read_exempt, read_groups
from autograder.gradebook.feedback_pages import Recorded, recorded_in
from autograder.gradebook.platform_names import (
    ROSTER,
    Collected,
    read_collected,
    read_text,
)
from autograder.gradebook.roster import Enrolled, platform_number, read_roster
from autograder.submissions.sanitize import printable
from source_lib.atomic_files import atomic_write
from source_lib.text import counted, in_series, some_of, spreadsheet_cell

CANVAS, MOODLE = "canvas", "moodle"
#: Moodle's columns, as its worksheet has them in English.
_MOODLE_HEADER = (
    *("Identifier", "Full name", "Email address", "Status", "Grade", "Maximum grade", "Grade can be changed"),
    *("Last modified (submission)", "Last modified (grade)", "Feedback comments"),
)
_CANVAS_HEADER = ("Student", "ID", "SIS User ID", "SIS Login ID", "Section")
_POSSIBLE = "Points Possible"
#: What Canvas's import takes for a grade that does not count; Moodle's has no such word.
_EXCUSED = "EX"
_EXCLUDE = "Exempt: Moodle's import cannot say so. In the grader report, edit this grade and tick Excluded."


@dataclass(frozen=True)
class FinalGrade:
    """What one student has in one lab.

    Attributes
    ----------
    points, most : float
        Earned so far, less what being late costs, and possible.
    waiting : tuple of str
        What no person has decided yet, a phrase each. Where it is not empty the grade is not final.
    exempt : bool
        Whether the student need not hand in: then neither points nor maximum count.
    """

    points: float
    most: float
    waiting: tuple[str, ...] = ()
    exempt: bool = False


@dataclass(frozen=True)
class Exported:
    """A file of grades.

    Attributes
    ----------
    text : str
        Of the CSV file.
    students : tuple of str
        Whose grades are in it.
    left_out : dict of str to str
        Why the grades of others are not, a sentence each.
    """

    text: str
    students: tuple[str, ...]
    left_out: Mapping[str, str]


def grades_of(gradebook: Gradebook, lab: str) -> dict[str, FinalGrade]:
    """Return the grades of a lab by student.

    Parameters
    ----------
    gradebook : Gradebook
    lab : str
        Its name.
    """
    return {student: _grade(recorded) for student, recorded in recorded_in(gradebook, lab).items()}


def class_grades(root: Path, gradebook: Gradebook, lab: str) -> dict[str, FinalGrade]:
    """Return the grades of a lab by student, as they count: for all members of a group, and without who is exempt.

    Parameters
    ----------
    root : pathlib.Path
        The course's folder.
    gradebook : Gradebook
    lab : str
        Its name.

    Raises
    ------
    UserError
        If the table of groups or of those who are exempt is wrong.
    """
    grades = grades_of(gradebook, lab)
    grades |= {member: grades[who] for member, who in graded_for(root, gradebook, lab).items()}
    return grades | dict.fromkeys(read_exempt(root, lab), FinalGrade(0.0, 0.0, exempt=True))


def graded_for(root: Path, gradebook: Gradebook, lab: str) -> dict[str, str]:
    """Return by member of each group that has a grade, whose submission was graded.

    Parameters
    ----------
    root : pathlib.Path
        The course's folder.
    gradebook : Gradebook
    lab : str
        Its name.

    Raises
    ------
    UserError
        If the table of groups is wrong, or two of a group handed in.
    """
    students = [one.student_id for one in gradebook.assignment_submissions(lab)]
    return handed_in_by(read_groups(root, lab), students, lab)


def _grade(recorded: Recorded) -> FinalGrade:
    missing = [f"{name} is not graded yet" for name, score in recorded.scores.items() if score.points is None]
    looked_at = [name for name, score in recorded.scores.items() if score.waits and score.points is not None]
    # Of a flagged submission every part waits.
    flagged = [f"a person must look at {some_of(looked_at, 2, 'other part')}"] if looked_at else []
    return FinalGrade(max(0.0, recorded.total), recorded.most, (*missing, *flagged))


def known_students(root: Path, lab: str, platform: str) -> dict[str, Enrolled]:
    """Return what the roster and the collected submissions say of each student.

    Parameters
    ----------
    root : pathlib.Path
        The course's folder.
    lab, platform : str
        Whose submissions count.

    Returns
    -------
    dict of str to Enrolled
        The number is that of the platform where a submission came from it, or else that of the roster.

    Raises
    ------
    UserError
        If one of the files cannot be read, or two students have the same number of the platform.
    """
    enrolled = read_roster(root / ROSTER).students if (root / ROSTER).exists() else []
    known = {one.student: replace(one, platform_id=platform_number(one.platform_id)) for one in enrolled}
    for (_, student), one in read_collected(root, lab).items():
        if one.platform == platform:
            entry = known.get(student, Enrolled(student))
            known[student] = replace(
                entry, name=entry.name or called(one), platform_id=one.user_id or entry.platform_id
            )
    owners: dict[str, str] = {}
    for student, entry in known.items():
        if entry.platform_id and owners.setdefault(entry.platform_id, student) != student:
            both = f"{printable(student)} and {printable(owners[entry.platform_id])}"
            raise UserError(
                f"{both} have the same id of {platform.title()}, "
                f"{printable(entry.platform_id)}. Correct the roster, or collect {lab} again."
            )
    return known


def called(one: Collected) -> str:
    """Return the student's name as it stands in a platform's name for a submission; empty where there is none."""
    before, _, _ = one.name.partition(f"_{one.user_id}_" if one.user_id else "_")
    return before.removesuffix("_LATE")


def canvas_csv(
    columns: Mapping[str, Mapping[str, FinalGrade]], known: Mapping[str, Enrolled], so_far: bool = False
) -> Exported:
    """Return grades as a new file for Canvas's gradebook import.

    Parameters
    ----------
    columns : mapping of str to mapping
        By the title of the column, the grades by student.
    known : mapping of str to Enrolled
        As `known_students` gives it. A student without a number of Canvas is named by the id, as a SIS login.
    so_far : bool
        Whether grades that are not final are written too.
    """
    students = sorted({student for grades in columns.values() for student in grades})
    rows, written, left_out = [], [], {}
    for student in students:
        entry = known.get(student, Enrolled(student))
        cells, waiting = [], []
        for grades in columns.values():
            grade = grades.get(student)
            final = grade is not None and (so_far or not grade.waiting)
            cells.append(_cell(grade) if final else "")
            waiting += grade.waiting if grade is not None and not final else ()
        if waiting:
            left_out[student] = _because(waiting)
        if any(cells):
            written.append(student)
            login = "" if entry.platform_id else _one_line(student)
            rows.append([_one_line(entry.name or student), _one_line(entry.platform_id), "", login, "", *cells])
    most = [_most(grades) for grades in columns.values()]
    head = [
        [*_CANVAS_HEADER, *map(_one_line, columns)],
        [_POSSIBLE, *[""] * (len(_CANVAS_HEADER) - 1), *map(_points, most)],
    ]
    return Exported(_text([*head, *rows]), tuple(written), left_out)


def moodle_csv(grades: Mapping[str, FinalGrade], known: Mapping[str, Enrolled], so_far: bool = False) -> Exported:
    """Return grades as a new worksheet for Moodle's import of offline grades.

    Parameters
    ----------
    grades : mapping of str to FinalGrade
        By student.
    known : mapping of str to Enrolled
        As `known_students` gives it. Of a student without a number of Moodle, the worksheet has no line.
    so_far : bool
        Whether grades that are not final are written too.
    """
    rows, written, left_out = [], [], {}
    for student, grade in sorted(grades.items()):
        entry = known.get(student, Enrolled(student))
        if grade.exempt:
            left_out[student] = _EXCLUDE
        elif grade.waiting and not so_far:
            left_out[student] = _because(grade.waiting)
        elif not entry.platform_id:
            left_out[student] = "Moodle's id is not known. Collect the lab, or write a roster with the ids."
        else:
            written.append(student)
            who = [
                f"Participant {_one_line(entry.platform_id)}",
                _one_line(entry.name or student),
                _one_line(entry.email),
            ]
            rows.append([*who, "", _points(grade.points), _points(grade.most), "Yes", "-", "-", ""])
    return Exported(_text([_MOODLE_HEADER, *rows]), tuple(written), left_out)


def make_csv(
    platform: str,
    lab: Lab,
    grades: Mapping[str, FinalGrade],
    known: Mapping[str, Enrolled],
    fill: Path | None = None,
    column: str = "",
    so_far: bool = False,
) -> Exported:
    """Return the grades of one lab as a new file for a platform, or in one that was downloaded from there.

    Parameters
    ----------
    platform : {"canvas", "moodle"}
    lab : Lab
    grades : mapping of str to FinalGrade
        By student.
    known : mapping of str to Enrolled
        As `known_students` gives it.
    fill : pathlib.Path, optional
        The file that was downloaded.
    column : str
        The title of the column; by default Moodle's own, and in Canvas the title or the name of the lab.
    so_far : bool
        Whether grades that are not final are written too.

    Raises
    ------
    UserError
        As `fill_in` does.
    """
    if fill is not None:
        titles = [column] if column else ["Grade"] if platform == MOODLE else [lab.title, lab.name]
        return fill_in(fill, platform, grades, known, titles, so_far)
    if platform == MOODLE:
        return moodle_csv(grades, known, so_far)
    return canvas_csv({column or lab.title: grades}, known, so_far)


def fill_in(
    path: Path,
    platform: str,
    grades: Mapping[str, FinalGrade],
    known: Mapping[str, Enrolled],
    titles: Sequence[str],
    so_far: bool = False,
) -> Exported:
    """Return a file that was downloaded from a platform, with the grades of one lab in it.

    Rows of students whose grade is not final, or who are not in the gradebook, stay as they are.

    Parameters
    ----------
    path : pathlib.Path
    platform : {"canvas", "moodle"}
    grades : mapping of str to FinalGrade
        By student.
    known : mapping of str to Enrolled
        As `known_students` gives it.
    titles : sequence of str
        What the column may be called, in the order in which they are looked for. Canvas writes a number in parentheses
        after them.
    so_far : bool
        Whether grades that are not final are written too.

    Raises
    ------
    UserError
        If the file cannot be read, has no such column, or other points are possible there than in the lab.
    """
    text = read_text(path)
    delimiter = max(",;\t", key=text.partition("\n")[0].count)
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    except csv.Error as error:
        raise UserError(f"{path} is no CSV: {error}.") from None
    header = [title.strip() for title in rows[0]] if rows else []
    place = _column(path, header, titles)
    find = _finder(header, platform, known, grades)
    written, left_out = [], {}
    for number, row in enumerate(rows[1:], start=2):
        _same_points(path, platform, header, row, place, grades)
        student = find(row)
        grade = grades.get(student) if student is not None else None
        if grade is None or len(row) <= place:
            continue
        if student in written:
            raise UserError(f"{path}, row {number}: {printable(student)} is there a second time.")
        if grade.exempt and platform == MOODLE:
            left_out[student] = _EXCLUDE
        elif grade.waiting and not so_far:
            left_out[student] = _because(grade.waiting)
        else:
            row[place] = _cell(grade)
            written.append(student)
    missing = grades.keys() - set(written) - left_out.keys()
    left_out |= dict.fromkeys(sorted(missing), f"No row of {path.name} is this student's.")
    return Exported(_text(rows, delimiter), tuple(written), left_out)


def _column(path: Path, header: Sequence[str], titles: Iterable[str]) -> int:
    for title in titles:
        found = [at for at, name in enumerate(header) if re.sub(r" \(\d+\)$", "", name) == title or name == title]
        if len(found) == 1:
            return found[0]
    names = in_series([f"“{printable(name)}”" for name in header if name][:20])
    raise UserError(
        f"{path} has no single column for the grades; it has {names or 'no header'}. Name one with --column."
    )


def _finder(
    header: Sequence[str], platform: str, known: Mapping[str, Enrolled], grades: Mapping[str, FinalGrade]
) -> Callable[[Sequence[str]], str | None]:
    """Return a function that says whose a row is."""
    by_number = {entry.platform_id: student for student, entry in known.items() if entry.platform_id}
    by_email = {entry.email.casefold(): student for student, entry in known.items() if entry.email}
    number, ids = (
        ("ID", ("SIS User ID", "SIS Login ID")) if platform == CANVAS else (header[0], ("ID number", "Username"))
    )

    def find(row: Sequence[str]) -> str | None:
        cells = dict(zip(header, map(str.strip, row), strict=False))
        own = re.search(r"(?<!\d)(\d+)$", cells.get(number, ""))
        if own is not None and own[1] in by_number:
            return by_number[own[1]]
        others = [cells[name] for name in ids if cells.get(name)]
        emails = [by_email.get(text.casefold()) for text in (*others, cells.get("Email address", ""))]
        return next((one for one in (*emails, *others) if one in grades), None)

    return find


def _same_points(
    path: Path,
    platform: str,
    header: Sequence[str],
    row: Sequence[str],
    place: int,
    grades: Mapping[str, FinalGrade],
) -> None:
    """Refuse a file in which other points are possible: the platform would show shares that nobody has."""
    if platform == CANVAS:
        said = row[place] if row and row[0].strip() == _POSSIBLE and len(row) > place else ""
    else:
        at = next((at for at, name in enumerate(header) if name.casefold() == "maximum grade"), None)
        said = row[at] if at is not None and len(row) > at else ""
    most = _most(grades)
    try:
        possible = float(said.strip().replace(",", "."))
    except ValueError:
        return
    if most and abs(possible - most) > 0.005:
        raise UserError(
            f"{path} says that {_points(possible)} points are possible, and the lab has {_points(most)}. Set "
            f"{_points(most)} on the platform and download the file again."
        )


def _because(waiting: Sequence[str]) -> str:
    text = in_series([*waiting[:3], *([f"{len(waiting) - 3} more"] if len(waiting) > 3 else [])])
    return f"{text[:1].upper()}{text[1:]}."


def _most(grades: Mapping[str, FinalGrade]) -> float:
    return max((grade.most for grade in grades.values() if not grade.exempt), default=0.0)


def _cell(grade: FinalGrade) -> str:
    return _EXCUSED if grade.exempt else _points(grade.points)


def _points(points: float) -> str:
    return f"{points:.2f}".rstrip("0").rstrip(".")


def _one_line(text: str) -> str:
    return spreadsheet_cell(printable(text))


def _kept(cell: str) -> str:
    """Return a cell of a platform's own file so that no spreadsheet program runs it: numbers stay as they are."""
    return cell if re.fullmatch(r"[+-]?[\d.,]*", cell) else spreadsheet_cell(cell)


def _text(rows: Iterable[Sequence[str]], delimiter: str = ",") -> str:
    file = io.StringIO(newline="")
    # All cells are quoted: a program that splits at semicolons then finds no formula after one.
    writer = csv.writer(file, delimiter=delimiter, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerows([_kept(cell) for cell in row] for row in rows)
    return file.getvalue()


def write_csv(path: Path, text: str) -> None:
    """Write a file of grades beside its place and rename it; only its owner may read it.

    Parameters
    ----------
    path : pathlib.Path
    text : str

    Raises
    ------
    UserError
        If it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path, private=True) as part:
            part.write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror}.") from None


class _PlatformExport(ExportPlugin):
    """What both exporters share: one file of the labs asked for, and a sentence for each grade that is left out."""

    so_far = Bool(False, help="Write grades that are not final too.").tag(config=True)
    template = Unicode("", help="A file that was downloaded from the platform, to be filled in.").tag(config=True)
    column = Unicode("", help="The title of the column; by default the assignment's name.").tag(config=True)
    platform = ""

    def export(self, gradebook: Gradebook) -> None:
        """Write the file; what is not in it is logged.

        Parameters
        ----------
        gradebook : Gradebook
        """
        root = Path(self.parent.coursedir.root) if self.parent is not None else Path.cwd()
        labs = [str(name) for name in self.assignment] or [one.name for one in gradebook.assignments]
        columns = {name: self._asked(class_grades(root, gradebook, name)) for name in labs}
        made = self._made(root, columns)
        path = Path(self.to or f"{self.platform}-grades.csv")
        write_csv(path, made.text)
        for student, reason in made.left_out.items():
            self.log.warning("%s is left out. %s", student, reason)
        self.log.info("Grades of %s: %s", counted(len(made.students), "student"), path)

    def _asked(self, grades: Mapping[str, FinalGrade]) -> dict[str, FinalGrade]:
        only = {str(student) for student in self.student}
        return {student: grade for student, grade in grades.items() if not only or student in only}

    def _made(self, root: Path, columns: dict[str, dict[str, FinalGrade]]) -> Exported:
        if len(columns) != 1 and (self.platform == MOODLE or self.template or self.column):
            raise UserError("Such a file is about one assignment. Name it: --assignment '[\"NAME\"]'.")
        known: dict[str, Enrolled] = {}
        for lab in columns:
            known |= known_students(root, lab, self.platform)
        first = next(iter(columns), "")
        titles = [self.column] if self.column else []
        if self.template:
            titles += ["Grade"] if self.platform == MOODLE else [first]
            return fill_in(Path(self.template), self.platform, columns[first], known, titles, self.so_far)
        if self.platform == MOODLE:
            return moodle_csv(columns[first], known, self.so_far)
        return canvas_csv({self.column or name: grades for name, grades in columns.items()}, known, self.so_far)


class CanvasExport(_PlatformExport):
    """``nbgrader export --exporter=autograder.nbgrader_plugin.CanvasExport``: a file for Canvas's gradebook import."""

    platform = CANVAS


class MoodleExport(_PlatformExport):
    """``nbgrader export --exporter=autograder.nbgrader_plugin.MoodleExport``: a worksheet for Moodle's grade import."""

    platform = MOODLE
