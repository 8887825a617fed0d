"""The benchmark for graders: what counts as paid right, what another grader must do, and otter's tests of the lab."""

import json
import os
import re
import shutil
import sys
import types
import zipfile

import nbformat
import numpy as np
import pytest

from autograder.sandbox import launch
from benchmarks import graders, otter_grader
from benchmarks.grader import NoGradeError, Outcome, one_by_one
from benchmarks.graders import FULL, Submitted
from benchmarks.hostile import sealed
from tests import wrong
from tests.fairness.corpus import SUBMISSIONS
from tests.labs.lab1 import variants

SUM = sum(FULL.values())
CONV = FULL["conv2d_layer"]


def less(**points):
    return {"total": SUM, "less": points, "seconds": 1.0, "load": 2.0}


def earns(**points):
    return Submitted("wrong", "one", "d", earned=FULL | points)


# What counts


@pytest.mark.parametrize(
    ("one", "result", "verdicts"),
    [
        (Submitted("right", "one", "d", earned=FULL), less(), {"exact"}),
        (Submitted("right", "one", "d", earned=FULL), less(evaluate=0.0), {"reject"}),
        (earns(conv2d_layer=CONV - 2), less(conv2d_layer=CONV - 2), {"exact"}),
        (earns(conv2d_layer=CONV - 2), less(), {"accept"}),
        (earns(conv2d_layer=CONV - 2), less(conv2d_layer=CONV - 1), {"accept"}),
        (earns(conv2d_layer=CONV - 2), less(conv2d_layer=CONV - 3), {"reject"}),
        # The same sum, in the wrong places.
        (earns(conv2d_layer=CONV - 2), less(flatten_layer=0.0), {"accept", "reject"}),
        (earns(conv2d_layer=CONV - 2), less(conv2d_layer=CONV - 2, dense_layer=0.0), {"reject"}),
        (earns(conv2d_layer=CONV - 2), {"total": None, "reason": "It crashed.", "seconds": 1.0}, {"none"}),
        (Submitted("hostile", "one", "d", earned={"": 2.0}), {"total": 2.0, "less": {}, "seconds": None}, set()),
        (Submitted("hostile", "one", "d", earned={"": 2.0}), {"total": 2.5, "less": {}, "seconds": None}, {"accept"}),
        (Submitted("hostile", "one", "d", earned={"": SUM}), {"total": 0.0, "less": {}, "seconds": None}, set()),
    ],
)
def test_verdicts(one, result, verdicts):
    assert graders.judged(one, result) == verdicts


def test_a_narrow_mistake_may_cost_anything_but_nothing():
    narrow = Submitted(
        "wrong", "one", "d", earned={name: points for name, points in FULL.items() if name != "evaluate"}
    )
    assert graders.judged(narrow, less()) == {"accept"}
    assert graders.judged(narrow, less(evaluate=FULL["evaluate"] - 0.5)) == set()
    assert graders.judged(narrow, less(evaluate=0.0)) == set()
    assert graders.judged(narrow, less(evaluate=0.0, flatten_layer=0.0)) == {"reject"}


def test_counts_are_of_what_was_graded():
    submissions = {
        one.key: one
        for one in (
            Submitted("right", "a", "d", earned=FULL),
            Submitted("right", "b", "d", earned=FULL),
            Submitted("right", "c", "d", earned=FULL),
            Submitted("wrong", "a", "d", earned=FULL | {"evaluate": 0.0}),
            Submitted("hostile", "a", "d", earned={"": 0.0}),
        )
    }
    results = {
        "right/a": less() | {"seconds": 3.0},
        "right/b": {"total": None, "reason": "", "seconds": 9.0, "load": 4.0},
        "wrong/a": less(),
    }
    counts = graders.table(submissions, results)
    assert counts["right"] == {
        "submissions": 3,
        "tried": 2,
        "accept": 0,
        "reject": 0,
        "exact": 1,
        "none": 1,
        "exact_known": 2,
        "seconds": 6.0,
        "load": 3.0,
    }
    assert (counts["wrong"]["accept"], counts["wrong"]["exact"]) == (1, 0)
    assert (counts["hostile"]["tried"], counts["hostile"]["seconds"]) == (0, None)


