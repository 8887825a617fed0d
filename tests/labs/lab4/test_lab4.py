"""Lab 4: what is special about it. That faults lose their lines is tried in tests/labs/test_labs.py."""

import json

import keras
import numpy as np
import pytest
from keras import layers

from autograder.checking import array_text, hints
from autograder.checking.reproduction import Solution
from autograder.checking.student import FLAGS, NotebookStudent, StudentError
from autograder.labs.lab4 import LAB, accuracy, curves, faults, images, plan, reference, solution, structure, sweeps
from autograder.labs.lab4.faults import CONFIG_FILE, WEIGHTS_FILE, sweep_files
from autograder.labs.lab4.packing import pack, unpack
from autograder.labs.lab4.shared import compared_packed, number_in_words
from autograder.labs.lab4.wording import asked
from source_lib.data import DataGenerator
from source_lib.saved_model import save_model
from tests.labs.lab4.trial import CODE, material, network_files, oracle, student_of
from tests.labs.lab4.ways import WAYS, cnn_loop, namespace, sgd_lists

FUNCTIONS = list(WAYS)


def lost(student, function):
    """Return why each line of a check is lost, by its key."""
    check = LAB.check(f"check_{function}")
    with student:
        problems = check.judge(student, np.random.default_rng(1))
    return {
        line.key: problem.message for line, problem in zip(check.lines, problems, strict=True) if problem is not None
    }


def test_points_are_those_of_the_design():
    points = {check.function: check.points for check in LAB.checks}
    assert points["build_fnn"] == 1 and points["build_cnn"] == 5 and points["order_matters"] == 2
    assert points["sgd_step"] + points["adam_step"] == 4 and points["l1_l2"] == 2
    assert points["confusion_matrix"] + points["misclassified"] == 3
    assert points["reported"] == 2 and points["accuracy"] == 5
    assert LAB.points == 24 and LAB.manual == {"discussion": 10}


# Networks.


@pytest.mark.parametrize(("blocks", "count"), [(1, 62_810), (2, 32_618), (3, 21_578), (4, 47_434)])
def test_parameters_by_blocks(blocks, count):
    assert plan.parameters(plan.cnn(blocks)) == count == cnn_loop(blocks).count_params()


@pytest.mark.parametrize(("maps", "count"), [(8, 21_578), (16, 54_666), (32, 155_402), (64, 495_114)])
def test_parameters_by_maps(maps, count):
    assert plan.parameters(plan.cnn(maps=maps)) == count == cnn_loop(maps=maps).count_params()


def test_parameters_with_normalization_and_without_convolutions():
    model = cnn_loop(maps=32, batch_norm=True)
    trainable = sum(int(np.prod(one.shape)) for one in model.trainable_weights)
    assert plan.parameters(plan.cnn(maps=32, batch_norm=True)) == 155_850 == trainable
    assert plan.parameters(plan.fnn()) == 636_010


def two_branches():
    x = keras.Input((28, 28, 1))
    h = layers.Flatten()(x)
    return keras.Model(x, layers.Add()([layers.Dense(10)(h), layers.Dense(10)(h)]))


def shared_twice():
    x, dense = keras.Input((28, 28, 1)), layers.Dense(784)
    return keras.Model(x, layers.Dense(10, activation="softmax")(dense(dense(layers.Flatten()(x)))))


def ends_early():
    x = keras.Input((28, 28, 1))
    h = layers.Flatten()(x)
    y = layers.Dense(10)(h)
    model = keras.Model(x, [h, y])
    return model


def of_ones_own():
    class Dense(layers.Dense):
        pass

    return keras.Sequential([keras.Input((28, 28, 1)), layers.Flatten(), Dense(10)])


def registered():
    @keras.saving.register_keras_serializable(package="keras.layers", name="Dense")
    class Dense(layers.Dense):
        pass

    return keras.Sequential([keras.Input((28, 28, 1)), layers.Flatten(), Dense(10)])


def with_lambda():
    return keras.Sequential([keras.Input((28, 28, 1)), layers.Lambda(lambda x: x), layers.Flatten()])


