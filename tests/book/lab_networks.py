"""Networks of the labs' texts, trained for a moment on the sample: what students take to the page that shows them."""

import functools

import jupytext
import keras
from keras import layers

from source_lib import util
from source_lib.data import DataGenerator
from tests.conftest import ROOT

#: The function of each text that builds the network, and what it is called with.
BUILT_BY = {
    "lab1": ("new_model", {}),
    "lab2": ("build_model", {}),
    "lab4": ("build_cnn", {"activation": "tanh", "pool_first": True, "dropout": 0.1}),
}
#: How many images of the sample, and how often each.
IMAGES, EPOCHS = 600, 8


@functools.cache
def sample():
    data = DataGenerator(verbose=False)
    data.generate("mnist", source="sample")
    return data


def trained(lab):
    """Return the network that a lab's text builds, trained on images from -1 to 1 as the lab has them."""
    name, settings = BUILT_BY[lab]
    cells = jupytext.read(ROOT / "assignments" / lab / f"{lab}.md").cells
    (source,) = [cell.source for cell in cells if cell.cell_type == "code" and f"def {name}(" in cell.source]
    data = sample()
    space = {"keras": keras, "layers": layers, "util": util, "data": data}
    exec(source, space)
    keras.utils.set_random_seed(0)
    model = space[name](**settings)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    # With few steps each has to be larger than usual.
    model.optimizer.learning_rate = 3e-3
    model.fit(data.x_train[:IMAGES], data.y_train[:IMAGES], batch_size=32, epochs=EPOCHS, verbose=0)
    return model
