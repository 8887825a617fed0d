"""What the canary of lab 2 tells apart: who learns from the images that are given, and who remembers others.

Every way is trained on glyphs of several secrets, and compared with the plain network on the same ones.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from autograder.checking.metrics import one_hot
from autograder.labs.lab2 import checks, images, reference
from benchmarks.report import Figure
from book import make_solutions
from source_lib.data import DataGenerator

if TYPE_CHECKING:
    import keras

SECRETS, QUICK_SECRETS = 3, 1


def figures(quick: bool, tell: Callable[[str], None]) -> list[Figure]:
    """Train each way and return how far it stays below the plain network.

    Parameters
    ----------
    quick : bool
        One secret, and without the lab's solution, which takes minutes.
    tell : callable
        Gets a sentence for the reader now and then.

    Returns
    -------
    list of Figure
        In percentage points: the least of weights that are only fitted, the largest of those that learn.
    """
    solved, kept = make_solutions.solution("lab2"), _digits(tell)
    ways = {
        "weights of digits, fitted to the numbers": (reference.plain_model, _fitted(kept)),
        "weights of digits, whose last layer is trained": (reference.plain_model, _trained_further(kept)),
    }
    # It takes minutes, so it is trained once.
    once = {} if quick else {"the lab's solution": (solved.build_model, solved.train_model)}
    plain: list[float] = []
    reached: dict[str, list[float]] = {name: [] for name in ways | once}
    for secret in range(QUICK_SECRETS if quick else SECRETS):
        drawn = images.canary(np.random.default_rng(secret))
        plain.append(reference.plain_accuracy(*_parts(drawn, "", "_test")))
        tell(f"Secret {secret}: the plain network {plain[-1]:.1f} %")
        for name, (build, train) in (ways if secret else ways | once).items():
            reached[name].append(_accuracy(build, train, drawn))
            tell(f"Secret {secret}: {name} {reached[name][-1]:.1f} %")
    return [_figure(name, plain, found) for name, found in reached.items()]


def _figure(name: str, plain: list[float], found: list[float]) -> Figure:
    """Return how far one way stays below the plain network, where it is nearest to what is not wanted of it."""
    below = [one - other for one, other in zip(plain, found, strict=False)]
    raw = {"plain": plain, "found": found}
    about = {"timed": False, "unit": "points", "raw": raw}
    title = f"Canary, below the plain network: {name}"
    if name.endswith("fitted to the numbers"):
        return Figure(title, min(below), at_least=checks.FAR_BELOW, **about)
    return Figure(title, max(below), at_most=checks.FAR_BELOW, **about)


def _parts(drawn: dict[str, np.ndarray], *names: str) -> list[np.ndarray]:
    """Return images and labels of some parts, those of training one-hot."""
    found = []
    for name in names:
        y = drawn[f"canary_y{name}"]
        found += [drawn[f"canary_x{name}"], y if name == "_test" else one_hot(y, images.CLASSES)]
    return found


def _accuracy(build: Callable, train: Callable, drawn: dict[str, np.ndarray]) -> float:
    import keras

    keras.utils.set_random_seed(1)
    model = build()
    train(model, *_parts(drawn, "", "_valid"))
    x_test, y_test = _parts(drawn, "_test")
    return 100 * float((model.predict(x_test, verbose=0).argmax(axis=1) == y_test).mean())


def _digits(tell: Callable[[str], None]) -> list[np.ndarray]:
    """Return weights of the plain network that know digits."""
    data = DataGenerator(verbose=False)
    data.generate("mnist")
    model = reference.plain_model()
    model.fit(data.x_train, data.y_train_oh, batch_size=128, epochs=1 if data.N_train > 10_000 else 20, verbose=0)
    right = (model.predict(data.x_test, verbose=0).argmax(axis=1) == data.y_test).mean()
    tell(f"Brought along: a network that knows {100 * right:.1f} % of the test images of {data.title}")
    return model.get_weights()


def _fitted(kept: list[np.ndarray]) -> Callable:
    """Return a training that only finds out which digit has which number."""
    from scipy.optimize import linear_sum_assignment

    def train(model: keras.Model, x: np.ndarray, y: np.ndarray, *others: np.ndarray) -> None:
        model.set_weights(kept)
        digit, number = linear_sum_assignment(-(model.predict(x, verbose=0).T @ y))
        order = digit[np.argsort(number)]
        model.set_weights([*kept[:-2], kept[-2][:, order], kept[-1][order]])

    return train


def _trained_further(kept: list[np.ndarray]) -> Callable:
    """Return a training of the last layer alone, on top of what was brought along."""

    def train(model: keras.Model, x: np.ndarray, y: np.ndarray, *others: np.ndarray) -> None:
        model.set_weights([*kept[:-2], *model.get_weights()[-2:]])
        for layer in model.layers[:-1]:
            layer.trainable = False
        model.compile("adam", "categorical_crossentropy")
        model.fit(x, y, epochs=60, verbose=0)

    return train
