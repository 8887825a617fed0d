"""What the usual errors of Python and NumPy mean, in the words of somebody who helps."""

from __future__ import annotations

import re
from collections.abc import Sequence

_SHAPES = (
    "Print the shape of each array in that line, for the small input, and compare them with the shapes that you mean."
)
_INDEX = "Print the index and the shape of the array in that line just before it stops."
_VALUE = "Print what stands in that line, piece by piece, for the small input: one of them is not what its name says."

#: What an error's text holds, what that means, and what to do about it. The first that fits counts.
_KNOWN: Sequence[tuple[tuple[str, ...], str, str]] = (
    (
        ("could not broadcast input array", "non-broadcastable output"),
        "A result is put into a part of an array that has another shape.",
        _SHAPES,
    ),
    (
        ("could not be broadcast", "shape mismatch", "cannot be broadcast"),
        "Two arrays meet there whose sizes do not go together: along each axis they must be equal, or one of them 1.",
        _SHAPES,
    ),
    (
        ("matmul", "not aligned", "is different from", "shape-mismatch for sum", "einstein sum", "einsum"),
        "A product does not go together: what is summed must be as long in the first array as in the second.",
        _SHAPES,
    ),
    (
        ("is out of bounds for array of dimension", "AxisError"),
        "An axis is named there that the array does not have: it has fewer axes than you expect.",
        _SHAPES,
    ),
    (
        ("out of bounds", "index out of range"),
        "An index goes beyond the end of an axis: a loop runs too far, or the axes stand in another order.",
        _INDEX,
    ),
    (
        ("too many indices",),
        "The array has fewer axes than the index asks for.",
        _SHAPES,
    ),
    (
        ("cannot reshape", "total size of new array"),
        "The new shape holds another number of values than the array has.",
        _SHAPES,
    ),
    (
        ("can be converted to", "only length-1 arrays"),
        "One number is taken there, as by the functions of math, by float or by a place of an array, and an array of "
        "several is given.",
        "NumPy has functions of the same names as those of math, which take each number of an array.",
    ),
    (
        ("setting an array element with a sequence", "inhomogeneous"),
        "One place of an array takes one number, and it is given several, or parts of unequal sizes.",
        _SHAPES,
    ),
    (
        ("must both be 2-D", "same dimensionality", "incorrect rank", "same number of dimensions", "must have length"),
        "The arrays have another number of axes than that function takes.",
        _SHAPES,
    ),
    (
        ("must have same shape", "must have the same shape", "must match exactly", "need at least one array"),
        "Arrays are put together there that do not have the same shape, or there is none.",
        _SHAPES,
    ),
    (
        ("zero-size array", "empty sequence", "at least one"),
        "A part of an array is taken there that holds nothing: an index begins behind the end, or a size became 0.",
        _INDEX,
    ),
    (
        ("truth value of an array",),
        "A condition is one yes or no, and an array gives one for every number: choose among the numbers all at once.",
        "Replace the condition by something that NumPy does to each number, or go through the numbers in a loop.",
    ),
    (
        ("cannot be interpreted as an integer", "valid indices", "slice indices must be integers"),
        "A size or an index must be a whole number, and a division gives a fraction even where it comes out even.",
        "Use the division that rounds down wherever you halve a size.",
    ),
    (
        ("None values not supported", "(None) with an unsupported type", "'NoneType' object has no attribute 'numpy'"),
        "Something is None there. Where it is a gradient: nothing that was done inside the tape leads from the one to "
        "the other.",
        "Compute all steps inside the tape, from the maps to the score, and from the very maps that you differentiate "
        "by: a second call of the model makes other ones.",
    ),
    (
        ("NoneType",),
        "Something is None there: a function that you call returns nothing, a name was never given its value, or a "
        "gradient has nothing to follow.",
        "See whether each function that you call ends in a return, in all its branches.",
    ),
    (
        ("values to unpack",),
        "A shape or a tuple is taken apart into another number of names than it has parts.",
        "Print what stands on the right side of that assignment: its parts are as many as the axes of the array.",
    ),
    (
        ("list indices must be integers", "tuple indices must be integers"),
        "A list takes one index at a time, an array takes several.",
        "Make an array of the list before you take parts of it.",
    ),
    (
        ("can't multiply sequence",),
        "A list or a tuple times a number is repeated so often; only an array is multiplied number by number.",
        "Make an array of it before you compute with it.",
    ),
    (
        ("unsupported operand type",),
        "Two things meet there that cannot be computed with each other, such as a list, a text or None.",
        "Print the types of both sides of the operation in that line.",
    ),
    (
        ("has no attribute", "is not subscriptable", "is not iterable"),
        "That value is of another kind than the line expects.",
        "Print the type of that value, and follow it back to the line where it is made.",
    ),
    (
        ("No module named",),
        "A package is imported there that is not installed, or its name is misspelt.",
        "Use what the lab allows, and import it by its whole name.",
    ),
    (
        ("is not callable",),
        "A name is called there that is no longer a function: a variable or an argument took it.",
        "Look for the name among the arguments and on the left side of an assignment, and rename that one.",
    ),
    (
        ("positional argument", "unexpected keyword", "takes no arguments", "multiple values for"),
        "A function is called there with other arguments than it has.",
        "Compare the call with the first line of that function, argument by argument.",
    ),
    (
        ("is not defined", "referenced before assignment", "not associated with a value"),
        "That name has no value where it is used: it is misspelt, or made in another place or later.",
        "Make the name in the function itself, or in a cell above that grading runs too.",
    ),
    (
        ("Cannot cast", "casting"),
        "An array of whole numbers cannot take fractions: make it one of floating-point numbers.",
        "The array that you add to was made with a type for whole numbers, or of whole numbers. Name the type.",
    ),
    (
        ("division by zero",),
        "A number is divided by 0 there.",
        _VALUE,
    ),
    (
        ("recursion",),
        "The function calls itself without an end: a name of yours may stand for another function than you mean.",
        "Look for a call of the function's own name inside it.",
    ),
)
_UNKNOWN = "Look at the line where it stopped, and at the shapes and values that meet there."

