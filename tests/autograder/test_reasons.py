"""Why a point was lost: the sentence, the fault or the two that are named, and the smallest input that shows it."""

import inspect
import re
import runpy
from dataclasses import replace
from itertools import combinations

import joblib
import jupytext
import numpy as np
import pytest

from autograder.checking import array_text, error_texts, reasons
from autograder.checking.hints import FIX_THE_OTHER_FIRST, NONE_FITS, SEVERAL_FIT
from autograder.checking.problem import ASKED, without_asked
from autograder.checking.student import NotebookStudent, StudentError
from autograder.grading.answer_cache import AnswerCache
from autograder.labs.lab1 import LAB, faults, pooling, reference
from autograder.labs.lab1.faults import FAULTS
from tests.conftest import ROOT
from tests.labs.lab1.test_lab1 import COURSE, TIMED, judge
from tests.labs.lab1.trial import right_way
from tests.labs.lab1.variants import GRADED, VARIANTS, functions
from tests.short import one_in

BY_ID = {fault.id: fault for fault in FAULTS}


def wrong_one(fault):
    """Return a right way with a fault."""
    return fault.apply(right_way(fault.function))


#: Lines that are about what an example cannot show: that an input was changed, and how long it took.
BARE = ("inputs", *TIMED)


def lines_of(text):
    return {line.strip() for line in text.split("\n") if len(line.strip()) > 12}


@pytest.fixture(scope="module")
def code():
    """Every line of code that no reason may hold: of the reference, of the faults and of the solution."""
    # Of the faults, the code; the hints that follow are meant to be read.
    lines = lines_of(inspect.getsource(reference)) | lines_of(inspect.getsource(faults).split("_CHANGES_INPUT")[0])
    lab = jupytext.read(ROOT / "assignments" / "lab1" / "lab1.md")
    for cell in lab.cells:
        if cell.cell_type == "code" and "### BEGIN SOLUTION" in cell.source:
            lines |= lines_of(cell.source.split("### BEGIN SOLUTION")[1].split("### END SOLUTION")[0])
    assert len(lines) > 150 and "return powers / np.sum(powers)" in lines
    return lines


def lost(items):
    return {key: item for key, item in items.items() if not item.passed}


def both(last, first):
    """Return a function with two faults."""
    last, first = BY_ID[last], BY_ID[first]
    return last.function, last.apply(wrong_one(first))


def read(example):
    """Return the values of an example by their labels, as a person reads them off: in columns under their labels."""
    found = []
    for band in example.split("\n\n"):
        head, *rows = band.split("\n")
        starts = [label.start() for label in re.finditer(r"(?<=   )\S|^\S", head)]
        for start, end in zip(starts, [*starts[1:], None], strict=True):
            column = [row[start:end].strip() for row in rows]
            found.append((head[start:end].strip(), [row for row in column if row]))
    return found


def numbers(rows):
    return np.array([[float(number) for number in row.split()] for row in rows])


def gathered(found, name, axes):
    """Return an array that was printed as one block or as one for each channel."""
    blocks = [(label, rows) for label, rows in found if re.fullmatch(rf"{re.escape(name)}(\[.*\])?", label)]
    if not blocks or blocks[0][1][0].startswith(("empty", "an error", "nothing")):
        return None
    (label, rows), *others = blocks
    if not others:
        values = numbers(rows)
        # The picture's axes stand in the array where its name does not say otherwise.
        return values.reshape([values.shape[axes.index(a)] if a in axes else 1 for a in range(max(axes[-1] + 2, 3))])
    indices = [
        [None if one == ":" else int(one) for one in re.search(r"\[(.*)\]", label)[1].split(", ")]
        for label, _ in blocks
    ]
    picture = numbers(rows).shape
    extents = [max((i[a] for i in indices if i[a] is not None), default=-1) + 1 for a in range(len(indices[0]))]
    values = np.full([picture[axes.index(a)] if a in axes else extents[a] for a in range(len(extents))], np.nan)
    for index, (_, rows) in zip(indices, blocks, strict=True):
        values[tuple(slice(None) if one is None else one for one in index)] = numbers(rows)
    assert not np.isnan(values).any()
    return values


