"""What is published about the corpus: it is the corpus, it was measured, and the room where stock runs is sealed."""

import json
from importlib import metadata
from pathlib import Path

import pytest

from benchmarks import hostile
from tests.hostile import corpus, digest


@pytest.fixture(scope="module")
def published():
    return json.loads(hostile.DATA.read_text())


def test_the_rows_are_exactly_the_corpus(published):
    rows = [[row[key] for key in ("name", "family", "tries", "digest", "honest")] for row in published["submissions"]]
    wanted = [[one.name, one.family, one.tries, digest(one), one.points] for one in corpus()]
    assert rows == wanted, "The corpus has changed. Measure it again: python -m benchmarks --only hostile"


def test_it_was_measured_with_the_nbgrader_that_is_pinned(published):
    assert published["measured_with"] == hostile.provenance()
    assert published["measured_with"]["nbgrader"] == metadata.version("nbgrader")


def test_ours_is_what_the_tests_of_the_corpus_ask(published):
    for row in published["submissions"]:
        points, status = row["ours"]["points"], row["ours"]["status"]
        assert points == row["honest"] or (status == "flagged" and points < row["honest"]), row["name"]


def test_each_row_of_stock_is_whole(published):
    for row in published["submissions"]:
        stock = row["stock"]
        assert set(stock) == {"points", "neighbor", "code", "seconds", "changed", "wrote", "read", "left"}, row["name"]
        assert all(type(stock[key]) is bool for key in ("changed", "wrote", "read", "left"))
        # Who has points was graded, and that took nbgrader some time.
        assert stock["points"] is None or stock["seconds"] > 1


def entry(honest=0.0, ours=0.0, **stock):
    usual = {"points": 0.0, "neighbor": 35.0, "code": 0, "changed": False, "wrote": False, "read": False, "left": False}
    return {"name": "one", "honest": honest, "ours": {"points": ours, "status": "graded"}, "stock": usual | stock}


def test_one_false_accept_is_missed_and_named():
    fine, bad = entry(honest=35.0, ours=35.0), entry(honest=2.0, ours=2.5)
    assert hostile.judged([fine, fine])[0].verdict == "ok"
    figure = hostile.judged([fine, bad])[0]
    assert (figure.measured, figure.verdict, figure.raw["names"]) == (1, "missed", ["one"])
    assert hostile.judged([fine, bad])[1].measured == 2


@pytest.mark.parametrize(
    ("stock", "fooled"),
    [
        ({}, False),
        ({"points": 0.5}, True),
        ({"points": None}, False),
        ({"neighbor": 34.0}, True),
        ({"neighbor": None}, True),
        ({"read": True}, True),
        ({"left": True}, True),
    ],
)
def test_what_counts_as_fooled(stock, fooled):
    assert hostile.is_fooled(entry(**stock)) == fooled
    assert not hostile.overpaid(entry(honest=35.0, points=35.0))


def test_what_was_measured_with_another_version_is_measured_again(tmp_path, monkeypatch):
    monkeypatch.setattr(hostile, "DATA", tmp_path / "hostile.json")
    assert hostile.kept() == {"submissions": []}
    hostile.write([entry()])
    assert hostile.kept()["submissions"] == [entry()]
    monkeypatch.setattr(hostile, "provenance", lambda: {"nbgrader": "another"})
    assert hostile.kept() == {"submissions": []}


LOOKS = """
import json, os, socket
def allowed(act, *arguments):
    try:
        act(*arguments)
        return True
    except OSError:
        return False
print(json.dumps({
    "uid": os.getuid(),
    "pid": os.getpid(),
    "processes": sum(name.isdigit() for name in os.listdir("/proc")),
    "writes": [p for p in ("/room/x", "/template/x", "/code/x", "/x", "/usr/x", "/etc/x") if allowed(open, p, "w")],
    "sees": [p for p in (%r, "/home", "/etc/shadow") if os.path.exists(p)],
    "network": allowed(socket.create_connection, ("192.0.2.1", 80), 1),
    "full": not allowed(lambda: os.posix_fallocate(os.open("/room/x", os.O_RDWR), 0, 2**31)),
}))
"""


def test_the_room_for_stock_is_sealed(sandbox_works, tmp_path, monkeypatch):
    looks = tmp_path / "looks.py"
    looks.write_text(LOOKS % str(hostile.ROOT / "assignments"))
    monkeypatch.setattr(hostile, "REFEREE", looks)
    for name in ("course", "code"):
        (tmp_path / name).mkdir()
        (tmp_path / name).chmod(0o777)
    said = hostile._in_a_room(tmp_path / "course", tmp_path / "code", "one")
    assert said == {
        "uid": 65534,
        "pid": 1,
        "processes": 1,
        "writes": ["/room/x"],
        "sees": [],
        "network": False,
        "full": True,
    }
    assert not list((tmp_path / "course").iterdir()) and not Path("/x").exists()


@pytest.mark.long
@pytest.mark.parametrize("name", ["compare-check", "reads-solution", "writes-others", "end-kill"])
def test_stock_fares_as_published(published, sandbox_works, tmp_path, name):
    from benchmarks.grading import make_course

    one = next(one for one in corpus() if one.name == name)
    (row,) = (row for row in published["submissions"] if row["name"] == name)
    again = hostile.stock(make_course(tmp_path / "course"), one)
    assert {**again, "seconds": 0} == {**row["stock"], "seconds": 0}
