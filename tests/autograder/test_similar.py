"""Who has code in common with whom is found whatever it is called, and the page shows it without judging."""

import inspect
import json
import random
import re
import textwrap
import time
from pathlib import Path

import nbformat
import numpy as np
import pytest
from bs4 import BeautifulSoup

from autograder import cli
from autograder.gradebook import similar_page
from autograder.gradebook.course_folder import CourseError, open_course
from autograder.gradebook.similar import (
    THRESHOLD,
    Code,
    Comparison,
    Pair,
    code_cells,
    compare_class,
    leave_out_common,
    similar_pairs,
)
from autograder.gradebook.similar_page import similar_html
from autograder.labs import get_lab
from tests.gradebooks import make_course
from tests.labs.lab1.ways import WAYS
from tests.platforms import notebook

LAB = get_lab("lab1")
EVIL = "<b>eve & \u202eco"


def written(seed, change=lambda text: text):
    """Return a notebook in which each function is solved in one of the ways of the tests, drawn by a seed."""
    draw = random.Random(seed)
    made = nbformat.reads(notebook(LAB, answers=0).decode(), as_version=4)
    for cell in made.cells:
        ways = WAYS.get(cell.metadata.get("nbgrader", {}).get("grade_id"))
        if ways:
            cell.source = change(textwrap.dedent(inspect.getsource(ways[draw.choice(sorted(ways))])))
    return made


def renamed(text):
    """Change names, comments and spaces, as whoever wants to hide something would."""
    text = re.sub(r"\b([a-z])\b", r"\1_renamed", text)
    return "# All my own work.\n" + text.replace(" = ", "  =  ").replace("\n", "\n\n")


def put(course, student, made):
    place = course / "assignments/submitted" / student / "lab1"
    place.mkdir(parents=True, exist_ok=True)
    (place / "lab1.ipynb").write_bytes(made if isinstance(made, bytes) else nbformat.writes(made).encode())


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """Six of whom Eve has all of Ada's code under other names, Finn nothing, and Gil no notebook."""
    place = make_course(tmp_path_factory.mktemp("similar") / "course", {})
    release = place / "assignments/release/lab1"
    release.mkdir(parents=True)
    (release / "lab1.ipynb").write_bytes(notebook(LAB, answers=0))
    for seed, name in enumerate(("ada", "bob", "cleo")):
        put(place, name, written(seed))
    put(place, EVIL, written(0, renamed))
    put(place, "finn", notebook(LAB, answers=0))
    put(place, "gil", b"<html>no notebook</html>")
    return place


@pytest.fixture(scope="module")
def found(course):
    return compare_class(open_course(course), LAB, ["ada", "bob", "cleo", EVIL, "finn", "gil"])


def test_renaming_and_rewording_hide_nothing_and_others_are_left_alone(found):
    (pair,) = found.pairs
    assert {code.student for code in pair.codes} == {"ada", EVIL} and min(pair.shares) > 0.9
    assert found.students == ("ada", "bob", "cleo", EVIL)
    assert list(found.unread) == ["gil"] and "is a web page" in found.unread["gil"]


def test_marked_lines_are_those_in_common(found):
    (pair,) = found.pairs
    for code, marked in zip(pair.codes, pair.marked, strict=True):
        texts = [text.strip() for _, text in code.lines]
        own = [n for n, text in enumerate(texts) if text and not text.startswith(("#", "check("))]
        assert len(marked & set(own)) > 0.8 * len(own)
        assert not [texts[n] for n in marked if texts[n].startswith(("#", "check("))]


def code(student, *sources):
    cells = [nbformat.v4.new_code_cell(source, id=f"c{n}") for n, source in enumerate(sources)]
    return Code(student, *code_cells(json.dumps(nbformat.v4.new_notebook(cells=cells)).encode(), "x.ipynb"))


OWN = "\n".join(
    f"def f{n}(x):\n    return [x ** {n} + {n * n} * y - {n * 7} for y in range({n + 3})]" for n in range(12)
)


def test_what_the_release_gives_and_what_many_write_is_left_out():
    given, nothing = code("", OWN), code("", "x = 1")
    assert leave_out_common([code("a", OWN), code("b", OWN)], given) == []
    many = leave_out_common([code(f"s{n}", OWN) for n in range(11)], nothing)
    assert many == []
    few = leave_out_common([code(f"s{n}", OWN) for n in range(3)], nothing)
    assert len(similar_pairs(few, 0.9)) == 3


def test_those_who_write_what_many_write_are_named_and_who_wrote_nothing_is_not(tmp_path):
    course = make_course(tmp_path / "course", {})
    release = course / "assignments/release/lab1"
    release.mkdir(parents=True)
    (release / "lab1.ipynb").write_bytes(notebook(LAB, answers=0))
    copies = [f"copy{n:02}" for n in range(12)]
    for student in copies:
        put(course, student, written(1, renamed if student == "copy03" else lambda text: text))
    put(course, "own", written(2))
    put(course, "nothing", notebook(LAB, answers=0))
    found = compare_class(open_course(course), LAB, [*copies, "own", "nothing"])
    assert found.common == tuple(copies) and found.pairs == () and found.students == ("own",)
    page = BeautifulSoup(similar_html(found), "html.parser")
    assert [
        item.get_text() for item in page.find("h2", string="Nothing but what many write").find_next("ul")("li")
    ] == copies