def question(function, item):
    """Return the arguments that an item's message and example tell."""
    found = read(item.example)
    if function == "activation":
        x = numbers(dict(found)["x"])
        name = re.search(r"apply '(\w+)'", item.message)[1]
        return (x if "a column" in item.message else x.ravel()), name
    if function in ("pool2d_layer", "flatten_layer"):
        return (gathered(found, "h", (0, 1)),)
    if function == "evaluate":
        return numbers(dict(found)["y_prob"]), numbers(dict(found)["y_onehot"])
    act = re.search(r"'(\w+)' last", item.message)
    act = act[1] if act else "linear"
    if function == "dense_layer":
        W = numbers(dict(found)["W"])
        b = numbers(dict(found)["b"]) if "b" in dict(found) else np.zeros((len(W), 1))
        return numbers(dict(found)["h"]).ravel(), W, b, act
    W = gathered(found, "W", (0, 1))
    W = W if W.ndim == 4 else W[..., None]
    b = numbers(dict(found)["b"]).ravel() if "b" in dict(found) else np.zeros(W.shape[3])
    if function == "conv2d_layer":
        return gathered(found, "h", (0, 1)), W, b, act
    x = gathered(found, "x", (1, 2))
    return (x if x.ndim == 4 else x[..., None]), W, b, act


def alike(left, right):
    """Return whether what was printed with four digits is what came."""
    return np.shape(left) == np.shape(right) and np.allclose(left, right, rtol=6e-4, atol=1e-8, equal_nan=True)


def assert_shows(function, item, answer):
    """Ask what an example says, of the reference and of the answer: both must give what is printed, and differ."""
    values = dict(read(item.example))
    if "a tuple of" in item.example:
        count = int(values["yours"][0].removeprefix("a tuple of "))
        assert len(answer(*question(function, item))) == count
        return
    if (values.get("yours") or [""])[0].endswith("Error"):
        with pytest.raises(Exception) as error:
            answer(*question(function, item))
        assert values["yours"] == [type(error.value).__name__]
        return
    if function == "count_weights":
        values = read(item.example)
        sizes = [eval(f"[{rows[0]}]") for _, rows in values[:2]]
        arguments = [[np.zeros(shape) for shape in part] for part in sizes]
        assert float(next(rows[0] for label, rows in values if label == "yours")) == answer(*arguments)
        values = dict(values)
        if "exchanged: W" in values:
            other = [[np.zeros(eval(values[name][0]))] for name in ("exchanged: W", "b")]
            assert (
                float(values["yours"][0])
                == answer(*other)
                != answer(*arguments) - int(values["expected"][0].split()[0])
            )
        elif "without [0]" in values:
            assert values["expected"] == ["the same"] and values["without [0]"] != values["yours"]
        else:
            assert float(values["expected"][0]) == reference.count_weights(*arguments) != answer(*arguments)
        return
    arguments = question(function, item)
    got = answer(*arguments)
    yours = [label for label, _ in read(item.example) if label.startswith("yours")][-1].split("[")[0]
    if function == "evaluate":
        got, right = (pair["expected accuracy" in item.example] for pair in (got, reference.evaluate(*arguments)))
        got, right = np.atleast_2d(got), np.atleast_2d(right)
        printed = numbers(dict(read(item.example))["yours"])
    elif "no_such_name" in item.message:
        printed, right = (got if got is None else numbers(dict(read(item.example))["yours"]).ravel()), "an error"
    else:
        right = getattr(reference, function)(*arguments)
        axes = (1, 2) if function == "fast_conv2d_layer" else (0, 1)
        printed = gathered(read(item.example), yours, axes)
        if printed is None:
            assert got.size == 0 and right.size != 0
            return
        if "inside" in yours:
            rows, columns = arguments[1].shape[0] // 2, arguments[1].shape[1] // 2
            if got.shape == right.shape:
                got = got[rows : len(got) - rows, columns : got.shape[1] - columns]
            right = right[rows : len(right) - rows, columns : right.shape[1] - columns]
        printed = printed.reshape(got.shape)
    assert got is None or alike(printed, got), (printed, got)
    assert not alike(got, right) if got is not None else True


def assert_small(item):
    lines = item.example.split("\n")
    assert len(lines) <= array_text.HEIGHT < 12 and max(map(len, lines)) <= array_text.WIDTH < 80
    assert len(item.message) < (600 if "Two things" in item.message else 400)
    assert item.message.startswith(ASKED) and item.message.count(ASKED) == 1


