"""What is asked of `train_network`: the plan of its steps on small networks, and what it reaches on digits.

What a student's own backward passes have wrong has cost where they are asked: the first line also takes what follows
from them, and those after it compare longer trainings with the student's own single steps.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from autograder.checking import compare, error_texts
from autograder.checking.problem import Problem, lost
from autograder.checking.rubric import Check, Line, decided
from autograder.checking.student import Student, StudentError, once
from autograder.labs.lab8 import images
from autograder.labs.lab8.drawing import Rng
from autograder.labs.lab8.images import BAND, BATCH_SIZE, LEARNING_RATE, MOMENTUM
from autograder.labs.lab8.reference import pack, parameters_of
from autograder.labs.lab8.whole_trainings import (
    EQUAL,
    KINDS,
    ORDERS,
    draw_layers,
    ends,
    in_some_order,
    orders_of,
    repeated,
)
from source_lib.text import counted, in_series

#: Processor time for the digits, and wall time, in seconds.
CPU, SECONDS = 60, 240.0
_SMALL_SECONDS = 60.0
_CELL = """
def course_trainings(questions):
    return [course_train(*question) for question in questions]

def course_train(layers, x, y, seed, epochs, batch_size, learning_rate, momentum):
    import numpy as np

    made = [{"kind": kind, **dict(zip(("W", "b"), arrays))} for kind, *arrays in layers]
    kept = [np.array(one) for _, *arrays in layers for one in arrays] + [np.array(x), np.array(y)]
    trained = train_network(made, x, y, np.random.default_rng(seed), epochs, batch_size, learning_rate, momentum)
    given = [one[name] for one in made for name in ("W", "b") if name in one] + [x, y]
    same = len(given) == len(kept) and all(np.array_equal(one, old) for one, old in zip(given, kept))
    if not isinstance(trained, (list, tuple)) or len(trained) != len(layers):
        raise TypeError("train_network must return a list with as many layers as it was given")
    found = []
    for one, (kind, *arrays) in zip(trained, layers):
        if not isinstance(one, dict):
            raise TypeError("train_network must return a list of dicts, one for each layer")
        for name, old in zip(("W", "b"), arrays):
            if np.shape(one.get(name)) != old.shape:
                raise ValueError(f"{name} of a layer {kind!r} has the shape {np.shape(one.get(name))}, not {old.shape}")
            found.append(np.asarray(one[name], dtype="float64").ravel())
    return np.concatenate([*found, [float(same)]])
"""


#: What a training calls that other checks ask.
_PARTS = (
    "softmax_cross_entropy_backward",
    *(f"{kind}_backward" for kind in ("relu", "sigmoid", "dense", "pool2d", "conv2d")),
)


def _text(student: Student, error: str) -> str:
    """Return an error in the words of the lab, what it means, and which backward pass may be its cause."""
    text = error_texts.without_ours(error, "train_network")
    if " stopped with " not in text:
        return text
    wrong = [name for name in _PARTS if not all(decided(student, name).values())]
    first = f" {in_series(wrong)} {'has' if len(wrong) == 1 else 'have'} lost points too: begin there." if wrong else ""
    return f"{text} {error_texts.meaning(text)}{first}"


def _trained(student: Student, questions: Sequence[list], cpu: int | None = None) -> list[np.ndarray]:
    """Return all new parameters of several trainings, each packed, and whether the inputs are as before at its end.

    Raises
    ------
    StudentError
        If there are none.
    """
    try:
        with student.fresh(_CELL, cpu=cpu, seconds=SECONDS if cpu else _SMALL_SECONDS, code_only=True) as side:
            sent = side.call("course_trainings", questions)
    except StudentError as error:
        raise StudentError(_text(student, str(error))) from None
    found = [compare.array(one) for one in sent] if isinstance(sent, (list, tuple)) else []
    sizes = [pack(*parameters_of(layers)).size + 1 for layers, *_ in questions]
    if [None if one is None else one.shape for one in found] != [(size,) for size in sizes]:
        raise StudentError("train_network sent something that is no network.")
    if not all(np.isfinite(one).all() for one in found):
        raise StudentError("train_network returned weights that are infinite or no numbers: its training diverged.")
    return found


def _unpacked(layers: list[list], packed: np.ndarray) -> list[list]:
    """Return a network with other parameters."""
    made, start = [], 0
    for kind, *arrays in layers:
        new = []
        for one in arrays:
            new.append(packed[start : start + one.size].reshape(one.shape))
            start += one.size
        made.append([kind, *new])
    return made


def _drawn(rng: Rng, samples: int = 6, side: int = 6) -> tuple[list, np.ndarray, np.ndarray]:
    x = rng.normal(size=(samples, side, side, 1))
    return images.network(rng, side, (2,), 3), x, rng.permutation(np.arange(samples) % 3)


def _step_of_own_functions(student: Student, layers: list, x: np.ndarray, y: np.ndarray) -> np.ndarray | None:
    """Return the gradient that the student's own backward passes give, packed; None where they give none."""
    *inputs, scores = student.oracle.call("activations_of", layers, x)
    found: list[Any] = []
    try:
        gradient = student.call("softmax_cross_entropy_backward", scores, np.eye(scores.shape[1])[y])
        for (kind, *arrays), h in zip(layers[::-1], inputs[::-1], strict=True):
            if kind == "flatten":
                gradient = np.reshape(gradient, h.shape)
            elif kind in ("relu", "sigmoid", "pool2d"):
                gradient = student.call(f"{kind}_backward", gradient, h)
            else:
                gradient, *own = student.call(f"{kind}_backward", gradient, h, arrays[0])
                found = [*own, *found]
        return pack(*found)
    except (StudentError, TypeError, ValueError):
        return None


