"""Notebook in, verdict out."""

import dataclasses
import threading

import jupytext
import nbformat
import pytest

from autograder.checking.problem import Problem
from autograder.checking.rubric import Check, Item, Line
from autograder.grading.course_oracle import CourseOracle
from autograder.grading.grade import Conditions, Verdict, as_record, grade, grade_submission, unreadable
from autograder.grading.student import SandboxStudent, Timeouts
from autograder.labs import get_lab
from autograder.sandbox.launch import SandboxError
from autograder.sandbox.pool import Sandbox
from autograder.submissions import cells, reader
from autograder.submissions.files import files_beside
from autograder.submissions.submission import Submission
from tests.conftest import ROOT
from tests.platforms import notebook as handed

LAB = get_lab("lab1")


@pytest.fixture(scope="module")
def course(sandbox, bare_sandbox):
    return CourseOracle(LAB, sandbox, bare_sandbox)


def notebook(**changed):
    """Return the solved lab with some answers replaced."""
    solved = cells.clean(jupytext.read(ROOT / "assignments" / "lab1" / "lab1.md"))
    for cell in solved.cells:
        name = cell.metadata.get("nbgrader", {}).get("grade_id")
        cell.source = changed.get(name, cell.source)
    return solved


def points(verdict, function):
    return sum(item.points for item in verdict.of_check(f"check_{function}"))


MEAN = "def pool2d_layer(h):\n    return block_reduce(h[: len(h) // 2 * 2, : h.shape[1] // 2 * 2], (2, 2, 1), np.mean)"


def test_the_solution_gets_everything(bare_sandbox, course):
    verdict = grade(notebook(), LAB, bare_sandbox, course, Conditions(1))
    assert (verdict.points, verdict.max_points, verdict.status) == (35, 35, "graded"), verdict.items
    assert verdict.isolation == "bubblewrap" and verdict.seconds > 0


POOL = "def pool2d_layer(h):\n    {}\n    return keras.ops.max_pool(h[None], 2).numpy()[0]"
FRESH = (
    "import sys\n    for name in [n for n in sys.modules if n.startswith(('keras', 'tensor'))]: del sys.modules[name]\n"
    "    sys.meta_path[:] = [f for f in sys.meta_path if isinstance(f, type)]\n    import keras"
)
PROGRAM = (
    "import io, subprocess, sys\n"
    "    code = 'import io, sys, numpy as np, keras; h = np.load(io.BytesIO(sys.stdin.buffer.read())); '\n"
    "    code += 'np.save(sys.stdout.buffer, np.asarray(keras.ops.max_pool(h[None], 2))[0])'\n"
    "    sent = io.BytesIO()\n    np.save(sent, h)\n"
    "    if pool2d_layer.__dict__.get('failed'): raise OSError('no program')  # Hundreds of times the same.\n"
    "    done = subprocess.run([sys.executable, '-c', code], input=sent.getvalue(), capture_output=True)\n"
    "    pool2d_layer.failed = done.returncode\n"
    "    return np.load(io.BytesIO(done.stdout))"
)
COLLECTED = (
    "import gc, types\n    found = [f for f in gc.get_objects() if isinstance(f, types.FunctionType)\n"
    "        and f.__name__ == 'max_pool' and 'keras' in str(f.__module__)]\n    return found[0](h[None], 2).numpy()[0]"
)


@pytest.mark.parametrize(
    ("way", "named"),
    [
        ("pass", "keras.ops.max_pool"),
        ("import importlib\n    keras = importlib.import_module('ker' + 'as')", "keras.ops.max_pool"),
        (
            "import tensorflow as tf\n    return tf.nn.max_pool2d(h[None], 2, 2, 'VALID').numpy()[0]",
            "tensorflow.nn.max_pool2d",
        ),
        (
            "from tensorflow.keras import layers\n    return layers.MaxPool2D()(h[None])[0]",
            "tensorflow.keras.layers.MaxPool2D",
        ),
        ("class Mine(keras.layers.Layer): pass\n    return Mine()(h)", "keras.layers.Layer"),
        ("exec('import source_lib.layers.arithmetic as a; a.pool(h)')", "source_lib.layers.arithmetic.pool"),
        (FRESH, None),
        (PROGRAM, None),
        (COLLECTED, None),
        ("from helper import pool\n    return pool(h)", "keras.ops.max_pool"),
    ],
    ids=["plain", "by its name", "tensorflow", "tf.keras", "subclass", "source_lib", "anew", "program", "gc", "helper"],
)
def test_an_answer_that_lets_a_package_compute_gets_nothing(bare_sandbox, course, way, named):
    helper = b"import keras\ndef pool(h):\n    return keras.ops.max_pool(h[None], 2).numpy()[0]"
    answer = POOL.format(way)
    verdict = grade(
        notebook(pool2d_layer=answer), LAB, bare_sandbox, course, Conditions(1), Submission(files={"helper.py": helper})
    )
    assert points(verdict, "pool2d_layer") == 0 and verdict.points == 31
    if named is not None:
        said = {item.message for item in verdict.of_check("check_pool2d_layer")}
        assert said == {
            f"pool2d_layer uses {named} instead of computing its answer, so it scores 0. Write it with NumPy or SciPy."
        }


