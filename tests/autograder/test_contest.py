"""Contests that no lab has: three classes, masks, values; from the files that a class handed in to the page."""

import csv
import doctest
import importlib
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from bs4 import BeautifulSoup
from PIL import Image
from sklearn.metrics import accuracy_score, f1_score, mean_squared_error, roc_auc_score

import autograder.labs
from autograder import cli
from autograder.checking import contest as contest_module
from autograder.checking.contest import Contest
from autograder.checking.lab import LabError
from autograder.leaderboard import page
from autograder.leaderboard.board import find_contest, make_board
from autograder.leaderboard.scores import public_part
from source_lib.predictions import write_csv
from tests.conftest import ROOT

SECRET = 7
LABELS = Path("labels.file")
CLASSES = Contest(
    "lab91",
    "Three shapes",
    {"accuracy": ("a.csv", "b.csv"), "auc": ("a_prob.csv", "b_prob.csv")},
    LABELS,
    classes=3,
)
MASKS = Contest("lab92", "Cells", {"dice": ("masks.npz",)}, LABELS, shape=(6, 11), images_per_step=0.5)
VALUES = Contest(
    "lab93", "Houses", {"mse": ("one.csv", "two.csv")}, LABELS, limits=(0, 50), examples="houses", images_per_step=0.02
)


def columns(header, rows):
    lines = (",".join(map(str, [k, *np.atleast_1d(row).tolist()])) for k, row in enumerate(rows))
    return "\n".join([header, *lines]) + "\n"


def npz(path, masks):
    np.savez_compressed(path, masks=np.packbits(masks, axis=2))


def png(path, masks):
    Image.fromarray(np.uint8(masks.reshape(-1, masks.shape[2])) * 255).save(path, format="PNG")


def board_of(folder, contest, private=False):
    folders = {path.name: path for path in sorted((folder / "class").iterdir())}
    names = {student: student for student in folders}
    return make_board(contest, folders, folder / contest.labels, SECRET, folder, names, private)


def folder_of(folder, student):
    place = folder / "class" / student
    place.mkdir(parents=True)
    return place


def shown(board):
    """Return what the page says of each line: rank, name and scores, and the page."""
    tree = BeautifulSoup(page.page_html(board), "html.parser")
    rows = [[cell.get_text(" ", strip=True) for cell in row.select("td, th")] for row in tree.tbody.find_all("tr")]
    return rows, tree


# three classes


@pytest.fixture
def three(tmp_path):
    """A class that sorts 300 images into three classes, one of them small; Cy has no probabilities."""
    rng = np.random.default_rng(0)
    labels = rng.permutation(np.repeat([0, 1, 2], [140, 130, 30]))
    write_csv(tmp_path / LABELS, "class", labels)
    predicted = {}
    for student, skill in {"ada": 1.5, "bob": 0.5, "cy": 1.0}.items():
        logits = skill * 2 * np.eye(3)[labels] + rng.normal(size=(2, 300, 3))
        odds = np.exp(logits)
        predicted[student] = np.round(odds / odds.sum(axis=2, keepdims=True), 3)
        place = folder_of(tmp_path, student)
        for name, one in zip(("a", "b"), predicted[student], strict=True):
            write_csv(place / f"{name}.csv", "class", one.argmax(axis=1))
            if student != "cy":
                text = columns("id,probability_0,probability_1,probability_2", one)
                (place / f"{name}_prob.csv").write_text(text)
    return tmp_path, labels, predicted


