"""What is special about lab 5: what is handed in is judged where no code of a student runs, and hostile files lose."""

import io
import json
import pickle
import zipfile

import keras
import numpy as np
import pytest
from keras import layers

from autograder.checking.student import FLAGS, MAX_BYTES
from autograder.grading.student import SandboxStudent, Timeouts
from autograder.labs import get_lab
from autograder.labs.lab5 import images, looking, measuring, models, recipes, reference
from autograder.labs.lab5.images import BANDS
from autograder.submissions.submission import Submission
from book.stored import DATA, read_lines
from source_lib.pretrained import load_backbone
from source_lib.pretrained.parts import split_model
from source_lib.saved_model import save_model
from tests.labs.lab5 import trial
from tests.labs.lab5.trial import files, material, oracle, own_network
from tests.labs.lab5.ways import WAYS

LAB = get_lab("lab5")
_OWN = {"accuracy.least", "accuracy.more", "accuracy.most"}
_TRANSFER = {"transfer.frozen", "transfer.own", "transfer.most"}


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CNN_COURSE_DATA", raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))


def student_of(sandbox, code="pass", given=None, drawn=None):
    submission = Submission(files=files() if given is None else given)
    drawn = material() if drawn is None else drawn
    return SandboxStudent(sandbox, {0: code}, submission, oracle(), timeouts=Timeouts(60, 60, 900), material=drawn)


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


def saved(model, folder="", about=None):
    """Return a model as the files that are handed in."""
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as made:
        save_model(model, made)
        prefix = f"{folder}/" if folder else ""
        found = {prefix + path.name: path.read_bytes() for path in Path(made).iterdir()}
    return found | ({f"{folder}/backbone.json": json.dumps(about).encode()} if about else {})


# The rubric.


def test_points_are_those_of_the_design():
    points = {check.function: check.points for check in LAB.checks}
    assert points == {
        **{"build_baseline": 2, "designs": 2, "build_wide_and_deep": 3, "accuracy": 5},
        **{"preprocess": 1.5, "build_transfer": 2.5, "transfer": 3},
        **{"activations": 1, "grad_cam": 2.5, "overlay": 1.5},
    }
    assert LAB.points == 24 and LAB.manual == {"discussion": 10}


def test_nothing_handed_in_earns_nothing(sandbox):
    names = [*WAYS, "build_first", "build_second"]
    released = "".join(f"def {name}(*arguments, **named):\n    raise NotImplementedError()\n" for name in names)
    found = lost(student_of(sandbox, released, {}))
    assert set(found) == set(LAB.lines)
    assert "not written yet" in found["grad_cam.heat"] and "not written yet" in found["build_baseline.features"]


@pytest.mark.parametrize("value", ["None", "np.zeros((3, 3))", "0", "'heat'", "np.full((8, 9), np.nan)"])
def test_a_stub_earns_nothing(sandbox, value):
    names = ["preprocess", "activations", "grad_cam", "overlay"]
    code = "import numpy as np\n" + "".join(f"def {name}(*arguments):\n    return {value}\n" for name in names)
    every = {line for line in LAB.lines if line.partition(".")[0] in names}
    assert set(lost(student_of(sandbox, code), *names)) == every


# The networks.


def test_the_course_knows_the_networks_of_the_report():
    baseline = recipes.plain(models.BASELINE)
    assert [layer.count_params() for layer in baseline.layers if layer.weights] == [2432, 51264, 204928, 131136, 650]
    assert baseline.count_params() == 390_410
    assert models.wired(((32, 32, 3), (32, 32, 3)), models.WIDE_AND_DEEP).count_params() == 5355


@pytest.mark.parametrize("way", WAYS["build_transfer"])
def test_frozen_is_frozen_in_a_real_training_step(way):
    """What the check calls frozen does not move, and what it calls trainable does."""
    recipe = "12x12x3 c3.4 b p c3.6 b p c3.8 g s2"
    backbone = reference.backbone_of(recipe, 3)
    model = WAYS["build_transfer"][way](backbone, "conv2", 5)
    model.compile(keras.optimizers.SGD(0.5), "sparse_categorical_crossentropy")
    before = {(layer.name, w.name): np.array(w) for layer in measuring.leaves(model) for w in layer.weights}
    rng = np.random.default_rng(0)
    model.fit(rng.normal(size=(20, 12, 12, 3)), rng.integers(0, 5, 20), verbose=0)
    moved = {
        key
        for layer in measuring.leaves(model)
        for w in layer.weights
        if not np.array_equal(before[key := (layer.name, w.name)], w)
    }
    names = {name for name, _ in moved}
    assert {"conv2", "conv3"} < names and not names & {"conv1", "bn1", "bn2"}