@pytest.mark.parametrize("column", ["accept", "reject", "none"])
def test_one_of_the_courses_own_is_enough_to_miss_and_others_are_only_told(column):
    row = {
        "submissions": 1,
        "tried": 1,
        "accept": 0,
        "reject": 0,
        "exact": 1,
        "none": 0,
        "exact_known": 1,
        "seconds": 1,
        "load": 1,
    }
    fine = dict.fromkeys(graders.CORPORA, row)
    assert {figure.verdict for figure in graders.told("course", fine)} == {"ok", "–"}
    bad = fine | {"wrong": row | {column: 1, "exact": 0}}
    assert [figure.verdict for figure in graders.told("course", bad)].count("missed") == 2
    assert {figure.verdict for figure in graders.told("otter", bad)} == {"–"}


# Another grader


def by_a_third(folder):
    """Pay what a file says: as simple as a grader can be."""
    said = json.loads((folder / "points.json").read_text())
    if said is None:
        raise NoGradeError("It crashed.")
    return said


def handed_in(tmp_path, **said):
    for name, points in said.items():
        (tmp_path / name / "lab1").mkdir(parents=True)
        (tmp_path / name / "lab1" / "points.json").write_text(json.dumps(points))
    return {f"right/{name}": tmp_path / name / "lab1" for name in said}


def test_a_third_grader_is_one_function(tmp_path):
    folders = handed_in(tmp_path, ann=FULL, bob=FULL | {"evaluate": 1.5}, eve=None, joe={})
    submissions = {key: Submitted("right", key.partition("/")[2], "d", earned=FULL) for key in folders}
    found = dict(graders.graded(one_by_one(by_a_third, 2), submissions, folders))
    assert {key: result["total"] for key, result in found.items()} == {
        "right/ann": SUM,
        "right/bob": SUM - FULL["evaluate"] + 1.5,
        "right/eve": None,
        "right/joe": 0.0,
    }
    assert found["right/bob"]["less"] == {"evaluate": 1.5}
    assert found["right/eve"]["reason"] == "It crashed."
    counts = graders.table(submissions, found)["right"]
    assert (counts["exact"], counts["reject"], counts["none"]) == (1, 2, 1)


def test_a_fault_of_the_adapter_is_no_grade_of_the_grader(tmp_path):
    (tmp_path / "ann" / "lab1").mkdir(parents=True)
    one = Submitted("right", "ann", "d", earned=FULL)
    with pytest.raises(FileNotFoundError):
        list(graders.graded(one_by_one(by_a_third, 1), {one.key: one}, {one.key: tmp_path / "ann" / "lab1"}))


def test_what_is_scored_by_time_gets_more_tries_and_the_best_one_counts():
    slow, fast = FULL | {"fast_conv2d_layer": 2.0}, FULL
    tries = {"noisy": [slow, fast], "slow": [slow, slow, slow, slow], "wrong": [FULL | {"evaluate": 0.0}] * 2}
    asked = []

    def grade(folders):
        for key in folders:
            asked.append(key)
            yield key, Outcome(tries[key].pop(0), 1.0)

    submissions = {key: Submitted("right", key, "d", earned=FULL) for key in tries}
    found = dict(graders.graded(grade, submissions, dict.fromkeys(tries)))
    assert found["noisy"]["total"] == SUM and found["slow"]["total"] == SUM - 3
    assert [asked.count(key) for key in tries] == [2, 3, 1]


def test_every_submission_has_its_price():
    submissions = graders.corpora()
    assert {one.corpus for one in submissions.values()} == set(graders.CORPORA)
    assert len({one.name for one in submissions.values()}) == len(submissions)
    for one in submissions.values():
        total = sum(one.earned.values())
        assert total == SUM if one.corpus == "right" else total <= SUM
        assert one.corpus != "wrong" or total < SUM
    assert sorted(graders.in_drawn_order(submissions)) == sorted(submissions)
    assert graders.in_drawn_order(submissions)[:3] != sorted(submissions)[:3]
    assert {key.partition("/")[0] for key in graders.few(graders.in_drawn_order(submissions))} == {"right", "wrong"}


