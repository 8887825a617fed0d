"""A lab's text becomes the notebook that students get, and nothing leaks with it."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import sys
import tempfile
from pathlib import Path

import jupytext
import nbformat
from nbformat.notebooknode import NotebookNode
from nbgrader.api import MissingEntry
from nbgrader.converters import GenerateAssignment
from nbgrader.converters.base import NbGraderException
from nbgrader.coursedir import CourseDirectory
from traitlets.config import Config

from autograder.checking.lab import EXPLORE_FILE, PACKAGE, Lab
from autograder.checking.sample_class import BEGIN, END
from autograder.errors import UserError
from autograder.gradebook import secret
from autograder.gradebook.course_folder import CourseError, CourseFolder, errors_only
from autograder.gradebook.released_cells import read_roles, remember
from autograder.submissions.cells import explores
from autograder.submissions.exploring import EXPLORE_LINE, fingerprint, first_line
from source_lib.text import in_series

#: How to report: what every lab brings along, where it has no page of its own.
REPORT = Path(__file__).with_name("report.md")
#: How to install the course, open a lab and hand it in: what every lab brings along too, and a page of the book.
GET_STARTED = Path(__file__).with_name("get-started.md")
#: The first code cell of every released notebook.
INSTALL = """\
# Installs the course's package where it is missing, as on Colab, from its file beside this notebook or one folder up.
import importlib.util
from pathlib import Path

if importlib.util.find_spec("source_lib") is None:
    packages = [found for folder in (".", "..") for found in sorted(Path(folder).glob("cnn_course-*.whl"))]
    if not packages:
        raise SystemExit(
            "The course's package is missing. Put the file cnn_course-….whl beside this notebook, on Colab into the "
            "list of files on the left, and run this cell again. The page get-started.md says how to install it."
        )
    %pip install --quiet {packages[-1]}
"""
#: The last cell of every released notebook. Its first line says that grading skips it, so no lab has to know it.
LOOK = f"""\
{EXPLORE_LINE}
# Save the notebook first. This looks at the files as they lie in the folder, as grading will.
check.submission()
"""
_MARKERS = (BEGIN, END, "BEGIN HIDDEN TESTS", "BEGIN MARK SCHEME")
_WORDING = re.compile(r"solution|answer|answer[-_ ]?key|gradebook|course_secret", re.IGNORECASE)
_MACHINE = re.compile(r"(?:/(?:home|Users|root)/|[A-Za-z]:\\\\?Users\\\\?)[\w.-]+")
_COMPILED = (".pyc", ".pyo")
_SHORT = 12


class ReleaseError(UserError):
    """A release that must not be written. The text says what would leak, and where."""


def release(course: CourseFolder, lab: Lab) -> Path:
    """Write the student version of a lab, and enter the lab into the gradebook.

    The release is made in a folder of its own and searched; only then does it take the place of an earlier one.

    Parameters
    ----------
    course : CourseFolder
    lab : Lab

    Returns
    -------
    pathlib.Path
        The folder to give to students. Where the lab's package lies in the course's folder too, it learns which of the
        released cells only explore.

    Raises
    ------
    CourseError
        If the lab's text is missing.
    ReleaseError
        If the lab contradicts itself or its notebook, or the release would hold what students must not have. Nothing
        is written then.
    """
    if problems := lab.disagreements() + _untried(course.root, lab):
        raise ReleaseError(_list(f"{lab.name} contradicts itself", problems))
    source = write_source(course, lab)
    notebook = nbformat.read(source / f"{lab.name}.ipynb", as_version=4)
    if problems := disagreements(notebook, lab):
        raise ReleaseError(_list(f"{lab.name} does not agree with its rubric", problems))
    place = course.step("release", ".", lab.name)
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".release-", dir=place.parent) as beside:
        _generate(course, lab, Path(beside), save=False)
        made = Path(beside) / lab.name
        # nbgrader leaves compiled files out, but where they lie, somebody worked in the lab's folder.
        if problems := compiled(source) + leaks(made, notebook, course.root):
            raise ReleaseError(_list(f"The release of {lab.name} was not written, for it would give away", problems))
        _remember(course, lab)
        _generate(course, lab, Path(beside), save=True)
        _remember(course, lab)
        if place.exists():
            shutil.rmtree(place)
        made.rename(place)
    package = course.root.joinpath(*PACKAGE.split("."), lab.name)
    if package.is_dir() and set(found := explore_cells(notebook)) != lab.explore_cells:
        (package / EXPLORE_FILE).write_text("".join(f"{one}\n" for one in found))
    return place


def _remember(course: CourseFolder, lab: Lab) -> None:
    """Record what the gradebook says of the lab's cells: students will hold that release when there is another."""
    with contextlib.suppress(MissingEntry):
        remember(course.root, lab.name, read_roles(course.gradebook, lab.name, lab.name).values())