NETWORKS = {
    "a Lambda": "layers.Lambda(lambda h: h)(h)",
    "a layer of its own": "type('Own', (layers.ReLU,), {})()(h)",
    "a layer registered under an allowed name": (
        "keras.saving.register_keras_serializable('keras', 'ReLU')(type('ReLU', (layers.ReLU,), {}))()(h)"
    ),
}


@pytest.mark.parametrize("layer", NETWORKS.values(), ids=NETWORKS)
def test_code_in_a_configuration_is_never_run(sandbox, layer):
    code = f"""
import keras
from keras import layers
def build_baseline():
    h = x = keras.Input((32, 32, 3))
    for maps in (32, 64, 128):
        h = layers.Conv2D(maps, 5, padding="same")(h)
        h = {layer}
        h = layers.MaxPooling2D()(layers.ReLU()(h))
    h = layers.Dense(64, activation="relu")(layers.Flatten()(h))
    return keras.Model(x, layers.Dense(10, activation="softmax")(h))
"""
    student = student_of(sandbox, code)
    found = lost(student, "build_baseline")
    # One that calls itself a layer of Keras is rebuilt as that one, and nothing of it runs.
    assert set(found) in ({"build_baseline.features", "build_baseline.head"}, set())
    assert student.notes.get(FLAGS, []) == []


def test_a_network_of_a_thousand_million_parameters_loses_its_lines_alone(sandbox):
    code = """
import keras
from keras import layers
def build_baseline():
    return keras.Sequential([keras.Input((32, 32, 3)), layers.Flatten(), layers.Dense(330_000), layers.Dense(10)])
def overlay(image, heat):
    return None
"""
    student = student_of(sandbox, code)
    found = lost(student, "build_baseline", "overlay")
    assert {"build_baseline.features", "build_baseline.head", "overlay.color"} <= set(found)
    assert any(word in found["build_baseline.features"] for word in ("memory", "ended", "Exhausted"))


def test_a_function_that_answers_for_the_course_is_not_believed(sandbox):
    """What a student's side measures of itself earns nothing: measuring happens elsewhere."""
    code = """
import keras
from keras import layers
def build_baseline():
    global course_measured
    course_measured = lambda *arguments: None
    return keras.Sequential([keras.Input((32, 32, 3)), layers.Flatten(), layers.Dense(10, activation="softmax")])
"""
    assert set(lost(student_of(sandbox, code), "build_baseline")) == {"build_baseline.features", "build_baseline.head"}


def test_who_freezes_nothing_has_not_left_normalization_out(sandbox):
    code = """
import keras
from keras import layers
def build_transfer(backbone, unfreeze=None, classes=10):
    pooled = layers.GlobalAveragePooling2D()(backbone.output)
    return keras.Model(backbone.input, layers.Dense(classes, activation="softmax")(pooled))
"""
    found = lost(student_of(sandbox, code), "build_transfer")
    assert set(found) == {"build_transfer.frozen", "build_transfer.unfrozen"}
    assert "weights of the backbone too many" in found["build_transfer.unfrozen"]


def test_a_design_that_is_not_compiled_has_no_other_optimizer(sandbox):
    code = """
import keras
from keras import layers
def build_second(kernel=3):
    h = x = keras.Input((32, 32, 3))
    h = layers.GlobalAveragePooling2D()(layers.Conv2D(8, kernel)(h))
    return keras.Model(x, layers.Dense(10, activation="softmax")(h))
def build_first():
    model = build_second(5)
    model.compile("adam", "categorical_crossentropy")
    return model
"""
    found = lost(student_of(sandbox, code), "designs")
    assert set(found) == {"designs.second", "designs.differ"}
    assert "They differ in kernel size alone." in found["designs.differ"]
    assert "no optimizer to compare" in found["designs.differ"]


# What is handed in.


def test_right_files_get_everything_in_the_sandbox(sandbox):
    student = student_of(sandbox)
    assert lost(student, "accuracy", "transfer") == {}
    assert student.notes.get(FLAGS, []) == []


def test_images_for_grading_are_the_same_for_one_secret_and_others_for_another():
    one, again, other = (images.for_grading(None, seed) for seed in (1, 1, 2))
    assert one["kind"] == "sample" and one["x_test"].shape == (images.N_TEST, 32, 32, 3)
    assert np.array_equal(one["x_test"], again["x_test"]) and not np.array_equal(one["y_test"], other["y_test"])
    assert one["x_test"].min() >= -1 and one["x_test"].max() <= 1 and 0.4 < one["mirrored"].mean() < 0.6


def _weights_replaced(change):
    """Return right files whose own network has other weights."""
    model = own_network()
    model.set_weights([change(weights) for weights in model.get_weights()])
    return files() | saved(model)


