"""The text of lab 5: its numbers are those of the checks, and what it builds predicts on images as they are."""

import re

import jupytext
import keras
import numpy as np
import pytest

from autograder.labs import get_lab
from autograder.labs.lab5 import images, networks
from book import make_solutions
from tests.conftest import ROOT

LAB = get_lab("lab5")
CELLS = jupytext.read(ROOT / "assignments" / "lab5" / "lab5.md").cells


@pytest.fixture(scope="module")
def prose():
    return "\n".join(cell.source for cell in CELLS if cell.cell_type == "markdown")


def test_the_points_in_the_text_are_those_of_the_checks(prose):
    asked = {}
    for names, points in re.findall(r"^\| [1-7] \| (`\w+`.*) \| ([\d.]+) \|$", prose, re.MULTILINE):
        asked[re.findall(r"`(\w+)`", names)[0]] = float(points)
    assert sum(asked.values()) == LAB.points and f"in total | {LAB.points:g} |" in prose
    manual = [float(points) for points in re.findall(r"\*\*[a-f]\) .*?\(([\d.]+) points?\)\.\*\*", prose)]
    assert sum(manual) == LAB.manual["discussion"] == 10


def test_the_bands_in_the_text_are_those_of_the_checks(prose):
    names = {"part": "a part of CIFAR-10, about 12,000 images", "all": "all of CIFAR-10", "sample": "the sample"}
    for kind, name in names.items():
        assert f"| {name} | " + " | ".join(f"{100 * band:g} %" for band in images.BANDS[kind].own) + " |" in prose
    part, everything, sample = (100 * images.BANDS[kind].most[images.LITE] for kind in ("part", "all", "sample"))
    assert (
        f"For EfficientNet-Lite0 these are {part:g} % with 12,000 training images, {everything:g} % with 45,000 and "
        f"{sample:g} % of the sample" in prose
    )
    assert networks.MOST_PARAMETERS == 5_000_000 and "5 million parameters" in prose


@pytest.fixture(scope="module")
def built():
    """Return the networks that augment, of the text's solutions and of its sweep, by their names."""
    cells = {cell.metadata["nbgrader"]["grade_id"]: cell.source for cell in CELLS if "nbgrader" in cell.metadata}
    (sweep,) = (cell.source for cell in CELLS if "def small_network(" in cell.source)
    space = dict(make_solutions.solution("lab5").parts)
    exec("\n".join([cells["build_first"], cells["build_second"], sweep.partition("\n\n\nSETTINGS")[0]]), space)
    names = "build_first", "build_second", "build_model"
    return {name: space[name]() for name in names} | {"sweep": space["small_network"](augmented=True)()}


def test_networks_that_augment_move_each_image_by_itself_and_predict_on_images_as_they_are(built):
    """A frame that Keras leaves around images where it predicts costs accuracy, and nobody sees it."""
    image = np.random.default_rng(0).uniform(-1, 1, (32, 32, 3)).astype("float32")
    batch = np.stack([image] * 8)
    for name, model in built.items():
        first = next(layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D))
        before = keras.Model(model.inputs[0], first.input)
        assert np.array_equal(before.predict(batch, verbose=0), batch), name
        moved = np.asarray(before(batch, training=True))
        assert len({one.tobytes() for one in moved}) > 4, name