def named(item):
    """Return the ids of the faults whose hints stand in a message."""
    of = [fault for fault in FAULTS if fault.function == item.check.removeprefix("check_")]
    return {fault.id for fault in of if fault.hint in item.message}


@pytest.mark.parametrize("fault", one_in(4, FAULTS, lambda fault: fault.id))
def test_the_smallest_input_shows_a_known_fault(fault, code):
    for key, item in lost(judge(fault.function, functions(**{fault.function: wrong_one(fault)}), 3)).items():
        assert named(item) == {fault.id}
        if key == "domain" or "All other lines wait" in item.message:
            continue
        assert_small(item)
        # What several answers have in common is told in a sentence.
        sentence = "cannot count" in item.message or "to compare with" in item.message
        assert bool(item.example) == (key not in BARE and not sentence)
        if item.example:
            assert_shows(fault.function, item, wrong_one(fault))
        assert not [line for line in code if line in item.message or line in item.example]


PAIRS = {
    ("conv2d_bias_after", "conv2d_no_flip"): {"kernel": "no_flip", "activation": "both"},
    ("conv2d_valid", "conv2d_no_flip"): {"kernel": "both", "border": "valid"},
    ("conv2d_bias_per_channel", "conv2d_flip_rows"): {"kernel": "flip_rows", "bias": "both"},
    ("conv2d_activation_ignored", "conv2d_first_channel"): {"channels": "first_channel", "activation": "both"},
    ("conv2d_wrapped", "conv2d_kernel_transposed"): {"border": "wrapped"},
    ("conv2d_mirrored", "conv2d_bias_missing"): {"border": "mirrored", "bias": "both"},
    ("pool2d_zeros_odd", "pool2d_mean"): {"maximum": "mean", "odd": "both"},
    ("pool2d_keeps_odd", "pool2d_minimum"): {"maximum": "minimum", "odd": "both"},
    ("pool2d_minimum", "pool2d_over_channels"): {"maximum": "minimum", "channels": "both"},
    ("flatten_row", "flatten_fortran"): {"order": "both", "vector": "both"},
    ("dense_bias_after", "dense_transposed"): {"sum": "transposed", "activation": "both"},
    ("dense_bias_missing", "dense_transposed"): {"sum": "transposed", "bias": "both"},
    ("count_weights_empty_as_one", "count_weights_no_biases"): {"biases": "no_biases", "empty": "both"},
    ("evaluate_negative", "evaluate_log2"): {"cross_entropy": "both"},
    ("evaluate_summed", "evaluate_log10"): {"cross_entropy": "both"},
    ("evaluate_errors", "evaluate_fraction"): {"accuracy": "both"},
    ("activation_sigmoid_overflow", "activation_sigmoid_mirrored"): {"sigmoid": "sigmoid_mirrored", "large": "both"},
    ("fast_conv2d_valid", "fast_conv2d_no_flip"): {"answers": "both"},
    ("fast_conv2d_bias_missing", "fast_conv2d_no_flip"): {"answers": "both"},
}


@pytest.mark.parametrize("pair", one_in(2, PAIRS, "+".join))
@pytest.mark.parametrize("seed", [0, 1])
def test_two_faults_at_once_are_named_where_both_show(pair, seed):
    function, answer = both(*pair)
    items = lost(judge(function, functions(**{function: answer}), seed))
    for key, who in PAIRS[pair].items():
        item = items[key]
        expected = set(pair) if who == "both" else {f"{function.removesuffix('_layer')}_{who}"}
        assert named(item) == expected, item.message
        assert ("Two things at once: (1) " in item.message) == (who == "both")
        assert_small(item)
        assert_shows(function, item, answer)


@pytest.mark.long
@pytest.mark.parametrize("function", GRADED)
def test_two_faults_at_once_are_never_blamed_on_a_third(function):
    of = [fault for fault in FAULTS if fault.function == function]
    for last, first in combinations(of, 2):
        pair = last.id, first.id
        _, answer = both(*pair)
        for item in lost(judge(function, functions(**{function: answer}), 1)).values():
            fits = named(item)
            # A third may give the very same numbers as two: a kernel that is flipped both ways is turned.
            if not fits <= set(pair):
                (third,) = fits
                answers = [f(*question(function, item)) for f in (wrong_one(BY_ID[third]), answer)]
                assert np.allclose(*answers, equal_nan=True)
            if "stopped with" not in item.message:
                assert_small(item)