def explore_cells(notebook: NotebookNode) -> list[str]:
    """Return the fingerprints of the cells of a lab that only explore, in the order of the notebook.

    Parameters
    ----------
    notebook : NotebookNode
        The lab, with its tags.
    """
    return list(dict.fromkeys(fingerprint(cell.source) for cell in notebook.cells if _by_tag(cell)))


def _by_tag(cell: NotebookNode) -> bool:
    """Return whether a cell only explores, and does not say so in its first line."""
    return explores(cell) and first_line(cell.source) != EXPLORE_LINE


def _untried(root: Path, lab: Lab) -> list[str]:
    """Return what is missing of a lab's tests in a repository that has tests."""
    tests = root / "tests" / "labs"
    trial = tests / lab.name / "trial.py"
    if not tests.is_dir() or trial.is_file() and re.search(r"^VARIANTS\b", trial.read_text(), re.MULTILINE):
        return []
    return [
        f"tests/labs/{lab.name}/trial.py names no VARIANTS: right ways to solve the lab, two at least. Write them, as "
        "tests/labs/kit.py describes it"
    ]


def write_source(course: CourseFolder, lab: Lab) -> Path:
    """Write the notebook that nbgrader reads from the lab's text, with the files beside it, and return its folder.

    The text itself stays out: nbgrader copies every file of that folder into the release.

    Parameters
    ----------
    course : CourseFolder
    lab : Lab

    Returns
    -------
    pathlib.Path

    Raises
    ------
    CourseError
        If the lab's text is missing, or a file beside it cannot be read.
    """
    folder = course.root / "assignments" / lab.name
    text = folder / f"{lab.name}.md"
    if not text.is_file():
        raise CourseError(f"The text of {lab.name} is missing: {text}. A release needs the course's own repository.")
    place = course.step("source", ".", lab.name)
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".source-", dir=place.parent) as beside:
        made = Path(beside) / lab.name
        try:
            shutil.copytree(folder, made, ignore=shutil.ignore_patterns(f"{lab.name}.md", ".ipynb_checkpoints"))
        except shutil.Error as error:
            files = ", ".join(copied[0] for copied in error.args[0])
            raise CourseError(f"These files of {lab.name} cannot be read: {files}. Restore them first.") from None
        notebook = read_text(text, lab)
        nbformat.write(notebook, made / f"{lab.name}.ipynb")
        for page in (REPORT, GET_STARTED):
            if not (made / page.name).exists():
                shutil.copyfile(page, made / page.name)
        given = {} if lab.for_release is None else lab.for_release(course.root, secret.read_or_make(course.root))
        for name, content in given.items():
            (made / name).write_bytes(content)
        if place.exists():
            shutil.rmtree(place)
        made.rename(place)
    return place


