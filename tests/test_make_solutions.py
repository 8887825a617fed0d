"""What the labs' solutions reach: trained by the code that the labs' texts hold, kept once, shown as it is."""

import functools

import numpy as np
import pytest

from autograder.checking.reproduction import Reproduction
from autograder.labs.lab2 import solution as regularization
from autograder.labs.lab3 import solution as tumors
from book import make_solutions
from book.stored import DATA, read_lines
from source_lib.data import DataGenerator


@pytest.fixture(scope="module")
def digits():
    data = DataGenerator(verbose=False)
    data.generate("mnist", source="sample", N_test=50)
    return data


@pytest.fixture(scope="module")
def tissue():
    data = DataGenerator(verbose=False)
    data.generate("patchcam", N_train=70, N_valid=40, source="sample")
    return data


@pytest.fixture
def short(tmp_path, monkeypatch):
    """The labs' texts with solutions that train for a moment."""
    for lab, changes in {"lab2": QUICK_LAB2, "lab3": QUICK_LAB3}.items():
        text = (make_solutions.TEXTS / lab / f"{lab}.md").read_text()
        for old, new in changes.items():
            assert old in text
            text = text.replace(old, new)
        (tmp_path / "texts" / lab).mkdir(parents=True)
        (tmp_path / "texts" / lab / f"{lab}.md").write_text(text)
    monkeypatch.setattr(make_solutions, "TEXTS", tmp_path / "texts")


QUICK_LAB2 = {"epochs, repeats, batch = 40, 10, 32": "epochs, repeats, batch = 1, 1, 64"}
QUICK_LAB3 = {"epochs, batch = 9, 64": "epochs, batch = 1, 35"}


@pytest.mark.parametrize("lab", make_solutions.reproductions())
def test_what_is_stored_was_made_by_the_solutions_as_they_are(lab):
    about, *lines = read_lines(DATA / f"solution-{lab}.jsonl")
    assert about["lab"] == lab and {line["lab"] for line in lines} == {lab}
    assert about["solution"] == make_solutions.solution(lab).key, f"make reproduce: {lab}'s solution has changed"
    assert not about["data"].startswith("Sample"), "what a page shows comes from real images"


def test_lab_2_is_trained_once_for_each_seed(digits, short, tmp_path):
    assert [line["seed"] for line in read_lines(DATA / "solution-lab2.jsonl")[1:]] == list(regularization.SEEDS)
    work = tmp_path / "not" / "there yet"
    two = Reproduction("mnist", functools.partial(regularization.train, seeds=[0, 3]))
    about, *lines = make_solutions.reproduce("lab2", two, digits, work)
    assert about["images"] == {"training": 128, "test": 50} and about["data"] == digits.title
    assert [line["seed"] for line in lines] == [0, 3]
    # Of 50 images.
    assert all((line["accuracy"] / 2) % 1 == pytest.approx(0, abs=1e-9) for line in lines)
    (kept,) = work.glob("lab2-*.jsonl")
    before = kept.read_bytes()
    assert make_solutions.reproduce("lab2", two, digits, work)[1:] == lines and kept.read_bytes() == before


def test_lab_3_is_judged_by_images_that_it_was_not_trained_with(tissue, short, tmp_path, monkeypatch):
    judged = [(line["judged"], line["seed"]) for line in read_lines(DATA / "solution-lab3.jsonl")[1:]]
    of_each = {"validation": tumors.SEEDS, "split": tumors.SPLITS, "sample": tumors.SAMPLE_SEEDS}
    assert judged == [(name, seed) for name, seeds in of_each.items() for seed in seeds]
    trained = []
    once = tumors.train_once
    monkeypatch.setattr(tumors, "train_once", lambda *given: trained.append(given) or once(*given))
    few = Reproduction(
        "patchcam", functools.partial(tumors.train, seeds=[1], splits=[0, 1], sample_seeds=[]), colors=True
    )
    about, *lines = make_solutions.reproduce("lab3", few, tissue, tmp_path)
    assert [(line["judged"], line["seed"], line["images"]) for line in lines] == [
        ("validation", 1, 70),
        ("split", 0, 60),
        ("split", 1, 60),
    ]
    for _, _, x, y, x_valid, y_valid in trained:
        assert not {image.tobytes() for image in x} & {image.tobytes() for image in x_valid}
        assert len(x) == len(y) and len(x_valid) == len(y_valid)
    left_out = [frozenset(image.tobytes() for image in given[4]) for given in trained[1:]]
    assert left_out[0] != left_out[1] and all(len(images) == 10 for images in left_out)
    for line in lines:
        assert 0 <= line["auc"] <= 1 and line["cpu_seconds"] > 0
    assert set(about["colors"]) == {"mean_colors", "boosting"}
    assert all(set(found) == {"accuracy", "auc"} for found in about["colors"].values())
    assert make_solutions.reproduce("lab3", few, tissue, tmp_path)[1:] == lines and len(trained) == 3


def test_what_is_trained_with_other_code_is_trained_anew(digits, short, tmp_path):
    first = make_solutions.solution("lab2").key
    path = make_solutions.TEXTS / "lab2" / "lab2.md"
    path.write_text(path.read_text().replace("epochs, repeats, batch = 1, 1, 64", "epochs, repeats, batch = 2, 1, 64"))
    assert make_solutions.solution("lab2").key != first
    # What stands around the solution says nothing about it.
    text = path.read_text()
    path.write_text(text.replace("Write `build_model()`", "Now write `build_model()`", 1))
    assert path.read_text() != text and make_solutions.solution("lab2").key != first


def test_the_solution_is_the_one_that_students_never_see():
    model = make_solutions.solution("lab3").build_model()
    assert model.output_shape == (None, 1) and np.isfinite(model.count_params())


def test_missing_images_are_one_sentence(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("CNN_COURSE_DATA", str(tmp_path))
    (tmp_path / "mnist.npz").write_bytes(b"cut off")
    assert make_solutions.main(["--labs", "lab2", "--output", str(tmp_path), "--work", str(tmp_path)]) == 1
    said = capsys.readouterr().err
    assert said.startswith("The solutions were not trained.") and "Traceback" not in said
    assert not list(tmp_path.glob("*.jsonl"))
