"""The cells of lab 7 that explore, run with networks of a moment: what is kept, and when it is made anew."""

import json
import re
import time
from pathlib import Path
from types import SimpleNamespace

import jupytext
import keras
import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from keras import layers

from autograder.labs.lab7 import material
from source_lib import experiments
from source_lib.saved_model import save_model
from tests.conftest import ROOT
from tests.labs.lab7.ways import WAYS

PENALTY = 5.0
CELLS = [cell.source for cell in jupytext.read(ROOT / "assignments" / "lab7" / "lab7.md").cells]


def test_the_bands_in_the_text_are_those_of_the_checks():
    text = "\n".join(CELLS)
    part, everything, sample = (
        [f"{100 * band:g}" for band in material.BANDS[kind]] for kind in ("part", "all", "sample")
    )
    assert (
        f"a linear classifier: {part[0]} % of the images of the course's file, {everything[0]} % where grading has all "
        f"of CIFAR-10, {sample[0]} % of the sample. The better one earns more at {part[1]} and {part[2]} % "
        f"({everything[1]} and {everything[2]} %, {sample[1]} and {sample[2]} %)." in text
    )
    real, patients = (
        [f"{material.PRICES[kind][name]:g}" for name in material.BASELINES] for kind in ("real", "sample")
    )
    assert (
        f"at most {real[0]} times that of the mean, {real[1]} times that of ridge regression, and {real[2]} times "
        "that of gradient boosting" in text
    )
    assert f"it is {patients[0]}, {patients[1]} and {patients[2]} times" in text


def cell_with(text):
    (source,) = (one for one in CELLS if text in one and "check(" not in one)
    return source


def images():
    rng = np.random.default_rng(0)
    x, y = rng.uniform(-1, 1, (48, 32, 32, 3)).astype("float32"), rng.integers(0, 10, 48)
    one_hot = np.eye(10, dtype="float32")[y]
    return SimpleNamespace(
        **{"x_train": x[:32], "y_train_oh": one_hot[:32], "N_train": 32, "source": "sample"},
        **{"x_valid": x[32:], "y_valid": y[32:], "y_valid_oh": one_hot[32:]},
    )


def notebook(width=4):
    """Return what the cells find: two networks, of which one has a penalty that dwarfs its cross-entropy."""
    trained = []

    def build_model(kind="a"):
        penalty = keras.regularizers.L2(PENALTY) if kind == "b" else None
        stack = [layers.Flatten(), layers.Dense(width, "relu", kernel_regularizer=penalty), layers.Dense(10, "softmax")]
        model = keras.Sequential([keras.Input((32, 32, 3)), *stack])
        model.compile(keras.optimizers.SGD(0.0), "categorical_crossentropy")
        return model

    def train_model(model, x, y, x_valid, y_valid, epochs=None):
        trained.append(1)
        return model.fit(x, y, epochs=epochs or 2, validation_data=(x_valid, y_valid), verbose=0)

    return trained, {
        **{"plt": plt, "np": np, "pd": pd, "keras": keras, "time": time, "json": json, "Path": Path},
        **{"experiments": experiments, "save_model": save_model, "data": images()},
        **{"build_model": build_model, "train_model": train_model},
        **{"BUDGET": {"members": {"images": 20, "epochs": 1, "count": 2}}},
        **{name: next(iter(WAYS[name].values())) for name in ("ensemble_gain", "majority_vote")},
    }


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    yield
    plt.close("all")


def drawn():
    """Return the numbers of each curve of the last figure, by its label."""
    left = plt.gcf().axes[0]
    return left.get_ylabel(), {line.get_label(): line.get_ydata() for line in left.lines}


def test_curves_are_of_the_cross_entropy_alone_and_there_again_after_a_restart(capsys):
    cell = cell_with("Cross-entropy alone")
    trained, space = notebook()
    exec(cell, space)
    said, (label, curves) = capsys.readouterr().out, drawn()
    assert label == "Cross-entropy alone" and len(trained) == 2
    ends = [float(one) for one in re.findall(r"cross-entropy ([\d.]+)", said)]
    # Nothing is learned at a rate of 0, so that both networks have the same number at both ends of each curve.
    for kind, measured in zip("ab", (ends[:2], ends[2:]), strict=True):
        for name, end in zip(("training", "validation"), measured, strict=True):
            assert np.allclose(curves[f"{kind}, {name}"], end, atol=2e-3) and len(curves[f"{kind}, {name}"]) == 2
    kept = json.loads(Path("b/curves.json").read_text())["curves"]
    assert min(kept["loss"]) > max(kept["categorical_crossentropy"]) + 1, "the loss holds the penalty"
    plt.close("all")
    again, space = notebook()
    exec(cell, space)
    assert again == [] and drawn()[1].keys() == curves.keys()
    assert "before your last change" not in capsys.readouterr().out
    changed, space = notebook(width=5)
    exec(cell, space)
    assert changed == [] and capsys.readouterr().out.count("before your last change") == 2


def test_members_are_trained_again_where_the_network_or_its_budget_is_another(capsys):
    cell = cell_with("def members():")
    trained, space = notebook()
    exec(cell, space)
    exec(cell, space)
    assert len(trained) == 2, "what is kept is read"
    trained, space = notebook(width=5)
    exec(cell, space)
    assert len(trained) == 2
    trained, space = notebook()
    space["BUDGET"]["members"]["epochs"] = 2
    exec(cell, space)
    assert len(trained) == 2 and len(list(Path().glob("members-*.npy"))) == 3
    assert "mean accuracy" in capsys.readouterr().out
