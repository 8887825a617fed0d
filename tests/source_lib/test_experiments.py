"""Trainings that are repeated: what is kept of each, and what an interruption, a change or a damaged file does."""

import functools
import json
import math
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import keras
import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import pytest
from keras import layers

from source_lib import experiments
from source_lib.data import DataGenerator
from source_lib.experiments import (
    N_TRAIN,
    N_VALID,
    RunsError,
    choose,
    fingerprint,
    plot_runs,
    read_runs,
    repeat,
    summarize,
)


@pytest.fixture(scope="module")
def data():
    data = DataGenerator(verbose=False)
    data.generate("mnist", N_valid=50, source="sample", N_test=100)
    return data


def build(units=8):
    model = keras.Sequential(
        [keras.Input((28, 28, 1)), layers.Flatten(), layers.Dense(units), layers.Dense(10, "softmax")]
    )
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    return model


def train(model, x, y, x_valid, y_valid):
    return model.fit(x, y, epochs=2, validation_data=(x_valid, y_valid), verbose=0)


@pytest.fixture(scope="module")
def kept(data, tmp_path_factory):
    path = tmp_path_factory.mktemp("runs") / "runs.jsonl"
    return path, repeat(build, train, data, path, seeds=range(3))


def test_what_is_kept_of_a_run(kept, data):
    path, runs = kept
    assert read_runs(path) == runs and [run.seed for run in runs] == [0, 1, 2]
    for run in runs:
        assert set(json.loads(path.read_text().splitlines()[run.seed])) == set(run.__dataclass_fields__)
        assert run.epochs == 2 and len(run.loss) == len(run.val_accuracy) == 2
        assert run.data == data.title and run.seconds > 0
        assert len(set(run.subset)) == N_TRAIN
        # Accuracies are in percent, and of as many images as there are.
        assert all(
            (value * N_TRAIN / 100) == pytest.approx(round(value * N_TRAIN / 100), abs=1e-3) for value in run.accuracy
        )
        assert run.test_accuracy == round(run.test_accuracy) and 0 <= run.test_accuracy <= 100
        # Of 50 validation images.
        assert run.valid_accuracy % 2 == pytest.approx(0) and 0 < run.valid_loss < 10
    assert len({run.subset for run in runs}) == 3 and len({run.model for run in runs}) == 1


def test_a_run_can_be_had_again_from_its_seed(kept, data, tmp_path):
    (again,) = repeat(build, train, data, tmp_path / "again.jsonl", seeds=[1])
    first = kept[1][1]
    assert again.subset == first.subset and again.loss == pytest.approx(first.loss, rel=1e-3)


def test_images_for_training_and_watching_are_others(data):
    train_rows, valid_rows = choose(data.y_train, 5)
    assert (len(train_rows), len(valid_rows)) == (N_TRAIN, N_VALID)
    assert len({*train_rows, *valid_rows}) == N_TRAIN + N_VALID


def test_what_is_shown_is_validation_until_the_end(kept, data, tmp_path, capsys):
    path = tmp_path / "runs.jsonl"
    path.write_bytes(kept[0].read_bytes())
    for final, images, accuracy in ((False, "validation", "valid_accuracy"), (True, "test", "test_accuracy")):
        runs = repeat(build, train, data, path, seeds=range(3), final=final)
        said = capsys.readouterr().err
        assert f"{getattr(runs[-1], accuracy):.1f} % of the {images} images" in said
    assert path.read_bytes() == kept[0].read_bytes(), "nothing is trained again"


def test_what_is_there_is_not_repeated_and_the_rest_is_added(kept, data, tmp_path):
    path = tmp_path / "runs.jsonl"
    path.write_bytes(kept[0].read_bytes())
    before = path.read_bytes()
    repeat(build, train, data, path, seeds=range(3))
    assert path.read_bytes() == before
    runs = repeat(build, train, data, path, seeds=range(4))
    assert path.read_bytes().startswith(before) and len(runs) == 4 and runs[:3] == kept[1]
    assert list(tmp_path.iterdir()) == [path]


def test_a_line_that_was_cut_off_is_made_again(kept, data, tmp_path):
    path = tmp_path / "runs.jsonl"
    whole = kept[0].read_bytes()
    path.write_bytes(whole[:-40])
    assert read_runs(path) == kept[1][:2]
    runs = repeat(build, train, data, path, seeds=range(3))
    assert [run.subset for run in runs] == [run.subset for run in kept[1]]
    assert len(path.read_text().splitlines()) == 3 and read_runs(path) == runs


