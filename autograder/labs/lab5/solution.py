"""How lab 5's own solutions are trained: a network from scratch, and the last blocks of each backbone that is there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from autograder.checking.metrics import accuracy, one_hot
from autograder.checking.reproduction import Kept, Record, Reproduction, Solution
from autograder.labs.lab5 import looking, models
from autograder.labs.lab5.images import CLASSES, LITE, MOBILE, SMALL, SOURCES

if TYPE_CHECKING:
    from source_lib.data import DataGenerator
    from source_lib.pretrained import Backbone

SEEDS = (0, 1, 2, 3, 4)
#: Of each backbone that the course has: the last layer that stays frozen, and the first one that is trained.
CUTS = {
    LITE: ("block10_add", "block11_expand"),
    MOBILE: ("block_12_add", "block_13_expand"),
    SMALL: ("block2_pool", "block2_conv"),
}
#: Rows and columns of the images that each takes here.
SIDES = {LITE: 96, MOBILE: 96, SMALL: 32}
#: The same where a linear classifier on the first backbone is tried with larger images.
LARGER = 128
#: Epochs of fine-tuning, and the size of a batch. The head is fitted first, so that few steps are enough.
TRANSFER_EPOCHS, _BATCH = 4, 64
#: What the course wants of its own solution on test images, from 0 to 1. The report on TDT4265 reached 0.806 from
#: scratch, with all training images, and 0.82 with a pretrained network.
GOALS = {"own": 0.806, "transfer": 0.88}
#: What was tried beside that on the first backbone: what differs, by how the page calls it. Only validation images say
#: what it brings.
TRIED: dict[str, dict[str, Any]] = {
    "twice as many epochs": {"epochs": 2 * TRANSFER_EPOCHS},
    "mirrored images too": {"mirrored": True},
    f"images of {LARGER} pixels": {"side": LARGER},
}
#: The same for the network from scratch.
TRIED_OWN: dict[str, dict[str, Any]] = {
    "labels smoothed by a tenth": {"smoothing": 0.1},
    "twice as many epochs": {"epochs": 120},
}


def train(
    solution: Solution,
    data: DataGenerator,
    kept: Path,
    seeds: Iterable[int] = SEEDS,
    epochs: int | None = None,
    backbones: Sequence[str] = (LITE, SMALL),
    sample_epochs: int | None = None,
    tried: Mapping[str, Mapping[str, Any]] = TRIED,
    tried_own: Mapping[str, Mapping[str, Any]] = TRIED_OWN,
) -> tuple[Record, list[Record]]:
    """Train once for each seed, on the images and on the sample; the test images of each are asked once.

    Parameters
    ----------
    solution : Solution
    data : DataGenerator
        All training images, and the test images.
    kept : pathlib.Path
        Where each training is kept.
    seeds : iterable of int
    epochs : int, optional
        Of the network from scratch, where there is less time than the lab's text takes.
    backbones : sequence of str
        By their names.
    sample_epochs : int, optional
        The same on the sample.
    tried : mapping of str to mapping
        Other ways to fine-tune the first backbone on the images, by their names.
    tried_own : mapping of str to mapping
        Other ways to train from scratch.

    Returns
    -------
    dict
        About all of them.
    list of dict
        Of each: what it was (``"linear"``, ``"own"``, ``"frozen"``, also with larger images, ``"transfer"``, or
        ``"tried: "`` and the way), on which images and backbone, its seed, the number of training images and epochs,
        its accuracy on test images from 0 to 1, of what was tried on validation images alone, and its seconds.
    """
    from source_lib.data import DataGenerator

    sample = DataGenerator(verbose=False)
    sample.generate("cifar10", source="sample")
    work = _Work(solution, kept)
    for images, some in ((data, epochs), (sample, sample_epochs)):
        order = np.random.default_rng(0).permutation(len(images.x_train))
        valid, rows = np.split(order, [len(order) // 10])
        parts = [(images.x_train[part], images.y_train[part]) for part in (rows, valid)]
        parts.append((images.x_test, images.y_test))
        source = images.source
        work.do("linear", source, "", 0, parts, lambda seed, parts=parts: linear(*parts[0], *parts[2]))
        for seed in seeds:
            work.do("own", source, "", seed, parts, lambda seed, parts=parts, some=some: work.own(seed, parts, some))
        for way, changed in tried_own.items() if images is data else ():
            differs = {"epochs": some, **changed}
            work.do(
                f"tried: {way}",
                source,
                "",
                0,
                parts,
                lambda seed, parts=parts[:2], differs=differs: work.own(seed, parts, **differs),
            )
        for name in backbones:
            tail = _Tail(name, parts)
            for seed in seeds:
                work.do("frozen", source, name, seed, parts, tail.frozen)
                work.do("transfer", source, name, seed, parts, tail.tuned)
        if images is data:
            # The backbone sees more in larger images: the bands lie above that, too.
            larger = _Tail(backbones[0], parts, side=LARGER)
            work.do(f"frozen, images of {LARGER} pixels", source, backbones[0], 0, parts, larger.frozen)
            for way, changed in tried.items():
                other = _Tail(backbones[0], parts[:2], **changed)
                work.do(f"tried: {way}", source, backbones[0], 0, parts, other.tuned)
    about = {"images": {"training": len(data.x_train), "test": len(data.x_test)}}
    return about, work.asked


class _Work:
    """Trainings, each kept as soon as it is done."""

    def __init__(self, solution: Solution, kept: Path) -> None:
        self.solution, self.kept = solution, Kept(kept)
        self.asked: list[Record] = []

    def do(self, what: str, source: str, backbone: str, seed: int, parts: Sequence, train: Any) -> None:
        """Train where that was not done before."""
        about = {"what": what, "source": source, "backbone": backbone, "seed": seed}
        line = self.kept.do(about, lambda: {"images": len(parts[0][0]), **train(seed)})
        asked = "test" if "test" in line else "valid"
        print(f"{source} {what} {backbone} {seed}: {100 * line[asked]:.1f} % ({asked})", flush=True)
        self.asked.append(line)

    def own(self, seed: int, parts: Sequence, epochs: int | None, smoothing: float = 0.0) -> Record:
        """Train the network from scratch as the lab's text has it, or with other labels."""
        import keras

        keras.utils.clear_session()
        keras.utils.set_random_seed(seed)
        model = self.solution.build_model()
        if smoothing:
            loss = keras.losses.CategoricalCrossentropy(label_smoothing=smoothing)
            model.compile(model.optimizer, loss, metrics=["accuracy"])
        (x, y), (x_valid, y_valid), *_ = parts
        given = {} if epochs is None else {"epochs": epochs}
        log = self.solution.train_model(model, x, one_hot(y, CLASSES), x_valid, one_hot(y_valid, CLASSES), **given)
        found = [accuracy(model.predict(x, verbose=0), y) for x, y in parts[1:]]
        return {
            "epochs": len(log.history["loss"]),
            "training": float(log.history["accuracy"][-1]),
            **dict(zip(("valid", "test"), found, strict=False)),
        }