@pytest.mark.parametrize("private", [False, True])
def test_three_classes_from_files_to_the_page(three, private):
    folder, labels, predicted = three
    board = board_of(folder, CLASSES, private)
    public = public_part(labels, SECRET, "lab91")
    for part, rows in ({"private": ~public, "public": public} if private else {"public": public}).items():
        step, fine = board.steps["accuracy"][part]
        for row in board.rows:
            if row.reference:
                continue
            one = predicted[row.name][:, rows]
            each = [accuracy_score(labels[rows], p.argmax(axis=1)) for p in one]
            assert row.scores["accuracy"][part].mean == pytest.approx(round(np.mean(each) / step) * step)
            assert row.scores["accuracy"][part].sd == pytest.approx(round(np.std(each, ddof=1) / fine) * fine)
            if row.name == "cy":
                assert "auc" not in row.scores and row.notes[0].startswith("No AUC. a_prob.csv to b_prob.csv: None")
                continue
            aucs = [np.mean([roc_auc_score(labels[rows] == k, p[:, k]) for k in range(3)]) for p in one]
            step_of_auc = board.steps["auc"][part][0]
            assert row.scores["auc"][part].mean == pytest.approx(round(np.mean(aucs) / step_of_auc) * step_of_auc)
    assert [(row.name, row.rank) for row in board.rows] == [
        ("ada", 1),
        ("cy", 2),
        ("bob", 3),
        ("Random guessing", None),
    ]
    rows, tree = shown(board)
    assert [row[:2] for row in rows][:2] == [["1", "ada"], ["2", "cy note 1"]]
    heads = ["Accuracy", "AUC"] if not private else [f"{m} ({p})" for p in board.images for m in ("Accuracy", "AUC")]
    assert [cell.get_text() for cell in tree.thead.select("th[scope=col]")] == ["Rank", "Name", *heads]
    assert "over 2 files" in tree.get_text() and "color" not in tree.get_text()
    # The small class makes steps of the AUC larger, and the page says both.
    assert board.steps["auc"]["public"] > board.steps["accuracy"]["public"]
    assert "Accuracy: means and intervals are printed in steps of" in tree.get_text()
    guess = next(row for row in board.rows if row.reference)
    assert guess.scores["accuracy"]["public"].mean == pytest.approx(1 / 3, abs=0.05)


# masks


@pytest.fixture
def cells(tmp_path):
    """Sixty small masks, some empty. Ada's and Bob's are the same in two forms, Cy has not marked much."""
    rng = np.random.default_rng(1)
    truth = rng.random((60, 6, 11)) < rng.uniform(0.2, 0.6, (60, 1, 1))
    truth[::10] = False
    npz(tmp_path / "labels.npz", truth)
    (tmp_path / "labels.npz").rename(tmp_path / LABELS)
    near = truth ^ (rng.random(truth.shape) < 0.05)
    near[0] = False
    predicted = {"ada": near, "bob": near, "cy": truth & (rng.random(truth.shape) < 0.3)}
    for student, masks in predicted.items():
        (png if student == "bob" else npz)(folder_of(tmp_path, student) / "masks.npz", masks)
    return tmp_path, truth, predicted


def test_masks_from_files_to_the_page(cells):
    folder, truth, predicted = cells
    board = board_of(folder, MASKS)
    public = public_part(np.zeros(60, int), SECRET, "lab92")
    assert public.sum() == 30 == board.images["public"]
    step, _ = board.steps["dice"]["public"]
    for row in board.rows:
        masks = np.ones_like(truth) if row.reference else predicted[row.name]
        each = [
            f1_score(t.ravel(), m.ravel(), zero_division=1.0) for t, m in zip(truth[public], masks[public], strict=True)
        ]
        score = row.scores["dice"]["public"]
        assert score.mean == pytest.approx(round(np.mean(each) / step) * step)
        assert score.low <= score.mean <= score.high
    assert [(row.name, row.rank, row.tied) for row in board.rows if not row.reference] == [
        ("ada", 1, True),
        ("bob", 1, True),
        ("cy", 3, False),
    ]
    rows, tree = shown(board)
    assert "Every pixel reference, not ranked" in [row[1] for row in rows]
    # One file has no spread.
    assert "±" not in tree.get_text() and "the score of one file" in tree.get_text()
    assert "Ranked by mean Dice coefficient on the public images." in tree.caption.get_text()
    assert "within each class" not in tree.get_text()


def test_masks_of_other_images_are_refused(cells):
    folder, truth, _ = cells
    npz(folder / "other.npz", truth[:40])
    (folder / "other.npz").rename(folder / LABELS)
    with pytest.raises(autograder.errors.UserError, match="labels of 40 images, but nobody predicts as many.* 60"):
        board_of(folder, MASKS)


# values


