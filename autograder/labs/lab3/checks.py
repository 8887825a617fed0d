"""Lab 3, tumor classification: files of predictions, scored with labels that no student's code has ever seen.

Nothing is trained while grading. What a file says is what counts: its form, whether it is of a training of its own, how
many test images it names right, and whether the AUC that is reported is the one that its probabilities give.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from autograder.checking import compare, metrics
from autograder.checking.problem import Problem, lost
from autograder.checking.rubric import Check, Line
from autograder.checking.student import FLAGS, Student, StudentError, once
from autograder.errors import UserError
from autograder.labs.lab3.faults import FAULTS
from source_lib.data import DataGenerator, DatasetError, patchcam
from source_lib.predictions import FileProblem, Predictions, among, read_predictions

Rng = np.random.Generator

TRAININGS = 5
#: What the files of each kind are called, and which column they have.
CLASSES, PROBABILITIES, VALIDATION = (
    tuple(f"run{k}{kind}.csv" for k in range(1, TRAININGS + 1)) for kind in ("", "_prob", "_valid")
)
_COLUMN = dict.fromkeys(CLASSES, "class") | dict.fromkeys((*PROBABILITIES, *VALIDATION), "probability")
#: The average accuracy that each line asks for.
ACCURACIES = {"some": 0.60, "more": 0.65, "all": 0.70}
#: How far a reported AUC may be off: Keras' own is an approximation.
TOLERANCE = 0.005
#: How far a variance may be off, as a part of it: of AUCs that were rounded to three digits it is a little different.
VARIANCE_TOLERANCE = 0.1
#: How far the accuracy on test images may be from the best that the probabilities of validation images allow.
_SUSPECT = 0.10
#: Beside the course's configuration, written by ``cnn-course data patchcam``.
LABELS = Path("labels") / "lab3.csv"


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
        return student.read(name, read_predictions, rows, 2, column, name)
    except StudentError as error:
        problem = FileProblem(name, None, str(error), "Write it with util.pred_test(model, dataset, name).")
        return Predictions(name, None, None, (problem,))


def _counts(student: Student) -> tuple[int | None, int | None]:
    """Return how many test and validation images there are, as far as that is known."""
    if student.material:
        return len(student.material["y_test"]), len(student.material["y_valid"])
    data = _data(student)
    return (data.N_test, data.N_valid) if data is not None else (None, None)


def _data(student: Student) -> DataGenerator | None:
    """Return the images of an open notebook, where they are loaded."""
    data = getattr(student, "functions", {}).get("data")
    return data if isinstance(data, DataGenerator) and getattr(data, "dataset", None) == patchcam.FOLDER else None


def _format(names: tuple[str, ...], what: str) -> Callable[[Student, Rng], Problem | None]:
    def question(student: Student, rng: Rng) -> Problem | None:
        read = _read(student)
        there = [read[name] for name in names if name in read]
        if not there:
            return lost(what, f"There is no {names[0]} beside the notebook.")
        faults = [next(problem for problem in one.problems if not problem.harmless) for one in there if not one.right]
        if names is VALIDATION:
            pairs = zip(PROBABILITIES, VALIDATION, strict=True)
            twice = [among([read[test], read[valid]]) for test, valid in pairs if test in read and valid in read]
            faults += [f for found in twice for f in found if f.what.startswith("It predicts the same")]
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
    """Say so where files are of the sample's test images, and others are asked for."""
    count = patchcam.TISSUE_COUNTS["test"]
    lines = {len(student.files[one.name].split()) for one in there}
    if _counts(student)[0] in (None, count) or lines != {count + 1}:
        return ""
    return f" The sample has {count} test images: were these files made while PatchCamelyon could not be found?"


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
    for names in (CLASSES, PROBABILITIES, VALIDATION):
        if between := among(read[name] for name in names):
            return lost(what, _grouped(between))
    return None


# The accuracy.


