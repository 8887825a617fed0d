"""An instructor sees in a minute which question failed the class, on any screen, without scripts and network."""

import csv
import io
import re
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

from autograder import cli
from autograder.checking.rubric import Item
from autograder.gradebook.item_analysis import Answered, analyze
from autograder.gradebook.report_page import lines_csv, mistakes_csv, report_html
from autograder.labs import get_lab
from benchmarks.semester import class_of, write_class

LAB = get_lab("lab1")
EVIL = '=cmd()</q><script>alert(1)</script>"'


@pytest.fixture(scope="module")
def analysis():
    return analyze(LAB, class_of(LAB, 41, seed=5))


@pytest.fixture(scope="module")
def soup(analysis):
    return BeautifulSoup(report_html(analysis), "html.parser")


def test_the_first_screen_names_the_question_and_the_mistake(soup, analysis):
    first = soup.select_one(".cards li").get_text(" ", strip=True)
    worst = max(analysis.lines, key=lambda line: (1 - line.share) * line.points)
    assert f"{worst.passed} of {worst.students}" in first and worst.title in first
    assert worst.mistakes[0].text in first and worst.mistakes[0].id in first


def test_a_line_is_called_weak_only_where_many_passed_and_many_did_not(soup, analysis):
    weak = {row.find("th").get_text(strip=True) for row in soup.select("tbody tr") if row.select(".weak")}
    known = [line for line in analysis.lines if line.discrimination is not None and line.discrimination < 0.2]
    assert weak == {line.title for line in known if 5 <= line.passed <= line.students - 5}
    assert 0 < len(weak) < len(known)


def test_all_links_lead_somewhere_and_nothing_comes_from_elsewhere(soup):
    for link in soup.find_all("a"):
        assert soup.find(id=link["href"].removeprefix("#")) is not None
    assert not soup.find_all(["script", "link", "img", "iframe"])
    assert not re.search(r"https?://", str(soup))


def test_what_a_student_wrote_is_text_on_the_page_and_in_the_tables():
    answers = []
    for number in range(12):
        items = {
            (check.grade_id, line.title): Item(check.grade_id, line.title, line.points, number > 3, EVIL)
            for check in LAB.checks
            for line in check.lines
        }
        answers.append(Answered(f"<b>{number}", items))
    made = analyze(LAB, answers)
    page = report_html(made)
    assert "<script" not in page and "&lt;script&gt;" in page and "<b>1" not in page
    for row in csv.DictReader(io.StringIO(lines_csv(made), newline="")):
        assert row["most_frequent"].startswith("'=cmd()") and row["passed"] == "8"


def test_the_tables_say_what_the_page_says(analysis):
    lines = list(csv.DictReader(io.StringIO(lines_csv(analysis), newline="")))
    assert [f"{row['check']}.{row['line']}" for row in lines] == list(LAB.lines)
    assert [float(row["share"]) for row in lines] == [round(line.share, 4) for line in analysis.lines]
    for row in csv.DictReader(io.StringIO(mistakes_csv(analysis), newline="")):
        assert int(row["students"]) == sum(int(row[f"{third}_third"]) for third in ("lower", "middle", "upper"))


def test_a_small_class_gets_no_number_that_would_be_chance():
    soup = BeautifulSoup(report_html(analyze(LAB, class_of(LAB, 5))), "html.parser")
    assert "Too few: 5 students count" in soup.get_text()
    assert {cell.get_text(strip=True) for cell in soup.select('td[data-name="Discrimination"]')} == {"–"}
    assert "Nobody counts" in report_html(analyze(LAB, [None]))


def run(monkeypatch, capsys, *arguments):
    monkeypatch.setattr("sys.argv", ["cnn-course", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    printed = capsys.readouterr()
    return ended.value.code, printed.out + printed.err


def test_the_command_writes_three_files_or_says_what_is_missing(tmp_path, monkeypatch, capsys):
    write_class(tmp_path, LAB, class_of(LAB, 12))
    code, said = run(monkeypatch, capsys, "report", "lab1", "--course", tmp_path)
    assert code == 0, said
    names = ["lab1-lines.csv", "lab1-mistakes.csv", "lab1.html"]
    assert sorted(path.name for path in (tmp_path / "reports").iterdir()) == names
    (tmp_path / "file").touch()
    code, said = run(monkeypatch, capsys, "report", "lab1", "--course", tmp_path, "--output", tmp_path / "file")
    assert code == 1 and "cannot be written" in said


@pytest.mark.parametrize(("width", "scheme"), [(390, "light"), (1280, "light"), (1280, "dark")])
def test_the_page_is_readable_and_accessible_in_a_browser(chromium, analysis, tmp_path, width, scheme):
    if chromium is None:
        pytest.skip("No Chromium here.")
    from axe_playwright_python.base import AXE_FILE_PATH

    path = tmp_path / "report.html"
    path.write_text(report_html(analysis), encoding="utf-8")
    page = chromium.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
    try:
        page.goto(path.as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        if width < 400:
            # Nothing has to be scrolled sideways in its table either.
            assert page.evaluate("[...document.querySelectorAll('.wide')].every(x => x.scrollWidth <= x.clientWidth)")
        page.click("summary")
        page.evaluate(Path(AXE_FILE_PATH).read_text())
        found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
        assert [(one["id"], node["html"][:200]) for one in found for node in one["nodes"]] == []
    finally:
        page.close()