class _Tail:
    """What stands on a backbone: its frozen maps are computed once, when the first training needs them."""

    def __init__(
        self, name: str, parts: Sequence, side: int = 0, epochs: int = TRANSFER_EPOCHS, mirrored: bool = False
    ) -> None:
        self.name, self.parts, self.side, self.epochs = name, parts, side or SIDES[name], epochs
        if mirrored:
            (x, y), *others = parts
            self.parts = [(np.concatenate([x, x[:, :, ::-1]]), np.concatenate([y, y])), *others]
        self._made: tuple[Backbone, list[np.ndarray]] | None = None

    def _maps(self) -> tuple[Backbone, list[np.ndarray]]:
        from source_lib.pretrained import load_backbone
        from source_lib.pretrained.parts import split_model

        if self._made is None:
            backbone = load_backbone(self.side, SOURCES[self.name], verbose=False)
            stem, _ = split_model(models.standing(backbone.model), CUTS[self.name][0])
            self._made = backbone, [maps_of(stem, x, backbone) for x, _ in self.parts]
        return self._made

    def _split(self, backbone: Backbone) -> Any:
        from source_lib.pretrained.parts import split_model

        last, first = CUTS[self.name]
        return split_model(models.standing(backbone.model, first), last)[1]

    def _probe(self, seed: int, tail: Any, maps: Sequence[np.ndarray]) -> Any:
        """Fit the head alone, to features that do not change."""
        import keras

        from source_lib.pretrained.parts import without_last_layer

        keras.utils.set_random_seed(seed)
        features = without_last_layer(tail)
        given = [features.predict(one, verbose=0, batch_size=_BATCH) for one in maps]
        head = keras.Sequential([keras.Input(given[0].shape[1:]), keras.layers.Dense(CLASSES, activation="softmax")])
        head.compile(keras.optimizers.Adam(3e-3), "sparse_categorical_crossentropy")
        head.fit(given[0], self.parts[0][1], batch_size=_BATCH, epochs=15, verbose=0)
        return head, given

    def frozen(self, seed: int) -> Record:
        """Train a linear classifier on frozen features."""
        backbone, maps = self._maps()
        head, given = self._probe(seed, self._split(backbone), maps)
        found = [accuracy(head.predict(one, verbose=0), y) for one, (_, y) in zip(given, self.parts, strict=True)]
        return dict(zip(("training", "valid", "test"), found, strict=True))

    def tuned(self, seed: int) -> Record:
        """Train the last blocks too, from their frozen maps on."""
        import keras

        backbone, maps = self._maps()
        tail = self._split(backbone)
        head, _ = self._probe(seed, tail, maps)
        tail.layers[-1].set_weights(head.layers[-1].get_weights())
        steps = self.epochs * -(-len(maps[0]) // _BATCH)
        rate = keras.optimizers.schedules.CosineDecay(1e-3, steps)
        tail.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy")
        tail.fit(maps[0], self.parts[0][1], batch_size=_BATCH, epochs=self.epochs, verbose=0)
        outputs = [tail.predict(one, verbose=0, batch_size=_BATCH) for one in maps]
        found = [accuracy(one, y) for one, (_, y) in zip(outputs, self.parts, strict=True)]
        trained = sum(int(np.prod(weight.shape)) for weight in tail.trainable_weights)
        return {
            "epochs": self.epochs,
            "trained": trained,
            **dict(zip(("training", "valid", "test"), found, strict=False)),
        }


def maps_of(stem: Any, images: np.ndarray, backbone: Backbone, batch: int = 100) -> np.ndarray:
    """Return the maps that the frozen part of a backbone gives for images from -1 to 1.

    Parameters
    ----------
    stem : keras.Model
    images : numpy.ndarray, shape [N, D_y, D_x, 3]
    backbone : Backbone
    batch : int
    """
    found = []
    for start in range(0, len(images), batch):
        part = looking.prepared(images[start : start + batch], backbone.side, backbone.offset, backbone.scale)
        found.append(np.asarray(stem(part.astype("float32"), training=False)))
    return np.concatenate(found)


def linear(x: np.ndarray, y: np.ndarray, x_test: np.ndarray, y_test: np.ndarray) -> Record:
    """Return what logistic regression on pixels reaches, on the 200 directions in which they vary most.

    Parameters
    ----------
    x, y : numpy.ndarray
        Training images [N, 32, 32, 3] and their classes.
    x_test, y_test : numpy.ndarray
    """
    from sklearn.decomposition import PCA
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    classifier = make_pipeline(PCA(200, random_state=0), LogisticRegression(C=0.01, max_iter=300))
    classifier.fit(x.reshape(len(x), -1), y)
    return {"test": float(classifier.score(x_test.reshape(len(x_test), -1), y_test))}


REPRODUCTION = Reproduction("cifar10", train)
