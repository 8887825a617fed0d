"""What is special about lab 7: folds that cannot be carried over, networks judged where no student's code runs."""

import json
import pickle
import zipfile
from io import BytesIO

import jupytext
import keras
import numpy as np
import pytest
from keras import layers

from autograder.checking.sample_class import without_marks
from autograder.checking.student import FLAGS, NotebookStudent
from autograder.grading.student import SandboxStudent, Timeouts
from autograder.labs import get_lab
from autograder.labs.lab7 import material as drawing
from autograder.labs.lab7.material import BANDS, BASELINES, PRICES, fold_error, for_grading
from autograder.submissions.submission import Submission
from book.stored import DATA, read_lines
from source_lib.data.house_prices import FILE, load_house_prices
from tests.conftest import ROOT
from tests.labs.lab7 import trial
from tests.labs.lab7.trial import files, material, network, oracle, saved
from tests.labs.lab7.ways import WAYS
from tests.labs.lab7.ways_of_fits import fit_regression_least_squares

LAB = get_lab("lab7")
_NETWORKS = {line for line in LAB.lines if line.startswith("networks.")}
_PRICES = {line for line in LAB.lines if line.startswith("predict_prices.")}


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CNN_COURSE_DATA", raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))


def student_of(sandbox, code="pass", given=None):
    submission = Submission(files=files() if given is None else given)
    return SandboxStudent(
        sandbox, {0: code}, submission, oracle(), timeouts=Timeouts(60, 60, 900), material=dict(material())
    )


def lost(student, *names):
    """Return the lines that a submission loses of some checks, with the messages."""
    found = {}
    with student:
        for check in LAB.checks if not names else [LAB.check(f"check_{name}") for name in names]:
            problems = check.judge(student, np.random.default_rng(1))
            for line, problem in zip(check.lines, problems, strict=True):
                if problem is not None:
                    found[f"{check.function}.{line.key}"] = problem.message
    assert all(message.startswith("Asked: ") for message in found.values())
    assert not any("course_" in message for message in found.values()), "the course's functions are nobody's business"
    return found


# The rubric.


def test_points_are_those_of_the_design():
    points = {check.function: check.points for check in LAB.checks}
    assert points == {
        **{"minibatches": 2, "networks": 5, "compare_runs": 2},
        **{"standardize": 1.5, "mse_and_gradient": 1.5, "fit_regression": 2, "draw_folds": 1, "predict_prices": 3},
        **{"average_probabilities": 1, "majority_vote": 1.5, "ensemble_gain": 1.5},
        **{"similarities": 1, "threshold_for": 1},
    }
    assert LAB.points == 24 and LAB.manual == {"discussion": 10}


def test_nothing_handed_in_earns_nothing(sandbox):
    code = "".join(f"def {name}(*arguments):\n    raise NotImplementedError()\n" for name in WAYS)
    found = lost(student_of(sandbox, code, {}))
    assert set(found) == set(LAB.lines)
    assert "not written yet" in found["minibatches.every"] and "not written yet" in found["predict_prices.mean"]
    assert "a/model.json" in found["networks.dense"]


@pytest.mark.parametrize("value", ["None", "0.0", "np.zeros(4)", "[np.arange(5)]", "np.full((5, 4), np.nan)", "'a'"])
def test_a_stub_earns_nothing(sandbox, value):
    code = "import numpy as np\n" + "".join(f"def {name}(*arguments):\n    return {value}\n" for name in WAYS)
    every = {line for line in LAB.lines if line not in _NETWORKS}
    assert every - set(lost(student_of(sandbox, code), *WAYS)) == set()


def test_the_texts_own_functions_get_everything():
    cells = jupytext.read(ROOT / "assignments" / "lab7" / "lab7.md").cells
    code = {cell.metadata["nbgrader"]["grade_id"]: cell.source for cell in cells if "nbgrader" in cell.metadata}
    space = {"np": np, "keras": keras, "layers": layers}
    for name in WAYS:
        exec(without_marks(code[name]), space)
    student = NotebookStudent(space, oracle(), material=material())
    for name in set(WAYS) - {"predict_prices"}:
        for seed in range(3):
            items = LAB.check(f"check_{name}")(student, np.random.default_rng(seed))
            assert [item.message for item in items if not item.passed] == []


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ("np.zeros(x.shape[1] + 2)", "where two things are expected, the error and its gradient of shape"),
        ("0.5", "returned a single number where two things are expected"),
        ("(0.5, np.zeros(x.shape[1]))", "returned a gradient of shape [1] where [2] is expected"),
    ],
)
def test_an_error_without_its_gradient_is_a_sentence(answer, told):
    space = {"np": np}
    exec(f"def mse_and_gradient(w, x, y):\n    return {answer}", space)
    items = LAB.check("check_mse_and_gradient")(NotebookStudent(space, oracle()), np.random.default_rng(0))
    assert told in " ".join(item.message for item in items) and not any(item.passed for item in items[:2])


