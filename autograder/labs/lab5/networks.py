"""What is asked of the functions that build networks: what these do, found out where they are rebuilt.

A configuration and weights leave the student's side; the network is rebuilt from an allow-list of layers in a process
that no student's code has touched, and measured there.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import numpy as np

from autograder.checking import built_networks
from autograder.checking.built_networks import Cells
from autograder.checking.rubric import Check, Line, decided
from autograder.checking.student import Student
from autograder.labs.lab5 import measuring
from autograder.labs.lab5.asking import BUILD, MEASURE, SECONDS
from autograder.labs.lab5.wording import WORDING, asked
from source_lib.text import counted

Rng = np.random.Generator
#: A network with more parameters is not measured.
MOST_PARAMETERS = 5_000_000


def measured(student: Student, function: str, questions: Sequence[tuple]) -> list[np.ndarray]:
    """Return the numbers of the networks that a student's function builds, one array for each question.

    Parameters
    ----------
    student : Student
    function : str
    questions : sequence of tuple
        The arguments of each.

    Returns
    -------
    list of numpy.ndarray

    Raises
    ------
    StudentError
        If there is no network, or one that is not of Keras' own layers. The text is for the student.
    """
    cells = Cells(BUILD, MEASURE, SECONDS, MOST_PARAMETERS)
    return built_networks.measured(student, function, questions, cells)


_line = functools.partial(built_networks.asking, asked=asked, measured=measured)


_OTHER = built_networks.OTHER_NUMBERS
_TRAINING = "acts otherwise while it is trained, as with dropout or batch normalization, which this network has none of"


def _chain_words(start: str) -> Callable[[np.ndarray, np.ndarray], str]:
    def words(got: np.ndarray, right: np.ndarray) -> str:
        if start == "features":
            if not np.array_equal(got[:3], right[:3]):
                shapes = [[int(n) for n in one[:3]] for one in (got, right)]
                return f"has maps {shapes[0]} before its first vector, where {shapes[1]} are expected"
            return _TRAINING if got[3] != right[3] else f"up to its first vector {_OTHER}"
        if got[0] != right[0]:
            return f"gives {got[0]:g} numbers behind its maps, where {right[0]:g} are expected"
        return _TRAINING if got[1] != right[1] else f"from its first vector on {_OTHER}"

    return words


def _form_words(got: np.ndarray, right: np.ndarray) -> str:
    if got[0] != right[0] or got[1] != right[1]:
        return (
            f"has {counted(int(got[0]), 'input')} and {counted(int(got[1]), 'output')}, where two of each are expected"
        )
    if not np.array_equal(got[2:4], right[2:4]):
        return f"gives {got[2]:g} and {got[3]:g} numbers, where 10 and then 1 are expected"
    shapes = [[int(n) for n in got[k : k + 3]] for k in (4, 7)]
    wanted = [[int(n) for n in right[k : k + 3]] for k in (4, 7)]
    return f"takes images {shapes[0]} and {shapes[1]}, where {wanted[0]} and {wanted[1]} are expected"


def _shared_words(got: np.ndarray, right: np.ndarray) -> str:
    if got[0] != right[0]:
        return f"has {counted(int(got[0]), 'convolution')}, where one is expected that both images go through"
    if got[1] != right[1]:
        return f"has {got[1]:,.0f} parameters in its convolution, where {right[1]:,.0f} are expected"
    names = ("first", "second")
    for k in range(2):
        if got[2 + k] != right[2 + k]:
            return f"gives the same whatever its {names[k]} image shows"
    around = " and ".join(names[k] for k in range(2) if got[4 + k] != right[4 + k])
    return f"sees its {around} image also where the convolution gives nothing: it goes around it"


def _paths_words(got: np.ndarray, right: np.ndarray) -> str:
    if got[0] != right[0]:
        return _TRAINING
    if got[1] != right[1]:
        return f"has {got[1]:,.0f} parameters in its dense layers, where {right[1]:,.0f} are expected"
    return _OTHER


def _nothing(rng: Rng) -> list[tuple]:
    """Return the one question of a function without arguments."""
    return [()]


def _shapes(rng: Rng) -> list[tuple]:
    """Return shapes of images: usual ones, of two sizes, odd ones, and gray ones."""
    sides = rng.integers(5, 15, 4).tolist()
    channels = int(rng.integers(1, 5))
    return [
        ((32, 32, 3), (32, 32, 3)),
        ((sides[0], sides[1], channels), (sides[2] + 9, sides[3], channels)),
        ((9, 12, 1), (7, 5, 1)),
    ]


_BACKBONES = (
    "16x16x3 c3.4 b p c3.6 b p c3.8 g s2",
    "12x12x3 c3.5 b a r3.5 l3.6 b g s2",
    "9x14x3 l5.6 b c3.5 p c3.7 b g s2",
)
#: From which layers on they may be trained.
_FIRST = ("conv3",), ("conv2", "bn2"), ("conv3", "bn2")


def _backbones(unfrozen: bool) -> Callable[[Rng], list[tuple]]:
    def drawn(rng: Rng) -> list[tuple]:
        """Return a question for each backbone."""
        found = []
        for recipe, firsts in zip(_BACKBONES, _FIRST, strict=True):
            first = firsts[int(rng.integers(len(firsts)))] if unfrozen else ""
            found.append((recipe, int(rng.integers(10_000)), first, int(rng.integers(3, 13))))
        return found

    return drawn


_FROZEN = _backbones(False)


def _head_words(got: np.ndarray, right: np.ndarray) -> str:
    if got[0] != right[0]:
        return f"has {counted(int(got[0]), 'new array')} of weights, where 2 are expected: those of one dense layer"
    if not got[1]:
        return "does not have the weights that the backbone came with"
    if got[2] != right[2]:
        return f"gives {got[2]:g} numbers for an image, where {right[2]:g} are expected"
    return f"{_OTHER}: the average over all places, one dense layer, softmax"


def _flag_words(got: np.ndarray, right: np.ndarray) -> str:
    if not np.array_equal(got[:2], right[:2]):
        return "does not train its new dense layer"
    too_many, too_few = int((got[2:-1] > right[2:-1]).sum()), int((got[2:-1] < right[2:-1]).sum())
    parts = [f"trains {counted(too_many, 'array')} of weights of the backbone too many"] * bool(too_many)
    parts += [f"leaves {counted(too_few, 'array')} of weights frozen that should be trained"] * bool(too_few)
    if parts:
        return " and ".join(parts)
    return "changes the statistics of batch normalization in a step of training"


def _only_further(student: Student, arguments: tuple, right: np.ndarray) -> np.ndarray:
    """Return which flags count: where the frozen backbone is wrong already, those from the named layer on."""
    if decided(student, "build_transfer").get("frozen", True):
        return np.ones(right.shape, bool)
    # The first two are of the new layer, the last one is of statistics, which move below as well.
    place = np.arange(len(right))
    named = 2 + int(np.argmax(right[2:] == 1))
    return ((right == 1) | (place > named)) & (place < len(right) - 1)


BASELINE = Check(
    "build_baseline",
    (
        Line(
            "features",
            "Three times convolution 5×5 with ReLU and pooling: 32, 64 and 128 maps",
            1.25,
            _line("build_baseline", _nothing, slice(0, measuring.CHAIN_HEAD), _chain_words("features")),
        ),
        Line(
            "head",
            "Flattened, 64 units with ReLU, 10 probabilities",
            0.75,
            _line("build_baseline", _nothing, slice(measuring.CHAIN_HEAD, None), _chain_words("head")),
        ),
    ),
    wording=WORDING,
)
WIDE_AND_DEEP = Check(
    "build_wide_and_deep",
    (
        Line(
            "form",
            "Two images of any sizes in, 10 probabilities and 1 out",
            0.75,
            _line("build_wide_and_deep", _shapes, measuring.BRANCHES_FORM, _form_words),
        ),
        Line(
            "shared",
            "One convolution that both images go through",
            1.0,
            _line("build_wide_and_deep", _shapes, measuring.BRANCHES_SHARED, _shared_words),
        ),
        Line(
            "paths",
            "A short and a deep path from both images to both outputs",
            1.25,
            _line("build_wide_and_deep", _shapes, measuring.BRANCHES_PATHS, _paths_words),
        ),
    ),
    wording=WORDING,
)
TRANSFER = Check(
    "build_transfer",
    (
        Line(
            "head",
            "The backbone with its weights, and one new dense layer",
            0.75,
            _line("build_transfer", _FROZEN, measuring.HEAD, _head_words),
        ),
        Line(
            "frozen",
            "Exactly the new layer is trainable, and batch normalization keeps its statistics",
            0.75,
            _line("build_transfer", _FROZEN, measuring.FLAGS, _flag_words),
        ),
        Line(
            "unfrozen",
            "From a given layer on all is trainable but batch normalization",
            1.0,
            _line("build_transfer", _backbones(True), measuring.FLAGS, _flag_words, _only_further),
        ),
    ),
    wording=WORDING,
)