@pytest.mark.parametrize(
    "way",
    [
        "assert not isinstance(h, (keras.KerasTensor, tf.Tensor))",
        "h = h.astype(keras.backend.floatx()) + 0 * keras.config.epsilon()",
        "try: return keras.ops.max_pool(h[None], 2).numpy()[0]\n    except Exception: pass",
        "def never(): return keras.ops.max_pool(h)",
        "class Mine(keras.layers.Layer): pass",
    ],
)
def test_an_answer_that_computes_may_know_the_packages(bare_sandbox, course, way):
    answer = (
        f"import tensorflow as tf\ndef pool2d_layer(h):\n    {way}\n"
        "    h = h[:len(h) // 2 * 2, :h.shape[1] // 2 * 2]\n    return block_reduce(h, (2, 2, 1), np.max)"
    )
    verdict = grade(notebook(pool2d_layer=answer), LAB, bare_sandbox, course, Conditions(1))
    assert (verdict.points, verdict.status) == (35, "graded"), [item for item in verdict.items if not item.passed]


def test_an_activation_that_is_borrowed_leaves_the_layers_that_call_it_to_a_person(bare_sandbox, course):
    borrowed = (
        "def activation(x, activation):\n    known = ('linear', 'relu', 'sigmoid', 'softmax')\n"
        "    if activation not in known: raise ValueError(activation)\n"
        "    axis = {'axis': 0} if activation == 'softmax' else {}\n"
        "    return getattr(keras.activations, activation)(keras.ops.convert_to_tensor(x), **axis).numpy()"
    )
    verdict = grade(notebook(activation=borrowed), LAB, bare_sandbox, course, Conditions(1))
    assert points(verdict, "activation") == 0 and verdict.status == "flagged"
    assert [flag.split(" gives other answers")[0] for flag in verdict.flags] == [
        "conv2d_layer",
        "dense_layer",
        "fast_conv2d_layer",
    ]
    # What does not call it is paid at once.
    assert [points(verdict, name) for name in ("pool2d_layer", "flatten_layer", "count_weights", "evaluate")] == [
        4,
        2,
        3,
        5,
    ]


DISGUISED = """
def _disguise(work):
    def flatten_layer(*arguments):
        return work(*arguments)
    return flatten_layer

_sum = _disguise(lambda x, W, b: keras.ops.conv(x, W, padding="same").numpy() + b)

def conv2d_layer(h, W, b, act):
    return activation(_sum(h[None], W, b)[0], act)
"""
FORGED = """
def conv2d_layer(h, W, b, act):
    import sys
    sys.modules["sandbox.stubs"].noted.append(("keras.ops.conv", ["flatten_layer"]))
    try:
        total = keras.ops.conv(h[None], W, padding="same").numpy()[0] + b
    except Exception:
        sys.modules["sandbox.stubs"].noted.pop()
        raise
    return activation(total, act)
"""


@pytest.mark.parametrize("way", [DISGUISED, FORGED], ids=["a helper with another answer's name", "forged notes"])
@pytest.mark.parametrize("sacrificed", [False, True])
def test_blame_on_another_answer_pays_nothing(bare_sandbox, course, way, sacrificed):
    other = {"flatten_layer": "def flatten_layer(h):\n    return keras.ops.ravel(h).numpy()"} if sacrificed else {}
    verdict = grade(notebook(conv2d_layer=way, **other), LAB, bare_sandbox, course, Conditions(1))
    assert points(verdict, "conv2d_layer") == 0 and verdict.points == 35 - 8 - 2 * sacrificed
    assert verdict.status == "flagged"


