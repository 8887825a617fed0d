"""What is asked of `build_fnn` and `build_cnn`: the plan of what they build, read from its configuration.

What a line asks beside the plain network it asks as a change: whether batch normalization comes where it should is seen
by what it changes in the student's own network without it. So a fault of the plain network costs once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from autograder.checking.hints import Wrong
from autograder.checking.problem import Problem, lost
from autograder.checking.rubric import Check, Line, decided
from autograder.checking.student import Student, StudentError
from autograder.labs.lab4 import plan
from autograder.labs.lab4.domains import CNN
from autograder.labs.lab4.drawing import Rng
from autograder.labs.lab4.plan import ACTIVATION, CONVOLUTION, DROPOUT_MAPS, MAX, NORMALIZATION, Rows
from autograder.labs.lab4.structure import built
from autograder.labs.lab4.wording import WORDING, asked, call

Arguments = tuple
DEFAULT: Arguments = (3, 8, "relu", False, 0.0, False)
_POOLED = (MAX, plan.AVERAGE)


def _with(**changes: Any) -> Arguments:
    names = ("blocks", "maps", "activation", "pool_first", "dropout", "batch_norm")
    return tuple(changes.get(name, value) for name, value in zip(names, DEFAULT, strict=True))


def _plans(student: Student, questions: Sequence[Arguments]) -> list[np.ndarray]:
    return built(student, "build_cnn", [(arguments, {}) for arguments in questions])


def _wrong(
    function: str,
    arguments: Arguments,
    got: np.ndarray,
    expected: np.ndarray,
    part: np.ndarray | None = None,
    of: np.ndarray | None = None,
    how: str = "",
) -> Wrong:
    """Return a wrong network, with the first place where it, or one part of it, is not the right one.

    That place names the mistake, so nothing is added where no known fault fits.
    """
    what = plan.first_difference(got if part is None else part, expected if of is None else of)
    return Wrong(function, arguments, got, f"{what}{how}", shown=(), otherwise="")


def _same(got: np.ndarray, expected: np.ndarray) -> bool:
    return got.shape == expected.shape and bool(np.all(got == expected))


def _asked(function: str, arguments: Arguments, question: Callable[[], Wrong | None]) -> Wrong | Problem | None:
    """Ask, and put why there is no answer into a sentence that says what was asked."""
    try:
        return question()
    except StudentError as error:
        return lost(asked(function, arguments), str(error))


def _parted(layers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return what comes before the last dense layer, and that with what follows: all rows of a plan are in one part."""
    places = np.flatnonzero(layers[:, 0] == plan.DENSE)
    place = places[-1] if len(places) else len(layers)
    return layers[:place], layers[place:]


def _fnn(part: int) -> Callable[[Student, Rng], Wrong | Problem | None]:
    def question(student: Student, rng: Rng) -> Wrong | Problem | None:
        def look() -> Wrong | None:
            (got,) = built(student, "build_fnn", [((), {})])
            one, other = _parted(got)[part], _parted(plan.fnn())[part]
            return None if _same(one, other) else _wrong("build_fnn", (), got, plan.fnn(), one, other)

        return _asked("build_fnn", (), look)

    return question


def _default(student: Student, rng: Rng) -> Wrong | Problem | None:
    def look() -> Wrong | None:
        named = {"maps": 8, "batch_norm": False, "blocks": 3}
        questions: list[tuple[tuple, Mapping[str, Any]]] = [((), {}), ((3,), {"dropout": 0.0}), ((), named)]
        expected = plan.cnn()
        for got in built(student, "build_cnn", questions):
            if not _same(got, expected):
                return _wrong("build_cnn", DEFAULT, got, expected)
        return None

    return _asked("build_cnn", DEFAULT, look)


