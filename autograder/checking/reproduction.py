"""How a lab's own solution is trained, so that the course can say what it reaches."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras

    from source_lib.data import DataGenerator

#: A line of what trainings came to, as JSON has it.
Record = dict[str, Any]


@dataclass(frozen=True)
class Solution:
    """What a lab's text solves: its two functions, and what stands for them.

    Attributes
    ----------
    build_model, train_model : callable
        As the lab asks for them.
    key : str
        Of their code: trainings of other code are not taken for trainings of this one.
    more : mapping of str to callable
        Further functions of the text, by their names; those of `Reproduction.more`.
    """

    build_model: Callable[[], keras.Model]
    train_model: Callable[..., Any]
    key: str
    more: Mapping[str, Callable[..., Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Reproduction:
    """How the solution of a lab is trained; a lab's room ``solution`` has it as ``REPRODUCTION``.

    Attributes
    ----------
    dataset : str
        The images that `source_lib` calls so.
    train : callable
        Takes the `Solution`, the images as a `DataGenerator`, and the file of JSON lines in which each training is
        kept, so that a run that was stopped goes on. Returns what all trainings have in common, and a record of each.
    colors : bool
        Whether the page also says what a classifier reaches that knows colors and no shape.
    more : tuple of str
        Further functions of the lab's text that it needs, in the order of the text.
    """

    dataset: str
    train: Callable[[Solution, DataGenerator, Path], tuple[Record, list[Record]]]
    colors: bool = False
    more: tuple[str, ...] = ()
