"""Practice in lab 0: the whole verdict on other numbers than those that are graded, as often as somebody likes."""

import re

import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

from autograder.labs.lab0 import checks
from autograder.labs.lab0.checks import PARTS
from autograder.labs.lab0.faults import FAULTS
from autograder.labs.lab0.practice import EXERCISE
from autograder.notebook import MOST_PRACTICES, PracticeError, UnknownCheckError, lab_check
from source_lib import exercises
from source_lib.exercises import GRADED, PRACTICE
from tests.conftest import ROOT
from tests.labs.lab0.trial import FORMS, formed, returning

FUNCTIONS = [part.function for part in PARTS]
BY_NAME = {part.function: part for part in PARTS}


def right_of(function, seed):
    part = BY_NAME[function]
    return np.asarray(part.right(exercises.draw_practice(seed))).tolist()


def text_of(points):
    """Return what a person reads, without the numbers that are given."""
    return re.sub(r"<pre.*?</pre>|<[^>]*>", " ", points.html, flags=re.DOTALL)


# No practice asks what is graded


def questions(one):
    """Return what each line of each part is about: whoever knows the answer to one does not know it to another."""
    layers = zip(one.kernels, (3, *one.filters), one.filters, strict=False)
    side = one.input_size // 8
    pooled = [n // one.pool for n in one.map_size]
    windows = np.asarray(one.matrix).reshape(2, 2, 3, 2).swapaxes(1, 2).reshape(6, 4)
    return {
        "kernel": {tuple(sorted(sum(one.kernel, ())))},
        "padding": set(one.padded_kernel),
        "kernel size": set(zip(one.image_size, one.map_size, strict=True)),
        "pooled size": {(n, one.pool) for n in one.map_size},
        "second size": {(n, one.second_kernel, one.second_stride, one.second_padding) for n in pooled},
        "second maps": {one.maps[1]},
        "convolutions": set(layers),
        "dense": {(side, one.filters[2], one.hidden), (one.hidden, one.classes)},
        "fields": {size for kind, size, _ in one.layers if kind == "convolution"},
        "windows": set(map(tuple, windows.tolist())),
        "averages": {int(np.sum(map_)) for map_ in one.feature_maps},
    }


def collected(drawn):
    found = {}
    for one in drawn:
        for name, asked in questions(one).items():
            found.setdefault(name, set()).update(asked)
    return found


def test_what_is_practiced_is_graded_for_nobody():
    graded = collected(exercises.draw(f"anna{k}") for k in range(60))
    practiced = collected(map(exercises.draw_practice, range(60)))
    assert {name: graded[name] & practiced[name] for name in graded} == dict.fromkeys(graded, set())
    assert all(len(practiced[name]) > 10 for name in practiced if name not in ("kernel", "fields"))


def test_the_ranges_are_apart_whatever_is_drawn():
    apart = ("padded", "second_kernels", "hidden", "classes", "seen", "entries")
    assert not any(set(getattr(GRADED, name)) & set(getattr(PRACTICE, name)) for name in apart)
    assert sorted(GRADED.weights) != sorted(PRACTICE.weights) != sorted(-weight for weight in GRADED.weights)
    assert not set(GRADED.maps[1]) & set(PRACTICE.maps[1])
    assert not set(GRADED.filters[0]) & set(PRACTICE.filters[0]) and not set(GRADED.filters[2]) & set(
        PRACTICE.filters[2]
    )
    smallest = min(GRADED.image_sides) - max(GRADED.first_kernels)
    assert max(PRACTICE.image_sides) - min(PRACTICE.first_kernels) < smallest
    # A map of ten numbers.
    assert 10 * max(GRADED.map_entries) < 10 * min(PRACTICE.map_entries)


def test_a_seed_gives_the_same_numbers_and_is_no_student():
    assert exercises.draw_practice(7) == exercises.draw_practice(np.int64(7)) != exercises.draw_practice(8)
    assert exercises.draw_practice(7).student == ""
    assert exercises.draw("practice").image != exercises.draw_practice(0).image


# What is shown


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_round_shows_the_numbers_and_how_to_answer(function):
    shown = lab_check("lab0", {function: returning(right_of(function, 1))})(function, practice=12)
    given = exercises.draw_practice(12)
    for part in BY_NAME[function].about:
        assert given.about(part).splitlines()[0].strip() in shown.html
    assert f'check("{function}", practice=12, answer=[' in shown.html.replace("&quot;", '"')
    assert float(shown) == 0 and "<table" not in shown.html and "worked out" not in shown.html


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_right_answer_gets_the_whole_verdict(function):
    check = lab_check("lab0", {})
    answer = right_of(function, 5)
    for given in (answer, *(formed(function, answer, form) for form in FORMS)):
        points = check(function, practice=5, answer=given)
        assert points.html.count("✓ passed") == len(BY_NAME[function].lines) and "✗" not in points.html
        assert float(points) == 0, "practice counts nothing"


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.id)
def test_a_wrong_answer_loses_its_lines_and_is_told_why(fault):
    part = BY_NAME[fault.function]
    for seed in (3, 4):
        answer = np.asarray(fault.apply(part.right)(exercises.draw_practice(seed))).tolist()
        points = lab_check("lab0", {})(fault.function, practice=seed, answer=answer)
        assert points.html.count("✗ not yet") == len(fault.loses) > 0
        assert fault.hint in text_of(points).replace("&#x27;", "'")
        assert BY_NAME[fault.function].working in text_of(points).replace("&#x27;", "'")


def test_the_working_is_told_in_words_and_no_right_number_is():
    assert all(not re.search(r"\d", part.working) and part.working.endswith(".") for part in PARTS)
    for part in PARTS:
        answer = np.full(part.shape, None).tolist()
        shown = text_of(lab_check("lab0", {})(part.function, practice=9, answer=answer)).split()
        right = np.asarray(part.right(exercises.draw_practice(9)), dtype=float)
        assert not {f"{number:.10g}" for number in right.ravel() if abs(number) > 20} & set(shown)