_SAID = {
    "step": "train {what} for one epoch with all images as one batch and without momentum",
    "momentum": "train a small network for three epochs with all images as one batch and with momentum",
    "batches": "train a small network with 7 equal images, in batches of 3",
    "order": "train a small network with 8 images in batches of 2",
    "inputs": "train a small network, and leave the layers and images that were given as they are",
    "accuracy": "train a network on digits that are drawn for grading, and classify others",
}


def _layer(rng: Rng, kind: str, *shape: int) -> list:
    """Return a layer with weights and biases; the outputs are the last axis of a convolution, the first of others."""
    outputs = shape[-1 if kind == "conv2d" else 0]
    return [kind, rng.normal(size=shape) / np.sqrt(np.prod(shape) / outputs), rng.normal(size=outputs) / 4]


def _other_networks(rng: Rng) -> list[tuple[str, list, np.ndarray, np.ndarray]]:
    """Return networks with what the text lists and the first one lacks: vectors, sigmoids, odd sizes."""
    y = rng.permutation(np.arange(6) % 3)
    dense = [_layer(rng, "dense", 5, 4), ["sigmoid"], _layer(rng, "dense", 3, 5)]
    kernels = _layer(rng, "conv2d", 3, 1, 2, 2), ["relu"], _layer(rng, "conv2d", 1, 5, 2, 3)
    images = [*kernels, ["pool2d"], ["sigmoid"], ["flatten"], _layer(rng, "dense", 3, 18)]
    rectified = [_layer(rng, "dense", 5, 4), ["relu"], _layer(rng, "dense", 3, 5)]
    return [
        ("a network of one dense layer, on vectors,", [_layer(rng, "dense", 3, 4)], rng.normal(size=(6, 4)), y),
        ("a network of dense layers and a ReLU, on vectors,", rectified, rng.normal(size=(6, 4)), y),
        ("a network of dense layers and a sigmoid, on vectors,", dense, rng.normal(size=(6, 4)), y),
        ("a network of two convolutions, on images of 5 × 7 pixels,", images, rng.normal(size=(6, 5, 7, 2)), y),
    ]


@once
def _first_step(student: Student, rng: Rng) -> tuple[np.ndarray, list]:
    """Return what a single step makes of a network, and what was asked."""
    question = [*_drawn(rng), 0, 1, 6, 0.3, 0.0]
    return _trained(student, [question])[0], question


def _step(student: Student, rng: Rng) -> Problem | None:
    said = _SAID["step"].format(what="a small network")
    try:
        found, question = _first_step(student, rng)
    except StudentError as error:
        return lost(said, str(error))
    if problem := _not_a_step(student, said, found, question):
        return problem
    for what, layers, x, y in _other_networks(rng):
        said, question = _SAID["step"].format(what=what), [layers, x, y, 0, 1, len(x), 0.3, 0.0]
        try:
            (found,) = _trained(student, [question])
        except StudentError as error:
            return lost(said, str(error))
        if problem := _not_a_step(student, said, found, question):
            return problem
    return None


