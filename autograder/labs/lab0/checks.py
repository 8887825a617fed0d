"""Lab 0, convolution arithmetic: numbers that students work out by hand, of an exercise that is drawn for each of them.

Whose exercise is asked depends on who handed the notebook in, whatever the notebook says. In an open notebook only
the form of an answer is looked at: where every try got a verdict, guessing would do.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograder.checking import compare, hints
from autograder.checking.faults import Fault
from autograder.checking.problem import Problem, lost
from autograder.checking.rubric import Check, Line
from autograder.checking.student import FLAGS, Student, StudentError
from autograder.labs.lab0.faults import FAULTS
from source_lib import exercises
from source_lib.exercises import IMAGE_SHAPE, MAPS_SHAPE, REGIONS, ROW_REGIONS, Exercise, ExerciseError
from source_lib.layers.arithmetic import conv_parameters, dense_parameters, output_size, receptive_field, same_padding
from source_lib.text import shorten

#: Under this name the notebook says whose exercise it shows.
NAMED_ID = "named_id"
#: How far an average may be off, as a part of it.
TOLERANCE = 1e-4
#: An answer with more numbers is not looked at.
MOST_NUMBERS = 1000
#: Numbers of one line that a message repeats, and characters of an id.
MOST_SHOWN, MOST_LETTERS = 8, 40
_NOTES = "lab0"

Index = tuple[int, ...]
#: What somebody answered to each function: its numbers, or why there are none.
Answers = Mapping[str, "np.ndarray | str"]


class _FormError(Exception):
    """An answer is not what was asked for in form. The text completes "the function …"."""


@dataclass(frozen=True)
class Part:
    """One answer: what it looks like, what is right, and which of its numbers are scored together.

    Attributes
    ----------
    function : str
        The student's function that returns it.
    asked : str
        What it asks for, without a full stop.
    about : tuple of str
        The parts of an exercise that it is about, as `Exercise.about` names them.
    working : str
        How it is worked out, in words alone.
    shape : tuple of int
        Of the answer.
    right : callable
        Takes an exercise, and returns the right numbers.
    lines : dict of str to tuple
        By key: title, points, and the positions of the numbers that the line is about.
    averages : tuple of str
        The lines whose numbers are averages, which need not be whole. All others are, and exact.
    accepts : callable, optional
        Takes an exercise, the numbers, and all answers, and returns which lines are right, where each number alone does
        not say that: what follows from an earlier mistake is not a mistake again.
    part_of : callable, optional
        Takes an answer of another form, and returns the numbers that it gives all the same, with NaN for the others;
        None where there are none.
    """

    function: str
    asked: str
    about: tuple[str, ...]
    working: str
    shape: tuple[int, ...]
    right: Callable[[Exercise], Any]
    lines: Mapping[str, tuple[str, float, tuple[Index, ...]]]
    averages: tuple[str, ...] = ()
    accepts: Callable[[Exercise, np.ndarray, Answers], Mapping[str, bool]] | None = None
    part_of: Callable[[np.ndarray], np.ndarray | None] | None = None

    @property
    def whole(self) -> np.ndarray:
        """Which numbers of the answer are whole."""
        whole = np.ones(self.shape, dtype=bool)
        for key in self.averages:
            for index in self.lines[key][2]:
                whole[index] = False
        return whole


# What came, as numbers.


def _read(value: Any, shape: tuple[int, ...]) -> np.ndarray:
    """Return an answer as an array of a shape, with NaN where it holds None."""
    value = _listed(value)
    while isinstance(value, (list, tuple)) and len(value) == 1:
        value = _listed(value[0])
    if value is None:
        raise _FormError("returned nothing (is a return missing?)")
    return np.array(_filled(value, shape, value, shape), dtype="float64")


def _filled(value: Any, left: tuple[int, ...], whole: Any, shape: tuple[int, ...]) -> Any:
    value = _listed(value)
    if value is None:
        return np.full(left, np.nan).tolist()
    if not left:
        while isinstance(value, (list, tuple)) and len(value) == 1:
            value = value[0]
        return _number(value, whole, shape)
    if not isinstance(value, (list, tuple)) or len(value) != left[0]:
        if isinstance(value, str):
            _number(value, whole, shape)
        raise _FormError(f"returned {_came(whole)}, and {_words(shape)} are asked for")
    return [_filled(one, left[1:], whole, shape) for one in value]


def _listed(value: Any) -> Any:
    """Return an array as lists."""
    if not isinstance(value, np.ndarray):
        return value
    if value.size > MOST_NUMBERS:
        raise _FormError(f"returned {_words(value.shape)}, which is far too many")
    return value.tolist()


def _number(value: Any, whole: Any, shape: tuple[int, ...]) -> float:
    if isinstance(value, str):
        raise _FormError(f"returned the text {_short(value)}. Numbers are written without quotes")
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        if isinstance(value, (list, tuple)):
            raise _FormError(f"returned {_came(whole)}, and {_words(shape)} are asked for")
        raise _FormError(f"returned {_short(value)} where a number is asked for")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise _FormError("returned something that is infinite or not a number (nan)")
    return number


def _came(value: Any) -> str:
    values = compare.array(value)
    if values is not None:
        return _words(values.shape)
    if isinstance(value, (list, tuple)):
        return "rows that are not equally long, or hold something else than numbers"
    return {dict: "a dictionary", str: "a text"}.get(type(value), _short(value))


def _words(shape: tuple[int, ...]) -> str:
    if not shape:
        return "one number"
    if len(shape) > 3:
        return f"an array {list(shape)}"
    rows = f"{shape[-1]} numbers" if shape[-1] != 1 else "one number"
    if len(shape) > 1:
        rows = f"{shape[-2]} rows of {rows}" if shape[-2] != 1 else f"one row of {rows}"
    return rows if len(shape) < 3 else f"{shape[0]} times {rows}"


def _short(value: Any) -> str:
    return shorten(repr(value[: 2 * MOST_LETTERS] if isinstance(value, str) else value), MOST_LETTERS)


# What is right.


def _close(got: np.ndarray, right: np.ndarray, exact: np.ndarray | bool) -> np.ndarray:
    """Return which numbers are right: the same, or near where they need not be ``exact``. NaN is not."""
    return np.where(exact, got == right, np.abs(got - right) <= TOLERANCE * np.abs(right) + 1e-9)


def _right(part: Part, given: Exercise) -> np.ndarray:
    return np.asarray(part.right(given), dtype="float64")


def _right_lines(part: Part, given: Exercise, answers: Answers) -> dict[str, bool]:
    """Return which lines of an answer are right."""
    got = answers[part.function]
    if isinstance(got, str) or _constant(got):
        return dict.fromkeys(part.lines, False)
    if part.accepts is not None:
        return {key: bool(right) for key, right in part.accepts(given, got, answers).items()}
    close = _close(got, _right(part, given), part.whole)
    return {key: all(close[index] for index in cells) for key, (_, _, cells) in part.lines.items()}


def earned(given: Exercise, answers: Answers) -> float:
    """Return the points of answers to an exercise.

    Parameters
    ----------
    given : Exercise
    answers : mapping of str to numpy.ndarray or str
        By function: the numbers, or why there are none.
    """
    return sum(part.lines[key][1] for part in PARTS for key in _fitting(part, given, answers))


def _constant(got: np.ndarray) -> bool:
    """Return whether all numbers are the same: no right answer is, so that is none for any of them."""
    given = got[~np.isnan(got)]
    return given.size > 1 and bool((given == given[0]).all())


def _sizes(before: tuple[int, int], kernel: tuple[int, int]) -> list[int]:
    return [n - m + 1 for n, m in zip(before, kernel, strict=True)]


def _pooled(given: Exercise) -> list[int]:
    return [output_size(n, given.pool, given.pool) for n in given.map_size]


def _second(given: Exercise, pooled: list[int]) -> list[int]:
    return [output_size(n, given.second_kernel, given.second_stride, given.second_padding) for n in pooled]


def _accepts_second(given: Exercise, got: np.ndarray, answers: Answers) -> dict[str, bool]:
    accepted = [_second(given, _pooled(given))]
    own = answers.get("my_pooled_size")
    # From a wrong pooled size the right next one follows, too.
    if isinstance(own, np.ndarray) and not _constant(own) and ((own >= given.second_kernel) & (own < 1e6)).all():
        accepted.append(_second(given, [int(n) for n in own]))
    return {"size": got[:2].tolist() in accepted, "maps": got[2] == given.maps[1]}


def _weights(given: Exercise) -> tuple[list[int], list[int]]:
    """Return the weights and the biases of each layer of the network."""
    channels = (3, *given.filters)
    pairs = zip(given.kernels, channels, given.filters, strict=False)
    side = given.input_size // 2 ** len(given.kernels)
    dense = ((side * side * given.filters[-1], given.hidden), (given.hidden, given.classes))
    weights = [conv_parameters(kernel, n_in, n_out, bias=False) for kernel, n_in, n_out in pairs]
    weights += [dense_parameters(n_in, n_out, bias=False) for n_in, n_out in dense]
    return weights, [*given.filters, given.hidden, given.classes]


def _parameters(given: Exercise) -> list[int]:
    layers = [weights + biases for weights, biases in zip(*_weights(given), strict=True)]
    return [*layers, sum(layers)]


def _accepts_parameters(given: Exercise, got: np.ndarray, answers: Answers) -> dict[str, bool]:
    weights, biases = map(np.array, _weights(given))
    layers, total = got[:-1], got[-1]
    # Whatever was made of the biases, the weights are there.
    there = (layers >= weights) & (layers <= weights + biases)
    enough = there.sum() >= 2
    return {
        "convolutions": there[:3].all(),
        "dense": there[3:].all(),
        "biases": enough and (layers[there] == (weights + biases)[there]).all(),
        "total": total == (weights + biases).sum() or (enough and total == layers.sum()),
    }


def _fields(given: Exercise) -> list[int]:
    layers = [(size, stride) for _, size, stride in given.layers]
    return [receptive_field(layers[: k + 1]) for k in range(len(layers))]


def _accepts_fields(given: Exercise, got: np.ndarray, answers: Answers) -> dict[str, bool]:
    right = np.array(_fields(given))
    fine, steps = got == right, np.diff(got, prepend=1) == np.diff(right, prepend=1)
    # Where most layers add what they should, that counts: one slip does not cost all that follows from it.
    if steps.sum() > len(steps) / 2:
        fine |= steps
    return {"convolutions": fine[:2].all(), "pooling": fine[2], "strided": fine[3], "last": fine[4]}


def _windows(given: Exercise) -> np.ndarray:
    matrix = np.asarray(given.matrix)
    return np.lib.stride_tricks.sliding_window_view(matrix, (2, 2))[::2, ::2]


def _poolings(given: Exercise) -> np.ndarray:
    windows = _windows(given)
    return np.stack([how(windows, axis=(2, 3)) for how in (np.max, np.mean, np.sum)])


def _inside_alone(values: np.ndarray) -> np.ndarray | None:
    """Return what an answer without zero padding says of the whole one."""
    rows, columns = IMAGE_SHAPE
    if values.size != (rows - 2) * (columns - 2):
        return None
    whole = np.full(IMAGE_SHAPE, np.nan)
    whole[1:-1, 1:-1] = values.reshape(rows - 2, columns - 2)
    return whole


def _middle_alone(values: np.ndarray) -> np.ndarray | None:
    whole = _inside_alone(values)
    return None if whole is None else whole[1]


_REGION_TITLES = {
    "inside": "Inside: the whole kernel lies on the image",
    "top": "Top row, without its corners",
    "bottom": "Bottom row, without its corners",
    "ends": "Both ends of the middle row",
    "left_corners": "Left corners",
    "right_corners": "Right corners",
}
_ROW_TITLES = {"middle": "In the middle", "beside": "Beside the middle", "ends": "Both ends"}
_SIDES = {"rows": ("Rows", 1.0, ((0,),)), "columns": ("Columns", 1.0, ((1,),))}


def _cells(*shape: int, at: Index = ()) -> tuple[Index, ...]:
    return tuple((*at, *index) for index in np.ndindex(*shape))


PARTS = (
    Part(
        "my_convolution",
        "convolve the image with the kernel as deep learning does, with zero padding that keeps the size",
        ("convolution",),
        "Write a row or column of zeros around the image on all four sides. Lay the kernel on it as it is, "
        "with its middle on the first pixel of the image, multiply each weight with what lies under it, and "
        "add. Then move the kernel one pixel to the right, and at the end of a row to the beginning of the "
        "next.",
        IMAGE_SHAPE,
        lambda given: exercises.readings(given.image, given.kernel)["cross-correlation"],
        {key: (title, 1.0, REGIONS[key]) for key, title in _REGION_TITLES.items()},
        part_of=_inside_alone,
    ),
    Part(
        "my_true_convolution",
        "return the middle row of the true convolution of the same image and kernel, with the same zero padding",
        ("convolution",),
        "Turn the kernel by half a turn: its last row comes first, and each row is read backward. Then go on as "
        "for the convolution of deep learning, for the pixels of the middle row alone.",
        IMAGE_SHAPE[1:],
        lambda given: exercises.readings(given.image, given.kernel)["true convolution"][1],
        {key: (title, 1.0, tuple((k,) for k in ROW_REGIONS[key])) for key, title in _ROW_TITLES.items()},
        part_of=_middle_alone,
    ),
    Part(
        "my_padding",
        "return the rows and columns of zeros on each side with which the kernel keeps the size",
        ("padding",),
        "The middle of the kernel lies on the pixel and needs no zeros. What is left of the kernel reaches "
        "equally far to both sides. So take the middle off each side of the kernel and halve the rest.",
        (2,),
        lambda given: [same_padding(k) for k in given.padded_kernel],
        _SIDES,
    ),
    Part(
        "my_kernel_size",
        "return the rows and columns of the kernels of the first layer",
        ("kernel_size",),
        "Without padding and at stride one, the map is smaller than the image by all of the kernel but one "
        "pixel. So take the map's side from the image's, and add that one pixel.",
        (2,),
        lambda given: _sizes(given.image_size, given.map_size),
        _SIDES,
    ),
    Part(
        "my_pooled_size",
        "return the rows and columns of the pooled maps",
        ("pooled_size",),
        "Count how many whole windows fit side by side: divide each side of the maps by that of the window, "
        "and drop the rest.",
        (2,),
        _pooled,
        _SIDES,
    ),
    Part(
        "my_second_layer",
        "return the rows and columns of the maps of the second layer, and how many maps there are",
        ("pooled_size", "second_layer"),
        "Work out the pooled size. Add the padding on both sides, take off the kernel, divide by the stride "
        "and round down: so often can the kernel move, and it also has the position from which it starts. "
        "Every kernel makes one map, however many maps come in.",
        (3,),
        lambda given: [*_second(given, _pooled(given)), given.maps[1]],
        {"size": ("Rows and columns", 1.0, ((0,), (1,))), "maps": ("Number of maps", 1.0, ((2,),))},
        accepts=_accepts_second,
    ),
    Part(
        "my_parameters",
        "return the number of parameters of each of the five layers, and of the whole network",
        ("parameters",),
        "A kernel has rows times columns weights for each map that comes in, and one bias; count that for "
        "every kernel of the layer. Into the first layer come three maps, then as many as the layer before "
        "has kernels. Each pooling halves the side of the maps. All that is left of all maps goes into the "
        "first dense layer. A dense layer has a weight for each input of each output, and one bias for each "
        "output.",
        (6,),
        _parameters,
        {
            "convolutions": ("The weights of the three convolutions", 2.0, _cells(3)),
            "dense": ("The weights of the two dense layers", 1.0, ((3,), (4,))),
            "biases": ("The biases", 1.0, _cells(5)),
            "total": ("The sum of all", 1.0, ((5,),)),
        },
        accepts=_accepts_parameters,
    ),
    Part(
        "my_receptive_fields",
        "return the side of the receptive field after each of the five layers, in pixels of the image",
        ("receptive_fields",),
        "Begin with one pixel. Each layer adds its size less one, times the strides of all layers before it. "
        "Its own stride counts only for the layers behind it. Pooling counts like any other layer.",
        (5,),
        _fields,
        {
            "convolutions": ("Two convolutions", 1.0, ((0,), (1,))),
            "pooling": ("Pooling behind them", 1.0, ((2,),)),
            "strided": ("A convolution behind the pooling", 1.0, ((3,),)),
            "last": ("A convolution behind two strides", 1.0, ((4,),)),
        },
        accepts=_accepts_fields,
    ),
    Part(
        "my_poolings",
        "pool the matrix with windows of 2x2 and stride 2, and return the maxima, the averages and the sums",
        ("poolings",),
        "Cut the matrix into windows that do not overlap, two rows and two columns each. Of each window write "
        "down the largest number, the sum, and the sum divided by how many numbers a window holds.",
        (3, 2, 3),
        _poolings,
        {
            "max": ("Max pooling", 1.0, _cells(2, 3, at=(0,))),
            "average": ("Average pooling", 1.0, _cells(2, 3, at=(1,))),
            "sum": ("Sum pooling", 1.0, _cells(2, 3, at=(2,))),
        },
        averages=("average",),
    ),
    Part(
        "my_global_average",
        "return what global average pooling makes of the three maps",
        ("global_average",),
        "Add all numbers of one map and divide by how many these are. Each map gives one number.",
        MAPS_SHAPE[:1],
        lambda given: np.mean(given.feature_maps, axis=(1, 2)),
        {"means": ("One average for each map", 1.0, _cells(3))},
        averages=("means",),
    ),
)


# What is wrong.


def asked_parts(student: Student, parts: Iterable[Part] = PARTS) -> tuple[dict[str, Any], dict[str, np.ndarray | str]]:
    """Return what each function returned, and its numbers, or why there are none.

    Parameters
    ----------
    student : Student
    parts : iterable of Part
        What is asked.
    """
    values: dict[str, Any] = {}
    answers: dict[str, np.ndarray | str] = {}
    for part in parts:
        try:
            values[part.function] = student.call(part.function)
            answers[part.function] = _understood(part, values[part.function])
        except StudentError as error:
            answers[part.function] = str(error)
        except _FormError as error:
            answers[part.function] = f"{part.function} {error}."
    return values, answers


def _understood(part: Part, value: Any) -> np.ndarray:
    try:
        return _read(value, part.shape)
    except _FormError:
        numbers = compare.array(value) if part.part_of is not None else None
        some = part.part_of(numbers) if numbers is not None and np.isfinite(numbers).all() else None
        if some is None:
            raise
        return some


def _problems(student: Student) -> dict[str, dict[str, Problem | None]]:
    """Return what is wrong with each line of each answer. Everything is asked once."""
    if _NOTES not in student.notes:
        given = exercises.draw(student.owner)
        values, answers = asked_parts(student)
        right = {part.function: _fitting(part, given, answers) for part in PARTS}
        named = _named(student, given)
        elsewhere = {part.function: _fitting(part, named, answers) - right[part.function] for part in PARTS}
        if named is not None:
            student.notes.setdefault(FLAGS, []).append(_flag(named, given, elsewhere))
        student.notes[_NOTES] = {
            part.function: {
                key: problem and (_of_another(part, key, given, named, elsewhere[part.function]) or problem)
                for key, problem in line_problems(part, given, values, answers).items()
            }
            for part in PARTS
        }
    return student.notes[_NOTES]


def line_problems(
    part: Part, given: Exercise, values: Mapping[str, Any], answers: Answers
) -> dict[str, Problem | None]:
    """Return what is wrong with each line of an answer to an exercise.

    Parameters
    ----------
    part : Part
    given : Exercise
    values, answers : mapping
        As `asked_parts` returns them.
    """
    right = _fitting(part, given, answers)
    return {key: None if key in right else _problem(part, key, given, values, answers) for key in part.lines}


def _named(student: Student, given: Exercise) -> Exercise | None:
    """Return the exercise of the student whom the notebook names, where that is somebody else than its owner."""
    try:
        named = exercises.draw(student.call(NAMED_ID))
    except (StudentError, ExerciseError):
        # No id is no other id: a notebook that nobody touched has none.
        return None
    return None if named.student == given.student else named


def _fitting(part: Part, given: Exercise | None, answers: Answers) -> set[str]:
    """Return the lines of an answer that are right for an exercise."""
    return {key for key, fine in _right_lines(part, given, answers).items() if fine} if given is not None else set()


def _flag(named: Exercise, given: Exercise, elsewhere: Mapping[str, set[str]]) -> str:
    named_another = (
        f"The notebook names the student {_short(named.student)}, and {_short(given.student)} handed it in, whose "
        "numbers are asked."
    )
    points = sum(part.lines[key][1] for part in PARTS for key in elsewhere[part.function])
    if not points:
        return f"{named_another} No answer that is wrong for these is right for those of the student who is named."
    names = ", ".join(function for function, keys in elsewhere.items() if keys)
    return f"{named_another} For those of the student who is named, {points:g} more points would be right ({names})."


def _of_another(part: Part, key: str, given: Exercise, named: Exercise | None, elsewhere: set[str]) -> Problem | None:
    """Say so where an answer is that of the student whom the notebook names."""
    if not elsewhere:
        return None
    right = "This is right" if key in elsewhere else "Other numbers of this answer are right"
    return lost(
        part.asked,
        f"{right} for the student {_short(named.student)}, whom your notebook names. It was handed in by "
        f"{_short(given.student)}, who has other numbers. Write that id into the notebook and work with what it then "
        "shows. If both are you, tell your instructor.",
    )


def _problem(part: Part, key: str, given: Exercise, values: Mapping[str, Any], answers: Answers) -> Problem:
    got = answers[part.function]
    if isinstance(got, str):
        return lost(part.asked, got + _hint(part, given, values.get(part.function)))
    numbers = [got[index] for index in part.lines[key][2]]
    if np.isnan(numbers).all():
        problem = "There are no numbers for this."
    elif _constant(got):
        problem = "All your numbers are the same, so none of them counts."
    else:
        shown = ", ".join("none" if math.isnan(one) else f"{one:.10g}" for one in numbers[:MOST_SHOWN])
        problem = f"Your answer to this is {shown}, and that is not right."
    hint = _hint(part, given, values.get(part.function), got, part.lines[key][2])
    if not hint and not _constant(got) and not np.isnan(numbers).all():
        hint = " No known mistake gives these numbers: compare each step of your working."
    return lost(part.asked, problem + hint)


def _hint(part: Part, given: Exercise, value: Any, got: np.ndarray | None = None, cells: tuple[Index, ...] = ()) -> str:
    """Say which known fault gives the whole answer, all numbers of it that are wrong, or those of one line."""
    known = {
        fault: np.asarray(fault.apply(part.right)(given), dtype="float64")
        for fault in FAULTS
        if fault.function == part.function
    }
    numbers = compare.array(value)
    if numbers is not None:
        numbers = numbers.squeeze()
        fitting = [fault for fault, answer in known.items() if _same(part, numbers, answer.squeeze())]
        if fitting:
            return _hint_of(fitting)
    if got is None:
        return ""
    off = ~np.isnan(got) & ~_close(got, _right(part, given), part.whole)
    here = np.zeros(got.shape, dtype=bool)
    here[tuple(zip(*cells, strict=True))] = True
    # One of many sums may be that of a fault by chance; one of a few sizes or counts hardly is.
    many = part.accepts is None and got.size > 3
    if many and off.sum() == 1:
        return " It is the only number that is not right: work this one out again." * bool((off & here).any())
    for where in (off, off & here):
        if (where & here).any() and where.sum() >= (2 if many else 1):
            alike = [
                f for f, answer in known.items() if answer.shape == got.shape and _same(part, got[where], answer[where])
            ]
            if alike:
                return _hint_of(alike)
    return ""


def _hint_of(fitting: list[Fault]) -> str:
    # Faults with the same hint are one to whoever reads it.
    return f" {fitting[0].hint}" if len({fault.hint for fault in fitting}) == 1 else f" {hints.SEVERAL_FIT}"


def _same(part: Part, got: np.ndarray, answer: np.ndarray) -> bool:
    return got.shape == answer.shape and bool(_close(got, answer, not part.averages).all())


# The rubric.


def _form(part: Part) -> Callable[[Student], str | None]:
    def form(student: Student) -> str | None:
        try:
            got = _read(student.call(part.function), part.shape)
        except _FormError as error:
            return f"{part.function} {error}."
        missing = int(np.isnan(got).sum())
        if missing:
            return f"{missing} of {got.size} numbers are missing: None stands for them."
        odd = got[part.whole & (got % 1 != 0)]
        if odd.size:
            which = "all numbers of this answer" if part.whole.all() else "all but averages"
            return f"{part.function} returned {odd[0]:.10g}, and {which} are whole."
        return None

    return form


def _question(part: Part, key: str) -> Callable[[Student, np.random.Generator], Problem | None]:
    return lambda student, rng: _problems(student)[part.function][key]


_LATER = "here only the form is looked at. With a verdict on every try, guessing would do."

CHECKS = tuple(
    Check(
        part.function,
        tuple(
            Line(key, title, points, _question(part, key), later=_LATER)
            for key, (title, points, _) in part.lines.items()
        ),
        _form(part),
    )
    for part in PARTS
)