def test_what_is_asked_for_is_handed_in(released, tmp_path):
    shutil.copytree(released, tmp_path / "course")
    keys = {"right/colab-first", "wrong/conv2d-no-flip", "hostile/file-pipe"}
    folders = graders.hand_in(tmp_path / "course", keys)
    assert folders.keys() == keys and all(folder.name == "lab1" and folder.is_dir() for folder in folders.values())
    assert "W[:, :, i, o]" in (folders["wrong/conv2d-no-flip"] / "lab1.ipynb").read_text()
    assert (folders["hostile/file-pipe"] / "lab1.ipynb").is_fifo()
    assert len(list(folders["right/colab-first"].parents[1].iterdir())) == len(keys)


# What is kept


@pytest.fixture(scope="module")
def published():
    return json.loads(graders.DATA.read_text())


def test_published_are_exactly_the_corpora_and_what_they_earn(published):
    rows = {(row["corpus"], row["name"], row["digest"]): row["earned"] for row in published["submissions"]}
    wanted = {(one.corpus, one.name, one.digest): dict(one.earned) for one in graders.corpora().values()}
    assert rows == wanted, "The corpora have changed. Grade them again: python -m benchmarks --only graders"


def test_published_counts_are_those_of_the_published_results(published):
    submissions = graders.corpora()
    assert published["graders"].keys() == graders.GRADERS.keys()
    for name, grader in published["graders"].items():
        results = {f"{row['corpus']}/{row['name']}": row[name] for row in published["submissions"] if name in row}
        assert grader["counts"] == graders.table(submissions, results), name
        assert grader["version"] == graders.GRADERS[name].version
        # No line of the table is about nothing.
        assert all(row["tried"] >= 10 for row in grader["counts"].values()), name


def test_the_courses_own_pays_what_is_right_and_nothing_else(published):
    counts = published["graders"]["course"]["counts"]
    assert all(row["tried"] == row["submissions"] for row in counts.values())
    assert all(row[column] == 0 for row in counts.values() for column in ("accept", "reject", "none"))
    assert counts["wrong"]["exact"] == counts["wrong"]["exact_known"] > 70


@pytest.mark.long
def test_published_are_answers_to_what_is_asked_today(published):
    for name, grader in published["graders"].items():
        assert grader["depends"] == dict(graders.GRADERS[name].depends()), name


# Otter


def test_otters_versions_are_exact_and_come_from_no_address():
    lines = [line for line in otter_grader.REQUIREMENTS.read_text().splitlines() if not line.startswith("#")]
    assert [line for line in lines if not re.fullmatch(r"[\w.-]+==[\w.!+]+", line)] == []
    assert otter_grader.version().startswith("7.")
    names = {line.partition("==")[0].lower() for line in lines}
    assert not names & set(otter_grader.LAB.forbidden)


def test_without_its_environment_the_remedy_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(otter_grader, "ENVIRONMENT", tmp_path / "none")
    with pytest.raises(otter_grader.NoEnvironmentError, match="benchmarks --only graders"):
        otter_grader.environment(make=False)
    # Of another version.
    (tmp_path / "none").mkdir()
    (tmp_path / "none" / "ready").write_text("otter-grader==1.0\n")
    with pytest.raises(otter_grader.NoEnvironmentError):
        otter_grader.environment(make=False)


@pytest.fixture(scope="module")
def solved(released):
    return nbformat.read(released / "assignments" / "source" / "lab1" / "lab1.ipynb", as_version=4)


def test_otter_gets_the_notebook_of_an_otter_course(solved):
    given = nbformat.reads(otter_grader.as_otter_takes_it(nbformat.writes(solved).encode()).decode(), as_version=4)
    nbformat.validate(given)
    graded = "\n".join(
        cell.source
        for cell in given.cells
        if cell.cell_type == "code" and "otter_ignore" not in cell.metadata.get("tags", [])
    )
    assert [f'grader.check("{function}")' in graded for function in FULL] == [True] * len(FULL)
    assert graded.count("grader = otter.Notebook()") == 1
    imported = re.findall(r"^(?:import|from)\s+(\w+)", graded, re.MULTILINE)
    assert {"numpy", "scipy", "skimage", "otter"} <= set(imported) and not set(imported) & set(
        otter_grader.LAB.forbidden
    )
    assert "DataGenerator()" not in graded and "open_lab" not in graded
    # Answers stand there as they were.
    for function in FULL:
        (cell,) = (one for one in solved.cells if one.metadata.get("nbgrader", {}).get("grade_id") == function)
        assert cell.source in graded