def _not_a_step(student: Student, said: str, found: np.ndarray, question: list) -> Problem | None:
    """Say what is wrong with a single step, where it is not that of the student's own backward passes."""
    layers, x, y, _, _, _, learning_rate, _ = question
    before = pack(*parameters_of(layers))
    right = student.oracle.call("train_network", *question)
    if compare.agree(found[:-1], right):
        return None
    own = _step_of_own_functions(student, layers, x, y)
    if own is not None and own.shape == before.shape and compare.agree(found[:-1], before - learning_rate * own):
        return None
    what = compare.difference(found[:-1], right)
    hint = (
        "The weights are as before."
        if compare.agree(found[:-1], before)
        else "It went up the gradient instead of down."
        if compare.agree(found[:-1] - before, before - right)
        else "One step is each parameter less the learning rate times its gradient. Look at the way forward first, "
        "layer by layer as the text has them; then compare the gradients of one image with gradient_check."
    )
    return lost(said, f"In the new weights and biases train_network {what}. {hint}")


def _one_step(student: Student, layers: list, x: np.ndarray, y: np.ndarray, learning_rate: float) -> np.ndarray:
    """Return the parameters after the student's own single step, packed."""
    return _trained(student, [[layers, x, y, 0, 1, len(x), learning_rate, 0.0]])[0][:-1]


def _momentum(student: Student, rng: Rng) -> Problem | None:
    layers, x, y = _drawn(rng)
    epochs, rate, momentum = 3, 0.2, 0.8
    try:
        (found,) = _trained(student, [[layers, x, y, 0, epochs, len(x), rate, momentum]])
        w = start = pack(*parameters_of(layers))
        v = np.zeros_like(w)
        for _ in range(epochs):
            v = momentum * v + _one_step(student, _unpacked(layers, w), x, y, rate) - w
            w = w + v
        plain = _many_steps(student, layers, x, y, rate, epochs)
    except StudentError as error:
        return lost(_SAID["momentum"], str(error))
    if compare.agree(w, start) or compare.agree(w, plain):
        return lost(_SAID["momentum"], "A single step does not change the weights yet, so momentum cannot be seen.")
    what = compare.difference(found[:-1], w)
    if what is None:
        return _wrong_end(student, rng, momentum=True)
    hint = (
        "It is the training without momentum."
        if compare.agree(found[:-1], plain)
        else "A velocity is kept for each parameter from step to step, also from one epoch to the next."
    )
    return lost(_SAID["momentum"], f"In the new weights and biases train_network {what}. {hint}")


def _many_steps(student: Student, layers: list, x: np.ndarray, y: np.ndarray, rate: float, steps: int) -> np.ndarray:
    w = pack(*parameters_of(layers))
    for _ in range(steps):
        w = _one_step(student, _unpacked(layers, w), x, y, rate)
    return w


def _batches(student: Student, rng: Rng) -> Problem | None:
    """Ask with equal images, so that their order does not matter: how many steps there are, and with which mean."""
    layers, x, y = _drawn(rng, 1)
    x, y = np.repeat(x, 7, axis=0), np.repeat(y, 7)
    try:
        (found,) = _trained(student, [[layers, x, y, 0, 1, 3, 0.1, 0.0]])
        steps = [pack(*parameters_of(layers))]
        for size in (3, 3, 1):
            steps.append(_one_step(student, _unpacked(layers, steps[-1]), x[:size], y[:size], 0.1))
    except StudentError as error:
        return lost(_SAID["batches"], str(error))
    if compare.agree(steps[0], steps[1]):
        return lost(_SAID["batches"], "A single step does not change the weights yet, so batches cannot be seen.")
    what = compare.difference(found[:-1], steps[3])
    if what is None:
        return _wrong_end(student, rng, momentum=False)
    taken = next((k for k, one in enumerate(steps) if compare.agree(found[:-1], one)), None)
    hint = (
        "Each batch is a step of its own."
        if taken is None
        else f"It took {taken} of 3 steps. The images that are left over are a batch of their own."
    )
    return lost(_SAID["batches"], f"In the new weights and biases train_network {what}. {hint}")