@pytest.mark.parametrize(
    "source",
    [
        "",
        "\r\n\r\n" + OWN.replace("\n", "\r\n"),
        "class A:\n    pass\n" + OWN,
        "%matplotlib inline\n!ls\n" + OWN,
        "'''" + OWN,
        "\ufeff\ud800" + OWN,
        "x = (" * 3000,
        OWN * 40,
    ],
)
def test_odd_code_is_compared_with_itself_and_its_lines_are_found(source):
    one, other = code("a", source), code("b", source)
    left = leave_out_common([one, other], code("", "x = 1"))
    for pair in similar_pairs(left, 0.5):
        assert pair.shares[0] == pair.shares[1] and pair.marked[0] == pair.marked[1]
        assert all(0 <= line < len(one.lines) for line in pair.marked[0])


def test_a_class_of_100_stays_quick():
    codes = [code(f"s{n:03}", *(c.source for c in written(n).cells if c.cell_type == "code")) for n in range(100)]
    start = time.process_time()
    left = leave_out_common(codes, code("", "x = 1"))
    pairs = similar_pairs(left, 0.6)
    # 3 s here; as many comparisons as pairs, 4,950.
    assert time.process_time() - start < 20 and len(left) == 100
    # They draw from the same twenty ways of each function, so a few have much in common; most have not.
    assert len(pairs) < 0.01 * 4950


def test_without_the_release_nothing_is_compared(course, tmp_path):
    place = make_course(tmp_path / "course", {})
    with pytest.raises(CourseError, match="is not there, .*cnn-course release lab1"):
        compare_class(open_course(place), LAB, ["ada"])


def test_the_page_says_that_it_is_no_verdict_and_escapes_what_students_wrote(found):
    page = similar_html(found)
    soup = BeautifulSoup(page, "html.parser")
    assert "never a verdict" in soup.get_text() and soup.html["lang"] == "en"
    assert "<b>eve" not in page and "&lt;b&gt;eve &amp; \\u202eco" in page and "\u202e" not in page
    assert not soup.find_all(["script", "link", "img", "iframe"]) and not re.search(r"https?://", page)
    assert all(cell.get("scope") for cell in soup.select("th")) and soup.caption
    assert [int(one.name[1]) for one in soup.find_all(re.compile(r"^h\d$"))][:5] == [1, 2, 2, 3, 3]
    for link in soup.find_all("a"):
        assert soup.find(id=link["href"].removeprefix("#")) is not None
    assert "gil" in soup.get_text() and not re.search(r"\b(cheat|plagiar|guilty)", page, re.IGNORECASE)


def test_only_the_most_alike_are_shown_and_the_number_of_others_is_said(found, monkeypatch):
    monkeypatch.setattr(similar_page, "MOST", 1)
    page = similar_html(Comparison(LAB, found.students, found.pairs * 3, 0.6, {}))
    assert "The 1 most alike of 3 pairs are shown" in page and page.count("<section") == 1
    assert "No pair has so much in common" in similar_html(Comparison(LAB, ("a",), (), 0.6, {}))


def test_the_command_writes_a_page_for_its_owner_or_says_what_is_wrong(course, tmp_path, monkeypatch, capsys):
    def run(*arguments):
        command = ["cnn-course", "similar", "lab1", "--course", str(course), *map(str, arguments)]
        monkeypatch.setattr("sys.argv", command)
        with pytest.raises(SystemExit) as ended:
            cli.main()
        printed = capsys.readouterr()
        assert "Traceback" not in printed.out + printed.err
        return ended.value.code, " ".join((printed.out + printed.err).split())

    code, said = run()
    page = course / "similar/lab1.html"
    assert code == 0 and "1 of the pairs among 4 submissions" in said and "never a verdict" in said
    assert "Not compared: gil." in said and str(page) in said and page.stat().st_mode & 0o077 == 0
    (tmp_path / "file").touch()
    assert "cannot be written" in run("--output", tmp_path / "file")[1]
    assert run("--threshold", 3)[0] == 1
    with open(course / "groups.csv", "w") as file:
        file.write("lab,group,student\nlab1,g,ada\nlab1,g,bob\n")
    assert "each handed in lab1" in run()[1]
    (course / "groups.csv").unlink()


@pytest.mark.parametrize(("width", "scheme"), [(390, "light"), (1280, "dark")])
def test_the_page_is_readable_and_accessible_in_a_browser(chromium, found, tmp_path, width, scheme):
    if chromium is None:
        pytest.skip("No Chromium here.")
    from axe_playwright_python.base import AXE_FILE_PATH

    path = tmp_path / "similar.html"
    path.write_text(similar_html(found), encoding="utf-8")
    page = chromium.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
    try:
        page.goto(path.as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.evaluate(Path(AXE_FILE_PATH).read_text())
        violations = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
        assert [(one["id"], [node["html"][:100] for node in one["nodes"]]) for one in violations] == []
    finally:
        page.close()


def test_the_threshold_of_the_command_is_that_of_the_comparison():
    assert inspect.signature(cli.similar).parameters["threshold"].default == THRESHOLD


def test_lines_are_found_at_the_edges_of_slices():
    one = Code("a", ((1, "ab"), (1, ""), (2, "cde")), "", np.zeros((1, 2), int))
    assert one.marked(np.array([[0, 4], [2, 5]])) == {0, 2}
    assert one.marked(np.array([[3], [4]])) == frozenset() and one.marked(np.zeros((2, 0))) == frozenset()
    assert Pair((one, one), (1.0, 1.0), 0, (frozenset(), frozenset())).size == 0
