"""The benchmarks: how a figure is judged and kept, what is compared, and a small real run. No time is asserted."""

import io
import json
import math
import os
import subprocess
import sys
from pathlib import Path

import nbformat
import numpy as np
import pytest
from rich.console import Console
from traitlets.config.loader import PyFileConfigLoader

from autograder.errors import UserError
from autograder.gradebook.course_folder import CONFIG
from autograder.labs import get_lab
from autograder.submissions.cells import explores
from benchmarks import convolution, corpora, grading, report
from benchmarks.report import Figure

ROOT = Path(__file__).resolve().parents[1]


def benchmark(*arguments, **environment):
    """Run the benchmarks as ``make bench`` does, and return how that ended."""
    command = [sys.executable, "-m", "benchmarks", *map(str, arguments)]
    given = {name: value for name, value in os.environ.items() if name != "CNN_COURSE_DATA"} | environment
    return subprocess.run(command, cwd=ROOT, env=given, capture_output=True, text=True)


# One figure


@pytest.mark.parametrize(
    "over, under, of, expected",
    [
        ([6.0], [1.0, 9.0, 2.0], None, 3.0),
        ([10.0, 2.0], [4.0], None, 1.5),
        ([6.0, 3.0], [1.5, 9.0, 2.0], min, 2.0),
    ],
)
def test_ratio_is_of_the_medians_or_of_what_is_asked(over, under, of, expected):
    assert report.ratio(over, under, **({"of": of} if of else {})) == expected


@pytest.mark.parametrize("bad", [[], [0.0], [1.0, -2.0], [math.nan]])
def test_ratio_refuses_times_that_nothing_takes(bad):
    with pytest.raises(ValueError, match="above 0"):
        report.ratio(bad, [1.0])
    with pytest.raises(ValueError, match="above 0"):
        report.ratio([1.0], bad)


@pytest.mark.parametrize(
    "measured, limits, verdict",
    [
        (80.0, {"at_least": 80}, "ok"),
        (79.999, {"at_least": 80}, "missed"),
        (1.1, {"at_most": 1.1}, "ok"),
        (1.1001, {"at_most": 1.1}, "missed"),
        (0, {"at_most": 0}, "ok"),
        (5.0, {"at_least": 1, "at_most": 4}, "missed"),
        (math.nan, {"at_least": 10}, "missed"),
        (math.nan, {"at_most": 10}, "missed"),
        (0.001, {}, "–"),
    ],
)
def test_verdict(measured, limits, verdict):
    assert Figure("a figure", measured, **limits).verdict == verdict


@pytest.mark.parametrize(
    "measured, failed, code",
    [([90, 80], [], 0), ([90, 79], [], 1), ([90, 90], ["stock nbgrader ended with 1"], 1), ([], ["nothing"], 1)],
)
def test_one_missed_figure_or_failed_part_gives_exit_code_1(measured, failed, code):
    figures = [Figure("wanted", value, at_least=80) for value in measured]
    assert report.exit_code([*figures, Figure("only told", 0.0)], failed) == code


def test_table_shows_what_was_measured_beside_what_is_wanted():
    console = Console(width=100, record=True, file=io.StringIO())
    figures = [
        Figure("loop over fast", 123.456, at_least=80),
        Figure("fast over Keras", 1.25, at_most=1.1),
        Figure("one submission", 0.7312, unit="s"),
    ]
    console.print(report.table(figures))
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in console.export_text().splitlines()]
    assert [row for row in rows if row] == [
        ["loop over fast", "123", "≥ 80", "ok"],
        ["fast over Keras", "1.25", "≤ 1.1", "missed"],
        ["one submission", "0.731 s", "–", "–"],
    ]


# What is kept