@pytest.mark.parametrize("name", [name for name in SUBMISSIONS if name.startswith("saved-")])
def test_it_does_so_however_the_notebook_was_saved(solved, tmp_path, name):
    notebook = nbformat.from_dict(json.loads(nbformat.writes(solved)))
    content = SUBMISSIONS[name].change(notebook, tmp_path) or nbformat.writes(notebook).encode()
    given = json.loads(otter_grader.as_otter_takes_it(content))
    cells = [cell for cell in given["cells"] if "otter_ignore" not in cell["metadata"].get("tags", [])]
    graded = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    assert [graded.count(f'grader.check("{function}")') for function in FULL] == [1] * len(FULL)
    assert graded.count("grader = otter.Notebook()") == 1 and "open_lab" not in graded
    assert not re.search(rf"^(import|from) ({'|'.join(otter_grader.LAB.forbidden)})", graded, re.MULTILINE)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe\x00",
        b"[]",
        b"3",
        b'{"cells": 3}',
        b'{"cells": null}',
        b"[" * 100_000,
        b'{"cells": []}' + b" " * 2**24,
    ],
)
def test_what_is_no_notebook_goes_on_as_it_is(content):
    assert otter_grader.as_otter_takes_it(content) == content
    assert graders.without_exploring(content) == content


def test_odd_cells_stay():
    cells = [3, None, {}, {"cell_type": "code"}, {"cell_type": "code", "metadata": [], "source": "x"}]
    cells += [{"cell_type": "code", "metadata": {"tags": 5}, "source": ["x", 3]}]
    content = json.dumps({"cells": cells}).encode()
    assert json.loads(otter_grader.as_otter_takes_it(content))["cells"] == cells
    assert json.loads(graders.without_exploring(content))["cells"] == cells


def test_only_cells_that_explore_are_taken_out():
    def cell(**metadata):
        return {"cell_type": "code", "metadata": metadata, "source": "x = 1"}

    kept = [cell(), cell(tags=["other"]), cell(tags=["explore"], nbgrader={"grade_id": "activation"})]
    content = json.dumps({"cells": [*kept, cell(tags=["explore"])]}).encode()
    assert json.loads(graders.without_exploring(content))["cells"] == kept


def test_the_archive_holds_the_notebook_and_usual_files(tmp_path):
    folder = tmp_path / "ann" / "lab1"
    (folder / "more").mkdir(parents=True)
    (folder / "lab1.ipynb").write_text('{"cells": []}')
    (folder / "other.ipynb").write_text("{}")
    (folder / "more" / "helper.py").write_text("x = 1")
    (folder / "link").symlink_to("/etc/passwd")
    os.mkfifo(folder / "pipe")
    with open(folder / "endless", "wb") as file:
        file.truncate(2**40)
    otter_grader.pack(folder, tmp_path / "lab1.zip")
    with zipfile.ZipFile(tmp_path / "lab1.zip") as archive:
        assert sorted(archive.namelist()) == ["lab1.ipynb", "more/helper.py"]


def test_points_of_otters_results():
    tests = [{"name": "Public Tests", "output": ""}, {"name": "evaluate", "score": 2.5, "max_score": 5}]
    points = otter_grader.points_of(json.dumps({"tests": tests}))
    assert points["evaluate"] == 2.5 and sum(points.values()) == 2.5 and points.keys() == FULL.keys()


@pytest.mark.parametrize(
    "text", ["", "{", "3", "{}", '{"tests": 3}', '{"tests": []}', '{"tests": [{"name": "evaluate", "score": "much"}]}']
)
def test_results_that_are_none_are_no_grade(text):
    with pytest.raises(NoGradeError):
        otter_grader.points_of(text)


