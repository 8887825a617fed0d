"""How lab 6's own network is trained: chosen by validation images, and asked once for those that are held out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from autograder.checking.metrics import dice_of_images
from autograder.checking.reproduction import Kept, Record, Reproduction, Solution
from source_lib.data import glands

SEEDS = (0, 1, 2, 3, 4)
#: On the sample, where fewer are enough to see how far it goes.
SAMPLE_EPOCHS = 40


def turned_or_mirrored(image: np.ndarray, mask: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return one of the eight versions of an image that interpolate nothing, and its mask.

    Parameters
    ----------
    image : numpy.ndarray, shape [D, D, 3]
    mask : numpy.ndarray, shape [D, D]
    rng : numpy.random.Generator

    Returns
    -------
    numpy.ndarray, shape [D, D, 3]
    numpy.ndarray, shape [D, D]
    """
    turns, step = int(rng.integers(4)), int(rng.choice([-1, 1]))
    return np.rot90(image, turns)[:, ::step], np.rot90(mask, turns)[:, ::step]


#: The mean Dice coefficient of held-out images that the course wants of its own solution.
GOAL = 0.90
#: What was tried beside the lab's text, on the images: the number of epochs and functions that differ, by how the page
#: calls it. Only validation images say what it brings.
TRIED: dict[str, dict[str, Any]] = {
    "half as many epochs": {"epochs": 80},
    "twice as many epochs": {"epochs": 320},
    "quarter turns and mirrors alone": {"augment": turned_or_mirrored},
}
#: Images of which the color baseline sees pixels, and how many of each.
_PIXELS = 400


class HeldOut:
    """Images with masks, and those that nobody trains with, as `make reproduce` wants its data.

    Parameters
    ----------
    source : {"real", "sample"}
    """

    def __init__(self, source: str) -> None:
        parts = glands.real_parts() if source == "real" else glands.drawn_parts()
        self.x_train, self.y_train, self.x_test, self.y_test = parts
        self.source = source
        self.title = glands.TITLE if source == "real" else f"Sample, not {glands.TITLE}: {glands.SAMPLE_TITLE}"
        self.N_train, self.N_test = len(self.x_train), len(self.x_test)


def train(
    solution: Solution,
    data: HeldOut,
    kept: Path,
    seeds: Iterable[int] = SEEDS,
    epochs: int | None = None,
    sample_epochs: int = SAMPLE_EPOCHS,
    sample_seeds: Iterable[int] = SEEDS[:1],
    tried: Mapping[str, Mapping[str, Any]] = TRIED,
) -> tuple[Record, list[Record]]:
    """Train once for each seed, on the images and on the sample, and ask for the held-out images once.

    Parameters
    ----------
    solution : Solution
        With ``parts``: the functions of the lab's text.
    data : HeldOut
    kept : pathlib.Path
        Where each training is kept.
    seeds : iterable of int
        Each also splits the images into those for training and those for validation.
    epochs : int, optional
        Those of the lab's text by default.
    sample_epochs : int
        Those on the sample.
    sample_seeds : iterable of int
        Those on the sample.
    tried : mapping of str to mapping
        Other ways to train the network of the lab's text on the images, by their names.

    Returns
    -------
    dict
        About all of them.
    list of dict
        Of each: what it was (``"everything"``, ``"colors"``, ``"fcn"``, ``"own"``, or ``"tried: "`` and the way), of
        which images, its seed and epochs, the Dice coefficients of validation images and of held-out ones, from 0 to 1,
        those of each held-out image where it was a network, and its seconds. What was tried was not asked for the
        held-out images.
    """
    done, asked = Kept(kept), []
    for images, some, amount in (
        (data, seeds, epochs),
        (HeldOut("sample") if data.source == "real" else None, sample_seeds, sample_epochs),
    ):
        if images is None:
            continue
        work: list[tuple[str, int, Callable[[int], Record]]] = [
            ("everything", 0, lambda seed, images=images: _everything(images)),
            ("colors", 0, lambda seed, images=images: _colors(images)),
        ]
        for seed in some:
            for what in ("fcn", "own"):
                work.append(
                    (
                        what,
                        seed,
                        lambda seed, what=what, images=images, amount=amount: _network(
                            solution, images, what, seed, amount
                        ),
                    )
                )
        for way, changed in tried.items() if images is data else ():
            differs = {"epochs": amount, **changed}
            work.append((f"tried: {way}", 0, lambda seed, differs=differs: _changed(solution, data, seed, **differs)))
        for what, seed, run in work:
            about = {"what": what, "source": images.source, "seed": seed, "asked": amount}
            line = done.do(about, lambda run=run, seed=seed: run(seed))
            asked_for = "test" if "test" in line else "valid"
            print(f"{images.source} {what} {seed}: {line[asked_for]:.3f} ({asked_for})", flush=True)
            asked.append(line)
    about = {"images": {"with masks": data.N_train, "held out": data.N_test}}
    return about, asked