def column_of(function):
    """Return a right way whose answer is a column where a row is asked for."""
    right = next(iter(WAYS[function].values()))
    if function == "mse_and_gradient":
        return lambda w, x, y: (right(w, x, y)[0], np.asarray(right(w, x, y)[1])[:, None])
    return lambda *arguments: np.asarray(right(*arguments), "float64")[..., None]


@pytest.mark.parametrize(
    ("function", "line"),
    [
        ("compare_runs", "t"),
        ("mse_and_gradient", "gradient"),
        ("majority_vote", "votes"),
        ("ensemble_gain", "members"),
        ("threshold_for", "value"),
        ("fit_regression", "converges"),
    ],
)
def test_a_column_costs_once_and_is_told_to_be_one(function, line):
    student = NotebookStudent({"np": np, function: column_of(function)}, oracle())
    for seed in range(3):
        check = LAB.check(f"check_{function}")
        items = check(student, np.random.default_rng(seed))
        lost = {one.key: item.message for one, item in zip(check.lines, items, strict=True) if not item.passed}
        assert set(lost) == {line}
        told = "take it out of the array" if function == "threshold_for" else "That is a mistake of shape alone"
        assert told in lost[line] and "No mistake that the check knows" not in lost[line]


def test_a_column_of_wrong_numbers_loses_what_the_numbers_lose():
    def gain(p, y):
        return np.array([[0.9], [0.9], [0.1], [0.2]])

    items = LAB.check("check_ensemble_gain")(
        NotebookStudent({"ensemble_gain": gain}, oracle()), np.random.default_rng(0)
    )
    assert not any(item.passed for item in items)


def test_predictions_in_a_column_cost_once_and_the_form_says_so(sandbox):
    code = "import numpy as np\ndef predict_prices(x, y, x_new):\n    return y.mean() + x_new[:, :1]"
    with student_of(sandbox, code) as student:
        assert "returned a column [7, 1] where a row [7] is expected" in LAB.check("check_predict_prices").form(student)
    found = lost(student_of(sandbox, code), "predict_prices")
    assert "column [M, 1]" in found["predict_prices.mean"] and "column" not in found["predict_prices.ridge"]


def test_a_fit_of_every_prediction_to_every_target_is_told_by_its_weights():
    """What a row minus a column leads to has the mean of y for all rows."""

    def fit_regression(x, y, seed):
        return np.append(np.zeros(x.shape[1]), y.mean() + 1e-6)

    student = NotebookStudent({"fit_regression": fit_regression}, oracle())
    items = LAB.check("check_fit_regression")(student, np.random.default_rng(0))
    assert all("A row minus a column leads there" in item.message for item in items[:2])


def regression_lost(wrong, where):
    """Return the lines that a fit loses which is wrong for some tables, and what it is told."""

    def fit_regression(x, y, seed):
        w = fit_regression_least_squares(x, y, seed)
        return wrong(w, y) if where(x, y) else w

    check = LAB.check("check_fit_regression")
    items = check(NotebookStudent({"fit_regression": fit_regression}, oracle()), np.random.default_rng(2))
    return {line.key: item.message for line, item in zip(check.lines, items, strict=True) if not item.passed}


@pytest.mark.parametrize(
    "where",
    [
        lambda x, y: x.shape == (40, 6),
        lambda x, y: y.mean() < -y.std(),
        lambda x, y: y.std() < 0.1,
        lambda x, y: len(x) == 200 and y.mean() > 5 * y.std(),
    ],
)
def test_a_fit_that_is_wrong_for_one_kind_of_table_loses_one_line(where):
    assert "For a target with mean" in regression_lost(lambda w, y: 0.5 * w, where)["units"]
    assert set(regression_lost(lambda w, y: 0.5 * w, where)) == {"units"}
    assert set(regression_lost(lambda w, y: None, where)) == {"units"}
    # It goes on from call to call.
    rng = np.random.default_rng(9)
    found = regression_lost(lambda w, y: w * (1 + 1e-4 * rng.normal(size=len(w))), where)
    assert set(found) == {"seed"} and "other weights" in found["seed"]


