"""Lab 0: right answers get everything, known faults lose exactly their lines, and it is the owner who is asked."""

import contextlib
import dataclasses
import json
import re
import shutil
import subprocess
import sys
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import jupytext
import nbformat
import numpy as np
import pytest

from autograder.checking.sample_class import BEGIN, END
from autograder.checking.student import FLAGS, NotebookStudent
from autograder.gradebook.course_folder import open_course
from autograder.gradebook.release import REPORT, disagreements
from autograder.grading.grade import unreadable
from autograder.grading.pipeline import Graded, Saver, released_roles
from autograder.labs import get_lab
from autograder.labs.lab0 import LAB, checks
from autograder.labs.lab0.checks import PARTS
from autograder.labs.lab0.faults import FAULTS
from autograder.notebook import lab_check
from autograder.submissions.submission import Submission
from source_lib import exercises
from source_lib.layers import arithmetic
from tests.conftest import PROGRAM, ROOT, scores
from tests.labs.lab0.trial import IDS, returning, right

TEXT = ROOT / "assignments" / "lab0" / "lab0.md"
POINTS = {(part.function, key): points for part in PARTS for key, (_, points, _) in part.lines.items()}
EVERYTHING = set(POINTS)
FAULTS_BY_ID = {fault.id: fault for fault in FAULTS}


def judged(owner="ada", functions=None, named=None):
    """Return what is wrong, by function and key of the lines that are lost, and the flags."""
    functions = dict(right(exercises.draw(owner)) if functions is None else functions)
    if named is not None:
        functions["named_id"] = returning(named)
    student = NotebookStudent(functions, owner=owner)
    lost = {}
    for check in LAB.checks:
        problems = check.judge(student, np.random.default_rng(0))
        lost |= {
            (check.function, line.key): problem.message
            for line, problem in zip(check.lines, problems, strict=True)
            if problem is not None
        }
    assert all(" " in message for message in lost.values())
    return lost, student.notes.get(FLAGS, [])


def with_answers(owner="ada", **values):
    return judged(owner, right(exercises.draw(owner)) | {name: returning(value) for name, value in values.items()})[0]


# The rubric


def test_the_points_are_those_of_the_course():
    assert get_lab("lab0") is LAB
    assert [check.points for check in LAB.checks] == [6, 3, 2, 2, 2, 2, 5, 4, 3, 1]
    assert (LAB.points, LAB.manual) == (30, {"working": 5.0})
    assert all(check.form is not None and all(line.later for line in check.lines) for check in LAB.checks)


def test_every_number_of_an_answer_is_in_a_line():
    for part in PARTS:
        positions = {index for _, _, cells in part.lines.values() for index in cells}
        assert positions == set(np.ndindex(*part.shape)), part.function


# Right answers


@pytest.mark.parametrize("owner", IDS)
def test_right_answers_get_everything(owner):
    assert judged(owner, named=owner.upper()) == ({}, [])


