"""Which submissions have code in common: pairs to look at, and never a verdict.

The comparison is that of copydetect: code is read as tokens, in which all names of one kind look the same, and what two
have in common is found by fingerprints (S. Schleimer, D. Wilkerson and A. Aiken, *Winnowing: Local Algorithms for
Document Fingerprinting*, SIGMOD 2003). What the release gives, and what many of a class write, tells nothing and is
left out first.
"""

from __future__ import annotations

import io
import itertools
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
from copydetect import CodeFingerprint, compare_files
from copydetect.utils import filter_code, get_token_coverage

from autograder.checking.lab import Lab
from autograder.gradebook.course_folder import CourseError, CourseFolder
from autograder.submissions import reader
from autograder.submissions.cells import UnreadableNotebookError, parse, read_content
from autograder.submissions.reader import StoppedError
from autograder.submissions.submission import chosen
from autograder.submissions.wanted import Wanted

#: Length of a fingerprint, in characters of the code once names are one letter each.
LENGTH = 25
#: What more of a class than this part writes, and more than so many, is common.
COMMON_PART, COMMON_LEAST = 0.25, 10
#: From this part of a submission's own code on, a pair is shown; and from so many such characters on.
THRESHOLD, LEAST = 0.6, 200
#: Characters of one notebook's code that are compared.
MAX_CODE = 300_000


@dataclass(frozen=True)
class Code:
    """The code cells of one notebook.

    Attributes
    ----------
    student : str
        Empty for the release.
    lines : tuple of (int, str)
        The number of the cell, from 1, and the text of each line.
    tokens : str
        The code with one letter for each name, without comments and spaces.
    offsets : numpy.ndarray, shape [M, 2]
        From places in the tokens on, how many characters of the text lie before that are not there.
    """

    student: str
    lines: tuple[tuple[int, str], ...]
    tokens: str
    offsets: np.ndarray = field(repr=False)

    @cached_property
    def fingerprint(self) -> CodeFingerprint:
        """What copydetect compares: every fingerprint of the tokens."""
        # Each window of one fingerprint: choosing some by their hash would choose others in every process.
        made = CodeFingerprint(self.student, LENGTH, 1, filter=False, fp=io.StringIO(self.tokens))
        made.offsets = self.offsets
        return made

    def marked(self, slices: np.ndarray, given: Set[str] = frozenset()) -> frozenset[int]:
        """Return the lines, from 0, that hold something of each slice.

        Parameters
        ----------
        slices : numpy.ndarray, shape [2, S]
            Begin and end of each in the text.
        given : set of str
            Lines that stand in the release, which are not marked.
        """
        starts = np.cumsum([0, *(len(text) + 1 for _, text in self.lines)])[:-1]
        if not slices.size:
            return frozenset()
        first = np.searchsorted(starts, slices[0], side="right") - 1
        last = np.searchsorted(starts, slices[1] - 1, side="right") - 1
        return frozenset(
            line
            for begin, end in zip(first, last, strict=True)
            for line in range(int(begin), int(end) + 1)
            # Comments are not compared.
            if (text := self.lines[line][1].strip()) and not text.startswith("#") and text not in given
        )


@dataclass(frozen=True)
class Pair:
    """Two submissions with code in common.

    Attributes
    ----------
    codes : tuple of Code
    shares : tuple of float
        Which part of each one's own code, from 0 to 1.
    size : int
        Characters of tokens that they have in common.
    marked : tuple of frozenset of int
        Which lines of each, from 0.
    """

    codes: tuple[Code, Code]
    shares: tuple[float, float]
    size: int
    marked: tuple[frozenset[int], frozenset[int]]


@dataclass(frozen=True)
class Comparison:
    """What was compared, and what was found.

    Attributes
    ----------
    lab : Lab
    students : tuple of str
        Who was compared: those with code of their own.
    pairs : tuple of Pair
        Those from the threshold on, the most alike first.
    threshold : float
    unread : dict of str to str
        Why others were not.
    common : tuple of str
        Those who wrote something, and nothing but what many of the class write.
    """

    lab: Lab
    students: tuple[str, ...]
    pairs: tuple[Pair, ...]
    threshold: float
    unread: dict[str, str]
    common: tuple[str, ...] = ()