# Prices.


def test_a_fold_knows_nothing_of_another(sandbox):
    """The training rows of one fold hold the prices of all others: what is kept of them is gone."""
    code = """
import numpy as np
kept = {}

def predict_prices(x, y, x_new):
    kept.update({row.tobytes(): price for row, price in zip(x, y)})
    with open("kept.txt", "a") as file:
        file.write("kept")
    return np.array([kept.get(row.tobytes(), y.mean()) for row in x_new])
"""
    found = lost(student_of(sandbox, code), "predict_prices")
    assert set(found) == _PRICES


@pytest.mark.parametrize("moved", [1, -1, 1000])
@pytest.mark.parametrize("where", ["everywhere", "where a batch is smaller", "where all are full"])
def test_rows_that_are_not_there_stop_no_check(moved, where):
    def minibatches(n, size, rng):
        rows = rng.permutation(n)
        if where == "everywhere" or (n % size == 0) == (where == "where all are full"):
            rows = rows + moved
        return [rows[start : start + size] for start in range(0, n, size)]

    student = NotebookStudent({"minibatches": minibatches}, oracle())
    for seed in range(3):
        items = LAB.check("check_minibatches")(student, np.random.default_rng(seed))
        assert not all(item.passed for item in items)


def test_prices_that_are_too_good_call_a_person(sandbox):
    table = dict(zip(material()["rows"][:, 0].tolist(), material()["prices"].tolist(), strict=True))
    code = (
        f"import numpy as np\ntable = {table}\n"
        "def predict_prices(x, y, x_new):\n    return np.array([table[one] for one in x_new[:, 0].tolist()])\n"
    )
    student = student_of(sandbox, code)
    assert lost(student, "predict_prices") == {}
    assert any("looked up" in flag for flag in student.notes[FLAGS])


@pytest.mark.parametrize(
    ("value", "reason"),
    [("np.zeros((len(x_new), 2))", "a price for each row"), ("np.full(len(x_new), np.inf)", "diverged")],
)
def test_prices_of_another_form_are_a_sentence(sandbox, value, reason):
    code = f"import numpy as np\ndef predict_prices(x, y, x_new):\n    return {value}\n"
    found = lost(student_of(sandbox, code), "predict_prices")
    assert set(found) == _PRICES and reason in found["predict_prices.mean"]


def test_folds_are_drawn_by_the_secret_and_rows_are_changed_a_little():
    one, again, other = (for_grading(None, seed) for seed in (1, 1, 2))
    assert np.array_equal(one["rows"], again["rows"]) and not np.array_equal(one["prices"], other["prices"])
    table = load_house_prices("sample", verbose=False)
    assert sorted(one["prices"]) == sorted(table.y)
    assert not {row.tobytes() for row in one["rows"]} & {row.tobytes() for row in table.x}
    assert set(np.bincount(one["fold"])) <= {88, 89}
    assert all(one["errors"][name] > 0 for name in BASELINES)


def test_real_prices_are_graded_where_the_file_is(tmp_path, monkeypatch):
    table = load_house_prices("sample", verbose=False)
    monkeypatch.setenv("CNN_COURSE_DATA", str(tmp_path))
    drawing._loaded.cache_clear()
    assert len(for_grading(tmp_path, 0)["prices"]) == len(table.y)
    lines = [",".join(['"' + name + '"' for name in drawing_columns()])]
    rng = np.random.default_rng(0)
    lines += [",".join(f"{value:.3f}" for value in row) for row in rng.uniform(0, 9, (506, 14))]
    (tmp_path / FILE).write_text("\n".join(lines))
    assert len(for_grading(tmp_path, 0)["prices"]) == 506


def drawing_columns():
    from source_lib.data.house_prices import COLUMNS

    return COLUMNS


def test_what_no_network_reaches_is_what_scikit_learn_says():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 2))
    y = x @ [3.0, -1.0] + 5
    fold = np.arange(60) % 5
    assert fold_error("linear", x, y, fold) < 1e-20 < fold_error("ridge", x, y, fold) < fold_error("mean", x, y, fold)


# Networks.


def _with(name, **models):
    return files() | saved(**models)


def _convolutional():
    model = network()
    return keras.Sequential([keras.Input((32, 32, 3)), layers.Conv2D(3, 1), *model.layers])