@pytest.mark.parametrize("build", [two_branches, shared_twice, of_ones_own, registered, with_lambda])
def test_what_is_no_chain_of_keras_own_layers_is_refused(build):
    student = NotebookStudent({"build_fnn": build}, oracle())
    found = lost(student, "build_fnn")
    assert set(found) == {"hidden", "output"}
    assert all(text.startswith("Asked: ") and "The model has" in text for text in found.values())


def test_a_model_of_several_outputs_is_no_right_one():
    assert set(lost(NotebookStudent({"build_fnn": ends_early}, oracle()), "build_fnn")) == {"hidden", "output"}


@pytest.mark.parametrize(
    "config", [None, 7, "{}", "[" * 10_000, "no model: tuple", json.dumps({"class_name": "Dense"})]
)
def test_what_is_no_configuration_is_said(config):
    with pytest.raises(StudentError):
        structure.read("build_cnn", config)


def test_only_a_network_of_the_right_input_counts():
    def build(shape):
        return keras.Sequential(
            [keras.Input(shape), layers.Flatten(), layers.Dense(800, "relu"), layers.Dense(10, "softmax")]
        )

    assert lost(NotebookStudent({"build_fnn": lambda: build((28, 28, 1))}, oracle()), "build_fnn") == {}
    for shape in ((28, 28), (784,), (32, 32, 1)):
        assert "hidden" in lost(NotebookStudent({"build_fnn": lambda shape=shape: build(shape)}, oracle()), "build_fnn")


# The order.


@pytest.mark.parametrize("pooling", ["max", "average"])
@pytest.mark.parametrize("name", curves.PLAIN)
def test_what_is_argued_is_what_an_experiment_shows(name, pooling):
    rng = np.random.default_rng(7)
    drawn = [curves.draw(rng, name, sign, pooling) for sign in (1, -1) for _ in range(5)]
    assert list(reference.order_matters(drawn, pooling)) == [curves.matters(*one, pooling) for one in drawn]
    # What the text promises to whoever tries it.
    assert all(not curves.matters(*one, pooling) or curves.share(*one, pooling) > 0.02 for one in drawn)


@pytest.mark.parametrize("answer", [True, False, None, "True", 0.5, np.array([True, False])])
def test_who_always_says_the_same_of_the_order_earns_nothing(answer):
    student = NotebookStudent({"order_matters": lambda activation, pooling: answer}, oracle())
    assert set(lost(student, "order_matters")) == {"max", "average"}


# Steps.


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_sgd_is_keras_over_a_sequence(momentum):
    rng = np.random.default_rng(0)
    w, v = [rng.normal(size=(3, 2)), rng.normal(size=2)], [np.zeros((3, 2)), np.zeros(2)]
    variables = [keras.Variable(one, dtype="float64") for one in w]
    optimizer = keras.optimizers.SGD(0.1, momentum=momentum)
    for _ in range(6):
        g = [rng.normal(size=one.shape) for one in w]
        w, v = unpack(reference.sgd_step(w, g, v, 0.1, momentum), w, w)
        optimizer.apply([keras.ops.convert_to_tensor(one) for one in g], variables)
    assert np.allclose(pack(w), pack([np.asarray(one) for one in variables]), atol=1e-6)


def test_adam_is_keras_over_a_sequence():
    rng = np.random.default_rng(0)
    w = [rng.normal(size=(3, 2)), rng.normal(size=2)]
    m, s = ([np.zeros_like(one) for one in w] for _ in range(2))
    variables = [keras.Variable(one, dtype="float64") for one in w]
    optimizer = keras.optimizers.Adam(0.05)
    for t in range(1, 8):
        g = [rng.normal(size=one.shape) for one in w]
        w, m, s = unpack(reference.adam_step(w, g, m, s, t, 0.05, 0.9, 0.999, 1e-7), w, w, w)
        optimizer.apply([keras.ops.convert_to_tensor(one) for one in g], variables)
    assert np.allclose(pack(w), pack([np.asarray(one) for one in variables]), atol=1e-4)