def test_runs_of_two_models_are_not_mixed(kept, data, tmp_path):
    path = tmp_path / "runs.jsonl"
    path.write_bytes(kept[0].read_bytes())

    def longer(model, x, y, x_valid, y_valid):
        return model.fit(x, y, epochs=3, validation_data=(x_valid, y_valid), verbose=0)

    for model, training in ((lambda: build(9), train), (build, longer)):
        with pytest.raises(RunsError, match="another network or another training.*file of its own"):
            repeat(model, training, data, path)
    assert path.read_bytes() == kept[0].read_bytes()


EPOCHS, IMAGES_OF_ANOTHER_CELL = 1, 7


def as_set_around(model, x, y, x_valid, y_valid):
    return model.fit(x, y, epochs=EPOCHS, validation_data=(x_valid, y_valid), verbose=0)


def with_default(model, x, y, x_valid, y_valid, epochs=1):
    return model.fit(x, y, epochs=epochs, validation_data=(x_valid, y_valid), verbose=0)


def enclosed(epochs):
    return lambda model, x, y, x_valid, y_valid: with_default(model, x, y, x_valid, y_valid, epochs)


@pytest.mark.parametrize("way", ["a number around it", "a number that encloses it", "an argument", "a default"])
def test_a_training_with_another_number_of_epochs_is_another_one(data, tmp_path, monkeypatch, way):
    first, second = {
        "a number around it": (as_set_around, as_set_around),
        "a number that encloses it": (enclosed(1), enclosed(2)),
        "an argument": (functools.partial(with_default, epochs=1), functools.partial(with_default, epochs=2)),
        "a default": (with_default, lambda model, x, y, x_valid, y_valid, epochs=2: None),
    }[way]
    path = tmp_path / "runs.jsonl"
    (run,) = repeat(build, first, data, path, seeds=[0])
    # What the training does not name may change.
    monkeypatch.setitem(globals(), "IMAGES_OF_ANOTHER_CELL", 8)
    assert repeat(build, first, data, path, seeds=[0]) == [run]
    monkeypatch.setitem(globals(), "EPOCHS", 2)
    with pytest.raises(RunsError, match="another training.*file of its own"):
        repeat(build, second, data, path, seeds=[0])


RATE = 0.1


def rate(epoch):
    return RATE / (1 + epoch)


def with_schedule(model, x, y, x_valid, y_valid):
    return [keras.callbacks.LearningRateScheduler(lambda epoch: rate(epoch))]


def with_rate_inside(model, x, y, x_valid, y_valid):
    return [keras.callbacks.LearningRateScheduler(lambda epoch: 0.1 / (1 + epoch))]


def with_other_rate_inside(model, x, y, x_valid, y_valid):
    return [keras.callbacks.LearningRateScheduler(lambda epoch: 0.2 / (1 + epoch))]


def stopping(model, x, y, x_valid, y_valid):
    return [keras.callbacks.EarlyStopping()]


def lowering(model, x, y, x_valid, y_valid):
    return [keras.callbacks.ReduceLROnPlateau()]


def test_a_fingerprint_is_that_of_what_is_trained():
    """A change of a function that the training calls, of one inside it, or of a name counts; its place does not."""
    trainings = (None, train, with_schedule, with_rate_inside, with_other_rate_inside, stopping, lowering)
    assert len({fingerprint(build, training) for training in trainings}) == len(trainings)
    networks = (
        build,
        lambda: build(9),
        lambda: keras.Sequential([keras.Input((28, 28, 1)), layers.Flatten(), layers.Dropout(0.1), layers.Dense(8)]),
        lambda: keras.Sequential([keras.Input((28, 28, 1)), layers.Flatten(), layers.Dropout(0.2), layers.Dense(8)]),
    )
    assert len({fingerprint(network) for network in networks}) == len(networks)
    assert fingerprint(build, train) == fingerprint(build, train)


def test_a_fingerprint_sees_what_a_called_function_takes_from_around_it(monkeypatch):
    before = fingerprint(build, with_schedule)
    monkeypatch.setitem(globals(), "IMAGES_OF_ANOTHER_CELL", 8)
    assert fingerprint(build, with_schedule) == before
    monkeypatch.setitem(globals(), "RATE", 0.2)
    assert fingerprint(build, with_schedule) != before
    monkeypatch.setitem(globals(), "RATE", 0.1)
    monkeypatch.setitem(globals(), "rate", lambda epoch: RATE / (2 + epoch))
    assert fingerprint(build, with_schedule) != before


