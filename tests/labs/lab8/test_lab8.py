"""What is special about lab 8; that faults lose their lines is tried in tests/labs/test_labs.py."""

import numpy as np
import pytest

from autograder.checking.compare import difference
from autograder.checking.student import Answer, NotebookStudent
from autograder.labs.lab8 import LAB, claims, finite_differences, images, reference, speed, training, whole_trainings
from autograder.labs.lab8.reference import pack
from autograder.labs.lab8.shared import part_of, right_part
from autograder.notebook import _later
from tests.labs.lab8 import trial, ways


def ask(function, answer, keys=None, seed=0):
    """Return the items of a function's check by the keys of its lines."""
    check = LAB.check(f"check_{function}")
    lines = tuple(line for line in check.lines if line.key not in trial.TIMED or keys)
    student = NotebookStudent(ways.namespace(function, answer), trial.oracle(), material=trial.material())
    asked = type(check)(function, lines, wording=check.wording)
    return {line.key: item for line, item in zip(lines, asked(student, np.random.default_rng(seed)), strict=True)}


def slopes(f, *inputs, step=1e-6):
    """Return central differences of a function of some arrays, in double precision."""
    found = []
    for one in inputs:
        slope = np.zeros(one.shape)
        for place in np.ndindex(one.shape):
            kept = one[place]
            one[place] = kept + step
            up = f(*inputs)
            one[place] = kept - step
            slope[place] = (up - f(*inputs)) / (2 * step)
            one[place] = kept
        found.append(slope)
    return pack(*found)