# Stubs.


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_stub_earns_nothing(function):
    def stub(*arguments, **named):
        return None

    def first(*arguments, **named):
        return arguments[0] if arguments else 0

    def raises(*arguments, **named):
        raise NotImplementedError

    lines = {line.key for line in LAB.check(f"check_{function}").lines}
    for answer in (stub, first, raises):
        assert set(lost(NotebookStudent(namespace(function, answer), oracle()), function)) == lines
    assert set(lost(NotebookStudent({}, oracle()), function)) == lines


def zeros(function):
    return {
        "sgd_step": lambda w, g, v, lr, momentum: ([0 * one for one in w], [0 * one for one in w]),
        "adam_step": lambda w, *_: ([0 * one for one in w], [0 * one for one in w], [0 * one for one in w]),
        "l1_l2": lambda w, l1, l2: (0.0, [0 * one for one in w]),
        "confusion_matrix": lambda y_true, y_pred, classes: np.zeros((classes, classes)),
        "misclassified": lambda y_true, probabilities: np.zeros(0, int),
    }[function]


@pytest.mark.parametrize("function", ["sgd_step", "adam_step", "l1_l2", "confusion_matrix", "misclassified"])
def test_zeros_earn_nothing(function):
    lines = {line.key for line in LAB.check(f"check_{function}").lines}
    assert set(lost(NotebookStudent({function: zeros(function)}, oracle()), function)) == lines


def test_inputs_that_come_back_are_no_step():
    kept = NotebookStudent({"sgd_step": lambda w, g, v, lr, momentum: (w, v)}, oracle())
    assert set(lost(kept, "sgd_step")) == {"plain", "momentum", "domain"}


# The report.


def test_nothing_handed_in_earns_nothing(sandbox):
    for function in ("reported", "accuracy"):
        found = lost(student_of(sandbox, "pass"), function)
        assert set(found) == {line.key for line in LAB.check(f"check_{function}").lines}


def test_near_the_threshold_either_answer_is_right(sandbox):
    # Means 0.9 apart, standard errors of 0.3 or nearly: 3 of them.
    spread = np.array([-1, 0, 1]) * 0.3 * np.sqrt(3 / 2)
    files = sweep_files({name: tuple(mean + spread) for name, mean in (("a", 90.0), ("b", 90.9), ("c", 95.0))})
    distance = sweeps.apart(90 + spread, 90.9 + spread)
    assert abs(distance - 3) < 0.05
    for code in (CODE, CODE.replace("> 3 * error", "> 2.9 * error"), CODE.replace("> 3 * error", "> 3.1 * error")):
        assert lost(student_of(sandbox, code, files), "reported") == {}


def test_a_setting_for_which_there_is_no_file_is_named(sandbox):
    code = CODE.replace('    return {"settings"', '    settings["mine"] = settings["blocks-1"]\n    return {"settings"')
    found = lost(student_of(sandbox, code, sweep_files()), "reported")
    assert set(found) == {"settings"} and "mine" in found["settings"]


# The network that is handed in.


def test_bands_lie_above_a_linear_classifier_on_the_sample():
    assert images.linear_accuracy(*images.sample()) < images.BANDS["sample"][0]


def test_images_follow_the_secret_and_are_no_others(monkeypatch, tmp_path):
    monkeypatch.delenv("CNN_COURSE_DATA", raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    one, same, other = (images.for_grading(tmp_path, seed) for seed in (1, 1, 2))
    assert np.array_equal(one["x_test"], same["x_test"]) and not np.array_equal(one["x_test"], other["x_test"])
    assert one["bands"] == images.BANDS["sample"] and len(one["x_test"]) == len(one["y_test"]) == 500
    assert np.abs(one["x_test"]).max() <= 1


def remembering(tmp_path):
    """Return files of a network that holds test images and looks the nearest one up, in few numbers each."""
    x, y = material()["x_test"], material()["y_test"]

    def small(values):
        return values.reshape(len(values), 7, 4, 7, 4, 1).mean(axis=(2, 4)).reshape(len(values), -1)

    known = small(x)
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(1, 1, use_bias=False),
            layers.AveragePooling2D(4),
            layers.Flatten(),
            layers.Dense(len(known), activation="softmax"),
            layers.Dense(10, use_bias=False),
        ]
    )
    sharp = 300.0
    model.layers[0].set_weights([np.ones((1, 1, 1, 1))])
    model.layers[-2].set_weights([2 * sharp * known.T, -sharp * (known**2).sum(axis=1)])
    # Whom it does not know it takes for a 0.
    classes = np.eye(10)[y]
    model.layers[-1].set_weights([classes])
    save_model(model, tmp_path)
    return {path.name: path.read_bytes() for path in tmp_path.iterdir()}


