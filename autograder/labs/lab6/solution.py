"""How lab 6's own network is trained: chosen by validation images, and asked once for those that are held out."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

from autograder.checking.metrics import dice_of_images
from autograder.checking.reproduction import Record, Reproduction, Solution
from source_lib.data import glands
from source_lib.json_lines import read_lines, write_lines

SEEDS = (0, 1, 2, 3, 4)
#: On the sample, where fewer are enough to see how far it goes.
SAMPLE_EPOCHS = 40
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

    Returns
    -------
    dict
        About all of them.
    list of dict
        Of each: what it was (``"everything"``, ``"colors"``, ``"fcn"`` or ``"own"``), of which images, its seed and
        epochs, the Dice coefficients of validation images and of held-out ones, from 0 to 1, those of each held-out
        image where it was a network, and its seconds.
    """
    made, asked = read_lines(kept), []
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
        for what, seed, run in work:
            about = {"what": what, "source": images.source, "seed": seed, "asked": amount}
            line = next((one for one in made if about.items() <= one.items()), None)
            if line is None:
                start, used = time.perf_counter(), time.process_time()
                line = about | run(seed)
                line |= {
                    "seconds": round(time.perf_counter() - start, 1),
                    "cpu_seconds": round(time.process_time() - used, 1),
                }
                made.append(line)
                write_lines(kept, made)
            print(f"{images.source} {what} {seed}: {line['test']:.3f} on held-out images", flush=True)
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


def _network(solution: Solution, images: HeldOut, what: str, seed: int, epochs: int | None) -> Record:
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
    found = {
        part: dice_of_images(parts["averaged_scores"](model, some).argmax(axis=-1) > 0, masks > 0)
        for part, some, masks in (("valid", x[valid], y[valid]), ("test", images.x_test, images.y_test))
    }
    return {
        "epochs": len(reached),
        "training": len(train),
        "parameters": model.count_params(),
        "valid": float(found["valid"].mean()),
        "test": float(found["test"].mean()),
        "each": [round(float(one), 4) for one in found["test"]],
    }


REPRODUCTION = Reproduction(
    "glands",
    train,
    load=lambda: HeldOut("real"),
    parts=("dice", "soft_dice_loss", "split", "augment", "build_fcn"),
)