def test_the_right_answers_are_those_of_keras():
    import keras

    given = exercises.draw("anna42")
    answer = {name: np.asarray(function()) for name, function in right(given).items()}
    image, kernel = (np.array(one, dtype="float32") for one in (given.image, given.kernel))
    ours = keras.ops.conv(image[None, :, :, None], kernel[:, :, None, None], padding="same")
    assert np.array_equal(answer["my_convolution"], np.asarray(ours)[0, :, :, 0])
    flipped = keras.ops.conv(image[None, :, :, None], kernel[::-1, ::-1, None, None], padding="same")
    assert np.array_equal(answer["my_true_convolution"], np.asarray(flipped)[0, 1, :, 0])

    layers = keras.layers
    side, one = answer["my_padding"], keras.Input((*given.image_size, 1))
    kept = layers.Conv2D(1, given.padded_kernel)(layers.ZeroPadding2D(tuple(map(int, side)))(one))
    assert kept.shape[1:3] == given.image_size
    maps = layers.Conv2D(given.maps[0], tuple(map(int, answer["my_kernel_size"])))(one)
    assert maps.shape[1:3] == given.map_size
    pooled = layers.MaxPooling2D(given.pool)(maps)
    assert list(pooled.shape[1:3]) == answer["my_pooled_size"].tolist()
    padded = layers.ZeroPadding2D(given.second_padding)(pooled)
    second = layers.Conv2D(given.maps[1], given.second_kernel, strides=given.second_stride)(padded)
    assert list(second.shape[1:]) == answer["my_second_layer"].tolist()

    network = [keras.Input((given.input_size, given.input_size, 3))]
    for size, filters in zip(given.kernels, given.filters, strict=True):
        network += [layers.Conv2D(filters, size, padding="same"), layers.MaxPooling2D()]
    model = keras.Sequential([*network, layers.Flatten(), layers.Dense(given.hidden), layers.Dense(given.classes)])
    counts = [layer.count_params() for layer in model.layers if layer.count_params()]
    assert [*counts, model.count_params()] == answer["my_parameters"].tolist()

    matrix = np.array(given.matrix, dtype="float32")[None, :, :, None]
    largest, mean = layers.MaxPooling2D()(matrix), layers.AveragePooling2D(2)(matrix)
    pooled = [np.asarray(values)[0, :, :, 0] for values in (largest, mean, 4 * mean)]
    assert np.array_equal(answer["my_poolings"], pooled)
    maps = np.moveaxis(np.array(given.feature_maps, dtype="float32"), 0, -1)[None]
    means = np.asarray(layers.GlobalAveragePooling2D()(maps))[0]
    assert np.allclose(answer["my_global_average"], means)


def test_receptive_fields_are_what_a_pixel_changes():
    given = exercises.draw("anna42")
    length = 4000
    for k, expected in enumerate(right(given)["my_receptive_fields"](), start=1):
        seen = np.arange(length)[:, None]
        first, last = seen.min(axis=1), seen.max(axis=1)
        for _, size, stride in given.layers[:k]:
            first, last = first[: len(first) - size + 1 : stride], last[size - 1 :: stride]
        assert last[0] - first[0] + 1 == expected


def test_the_network_of_the_source_has_its_parameters():
    given = dataclasses.replace(
        exercises.draw("ada"), input_size=32, kernels=(5, 5, 5), filters=(32, 64, 128), hidden=64, classes=10
    )
    assert checks._parameters(given)[-1] == 390_410


def test_averages_may_be_off_by_a_ten_thousandth_and_whole_numbers_not_at_all():
    given = exercises.draw("ada")
    pooled, means = checks._poolings(given), np.mean(given.feature_maps, axis=(1, 2))
    near = pooled * [[[1]], [[1 + 5e-5]], [[1]]]
    assert with_answers(my_poolings=near, my_global_average=means * (1 - 5e-5)) == {}
    lost = with_answers(my_poolings=pooled * 1.001, my_global_average=means * 1.001)
    assert set(lost) == {("my_poolings", key) for key in ("max", "average", "sum")} | {("my_global_average", "means")}
    # Nothing is computed for a maximum, and a sum of whole numbers is one.
    lost = with_answers(my_poolings=pooled * (1 + 5e-5))
    assert set(lost) == {("my_poolings", "max"), ("my_poolings", "sum")}
    sizes = np.array(checks._pooled(given)) + 1e-6
    assert set(with_answers(my_pooled_size=sizes)) == {("my_pooled_size", "rows"), ("my_pooled_size", "columns")}


# Partial credit


def test_one_wrong_cell_costs_one_line():
    given = exercises.draw("ada")
    for part in PARTS:
        values = np.asarray(part.right(given), dtype=float)
        for index in np.ndindex(*part.shape):
            changed = values.copy()
            changed[index] += 1
            lost = with_answers(**{part.function: changed})
            assert 1 <= sum(POINTS[line] for line in lost) <= 2 and {function for function, _ in lost} == {
                part.function
            }
            if part.function in ("my_convolution", "my_true_convolution", "my_poolings"):
                (((_, key), message),) = lost.items()
                assert index in part.lines[key][2]
                assert "It is the only number that is not right" in message
                assert f"{values[index]:.10g}," not in message.partition("is not right")[2]


