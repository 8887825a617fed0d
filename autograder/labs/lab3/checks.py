"""Lab 3, tumor classification: files of predictions, scored with labels that no student's code has ever seen.

Nothing is trained while grading. What a file says is what counts: its form, whether it is of its images, for class 1
and of a training of its own, how many test images it names right, and whether the AUC that is reported is the one that
its probabilities give.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograder.checking import compare, metrics
from autograder.checking.problem import Problem, lost
from autograder.checking.rubric import Check, Line
from autograder.checking.student import FLAGS, Student, StudentError, once
from autograder.labs.lab3 import contents
from autograder.labs.lab3.faults import FAULTS
from autograder.labs.lab3.images import BANDS, SAMPLE_TEST
from source_lib.data import DataGenerator, patchcam
from source_lib.predictions import FileProblem, Predictions, among, read_predictions

Rng = np.random.Generator

TRAININGS = 5
#: What the files of each kind are called, and which column they have.
CLASSES, PROBABILITIES, VALIDATION = (
    tuple(f"run{k}{kind}.csv" for k in range(1, TRAININGS + 1)) for kind in ("", "_prob", "_valid")
)
_COLUMN = dict.fromkeys(CLASSES, "class") | dict.fromkeys((*PROBABILITIES, *VALIDATION), "probability")
#: What a file counts that is missing or cannot be understood: no training that went badly is better left out.
GUESSING = 0.5
#: How far a reported AUC may be off: Keras' own is an approximation.
TOLERANCE = 0.005
#: How far a variance may be off, as a part of it: of AUCs that were rounded to three digits it is a little different.
VARIANCE_TOLERANCE = 0.1
#: How far the accuracy on test images may be from the best that the probabilities of validation images allow.
_SUSPECT = 0.10


# The files.


@once
def _read(student: Student) -> Mapping[str, Predictions]:
    """Return what each file that is there predicts, by its name."""
    beside = student.files
    n_test, n_valid = _counts(student)
    return {
        name: _predictions(student, name, n_valid if name in VALIDATION else n_test, column)
        for name, column in _COLUMN.items()
        if name in beside
    }


def _predictions(student: Student, name: str, rows: int | None, column: str) -> Predictions:
    try:
        part = "valid" if name in VALIDATION else "test"
        return student.read(name, read_predictions, rows, 2, column, name, part, patchcam.DATASET.class_names)
    except StudentError as error:
        problem = FileProblem(name, None, str(error), "Write it with util.pred_test(model, dataset, name).")
        return Predictions(name, None, None, (problem,))


def _counts(student: Student) -> tuple[int | None, int | None]:
    """Return how many test and validation images there are, as far as that is known."""
    if student.material:
        return len(student.material["y_test"]), len(student.material["y_valid"])
    data = _data(student)
    return (data.N_test, data.N_valid) if data is not None else (None, None)


def _valid_labels(student: Student) -> np.ndarray | None:
    """Return the labels of the validation images, where these are known."""
    if student.material:
        return student.material["y_valid"]
    data = _data(student)
    return None if data is None else data.y_valid


def _data(student: Student) -> DataGenerator | None:
    """Return the images of an open notebook, where they are loaded."""
    data = getattr(student, "loaded", {}).get("data")
    return data if isinstance(data, DataGenerator) and getattr(data, "dataset", None) == patchcam.FOLDER else None


def _format(names: tuple[str, ...], what: str) -> Callable[[Student, Rng], Problem | None]:
    def question(student: Student, rng: Rng) -> Problem | None:
        read = _read(student)
        there = [read[name] for name in names if name in read]
        if not there:
            return lost(what, f"There is no {names[0]} beside the notebook.")
        faults = [next(problem for problem in one.problems if not problem.harmless) for one in there if not one.right]
        wrong = _contents(student).wrong
        faults += [wrong[one.name] for one in there if one.right and one.name in wrong]
        if not faults:
            return None
        return lost(what, _grouped(faults) + _of_sample(student, there))

    return question


def _grouped(faults: list[FileProblem]) -> str:
    """Return the first fault, and which other files have the same; then the first of those that have another."""
    sentences = []
    while faults and len(sentences) < 2:
        same = [fault.file for fault in faults[1:] if fault.remedy == faults[0].remedy]
        sentences.append(f"{faults[0]}" + (f" It is the same in {', '.join(same)}." if same else ""))
        faults = [fault for fault in faults[1:] if fault.remedy != faults[0].remedy]
    return " ".join(sentences)


def _of_sample(student: Student, there: list[Predictions]) -> str:
    """Say so where files are of other images than those that are asked for, known by their number."""
    part = "valid" if there[0].name in VALIDATION else "test"
    wanted = _counts(student)[part == "valid"]
    lines = {len(student.files[one.name].split()) - 1 for one in there}
    practice = patchcam.TISSUE_COUNTS[part]
    if wanted is None or lines == {wanted}:
        return ""
    if wanted == patchcam.N_TISSUE_TEST and lines == {practice}:
        return (
            f" The sample has {practice} images for practice: were these files made without {SAMPLE_TEST}, which came "
            "with the lab, beside the notebook?"
        )
    of_sample = {practice, patchcam.N_TISSUE_TEST} if part == "test" else {practice}
    if lines <= of_sample:
        return (
            f" The sample has {lines.pop()} such images: were these files made while PatchCamelyon could not be found?"
        )
    return ""


def _five(student: Student, rng: Rng) -> Problem | None:
    what = "hand in five files of each kind, of five trainings"
    read = _read(student)
    missing = [name for name in _COLUMN if name not in read]
    if len(missing) == len(_COLUMN):
        return lost(what, "None of them is beside the notebook.")
    if missing:
        named = ", ".join(missing[:6]) + (f" and {len(missing) - 6} more" if len(missing) > 6 else "")
        return lost(what, f"Not there, or too large to be taken along: {named}.")
    # What cannot be understood has lost its points for that already.
    if all(one.values is None for one in read.values()):
        return lost(what, "None of them can be understood.")
    between = _contents(student).copied
    return lost(what, _grouped(between)) if between else None


@dataclass(frozen=True)
class _Contents:
    """What is wrong with files whose form may be right.

    Attributes
    ----------
    wrong : dict of str to FileProblem
        By the name of a file: it is not of its images in their order, or not of class 1.
    copied : list of FileProblem
        What is of no training of its own.
    """

    wrong: Mapping[str, FileProblem]
    copied: list[FileProblem]


@once
def _contents(student: Student) -> _Contents:
    """Find out what is wrong with the contents of files. Each fault is found once: a copy is not judged further."""
    read = _read(student)
    wrong: dict[str, FileProblem] = {}
    copied: list[FileProblem] = []
    for names, judge in ((CLASSES, None), (PROBABILITIES, _of_test), (VALIDATION, _of_validation)):
        there = [read[name] for name in names if name in read and read[name].values is not None]
        if judge is not None:
            wrong |= {one.name: problem for one in there if (problem := contents.by_itself(one)) is not None}
        near, involved = contents.copies([one for one in there if one.name not in wrong])
        same = among(there)
        copied += same or near
        involved |= {problem.file for problem in same}
        for one in there if judge is not None else ():
            if one.name not in wrong and one.name not in involved and (problem := judge(student, one)) is not None:
                wrong[one.name] = problem
    return _Contents(wrong, copied)


def _of_test(student: Student, one: Predictions) -> FileProblem | None:
    """Return what is wrong with probabilities of test images, by the classes of the same training."""
    own = _read(student).get(CLASSES[PROBABILITIES.index(one.name)])
    truth = student.material.get("y_test")
    if own is None or own.values is None:
        return None if truth is None else contents.for_labels(one, truth)
    problem = contents.for_classes(one, own)
    if problem is None or truth is None:
        return problem
    # Where the classes are of no use and the probabilities are, these are right. Classes are paid for their accuracy.
    return None if contents.tells_more(one.values, own.values, truth) else problem


def _of_validation(student: Student, one: Predictions) -> FileProblem | None:
    """Return what is wrong with probabilities of validation images, by these images' labels."""
    twin = _read(student).get(PROBABILITIES[VALIDATION.index(one.name)])
    if twin is not None and twin.values is not None and (same := contents.copies([twin, one])[0]):
        return same[0]
    labels = _valid_labels(student)
    return None if labels is None else contents.for_labels(one, labels)