#: What to do about each of these sentences, for whoever asks again.
SECOND_HINTS = {sentence: second for _, sentence, second in _KNOWN} | {_UNKNOWN: _VALUE}


def meaning(error: str) -> str:
    """Return what an error means, in a sentence or two.

    Parameters
    ----------
    error : str
        Its type and text.

    Returns
    -------
    str

    Examples
    --------
    >>> meaning("IndexError: too many indices for array: array is 2-dimensional, but 3 were indexed")
    'The array has fewer axes than the index asks for.'
    """
    return next((sentence for parts, sentence, _ in _KNOWN if any(part in error for part in parts)), _UNKNOWN)


def without_ours(text: str, function: str) -> str:
    """Return an error without the names of the course's own functions, which are not the student's business.

    Parameters
    ----------
    text : str
        As `sandbox.wire.describe` put it, of a cell of the course whose functions begin with ``course_``.
    function : str
        The student's function that was asked.

    Returns
    -------
    str

    Examples
    --------
    >>> without_ours("course_models calls build_fcn, which is not written yet.", "build_fcn")
    'build_fcn is not written yet.'
    >>> without_ours("course_models stopped with KeyError: 'build_fcn'.", "build_fcn")
    'There is no function build_fcn yet.'
    >>> without_ours("course_models stopped with KeyError: 'maps' (in build_fcn, line 3 of its cell).", "build_fcn")
    "build_fcn stopped with KeyError: 'maps' (line 3 of its cell)."
    """
    # Another KeyError is that of a dictionary of the student's own.
    if f"KeyError: '{function}'" in text or f"name '{function}' is not defined" in text:
        return f"There is no function {function} yet."
    text = re.sub(rf"\bcourse_\w+ calls {function}, which is", f"{function} is", text)
    return re.sub(r"\bcourse_\w+", function, text).replace(f"(in {function}, line", "(line")