OTHER = {
    "a convolution": (lambda: saved(b=_convolutional()), "Conv2D"),
    "a linear classifier": (
        lambda: saved(b=keras.Sequential([keras.Input((32, 32, 3)), layers.Flatten(), layers.Dense(10, "softmax")])),
        "linear classifier",
    ),
    "pooling": (
        lambda: saved(
            b=keras.Sequential(
                [
                    keras.Input((32, 32, 3)),
                    layers.GlobalAveragePooling2D(),
                    layers.Dense(3),
                    layers.Dense(10, "softmax"),
                ]
            )
        ),
        "Pooling",
    ),
    "a convolution in a model inside": (
        lambda: saved(b=keras.Sequential([keras.Input((32, 32, 3)), _convolutional()])),
        "Conv2D",
    ),
    "a layer that holds code": (
        lambda: saved(b=keras.Sequential([keras.Input((32, 32, 3)), layers.Lambda(lambda x: x), *network().layers])),
        "Lambda",
    ),
    "a pickle as configuration": (lambda: {"b/model.json": pickle.dumps(print)}, "cannot be read"),
    "lists in lists": (lambda: {"a/model.json": b"[" * 9000}, ""),
    "an archive as weights": (lambda: {"a/model.weights.h5": _archive()}, "cannot be used"),
    "weights of another network": (lambda: {"a/model.weights.h5": saved(a=_wider())["a/model.weights.h5"]}, ""),
}


def _wider():
    return keras.Sequential([keras.Input((32, 32, 3)), layers.Flatten(), layers.Dense(5), layers.Dense(10, "softmax")])


def _archive():
    content = BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("../../model.json", "{}")
    return content.getvalue()


@pytest.mark.parametrize("name", OTHER)
def test_other_files_lose_their_lines_and_say_why(sandbox, name):
    given, reason = OTHER[name]
    found = lost(student_of(sandbox, given=files() | given()), "networks")
    assert set(found) == _NETWORKS and reason in found["networks.dense"]


def test_a_huge_layer_is_refused_before_it_is_built(sandbox):
    config = json.loads(files()["a/model.json"])
    for layer in config["config"]["layers"]:
        if layer["class_name"] == "Dense":
            layer["config"]["units"] = 10**9
    found = lost(student_of(sandbox, given=files() | {"a/model.json": json.dumps(config).encode()}), "networks")
    assert set(found) == _NETWORKS


def test_networks_that_share_all_regularizers_lose_one_line(sandbox):
    given = saved(a=network(), b=network(layers.BatchNormalization(), odd=True))
    found = lost(student_of(sandbox, given=given), "networks")
    assert set(found) == {"networks.dense"} and "regularized by dropout" in found["networks.dense"]


def test_one_network_twice_is_paid_once_though_its_weights_were_changed_a_little(sandbox):
    """Whoever perturbs the weights has the same classes; the better network is paid all the same."""
    other = network(penalty=keras.regularizers.L1(1e-4))
    rng = np.random.default_rng(0)
    other.set_weights([w + (1e-5 * rng.normal(size=w.shape)).astype("float32") for w in other.get_weights()])
    found = lost(student_of(sandbox, given=saved(a=network(), b=other)), "networks")
    assert set(found) == {"networks.linear"} and "handed in twice" in found["networks.linear"]


# The bands.


def test_bands_lie_above_what_needs_no_network_and_below_what_the_course_reaches():
    solved, *runs = read_lines(DATA / "solution-lab7.jsonl")
    assert solved["lab"] == "lab7"
    for kind, source in (("part", "real"), ("sample", "sample")):
        found = {what: [run["test"] for run in runs if (run["what"], run["source"]) == (what, source)] for what in "ab"}
        linear, boosting = (
            next(run["test"] for run in runs if (run["what"], run["source"]) == (what, source))
            for what in ("linear", "boosting")
        )
        best = max(np.mean(found["a"]), np.mean(found["b"]))
        assert linear + 0.02 < BANDS[kind][0] < min(np.mean(found["a"]), np.mean(found["b"]))
        assert BANDS[kind][2] < best
        if kind == "sample":
            assert boosting > best, "the lab's page says so"
        else:
            assert boosting + 0.02 < BANDS[kind][2]
    for run in (run for run in runs if run["what"] == "prices"):
        asked = {name: part * run[name] for name, part in PRICES[run["source"]].items()}
        assert run["network"] < min(asked.values())


def test_the_trial_has_a_table_that_no_line_explains():
    errors = trial.material()["errors"]
    assert errors["boosting"] < errors["ridge"] < errors["mean"]