@pytest.fixture
def houses(tmp_path):
    rng = np.random.default_rng(2)
    prices = np.round(rng.uniform(5, 50, 120), 1)
    (tmp_path / LABELS).write_text(columns("id,value", prices))
    for student, off in {"ada": 4.0, "bob": 4.0001, "cy": 4.4, "di": 9.0}.items():
        place = folder_of(tmp_path, student)
        for name, sign in (("one.csv", 1), ("two.csv", -1)):
            # As far on either side, but never beyond the limits.
            away = np.where(prices + sign * off > 50, -off, np.where(prices + sign * off < 0, off, sign * off))
            noise = np.random.default_rng(3).uniform(0.6, 1.4, 120)
            (place / name).write_text(columns("id,value", np.clip(prices + away * noise, 0, 50)))
    return tmp_path, prices


def test_of_squared_errors_the_smallest_is_first(houses):
    folder, prices = houses
    board = board_of(folder, VALUES)
    public = public_part(np.zeros(120, int), SECRET, "lab93")
    step, _ = board.steps["mse"]["public"]
    assert step == 1, "0.02 · 50² / 60 is 0.83"
    rows = {row.name: row for row in board.rows}
    for student in ("ada", "cy", "di"):
        each = [
            mean_squared_error(
                prices[public],
                np.loadtxt(folder / "class" / student / name, delimiter=",", skiprows=1)[public, 1],
            )
            for name in VALUES.files["mse"]
        ]
        score = rows[student].scores["mse"]["public"]
        assert score.mean == round(np.mean(each) / step) * step
        assert score.low <= score.mean <= score.high
    assert [(row.name, row.rank, row.tied) for row in board.rows] == [
        ("ada", 1, True),
        ("bob", 1, True),
        ("cy", 3, False),
        ("di", 4, False),
        ("The mean", None, False),
    ]
    assert [row.name for row in board.rows if row.overlaps] == ["cy"], "intervals overlap from the other side"
    assert rows["cy"].scores["mse"]["public"].low <= rows["ada"].scores["mse"]["public"].high
    assert rows["The mean"].scores["mse"]["public"].mean == pytest.approx(prices[public].var(), abs=step / 2)
    found, tree = shown(board)
    assert [row[0] for row in found] == ["1 =", "1 =", "3", "4", "–"]
    assert "Ranked by mean squared error on the public houses, the smallest first." in tree.caption.get_text()
    assert "images" not in tree.get_text()
    assert "printed squared error share a rank" in tree.get_text()
    ends = [float(end.get_text()) for end in tree.select(".scale span")[::2]]
    scores = [row.scores["mse"]["public"] for row in board.rows]
    assert ends[0] <= min(score.low for score in scores) and max(score.high for score in scores) <= ends[1]
    assert all(0 <= float(dot["cx"].rstrip("%")) <= 100 for dot in tree.select("circle"))


def test_the_csv_file_has_a_column_for_each_number(houses):
    table = list(csv.DictReader(page.table_csv(board_of(houses[0], VALUES)).splitlines()))
    assert [row["name"] for row in table][-1] == "The mean"
    assert {"mse", "mse_sd", "mse_low", "mse_high"} <= table[0].keys() and "accuracy" not in table[0]


def test_labels_and_predictions_beyond_the_limits(houses):
    folder, prices = houses
    path = folder / "class" / "ada" / "one.csv"
    path.write_text(path.read_text().replace("\n7,", "\n7,9"))
    board = board_of(folder, VALUES)
    (ada,) = [row for row in board.rows if row.name == "ada"]
    assert "one.csv, line 9: The number 9" in ada.notes[0] and "is not between 0 and 50" in ada.notes[0]
    assert ada.rank is not None
    (folder / LABELS).write_text(columns("id,value", [*prices[:-1], 50.5]))
    with pytest.raises(autograder.errors.UserError, match="line 121, is not what a label file holds.* from 0 to 50"):
        board_of(folder, VALUES)


@pytest.mark.parametrize(
    ("contest", "content", "says"),
    [
        (
            CLASSES,
            "id,class\n" + "".join(f"{k},{k % 3}\n" for k in range(23)),
            "8 images of class 0, 8 of class 1 and 7",
        ),
        (CLASSES, "id,class\n0,3\n", "line 2, is not what a label file holds: .* a class from 0 to 2 .*--classes 3"),
        (VALUES, columns("id,value", range(15)), "has labels of 15 houses. A leaderboard needs at least 16"),
        (VALUES, columns("id,class", range(20)), "line 1, is not what a label file holds: the header id,value"),
        (MASKS, columns("id,class", range(20)), "the masks of all test images, 6 × 11 pixels each"),
        (MASKS, None, "There is no label file .*labels.file. Name it with --labels FILE.$"),
    ],
)
def test_wrong_labels_get_a_sentence(tmp_path, contest, content, says):
    if content is not None:
        (tmp_path / LABELS).write_text(content)
    (tmp_path / "class").mkdir()
    with pytest.raises(autograder.errors.UserError, match=says):
        board_of(tmp_path, contest)