def test_weights_that_are_no_numbers_lose_their_lines(sandbox):
    found = lost(student_of(sandbox, given=_weights_replaced(lambda w: np.full_like(w, np.nan))), "accuracy")
    assert set(found) == _OWN and "not finite" in found["accuracy.least"]


def test_weights_of_another_structure_lose_their_lines(sandbox):
    other = keras.Sequential([keras.Input((32, 32, 3)), layers.Flatten(), layers.Dense(10, activation="softmax")])
    given = files() | {"model.weights.h5": saved(other)["model.weights.h5"]}
    found = lost(student_of(sandbox, given=given), "accuracy")
    assert set(found) == _OWN and "model.weights.h5 cannot be used" in found["accuracy.least"]


def test_nearest_neighbors_in_weights_lose_their_lines_or_are_flagged(sandbox):
    """A network of one convolution as large as the image, whose kernels are the test images."""
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, (150, 32, 32, 3)).astype("float32")
    y = rng.integers(0, 10, 150)
    mirrored = np.arange(150) % 2 == 0
    shown = np.where(mirrored[:, None, None, None], x[:, :, ::-1], x)
    drawn = {"x_test": shown, "y_test": y, "mirrored": mirrored, "x_known": rng.uniform(-1, 1, (60, 32, 32, 3))}
    drawn |= {"y_known": rng.integers(0, 10, 60), "kind": "sample", "data": "noise", "own": (0.3, 0.4, 0.5)}
    looked_up = keras.Sequential(
        [
            keras.Input((32, 32, 3)),
            layers.Conv2D(150, 32, use_bias=True),
            layers.Flatten(),
            layers.Softmax(),
            layers.Dense(10, use_bias=False),
        ]
    )
    kernels = np.moveaxis(x, 0, -1)
    looked_up.set_weights([kernels, -(x**2).sum(axis=(1, 2, 3)) / 2, np.eye(10)[y].astype("float32")])
    student = student_of(sandbox, given=saved(looked_up), drawn=drawn)
    found = lost(student, "accuracy")
    flags = student.notes[FLAGS]
    assert found == {} and any("test images looked up" in flag for flag in flags)
    assert any("mirrored" in flag for flag in flags)
    # With as many images as CIFAR-10 has it would have too many parameters, and with 100 MB of them as well.
    large = keras.Sequential([keras.Input((32, 32, 3)), layers.Conv2D(2000, 32), layers.Flatten(), layers.Dense(10)])
    assert large.count_params() > 5_000_000
    found = lost(student_of(sandbox, given=files() | saved(large)), "accuracy")
    assert set(found) == _OWN and "5,000,000" in found["accuracy.least"]


def test_a_configuration_of_a_thousand_million_parameters_loses_its_lines_alone(sandbox):
    config = json.loads(files()["model.json"])
    for layer in config["config"]["layers"]:
        if layer["class_name"] == "Dense":
            layer["config"]["units"] = 10**9
    student = student_of(sandbox, given=files() | {"model.json": json.dumps(config).encode()})
    found = lost(student, "accuracy", "transfer")
    assert set(found) == _OWN | {"transfer.own"}


def test_a_head_that_brings_its_own_backbone_is_refused(sandbox):
    backbone = load_backbone(trial.SIDE, "small", verbose=False)
    maps = backbone.model.get_layer(trial.LAYER).output.shape[1:]
    h = x = keras.Input(maps)
    for filters in (64, 64):
        h = layers.Conv2D(filters, 3, padding="same", activation="relu")(h)
    model = keras.Model(x, layers.Dense(10, activation="softmax")(layers.GlobalAveragePooling2D()(h)))
    about = json.loads(files()["transfer/backbone.json"])
    found = lost(student_of(sandbox, given=files() | saved(model, "transfer", about)), "transfer")
    assert set(found) == _TRANSFER and "is not the rest of the backbone" in found["transfer.frozen"]


def test_a_head_that_does_something_else_with_as_many_parameters_is_refused(sandbox):
    backbone = load_backbone(trial.SIDE, "small", verbose=False)
    _, tail = split_model(WAYS["build_transfer"]["nested"](backbone.model, "block2_conv"), trial.LAYER)
    h = keras.Input(tail.input_shape[1:])
    # The same layers, and maps that are twice as large.
    doubled = keras.Model(h, tail(layers.Rescaling(2.0)(h)))
    about = json.loads(files()["transfer/backbone.json"])
    found = lost(student_of(sandbox, given=files() | saved(doubled, "transfer", about)), "transfer")
    assert set(found) == _TRANSFER


def test_the_whole_backbone_is_not_taken(sandbox):
    backbone = load_backbone(trial.SIDE, "small", verbose=False)
    about = {"backbone": backbone.name, "side": trial.SIDE, "layer": "input_layer"}
    model = WAYS["build_transfer"]["flat"](backbone.model)
    found = lost(student_of(sandbox, given=files() | saved(model, "transfer", about)), "transfer")
    assert set(found) == _TRANSFER and "all of the backbone" in found["transfer.frozen"]