def test_what_is_not_answered_costs_its_own_lines():
    given = exercises.draw("ada")
    values = checks._poolings(given).tolist()
    lost = with_answers(my_poolings=[values[0], None, [values[2][0], None]])
    assert set(lost) == {("my_poolings", "average"), ("my_poolings", "sum")}
    assert "There are no numbers for this." in lost["my_poolings", "average"]
    assert "none, none, none" in lost["my_poolings", "sum"] and "mistake" not in lost["my_poolings", "average"]
    assert len(with_answers(my_convolution=[None, None, None])) == 6


def test_what_follows_from_a_mistake_is_no_mistake_again():
    given = exercises.draw("ada")
    pooled = [n + 5 for n in checks._pooled(given)]
    second = [*checks._second(given, pooled), given.maps[1]]
    assert set(with_answers(my_pooled_size=pooled, my_second_layer=second)) == {
        ("my_pooled_size", "rows"),
        ("my_pooled_size", "columns"),
    }
    fields = np.array(checks._fields(given)) + [0, 0, 7, 7, 7]
    assert set(with_answers(my_receptive_fields=fields)) == {("my_receptive_fields", "pooling")}
    parameters = np.array(checks._parameters(given)) + [0, 0, 0, 10**6, 0, 10**6]
    assert set(with_answers(my_parameters=parameters)) == {("my_parameters", "dense")}


# Known faults


def answer_of(fault):
    (part,) = (part for part in PARTS if part.function == fault.function)
    return fault.apply(part.right)


def test_no_fault_gives_a_number_that_is_right_where_it_costs():
    """What is told of a wrong answer must not be the right one, whoever is asked."""
    for owner in (f"anna{k}" for k in range(60)):
        given = exercises.draw(owner)
        expected = {part.function: checks._right(part, given) for part in PARTS}
        for fault in FAULTS:
            part = next(part for part in PARTS if part.function == fault.function)
            answers = dict(expected)
            try:
                answers[fault.function] = checks._understood(part, np.asarray(answer_of(fault)(given)).tolist())
            except checks._FormError:
                assert fault.loses == {f"{part.function}.{key}" for key in part.lines}
                continue
            lines = checks._right_lines(part, given, answers)
            assert {f"{part.function}.{key}" for key, fine in lines.items() if not fine} == fault.loses, (
                owner,
                fault.id,
            )


def test_a_fault_in_a_part_of_an_answer_is_named_too():
    given = exercises.draw("ada")
    answer = np.array(right(given)["my_convolution"]())
    answer[0] = exercises.readings(given.image, given.kernel)["true convolution"][0]
    lost = with_answers(my_convolution=answer)
    assert {key for _, key in lost} == {"top", "left_corners", "right_corners"}
    assert all("That is true convolution" in message for message in lost.values())


def test_two_faults_in_two_lines_are_named_each_in_its_own():
    given = exercises.draw("ada")
    _, mean, _ = checks._poolings(given)
    smallest = answer_of(FAULTS_BY_ID["smallest_for_largest"])(given)[0]
    lost = with_answers(my_poolings=[smallest, None, mean])
    assert FAULTS_BY_ID["smallest_for_largest"].hint in lost["my_poolings", "max"]
    assert FAULTS_BY_ID["mean_for_sum"].hint in lost["my_poolings", "sum"]
    assert lost["my_poolings", "average"].endswith("There are no numbers for this.")
    counts = checks._parameters(given)
    lost = with_answers(my_parameters=[*counts[:4], counts[4] - given.classes, counts[5] - given.classes])
    assert set(lost) == {("my_parameters", "biases")}
    assert FAULTS_BY_ID["biases_forgotten"].hint in lost["my_parameters", "biases"]


