"""A course in which whole classes of odd submissions are graded, and a browser that looks at their pages."""

import json
import os
import re
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

from autograder.console import few_words
from autograder.gradebook.course_folder import CourseFolder, open_course
from autograder.gradebook.feedback_pages import write_feedback
from autograder.grading.executors import LocalExecutor
from autograder.grading.grade import Verdict, as_record, as_stored, from_stored
from autograder.grading.pipeline import grade_all
from autograder.grading.student import MOST_BUSY, Timeouts
from autograder.labs import get_lab
from autograder.sandbox.pool import Sandbox
from autograder.submissions.sanitize import printable
from tests.conftest import scores

LAB = get_lab("lab1")
#: Names the inputs: the same seed draws the same ones. Failures print it.
SEED = os.environ.get("FUZZ_SEED", "1")
TIMEOUTS = Timeouts(cell=5.0, question=1.5, total=20.0)
MAX_MESSAGE = 5_000
#: Three times what a submission may take, also on a machine that is busy.
MAX_SECONDS = 3 * TIMEOUTS.total * MOST_BUSY
#: What is said where an exception was caught at the last moment. Here each of them is a fault.
EXCUSES = re.compile(r"could not be (graded|saved)|failed while this was graded|failed by itself")


@pytest.fixture
def tell(capsys):
    """Print a line that is seen whether the test passes or not: how many inputs were tried, and how fast."""

    def say(what, count, start):
        seconds = time.perf_counter() - start
        with capsys.disabled():
            print(f"\n{count} {what} in {seconds:.0f} s, {count / seconds:.1f} per second (FUZZ_SEED={SEED})")

    return say


@dataclass
class Classroom:
    """A course folder in which submissions are graded as `cnn-course grade` grades them."""

    folder: CourseFolder
    bare: Sandbox
    complete: Sandbox
    shown: dict[str, set] = field(default_factory=dict)

    def hand_in(self, student: str, notebook: bytes, files: dict[str, bytes] | None = None) -> Path:
        place = self.folder.step("submitted", student, "lab1")
        place.mkdir(parents=True)
        for name, content in {"lab1.ipynb": notebook, **(files or {})}.items():
            (place / name).write_bytes(content)
        return place / "lab1.ipynb"

    def grade(self, students: list[str]) -> dict[str, Verdict]:
        here = LocalExecutor(self.folder.root, LAB, [self.bare], self.complete)
        run = grade_all(self.folder, LAB, students, here, seed=1, timeouts=TIMEOUTS)
        return {graded.student: graded.verdict for graded in run}

    def scores(self) -> dict[str, dict[str, tuple[float | None, bool]]]:
        return {
            student: {name: score for name, score in found.items() if name != "discussion"}
            for student, found in scores(self.folder.root).items()
        }

    def page(self, student: str) -> str:
        (page,) = write_feedback(self.folder, LAB, [student])
        assert not page.problem, page.problem
        return page.path.read_text()


@pytest.fixture
def classroom(course, bare_sandbox, sandbox):
    return Classroom(open_course(course), bare_sandbox, sandbox)


@pytest.fixture(scope="session")
def tiny(released):
    """The solved lab with one answer, its check and some cells of a student's own: quick to grade, 2 points right."""
    notebook = json.loads((released / "assignments" / "source" / "lab1" / "lab1.ipynb").read_text())
    names = ("setup", "flatten_layer", "check_flatten_layer", "discussion")
    kept = [cell for cell in notebook["cells"] if cell["metadata"].get("nbgrader", {}).get("grade_id") in names]
    assert len(kept) == len(names)
    free = [
        {"cell_type": kind, "id": f"free-{number}", "metadata": {}, "source": f"x = {number}"}
        | ({"execution_count": None, "outputs": []} if kind == "code" else {})
        for number, kind in enumerate(("markdown", "code", "raw", "markdown"))
    ]
    return json.dumps({**notebook, "cells": [*kept, *free]}).encode()