# The accuracy.


def _reaches(band: int) -> Callable[[Student, Rng], Problem | None]:
    def question(student: Student, rng: Rng) -> Problem | None:
        least = student.material["bands"][band]
        what = f"be right for at least {100 * least:g} % of the test images, on average over five files"
        found = _accuracies(student)
        mean = sum(GUESSING if one is None else one for one in found) / TRAININGS
        if mean >= least - 1e-9:
            return None
        if all(one is None for one in found):
            return lost(what, "There is no file whose classes can be understood.")
        reached = ", ".join(
            f"{GUESSING} (no classes that can be understood)" if one is None else f"{one:.3f}" for one in found
        )
        return lost(what, f"The files reach {reached}; on average {mean:.3f}.{_like_what(found)}")

    return question


@once
def _accuracies(student: Student) -> list[float | None]:
    """Return which part of the test images each file gets right; None where it is missing or not understood."""
    read, truth = _read(student), student.material["y_test"]
    values = [read[name].values if name in read else None for name in CLASSES]
    accuracies = [None if one is None else float((one == truth).mean()) for one in values]
    _look_closer(student, accuracies)
    return accuracies


def _look_closer(student: Student, accuracies: list[float | None]) -> None:
    """Leave notes on what a person should look at. They cost nothing.

    Test images that are classified far better than validation images: their labels were looked up. Far worse: the
    files, or the labels for grading, are of other images. Probabilities that say no more than classes: invented ones.
    """
    read, wrong = _read(student), _contents(student).wrong
    flags = student.notes.setdefault(FLAGS, [])
    valid = [_best_accuracy(read.get(name), student.material["y_valid"]) for name in VALIDATION]
    pairs = [
        (name, on_test, on_valid)
        for name, on_test, on_valid in zip(VALIDATION, accuracies, valid, strict=True)
        if on_test is not None and on_valid is not None and name not in wrong
    ]
    if pairs:
        name, on_test, on_valid = max(pairs, key=lambda pair: abs(pair[1] - pair[2]))
        if abs(on_test - on_valid) > _SUSPECT:
            k = 1 + VALIDATION.index(name)
            flags.append(
                f"Training {k} is right for {100 * on_test:.0f} % of the test images, and for up to "
                f"{100 * on_valid:.0f} % of the validation images: were labels known, or do files and labels not "
                "belong together?"
            )
    empty = [
        name
        for name in (*PROBABILITIES, *VALIDATION)
        if name in read
        and read[name].values is not None
        and name not in wrong
        and contents.only_classes_and_noise(
            read[name].values, student.material["y_valid" if name in VALIDATION else "y_test"]
        )
    ]
    if empty:
        flags.append(
            f"In {', '.join(empty)} a probability says nothing about the class beyond being above 0.5 or below: are "
            "they classes with noise?"
        )


