"""Right submissions to lab 3: files as five trainings write them, drawn from the truth, and a report of them."""

import functools
from pathlib import Path

import numpy as np
from scipy.stats import norm
from sklearn.metrics import roc_auc_score

from autograder.checking.student import NotebookStudent
from autograder.labs.lab3 import LAB, checks
from autograder.labs.lab3.images import BANDS
from source_lib import predictions
from source_lib.data import DataGenerator, patchcam
from source_lib.predictions import table
from tests.labs.kit import asked

#: How well the five trainings of a right submission tell the classes apart: right for 82 % to 88 % of the images.
SEPARATIONS = (1.0, 1.1, 0.95, 1.2, 0.9)
LONG_SEEDS = 1
#: Of the course: it draws the images that are graded.
SECRET = 20_261_128


@functools.cache
def material():
    """Return what grading the sample has, whether or not real images are on this machine."""
    x_test, y_test = patchcam.tissue_test(SECRET)
    data = DataGenerator(verbose=False)
    data.generate("patchcam", source="sample", sample_test=x_test)
    return {"y_test": y_test.astype(int), "y_valid": data.y_valid, "bands": BANDS["sample"], "data": data.title}


def scores(labels, separation, seed):
    """Return a number for each image from which its class can be told, more or less."""
    return (2 * labels - 1) * separation + np.random.default_rng(seed).normal(size=len(labels))


def right_files(material, separations=SEPARATIONS):
    """Return what five trainings hand in."""
    files = {}
    for k, separation in enumerate(separations, start=1):
        test = norm.cdf(scores(material["y_test"], separation, k))
        files[f"run{k}.csv"] = table("class", (test > 0.5).astype(int))
        files[f"run{k}_prob.csv"] = table("probability", test)
        files[f"run{k}_valid.csv"] = table("probability", norm.cdf(scores(material["y_valid"], separation, k + 5)))
    return files


def validation(files, count=500):
    """Return the probabilities of the validation images of each training that has a file; None where it is unclear."""
    return [
        predictions.read_predictions(files[name], count, column="probability").values
        for name in checks.VALIDATION
        if name in files
    ]


def report(values, labels):
    auc = [float(roc_auc_score(labels, one)) for one in values]
    return {"auc": auc, "mean": float(np.mean(auc)), "sample variance": float(np.var(auc, ddof=1))}


def reordered(content):
    header, *lines = content.splitlines()
    return b"\n".join([header, *np.random.default_rng(1).permutation(lines).tolist()])


def rewritten(content, write):
    """Write the probabilities of a file otherwise; classes stay as they are."""
    header, *lines = content.decode().split()
    if header != "id,probability":
        return content
    pairs = (line.split(",") for line in lines)
    return "\n".join([header, *(f"{k},{write(float(p))}" for k, p in pairs)]).encode()


#: How a right file may be written.
FORMS = {
    "as the course writes it": lambda content: content,
    "CR LF": lambda content: content.replace(b"\n", b"\r\n"),
    "ids in other order": reordered,
    "no last line end": lambda content: content.rstrip(b"\n"),
    "empty lines at the end": lambda content: content + b"\n\n",
    "CR": lambda content: content.replace(b"\n", b"\r"),
    "in single precision": lambda content: rewritten(content, lambda p: np.float32(p).item()),
    "rounded to two digits": lambda content: rewritten(content, lambda p: round(p, 2)),
    "in scientific notation": lambda content: rewritten(content, "{:.9e}".format),
    "capital E and a plus sign": lambda content: rewritten(content, lambda p: f"{p:+.6E}"),
    "another threshold": lambda content: content,
    "overconfident": lambda content: rewritten(content, lambda p: 1 / (1 + ((1 - p) / max(p, 1e-300)) ** 6)),
}
#: How a right report may be given.
REPORTS = {
    "rounded": lambda told: told | {"auc": np.round(told["auc"], 3), "mean": round(told["mean"], 3)},
    "arrays": lambda told: {key: np.asarray(value, dtype="float32") for key, value in told.items()},
    "approximated": lambda told: told | {"auc": tuple(one + 0.004 for one in told["auc"])},
    "more than is asked": lambda told: told | {"accuracy": [0.8] * 5, "note": "five trainings"},
}
VARIANTS = (*FORMS, *REPORTS)


def outcome(tools, seed, variant=None, fault=None):
    right, labels = right_files(material()), material()["y_valid"]
    files = {name: FORMS.get(variant, FORMS["as the course writes it"])(content) for name, content in right.items()}
    if variant == "another threshold":
        for k in range(1, 6):
            test = predictions.read_predictions(right[f"run{k}_prob.csv"]).values
            files[f"run{k}.csv"] = table("class", (test > 0.42).astype(int))
    if fault is not None and fault.to == "files":
        files = fault.apply(files)
    # Of files that cannot be understood somebody has computed the report before they were spoiled.
    there = validation(files)
    there = validation(right) if any(values is None for values in there) else there
    reported = (fault.apply(report) if fault is not None and fault.to == "report" else report)(there, labels)
    reported = REPORTS.get(variant, lambda told: told)(reported)
    for path in Path().glob("run*.csv"):
        path.unlink()
    for name, content in files.items():
        Path(name).write_bytes(content)
    return asked(NotebookStudent({"reported": lambda: reported}, material=material()), LAB.checks, 0)