def _blocks(student: Student, rng: Rng) -> Wrong | Problem | None:
    def look() -> Wrong | None:
        maps = [int(n) for n in rng.permutation([3, 5, 6, 10, 12, 16])[:4]]
        blocks = [4, 2, 1, 3]
        questions = [_with(blocks=b, maps=m) for b, m in zip(blocks, maps, strict=True)]
        questions += [_with(blocks=2), _with(maps=maps[0])]
        for arguments, got in zip(questions, _plans(student, questions), strict=True):
            expected = plan.cnn(*arguments)
            if not _same(_bare(got), _bare(expected)):
                wrong = _wrong("build_cnn", arguments, _bare(got), _bare(expected))
                return replace(wrong, got=got, view=_bare)
        return None

    return _asked("build_cnn", _with(blocks=4), look)


def _bare(value: Any) -> np.ndarray | None:
    """Return a plan without its activations: these cost elsewhere."""
    if not isinstance(value, np.ndarray) or value.ndim != 2:
        return None
    return value[value[:, 0] != ACTIVATION]


def _changes(
    questions: Callable[[Rng], Sequence[tuple[Arguments, Arguments]]],
    expected: Callable[[Arguments, Rows], Rows | str],
    how: str,
) -> Callable[[Student, Rng], Wrong | Problem | None]:
    """Return a question about what one argument changes in the student's own network.

    Parameters
    ----------
    questions : callable
        Takes a random generator; returns pairs of arguments, with and without what is asked about.
    expected : callable
        Takes the arguments and the rows of the network without; returns the rows with it, or why that cannot be seen.
    how : str
        What was asked, for a sentence.
    """

    def question(student: Student, rng: Rng) -> Wrong | Problem | None:
        pairs = list(questions(rng))

        def look() -> Wrong | Problem | None:
            plans = _plans(student, [one for pair in pairs for one in pair])
            for (arguments, _), got, without in zip(pairs, plans[::2], plans[1::2], strict=True):
                right = expected(arguments, plan.rows_of(without))
                if isinstance(right, str):
                    return lost(asked("build_cnn", arguments), right)
                right = plan.numbers(right)
                if not _same(got, right):
                    return _wrong("build_cnn", arguments, got, right, how=how)
            return None

        return _asked("build_cnn", pairs[0][0], look)

    return question


_MISSING = (
    "Without that, the network has no convolution with an activation yet, or no pooling where there should be one, "
    "so this cannot count."
)


def _is_alive(arguments: Arguments, rows: Rows) -> bool:
    pooled = arguments[0] == 1 or any(row[0] in _POOLED for row in rows)
    return pooled and {CONVOLUTION, ACTIVATION} <= {row[0] for row in rows}


def _other_activation(arguments: Arguments, rows: Rows) -> Rows | str:
    if not _is_alive(arguments, rows):
        return _MISSING
    end = next((k for k, row in enumerate(rows) if row[0] == plan.FLATTEN), len(rows))
    relu, other = plan.activation("relu"), plan.activation(arguments[2])
    return [other if row[:2] == relu and k < end else row for k, row in enumerate(rows)]


def _pool_first(arguments: Arguments, rows: Rows) -> Rows | str:
    if not _is_alive(arguments, rows):
        return _MISSING
    rows = list(rows)
    for k in range(1, len(rows)):
        if rows[k][0] in _POOLED and rows[k - 1][0] == ACTIVATION:
            rows[k - 1], rows[k] = rows[k], rows[k - 1]
    return rows


def _dropped(arguments: Arguments, rows: Rows) -> Rows | str:
    if not _is_alive(arguments, rows):
        return _MISSING
    found: Rows = []
    for k, row in enumerate(rows):
        found.append(row)
        # Behind the second of activation and pooling, whichever that is.
        pair = {row[0], rows[k - 1][0]} if k else set()
        if ACTIVATION in pair and pair & set(_POOLED):
            found.append((DROPOUT_MAPS, arguments[4]))
    return found


def _normalized(arguments: Arguments, rows: Rows) -> Rows | str:
    if not _is_alive(arguments, rows):
        return _MISSING
    return [one for row in rows for one in ([row, (NORMALIZATION,)] if row[0] == CONVOLUTION else [row])]


def _of_activations(rng: Rng) -> list[tuple[Arguments, Arguments]]:
    maps = int(rng.integers(3, 9))
    return [
        (_with(blocks=blocks, maps=maps, activation=name), _with(blocks=blocks, maps=maps))
        for blocks, name in ((3, "tanh"), (2, "sigmoid"))
    ]