def read_text(text: Path, lab: Lab) -> NotebookNode:
    """Return a lab's text as the notebook that nbgrader reads, with how to begin and a look at what is handed in.

    Parameters
    ----------
    text : pathlib.Path
        The lab as MyST.
    lab : Lab
        Says which chapters it needs.

    Returns
    -------
    NotebookNode
        The first cell, which has the title, says where to read how the course is installed. The second one installs its
        package where it is missing, and the last one looks at what will be handed in; grading skips both.
    """
    notebook = jupytext.read(text)
    notebook.metadata.pop("jupytext", None)
    install = nbformat.v4.new_code_cell(INSTALL.rstrip(), id="install", metadata={"tags": ["explore"]})
    notebook.cells[0].source = notebook.cells[0].source.rstrip() + "\n\n" + beginning(lab)
    notebook.cells.insert(1, install)
    notebook.cells.append(nbformat.v4.new_code_cell(LOOK.rstrip(), id="look"))
    return notebook


def beginning(lab: Lab) -> str:
    """Return what every notebook says about how to begin, with the chapters that the lab needs.

    Parameters
    ----------
    lab : Lab

    Examples
    --------
    >>> lab = Lab("mine", "My lab", (), {}, chapters=("Pooling", "Training", "Data"))
    >>> beginning(lab).partition(" of the")[0]
    '**To begin.** Read the chapters *Pooling*, *Training* and *Data*'
    """
    named = in_series([f"*{title}*" for title in lab.chapters])
    chapters = f"Read the chapter{'s' if len(lab.chapters) > 1 else ''} {named} of the course book. " if named else ""
    return (
        f"**To begin.** {chapters}The page [Get started]({GET_STARTED.name}), which lies beside this notebook, says "
        "how to install the course in a virtual environment, on Linux, macOS, Windows or Colab, where data goes, and "
        "how to hand in. The next cell installs the course's package where it is missing, as on Colab."
    )


def disagreements(notebook: NotebookNode, lab: Lab) -> list[str]:
    """Return where a lab's notebook and its rubric differ: one sentence for each difference.

    Parameters
    ----------
    notebook : NotebookNode
        The source, with nbgrader's metadata.
    lab : Lab

    Returns
    -------
    list of str
    """
    found: dict[str, float] = {}
    for cell in notebook.cells:
        meta = cell.metadata.get("nbgrader", {})
        if meta.get("grade"):
            found[meta["grade_id"]] = float(meta.get("points", 0))
    wanted = {check.grade_id: check.points for check in lab.checks} | lab.manual
    files = f"Correct assignments/{lab.name}/{lab.name}.md or autograder/labs/{lab.name}/."
    problems = [
        f"{name} is not in the notebook, and the checks ask for it. {files}" for name in wanted if name not in found
    ]
    problems += [
        f"{name} is in the notebook, and no check has that name. {files}" for name in found if name not in wanted
    ]
    problems += [
        f"{name} is worth {found[name]:g} points in the notebook and {points:g} in the checks. {files}"
        for name, points in wanted.items()
        if name in found and found[name] != points
    ]
    return problems


def leaks(folder: Path, source: NotebookNode, course: Path) -> list[str]:
    """Return what a release would give away, one phrase for each find.

    Parameters
    ----------
    folder : pathlib.Path
        The release.
    source : NotebookNode
        The lab with its solutions.
    course : pathlib.Path
        The course's folder, whose path must not show.

    Returns
    -------
    list of str
    """
    secrets = [*solution_lines(source), *solution_passages(source)]
    places = {str(course), str(Path.home()), sys.prefix, sys.base_prefix, tempfile.gettempdir() + "/"} - {"/", "/usr"}
    found = compiled(folder)
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.is_symlink():
            found.append(f"whatever the link {name} leads to")
        if not path.is_file() or path.is_symlink() or path.suffix in _COMPILED:
            continue
        if _WORDING.search(path.name):
            found.append(f"the file {name}, by its name a solution or an answer")
        text = path.read_bytes().decode("utf-8", "ignore")
        if path.suffix == ".ipynb":
            notebook = nbformat.reads(text, as_version=4)
            found += _outputs(notebook, name)
            # In JSON, quotes and backslashes hide what the cells say.
            text = "\n".join([_everything(notebook), text])
        stripped = "\n".join(filter(None, map(str.strip, text.splitlines())))
        found += [f"a solution, in {name}: it holds the mark {mark!r}" for mark in _MARKERS if mark in text]
        found += [f"a solution or an answer, in {name}: {line!r}" for line in secrets if line in stripped]
        found += [f"a path of this machine, in {name}: {place}" for place in sorted(places) if place in text]
        found += [f"a path of this machine, in {name}: {hit}" for hit in sorted(set(_MACHINE.findall(text)))]
    return found


