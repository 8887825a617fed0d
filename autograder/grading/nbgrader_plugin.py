"""nbgrader's pipeline with the course's grader in it: preprocessors that `nbgrader_config.py` names."""

from __future__ import annotations

import atexit
import shutil
from dataclasses import replace
from pathlib import Path

import nbformat
from nbconvert.exporters.exporter import ResourcesDict
from nbformat.notebooknode import NotebookNode, from_dict
from nbgrader.api import Gradebook
from nbgrader.preprocessors import NbGraderPreprocessor
from traitlets import Enum, Float, Integer

from autograder.checking.lab import Lab
from autograder.checking.tables import items_html, next_steps, summary_html
from autograder.gradebook import secret
from autograder.gradebook.course_folder import NOTES
from autograder.gradebook.released_cells import read_roles
from autograder.grading import grade
from autograder.grading.course_oracle import CourseOracle
from autograder.grading.student import Timeouts
from autograder.labs import get_lab
from autograder.sandbox.pool import Sandbox
from autograder.submissions import cells, reader
from autograder.submissions.files import links_beside
from autograder.submissions.reader import StoppedError
from autograder.submissions.sanitize import new_output, safe_runs, safe_texts
from autograder.submissions.submission import read_submission


class RestoreCells(NbGraderPreprocessor):
    """Give each cell the role that the release gave it, whatever the submission says.

    Takes the place of nbgrader's ``DeduplicateIds``, with which one copied check cell stops the whole class. Roles that
    are known already come in ``resources["roles"]``.
    """

    def preprocess(self, nb: NotebookNode, resources: ResourcesDict) -> tuple[NotebookNode, ResourcesDict]:
        where = resources["nbgrader"]
        # Where the roles are known, the notebook was read by this package.
        nb = nb if resources.get("roles") else cells.clean(nb)
        roles = resources.get("roles") or read_roles(
            where["db_url"], where["assignment"], where["notebook"], Path.cwd()
        )
        notes = cells.restore(nb, roles)
        texts = [(cell.cell_type, cell.source, cell.get("attachments")) for cell in nb.cells]
        try:
            shown = reader.call(safe_texts, texts)
        except StoppedError as error:
            shown = safe_texts(texts, laid_out=False)
            notes.append(f"The text of this notebook {error}. It is shown as it is.")
            if "verdict" in resources:
                resources["verdict"].flags.append(notes[-1])
        for cell, (source, colored) in zip(nb.cells, shown, strict=True):
            cell.source = source
            if not colored:
                # nbconvert colors a cell in the language that a magic in it would name.
                cell.metadata["magics_language"] = "text"
        nb.metadata[NOTES] = from_dict({"notes": notes})
        return nb, resources


class TrustedExecute(NbGraderPreprocessor):
    """Run the notebook in the sandbox, grade it from outside, and write each verdict as its check cell's output.

    Takes the place of nbgrader's ``Execute``. A verdict in ``resources["verdict"]`` is written as it is: then the
    submission was graded before.
    """

    isolation = Enum(
        ["bubblewrap", "process"],
        default_value="bubblewrap",
        help="How student code is isolated. 'process' limits resources and protects nothing.",
    ).tag(config=True)
    seed = Integer(None, allow_none=True, help="Of the questions. By default the course's secret.").tag(config=True)
    cell_seconds = Float(Timeouts.cell, help="How long one cell may take.").tag(config=True)
    question_seconds = Float(Timeouts.question, help="How long one answer may take.").tag(config=True)
    total_seconds = Float(Timeouts.total, help="How long one submission may take.").tag(config=True)

    @property
    def timeouts(self) -> Timeouts:
        """The configured waiting times."""
        return Timeouts(self.cell_seconds, self.question_seconds, self.total_seconds)

    def preprocess(self, nb: NotebookNode, resources: ResourcesDict) -> tuple[NotebookNode, ResourcesDict]:
        where = resources["nbgrader"]
        lab = get_lab(where["assignment"])
        verdict = resources.get("verdict")
        if verdict is None:
            sandbox, oracle = _warm(self.isolation, lab)
            seed = self.seed if self.seed is not None else secret.read_or_make(Path.cwd())
            notes = list(nb.metadata.get(NOTES, {}).get("notes", []))
            # Not from the folder that nbgrader made: copying there, it followed the submission's links.
            coursedir = self.parent.parent.coursedir
            folder = coursedir.format_path(coursedir.submitted_directory, where["student"], where["assignment"])
            submitted = Path(folder) / f"{where['notebook']}.ipynb"
            _remove_copies(links_beside(submitted), Path(resources["metadata"]["path"]))
            try:
                submission = read_submission(submitted, where["student"])
                reader.call(cells.parse, submission.content, submitted.name)
            except (cells.UnreadableNotebookError, StoppedError) as error:
                reason = f"{submitted.name} {error}." if isinstance(error, StoppedError) else str(error)
                nb.cells, verdict = [], grade.unreadable(lab, reason, self.isolation)
                cells.restore(nb, read_roles(where["db_url"], where["assignment"], where["notebook"], Path.cwd()))
            else:
                submission = replace(submission, notes=(*notes, *submission.notes))
                # With other questions too, what was released is what the secret drew.
                course = Path.cwd()
                material = {} if lab.material is None else lab.material(course, secret.read_or_make(course))
                conditions = grade.Conditions(seed, timeouts=self.timeouts, material=material)
                verdict = grade.grade(nb, lab, sandbox, oracle, conditions, submission)
        for flag in verdict.flags:
            self.log.warning("%s needs a look: %s", where["student"], flag)
        write_verdict(nb, lab, verdict)
        return nb, resources


