"""What a person sees of a class."""

import io
import json

import pytest
from rich.console import Console

from autograder.console import few_words, table, write_json
from autograder.errors import UserError


def item(function, title, passed, message=""):
    return {"check": f"check_{function}", "title": title, "passed": passed, "message": message}


def test_the_reasons_are_told_in_a_few_words():
    def words(*items, points=1):
        return few_words({"points": points, "items": list(items)})

    assert words(item("pool", "odd", True)) == "–"
    assert words(item("pool", "odd", False, "off by 3"), item("pool", "max", True)) == "pool: ✗ odd"
    gone = [item(name, "odd", False, f"{name} is not written yet.") for name in ("pool", "flat")]
    assert words(*gone) == "everything: not written yet"
    assert words(*gone, item("conv", "flip", True)) == "pool, flat: not written yet"
    asked = [
        item("pool", title, False, f"Asked: pool {title}, giving [1]. pool stopped with ValueError: 0.5 is odd.")
        for title in "ab"
    ]
    assert words(*asked) == "everything: stopped with ValueError: 0.5 is odd."


RECORD = {"student": "[bold]ada[/bold]", "status": "flagged", "points": 3.5, "max_points": 35.0, "items": []}


def test_the_table_shows_names_as_they_are():
    console = Console(width=100, record=True, file=io.StringIO())
    console.print(table([RECORD]))
    text = console.export_text()
    assert "[bold]ada[/bold]" in text and "3.5 of 35" in text and "flagged" in text


def test_a_report_takes_the_place_of_the_last_one_as_a_whole(tmp_path):
    path = tmp_path / "report.json"
    path.write_text("earlier")
    write_json(path, [RECORD])
    assert json.loads(path.read_text()) == [RECORD]
    with pytest.raises(TypeError):
        write_json(path, [{"student": object()}])
    assert json.loads(path.read_text()) == [RECORD] and list(tmp_path.iterdir()) == [path]


def test_a_report_that_cannot_be_written_is_explained(tmp_path):
    with pytest.raises(UserError, match="cannot be written"):
        write_json(tmp_path / "nowhere" / "report.json", [RECORD])