def test_each_call_draws_others_and_a_number_shows_the_same_again():
    check = lab_check("lab0", {})
    shown = [check("my_padding", practice=True).html for _ in range(30)]
    assert all(one != other for one, other in zip(shown, shown[1:], strict=False))
    seeds = {int(re.search(r"practice (\d+)", html)[1]) for html in shown}
    assert len(seeds) == 30 and max(seeds) < MOST_PRACTICES
    assert check("my_padding", practice=8).html == check("my_padding", practice=8).html


# Answers that are computed


COMPUTED = """
from source_lib.layers import arithmetic
def my_padding():
    return [arithmetic.same_padding(side) for side in exercise.padded_kernel]
def my_pooled_size():
    return [places // exercise.pool for places in exercise.map_size]
def my_second_layer():
    side, stride, zeros = exercise.second_kernel, exercise.second_stride, exercise.second_padding
    return [*(arithmetic.output_size(n, side, stride, zeros) for n in my_pooled_size()), exercise.maps[1]]
def my_kernel_size():
    return [n - m for n, m in zip(exercise.image_size, exercise.map_size)]
def my_receptive_fields():
    raise ValueError(exercise.student)
"""


def computing():
    namespace = {"exercise": exercises.draw("anna42")}
    exec(COMPUTED, namespace)
    return namespace


def test_an_answer_that_is_computed_is_judged_at_once_and_the_exercise_stays():
    namespace = computing()
    check, own = lab_check("lab0", namespace), namespace["exercise"]
    for function, lines in (("my_padding", 2), ("my_second_layer", 2), ("my_pooled_size", 2)):
        assert check(function, practice=True).html.count("✓ passed") == lines
    shown = check("my_kernel_size", practice=True).html
    assert "That is off by one" in shown and shown.count("✗ not yet") == 2
    assert "To do:" in check("my_receptive_fields", practice=True).html
    assert namespace["exercise"] is own
    del namespace["exercise"]
    assert check("my_padding", practice=True).html.count("✓ passed") == 2 and "exercise" not in namespace


def test_an_answer_that_is_given_counts_before_one_that_is_computed():
    assert "✗ not yet" in lab_check("lab0", computing())("my_padding", practice=3, answer=[1, 2]).html


def test_the_notebook_keeps_its_exercise_under_the_name_that_practice_replaces():
    assert f"\n{EXERCISE} = exercises.draw(student_id)\n" in (ROOT / "assignments/lab0/lab0.md").read_text()


def test_practice_leaves_the_check_of_the_graded_numbers_as_it_is():
    check = lab_check("lab0", {"my_padding": returning([1, 2])})
    check("my_padding", practice=3, answer=right_of("my_padding", 3))
    assert "right in form" in check("my_padding").html and "passed" not in check("my_padding").html


# Mistakes in the call


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"practice": True}, "Practice is about one function"),
        ({"function": "my_padding", "practice": True, "answer": [1, 2]}, "Say which numbers the answer is for"),
        ({"function": "my_padding", "answer": [1, 2]}, "Say which numbers the answer is for"),
        ({"function": "my_padding", "practice": -1}, "from 0 to 999999"),
        ({"function": "my_padding", "practice": 10**5000}, "from 0 to 999999"),
        ({"function": "my_padding", "practice": "yes"}, "practice is True, or the number"),
        ({"function": "my_padding", "practice": 1.0}, "from 0 to 999999"),
    ],
)
def test_a_mistake_in_the_call_is_told_without_a_traceback(arguments, says):
    with pytest.raises(PracticeError, match=re.escape(says)) as raised:
        lab_check("lab0", {})(**arguments)
    assert raised.value._render_traceback_() == [str(raised.value)] and len(str(raised.value)) < 200


def test_what_cannot_be_practiced_says_so():
    with pytest.raises(UnknownCheckError, match="has no function 'padding'"):
        lab_check("lab0", {})("padding", practice=True)
    with pytest.raises(PracticeError, match="lab1 has no practice: its check draws new inputs"):
        lab_check("lab1", {})("flatten_layer", practice=True)


@pytest.mark.parametrize("odd", ["3, 4", [1], [1, float("nan")], {"rows": 1}, (k for k in (1, 2)), object()])
def test_an_odd_answer_is_explained(odd):
    shown = text_of(lab_check("lab0", {})("my_padding", practice=3, answer=odd))
    assert shown.count("not yet") == 2 and "my_padding returned" in shown


# In JupyterLab's kernel


def test_practice_in_a_kernel():
    cells = [
        "from autograder import open_lab\nfrom source_lib import exercises\ncheck = open_lab('lab0', globals())",
        "exercise = exercises.draw('anna42')\ndef my_padding():\n    return [12, 11]",
        'check("my_padding", practice=4821)',
        f'check("my_padding", practice=4821, answer={right_of("my_padding", 4821)})',
        'check("my_padding", practice="?")',
    ]
    notebook = new_notebook(cells=list(map(new_code_cell, cells)))
    NotebookClient(notebook, timeout=120, kernel_name="python3", allow_errors=True).execute()
    nbformat.validate(notebook)
    shown, judged, mistaken = (cell.outputs[0] for cell in notebook.cells[2:])
    assert exercises.draw_practice(4821).about("padding").split("   ")[0] in shown.data["text/html"]
    assert judged.data["text/html"].count("✓ passed") == 2 and judged.data["text/plain"] == "0.0"
    assert "".join(mistaken.traceback).startswith("practice is True") and checks.NAMED_ID not in shown.data["text/html"]