def compiled(folder: Path) -> list[str]:
    """Return the compiled Python files of a folder, from which solutions can be read."""
    return [f"compiled code, {path.relative_to(folder)}" for path in folder.rglob("*") if path.suffix in _COMPILED]


def solution_lines(source: NotebookNode) -> list[str]:
    """Return the lines that stand in solutions and model answers, and nowhere else in a lab."""
    blocks, shown = _solutions(source)
    lines = dict.fromkeys(line for block in blocks for line in block)
    return [line for line in lines if len(line) >= _SHORT and not any(line in other for other in shown)]


def solution_passages(source: NotebookNode) -> list[str]:
    """Return what gives a solution away wherever it stands: its one line, or any two that follow each other."""
    blocks, _ = _solutions(source)
    passages: dict[str, None] = {}
    for block in blocks:
        pairs = zip(block, block[1:], strict=False) if len(block) > 1 else [block]
        passages |= dict.fromkeys("\n".join(lines) for lines in pairs)
    return [passage for passage in passages if len(passage) >= _SHORT]


def _solutions(source: NotebookNode) -> tuple[list[list[str]], set[str]]:
    """Return the solutions as lists of lines, and all other lines of the lab."""
    blocks: list[list[str]] = []
    shown: set[str] = set()
    for cell in source.cells:
        solution = cell.metadata.get("nbgrader", {}).get("solution", False)
        whole = solution and BEGIN not in cell.source
        inside = whole
        if whole:
            blocks.append([])
        for line in filter(None, map(str.strip, cell.source.splitlines())):
            if BEGIN in line:
                inside = True
                blocks.append([])
            elif END in line:
                inside = False
            elif inside:
                blocks[-1].append(line)
            else:
                shown.add(line)
    return blocks, shown


def _outputs(notebook: NotebookNode, name: str) -> list[str]:
    found = []
    for position, cell in enumerate(notebook.cells):
        if cell.cell_type == "code" and (cell.get("outputs") or cell.get("execution_count")):
            found.append(f"an output, in {name}: that of cell {position + 1}")
    return found


def _everything(notebook: NotebookNode) -> str:
    return "\n".join([*(cell.source for cell in notebook.cells), *(str(cell.metadata) for cell in notebook.cells)])


def _generate(course: CourseFolder, lab: Lab, place: Path, save: bool) -> None:
    config = Config(course.config)
    config.CourseDirectory.release_directory = str(place)
    config.CourseDirectory.assignment_id = lab.name
    config.GenerateAssignment.force = True
    config.GenerateAssignment.no_database = not save
    config.SaveCells.enabled = save
    directory = CourseDirectory(config=config)
    with errors_only() as said:
        try:
            GenerateAssignment(coursedir=directory, config=config).start()
        except (NbGraderException, RuntimeError) as error:
            reason = next((line for line in reversed(said) if "Error" in line), str(error)).strip().splitlines()[-1]
            raise ReleaseError(f"nbgrader did not make the release of {lab.name}: {reason}") from None


def _list(head: str, problems: list[str]) -> str:
    return head + ":" + "".join(f"{os.linesep}  - {problem}" for problem in problems)