def _of_order(rng: Rng) -> list[tuple[Arguments, Arguments]]:
    # One block has no pooling, so nothing changes there.
    return [(_with(blocks=blocks, pool_first=True), _with(blocks=blocks)) for blocks in (3, 2, 1)]


def _of_dropout(rng: Rng) -> list[tuple[Arguments, Arguments]]:
    rates = [round(float(rate), 2) for rate in rng.uniform(0.05, 0.45, 2)]
    return [
        (_with(blocks=blocks, dropout=rate), _with(blocks=blocks)) for blocks, rate in zip((3, 2), rates, strict=True)
    ]


def _of_normalization(rng: Rng) -> list[tuple[Arguments, Arguments]]:
    return [(_with(blocks=blocks, batch_norm=True), _with(blocks=blocks)) for blocks in (3, 1)]


#: Which arguments a line is about, by its key, as whether a question has more than the plain network there.
_ABOUT: Mapping[str, Callable[[Arguments], bool]] = {
    "blocks": lambda arguments: arguments[:2] != DEFAULT[:2],
    "activation": lambda arguments: arguments[2] != "relu",
    "pool_first": lambda arguments: arguments[3],
    "dropout": lambda arguments: arguments[4] > 0,
    "batch_norm": lambda arguments: arguments[5],
}


def _together(student: Student, rng: Rng) -> Wrong | Problem | None:
    lines = decided(student, "build_cnn")
    gone = {key for key, passed in lines.items() if not passed and key != "together"}
    if "default" in gone or len(gone) > len(_ABOUT):
        # Every question has the plain network in it; who is right nowhere has nothing that is excused.
        alive = any(passed for key, passed in lines.items())
        return None if alive else lost(asked("build_cnn", DEFAULT), "This waits until one of the lines above is right.")
    questions = [one.arguments for one in CNN.questions(int(rng.integers(2**63)))]
    # All at once, with whatever else was drawn.
    questions += [(4, 5, "tanh", True, 0.25, True), (2, 20, "sigmoid", True, 0.0, True)]
    questions = [one for one in questions if not any(_ABOUT[key](one) for key in gone)]

    def look() -> Wrong | None:
        for arguments, got in zip(questions, _plans(student, questions), strict=True):
            expected = plan.cnn(*arguments)
            if not _same(got, expected):
                return _wrong("build_cnn", arguments, got, expected)
        return None

    return _asked("build_cnn", questions[0], look) if questions else None


FNN = Check(
    "build_fnn",
    (
        Line("hidden", "Images [28, 28, 1], flattened, into 800 hidden units with ReLU", 0.5, _fnn(0)),
        Line("output", "10 probabilities: 10 units and softmax", 0.5, _fnn(1)),
    ),
    wording=WORDING,
)
CONVOLUTIONAL = Check(
    "build_cnn",
    (
        Line("default", "The plain network, layer by layer: 21,578 parameters", 1.25, _default),
        Line("blocks", "1 to 4 blocks, and as many maps as asked for, doubling", 1.0, _blocks),
        Line(
            "activation",
            "Another activation in the place of ReLU",
            0.5,
            _changes(_of_activations, _other_activation, ", compared with your own network with ReLU"),
        ),
        Line(
            "pool_first",
            "Pooling before the activation",
            0.5,
            _changes(_of_order, _pool_first, ", compared with your own network that pools last"),
        ),
        Line(
            "dropout",
            "Dropout of whole maps after each pooling and its activation",
            0.5,
            _changes(_of_dropout, _dropped, ", compared with your own network without dropout"),
        ),
        Line(
            "batch_norm",
            "Batch normalization between each convolution and its activation",
            0.75,
            _changes(_of_normalization, _normalized, ", compared with your own network without it"),
        ),
        Line("together", "All of that together", 0.5, _together),
    ),
    wording=WORDING,
)
__all__ = ["CONVOLUTIONAL", "DEFAULT", "FNN", "call"]
