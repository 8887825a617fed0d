"""The known faults of lab 3: a right submission with one thing wrong.

A submission of this lab is its files and what it reports of them, so a fault changes these instead of a function. The
tests prove that each loses exactly the lines it names; a check compares what is reported with what the faults report.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np

from autograder.checking import metrics
from autograder.checking.faults import Fault

Files = dict[str, bytes]
Report = dict[str, object]


#: The check of each line.
_CHECKS = {
    **dict.fromkeys(("classes", "probabilities", "validation", "five"), "files"),
    **dict.fromkeys(("some", "more", "all"), "accuracy"),
    **dict.fromkeys(("auc", "mean", "variance"), "reported"),
}


def _fault(
    id: str,
    loses: frozenset[str],
    files: Callable[[Files], Files] | None = None,
    reported: Callable[[list[np.ndarray], np.ndarray], Report] | None = None,
    hint: str = "",
    second_hint: str = "",
) -> Fault:
    """Return a fault of the files, or one of what is reported of them.

    Parameters
    ----------
    id : str
    loses : frozenset of str
        Keys of the lines that it costs a submission whose files are right for 0.82 to 0.88 of the test images each.
    files : callable, optional
        Takes the right files by their names, and returns those that are handed in.
    reported : callable, optional
        Takes the probabilities of the validation images of each training, and their labels, and returns what is
        reported of them.
    hint : str
        What the fault looks like and what to do, where what is reported shows it.
    second_hint : str
        More direct, for whoever asks again.
    """
    lines = frozenset(f"{_CHECKS[key]}.{key}" for key in loses)
    if files is not None:
        return Fault(id, lines, files, to="files", hint=hint, second_hint=second_hint)
    return Fault(id, lines, lambda report: reported, to="report", hint=hint, second_hint=second_hint)


def _each(pattern: str, change: Callable[[bytes], bytes]) -> Callable[[Files], Files]:
    """Return a change of every file whose name fits."""
    return lambda files: {
        name: change(content) if re.fullmatch(pattern, name) else content for name, content in files.items()
    }


CLASSES, PROBABILITIES, VALIDATION = r"run\d\.csv", r"run\d_prob\.csv", r"run\d_valid\.csv"
ANY = r"run\d.*\.csv"


def _rows(content: bytes) -> list[list[str]]:
    return [line.split(",") for line in content.decode().split()[1:]]


def _csv(header: str, rows: list) -> bytes:
    return "".join(f"{line}\n" for line in [header, *(",".join(map(str, row)) for row in rows)]).encode()


def _one_hot_classes(content: bytes) -> bytes:
    return _csv("id,0,1", [(k, 1 - int(c), int(c)) for k, c in _rows(content)])


def _one_hot_ids(content: bytes) -> bytes:
    return _csv("id,class", [(2 * int(k) + int(c), c) for k, c in _rows(content)])


def _argmax_over_images(content: bytes) -> bytes:
    classes = np.array([int(c) for _, c in _rows(content)])
    return _csv("id,class", list(enumerate(np.eye(2)[classes].argmax(axis=0))))


def _shuffled(content: bytes) -> bytes:
    rows = _rows(content)
    order = np.random.default_rng(len(content)).permutation(len(rows))
    return _csv("id,class", [(k, rows[place][1]) for k, place in enumerate(order)])


def _index_column(content: bytes) -> bytes:
    header, *lines = content.decode().split()
    return "".join(f"{line}\n" for line in [f",{header}", *(f"{k},{line}" for k, line in enumerate(lines))]).encode()


def _spreadsheet(content: bytes) -> bytes:
    return b"\xef\xbb\xbf" + content.replace(b",", b";").replace(b".", b",")


def _without(*numbers: int) -> Callable[[Files], Files]:
    return lambda files: {name: content for name, content in files.items() if int(name[3]) not in numbers}


def _under_five_names(files: Files) -> Files:
    return {name: files[f"run1{name[4:]}"] for name in files}


def _instead(name: str, content: bytes) -> Callable[[Files], Files]:
    return lambda files: files | {name: content}


def _probabilities(content: bytes) -> np.ndarray:
    return np.array([float(p) for _, p in _rows(content)])


def _written(probabilities: np.ndarray) -> bytes:
    return _csv("id,probability", list(enumerate(probabilities.tolist())))


def _of_probabilities(change: Callable[[np.ndarray], np.ndarray]) -> Callable[[Files], Files]:
    """Return a change of all files of probabilities, of test images and of validation images."""
    return _each(rf"{PROBABILITIES}|{VALIDATION}", lambda content: _written(change(_probabilities(content))))


def _mean_of_the_others(files: Files) -> Files:
    last = {
        f"run5{kind}.csv": np.mean([_probabilities(files[f"run{k}{kind}.csv"]) for k in range(1, 5)], axis=0)
        for kind in ("_prob", "_valid")
    }
    return files | {name: _written(mean) for name, mean in last.items()}


def _one_training_with_noise(files: Files) -> Files:
    noisy = _under_five_names(files)
    for name in files:
        if "_" in name and name[3] != "1":
            right = _probabilities(noisy[name])
            noise = np.random.default_rng(int(name[3])).normal(0, 1e-9, len(right))
            noisy[name] = _written(np.clip(right + noise, 0, 1))
    return noisy


def _mixed_up(files: Files) -> Files:
    return files | {f"run{k}_prob.csv": files[f"run{k % 5 + 1}_prob.csv"] for k in range(1, 6)}


def _half(files: Files) -> Files:
    # In the middle of a line, as a full disk or a broken upload leaves it.
    content = files["run2.csv"]
    return files | {"run2.csv": content[: content.index(b"\n", len(content) // 2) - 1]}


def _test_for_validation(files: Files) -> Files:
    return {name: files[name.replace("_valid", "_prob")] for name in files}


def _report(auc: list[float], mean: float | None = None, variance: float | None = None) -> Report:
    return {
        "auc": auc,
        "mean": np.mean(auc) if mean is None else mean,
        "sample variance": np.var(auc, ddof=1) if variance is None else variance,
    }


def _aucs(values: list[np.ndarray], labels: np.ndarray) -> list[float]:
    return [metrics.auc(one, labels) for one in values]


def _of_classes(values: list[np.ndarray], labels: np.ndarray) -> Report:
    return _report(_aucs([one > 0.5 for one in values], labels))


def _of_other_class(values: list[np.ndarray], labels: np.ndarray) -> Report:
    return _report(_aucs([1 - one for one in values], labels))


def _of_training(values: list[np.ndarray], labels: np.ndarray) -> Report:
    # What the files cannot show: on the images that it was trained with a model does better.
    return _report([1 - (1 - one) / 3 for one in _aucs(values, labels)])


def _other_order(values: list[np.ndarray], labels: np.ndarray) -> Report:
    return _report(_aucs(values, labels)[::-1])


def _best(values: list[np.ndarray], labels: np.ndarray) -> Report:
    auc = _aucs(values, labels)
    return _report(auc, mean=max(auc))


def _population(values: list[np.ndarray], labels: np.ndarray) -> Report:
    auc = _aucs(values, labels)
    return _report(auc, variance=np.var(auc))


def _deviation(values: list[np.ndarray], labels: np.ndarray) -> Report:
    auc = _aucs(values, labels)
    return _report(auc, variance=np.std(auc, ddof=1))


def _percent(values: list[np.ndarray], labels: np.ndarray) -> Report:
    return _report([100 * one for one in _aucs(values, labels)])


_ACCURACY = frozenset(("some", "more", "all"))
_PROBABILITIES = frozenset(("probabilities", "validation"))
_REPORTED = frozenset(("auc", "mean", "variance"))

FAULTS = (
    _fault("one_hot_classes", frozenset(("classes",)), _each(CLASSES, _one_hot_classes)),
    _fault("one_hot_ids", _ACCURACY | {"classes"}, _each(CLASSES, _one_hot_ids)),
    _fault("argmax_over_images", _ACCURACY | {"classes"}, _each(CLASSES, _argmax_over_images)),
    _fault(
        "classes_as_floats",
        frozenset(("classes",)),
        _each(CLASSES, lambda content: re.sub(rb"(?m)(?<=,[01])$", b".0", content)),
    ),
    _fault(
        "classes_as_booleans",
        frozenset(("classes",)),
        _each(CLASSES, lambda content: _csv("id,class", [(k, c == "1") for k, c in _rows(content)])),
    ),
    _fault(
        "values_in_brackets",
        frozenset(("classes", "probabilities", "validation")),
        _each(ANY, lambda content: re.sub(rb"(?m)(?<=[0-9],)([0-9.e-]+)$", rb"[\1]", content)),
    ),
    _fault(
        "classes_by_name",
        frozenset(("classes",)),
        _each(
            CLASSES,
            lambda content: _csv("id,class", [(k, "tumor" if c == "1" else "no tumor") for k, c in _rows(content)]),
        ),
    ),
    _fault(
        "probabilities_for_classes",
        frozenset(("classes",)),
        lambda files: files | {f"run{k}.csv": files[f"run{k}_prob.csv"] for k in range(1, 6)},
    ),
    _fault(
        "probabilities_called_classes",
        frozenset(("classes",)),
        lambda files: (
            files | {f"run{k}.csv": files[f"run{k}_prob.csv"].replace(b"probability", b"class", 1) for k in range(1, 6)}
        ),
    ),
    _fault("rows_shuffled", _ACCURACY, _each(CLASSES, _shuffled)),
    _fault(
        "labels_inverted",
        _ACCURACY,
        _each(CLASSES, lambda content: _csv("id,class", [(k, 1 - int(c)) for k, c in _rows(content)])),
    ),
    _fault(
        "always_tumor",
        _ACCURACY | {"classes", "five"},
        _each(CLASSES, lambda content: _csv("id,class", [(k, 1) for k, _ in _rows(content)])),
    ),
    _fault(
        "ids_from_one",
        frozenset(("classes",)),
        _each(CLASSES, lambda content: _csv("id,class", [(int(k) + 1, c) for k, c in _rows(content)])),
    ),
    _fault("index_column", frozenset(("classes", "probabilities", "validation")), _each(ANY, _index_column)),
    _fault("spreadsheet", frozenset(("classes", "probabilities", "validation")), _each(ANY, _spreadsheet)),
    _fault("semicolons", frozenset(("classes",)), _each(CLASSES, lambda content: content.replace(b",", b";"))),
    _fault("byte_order_mark", frozenset(("classes",)), _each(CLASSES, lambda content: b"\xef\xbb\xbf" + content)),
    _fault("four_trainings", frozenset(("five",)), _without(5)),
    _fault("one_training_under_five_names", frozenset(("five",)), _under_five_names),
    _fault("one_training_with_noise", frozenset(("five",)), _one_training_with_noise),
    _fault("mean_of_the_others", frozenset(("five",)), _mean_of_the_others),
    _fault("probability_of_class_0", _PROBABILITIES, _of_probabilities(lambda p: 1 - p)),
    _fault("classes_as_probabilities", _PROBABILITIES, _of_probabilities(lambda p: (p > 0.5).astype(float))),
    _fault("probabilities_sorted", _PROBABILITIES, _of_probabilities(np.sort)),
    _fault(
        "probabilities_shuffled",
        _PROBABILITIES,
        _of_probabilities(lambda p: np.random.default_rng(0).permutation(p)),
    ),
    _fault("probabilities_of_another_run", frozenset(("probabilities",)), _mixed_up),
    _fault("cut_in_the_middle", frozenset(("classes",)), _half),
    _fault("empty_file", frozenset(("classes",)), _instead("run3.csv", b"")),
    _fault("no_text", frozenset(("classes",)), _instead("run3.csv", bytes(range(256)) * 40)),
    _fault("a_million_rows", frozenset(("classes",)), _instead("run3.csv", b"id,class\n" + b"0,1\n" * 10**6)),
    _fault(
        "probabilities_missing",
        frozenset(("probabilities", "five")),
        lambda files: {name: content for name, content in files.items() if "_prob" not in name},
    ),
    _fault("test_images_for_validation", _REPORTED | {"validation"}, _test_for_validation),
    _fault(
        "auc_of_classes",
        _REPORTED,
        reported=_of_classes,
        hint="That is the AUC of classes, 0 or 1: with balanced classes, the accuracy. Compute it of probabilities.",
        second_hint=(
            "Hand the column of the probabilities to the function that computes the AUC, not that of the classes."
        ),
    ),
    _fault(
        "auc_of_the_other_class",
        _REPORTED,
        reported=_of_other_class,
        hint="That is the AUC of the probability of class 0.",
        second_hint="The probability of a tumor is that of class 1: take the other column, or 1 minus yours.",
    ),
    _fault("auc_of_training_images", _REPORTED, reported=_of_training),
    _fault(
        "auc_in_percent",
        _REPORTED,
        reported=_percent,
        hint="That is in percent. An AUC is between 0 and 1.",
        second_hint="Leave the factor of 100 out.",
    ),
    _fault("auc_in_another_order", frozenset(("auc",)), reported=_other_order),
    _fault(
        "best_for_mean",
        frozenset(("mean",)),
        reported=_best,
        hint="That is the best training, not the mean of all.",
        second_hint="Add up all five and divide by five.",
    ),
    _fault(
        "population_variance",
        frozenset(("variance",)),
        reported=_population,
        hint="That has n in the denominator; the sample variance has n - 1.",
        second_hint="NumPy's function has an argument for what is taken off n in the denominator: set it to 1.",
    ),
    _fault(
        "standard_deviation",
        frozenset(("variance",)),
        reported=_deviation,
        hint="That is the standard deviation, the square root of the variance.",
        second_hint="Square it, or use the function for the variance.",
    ),
)