# a lab that has one


def test_examples_in_docstrings():
    assert doctest.testmod(contest_module).failed == 0


@pytest.fixture
def new_lab(tmp_path, monkeypatch):
    """Write a lab beside the others, with what is given as its contest."""
    package = tmp_path / "labs" / "lab92"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(
        'from autograder.checking.lab import Lab\nLAB = Lab("lab92", "Lab 92: Cells", (), {})\n'
    )
    monkeypatch.setattr(autograder.labs, "__path__", [*autograder.labs.__path__, str(package.parent)])
    importlib.invalidate_caches()

    def write(contest):
        (package / "contest.py").write_text(
            f"from pathlib import Path\nfrom autograder.checking.contest import Contest\n{contest}\n"
        )

    yield write
    for name in [name for name in sys.modules if name.startswith("autograder.labs.lab92")]:
        del sys.modules[name]


def test_a_lab_with_a_contest_has_the_command(new_lab, cells, monkeypatch, capsys):
    new_lab(
        'CONTEST = Contest("lab92", "Cells", {"dice": ("masks.npz",)}, Path("labels/lab92.npz"), shape=(6, 11), '
        "images_per_step=0.5)"
    )
    course, truth, _ = cells
    shutil.copy(ROOT / "nbgrader_config.py", course)
    (course / "labels").mkdir()
    npz(course / "labels" / "lab92.npz", truth)
    for student in ("ada", "bob", "cy"):
        place = course / "assignments" / "submitted" / student / "lab92"
        shutil.copytree(course / "class" / student, place)
    monkeypatch.setattr(sys, "argv", ["cnn-course", "leaderboard", "lab92", "--course", str(course)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 0 and "3 of 3 have a rank" in capsys.readouterr().out
    assert {path.name for path in (course / "leaderboard").iterdir()} == {"lab92.html", "lab92.csv"}


@pytest.mark.parametrize(
    ("contest", "says"),
    [
        ("", "defines no CONTEST"),
        ("CONTEST = {}", "defines no CONTEST"),
        (
            'CONTEST = Contest("lab3", "X", {"dice": ("a",)}, Path("x"), shape=(6, 11))',
            "must be that of the lab, 'lab92'",
        ),
        ('CONTEST = Contest("lab92", "X", {"f1": ("a",)}, Path("x"))', "by metric: accuracy, auc, dice, mse. Got f1"),
        ('CONTEST = Contest("lab92", "X", {}, Path("x"))', "Got none"),
        ('CONTEST = Contest("lab92", "X", {"auc": ()}, Path("x"))', "at least one"),
        ('CONTEST = Contest("lab92", "X", {"accuracy": ("a",), "auc": ("b", "c")}, Path("x"))', "same number of files"),
        ('CONTEST = Contest("lab92", "X", {"accuracy": ("a",), "dice": ("b",)}, Path("x"))', "different labels"),
        ('CONTEST = Contest("lab92", "X", {"accuracy": ("a",)}, Path("x"), classes=1)', "2 or more"),
        ('CONTEST = Contest("lab92", "X", {"dice": ("a",)}, Path("x"))', "shape="),
        ('CONTEST = Contest("lab92", "X", {"mse": ("a",)}, Path("x"))', "limits="),
        ('CONTEST = Contest("lab92", "X", {"mse": ("a",)}, Path("x"), limits=(1, 1))', "limits="),
        ('CONTEST = Contest("lab92", "X", {"auc": ("a",)}, Path("x"), images_per_step=0)', "more than 0"),
        ('CONTEST = Contest("lab92", "X", {"mse": ("a",)}, Path("x"), limits=(0, 1), dataset="mnist")', "Leave out"),
    ],
)
def test_a_contest_that_contradicts_itself_gets_a_sentence(new_lab, contest, says):
    new_lab(contest)
    with pytest.raises(LabError, match=r"^autograder/labs/lab92/contest\.py: ") as caught:
        find_contest("lab92")
    assert says in str(caught.value)