class FlagForReview(NbGraderPreprocessor):
    """Mark the scores of a flagged submission as needing a person, so that nbgrader's formgrader lists them."""

    def preprocess(self, nb: NotebookNode, resources: ResourcesDict) -> tuple[NotebookNode, ResourcesDict]:
        where = resources["nbgrader"]
        if nb.metadata.get(NOTES, {}).get("flags"):
            with Gradebook(where["db_url"]) as gradebook:
                stored = gradebook.find_submission_notebook(where["notebook"], where["assignment"], where["student"])
                for score in stored.grades:
                    score.needs_manual_grade = True
                gradebook.db.commit()
        return nb, resources


def _remove_copies(names: list[str], folder: Path) -> None:
    """Remove what nbgrader copied of a submission's links: it follows them, to the gradebook if they say so."""
    for name in names:
        if (copied := folder / name).is_dir() and not copied.is_symlink():
            shutil.rmtree(copied)
        else:
            copied.unlink(missing_ok=True)


def write_verdict(nb: NotebookNode, lab: Lab, verdict: grade.Verdict) -> None:
    """Write a verdict into a notebook, in place: what cells put out, and each check's table and points.

    The lines of the verdict go into the notebook's metadata, where `gradebook.item_analysis` reads them.
    nbgrader pays full marks for an output that is missing, negative or no plain float, so a check cell always gets
    exactly one result: a float between 0 and the cell's points.

    Parameters
    ----------
    nb : NotebookNode
        With the roles of its cells restored.
    lab : Lab
    verdict : Verdict
    """
    outputs = _outputs(verdict)
    for position, cell in enumerate(nb.cells):
        if cell.cell_type != "code":
            continue
        check = lab.check(cell.metadata.get("nbgrader", {}).get("grade_id", ""))
        if check is not None and cell.metadata["nbgrader"].get("grade"):
            items = verdict.of_check(check.grade_id)
            most = float(cell.metadata["nbgrader"]["points"])
            points = min(max(float(sum(item.points for item in items)), 0.0), most)
            data = {"text/plain": repr(points), "text/html": items_html(items, check.function)}
            cell.outputs = [new_output("execute_result", data=data, execution_count=1)]
        elif position in outputs:
            cell.outputs = outputs[position]
        elif cells.explores(cell, lab.explore_cells):
            text = "This cell only explores, so it was not run while grading.\n"
            cell.outputs = [new_output("stream", name="stdout", text=text)]
    head = nbformat.v4.new_markdown_cell(summary_html(verdict.items, verdict.flags), id="summary")
    nb.cells.insert(0, head)
    told = {
        "flags": verdict.flags,
        "isolation": verdict.isolation,
        "next": next_steps(verdict.items),
        # The gradebook has no place for the lines of a rubric: they are kept here, in the same step as the grade.
        "verdict": grade.as_stored(verdict),
    }
    nb.metadata[NOTES] = from_dict(told)


def _outputs(verdict: grade.Verdict) -> dict[int, list[NotebookNode]]:
    """Return what the cells put out as a page may show it, by position."""
    try:
        return reader.call(safe_runs, verdict.ran) if verdict.ran else {}
    except StoppedError as error:
        verdict.flags.append(f"What the cells put out {error}. It is not shown.")
        return {}


_held: dict[tuple[str, str], tuple[Sandbox, CourseOracle]] = {}


def _warm(isolation: str, lab: Lab) -> tuple[Sandbox, CourseOracle]:
    """Return the sandboxes that this process keeps warm, since nbgrader makes its preprocessors anew per notebook."""
    key = (isolation, lab.name)
    if key not in _held:
        complete = Sandbox(isolation, imports=lab.imports, lazy=not lab.reference_modules)
        sandbox = Sandbox(isolation, **lab.packages)
        atexit.register(complete.close)
        atexit.register(sandbox.close)
        _held[key] = (sandbox, CourseOracle(lab, complete, sandbox))
    return _held[key]