def _best_accuracy(one: Predictions | None, labels: np.ndarray) -> float | None:
    """Return the balanced accuracy that the best threshold gives; None where no file can be understood."""
    from sklearn.metrics import roc_curve

    if one is None or one.values is None or len(np.unique(labels)) < 2:
        return None
    false, true, _ = roc_curve(labels, one.values)
    return float((1 + np.max(true - false)) / 2)


def _like_what(found: list[float | None]) -> str:
    """Say what such accuracies look like, and what to do next."""
    mean = np.mean([one for one in found if one is not None])
    if mean < 0.45:
        return " That is worse than guessing: 1 is a tumor, and 0 is none."
    if mean < 0.55:
        return (
            " That is what guessing gives. If your model does better on validation images, look at the order: the id "
            "of an image is its index in x_test."
        )
    if None in found:
        return " A file that is missing or cannot be understood counts as guessing."
    return " Is your model as good on validation images? Then it has to become better. If not, look at the files."


# What is reported.


def _reported(look: Callable[[Mapping, list[float]], str | None], what: str) -> Callable[[Student, Rng], Any]:
    def question(student: Student, rng: Rng) -> Problem | None:
        try:
            problem = look(_report_of(student), _recomputed(student))
        except StudentError as error:
            problem = str(error)
        return lost(what, problem + _known(student)) if problem else None

    return question


@once
def _report_of(student: Student) -> Mapping:
    reported = student.call("reported")
    if not isinstance(reported, Mapping):
        raise StudentError("reported() returns no dictionary with the keys 'auc', 'mean' and 'sample variance'.")
    return reported


def _validation(student: Student) -> tuple[list[np.ndarray], np.ndarray]:
    """Return the probabilities of the validation images, of each file that can be understood, and their labels."""
    labels = _valid_labels(student)
    if labels is None:
        raise StudentError("The validation images are not loaded: run the cell that makes data.")
    read = _read(student)
    values = [read[name].values for name in VALIDATION if name in read]
    # One number for all images is no prediction.
    values = [one for one in values if one is not None and np.ptp(one) > 0]
    if len(values) < 2 or len(np.unique(labels)) < 2:
        raise StudentError(f"There are no two of {VALIDATION[0]} to {VALIDATION[-1]} whose AUC can be computed.")
    return values, labels


def _recomputed(student: Student) -> list[float]:
    """Return the AUC of each file.

    A file with the probability of class 0 has lost its points for that. What is reported may be of either class.
    """
    values, labels = _validation(student)
    found = [metrics.auc(one, labels) for one in values]
    try:
        mine = _list(_report_of(student))
    except StudentError:
        return found
    if len(mine) != len(found):
        return found
    other = [contents.side(one, labels) < 0 for one in values]
    return [
        1 - auc if turned and abs(got - (1 - auc)) < abs(got - auc) else auc
        for auc, got, turned in zip(found, mine, other, strict=True)
    ]