def test_a_fingerprint_is_the_same_in_another_process():
    """The order of a set of texts is not."""
    code = (
        "from source_lib.experiments import _code_around\n"
        "def train(name):\n    return name in {'one', 'two', 'three', 'four', 'five'}\n"
        "print(*_code_around(train, set()))"
    )
    said = {
        subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": str(Path(__file__).parents[2])},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(said) == 1 and b"five" in said.pop()


def test_what_could_not_be_read_again_is_not_written(data, tmp_path, monkeypatch):
    file = tmp_path / "runs.jsonl"
    repeat(build, train, data, file, seeds=[0])
    before = file.read_bytes()

    def diverging(*given):
        train(*given)
        return {"loss": [math.inf], "accuracy": [0.1]}

    with pytest.raises(ValueError, match="seed 5"):
        repeat(build, diverging, data, tmp_path / "other.jsonl", seeds=[5])
    assert not (tmp_path / "other.jsonl").exists()
    monkeypatch.setattr(data, "title", "long" * 100)
    with pytest.raises(RunsError, match="The training with seed 1 is not kept in .*other.jsonl: its 'data' is not"):
        repeat(build, train, data, tmp_path / "other.jsonl", seeds=[1])
    assert file.read_bytes() == before and len(read_runs(file)) == 1


def test_a_killed_run_leaves_a_file_that_is_continued(tmp_path):
    """Killed in its second training, it has kept the first; running it again gives what an undisturbed one gives."""
    script = tmp_path / "script.py"
    script.write_text(
        textwrap.dedent(
            """
            import sys, time
            from pathlib import Path
            from tests.source_lib.test_experiments import build, train
            from source_lib.data import DataGenerator
            from source_lib.experiments import repeat

            def slow(model, *images):
                log = train(model, *images)
                if Path("second").exists():
                    print("now", flush=True)
                    time.sleep(60)
                Path("second").touch()
                return log

            data = DataGenerator(verbose=False)
            data.generate("mnist", N_valid=50, source="sample", N_test=100)
            repeat(build, slow, data, "runs.jsonl", seeds=[4, 5])
            """
        )
    )
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    with subprocess.Popen(
        [sys.executable, script], cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdout.readline() == b"now\n"
        process.send_signal(signal.SIGKILL)
    assert [run.seed for run in read_runs(tmp_path / "runs.jsonl")] == [4]


LINE = {
    **{"seed": 0, "data": "MNIST", "subset": [1, 2], "epochs": 1, "loss": [1.0], "accuracy": [50.0], "val_loss": [1.0]},
    **{"val_accuracy": [50], "test_loss": 1, "test_accuracy": 50.0, "seconds": 2, "model": "abc"},
}


def test_a_line_of_json_is_a_run():
    (run,) = read_runs(json.dumps(LINE).encode() + b"\n")
    assert run.val_accuracy == (50.0,) and type(run.test_loss) is float
    assert run.valid_loss is None and run.valid_accuracy is None, "as before there were such"
    assert read_runs(b"") == read_runs(b"\n\n") == []


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("{", "no line of JSON"),
        ("[1]", "no object"),
        (json.dumps({**LINE, "seed": "0"}), "'seed'"),
        (json.dumps({**LINE, "seed": True}), "'seed'"),
        (json.dumps({**LINE, "seed": -1}), "'seed'"),
        (json.dumps({**LINE, "subset": [1.5]}), "'subset'"),
        (json.dumps({**LINE, "loss": ["1"]}), "'loss'"),
        (json.dumps({**LINE, "test_accuracy": None}), "'test_accuracy'"),
        (json.dumps({**LINE, "model": "a" * 201}), "'model'"),
        (json.dumps({key: value for key, value in LINE.items() if key != "subset"}), "no 'subset'"),
        ("[" * 100_000, "no line of JSON"),
        ("\xff", "no line of JSON"),
        (json.dumps({**LINE, "seed": 1e999}), "'seed'"),
        (json.dumps(LINE)[:-1] + ', "seed": 1}', "says something twice"),
        (json.dumps({**LINE, "valid_accuracy": "90"}), "'valid_accuracy'"),
    ],
)
def test_a_line_that_is_no_run_is_named(line, says):
    content = f"{json.dumps(LINE)}\n{line}\n".encode("latin1")
    with pytest.raises(RunsError, match="line 2 is no run") as error:
        read_runs(content)
    assert says in str(error.value)


def test_files_that_are_not_there(tmp_path):
    with pytest.raises(RunsError, match="cannot be read"):
        read_runs(tmp_path / "runs.jsonl")
    with pytest.raises(RunsError, match="cannot be read"):
        read_runs(tmp_path)