def test_three_faults_at_once_are_not_named_where_all_show():
    function, answer = both("conv2d_bias_after", "conv2d_no_flip")
    items = lost(judge(function, functions(conv2d_layer=BY_ID["conv2d_first_channel"].apply(answer)), 0))
    assert named(items["activation"]) == set() and FIX_THE_OTHER_FIRST in items["activation"].message
    assert named(items["channels"]) == {"conv2d_first_channel"}


def random_answers(function):
    """Return a function that answers in the right form with other numbers."""

    def answer(*arguments):
        right = getattr(reference, function)(*arguments)
        rng = np.random.default_rng(int(joblib.hash(arguments), 16))
        if isinstance(right, int):
            return right + int(rng.integers(1, 50))
        if isinstance(right, tuple):
            return float(rng.uniform(0, 5)), float(rng.uniform(0, 100))
        return rng.normal(size=right.shape)

    return answer


@pytest.mark.parametrize("function", GRADED)
def test_a_random_answer_is_of_no_known_fault(function):
    for seed in range(2):
        for key, item in lost(judge(function, functions(**{function: random_answers(function)}), seed)).items():
            assert named(item) == set() and SEVERAL_FIT not in item.message
            assert_small(item)
            if NONE_FITS in item.message:
                assert item.example, (key, item.message)


def test_a_number_that_a_fault_gives_by_chance_is_no_reason_to_name_it():
    def by_chance(W, b):
        # The number of arrays, but only for the question that is scored.
        return len(W) + len(b) if len(W) == 4 else 1000 + sum(np.size(w) for w in W)

    item = judge("count_weights", functions(count_weights=by_chance), 0)["weights"]
    assert named(item) == set() and NONE_FITS in item.message


@pytest.mark.parametrize(
    ("function", "key", "answer", "hidden"),
    [
        ("count_weights", "weights", lambda W, b: reference.count_weights(W, b) + (len(W) == 4), "173"),
        (
            "evaluate",
            "accuracy",
            lambda p, y: (reference.evaluate(p, y)[0], reference.evaluate(p, y)[1] + (len(p) == 7)),
            "42.8",
        ),
        (
            "evaluate",
            "cross_entropy",
            lambda p, y: (reference.evaluate(p, y)[0] + (len(p) == 7), reference.evaluate(p, y)[1]),
            "1.49",
        ),
    ],
    ids=["count", "accuracy", "cross-entropy"],
)
def test_the_one_number_that_is_scored_is_never_told(function, key, answer, hidden):
    item = lost(judge(function, functions(**{function: answer}), 0))[key]
    assert item.example == "" and hidden not in item.message and "too" in item.message


def test_where_no_small_input_shows_it_one_place_of_the_large_one_does():
    def wrong_far_off(h, W, b, act):
        result = reference.conv2d_layer(h, W, b, act).copy()
        if result.shape[1] > 6:
            result[3, 5, 0] += 1
        return result

    item = lost(judge("conv2d_layer", functions(conv2d_layer=wrong_far_off), 0))["border"]
    assert re.fullmatch(r"at \[3, 5, 0\]\nexpected +\S+\nyours +\S+", item.example)
    expected, yours = (float(line.split()[1]) for line in item.example.split("\n")[1:])
    assert yours == pytest.approx(expected + 1, abs=1e-4)
    assert "7 pixels and 1 channel" in item.message and NONE_FITS in item.message