def _number(reported: Mapping, key: str) -> float:
    found = compare.array(reported.get(key))
    if found is None or found.size != 1 or not np.isfinite(found).all():
        raise StudentError(f"reported() gives no number under {key!r}.")
    return float(found.reshape(-1)[0])


def _list(reported: Mapping) -> np.ndarray:
    found = compare.array(reported.get("auc"))
    if found is None or not found.size or not np.isfinite(found).all():
        raise StudentError("reported() gives no list of numbers under 'auc'.")
    return found.reshape(-1)


def _auc(reported: Mapping, right: list[float]) -> str | None:
    got = _list(reported)
    if len(got) != len(right):
        return f"It gives {len(got)}, and there are {len(right)} files whose AUC can be computed."
    off = np.flatnonzero(~(np.abs(got - right) <= TOLERANCE + 1e-9))
    if not off.size:
        return None
    if _same_in_any_order(got, right):
        return "These are the right numbers in another order: first that of the first training."
    k = int(off[0])
    return f"Number {k + 1} is {got[k]:.6g}, and the file gives {right[k]:.4f}."


def _same_in_any_order(got: np.ndarray, right: list[float]) -> bool:
    return len(got) == len(right) and bool((np.abs(np.sort(got) - np.sort(right)) <= TOLERANCE + 1e-9).all())


def _mean(reported: Mapping, right: list[float]) -> str | None:
    got, expected = _number(reported, "mean"), math.fsum(right) / len(right)
    if abs(got - expected) <= TOLERANCE + 1e-9:
        return None
    return f"It gives {got:.6g}, and the files give {expected:.4f}."


def _variance(reported: Mapping, right: list[float]) -> str | None:
    got, mine = _number(reported, "sample variance"), _list(reported)
    if not _same_in_any_order(mine, right):
        return "The numbers under 'auc' are not those of the files, so their variance does not count."
    if any(abs(got - one) <= VARIANCE_TOLERANCE * one + 1e-12 for one in (np.var(mine, ddof=1), np.var(right, ddof=1))):
        return None
    return f"It gives {got:.4g}, and the numbers under 'auc' have the sample variance {np.var(mine, ddof=1):.4g}."


def _known(student: Student) -> str:
    """Say which known mistake gives what is reported, where exactly one does."""
    try:
        reported, (values, labels) = _report_of(student), _validation(student)
        got = [*_list(reported), _number(reported, "mean"), _number(reported, "sample variance")]
    except StudentError:
        return ""
    fitting = []
    for fault in FAULTS:
        if fault.to == "report" and fault.hint:
            report = fault.apply(None)(values, labels)
            like = [*report["auc"], report["mean"], report["sample variance"]]
            if len(like) == len(got) and np.allclose(got, like, rtol=1e-3, atol=1e-9):
                fitting.append(fault.hint)
    return f" {fitting[0]}" if len(fitting) == 1 else ""


_LATER = "only whoever grades has the labels of the test images. Your validation images tell you what to expect."

CHECKS = (
    Check(
        "files",
        (
            Line(
                "classes",
                "run1.csv to run5.csv: right in form",
                4.0,
                _format(CLASSES, "write the classes of the test images in the right form"),
            ),
            Line(
                "probabilities",
                "run1_prob.csv to run5_prob.csv: right in form",
                2.0,
                _format(PROBABILITIES, "write the probabilities of the test images in the right form"),
            ),
            Line(
                "validation",
                "run1_valid.csv to run5_valid.csv: right in form",
                2.0,
                _format(VALIDATION, "write the probabilities of the validation images in the right form"),
            ),
            Line("five", "Five files of each kind, of five trainings", 3.0, _five),
        ),
    ),
    Check(
        "accuracy",
        tuple(
            Line(
                key,
                f"Test images: {100 * BANDS['real'][band]:g} % right on average; of the sample "
                f"{100 * BANDS['sample'][band]:g} %",
                3.0,
                _reaches(band),
                later=_LATER,
            )
            for band, key in enumerate(("some", "more", "all"))
        ),
    ),
    Check(
        "reported",
        (
            Line(
                "auc",
                "The AUC of each training on the validation images",
                2.0,
                _reported(_auc, "report the AUC that each file of validation images gives, in their order"),
            ),
            Line("mean", "Their mean", 1.0, _reported(_mean, "report the mean of these AUCs")),
            Line(
                "variance",
                "Their sample variance",
                1.0,
                _reported(_variance, "report the sample variance of these AUCs, not rounded"),
            ),
        ),
    ),
)