class Case:
    """What otter's decorator makes of a test case, as far as a test needs it."""

    def __init__(self, name, points):
        self.name, self.points = name, points

    def __call__(self, function):
        self.function = function
        return self


@pytest.fixture(scope="module")
def cases():
    """Otter's test cases by function and line, but those that take times."""
    stand_in = types.ModuleType("otter.test_files")
    stand_in.test_case = Case
    sys.modules |= {"otter": types.ModuleType("otter"), "otter.test_files": stand_in}
    found = {}
    try:
        for check in otter_grader.LAB.checks:
            if check.function == "fast_conv2d_layer":
                continue
            asked = otter_grader.questions(otter_grader.LAB, check, 1)
            names = {}
            exec(otter_grader.file_of_tests(otter_grader.LAB, check, asked), names)
            made = [value for value in names.values() if isinstance(value, Case)]
            assert [(one.name, one.points) for one in made] == [(line.title, line.points) for line in check.lines]
            found[check.function] = dict(zip([line.key for line in check.lines], made, strict=True))
    finally:
        del sys.modules["otter"], sys.modules["otter.test_files"]
    return found


def passed(cases, function, answer):
    found = set()
    for key, case in cases[function].items():
        try:
            case.function(answer)
        except Exception:
            continue
        found.add(key)
    return found


ANSWERS = [(function, way) for function, ways in variants.VARIANTS.items() for way in ways if function in FULL]


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize(("function", "way"), [one for one in ANSWERS if one[0] != "fast_conv2d_layer"])
def test_otters_tests_pay_right_answers(cases, function, way):
    answer = variants.functions(**{function: variants.VARIANTS[function][way]})[function]
    assert passed(cases, function, answer) == cases[function].keys()


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_otters_tests_notice_every_known_fault(cases):
    names = variants.functions()
    for one in wrong.corpus():
        if one.fault and one.function in cases:
            exec(one.source, names := dict(names) | {"block_reduce": variants.block_reduce})
            lost = cases[one.function].keys() - passed(cases, one.function, names[one.function])
            costs = {fault.id: fault.loses for fault in otter_grader.LAB.faults}[one.fault]
            assert {f"{one.function}.{key}" for key in lost} & costs, one.name


def test_otters_tests_pay_nothing_for_nothing(cases):
    def untouched(*arguments):
        raise NotImplementedError

    for function in cases:
        assert passed(cases, function, untouched) == set()
        assert passed(cases, function, lambda *arguments: None) == set()
        assert passed(cases, function, lambda *arguments: np.zeros(1)) <= {"shape"}, function


def test_a_room_tells_what_a_command_wrote_and_how_it_ended(sandbox_works):
    variables = launch.environment(launch.Path("/room/home"), launch.Path("/room/home"))
    told = {"result": "/room/r.json", "seconds": 30}
    program = "import sys; open('/room/r.json', 'w').write('{}'); print('said'); sys.exit(3)"
    ended = sealed(launch.interpreter(), variables, sys.executable, told | {"command": [sys.executable, "-c", program]})
    assert (ended["code"], ended["result"], ended["said"].strip(), ended["left"]) == (3, "{}", "said", False)
    ended = sealed(
        launch.interpreter(),
        variables,
        sys.executable,
        told | {"command": [sys.executable, "-c", "while True: pass"], "seconds": 1},
    )
    assert (ended["code"], ended["result"]) == (None, None)


@pytest.mark.long
@pytest.mark.parametrize("key", ["right/colab-first", "wrong/pool2d-mean", "wrong/count-weights-no-biases"])
def test_otter_fares_as_published(published, released, tmp_path, sandbox_works, key):
    try:
        otter_grader.environment(make=False)
    except otter_grader.NoEnvironmentError as error:
        pytest.skip(str(error))
    (row,) = (row for row in published["submissions"] if f"{row['corpus']}/{row['name']}" == key)
    shutil.copytree(released, tmp_path / "course")
    folders, submissions = graders.hand_in(tmp_path / "course", {key}), graders.corpora()
    with otter_grader.ready(tmp_path / "course") as grade:
        ((_, result),) = graders.graded(grade, submissions, {key: folders[key]})
    assert (result["total"], result["less"]) == (row["otter"]["total"], row["otter"]["less"])