def _reaches(least: float) -> Callable[[Student, Rng], Problem | None]:
    what = f"be right for at least {100 * least:.0f} % of the test images, on average over five files"

    def question(student: Student, rng: Rng) -> Problem | None:
        found = _accuracies(student)
        mean = sum(one or 0.0 for one in found) / TRAININGS
        if mean >= least - 1e-9:
            return None
        if all(one is None for one in found):
            return lost(what, "There is no file whose classes can be understood.")
        reached = ", ".join("0 (no classes that can be understood)" if one is None else f"{one:.3f}" for one in found)
        return lost(what, f"The files reach {reached}; on average {mean:.3f}.{_like_what(found)}")

    return question


@once
def _accuracies(student: Student) -> list[float | None]:
    """Return which part of the test images each file gets right; None where it is missing or not understood."""
    read, truth = _read(student), student.material["y_test"]
    values = [read[name].values if name in read else None for name in CLASSES]
    accuracies = [None if one is None else float((one == truth).mean()) for one in values]
    _compare_with_validation(student, [one for one in accuracies if one is not None])
    return accuracies


def _compare_with_validation(student: Student, found: list[float]) -> None:
    """Leave a note where test images are classified far better or worse than validation images. It costs nothing.

    Far better: their labels were looked up. Far worse: the files, or the labels for grading, are of other images.
    """
    from sklearn.metrics import roc_curve

    try:
        values, labels = _validation(student)
    except StudentError:
        return
    curves = [roc_curve(labels, one) for one in values]
    valid = np.mean([(1 + np.max(true - false)) / 2 for false, true, _ in curves])
    if found and abs(np.mean(found) - valid) > _SUSPECT:
        student.notes.setdefault(FLAGS, []).append(
            f"The files are right for {100 * np.mean(found):.0f} % of the test images, and for up to {100 * valid:.0f} "
            "% of the validation images: were the labels known, or do files and labels not belong together?"
        )


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
        return " A file that is missing or cannot be understood counts 0."
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
    data = _data(student)
    labels = student.material["y_valid"] if student.material else None if data is None else data.y_valid
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
    values, labels = _validation(student)
    return [metrics.auc(one, labels) for one in values]


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


# What grading alone has.


def material(course: Path, seed: int) -> Mapping[str, Any]:
    """Return the labels of the test images and of the validation images, and what the images are.

    The sample is graded where there are no real images, or the course's labels are those of the sample.

    Parameters
    ----------
    course : pathlib.Path
        The course's folder.
    seed : int
        Not used: nothing is drawn.

    Returns
    -------
    dict
        ``y_test`` [N], ``y_valid`` [N] and ``data``, what the images are.

    Raises
    ------
    UserError
        If the labels of the test images are missing, or are not those of the images that this machine has.
    """
    path = course / LABELS
    real = patchcam.find_patchcam() is not None and not _of_the_sample(path)
    data = DataGenerator(verbose=False)
    try:
        # As in the notebook, but for the training images: which ones are for validation does not depend on these.
        data.generate("patchcam", N_train=1, source="real" if real else "sample")
    except DatasetError as error:
        raise UserError(str(error)) from None
    if path.is_file():
        labels = read_predictions(path, data.N_test, data.K, "class", str(path))
        faults = [problem for problem in labels.problems if not problem.harmless]
        if faults:
            where = "" if real else " There is no PatchCamelyon on this machine, so they are compared with its sample."
            raise UserError(
                f"The labels for grading do not fit. {replace(faults[0], remedy='')} "
                f"There must be one class, 0 or 1, for each of the {data.N_test} test images.{where}"
            )
        truth = labels.values
    elif real:
        raise UserError(
            f"There are no labels for grading: {path} is missing. The file is written when the images are made: "
            f"cnn-course data patchcam --from DIR --labels {LABELS}"
        )
    else:
        truth = patchcam.tissue_labels().astype(np.int64)
    return {"y_test": truth, "y_valid": data.y_valid, "data": data.title}


def _of_the_sample(path: Path) -> bool:
    """Return whether labels for grading are those of the sample, which is what is graded then."""
    truth = patchcam.tissue_labels()
    return path.is_file() and np.array_equal(read_predictions(path, len(truth)).values, truth)


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
            Line(key, f"Test images: {100 * least:.0f} % right on average", 3.0, _reaches(least), later=_LATER)
            for key, least in ACCURACIES.items()
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
