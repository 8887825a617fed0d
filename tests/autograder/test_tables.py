"""What a student reads: every line, what to do next, and nothing that runs."""

import re

from bs4 import BeautifulSoup

from autograder.checking.rubric import Item
from autograder.checking.tables import Points, items_html, number, rubric_html, summary_html
from autograder.labs import get_lab, lab_names

ITEMS = [
    Item("check_pool", "Odd sizes <drop> the last row", 1.5, True),
    Item("check_pool", "Channels", 0.5, False, "Look at <script>alert(1)</script> & axis 2."),
]


def test_points_are_a_number_for_nbgrader_and_a_table_for_people():
    points = Points(ITEMS, "pool")
    assert points == 1.5 and repr(points) == "1.5" and isinstance(points, float)
    assert points._repr_html_() == items_html(ITEMS, "pool")


def test_the_table_says_everything_and_runs_nothing():
    html = items_html(ITEMS, "pool")
    assert "pool: 1.5 of 2 points" in html
    assert "0 of 0.5" in html and "1.5 of 1.5" in html
    assert "&lt;drop&gt;" in html and "&lt;script&gt;" in html and "<script" not in html
    assert html.count("✓ passed") == 1 and html.count("✗ not yet") == 1


def test_what_was_asked_why_and_the_example_stand_apart():
    item = Item(
        "check_pool", "Odd <sizes>", 1, False, "Asked: pool 2 × 2, giving [1]. pool is off.", "h    yours\n1 2  <b>"
    )
    html = items_html([item], "pool")
    assert "<div>Asked: pool 2 × 2, giving [1].</div>pool is off.<pre " in html
    assert ">h    yours\n1 2  &lt;b&gt;</pre>" in html and 'aria-label="Example: Odd &lt;sizes&gt;"' in html
    # Or columns fall apart where a page sets outputs in another font.
    assert re.search(r'<pre [^>]*style="[^"]*white-space:pre;[^"]*monospace', html)
    assert "<pre" not in items_html(ITEMS, "pool")
    # The summary has room for what to do, and the table below says what was asked.
    assert "pool is off." in summary_html([item]) and "Asked" not in summary_html([item])


def test_the_summary_names_the_first_thing_to_do_and_why_a_person_looks():
    html = summary_html(ITEMS, ["Cell 3: <b>left out</b>."])
    assert "Automatic points: 1.5 of 2." in html and "axis 2." in html
    assert "A person will look" in html and "&lt;b&gt;left out" in html
    assert "A person will look" not in summary_html(ITEMS)


def test_numbers_are_written_as_people_write_them():
    assert [number(value) for value in (4.0, 0.5, 0.0)] == ["4", "0.5", "0"]


def test_the_table_of_a_rubric_adds_up():
    for name in lab_names():
        lab = get_lab(name)
        bodies = BeautifulSoup(rubric_html(lab), "html.parser").select("tbody")
        assert [body.th.text for body in bodies[:-1]] == [check.function for check in lab.checks]
        lines = [float(row.select("td")[-1].text) for body in bodies[:-1] for row in body.select("tr")]
        automatic, *manual, together = (float(row.select("td, th")[-1].text) for row in bodies[-1].select("tr"))
        assert sum(lines) == automatic == lab.points
        assert automatic + sum(manual) == together == lab.points + sum(lab.manual.values())
        assert [int(body.th["rowspan"]) for body in bodies[:-1]] == [len(body.select("tr")) for body in bodies[:-1]]