#: So small that the steps of an epoch add up.
_TINY = 1e-4
#: How many networks are tried. In one of a hundred, such a step takes a number over the kink of a ReLU or from one
#: place of a maximum to another, and then the steps of right answers do not add up either.
_DRAWS = 3


def _order(student: Student, rng: Rng) -> Problem | None:
    pairs = [slice(first, first + 2) for first in range(0, 8, 2)]
    for _ in range(_DRAWS):
        layers, x, y = _drawn(rng, 8)
        start = pack(*parameters_of(layers))
        try:
            tiny, first, again, other = _trained(
                student,
                [
                    [layers, x, y, 1, 1, 2, _TINY, 0.0],
                    *([layers, x, y, seed, 1, 2, 0.5, 0.0] for seed in (1, 1, 2)),
                ],
            )
            whole = sum(_one_step(student, layers, x[pair], y[pair], _TINY) - start for pair in pairs)
        except StudentError as error:
            return lost(_SAID["order"], str(error))
        if np.abs(whole).max() < _TINY * 1e-3:
            return lost(_SAID["order"], "A single step does not change the weights yet, so the order cannot be seen.")
        off = np.abs(tiny[:-1] - start - whole).max() / np.abs(whole).max()
        if off <= 0.02:
            break
    else:
        problem = (
            f"The steps of an epoch with a tiny learning rate should add up to those of its batches; they are off by "
            f"{off:.0%}. Does each image come once in an epoch, together with its own class?"
        )
        return lost(_SAID["order"], problem)
    if not np.array_equal(first[:-1], again[:-1]):
        return lost(_SAID["order"], "Two generators of the same seed gave different weights. Draw from rng alone.")
    if np.allclose(first[:-1], other[:-1], rtol=1e-9, atol=1e-12):
        return lost(
            _SAID["order"], "Generators of two seeds gave the same weights: the images are not shuffled by rng."
        )
    return _wrong_order(student, rng)


def _ended(student: Student, rng: Rng, asked: Sequence[tuple]) -> list[tuple[tuple, np.ndarray]]:
    """Return trainings of dense layers, each with a random generator of its own, and what became of them."""
    sent = [[layers, x, y, int(rng.integers(10**6)), *others] for layers, x, y, *others in asked]
    return list(zip(asked, _trained(student, sent), strict=True))


@once
def _dense_steps_are_right(student: Student, rng: Rng) -> bool:
    """Return whether single steps of dense layers are right: else what is wrong is charged already, elsewhere."""
    if not decided(student, "train_network").get("step", True):
        return False
    x, y = rng.normal(size=(5, 4)), rng.integers(0, 3, 5)
    asked = [(draw_layers(rng, kind, 4, 3), x, y, 1, 5, 0.3, 0.0) for kind in KINDS]
    trained = _ended(student, rng, asked)
    return all(compare.agree(found[:-1], ends(one, np.arange(5)[None, None])[0]) for one, found in trained)


@once
def _on_equal_images(student: Student, rng: Rng) -> list[tuple[tuple, np.ndarray]]:
    """Return trainings on images that are all equal, from all over what may be asked, and what became of each."""
    return _ended(student, rng, [one.arguments for one in EQUAL.questions(int(rng.integers(2**63)))])


def _wrong_end(student: Student, rng: Rng, momentum: bool) -> Problem | None:
    """Compare where trainings end with where they must."""
    try:
        if not _dense_steps_are_right(student, rng):
            return None
        trained = _on_equal_images(student, rng)
    except StudentError as error:
        return lost("train dense layers on equal images", str(error))
    wrong: dict[bool, Problem] = {}
    for arguments, found in trained:
        layers, x, _, epochs, size, rate, factor = arguments
        (right,) = ends(arguments, np.tile(np.arange(len(x)), (1, epochs, 1)))
        if what := compare.difference(found[:-1], right):
            said = (
                f"train {_network_in_words(layers)} on {counted(len(x), 'equal image')} in batches of {size}, for "
                f"{counted(epochs, 'epoch')}, with a learning rate of {rate:g} and a momentum of {factor:g}"
            )
            wrong.setdefault(factor > 0, lost(said, f"In the new weights and biases train_network {what}."))
    # What is wrong without momentum is charged with the batches, and only there.
    return wrong.get(momentum) if not momentum or False not in wrong else None