def _everything(images: HeldOut) -> Record:
    """Mark every pixel."""
    return {"test": float(dice_of_images(np.ones_like(images.y_test) > 0, images.y_test > 0).mean())}


def _colors(images: HeldOut) -> Record:
    """Let boosted trees mark pixels by their colors and those of a neighborhood: colors, and no shape."""
    from scipy.ndimage import gaussian_filter
    from sklearn.ensemble import HistGradientBoostingClassifier

    def features(x: np.ndarray) -> np.ndarray:
        values = x[..., :2].astype("float32")
        blurred = [gaussian_filter(values, (0, sigma, sigma, 0)) for sigma in (1, 3)]
        return np.concatenate([values, *blurred], axis=-1)

    rng = np.random.default_rng(0)
    rows, columns = rng.integers(0, images.x_train.shape[1], (2, len(images.x_train), _PIXELS))
    which = np.arange(len(images.x_train))[:, None]
    known = features(images.x_train)[which, rows, columns].reshape(-1, 6)
    classifier = HistGradientBoostingClassifier(max_iter=100, random_state=0)
    classifier.fit(known, images.y_train[which, rows, columns].ravel())
    marked = classifier.predict(features(images.x_test).reshape(-1, 6)).reshape(images.y_test.shape)
    return {"test": float(dice_of_images(marked > 0, images.y_test > 0).mean())}


def _network(
    solution: Solution, images: HeldOut, what: str, seed: int, epochs: int | None, held_out: bool = True
) -> Record:
    """Train a network of the lab's text."""
    import keras

    parts: dict[str, Any] = solution.parts
    keras.utils.clear_session()
    keras.utils.set_random_seed(seed)
    train, valid = parts["split"](images.x_train, seed)
    model = parts["build_fcn"]() if what == "fcn" else solution.build_model()
    x, y = images.x_train, images.y_train
    given = {} if epochs is None else {"epochs": epochs}
    reached = solution.train_model(model, x[train], y[train], x[valid], y[valid], seed=seed, **given)

    def judged(some: np.ndarray, masks: np.ndarray) -> np.ndarray:
        return dice_of_images(parts["averaged_scores"](model, some).argmax(axis=-1) > 0, masks > 0)

    found: Record = {
        "epochs": len(reached),
        "training": len(train),
        "parameters": model.count_params(),
        "valid": float(judged(x[valid], y[valid]).mean()),
    }
    if held_out:
        each = judged(images.x_test, images.y_test)
        found |= {"test": float(each.mean()), "each": [round(float(one), 4) for one in each]}
    return found


def _changed(solution: Solution, images: HeldOut, seed: int, epochs: int | None, **functions: Any) -> Record:
    """Train the network of the lab's text in another way, which the held-out images never see."""
    space: dict[str, Any] = solution.parts
    own = {name: space[name] for name in functions}
    # The text's functions call each other by name.
    space.update(functions)
    try:
        return _network(solution, images, "own", seed, epochs, held_out=False)
    finally:
        space.update(own)


REPRODUCTION = Reproduction(
    "glands",
    train,
    load=lambda: HeldOut("real"),
    parts=("dice", "soft_dice_loss", "split", "augment", "build_fcn"),
)
