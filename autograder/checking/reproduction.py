"""How a lab's own solution is trained, so that the course can say what it reaches."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from source_lib.json_lines import read_lines, write_lines

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
    parts : dict of str to object
        All that the code of these cells defines, by name.
    """

    build_model: Callable[[], keras.Model]
    train_model: Callable[..., Any]
    key: str
    parts: Mapping[str, Any] = field(default_factory=dict)


class Kept:
    """What trainings came to, each kept as soon as it is done, so that a run that was stopped goes on.

    Parameters
    ----------
    path : pathlib.Path
        Of a file of JSON lines.
    """

    def __init__(self, path: Path) -> None:
        self.path, self.made = path, read_lines(path)

    def do(self, about: Record, train: Callable[[], Record]) -> Record:
        """Return the line of a training: as it is kept, or of one that is done now.

        Parameters
        ----------
        about : dict
            What tells it from others.
        train : callable
            Returns what it comes to. Where that has no ``seconds``, those of all of it are written down, with those of
            the processor.

        Returns
        -------
        dict
        """
        line = next((one for one in self.made if about.items() <= one.items()), None)
        if line is None:
            start, used = time.perf_counter(), time.process_time()
            found = train()
            taken = {"seconds": time.perf_counter() - start, "cpu_seconds": time.process_time() - used}
            line = about | {what: round(seconds, 1) for what, seconds in taken.items()} | found
            self.made.append(line)
            write_lines(self.path, self.made)
        return line


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
    load : callable, optional
        Returns the images, with a ``title``, ``N_train`` and ``N_test``, where a `DataGenerator` does not have them.
        Raises a `DatasetError` where they are missing.
    parts : tuple of str
        Other cells of the lab's text that its solution needs, by ``grade_id``, in their order. With them come the
        cells between that define functions, and neither load nor train.
    """

    dataset: str
    train: Callable[[Solution, DataGenerator, Path], tuple[Record, list[Record]]]
    colors: bool = False
    load: Callable[[], Any] | None = None
    parts: tuple[str, ...] = ()
