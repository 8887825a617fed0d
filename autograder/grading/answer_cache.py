"""The course's answers to the questions of a lab: asked once, and kept beside its secret for another day."""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import importlib.metadata
import inspect
import sys
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import joblib

from autograder.checking.lab import Lab
from autograder.checking.student import Answer, Oracle, StudentError
from autograder.sandbox import wire
from source_lib.atomic_files import atomic_write

#: Packages whose versions the answers depend on.
PACKAGES = ("keras", "tensorflow", "numpy", "scipy")
#: How many of the course's answers are kept, of how many bytes each, and of how many in all, as `wire.weight` counts.
#: What the course asks by itself is smaller; a student's own numbers may be as large as an answer.
MAX_ANSWERS, MAX_ANSWER_BYTES, MAX_CACHE_BYTES = 2000, 2**20, 2**25


def place(course: Path, lab: Lab) -> Path:
    """Return where the answers to a lab are, or would be. They depend on the secret, so they are as secret.

    Parameters
    ----------
    course : pathlib.Path
        The course's folder.
    lab : Lab
    """
    return course / f".course_answers-{lab.name}"


def are_known(course: Path, lab: Lab) -> bool:
    """Return whether a course need not be ready to answer: it did before, or the lab asks it nothing.

    Parameters
    ----------
    course : pathlib.Path
        The course's folder.
    lab : Lab
    """
    return not lab.reference_modules or place(course, lab).is_file()


def read(course: Path, lab: Lab) -> dict[bytes, Any]:
    """Return the answers that still hold: none where the course's code or its packages have changed since.

    Parameters
    ----------
    course : pathlib.Path
        The course's folder.
    lab : Lab

    Returns
    -------
    dict of bytes to object
        By their questions, as `AnswerCache` knows them.
    """
    # Whatever is wrong with the file, answers can be asked again.
    with contextlib.suppress(Exception):
        kept = joblib.load(place(course, lab))
        if kept["conditions"] == _conditions(lab):
            return kept["known"]
    return {}


def write(course: Path, lab: Lab, known: Mapping[bytes, Any]) -> None:
    """Keep answers for the next time; where they cannot be kept, that only costs time.

    Parameters
    ----------
    course : pathlib.Path
        The course's folder.
    lab : Lab
    known : mapping of bytes to object
        As `read` returns them.
    """
    with contextlib.suppress(OSError), atomic_write(place(course, lab), private=True) as part:
        joblib.dump({"conditions": _conditions(lab), "known": dict(known)}, part)


def _conditions(lab: Lab) -> str:
    modules = [importlib.import_module(name) for name in lab.reference_modules]
    versions = {name: importlib.metadata.version(name) for name in PACKAGES}
    return joblib.hash(([inspect.getsource(module) for module in modules], versions, sys.version))


@dataclass(eq=False)
class AnswerCache:
    """The course's answers, asked once: everyone gets the same questions.

    Parameters
    ----------
    oracle : Oracle
        Whom to ask what is not known yet.
    known : OrderedDict, optional
        Answers by their questions, the one that was wanted last at the end; what raised is known as a `StudentError`.
    """

    oracle: Oracle
    known: OrderedDict[bytes, Any] = field(default_factory=OrderedDict)
    _bytes: int = field(default=0, repr=False)
    _lock: Any = field(default_factory=threading.RLock, repr=False)

    def __post_init__(self) -> None:
        self._bytes = sum(map(wire.weight, self.known.values()))

    def ask(self, function: str, *args: Any) -> Answer:
        """Ask anew: whoever wants the seconds wants them measured."""
        return self.oracle.ask(function, *args)

    def call(self, function: str, *args: Any) -> Any:
        try:
            question = hashlib.blake2b(wire.encode({"ask": function, "args": args}), digest_size=16).digest()
        except wire.UnsendableError:
            return self.oracle.call(function, *args)
        with self._lock:
            if question not in self.known:
                answer = self._answer(function, args)
                if wire.weight(answer) > MAX_ANSWER_BYTES:
                    return answer
                self.known[question] = answer
                self._bytes += wire.weight(answer)
                # Questions that hold a student's own numbers come once; they must not pile up over a class.
                while len(self.known) > MAX_ANSWERS or self._bytes > MAX_CACHE_BYTES:
                    self._bytes -= wire.weight(self.known.popitem(last=False)[1])
            self.known.move_to_end(question)
            answer = self.known[question]
        if isinstance(answer, StudentError):
            raise StudentError(str(answer))
        return wire.copy(answer)

    def _answer(self, function: str, args: tuple) -> Any:
        try:
            return self.oracle.call(function, *args)
        except StudentError as error:
            return error