class Recorded(NotebookStudent):
    """A student who notes what is asked."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.asked = []

    def ask(self, function, *args):
        # Empty arrays are the same whatever is drawn.
        if any(np.size(one) for arg in args for one in (arg if isinstance(arg, list) else [arg])):
            self.asked.append((function, joblib.hash(args)))
        return super().ask(function, *args)


def found(student, seed):
    """Ask every line but those that are timed; return the checks with what is wrong."""
    judged = []
    for check in LAB.checks:
        lines = tuple(line for line in check.lines if line.key not in TIMED)
        check = replace(check, lines=lines)
        judged.append((check, check.judge(student, np.random.default_rng(seed))))
    return judged


def test_reasons_cost_nothing_where_nothing_is_lost():
    student = Recorded(functions(), COURSE)
    judged = found(student, 0)
    before = len(student.asked)
    assert all(problem is None for check, problems in judged for problem in check.explained(problems))
    assert len(student.asked) == before


WRONG = {
    "activation": "activation_relu_negative",
    "conv2d_layer": "conv2d_no_flip",
    "pool2d_layer": "pool2d_stride_one",
    "flatten_layer": "flatten_fortran",
    "dense_layer": "dense_transposed",
    "count_weights": "count_weights_lengths",
    "evaluate": "evaluate_squared",
    "fast_conv2d_layer": "fast_conv2d_first_sample",
}


class Folderless(NotebookStudent):
    """A student whose folder must not be read, as a home directory with a million files had better not be."""

    @property
    def files(self):
        raise AssertionError("the folder was read")


@pytest.mark.parametrize("answer", [lambda h: h, lambda h: h.ravel()])
def test_no_folder_is_read_for_a_function(answer):
    items = LAB.check("check_flatten_layer")(Folderless({"flatten_layer": answer}, COURSE), np.random.default_rng(1))
    assert [item.passed for item in items] == [answer(np.zeros((2, 2, 1))).ndim == 1] * len(items)


def test_everybody_is_shown_the_same_which_is_never_what_is_scored(monkeypatch):
    # On a busy machine one would be asked less than another.
    monkeypatch.setattr(reasons, "MOST_SECONDS", float("inf"))
    course = AnswerCache(COURSE)
    scored, shown, told, known = set(), set(), [], []
    for seed in (0, 0, 1, 2):
        student = Recorded(functions(**{name: wrong_one(BY_ID[fault]) for name, fault in WRONG.items()}), course)
        judged = found(student, seed)
        scored |= set(student.asked)
        del student.asked[:]
        told.append([problem.example for check, some in judged for problem in check.explained(some) if problem])
        shown |= set(student.asked)
        known.append(len(course.known))
    # To say whose fault it is, the activation is asked for what a layer that is scored needs of it; that is not shown.
    assert shown and {function for function, _ in shown & scored} <= {"activation"}
    assert all(one == told[0] for one in told) and any(told[0])
    # The second student costs the course nothing.
    assert known[0] == known[1] < known[2]
    # Another process draws the same, too.
    check = runpy.run_path(inspect.getsourcefile(pooling))["CHECK"]

    student = NotebookStudent(functions(pool2d_layer=wrong_one(BY_ID[WRONG["pool2d_layer"]])), COURSE)
    again = [item.example for item in check(student, np.random.default_rng(5)) if item.example]
    assert again and set(again) <= set(told[0])


def test_few_questions_are_asked_for_a_reason(monkeypatch):
    def wrong(h, W, b, act):
        # Wrong for what is scored alone, so every small question is asked.
        return reference.conv2d_layer(h, W, b, act) + (act != "linear") * (h.shape[0] > 6) + (h.shape[0] > 6)

    student = Recorded(functions(conv2d_layer=wrong), COURSE)
    judged = [(check, some) for check, some in found(student, 0) if any(some)]
    counts = []
    for check, some in judged:
        for problem in some:
            # What waits for another line has the reason of that one.
            if problem is None or "All other lines wait" in problem.message:
                continue
            del student.asked[:]
            check.explained([problem])
            counts.append(len(student.asked))
    assert min(counts) > 0 and max(counts) == reasons.MOST_QUESTIONS
    del student.asked[:]
    # Neither one that takes long is asked more, nor one that died.
    with monkeypatch.context() as context:
        context.setattr(reasons, "MOST_SECONDS", -1.0)
        assert all(check.explained(some) for check, some in judged)
    student.alive = False
    assert all(check.explained(some) for check, some in judged)
    assert student.asked == []


def test_a_layer_is_not_blamed_for_the_activation_that_it_calls():
    def always_relu(x, activation):
        if activation not in ("linear", "relu", "sigmoid", "softmax"):
            raise ValueError(activation)
        return np.maximum(x, 0)

    namespace = functions(activation=always_relu)
    for function in ("conv2d_layer", "dense_layer", "fast_conv2d_layer"):
        items = lost(judge(function, namespace, 0))
        assert items
        for key, item in items.items():
            assert key not in ("kernel", "channels", "border", "bias", "sum"), (key, item)
            assert named(item) == set() and NONE_FITS not in item.message, (key, item.message)


def test_a_layer_with_a_fault_of_its_own_is_blamed_beside_a_wrong_activation():
    def doubling(x, activation):
        return 2 * reference.activation(x, activation)

    items = lost(
        judge("conv2d_layer", functions(activation=doubling, conv2d_layer=wrong_one(BY_ID["conv2d_no_flip"])), 0)
    )
    assert named(items["kernel"]) == {"conv2d_no_flip"}


def test_every_reason_begins_with_what_was_asked():
    def raising(*arguments):
        raise IndexError("index 3 is out of bounds")

    wrongs = {"raises": raising, "zero": lambda *arguments: 0.0, "nothing": lambda *arguments: None}
    for function in GRADED:
        for wrong in wrongs.values():
            for item in lost(judge(function, functions(**{function: wrong}), 0, timed=True)).values():
                assert item.message.startswith(ASKED) and item.message.count(ASKED) == 1
                assert without_asked(item.message) not in ("", item.message)
                assert not without_asked(item.message)[0].islower() or without_asked(item.message).startswith(function)
                assert "NotImplemented" not in item.message


@pytest.mark.parametrize("function", GRADED)
def test_a_right_variant_has_no_reason(function):
    for variant in VARIANTS[function].values():
        items = judge(function, functions(**{function: variant}), 7)
        assert all(item.message == item.example == "" for item in items.values())


def raising_at(condition, error):
    """Return a right convolution that raises where a condition on its arguments holds."""

    def answer(h, W, b, act):
        if condition(h, W, b, act):
            raise error
        return reference.conv2d_layer(h, W, b, act)

    return answer


AT = {
    "everywhere": lambda h, W, b, act: True,
    "with an activation": lambda h, W, b, act: act != "linear",
    "a bias": lambda h, W, b, act: np.any(b),
    "large": lambda h, W, b, act: h.size > 60,
    "several channels": lambda h, W, b, act: W.shape[2] > 1,
}


@pytest.mark.parametrize("where", AT)
def test_the_text_of_an_error_is_never_the_whole_reason(where):
    answer = raising_at(AT[where], ValueError("operands could not be broadcast together with shapes (7,9) (5,7) "))
    items = lost(judge("conv2d_layer", functions(conv2d_layer=answer), 1))
    assert items
    for item in items.values():
        assert "stopped with ValueError" in item.message
        assert error_texts.meaning("could not be broadcast") in item.message or named(item), item.message


def test_the_speed_lines_say_what_an_error_means_too():
    def stopping(x, W, b, act):
        return x[9999]

    items = lost(judge("fast_conv2d_layer", functions(fast_conv2d_layer=stopping), 1, timed=True))
    assert {"ten", "thirty"} <= items.keys()
    assert all("An index goes beyond the end of an axis" in item.message for item in items.values())


def test_an_error_inside_another_function_is_not_blamed_on_the_layer():
    class Written(NotebookStudent):
        """A student whose errors come with the function where they happened, as those of a notebook do."""

        def ask(self, function, *args):
            try:
                return super().ask(function, *args)
            except StudentError as error:
                where = " (in activation, line 3 of its cell: return y)."
                raise StudentError(str(error).removesuffix(".") + where) from None

    def stopping(h, W, b, act):
        raise NameError("name 'y' is not defined")

    items = LAB.check("check_conv2d_layer")(Written({"conv2d_layer": stopping}, COURSE), np.random.default_rng(0))
    assert all(
        "It stops inside activation, which conv2d_layer calls: fix activation first." in i.message for i in items[:-1]
    )


def test_an_error_is_shown_by_the_smallest_input_that_stops_it():
    answer = raising_at(lambda h, W, b, act: W.shape[0] != W.shape[1], IndexError("no"))
    item = lost(judge("conv2d_layer", functions(conv2d_layer=answer), 1))["kernel"]
    assert named(item) == {"conv2d_kernel_square"}
    assert "3 × 1 pixels" in item.message and "IndexError" in item.example


def test_what_answers_wrong_elsewhere_is_named_though_it_stops_where_no_fault_does():
    def answer(h, W, b, act):
        if h.shape[0] > 6:
            raise ValueError("cannot reshape array of size 9 into shape (7,)")
        return reference.conv2d_layer(h, W[::-1, ::-1], b, act)

    item = lost(judge("conv2d_layer", functions(conv2d_layer=answer), 1))["kernel"]
    assert named(item) == {"conv2d_no_flip"}
    assert "Elsewhere it stopped with ValueError: cannot reshape" in item.message