def test_cells_that_need_the_packages_cost_nothing(bare_sandbox, course):
    honest = notebook()
    honest.cells.insert(
        5, nbformat.v4.new_code_cell("model = keras.Sequential([keras.layers.Dense(3)])\nprint('built')")
    )
    verdict = grade(honest, LAB, bare_sandbox, course, Conditions(1))
    assert (verdict.points, verdict.status) == (35, "graded"), [item for item in verdict.items if not item.passed]
    assert any("built" in str(ran.outputs) for ran in verdict.ran.values())
    # The same beside an answer that is borrowed.
    honest.cells.append(nbformat.v4.new_code_cell(POOL.format("pass")))
    verdict = grade(honest, LAB, bare_sandbox, course, Conditions(1))
    assert points(verdict, "pool2d_layer") == 0 and verdict.points == 31


def test_an_answer_beside_such_a_line_counts(bare_sandbox, course):
    solved = next(
        c.source for c in notebook().cells if c.metadata.get("nbgrader", {}).get("grade_id") == "pool2d_layer"
    )
    mixed = f"model = keras.layers.MaxPooling2D()\nscale = 1\n{solved}"
    verdict = grade(notebook(pool2d_layer=mixed), LAB, bare_sandbox, course, Conditions(1))
    assert (verdict.points, verdict.status) == (35, "graded"), verdict.flags


def test_an_answer_that_was_right_without_the_packages_stays_right(bare_sandbox, course):
    # The packages are there the second time, the network is not, so the second time the cell ends in its first line.
    honest = notebook(pool2d_layer="def pool2d_layer(h):\n    return block_reduce(even(h), (2, 2, 1), np.max)")
    downloads = (
        "(x, y), _ = keras.datasets.mnist.load_data()\n"
        "def even(h):\n    return h[:len(h) // 2 * 2, :h.shape[1] // 2 * 2]"
    )
    honest.cells.append(nbformat.v4.new_code_cell(downloads))
    verdict = grade(honest, LAB, bare_sandbox, course, Conditions(1))
    assert (verdict.points, verdict.status) == (35, "graded"), [item for item in verdict.items if not item.passed]


@pytest.mark.parametrize("inside", [False, True])
def test_points_lost_for_a_package_that_is_not_installed_call_a_person(bare_sandbox, course, inside):
    line = "from no_such_bar import bar"
    body = f"\n    {line}" if inside else ""
    cell = f"def pool2d_layer(h):{body}\n    bar(h)" if inside else f"{line}\n{MEAN.replace('np.mean', 'bar')}"
    verdict = grade(notebook(pool2d_layer=cell), LAB, bare_sandbox, course, Conditions(1))
    assert points(verdict, "pool2d_layer") == 0
    assert verdict.flags == ["Points were lost where a package is needed that is not installed here (no_such_bar)."]


def test_a_package_that_is_not_installed_and_costs_nothing_calls_nobody(bare_sandbox, course):
    tried = notebook(pool2d_layer=MEAN)
    tried.cells.append(nbformat.v4.new_code_cell("import no_such_bar"))
    verdict = grade(tried, LAB, bare_sandbox, course, Conditions(1))
    assert (verdict.points, verdict.flags) == (31, []), [item for item in verdict.items if not item.passed]


def test_an_answer_that_hides_behind_such_a_line_is_flagged_and_not_paid(bare_sandbox, course):
    hidden = "model = keras.layers.MaxPooling2D()\ndef pool2d_layer(h):\n    return model(h[None]).numpy()[0]"
    verdict = grade(notebook(pool2d_layer=hidden), LAB, bare_sandbox, course, Conditions(1))
    assert (verdict.status, points(verdict, "pool2d_layer"), verdict.points) == ("flagged", 0, 31)
    assert "pool2d_layer gives other answers where keras, tensorflow, autograder and source_lib" in verdict.flags[0]


def test_what_an_error_says_makes_no_links_on_a_page(bare_sandbox, course):
    text = r"raise ValueError('$\href{javascript:alert(1)}{x}$ <b>')"
    verdict = grade(notebook(flatten_layer=f"def flatten_layer(h): {text}"), LAB, bare_sandbox, course, Conditions(1))
    assert all(r"$href{javascript:alert(1)}{x}$ <b>" in i.message for i in verdict.of_check("check_flatten_layer"))
    link = r"The submission holds a link, $\href{javascript:alert(1)}{x}$, which was not followed."
    assert grade(notebook(), LAB, bare_sandbox, course, Conditions(1), Submission(notes=(link,))).flags == [
        link.replace("\\", "")
    ]


def test_the_same_seed_asks_the_same_and_another_one_does_not(bare_sandbox, course):
    telling = "def pool2d_layer(h):\n    raise ValueError(float(h.sum()))"
    said = [
        [
            item.message
            for item in grade(notebook(pool2d_layer=telling), LAB, bare_sandbox, course, Conditions(seed)).items
        ]
        for seed in (1, 1, 2)
    ]
    assert said[0] == said[1] != said[2]