class _Shouts:
    def __reduce__(self):
        return print, ("this must never be run",)


def _archive():
    """Return a .keras archive with a path outside."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("../../model.json", files()["model.json"])
        archive.writestr("/tmp/outside.txt", "outside")
    return content.getvalue()


HOSTILE = {
    "a .keras archive as weights": {"model.weights.h5": _archive},
    "a pickle as weights": {"model.weights.h5": lambda: pickle.dumps(_Shouts())},
    "a pickle as configuration": {"model.json": lambda: pickle.dumps(_Shouts())},
    "an archive as description": {"transfer/backbone.json": _archive},
    "lists in lists": {"transfer/backbone.json": lambda: b"[" * 9000},
    "a number for a layer": {"transfer/backbone.json": lambda: b'{"backbone": "MobileNetV2", "side": 96, "layer": 5}'},
    "images of a million pixels": {
        "transfer/backbone.json": lambda: b'{"backbone": "EfficientNet-Lite0", "side": 1024, "layer": "head_relu"}'
    },
    "a path for a backbone": {
        "transfer/backbone.json": lambda: b'{"backbone": "../../secret", "side": 32, "layer": "head_relu"}'
    },
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_lose_their_lines_and_nothing_else(sandbox, name, capfd):
    ((file, content),) = HOSTILE[name].items()
    student = student_of(sandbox, given=files() | {file: content()})
    found = lost(student, "accuracy", "transfer")
    about_own = not file.startswith("transfer")
    assert set(found) == (_OWN | {"transfer.own"} if about_own else _TRANSFER)
    assert "this must never be run" not in capfd.readouterr().out


def test_a_backbone_that_is_not_there_calls_a_person(sandbox):
    about = {"backbone": "MobileNetV2", "side": 96, "layer": "block_12_add"}
    student = student_of(sandbox, given=files() | {"transfer/backbone.json": json.dumps(about).encode()})
    found = lost(student, "transfer")
    assert set(found) == _TRANSFER and any("MobileNetV2" in flag for flag in student.notes[FLAGS])


# The bands.


def test_bands_lie_above_what_needs_no_network_and_below_what_the_course_reaches():
    solved, *runs = read_lines(DATA / "solution-lab5.jsonl")
    assert solved["lab"] == "lab5"
    for kind, source in (("part", "real"), ("sample", "sample")):
        found = {
            (run["what"], run["backbone"]): np.mean([one["test"] for one in runs if same(one, run)])
            for run in runs
            if run["source"] == source and "test" in run
        }
        bands = BANDS[kind]
        assert found["linear", ""] + 0.03 < bands.own[0] and bands.own[-1] <= found["own", ""]
        for what, name in found:
            if what.startswith("frozen"):
                assert found[what, name] < bands.frozen[name] < bands.most[name] <= found["transfer", name]


def same(one, other):
    return all(one[key] == other[key] for key in ("what", "source", "backbone"))


def test_weights_may_have_as_much_as_grading_reads():
    from source_lib.saved_model import MAX_WEIGHTS

    assert MAX_WEIGHTS == MAX_BYTES


def test_in_a_notebook_the_form_of_the_files_is_checked(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    right = files()

    def formed(given):
        student = trial.student_of({}, given)
        return [LAB.check(f"check_{name}").formed(student) for name in ("accuracy", "transfer")]

    assert all("model.json" in item.message for item in formed({})[:1]) and not any(item.passed for item in formed({}))
    assert all(item.passed for item in formed(right))
    own, transfer = formed(right | {"model.weights.h5": right["model.weights.h5"][:500]})
    assert not own.passed and transfer.passed
    own, transfer = formed(right | {f"transfer/{name}": right[name] for name in ("model.json", "model.weights.h5")})
    assert own.passed and not transfer.passed and "is not the rest of the backbone" in transfer.message
    own, transfer = formed(right | {"transfer/backbone.json": b"{}"})
    assert own.passed and "save_tail" in transfer.message


def test_what_a_fault_does_in_training_leaves_the_models_of_the_course_alone():
    recipe, image = "8x9x3 l3.5 b c3.6 f s5", np.random.default_rng(0).uniform(-1, 1, (8, 9, 3)).astype("float32")
    before = reference.activations(recipe, 7, "bn1", image)
    for training in (True, True):
        looking.cam(recipe, 7, "conv2", image, 1, training=training)
        looking.maps_of(recipe, 7, "bn1", image + 1, training=training)
    assert np.array_equal(reference.activations(recipe, 7, "bn1", image), before)