def test_messages_say_what_was_asked_and_what_came_and_not_what_is_right():
    given = exercises.draw("ada")
    lost = with_answers(my_padding=[101, 102])
    assert lost["my_padding", "rows"] == (
        "Asked: return the rows and columns of zeros on each side with which the kernel keeps the size. Your answer to "
        "this is 101, and that is not right. No known mistake gives these numbers: compare each step of your working."
    )
    lost = with_answers(**{part.function: np.arange(np.prod(part.shape)).reshape(part.shape) + 10**7 for part in PARTS})
    assert set(lost) == EVERYTHING
    for part in PARTS:
        numbers = {f"{number:.10g}" for number in checks._right(part, given).ravel() if abs(number) > 20}
        for key in part.lines:
            assert not numbers & set(re.findall(r"-?[\d.]+", lost[part.function, key]))


# Stubs


@pytest.mark.parametrize("number", [0, 1, 2, 3, -1, 0.5, 1e9])
def test_the_same_number_everywhere_earns_nothing(number):
    for owner in IDS:
        lost = with_answers(owner, **{part.function: np.full(part.shape, number).tolist() for part in PARTS})
        assert set(lost) == EVERYTHING
    assert "All your numbers are the same" in lost["my_padding", "rows"]


def test_nothing_earns_nothing():
    assert set(judged(functions={})[0]) == EVERYTHING
    lost, flags = judged(functions={part.function: not_written for part in PARTS}, named="")
    assert set(lost) == EVERYTHING and flags == []
    assert lost["my_padding", "rows"] == (
        "Asked: return the rows and columns of zeros on each side with which the kernel keeps the size. "
        "my_padding is not written yet."
    )
    assert set(with_answers(**dict.fromkeys((part.function for part in PARTS), None))) == EVERYTHING


def not_written():
    raise NotImplementedError


ODD = {
    "a text": ("3, 4", "the text '3, 4'. Numbers are written without quotes"),
    "texts": (["3", "4"], "the text '3'. Numbers are written without quotes"),
    "one number": (3, "one number, and 2 numbers are asked for"),
    "three": ([1, 2, 3], "3 numbers, and 2 numbers are asked for"),
    "a table": ([[1, 2], [3, 4]], "2 rows of 2 numbers, and 2 numbers are asked for"),
    "ragged": ([[1, 2], [3]], "rows that are not equally long"),
    "nan": ([1, float("nan")], "infinite or not a number"),
    "infinite": (np.array([np.inf, 1]), "infinite or not a number"),
    "too large for a float": ([10**400, 1], "infinite or not a number"),
    "truth": ([True, False], "True where a number is asked for"),
    "complex": (np.array([1j, 2]), "where a number is asked for"),
    "a dictionary": ({"rows": 1, "columns": 2}, "a dictionary, and 2 numbers are asked for"),
    "a huge list": ([1] * 100_000, "100000 numbers, and 2 numbers are asked for"),
    "a huge array": (np.zeros((1000, 1000)), "1000 rows of 1000 numbers, which is far too many"),
    "empty": ([], "0 numbers, and 2 numbers are asked for"),
    "a long text": ("7" * 10**6, "the text"),
    "complex without a part": (3 + 0j, "(3+0j), and 2 numbers are asked for"),
    "a generator": ((k for k in (1, 2)), "a generator, whose numbers come one by one: put list(…) around it"),
    "a map": (map(abs, (1, 2)), "a map, whose numbers come one by one: put list(…) around it"),
    "a set": ({1, 2}, "an object of type set; arrays and numbers are expected"),
    "too large a fraction": ([Fraction(10**400), 1], "infinite or not a number"),
    "no number of a library": ([Decimal("NaN"), 1], "infinite or not a number"),
    "deep": ([[[[[1, 2, 3]]]]], "3 numbers, and 2 numbers are asked for"),
    "None": (None, "nothing (is a return missing?)"),
}


@pytest.mark.parametrize("odd", ODD)
def test_an_odd_answer_is_explained_in_grading_and_in_the_notebook(odd):
    value, said = ODD[odd]
    lost = with_answers(my_padding=value)
    assert set(lost) == {("my_padding", "rows"), ("my_padding", "columns")}
    assert said in lost["my_padding", "rows"] and len(lost["my_padding", "rows"]) < 400
    item = LAB.check("check_my_padding").formed(NotebookStudent({"my_padding": returning(value)}))
    assert not item.passed and said in item.message and len(item.message) < 200