def _network_in_words(layers: list[list]) -> str:
    return "a dense layer" if len(layers) == 1 else f"two dense layers with a {layers[1][0]} between them"


def _wrong_order(student: Student, rng: Rng) -> Problem | None:
    """Find out in which order a training took its images, and whether each epoch has one of its own."""
    passed = decided(student, "train_network")
    # Where momentum is wrong, that is charged already.
    asked = in_some_order(rng, (0.0, 0.3, 0.6, 0.9) if passed.get("momentum", True) else (0.0,))
    said = "train dense layers on {} images in batches of {}, for {} epochs"
    try:
        if not passed.get("batches", True) or not _dense_steps_are_right(student, rng):
            return None
        trained = _ended(student, rng, asked)
    except StudentError as error:
        return lost(said.format(*ORDERS[0][:3]), str(error))
    first = []
    for arguments, found in trained:
        _, x, _, epochs, size, *_ = arguments
        orders = orders_of(len(x), size, epochs)
        every = ends(arguments, orders)
        nearest = int(np.argmin(np.abs(every - found[:-1]).max(axis=1)))
        if not compare.agree(found[:-1], every[nearest]):
            problem = (
                "No order of the images leads to its weights. Does each image come once in an epoch, together with its "
                "own class?"
            )
            return lost(said.format(len(x), size, epochs), problem)
        if size == 1:
            first.append(orders[nearest, :, 0] == 0)
    problem = repeated(np.array(first))
    return lost(said.format(*ORDERS[0][:3]), problem) if problem else None


def _inputs(student: Student, rng: Rng) -> Problem | None:
    try:
        found, question = _first_step(student, rng)
    except StudentError as error:
        return lost(_SAID["inputs"], str(error))
    if compare.agree(found[:-1], pack(*parameters_of(question[0]))):
        return lost(
            _SAID["inputs"], "train_network kept its inputs, but returned the same weights, so this cannot count."
        )
    kept = found[-1] == 1
    # Where these stop, that is charged with the batches.
    with contextlib.suppress(StudentError):
        kept = kept and all(one[-1] == 1 for _, one in _on_equal_images(student, rng))
    if kept:
        return None
    return lost(
        _SAID["inputs"], "train_network changed the layers or the images that were given. Train copies of the arrays."
    )


def _accuracy(student: Student, rng: Rng) -> Problem | None:
    drawn = student.material
    question = [drawn["layers"], drawn["x_train"], drawn["y_train"], int(rng.integers(2**31))]
    try:
        (found,) = _trained(student, [[*question, drawn["epochs"], BATCH_SIZE, LEARNING_RATE, MOMENTUM]], cpu=CPU)
    except StudentError as error:
        return lost(_SAID["accuracy"], str(error))
    scores = student.oracle.call("scores_of", _unpacked(drawn["layers"], found[:-1]), drawn["x_test"])
    accuracy = 100 * float(np.mean(np.argmax(scores, axis=1) == drawn["y_test"]))
    if accuracy >= drawn["band"]:
        return None
    return lost(
        _SAID["accuracy"],
        f"It classified {accuracy:.1f} % of the test images right, and {drawn['band']:g} % are asked. The same "
        "training in your notebook tells you what to expect.",
    )


CHECK = Check(
    "train_network",
    (
        Line("step", "One step: each parameter against its gradient, by the learning rate", 0.5, _step),
        Line("momentum", "With momentum: the velocities carried over several steps", 0.5, _momentum),
        Line("batches", "Mini-batches: a step for each, also for the images that are left over", 0.5, _batches),
        Line("order", "Each image once in an epoch, in an order that rng draws for it", 0.25, _order),
        Line("inputs", "The layers that were given are not changed", 0.25, _inputs),
        Line(
            "accuracy",
            f"Digits are learned within a minute: {BAND:g} % of test images that are drawn for grading are right",
            1.0,
            _accuracy,
            later="grading trains a network with your function, on digits whose classes are exchanged by the course's "
            f"secret, for at most {CPU} seconds of processor time",
        ),
    ),
)