def test_average_and_sample_variance():
    lines = [json.dumps({**LINE, "test_accuracy": value, "valid_accuracy": value - 40}) for value in (90, 92, 97)]
    runs = read_runs("\n".join(lines).encode() + b"\n")
    summary = summarize(runs, final=True)
    assert (summary.images, summary.runs, summary.mean, summary.variance) == ("test", 3, 93, 13)
    assert summary.standard_deviation == pytest.approx(math.sqrt(13))
    assert math.isnan(summarize(runs[:1], final=True).variance)
    # Until nothing is chosen any more.
    assert (summarize(runs).images, summarize(runs).mean) == ("validation", 53)
    with pytest.raises(RunsError, match=r"seed 0 was not measured on validation images.*N_valid=1000"):
        summarize(read_runs(json.dumps(LINE).encode() + b"\n"))
    with pytest.raises(RunsError, match="no runs"):
        summarize([])


def test_mistakes_are_explained(data, tmp_path):
    few = DataGenerator(verbose=False)
    few.generate("mnist", N_train=100, source="sample")
    with pytest.raises(ValueError, match="100 training images.*leave N_train out"):
        repeat(build, train, few, tmp_path / "runs.jsonl")
    none = DataGenerator(verbose=False)
    none.generate("mnist", source="sample")
    with pytest.raises(ValueError, match=r"no validation images to choose a model by.*N_valid=1000"):
        repeat(build, train, none, tmp_path / "runs.jsonl")
    with pytest.raises(ValueError, match="seed 7 diverged.*not kept"):
        repeat(build, lambda *a: {"loss": [1.0, math.inf]}, data, tmp_path / "runs.jsonl", seeds=[7])
    with pytest.raises(ValueError, match=r"return model\.fit"):
        repeat(build, lambda *arguments: None, data, tmp_path / "runs.jsonl", seeds=[0])
    maps = lambda: keras.Sequential([keras.Input((28, 28, 1)), layers.Flatten()])  # noqa: E731
    with pytest.raises(ValueError, match="for the validation images; .*a probability for each class"):
        repeat(maps, lambda *arguments: {"loss": [1.0]}, data, tmp_path / "runs.jsonl", seeds=[0])
    with pytest.raises(RunsError, match="cannot be written"):
        repeat(build, train, data, tmp_path / "none" / "runs.jsonl", seeds=[0])
    assert not list(tmp_path.iterdir())


def test_all_runs_are_drawn_with_their_mean(kept):
    plot_runs(kept[1], "three runs")
    loss, accuracy, test = plt.gcf().axes
    assert len(loss.lines) == 2 * (3 + 1) and len(accuracy.lines) == 8
    means = [line for line in loss.lines if "training, mean" in str(line.get_label())]
    np.testing.assert_allclose(means[0].get_ydata(), np.mean([run.loss for run in kept[1]], axis=0))
    offsets = test.collections[0].get_offsets()[:, 1]
    np.testing.assert_allclose(offsets, [run.valid_accuracy for run in kept[1]])
    assert test.get_ylabel() == "Validation accuracy [%]"
    plot_runs(kept[1], final=True)
    test = plt.gcf().axes[2]
    np.testing.assert_allclose(test.collections[0].get_offsets()[:, 1], [run.test_accuracy for run in kept[1]])
    assert test.get_ylabel() == "Test accuracy [%]"
    plt.close()
    assert "three runs" in plt.gcf().get_suptitle() and kept[1][0].data in plt.gcf().get_suptitle()
    plt.close("all")


def test_runs_of_different_lengths_are_drawn():
    runs = read_runs(
        "\n".join(
            json.dumps({**LINE, "epochs": n, "loss": [1.0] * n, "accuracy": [50.0] * n, "val_loss": []}) for n in (1, 3)
        ).encode()
        + b"\n"
    )
    plot_runs(runs, final=True)
    assert max(len(line.get_xdata()) for line in plt.gcf().axes[0].lines) == 3
    plt.close("all")


def test_module_is_light():
    code = "import sys; import source_lib.experiments; assert not {'keras', 'tensorflow'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
    assert experiments.N_TRAIN == 128


def test_a_training_gets_as_many_images_as_are_asked_for(data, tmp_path):
    path = tmp_path / "runs.jsonl"
    (run,) = repeat(build, train, data, path, seeds=[4], images=300)
    assert len(set(run.subset)) == 300 and run.subset == tuple(choose(data.y_train, 4, 300)[0])
    assert read_runs(path) == [run]
    with pytest.raises(RunsError, match=r"holds runs with 300 images each, and 200 are asked for"):
        repeat(build, train, data, path, seeds=[4], images=200)
    with pytest.raises(ValueError, match=r"ask for fewer images"):
        repeat(build, train, data, tmp_path / "other.jsonl", images=len(data.x_train))
    with pytest.raises(ValueError, match=r"cannot get 0 images"):
        repeat(build, train, data, tmp_path / "other.jsonl", images=0)