# Whose numbers


def test_the_owner_is_asked_whatever_the_notebook_names():
    lost, flags = judged("ada", named="carl")
    assert lost == {}
    assert flags == [
        "The notebook names the student 'carl', and 'ada' handed it in, whose numbers are asked. No answer that is "
        "wrong for these is right for those of the student who is named."
    ]


def test_answers_for_the_student_who_is_named_earn_nothing_and_are_told_so():
    lost, (flag,) = judged("ada", right(exercises.draw("carl")), named="Carl")
    assert set(lost) == EVERYTHING
    assert all(
        "This is right for the student 'carl', whom your notebook names." in message for message in lost.values()
    )
    assert "30 more points would be right" in flag and "my_global_average" in flag
    given = right(exercises.draw("carl"))
    lost, (flag,) = judged(
        "ada", given | {"my_padding": returning([50, checks._right(PARTS[2], exercises.draw("carl"))[1]])}, "carl"
    )
    assert "Other numbers of this answer are right for the student 'carl'" in lost["my_padding", "rows"]
    assert "29 more points" in flag


def test_without_a_name_copied_numbers_are_just_wrong():
    lost, flags = judged("ada", right(exercises.draw("carl")), named="ada")
    assert set(lost) == EVERYTHING and flags == []


@pytest.mark.parametrize("named", ["", "  ", None, 7, ["carl"], "x" * 10**6, float("nan")])
def test_a_name_that_is_none_is_nobody_else_s(named):
    functions = right(exercises.draw("ada")) | {"named_id": returning(named)}
    assert judged("ada", functions) == ({}, [])


def test_a_notebook_cannot_move_the_owner():
    class Sly(str):
        def __eq__(self, other):
            return True

        __hash__ = str.__hash__

    lost, _ = judged("ada", right(exercises.draw("carl")), named=Sly("ada"))
    assert set(lost) == EVERYTHING


def test_who_is_unknown_is_nobody_s_fault():
    student = NotebookStudent(right(exercises.draw("ada")))
    with pytest.raises(exercises.ExerciseError, match="no student id"):
        LAB.checks[0].judge(student, np.random.default_rng(0))


# The notebook


@pytest.fixture(scope="module")
def lab():
    return jupytext.read(TEXT)


def sources(notebook):
    return [cell.source for cell in notebook.cells if cell.cell_type == "code"]


def by_id(notebook):
    return {cell.metadata.nbgrader.grade_id: cell for cell in notebook.cells if "nbgrader" in cell.metadata}


def run_here(codes):
    """Run cells as a notebook does, and return what they define."""
    namespace = {}
    for code in codes:
        exec(code, namespace)
    return namespace


@pytest.mark.parametrize("owner", ["solution", "anna42"])
def test_the_solution_is_right_for_the_id_that_it_names(lab, owner, capsys):
    codes = [code.replace('"solution"', f'"{owner}"') for code in sources(lab) if not code.startswith("check(")]
    functions = run_here(codes)
    assert functions["named_id"]() == owner
    assert judged(owner, functions) == ({}, [])
    assert judged("carl", functions)[1]
    for part in ("image", "matrix", "map 3", "5. dense", "5. convolution", "zero padding"):
        assert part in capsys.readouterr().out + " image matrix map 3 5. dense 5. convolution zero padding"


def test_the_text_agrees_with_the_rubric(lab):
    assert disagreements(lab, LAB) == []
    named = by_id(lab)
    for check in LAB.checks:
        assert (
            named[check.grade_id].source == f'check("{check.function}")'
            and named[check.grade_id].metadata.nbgrader.locked
        )
        assert f"def {check.function}():" in named[check.function].source
    text = "\n".join(cell.source for cell in lab.cells if cell.cell_type == "markdown")
    for check in LAB.checks:
        assert f"| `{check.function}` " in text
    assert named["exercise"].metadata.nbgrader.locked and "def named_id" in named["exercise"].source