def test_what_is_shown_does_not_depend_on_the_secret(bare_sandbox, course):
    shown = [
        [
            (item.message, item.example)
            for item in grade(notebook(pool2d_layer=MEAN), LAB, bare_sandbox, course, Conditions(seed)).items
        ]
        for seed in (1, 2)
    ]
    assert shown[0] == shown[1] and any(example for _, example in shown[0])


def test_an_answer_that_hangs_or_ends_on_small_inputs_alone_costs_nothing_more(bare_sandbox, course, monkeypatch):
    # An answer is waited for far longer than one that only tells a reason; on a busy machine both would be.
    monkeypatch.setattr("autograder.grading.student._busy", lambda: 1.0)
    patient = Conditions(1, timeouts=Timeouts(question=60))
    usual = grade(notebook(pool2d_layer=MEAN), LAB, bare_sandbox, course, patient)
    for trap in ("while True: pass", "import os; os._exit(1)"):
        trapped = MEAN.replace("\n", f"\n    if h.size < 20:\n        {trap}\n", 1)
        verdict = grade(notebook(pool2d_layer=trapped), LAB, bare_sandbox, course, patient)
        assert [item.passed for item in verdict.items] == [item.passed for item in usual.items]
        assert verdict.status == "graded" and verdict.seconds < usual.seconds + 30
        assert "This is the mean of each block" in str([item.message for item in verdict.items])
        assert set(verdict.ran) == set(usual.ran)


def test_a_reason_that_fails_by_itself_costs_no_point_and_calls_a_person(bare_sandbox, course):
    def unexplained(student, rng):
        def more():
            raise ZeroDivisionError("a fault of ours")

        return Problem("Asked: this. It is not so.", more=more)

    check = Check("activation", (Line("a", "A", 3.0, unexplained), Line("b", "B", 2.0, lambda student, rng: None)))
    verdict = grade(notebook(), dataclasses.replace(LAB, checks=(check,)), bare_sandbox, course, Conditions(1))
    assert (verdict.points, verdict.status) == (2, "flagged") and "a fault of ours" in verdict.flags[0]
    assert verdict.items[0].message == "Asked: this. It is not so."


def test_a_wrong_activation_costs_activation_only(bare_sandbox, course):
    wrong = (
        "def activation(x, activation):\n"
        "    if activation == 'linear': return x\n"
        "    if activation == 'relu': return np.maximum(x, 0) + 0.5\n"
        "    if activation == 'sigmoid': return np.tanh(x)\n"
        "    if activation == 'softmax': return np.exp(x - np.max(x)) / 7\n"
        "    raise ValueError(activation)"
    )
    verdict = grade(notebook(activation=wrong), LAB, bare_sandbox, course, Conditions(1))
    lost = {item.check for item in verdict.items if not item.passed}
    assert lost == {"check_activation"}


def test_a_check_that_fails_by_itself_calls_a_person_and_pays_nothing(bare_sandbox, course):
    def broken(student, rng):
        raise ZeroDivisionError("a fault of ours")

    def fine(student, rng):
        return None

    lab = dataclasses.replace(
        LAB,
        checks=(
            Check("activation", (Line("broken", "Broken", 3.0, broken),)),
            Check("flatten_layer", (Line("fine", "Fine", 2.0, fine),)),
        ),
    )
    verdict = grade(notebook(), lab, bare_sandbox, course, Conditions(1))
    assert (verdict.points, verdict.status) == (2, "flagged")
    assert "a fault of ours" in verdict.flags[0] and "person" in verdict.items[0].message


def test_a_sandbox_that_breaks_down_flags_and_does_not_raise(bare_sandbox, course):
    with Sandbox(imports=()) as own:
        own.wait()
        own.close()
        own._launch = own.wait = lambda: (_ for _ in ()).throw(SandboxError("gone"))
        verdict = grade(notebook(), LAB, own, course, Conditions(1))
    assert (verdict.points, verdict.status) == (0, "flagged") and "gone" in verdict.flags[0]
    assert len(verdict.items) == sum(len(check.lines) for check in LAB.checks)