def convolved(h, W, b):
    (R, S), (Y, X) = W.shape[:2], h.shape[1:3]
    wide = np.pad(h, ((0, 0), (R // 2, R // 2), (S // 2, S // 2), (0, 0)))
    return b + sum(wide[:, r : r + Y, s : s + X] @ W[r, s] for r, s in np.ndindex(R, S))


def test_reference_is_what_finite_differences_of_lab_1s_layers_say():
    rng = np.random.default_rng(0)
    h, W, b = rng.normal(size=(2, 3, 4, 2)), rng.normal(size=(3, 1, 2, 3)), rng.normal(size=3)
    dz = rng.normal(size=(2, 3, 4, 3))
    measured = slopes(lambda *layer: np.sum(dz * convolved(*layer)), h, W, b)
    assert difference(reference.conv2d_backward(dz, h, W), measured) is None
    h, W, dz = rng.normal(size=(4, 3)), rng.normal(size=(2, 3)), rng.normal(size=(4, 2))
    measured = slopes(lambda h, W, b: np.sum(dz * (h @ W.T + b)), h, W, np.zeros(2))
    assert difference(reference.dense_backward(dz, h, W), measured) is None
    z, t = rng.normal(size=(4, 3)), np.eye(3)[[0, 2, 1, 0]]
    measured = slopes(lambda z: np.mean(np.log(np.exp(z).sum(axis=1)) - np.sum(z * t, axis=1)), z)
    assert difference(reference.softmax_cross_entropy_backward(z, t).ravel(), measured) is None


def test_reference_of_normalization_is_what_finite_differences_say():
    rng = np.random.default_rng(1)
    x, gamma, beta, dy = (rng.normal(size=shape) for shape in ((2, 2, 3, 2), (2,), (2,), (2, 2, 3, 2)))

    def normalized(x, gamma, beta):
        axes = (0, 1, 2)
        return np.sum(dy * (gamma * (x - x.mean(axes)) / np.sqrt(x.var(axes) + 0.1) + beta))

    assert difference(reference.batch_norm_backward(dy, x, gamma, 0.1), slopes(normalized, x, gamma, beta)) is None


def test_reference_gives_ties_to_the_first_in_row_major_order_as_the_text_does():
    h = np.random.default_rng(2).integers(0, 2, (3, 7, 8, 3)).astype(float)
    da = np.random.default_rng(3).normal(size=(3, 3, 4, 3))
    by_loops = ways.WAYS["pool2d_backward"]["loops with comparisons"](da, h)
    assert np.array_equal(reference.pool2d_backward(da, h), by_loops)


STUBS = {
    "nothing": lambda *arguments: None,
    "zeros": lambda *arguments: np.zeros_like(arguments[1]),
    "its first argument": lambda *arguments: arguments[0],
    "all arguments": lambda *arguments: (*arguments[1:3], arguments[0]),
    "zeros of all shapes": lambda *arguments: tuple(np.zeros_like(one) for one in (*arguments[1:3], arguments[0][0])),
}


@pytest.mark.parametrize("function", ways.FUNCTIONS)
def test_a_stub_earns_nothing(function):
    paid = {}
    for name, stub in STUBS.items():
        paid |= {(name, key): item for key, item in ask(function, stub).items() if item.passed}
    assert paid == {}


@pytest.mark.parametrize("function", ["gradient_check", "train_network"])
@pytest.mark.parametrize("answer", [None, 1, "True", [], np.zeros(3), (True, False)])
def test_what_is_no_answer_gets_a_sentence_and_nothing_else(function, answer):
    items = ask(function, lambda *arguments: answer)
    assert not any(item.passed for item in items.values())
    assert all(item.message.startswith("Asked: ") and "course_" not in item.message for item in items.values())


def test_a_vector_may_come_as_a_row_or_a_column_and_nothing_else():
    dz, h, W = np.ones((2, 3)), np.ones((2, 4)), np.ones((3, 4))
    for shape in ((3,), (3, 1), (1, 3)):
        assert part_of("dense_backward", (dz, h, W), (h, W, np.ones(shape)), 2).shape == (3,)
    assert "as db, where [3] is expected" in part_of("dense_backward", (dz, h, W), (h, W, np.ones(4)), 2)
    assert "3 arrays are expected: dh, dW and db" in part_of("dense_backward", (dz, h, W), h, 0)


def test_one_gradient_that_is_missing_costs_its_own_line():
    right = ways.RIGHT["dense_backward"]
    items = ask("dense_backward", lambda *arguments: (*right(*arguments)[:2], None))
    assert {key for key, item in items.items() if not item.passed} == {"db"}


def test_claims_from_all_over_are_as_right_as_they_say():
    for claim in claims.all_over(5):
        measured = slopes(lambda v, claim=claim: claims.value_of(v, *claim.told), claim.x.astype(float), step=1e-5)
        off = np.abs(measured - claim.df.ravel()).max() / max(np.abs(measured).max(), np.abs(claim.df).max())
        assert off < 1e-4 if claim.is_right else off > 0.02, claim.what
        if claim.told[0] in ("relu", "absolute"):
            assert np.abs(claim.x.ravel() - claim.told[2]).min() > 0.999 * claims.NEAREST


@pytest.mark.parametrize(
    ("where", "says"),
    [
        (lambda f, x, df: x.dtype == "float32" and x.ndim == 4, None),
        (lambda f, x, df: df.dtype == "float32", False),
        (lambda f, x, df: not x.any() and abs(f(x)) < 1, True),
        (lambda f, x, df: np.abs(x).max() > 50 and not x.flags.c_contiguous, False),
        (lambda f, x, df: df.size > 60 and np.abs(df).max() < 1e-3, True),
    ],
)
def test_a_gradient_check_that_errs_in_one_region_alone_loses_one_line(where, says):
    def check(f, x, df):
        return says if where(f, x, df) else ways.RIGHT["gradient_check"](f, x, df)

    items = ask("gradient_check", check)
    assert [key for key, item in items.items() if not item.passed] == ["domain"]


def test_drawn_gradients_are_those_of_the_drawn_functions():
    rng = np.random.default_rng(4)
    for kind in ("smooth", "relu", "absolute"):
        x, df, *told = finite_differences._drawn(rng, kind, (2, 3), 3.0)
        measured = slopes(lambda v, told=told: finite_differences.value_of(v, *told), x.copy(), step=1e-5)
        assert np.allclose(measured, df.ravel(), rtol=1e-6, atol=1e-8)
        if kind != "smooth":
            nearest = np.abs(x.ravel() - told[2]).min()
            assert finite_differences.NEAREST <= nearest <= 10 * finite_differences.NEAREST


@pytest.mark.parametrize(
    ("function", "change"),
    [
        ("conv2d_backward", lambda dh, dW, db: (dh, 2 * dW, db)),
        ("dense_backward", lambda dh, dW, db: (dh, dW, np.zeros_like(db))),
        ("dense_backward", lambda dh, dW, db: (dh, 3 * dW, db)),
        ("softmax_cross_entropy_backward", lambda *dz: 2 * np.array(dz)),
    ],
)
def test_a_wrong_backward_pass_costs_nothing_where_training_is_asked(monkeypatch, function, change):
    right = ways.RIGHT[function]
    monkeypatch.setitem(ways.RIGHT, function, lambda *arguments: change(*right(*arguments)))
    functions = ways.namespace("train_network", ways.RIGHT["train_network"])
    student = NotebookStudent(functions, trial.oracle(), material=trial.material())
    lines = [line for line in training.CHECK.lines if line.key != "accuracy"]
    items = type(training.CHECK)("train_network", tuple(lines))(student, np.random.default_rng(0))
    assert [item.message for item in items if not item.passed] == []


@pytest.mark.parametrize(
    ("changed", "line", "said"),
    [
        ({"momentum": lambda given: 0.0 if given["momentum"] > 0.85 else given["momentum"]}, "momentum", "of 0.9"),
        ({"epochs": lambda given: max(1, given["epochs"] - (given["epochs"] > 10))}, "batches", "for 12 epochs"),
        ({"batch_size": lambda given: min(given["batch_size"], max(1, len(given["x"]) - 2))}, "batches", "in batches"),
        ({"learning_rate": lambda given: min(0.5, given["learning_rate"])}, "batches", "learning rate of 1 "),
    ],
)
def test_trainings_are_asked_all_over(changed, line, said):
    names = ("layers", "x", "y", "rng", "epochs", "batch_size", "learning_rate", "momentum")
    right = ways.RIGHT["train_network"]

    def answer(*arguments):
        given = dict(zip(names, arguments, strict=True))
        return right(*(given | {name: change(given) for name, change in changed.items()}).values())

    items = ask("train_network", answer)
    wrong = [key for key, item in items.items() if not item.passed]
    assert line in wrong and said in items[line].message


def test_orders_of_epochs_are_told_apart():
    rng = np.random.default_rng(0)
    drawn = rng.random((24, 5)) < 0.5
    assert whole_trainings.repeated(drawn) is None
    for change in (lambda one: one[:, [0]], lambda one: ~one[:, [0]]):
        known = np.column_stack([drawn[:, :3], change(drawn), drawn[:, 4]])
        assert "order of epoch 1 decides that of epoch 4" in whole_trainings.repeated(known)
    drawn[:, 2] = True
    assert "epoch 3 takes the images in the same order" in whole_trainings.repeated(drawn)


def test_digits_are_drawn_with_the_secret_and_learned_by_no_straight_line():
    one, same, other = (images.for_grading(None, seed) for seed in (1, 1, 2))
    assert np.array_equal(one["x_test"], same["x_test"]) and not np.array_equal(one["x_test"], other["x_test"])
    assert one["x_train"].shape[1:] == (images.SIDE, images.SIDE, 1)
    assert sorted(set(one["y_train"])) == list(range(images.CLASSES))
    assert images.linear_accuracy(1) < images.BAND - 5


def test_the_speed_of_a_wrong_answer_counts_for_whoever_has_paid_for_it():
    arguments = speed._drawn(np.random.default_rng(5), 1, (2, 3))
    student = NotebookStudent({}, trial.oracle())
    dh, dW, db = ways.RIGHT["conv2d_backward"](*arguments)
    wrong = Answer((dh[:, ::-1], dW, db), 0.0)
    assert "has a dh that is off" in speed._not_right(student, arguments, wrong)
    student.notes["lines decided of conv2d_backward"] = {"kernel": False}
    assert speed._not_right(student, arguments, wrong) is None
    assert "has a dh" in speed._not_right(student, arguments, Answer((0 * dh, dW, db), 0.0))
    assert speed._not_right(student, arguments, Answer((dh, dW, db), 0.0)) is None


def test_a_loop_in_python_is_not_fast(monkeypatch):
    monkeypatch.setattr(speed, "_quiet", lambda course: 0.1)
    slow = NotebookStudent({"conv2d_backward": ways.WAYS["conv2d_backward"]["loops over outputs"]}, trial.oracle())
    ratio, problem = speed._ratio(slow, np.random.default_rng(6))
    assert ratio < 10 and problem is None


def test_packed_answers_come_apart_again():
    arguments = np.ones((2, 3)), np.ones((2, 4)), np.ones((3, 4))
    parts = ways.RIGHT["dense_backward"](*arguments)
    for number, part in enumerate(parts):
        assert np.array_equal(right_part("dense_backward", arguments, pack(*parts), number), part)


@pytest.mark.parametrize(("ratio", "said"), [(2.0, "only a short loop is left"), (20.0, "Products of matrices")])
def test_whoever_is_nearly_fast_enough_is_not_told_about_loops(monkeypatch, ratio, said):
    monkeypatch.setattr(speed, "_ratio", lambda student, rng: (ratio, None))
    student = NotebookStudent({}, trial.oracle())
    problem = speed.at_least(30)(student, np.random.default_rng(0))
    assert f"{ratio:.2g} times as fast" in problem.message and said in problem.message


def test_a_training_that_stops_says_which_backward_pass_lost_points():
    def stops(*arguments):
        raise ValueError("cannot reshape array of size 54 into shape (6,3,3,2)")

    student = NotebookStudent(ways.namespace("train_network", stops), trial.oracle(), material=trial.material())
    student.notes["lines decided of dense_backward"] = {"dh": False, "db": True}
    check = training.CHECK
    (item,) = type(check)("train_network", check.lines[:1])(student, np.random.default_rng(0))
    assert item.message.endswith("dense_backward has lost points too: begin there.")
    assert "another number of values" in item.message


def test_one_point_that_only_grading_gives_is_one_point():
    (told,) = _later([training.CHECK])
    assert told.startswith("train_network, 1 more point while grading (Digits are learned")


@pytest.mark.long
def test_what_is_right_learns_the_digits_with_every_secret():
    (line,) = (line for line in training.CHECK.lines if line.key == "accuracy")
    (right, *_) = ways.WAYS["train_network"].values()
    for seed in range(30):
        drawn = dict(images.for_grading(None, seed))
        # By a few points, so that other secrets do no harm either.
        harder = drawn | {"band": drawn["band"] + 3}
        student = NotebookStudent(ways.namespace("train_network", right), trial.oracle(), material=harder)
        assert line.question(student, np.random.default_rng(seed)) is None, seed