def test_json_comes_back_as_it_was_written(tmp_path):
    path = tmp_path / "new" / "run.json"
    figure = Figure("fast over Keras' predict", 1.25, at_most=1.1, raw={"fast": [0.5, 0.25]})
    report.write_json(path, {"figures": [report.as_record(figure)]})
    (kept,) = json.loads(path.read_text())["figures"]
    assert kept["measured"] == 1.25
    assert kept["verdict"] == "missed"
    assert kept["wanted"] == "≤ 1.1"
    assert kept["raw"] == {"fast": [0.5, 0.25]}
    assert [file.name for file in path.parent.iterdir()] == ["run.json"]


def test_json_that_cannot_be_written_leaves_the_earlier_file_and_nothing_else(tmp_path):
    path = tmp_path / "run.json"
    report.write_json(path, {"run": 1})
    with pytest.raises(TypeError):
        report.write_json(path, {"run": np.float32(2)})
    assert json.loads(path.read_text()) == {"run": 1}
    in_the_way = tmp_path / "folder.json"
    in_the_way.mkdir()
    with pytest.raises(OSError):
        report.write_json(in_the_way, {"run": 3})
    assert sorted(file.name for file in tmp_path.iterdir()) == ["folder.json", "run.json"]


def test_results_that_cannot_be_kept_are_refused_before_anything_is_measured(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    ended = benchmark("--quick", "--results", tmp_path / "file" / "results")
    assert ended.returncode == 1
    assert "choose other --results" in ended.stdout
    assert "Measuring" not in ended.stdout and "images" not in ended.stdout
    assert "Traceback" not in ended.stdout + ended.stderr


# Convolution


def layer(loop, fast, small, whole, difference=1e-7):
    ways = {"loop": loop, "fast": fast, "keras_batches_of_32": small, "keras_one_batch": whole}
    return {"name": "7×7", "wall": ways, "cpu": ways, "difference": difference}


def figure(figures, *words):
    (found,) = (one for one in figures if all(word in one.name for word in words))
    return found


def test_convolution_takes_the_least_times_and_the_better_of_keras_batches():
    layers = [layer([9.0, 8.0], [0.25, 0.125], [1.0], [0.25, 0.5])]
    together = layer([16.0], [0.5, 0.25], [0.2], [0.3])
    figures = convolution.judged({"layers": layers, "together": together, "images": 1000})
    assert figure(figures, "1 conv", "loop").measured == 64.0
    assert figure(figures, "1 conv", "loop").verdict == "missed"
    assert figure(figures, "1 conv", "Keras").measured == 1.25
    assert figure(figures, "1 conv", "Keras").verdict == "missed"
    assert figure(figures, "  7×7", "loop").measured == 64.0
    assert figure(figures, "  7×7", "loop").verdict == "–"
    assert figure(figures, "  7×7", "Keras").measured == 0.5
    assert figure(figures, "  7×7", "Keras").verdict == "ok"


def test_convolution_compares_with_the_loop_by_processor_time():
    busy = layer([8.0], [0.1], [1.0], [1.0])
    busy = busy | {"wall": {**busy["wall"], "loop": [16.0]}}
    figures = convolution.judged({"layers": [], "together": busy})
    assert figure(figures, "0 conv", "loop").measured == pytest.approx(80)
    assert figure(figures, "wall time").measured == pytest.approx(160)
    assert figure(figures, "wall time").verdict == "–"


def test_one_layer_that_differs_from_keras_is_enough_to_miss():
    fine = layer([8.0], [0.1], [1.0], [1.0])
    for layers, together in (([fine, fine | {"difference": 2e-5}], fine), ([fine], fine | {"difference": 2e-5})):
        worst = figure(convolution.judged({"layers": layers, "together": together}), "difference")
        assert (worst.measured, worst.verdict) == (2e-5, "missed")
    assert figure(convolution.judged({"layers": [fine], "together": fine}), "difference").verdict == "ok"


def test_quick_convolution_runs_and_is_right(tmp_path):
    ended = benchmark("--only", "convolution", "--quick", "--results", tmp_path)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "Sample, not MNIST" in ended.stdout
    (path,) = tmp_path.iterdir()
    kept = json.loads(path.read_text())
    assert kept.keys() == {"when", "quick", "machine", "failed", "figures"}
    assert kept["quick"] is True and kept["failed"] == []
    assert kept["machine"]["cpus"] >= 1
    assert {"numpy", "keras", "nbgrader"} <= kept["machine"]["packages"].keys()
    assert f"Kept in {path}" in ended.stdout

    figures = {one["name"]: one for one in kept["figures"]}
    difference = figures["largest difference of fast from Keras"]
    # On some processors NumPy and Keras add up in the same order, and nothing differs at all.
    assert 0 <= difference["measured"] <= 1e-5
    assert difference["verdict"] == "ok"
    # So few images judge no time.
    assert {one["verdict"] for one in kept["figures"] if one["timed"]} == {"–"}
    together = figures["3 convolutional layers: loop over fast"]["raw"]
    for clock in ("wall", "cpu"):
        assert {way: len(seconds) for way, seconds in together[clock].items()} == {
            "fast": 5,
            "keras_batches_of_32": 5,
            "keras_one_batch": 5,
            "loop": 1,
        }
    layers = [one["raw"] for name, one in figures.items() if "channels: loop over fast" in name]
    assert [one["name"] for one in layers] == [
        "28×28, 1 to 8 channels",
        "14×14, 8 to 16 channels",
        "7×7, 16 to 32 channels",
    ]
    # What is timed as the loop is right too.
    assert max(one["difference_of_loop"] for one in layers) <= 1e-5
    facts = figures["  all of them by wall time: loop over fast"]["raw"]
    assert (facts["images"], facts["source"]) == (convolution.QUICK_IMAGES, "sample")
    assert facts["threads"]["set"]["OPENBLAS_NUM_THREADS"] == "1"
    assert facts["threads"]["numpy"] == 1


# Grading


def run_of(scores, seconds=1.0):
    return grading.Run(seconds, 0.0, scores)


def whole(student, **changed):
    """Full scores, but for some."""
    full = {check.grade_id: check.points for check in get_lab("lab1").checks}
    return {(student, check): score for check, score in (full | changed).items()}


def nothing(student):
    return dict.fromkeys(whole(student), 0.0)


STOCK = whole("ann") | nothing("bob")


def test_equal_scores_agree():
    assert grading.disagreements(STOCK, dict(STOCK)) == ([], [])


def test_fewer_students_agree_as_far_as_they_go():
    assert grading.disagreements(STOCK, whole("ann")) == ([], [])


@pytest.mark.parametrize(
    "changed, noise, wrong",
    [
        ({"check_fast_conv2d_layer": 3.0}, 1, 0),
        ({"check_fast_conv2d_layer": 2.0}, 1, 0),
        ({"check_fast_conv2d_layer": 1.5}, 0, 1),
        ({"check_conv2d_layer": 7.5}, 0, 1),
        ({"check_fast_conv2d_layer": 4.0, "check_evaluate": 0.0}, 1, 1),
    ],
)
def test_only_points_for_speed_may_differ_by_noise(changed, noise, wrong):
    found = grading.disagreements(STOCK, whole("ann", **changed) | nothing("bob"))
    assert tuple(map(len, found)) == (noise, wrong)
    for student, check, theirs, ours in found[0] + found[1]:
        assert (student, ours) == ("ann", changed[check])
        assert theirs == STOCK["ann", check]


def test_a_score_that_one_side_lacks_is_no_noise():
    fewer = {key: score for key, score in STOCK.items() if key != ("ann", "check_fast_conv2d_layer")}
    assert grading.disagreements(STOCK, fewer) == ([], [("ann", "check_fast_conv2d_layer", 5.0, None)])
    assert grading.disagreements(fewer, STOCK) == ([], [("ann", "check_fast_conv2d_layer", None, 5.0)])


def measured(**changed):
    return {
        "stock": [run_of(STOCK, 300.0)],
        "stock_exploring": [run_of(whole("ann"), 45.0)],
        "grade": [run_of(STOCK, seconds) for seconds in (6.0, 3.0, 30.0)],
        "plain": [run_of(STOCK, 60.0)],
        "grade_feedback": [run_of(STOCK, 10.0)],
        "again": [grading.Run(5.0, 0.0, STOCK, processor=9.0)],
    } | changed


FLOOR = {"cells": 0.5, "questions": 1.5}


def test_grading_ratios_are_of_medians_and_per_submission_where_numbers_differ():
    figures = grading.judged(measured(), FLOOR)
    by_name = {one.name.strip(): one for one in figures}
    assert by_name["2 submissions: stock autograde over cnn-course grade"].measured == 50.0
    assert by_name["2 submissions: stock autograde over cnn-course grade"].verdict == "ok"
    assert by_name["2 submissions: stock autograde over autograde with our preprocessors"].measured == 5.0
    assert by_name["2 submissions: stock autograde over autograde with our preprocessors"].verdict == "missed"
    above_floor = by_name["2 submissions: processor time over the floor, start included"]
    assert (above_floor.measured, above_floor.verdict) == (2.25, "missed")
    assert figure(figures, "with cells that explore: stock").measured == 15.0
    assert by_name["one submission: cnn-course grade"].measured == 3.0
    assert by_name["scores unlike stock's"].verdict == "ok"


def test_a_page_costs_its_part_of_the_whole_command_and_stock_grades_and_writes():
    figures = grading.paged(measured(), {"stock": 100.0, "grade": 0.5}, 10)
    assert [one.measured for one in figures] == [40.0, 0.05, 200.0, 10.0]
    assert [one.verdict for one in figures] == ["ok", "ok", "–", "–"]


def test_one_other_score_in_one_run_is_missed_and_named():
    other = whole("ann", check_evaluate=4.0) | nothing("bob")
    figures = grading.judged(measured(grade=[run_of(STOCK), run_of(other)]), FLOOR)
    unlike = next(one for one in figures if one.name == "scores unlike stock's")
    assert (unlike.measured, unlike.verdict) == (1, "missed")
    assert unlike.raw["unlike"] == [("grade", "ann", "check_evaluate", 5.0, 4.0)]


@pytest.mark.parametrize("scores", [nothing("ann") | nothing("bob"), whole("ann") | whole("bob")])
def test_a_class_in_which_all_fare_alike_proves_nothing(scores):
    with pytest.raises(UserError, match="somebody 0"):
        grading.judged(measured(stock=[run_of(scores)]), FLOOR)


def test_class_fits_the_lab_and_loses_only_what_explores(course):
    grading.hand_in(course, len(grading.CLASS) + 2)
    students = grading.students_in(course)
    assert len(students) == len(grading.CLASS) + 2
    texts = {student: notebook(course, student) for student in students}
    # After the last it begins again.
    assert sources(texts["01-02-kernel-not-flipped"]) == sources(texts["02-kernel-not-flipped"])
    solved = texts["01-solved"]
    for student, edits in grading.CLASS.items():
        same = sources(texts[student]) == sources(solved)
        assert same == (edits == []), student
    assert any("raise NotImplementedError()" in source for source in sources(texts["03-untouched"]))

    grading.without_exploring(course)
    bare = notebook(course, "01-solved")
    gone = [cell.source for cell in solved.cells if explores(cell)]
    assert len(gone) > 5
    assert sources(bare) == [source for source in sources(solved) if source not in gone]
    assert named(bare) == named(solved)


def notebook(course, student):
    return nbformat.read(course / "assignments" / "submitted" / student / "lab1" / "lab1.ipynb", as_version=4)


def sources(document):
    return [cell.source for cell in document.cells]


def named(document):
    return [cell.metadata.nbgrader.grade_id for cell in document.cells if "nbgrader" in cell.metadata]


def test_stock_copy_keeps_the_folders_of_the_configuration_and_no_preprocessor(course):
    grading.hand_in(course, 4)
    copy = grading.copy_of(course, "stock", stock=True, students=3)
    ours, stock = (PyFileConfigLoader(CONFIG, path=str(folder)).load_config() for folder in (course, copy))
    assert stock.CourseDirectory == ours.CourseDirectory
    assert stock.CourseDirectory.submitted_directory == "assignments/submitted"
    assert set(ours) - set(stock) == {"Autograde", "HighlightMagicsPreprocessor"}
    assert grading.students_in(copy) == list(grading.CLASS)[:3]
    assert (copy / "gradebook.db").read_bytes() == (course / "gradebook.db").read_bytes()


def test_who_graded_is_made_sure(tmp_path):
    place = tmp_path / "assignments" / "autograded" / "ann" / "lab1"
    with pytest.raises(UserError, match="ann was not graded, so"):
        grading.graded_by(tmp_path, ["ann"], ours=True)
    place.mkdir(parents=True)
    nbformat.write(nbformat.v4.new_notebook(), place / "lab1.ipynb")
    grading.graded_by(tmp_path, ["ann"], ours=False)
    with pytest.raises(UserError, match="not graded by the course's preprocessors"):
        grading.graded_by(tmp_path, ["ann"], ours=True)
    nbformat.write(nbformat.v4.new_notebook(metadata={"cnn_course": {"flags": []}}), place / "lab1.ipynb")
    grading.graded_by(tmp_path, ["ann"], ours=True)
    with pytest.raises(UserError, match="not graded by stock nbgrader"):
        grading.graded_by(tmp_path, ["ann"], ours=False)


def test_a_command_that_fails_is_not_measured_and_its_words_are_told(tmp_path):
    with pytest.raises(UserError, match="grade lab99 ended with 1(.|\n)*There is no lab called 'lab99'"):
        grading.run(tmp_path, ["cnn-course", "grade", "lab99"])


@pytest.mark.long
def test_quick_grading_gives_the_scores_of_stock(sandbox_works, tmp_path):
    ended = benchmark("--only", "grading", "--quick", "--results", tmp_path)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    (path,) = tmp_path.iterdir()
    figures = {one["name"]: one for one in json.loads(path.read_text())["figures"]}
    assert figures["scores unlike stock's"]["measured"] == 0
    points = figures["scores unlike stock's"]["raw"]["points"]
    assert len(points) == grading.QUICK_NUMBER
    assert points["01-solved"] == 35 > points["02-kernel-not-flipped"] > points["03-untouched"] == 0


# Corpora


def test_one_right_submission_that_is_rejected_once_is_missed_and_named():
    lost = {"fft": ["check_conv2d_layer, The kernel: is off"]}
    rejects, tried = corpora.false_rejects(["fft", "loops"], {1: {}, 2: lost, 3: {}})
    assert (rejects.measured, rejects.verdict, tried.measured) == (1, "missed", 6)
    assert rejects.raw["rejected"][2] == lost and rejects.raw["tried"] == 6
    rejects, tried = corpora.false_rejects(["fft", "loops"], {1: {}})
    assert (rejects.measured, rejects.verdict, tried.measured) == (0, "ok", 2)


def test_a_corpus_that_is_empty_proves_nothing():
    assert [figure.verdict for figure in corpora.false_rejects([], {})] == ["ok", "missed"]


@pytest.mark.long
def test_quick_corpora_reject_nothing_that_is_right(sandbox_works, tmp_path):
    ended = benchmark("--only", "corpora", "--quick", "--results", tmp_path)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    (path,) = tmp_path.iterdir()
    figures = {one["name"].strip(): one for one in json.loads(path.read_text())["figures"]}
    assert figures["right submissions: false rejects"]["measured"] == 0
    assert figures["right submissions tried"]["measured"] == len(
        figures["right submissions: false rejects"]["raw"]["submissions"]
    )


@pytest.mark.long
def test_the_canary_tells_who_remembers_from_who_learns(tmp_path):
    done = benchmark("--only", "canary", "--quick", "--results", tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    fitted, further = json.loads(next(tmp_path.glob("*.json")).read_text())["figures"]
    assert fitted["name"].endswith("fitted to the numbers") and fitted["measured"] > 30 > further["measured"]
