"""A student reads what was lost, what a person said, and what is still to come: without a script or a network."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from bs4 import BeautifulSoup
from nbgrader.api import Gradebook

from autograder.gradebook import feedback_pages
from autograder.gradebook.course_folder import CourseError, open_course
from autograder.gradebook.feedback_pages import read_gradebook, render_page, write_feedback
from autograder.gradebook.item_analysis import analyze, read_verdict
from autograder.grading.executors import LocalExecutor
from autograder.grading.pipeline import grade_all
from autograder.labs import get_lab
from autograder.submissions import reader
from tests.conftest import PROGRAM

LAB = get_lab("lab1")
ANSWER = "With $a < b$:\n\n$$\\sum_{i=1}^{n} \\frac{1}{i}$$\n\n![a plot](plot.png)"
DOT = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c63f8cfc0f01f00050001ff56c72f0d0000000049454e44ae426082"
)
STUDENTS = ["flips", "untouched", "[odd]*name"]


@pytest.fixture(scope="module")
def folder(released, tmp_path_factory, bare_sandbox, sandbox):
    """A course with three graded: one lost a line and wrote an answer, one did nothing, one has an odd name."""
    place = tmp_path_factory.mktemp("feedback") / "course"
    shutil.copytree(released, place)
    steps = place / "assignments"
    for student in STUDENTS:
        origin = steps / ("release" if student == "untouched" else "source") / "lab1" / "lab1.ipynb"
        notebook = nbformat.read(origin, as_version=4)
        cells = {cell.metadata.get("nbgrader", {}).get("grade_id"): cell for cell in notebook.cells}
        if student == "flips":
            cells["conv2d_layer"].source = cells["conv2d_layer"].source.replace("::-1, ::-1", ":, :")
            cells["discussion"].source = ANSWER
            notebook.cells.append(nbformat.v4.new_raw_cell("a < b & <b>c</b>"))
        submitted = steps / "submitted" / student / "lab1"
        submitted.mkdir(parents=True)
        nbformat.write(notebook, submitted / "lab1.ipynb")
        (submitted / "plot.png").write_bytes(DOT)
    course = open_course(place)
    here = LocalExecutor(course.root, LAB, [bare_sandbox], sandbox)
    assert len(list(grade_all(course, LAB, STUDENTS, here, seed=3))) == 3
    return place


@pytest.fixture
def copy(folder, tmp_path):
    return shutil.copytree(folder, tmp_path / "course")


def page_of(folder, student="flips"):
    """Write one page and return it, parsed."""
    (page,) = write_feedback(open_course(folder), LAB, [student])
    assert not page.problem, page.problem
    return BeautifulSoup(page.path.read_text(encoding="utf-8"), "html.parser")


def overview(soup):
    """Return the table on top: by part, the points and what to do next."""
    rows = [
        [cell.get_text(" ", strip=True) for cell in row.find_all("td")] for row in soup.select(".overview tbody tr")
    ]
    return {name: (points, step) for name, points, step in rows}


def test_every_part_has_its_name_its_points_and_the_next_step(folder):
    soup = page_of(folder)
    rows = overview(soup)
    assert list(rows) == [*(check.function for check in LAB.checks), "discussion"]
    assert rows["conv2d_layer"][0] == "5.5 of 8" and "true convolution" in rows["conv2d_layer"][1]
    assert rows["pool2d_layer"] == ("4 of 4", "")
    assert soup.select_one(".total").text == "32.5 of 45 points so far"
    bars = [bar.strong.text for bar in soup.select(".bar")]
    assert bars[:3] == ["Your answer: activation", "activation", "Your answer: conv2d_layer"]
    for anchor in soup.select(".overview a, .bar a"):
        assert soup.find(id=anchor["href"].removeprefix("#")) is not None, anchor
    words = soup.get_text()
    assert "Test cell" not in words and "Student's answer" not in words
    # What is in the overview is not said again above the notebook.
    assert words.count("Automatic points: 32.5 of 35.") == 1


def test_the_lines_of_the_rubric_are_kept_with_the_grade(folder):
    course = open_course(folder)
    answers = [read_verdict(course, LAB, student) for student in STUDENTS]
    assert [len(one.items) for one in answers] == [len(LAB.lines)] * len(STUDENTS)
    assert [one.untouched for one in answers] == [False, True, False]
    analysis = analyze(LAB, answers)
    (line,) = [line for line in analysis.lines if line.passed < line.students]
    assert [(one.id, one.students) for one in line.mistakes] == [("conv2d_no_flip", 1)]


def test_a_text_that_takes_too_long_to_lay_out_is_shown_as_it_is(monkeypatch):
    monkeypatch.setattr(reader, "SECONDS", 0.001)
    monkeypatch.setattr(reader, "WALL", 10**4)
    text = "*an answer* <b>x</b> " * 2000
    feedback_pages._plain_markdown_html.cache_clear()
    html = feedback_pages._markdown_html(text)
    feedback_pages._plain_markdown_html.cache_clear()
    assert html.startswith("<p>This cell takes more than 0.001 seconds to be read. This is its text.</p><pre ")
    assert "*an answer* &lt;b&gt;x" in html and "<b>" not in html


def test_where_no_person_has_been_nothing_says_0_points(folder):
    soup = page_of(folder)
    assert overview(soup)["discussion"][0] == "not graded yet (10 points)"
    assert soup.select_one("#part-discussion .points").text == "not graded yet (10 points)"
    assert "Not graded yet: discussion (10 points)." in soup.header.get_text()


def test_an_answer_that_is_as_it_was_released_has_its_0_points_and_says_why(folder):
    soup = page_of(folder, "untouched")
    assert overview(soup)["discussion"][0] == "0 of 10" and soup.select_one(".total").text == "0 of 45 points"
    assert overview(soup)["discussion"][1] == "You have not changed this part."
    assert "You have not changed this part." in soup.select_one("#part-discussion .comment").text
    assert "No response." not in soup.get_text()
    assert "There is a comment." not in soup.get_text()


def test_what_a_person_said_and_what_being_late_costs_is_on_the_page_as_on_nbgrader_s(copy):
    with Gradebook(f"sqlite:///{copy}/gradebook.db") as gradebook:
        grade = gradebook.find_grade("discussion", "lab1", "lab1", "flips")
        grade.manual_score, grade.extra_credit, grade.needs_manual_grade = 7.25, 0.5, False
        gradebook.find_comment("discussion", "lab1", "lab1", "flips").manual_comment = "Well *said*: $x^2$."
        gradebook.find_submission_notebook("lab1", "lab1", "flips").late_submission_penalty = 10 / 3
        gradebook.db.commit()
    soup = page_of(copy)
    assert overview(soup)["discussion"] == ("7.75 of 10", "There is a comment.")
    assert overview(soup)["Handed in late"][0] == "−3.33"
    assert soup.select_one(".total").text == "36.92 of 45 points"
    comment = soup.select_one("#part-discussion .comment")
    assert comment.em.text == "said" and comment.math.msup is not None
    ours = {str(path.relative_to(copy)) for path in (copy / "assignments" / "feedback" / "flips").rglob("*")}
    # nbgrader's own command goes on working, and puts the same files in the same places.
    nbgrader = [
        Path(sys.executable).with_name("nbgrader"),
        "generate_feedback",
        "lab1",
        "--student",
        "flips",
        "--force",
    ]
    done = subprocess.run(nbgrader, cwd=copy, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert ours == {str(path.relative_to(copy)) for path in (copy / "assignments" / "feedback" / "flips").rglob("*")}
    theirs = (copy / "assignments" / "feedback" / "flips" / "lab1" / "lab1.html").read_text()
    assert re.search(r"lab1 \(Score: 36\.92 / 45\.0\)", theirs) and "Score: 7.75 / 10.0" in theirs


def test_points_that_a_person_must_confirm_are_not_final(copy):
    with Gradebook(f"sqlite:///{copy}/gradebook.db") as gradebook:
        grade = gradebook.find_grade("discussion", "lab1", "lab1", "flips")
        grade.manual_score, grade.needs_manual_grade = 7, True
        gradebook.find_grade("check_pool2d_layer", "lab1", "lab1", "flips").auto_score = None
        gradebook.db.commit()
    rows = overview(page_of(copy))
    assert rows["discussion"][0] == "7 of 10, not final yet"
    assert rows["pool2d_layer"][0] == "not graded yet (4 points)"


def test_formulas_are_laid_out_and_raw_text_is_text(folder):
    soup = page_of(folder)
    answer = soup.select_one("#part-discussion")
    inline, block = answer.find_all("math")
    assert inline.get_text() == "a<b" and block.mfrac is not None and block["display"] == "block"
    assert "$" not in answer.get_text()
    assert soup.select("main pre")[-1].text == "a < b & <b>c</b>"


def test_whoever_cannot_have_a_page_is_named_and_stops_nobody(copy):
    page_of(copy, "untouched")
    (copy / "assignments" / "autograded" / "untouched" / "lab1" / "lab1.ipynb").write_text('{"cells": [')
    pages = list(write_feedback(open_course(copy), LAB, ["ada", "untouched", "[odd]*name", "flips"]))
    assert [page.student for page in pages if not page.problem] == ["[odd]*name", "flips"]
    assert all(page.path.is_file() != bool(page.problem) for page in pages)
    assert pages[0].problem == "The feedback page of ada was not made: it was not graded."
    assert pages[1].problem.startswith("The feedback page of untouched was not made: ") and "\n" not in pages[1].problem


def test_a_gradebook_that_cannot_be_read_is_named(copy):
    (copy / "gradebook.db").write_bytes(b"no database" * 1000)
    with pytest.raises(CourseError, match="gradebook.db cannot be read"):
        list(write_feedback(open_course(copy), LAB, ["flips"]))


def test_the_command_writes_the_pages_again_with_what_was_entered_since(copy):
    with Gradebook(f"sqlite:///{copy}/gradebook.db") as gradebook:
        grade = gradebook.find_grade("discussion", "lab1", "lab1", "flips")
        grade.manual_score, grade.needs_manual_grade = 9, False
        gradebook.db.commit()
    done = subprocess.run([PROGRAM, "feedback", "lab1", "--course", copy], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    page = copy / "assignments" / "feedback" / "flips" / "lab1" / "lab1.html"
    assert "41.5 of 45 points<" in page.read_text()
    (copy / "assignments" / "autograded" / "flips" / "lab1" / "lab1.ipynb").unlink()
    done = subprocess.run([PROGRAM, "feedback", "lab1", "--course", copy], capture_output=True, text=True)
    assert done.returncode == 1 and "The feedback page of flips was not made" in done.stdout


@pytest.mark.parametrize("width", [1200, 390])
def test_in_a_browser_it_fits_loads_nothing_and_everybody_can_use_it(folder, chromium, width):
    if chromium is None:
        pytest.skip("Chromium is not installed.")
    from axe_playwright_python.base import AXE_FILE_PATH

    page_of(folder)
    path = folder / "assignments" / "feedback" / "flips" / "lab1" / "lab1.html"
    context = chromium.new_context(viewport={"width": width, "height": 900}, bypass_csp=True)
    window = context.new_page()
    loaded = []
    window.on("request", lambda request: loaded.append(request.url))
    window.goto(path.as_uri())
    assert set(loaded) == {path.as_uri(), path.with_name("plot.png").as_uri()}
    assert window.evaluate("document.documentElement.scrollWidth") <= width
    assert window.evaluate("document.querySelector('img[alt=\"a plot\"]').naturalWidth") == 1
    window.add_script_tag(path=AXE_FILE_PATH)
    options = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}
    found = window.evaluate("options => axe.run(document, options)", options)["violations"]
    assert [(one["id"], [node["html"][:200] for node in one["nodes"]]) for one in found] == []
    context.close()


def test_in_a_browser_no_script_runs_even_where_one_got_into_the_notebook(folder, chromium, tmp_path):
    if chromium is None:
        pytest.skip("Chromium is not installed.")
    course = open_course(folder)
    notebook = nbformat.read(course.step("autograded", "flips", "lab1") / "lab1.ipynb", as_version=4)
    harm = "<script>document.title = 'harm'</script><img src=plot.png onload=\"document.title = 'harm'\">"
    notebook.cells.append(nbformat.v4.new_markdown_cell(harm))
    page = tmp_path / "page.html"
    page.write_text(render_page(LAB, "flips", notebook, read_gradebook(course, LAB)["flips"]), encoding="utf-8")
    (tmp_path / "plot.png").write_bytes(DOT)
    window = chromium.new_page()
    window.goto(page.as_uri())
    assert window.evaluate("document.images[document.images.length - 1].naturalWidth") == 1
    assert window.title() == f"flips, {LAB.title}: feedback"
    window.close()