def compare_class(course: CourseFolder, lab: Lab, students: Sequence[str], threshold: float = THRESHOLD) -> Comparison:
    """Compare the submissions of a class.

    Parameters
    ----------
    course : CourseFolder
    lab : Lab
    students : sequence of str
        Who handed in.
    threshold : float
        From which part of a submission's own code on a pair is shown, above 0 and up to 1.

    Raises
    ------
    CourseError
        If the lab's release is not there, which tells what is everybody's.
    """
    path = course.step("release", ".", lab.name) / f"{lab.name}.ipynb"
    if not path.is_file():
        raise CourseError(
            f"{path} is not there, and without it everybody's code is alike. Release the lab: "
            f"cnn-course release {lab.name}"
        )
    released = read_code("", path)
    codes, unread = [], {}
    for student in students:
        try:
            codes.append(_code_of(course, lab.wanted, student))
        except UnreadableNotebookError as error:
            unread[student] = str(error)
        except StoppedError as error:
            unread[student] = f"Its notebook {error}."
    given = {int(mark) for mark in released.fingerprint.hashes}
    wrote = [one.student for one in codes if _covered(one, _without(one, given)) >= LEAST]
    own = leave_out_common(codes, released)
    pairs = similar_pairs(own, threshold, {text.strip() for _, text in released.lines})
    students = tuple(one.student for one in own)
    common = tuple(student for student in wrote if student not in students)
    return Comparison(lab, students, tuple(pairs), threshold, unread, common)


def _code_of(course: CourseFolder, wanted: Wanted, student: str) -> Code:
    folder = course.step("submitted", student, wanted.lab)
    return read_code(student, folder / (chosen(folder, wanted).notebook or wanted.notebook))


def read_code(student: str, path: Path) -> Code:
    """Return the code cells of a notebook.

    Parameters
    ----------
    student : str
        Whose it is.
    path : pathlib.Path

    Raises
    ------
    UnreadableNotebookError
        If it is no notebook.
    StoppedError
        If it takes too long to be read.
    """
    lines, tokens, offsets = reader.call(code_cells, read_content(path), path.name)
    return Code(student, lines, tokens, offsets)


def code_cells(content: bytes, name: str) -> tuple[tuple[tuple[int, str], ...], str, np.ndarray]:
    """Return the lines of a notebook's code cells, their tokens, and how these lie in the text (see `Code`).

    Parameters
    ----------
    content : bytes
        Of the notebook's file.
    name : str
        What it is called.

    Raises
    ------
    UnreadableNotebookError
        If it is no notebook.
    """
    sources = [(n, cell.source) for n, cell in enumerate(parse(content, name).cells, 1) if cell.cell_type == "code"]
    lines, left = [], MAX_CODE
    for number, source in sources:
        # The lexer drops line ends of its own accord at the beginning, and knows one form of them.
        text = source.replace("\r\n", "\n").replace("\r", "\n").strip("\n\ufeff")[: max(left, 0)]
        left -= len(text) + 1
        lines += [(number, line) for line in text.split("\n")] if text else []
    tokens, offsets = filter_code("\n".join(line for _, line in lines), name, "python")
    # The entries of classes lack what was left out before them.
    offsets[:, 1] = np.maximum.accumulate(offsets[:, 1])
    return tuple(lines), tokens, offsets


def leave_out_common(codes: Iterable[Code], released: Code) -> list[Code]:
    """Leave out of fingerprints what the release gives and what many write; return whose code has something left.

    Parameters
    ----------
    codes : iterable of Code
    released : Code
    """
    codes = list(codes)
    every = [np.fromiter(one.fingerprint.hashes, dtype=np.int64) for one in codes]
    marks, counts = np.unique(np.concatenate([np.zeros(0, np.int64), *every]), return_counts=True)
    many = max(COMMON_LEAST, COMMON_PART * len(codes))
    known = {int(mark) for mark in released.fingerprint.hashes} | set(marks[counts > many].tolist())
    for one in codes:
        made = one.fingerprint
        # Each to plain numbers, which are compared far faster than those of NumPy.
        made.hash_idx = _without(one, known)
        made.hashes = set(made.hash_idx)
        made.token_coverage = _covered(one, made.hash_idx)
    return [one for one in codes if one.fingerprint.token_coverage >= LEAST]


def _without(code: Code, known: Set[int]) -> dict[int, list[int]]:
    """Return where each fingerprint of a code is, but for known ones."""
    return {int(mark): at for mark, at in code.fingerprint.hash_idx.items() if int(mark) not in known}


def _covered(code: Code, places: dict[int, list[int]]) -> int:
    """Return how many characters of the tokens fingerprints cover."""
    return get_token_coverage(places, LENGTH, len(code.tokens))


def similar_pairs(codes: Sequence[Code], threshold: float, given: Set[str] = frozenset()) -> list[Pair]:
    """Return the pairs with enough in common, the most alike first.

    Parameters
    ----------
    codes : sequence of Code
        As `leave_out_common` returns them.
    threshold : float
        From which part of one's own code on.
    given : set of str
        Lines that stand in the release.
    """
    found = []
    for codes_of_two in itertools.combinations(codes, 2):
        one, other = (code.fingerprint for code in codes_of_two)
        size, shares, slices = compare_files(one, other)
        shares = tuple(min(float(share), 1.0) for share in shares)
        if max(shares) >= threshold and size >= LEAST:
            marked = tuple(code.marked(np.asarray(at), given) for code, at in zip(codes_of_two, slices, strict=True))
            found.append(Pair(codes_of_two, shares, int(size), marked))
    return sorted(found, key=lambda pair: (-max(pair.shares), -pair.size, pair.codes[0].student))