def test_a_sandbox_that_is_killed_in_between_costs_nobody_anything():
    with Sandbox() as own:
        answers = CourseOracle(LAB, own, own)
        assert grade(notebook(), LAB, own, answers, Conditions(1)).points == 35
        own._process.kill()
        own._process.wait()
        # Other questions, so that the course is really asked again.
        verdict = grade(notebook(), LAB, own, answers, Conditions(2))
        assert (verdict.points, verdict.status) == (35, "graded"), verdict.flags
        assert own.restarts == 1
        # In the middle of a submission: while its last cell runs.
        killer = threading.Timer(0.5, lambda: own._process.kill())
        slow = notebook()
        slow.cells.append(nbformat.v4.new_code_cell("import time; time.sleep(2)"))
        killer.start()
        verdict = grade(slow, LAB, own, answers, Conditions(3))
        assert (verdict.points, verdict.status) == (35, "graded"), verdict.flags
        assert own.restarts == 2


def test_a_file_beside_the_notebook_can_be_used(bare_sandbox, course, tmp_path):
    (tmp_path / "lab1.ipynb").write_text("{}")
    (tmp_path / "helpers.py").write_text("def flat(h):\n    return h.reshape(-1)")
    (tmp_path / "timestamp.txt").write_text("2026-11-21")
    files, left_out = files_beside(tmp_path / "lab1.ipynb")
    assert list(files) == ["helpers.py"] and left_out == []
    own = "from helpers import flat\ndef flatten_layer(h):\n    return flat(h)"
    assert (
        points(
            grade(notebook(flatten_layer=own), LAB, bare_sandbox, course, Conditions(1), Submission(files=files)),
            "flatten_layer",
        )
        == 2
    )


def test_the_course_answers_from_a_job_that_sees_the_reference_only(sandbox, course):
    assert course.answers.call("count_weights", [[1.0, 2.0]], [[3.0]]) == 3
    student = SandboxStudent(
        sandbox, {0: "import sys\ndef seen(): return 'autograder.labs.lab1.reference' in sys.modules"}
    )
    assert student.call("seen") is False
    student.close()


def test_what_cannot_be_read_earns_nothing():
    verdict = unreadable(LAB, "No notebook.", "process")
    record = as_record("ada", LAB, verdict)
    assert (record["points"], record["max_points"], record["status"]) == (0, 35, "flagged")
    assert record["message"] == "No notebook." and {item["message"] for item in record["items"]} == {"No notebook."}


def test_points_are_those_of_the_passed_items():
    verdict = Verdict([Item("a", "one", 1.5, True), Item("a", "two", 2.0, False), Item("b", "three", 1.0, True)])
    assert (verdict.points, verdict.max_points, verdict.status) == (2.5, 4.5, "graded")
    assert [item.title for item in verdict.of_check("a")] == ["one", "two"]


def test_a_notebook_that_takes_too_long_to_read_is_flagged(bare_sandbox, course, monkeypatch):
    content = b'{"cells": [' + b'{"a": 1},' * 300_000 + b"{}]}"
    monkeypatch.setattr(reader, "SECONDS", 0.001)
    monkeypatch.setattr(reader, "WALL", 10**4)
    verdict = grade_submission(Submission("ada", content), Conditions(1), bare_sandbox, course)
    assert (verdict.points, verdict.status) == (0, "flagged")
    assert verdict.flags == [f"lab1.ipynb takes more than 0.001 seconds to be read. {cells.SMALLER}"]
    assert len(verdict.items) == len(unreadable(LAB, "", "process").items)


def test_what_a_cell_defines_that_takes_too_long_to_read_is_left_out_and_the_rest_counts(
    bare_sandbox, course, monkeypatch
):
    solved = notebook()
    long = nbformat.v4.new_code_cell("def helper(): pass\n" * 3000, metadata={"tags": [cells.EXPLORE]})
    solved.cells.insert(0, long)
    monkeypatch.setattr(reader, "SECONDS", 0.001)
    monkeypatch.setattr(reader, "WALL", 10**4)
    verdict = grade(solved, LAB, bare_sandbox, course, Conditions(1))
    assert verdict.points == 35
    (flag,) = verdict.flags
    assert (
        flag
        == "A cell that only explores takes more than 0.001 seconds to be read; what such cells define was left out."
    )


def test_a_notebook_of_another_lab_calls_a_person_where_it_earns_nothing(bare_sandbox, course):
    other = handed(get_lab("lab2"), heading="Lab 2: Other")
    verdict = grade_submission(Submission("ada", other), Conditions(1), bare_sandbox, course)
    assert verdict.points == 0 and verdict.status == "flagged"
    assert 'none of the cells that lab1 scores. It has 11 cells and begins with "Lab 2: Other"' in verdict.flags[0]
    untouched = grade_submission(Submission("ada", handed(LAB, 0)), Conditions(1), bare_sandbox, course)
    assert (untouched.points, untouched.status) == (0, "graded")