def test_a_network_that_looks_images_up_calls_a_person(sandbox, tmp_path):
    student = student_of(sandbox, files=remembering(tmp_path))
    assert lost(student, "accuracy") == {}
    (flag,) = student.notes[FLAGS]
    assert "Does it hold test images?" in flag


def test_who_learned_from_training_images_calls_nobody(sandbox):
    student = student_of(sandbox, files=network_files())
    assert lost(student, "accuracy") == {} and FLAGS not in student.notes


def test_too_many_parameters_are_refused(sandbox, tmp_path):
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(8, 3),
            layers.Flatten(),
            layers.Dense(200),
            layers.Dense(10, "softmax"),
        ]
    )
    save_model(model, tmp_path)
    files = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    found = lost(student_of(sandbox, files=files), "accuracy")
    assert set(found) == {"band1", "band2", "band3"} and all(
        "1,000,000 parameters" in text or "at most" in text for text in found.values()
    )


def test_weights_of_a_hundred_megabytes_are_not_read(sandbox):
    files = network_files() | {WEIGHTS_FILE: bytes(100 * 2**20)}
    found = lost(student_of(sandbox, files=files), "accuracy")
    assert all("100.0 MB, too many" in text for text in found.values()) and len(found) == 3


def test_in_a_notebook_the_form_is_checked(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    check = LAB.check("check_accuracy")
    student = NotebookStudent({}, oracle())
    assert CONFIG_FILE in check.formed(student).message or WEIGHTS_FILE in check.formed(student).message
    for name, content in network_files().items():
        (tmp_path / name).write_bytes(content)
    assert check.formed(NotebookStudent({}, oracle())).passed
    (tmp_path / WEIGHTS_FILE).write_bytes(network_files()[WEIGHTS_FILE][:500])
    assert not check.formed(NotebookStudent({}, oracle())).passed
    assert plan.parameters(plan.cnn(maps=64)) < accuracy.MOST_PARAMETERS


# What the course says of its own network.


def test_its_own_network_is_trained_once_for_each_seed(tmp_path):
    data = DataGenerator(verbose=False)
    data.generate("mnist", source="sample", N_test=50)
    trained = []

    def build():
        model = keras.Sequential([keras.Input((28, 28, 1)), layers.Flatten(), layers.Dense(10, "softmax")])
        model.compile("adam", "categorical_crossentropy")
        return model

    def train(model, x, y, x_valid, y_valid):
        trained.append((len(x), len(x_valid)))
        return model.fit(x, y, verbose=0)

    solved, kept = Solution(build, train, "key"), tmp_path / "kept.jsonl"
    about, lines = solution.train(solved, data, kept, seeds=[0, 3], images_used=200)
    assert trained == [(200, 216)] * 2 and [line["seed"] for line in lines] == [0, 3]
    assert about["images"] == {"training": 200, "validation": 216, "test": 50} and 80 < about["linear"] < 99
    again = solution.train(solved, data, kept, seeds=[0, 3], images_used=200)
    assert again == (about, lines) and len(trained) == 2, "what is kept is not trained again"


def test_who_raises_is_told_of_no_function_without_a_name():
    def sgd_step(w, g, v, lr, momentum):
        return momentum * v - lr * g, v

    student = NotebookStudent(namespace("sgd_step", sgd_step), oracle())
    lost = [item for item in LAB.check("check_sgd_step")(student, np.random.default_rng(0)) if not item.passed]
    assert lost and not any("inside ," in item.message or "fix  " in item.message for item in lost)


# Mistakes that students make, and what they are told.


def told(function, answer, seed=0):
    """Return what is said of each line that an answer loses, explained."""
    check = LAB.check(f"check_{function}")
    items = check(NotebookStudent(namespace(function, answer), oracle()), np.random.default_rng(seed))
    return {line.key: item.message for line, item in zip(check.lines, items, strict=True) if not item.passed}


def fnn_with(*inside, output="softmax"):
    parts = [layers.Flatten(), layers.Dense(800, activation="relu"), *inside, layers.Dense(10, activation=output)]
    return lambda: keras.Sequential([keras.Input((28, 28, 1)), *parts])


@pytest.mark.parametrize(
    ("build", "lines", "says"),
    [
        (fnn_with(layers.Dense(300, activation="relu")), {"hidden"}, "has dense 300 after relu"),
        (fnn_with(layers.BatchNormalization()), {"hidden"}, "has batch normalization after relu"),
        (fnn_with(layers.Dropout(0.35)), {"hidden"}, "has dropout 0.35 of numbers after relu"),
        (fnn_with(output="tanh"), {"output"}, "has tanh after dense 10, where softmax is expected"),
        (lambda: keras.Sequential([keras.Input((784,)), layers.Dense(10)]), {"hidden", "output"}, "vectors of 784"),
        (lambda: keras.Sequential([keras.Input((None, None, 1)), layers.ReLU()]), {"hidden", "output"}, "side open"),
    ],
)
def test_whatever_stands_in_the_first_network_too_much_costs_once(build, lines, says):
    found = told("build_fnn", build)
    assert set(found) == lines and any(says in message for message in found.values())
    # The sentence names the mistake itself.
    assert not any(hints.NONE_FITS in message for message in found.values())


def sgd_in_place(w, g, v, lr, momentum):
    for k in range(len(w)):
        v[k] *= momentum
        v[k] -= lr * g[k]
    return [a + b for a, b in zip(w, v, strict=True)], v


def sorted_in_place(y_true, probabilities):
    wrong = WAYS["misclassified"]["misclassified_argsort"](y_true, probabilities)
    y_true.sort()
    return wrong


@pytest.mark.parametrize(
    ("function", "answer", "name"),
    [("sgd_step", sgd_in_place, "v"), ("misclassified", sorted_in_place, "y_true")],
)
def test_who_changes_an_argument_is_told_what_to_do(function, answer, name):
    found = told(function, answer)
    assert set(found) == {"domain"} and f"changed its input {name}. {hints.WORK_ON_A_COPY}" in found["domain"]
    assert hints.second_hint(LAB.faults, found["domain"])


def order_of(blocks, tolerance=1e-3, seed=5):
    def order_matters(activation, pooling):
        x = np.random.default_rng(seed).uniform(-5, 5, (blocks, 4))
        pool = np.max if pooling == "max" else np.mean
        return bool(np.abs(pool(activation(x), axis=1) - activation(pool(x, axis=1))).max() > tolerance)

    return order_matters


@pytest.mark.parametrize("blocks", [2, 5])
def test_an_experiment_with_few_blocks_is_told_so(blocks):
    found = told("order_matters", order_of(blocks))
    assert found and all(message.endswith(faults.FEW_BLOCKS) for message in found.values())


def test_an_experiment_that_takes_rounding_for_a_difference_is_told_so():
    found = told("order_matters", order_of(5000, tolerance=0))
    assert set(found) == {"average"} and found["average"].endswith(faults.ROUNDED)


def test_a_tolerance_that_hides_small_functions_is_not_paid():
    assert set(told("order_matters", order_of(5000, tolerance=0.09))) == {"max", "average"}
    assert told("order_matters", order_of(5000, tolerance=0.009)) == {}


def test_an_answer_for_each_block_is_said_to_be_one():
    found = told("order_matters", lambda activation, pooling: activation(np.zeros((6, 7))) > 0)
    assert all("an array [6, 7] where True or False is expected, one answer for all" in one for one in found.values())


def test_a_place_in_lists_of_arrays_is_named():
    likes = [np.zeros((2, 3)), np.zeros(4)]
    assert number_in_words("adam_step", likes, 10 + 8) == "[2] of array 1 of the new averages of the gradients"
    assert number_in_words("adam_step", likes[1:], 11) == "[3] of the new averages of their squares"
    assert number_in_words("l1_l2", likes, 1) == "[0, 0] of array 0 of the gradients"


def test_a_large_wrong_answer_shows_one_number_with_its_name():
    rng = np.random.default_rng(0)
    w, g, v = ([rng.normal(size=(12, 12)), rng.normal(size=12)] for _ in range(3))
    arguments = (w, g, v, 0.5, 0.9)
    packed = lambda arguments, value: pack(*value)  # noqa: E731
    wrong_v = [v[0], v[1].copy()]
    wrong_v[1][7] += 100
    right = sgd_lists(*arguments)
    student = NotebookStudent({"sgd_step": lambda *_: (right[0], [right[1][0], wrong_v[1]])}, oracle())
    _, wrong = compared_packed(student, "sgd_step", arguments, packed, lambda vector: vector[150:])
    assert array_text.place(wrong.expected, wrong.compared, wrong.named).startswith(
        "at [7] of array 1 of the new velocities\n"
    )


@pytest.mark.parametrize(
    ("function", "arguments", "says"),
    [
        ("confusion_matrix", (np.array([1]), np.array([0]), 3), "count 1 prediction for 3 classes"),
        ("misclassified", (np.array([1]), np.array([[0.5, 0.5]])), "which of 1 image of 2 classes"),
        ("misclassified", (np.array([1, 0]), np.eye(2)), "which of 2 images of 2 classes"),
    ],
)
def test_one_is_no_plural(function, arguments, says):
    assert says in asked(function, arguments)


THRESHOLDS = ("> 2.2 * error", "> 1 * error", "> 3.9 * error")


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("threshold", THRESHOLDS)
def test_another_threshold_is_seen_where_the_own_files_do_not_show_it(sandbox, threshold, seed):
    # All are either the same or far apart, so no threshold matters.
    files = sweep_files({"a": (90.0, 90.2, 90.1), "b": (95.1, 95.0, 95.2), "c": (98.0, 98.2, 98.1, 98.1)})
    check = LAB.check("check_reported")
    for code, wrong in ((CODE, set()), (CODE.replace("> 3 * error", threshold), {"differ"})):
        with student_of(sandbox, code, files) as student:
            problems = check.judge(student, np.random.default_rng(seed))
        found = {line.key: one.message for line, one in zip(check.lines, problems, strict=True) if one is not None}
        assert set(found) == wrong and all("of other runs in files of these names" in one for one in found.values())


def test_numbers_that_were_typed_in_are_judged_by_the_own_files(sandbox):
    with student_of(sandbox, CODE, sweep_files()) as student:
        typed = student.call("reported")
    code = f"def reported():\n    return {typed!r}\n".replace("np.float64", "float")
    assert lost(student_of(sandbox, code, sweep_files()), "reported") == {}
    pairs = typed["differ"] + [["blocks-1", "blocks-1"]]
    found = lost(student_of(sandbox, code.replace(repr(typed["differ"]), repr(pairs)), sweep_files()), "reported")
    assert set(found) == {"differ"} and "with itself" in found["differ"]


def test_a_network_without_softmax_is_not_right_in_form(tmp_path, monkeypatch, sandbox):
    monkeypatch.chdir(tmp_path)
    model = cnn_loop()
    scores = keras.Sequential([keras.Input((28, 28, 1)), *model.layers[:-1], layers.Dense(10)])
    save_model(scores, tmp_path)
    item = LAB.check("check_accuracy").formed(NotebookStudent({}, oracle()))
    assert not item.passed and "End it with softmax" in item.message and "10 probabilities" in item.message
    files = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    found = lost(student_of(sandbox, files=files), "accuracy")
    assert len(found) == 3 and all("softmax" in message for message in found.values())