def wrong_verdict(verdict: Verdict, most: float) -> str | None:
    """Return what is wrong with a verdict on an odd submission, or None."""
    lines = [(line.title, line.points) for check in LAB.checks for line in check.lines]
    if [(item.title, item.max_points) for item in verdict.items] != lines:
        return "its items are not those of the rubric"
    if not 0 <= verdict.points <= most:
        return f"it has {verdict.points} points"
    if excuse := next(filter(EXCUSES.search, verdict.flags), None):
        return excuse
    for text in [*verdict.flags, *(item.message for item in verdict.items)]:
        if text != printable(text) or len(text) > MAX_MESSAGE:
            return f"it says {text[:200]!r}… ({len(text)} characters)"
    if any(bool(item.message) == item.passed for item in verdict.items):
        return "an item is lost without a reason"
    if verdict.seconds > MAX_SECONDS:
        return f"it took {verdict.seconds:.0f} s"
    stored = json.loads(json.dumps(as_stored(verdict), allow_nan=False))
    if (from_stored(stored).items, from_stored(stored).flags) != (verdict.items, verdict.flags):
        return "it is not read as it was stored"
    few_words(json.loads(json.dumps(as_record("x", LAB, verdict), allow_nan=False, ensure_ascii=False).encode()))
    return None


def wrong_score(verdict: Verdict, stored: dict[str, tuple[float | None, bool]] | None) -> str | None:
    """Return where the gradebook disagrees with a verdict, or None."""
    if stored is None:
        return "it is not in the gradebook"
    for check in LAB.checks:
        earned = sum(item.points for item in verdict.of_check(check.grade_id))
        if stored.get(check.grade_id) is None or abs(stored[check.grade_id][0] - earned) > 1e-9:
            return f"the gradebook has {stored.get(check.grade_id)} for {check.grade_id}, not {earned}"
    if verdict.flags and not all(look for _, look in stored.values()):
        return "it is flagged, and the gradebook does not show it"
    return None


# What a page holds.

_ACTIVE = frozenset(
    """
    script style iframe frame frameset object embed applet form base meta link svg template noscript textarea
    annotation-xml maction semantics
    button select dialog audio video source track portal marquee animate set title plaintext xmp noembed
    """.split()  # noqa: SIM905
)
_ADDRESSES = frozenset(["href", "src", "cite", "poster", "longdesc", "xlink:href", "srcset"])
_ATTRIBUTES = frozenset(["srcdoc", "action", "formaction", "background", "ping", "http-equiv", "autofocus", "is"])
_HARMLESS = re.compile(r"(https?://|mailto:|data:image/(png|jpeg|gif);base64,|#|[^:]*$)", re.IGNORECASE)
_TEX = re.compile(r"\\(href|class|style|cssId|mmlToken)(?![A-Za-z])")

_LOOK = """
page => {
    const parsed = new DOMParser().parseFromString(page, "text/html");
    const found = [...parsed.querySelectorAll("*")].map(one => [
        one.localName, [...one.attributes].map(a => [a.name, a.value]),
        ["script", "style", "title"].includes(one.localName) ? one.textContent : "",
        one.localName == "pre" || one.localName == "code" || one.closest("pre, code, script, style, head") ? "" :
            [...one.childNodes].filter(n => n.nodeType == 3).map(n => n.nodeValue).join("\\n")]);
    return found;
}
"""


@pytest.fixture(scope="module")
def elements(chromium):
    """Parse a page: ``(name, attributes, text that runs, text that is shown)`` of each element.

    Chromium does it, without running anything; where it is not installed, Python's own parser does.
    """
    if chromium is None:
        yield _elements
        return
    window = chromium.new_page()
    yield lambda page: window.evaluate(_LOOK, page)
    window.close()


def _elements(page):
    for one in BeautifulSoup(page, "html.parser").find_all(True):
        attributes = [(key, " ".join(value) if isinstance(value, list) else value) for key, value in one.attrs.items()]
        quiet = one.name in ("pre", "code") or one.find_parent(["pre", "code", "script", "style", "head"])
        shown = "" if quiet else "\n".join(one.find_all(string=True, recursive=False))
        yield one.name, attributes, one.get_text() if one.name in ("script", "style", "title") else "", shown


def active(found, student: str) -> set:
    """Return what of the student's page runs, loads, asks for input or leads elsewhere than a plain link does.

    The name of the student at the start of the title is left out, so that two students' pages compare.
    """
    kept = set()
    for name, attributes, runs, shown in found:
        if name in _ACTIVE or (name == "input" and ("type", "checkbox") not in map(tuple, attributes)):
            kept.add((name, tuple(sorted(map(tuple, attributes))), runs.removeprefix(f"{student}, ")))
        for key, value in attributes:
            address = re.sub(r"[\x00-\x20]", "", value)
            if key.startswith("on") or key in _ATTRIBUTES or (key in _ADDRESSES and not _HARMLESS.match(address)):
                kept.add((name, key, value))
        kept |= {("TeX", tex) for tex in _TEX.findall(shown)}
    return kept