def test_in_a_notebook_only_the_form_is_looked_at(lab):
    functions = run_here(code for code in sources(lab) if not code.startswith("check("))
    check = lab_check("lab0", functions)
    assert float(check("my_padding")) == 0
    assert "right in form" in check("my_padding").html and "2 more points while grading" in check("my_padding").html
    functions["my_padding"] = returning([1, 2])
    assert "right in form" in check("my_padding").html, "whether it is right must not show"
    functions["my_padding"] = returning([1, None])
    assert "1 of 2 numbers are missing" in check("my_padding").html
    functions["my_padding"] = returning([1, 2.5])
    assert "2.5, and all numbers of this answer are whole" in check("my_padding").html
    functions["my_poolings"] = returning(np.full((3, 2, 3), 1.5).tolist())
    assert "1.5, and all but averages are whole" in check("my_poolings").html
    functions["my_poolings"] = returning([[[1, 2, 3]] * 2, [[0.5, 1, 2]] * 2, [[2, 4, 8]] * 2])
    assert "right in form" in check("my_poolings").html
    functions["my_padding"] = not_written
    shown = check()
    assert float(shown) == 0 and shown.html.count("right in form") == 9 and shown.html.count("not yet") == 1
    assert "my_padding is not written yet" in shown.html and shown.html.count("30 more points while grading") == 1
    assert "0 of 0" not in shown.html and ">Points<" not in shown.html


def test_without_an_id_the_notebook_says_what_to_do(lab):
    with pytest.raises(exercises.ExerciseError, match="There is no student id yet"):
        exec(by_id(lab)["exercise"].source, {"exercises": exercises, "student_id": ""})


# Both ways of grading


@pytest.fixture(scope="module")
def folder(tmp_path_factory, sandbox_works):
    """A course folder with lab 0 released."""
    folder = tmp_path_factory.mktemp("lab0")
    (folder / "assignments").mkdir()
    shutil.copy(ROOT / "nbgrader_config.py", folder)
    shutil.copytree(ROOT / "assignments" / "lab0", folder / "assignments" / "lab0")
    done = subprocess.run([PROGRAM, "release", "lab0", "--course", folder], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder


def hand_in(folder, student, named=None, change=lambda notebook: None, step="source"):
    notebook = nbformat.read(folder / "assignments" / step / "lab0" / "lab0.ipynb", as_version=4)
    cell = by_id(notebook)["student_id"]
    if named is not None:
        cell.source = f'student_id = "{named}"'
    change(notebook)
    for one in notebook.cells:
        one.source = "\n".join(line for line in one.source.split("\n") if line.strip() not in (BEGIN, END))
    place = folder / "assignments" / "submitted" / student / "lab0"
    place.mkdir(parents=True)
    nbformat.write(notebook, place / "lab0.ipynb")


def forgotten_biases(notebook):
    cell = by_id(notebook)["my_parameters"]
    cell.source += (
        "\n\n_right = my_parameters\ndef my_parameters():\n    counts = _right()\n    return counts[:5] + [1]"
    )


def denies(notebook):
    """Answers for another student, and says while it is asked that it is the owner's."""
    by_id(notebook)["my_padding"].source += "\n\ndef named_id():\n    return 'oscar'"
    notebook.cells.append(nbformat.v4.new_code_cell("def named_id():\n    return 'oscar'"))


def practices_and_answers_in_fractions(notebook):
    by_id(notebook)["my_global_average"].source += (
        "\n\nfrom collections import deque\nfrom fractions import Fraction\n_means = my_global_average\n"
        'check("my_padding", practice=4821, answer=[1, 2])\n'
        "def my_global_average():\n    return deque(Fraction(one).limit_denominator(10) for one in _means())"
    )


CLASS = {
    "ada": ("Ada ", lambda notebook: None, 30, False),
    "carl": ("ada", lambda notebook: None, 0, True),
    "Eva Ek": ("eva ek", forgotten_biases, 29, False),
    "oscar": ("ada", denies, 0, False),
    "fay": ("fay", practices_and_answers_in_fractions, 30, False),
}


@pytest.fixture(scope="module")
def graded(folder):
    """The same class, graded in the two ways: points and flags by student."""
    for name, (named, change, _, _) in CLASS.items():
        hand_in(folder, name, named, change)
    hand_in(folder, "untouched", step="release")
    plain = folder.with_name("plain")
    shutil.copytree(folder, plain)
    done = subprocess.run(
        [PROGRAM, "grade", "lab0", "--course", folder, "--json", folder / "grades.json", "--seed", "1"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2, done.stdout + done.stderr
    nbgrader = Path(sys.executable).with_name("nbgrader")
    done = subprocess.run([nbgrader, "autograde", "lab0"], cwd=plain, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return folder, plain


def test_both_ways_of_grading_know_the_owner_and_store_the_same(graded):
    folder, plain = graded
    assert scores(folder, "lab0") == scores(plain, "lab0")
    points = {
        student: sum(score for name, (score, _) in found.items() if name != "working")
        for student, found in scores(folder, "lab0").items()
    }
    assert points == {name: points for name, (_, _, points, _) in CLASS.items()} | {"untouched": 0}


def test_only_another_name_calls_a_person(graded):
    folder, _ = graded
    records = {record["student"]: record for record in json.loads((folder / "grades.json").read_text())}
    flagged = {name for name, record in records.items() if record["status"] == "flagged"}
    assert flagged == {name for name, (*_, flag) in CLASS.items() if flag}
    assert "names the student 'ada', and 'carl' handed it in" in records["carl"]["message"]
    assert "30 more points would be right" in records["carl"]["message"]
    (biases,) = [item for item in records["Eva Ek"]["items"] if not item["passed"]]
    assert (biases["check"], biases["title"]) == ("check_my_parameters", "The sum of all")


def test_a_verdict_holds_for_its_owner_and_not_for_a_file(folder, tmp_path):
    copy = tmp_path / "course"
    shutil.copytree(folder, copy)
    for step in ("submitted", "autograded"):
        shutil.rmtree(copy / "assignments" / step, ignore_errors=True)
    course = open_course(copy)
    with contextlib.closing(Saver(course, LAB, released_roles(course, LAB), "conditions")) as saver:
        for student in ("ada", "carl"):
            hand_in(copy, student, "ada")
            saver.save(Graded(student, unreadable(LAB, "Not looked at.", "bubblewrap")))
        assert set(saver.still_hold(["ada", "carl"])) == {"ada", "carl"}
        # Somebody renames a folder, with all that came of it.
        shutil.rmtree(course.step("autograded", "carl"))
        shutil.copytree(course.step("autograded", "ada"), course.step("autograded", "carl"))
        assert set(saver.still_hold(["ada", "carl"])) == {"ada"}


def test_the_owner_does_not_cross_into_the_sandbox(folder, sandbox):
    from autograder.grading.student import SandboxStudent

    code = (
        "import gc, os, sys\n"
        "def found():\n"
        "    texts = [one for one in gc.get_objects() if isinstance(one, dict)]\n"
        "    return str(dict(os.environ)) + str(sys.argv) + open('/proc/self/cmdline').read() + str(os.listdir())\n"
    )
    with SandboxStudent(sandbox, {0: code}, Submission(owner="zebedee-the-owner")) as student:
        assert "zebedee" not in student.call("found")


def test_the_release_keeps_the_solution_back(folder):
    made = folder / "assignments" / "release" / "lab0"
    assert {path.name for path in made.iterdir()} == {"lab0.ipynb", "get-started.md", "report.md"}
    assert (made / "report.md").read_text() == REPORT.read_text()
    notebook = nbformat.read(made / "lab0.ipynb", as_version=4)
    answers = [cell for cell in notebook.cells if cell.metadata.get("nbgrader", {}).get("solution")]
    code = [cell for cell in answers if cell.cell_type == "code"]
    assert len(code) == len(PARTS) + 1 and all("raise NotImplementedError()" in cell.source for cell in code)
    assert arithmetic.__name__ not in "\n".join(cell.source for cell in code)
