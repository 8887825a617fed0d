"""The leaderboard as an instructor makes it: right numbers, fair ranks, nothing on it that is not for its readers."""

import csv
import io
import re
import shutil
import stat
import sys
from dataclasses import replace

import h5py
import numpy as np
import pytest
from bs4 import BeautifulSoup
from sklearn.metrics import accuracy_score, roc_auc_score

from autograder import cli
from autograder.errors import UserError
from autograder.labs import all_labs
from autograder.leaderboard import entries, page, scores
from autograder.leaderboard.board import find_contest, make_board
from autograder.leaderboard.entries import pseudonym
from source_lib.predictions import check_csv
from tests.conftest import ROOT

N = 2000
WITH_CONTEST = [lab.name for lab in all_labs() if lab.room("contest") is not None]
SECRET = 20_261_121
LABELS = np.random.default_rng(0).permutation(np.arange(N) % 2)
PUBLIC = scores.public_part(LABELS, SECRET, "lab3")
NAMES = {"class": [f"run{k}.csv" for k in range(1, 6)], "probability": [f"run{k}_prob.csv" for k in range(1, 6)]}


def predicted(seed, skill):
    """Return probabilities [5, N] of five trainings that find the same images hard."""
    rng = np.random.default_rng(seed)
    score = (2 * LABELS - 1) * skill + 0.9 * rng.normal(size=N) + 0.5 * rng.normal(size=(5, N))
    return np.round(1 / (1 + np.exp(-score)), 4)


def hand_in(course, student, classes, probabilities=None):
    folder = course / "assignments" / "submitted" / student / "lab3"
    folder.mkdir(parents=True, exist_ok=True)
    for column, runs in (("class", classes), ("probability", probabilities)):
        for name, values in zip(NAMES[column], [] if runs is None else runs, strict=False):
            lines = "".join(f"{index},{value}\n" for index, value in enumerate(values))
            (folder / name).write_text(f"id,{column}\n{lines}")
    return folder


def hand_in_model(course, student, seed, skill):
    probabilities = predicted(seed, skill)
    return hand_in(course, student, (probabilities > 0.5).astype(int), probabilities)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """The images of the test set on this machine: noise, of which colors say nothing."""
    folder = tmp_path_factory.mktemp("data") / "patchcam"
    folder.mkdir()
    rng = np.random.default_rng(1)
    for name, count in (("train", 100), ("valid", 10), ("test_x", N)):
        with h5py.File(folder / f"{name}.h5", "w") as file:
            file["x"] = rng.integers(0, 256, (count, 32, 32, 3), np.uint8)
            if name != "test_x":
                file["y"] = np.arange(count) % 2
    return folder.parent


@pytest.fixture(scope="module")
def handed_in(tmp_path_factory):
    """A course in which a class has handed in; tests copy it."""
    course = tmp_path_factory.mktemp("handed_in")
    shutil.copy(ROOT / "nbgrader_config.py", course)
    (course / "course_secret").write_text(f"{SECRET}\n")
    (course / "labels").mkdir()
    (course / "labels" / "lab3.csv").write_text("id,class\n" + "".join(f"{i},{y}\n" for i, y in enumerate(LABELS)))
    for seed, (student, skill) in enumerate({"ada": 1.2, "bob": 1.15, "cleo": 0.6, "di": 0.3}.items()):
        hand_in_model(course, student, seed, skill)
    return course


@pytest.fixture
def course(handed_in, data, tmp_path, monkeypatch):
    monkeypatch.setenv("CNN_COURSE_DATA", str(data))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    return shutil.copytree(handed_in, tmp_path / "course")


@pytest.fixture
def run(course, monkeypatch, capsys):
    """The command as a person calls it, in this process."""

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["cnn-course", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        reported = capsys.readouterr()
        assert "Traceback" not in reported.out + reported.err
        return ended.value.code, reported.out + reported.err

    def leaderboard(*arguments):
        return call("leaderboard", "lab3", "--course", course, *arguments)

    leaderboard.any = call
    return leaderboard


def rows_of(path):
    with open(path, newline="", encoding="utf-8") as file:
        return {row["name"]: row for row in csv.DictReader(file)}


def board_of(course, **options):
    folders = {path.name: path / "lab3" for path in sorted((course / "assignments" / "submitted").iterdir())}
    names = {student: student for student in folders}
    return make_board(find_contest("lab3"), folders, course / "labels" / "lab3.csv", SECRET, course, names, **options)


def nearest(value, step):
    return round(value / step) * step


# who


def test_who_is_exempt_or_left_the_course_is_not_on_the_board(run, course):
    (course / "exempt.csv").write_text("lab,student\nlab3,ada\nlab4,bob\n")
    shutil.rmtree(course / "assignments" / "submitted" / "di")
    code, reported = run()
    assert code == 0 and "Exempt, and not on the board: ada." in reported and "2 of 2 have a rank" in reported
    board = rows_of(course / "leaderboard" / "lab3.csv")
    assert {name for name, row in board.items() if row["kind"] == "student"} == {"bob", "cleo"}
    assert board["bob"]["rank"] == "1" and "ada" not in (course / "leaderboard" / "lab3.html").read_text()
    (course / "exempt.csv").write_text("lab,student\n" + "".join(f"lab3,{name}\n" for name in ("ada", "bob", "cleo")))
    before = (course / "leaderboard" / "lab3.csv").read_bytes()
    code, reported = run()
    assert code == 1 and "are exempt from it" in reported
    assert (course / "leaderboard" / "lab3.csv").read_bytes() == before


# numbers


@pytest.mark.parametrize("private", [False, True])
def test_the_numbers_are_those_of_scikit_learn_on_each_part(run, course, private):
    code, reported = run(*["--private"][:private])
    assert code == 0 and "4 of 4 have a rank" in reported
    folder, name = ("leaderboard-private", "lab3-private") if private else ("leaderboard", "lab3")
    found = rows_of(course / folder / f"{name}.csv")
    step, fine = scores.steps(N // 2)
    for seed, (student, skill) in enumerate({"ada": 1.2, "bob": 1.15, "cleo": 0.6, "di": 0.3}.items()):
        probabilities = predicted(seed, skill)
        for prefix, rows in (("", PUBLIC), ("private_", ~PUBLIC)):
            if prefix and not private:
                assert not any(key.startswith("private") for key in found[student])
                continue
            accuracies = [accuracy_score(LABELS[rows], one[rows] > 0.5) for one in probabilities]
            aucs = [roc_auc_score(LABELS[rows], one[rows]) for one in probabilities]
            for metric, each in (("accuracy", accuracies), ("auc", aucs)):
                shown = {key: float(found[student][f"{prefix}{metric}{key}"]) for key in ("", "_sd", "_low", "_high")}
                assert shown[""] == pytest.approx(nearest(np.mean(each), step))
                assert shown["_sd"] == pytest.approx(nearest(np.std(each, ddof=1), fine))
                # Between one file of so many images and five files of others.
                error = np.sqrt(np.mean(each) * (1 - np.mean(each)) / (N // 2))
                assert 1.96 * error / np.sqrt(5) - step < shown["_high"] - shown[""] < 1.96 * error * 1.1 + step
                assert shown["_low"] < shown[""] < shown["_high"]


def test_references_stand_where_they_belong_and_have_no_rank(run, course):
    run()
    found = rows_of(course / "leaderboard" / "lab3.csv")
    for name in ("Random guessing", "Color statistics"):
        row = found[name]
        assert row["kind"] == "reference" and row["rank"] == "" and row["notes"]
        assert abs(float(row["accuracy"]) - 0.5) < 0.05 and float(row["accuracy_low"]) < 0.52
    assert [row["rank"] for row in found.values()][:4] == ["1", "2", "3", "4"]
    assert list(found)[4:] in (["Random guessing", "Color statistics"], ["Color statistics", "Random guessing"])
    assert found["Random guessing"]["accuracy"] == found["Random guessing"]["auc"] == "0.500"
    assert len(list(course.glob(".color_baseline-*.npy"))) == 1


def test_without_the_images_the_colors_are_missing_and_the_page_says_so(run, course, monkeypatch, tmp_path):
    monkeypatch.setenv("CNN_COURSE_DATA", str(tmp_path))
    assert run()[0] == 0
    assert "Color statistics" not in rows_of(course / "leaderboard" / "lab3.csv")
    assert "the line of color statistics is missing" in (course / "leaderboard" / "lab3.html").read_text()


# ranks


def wrong_on(*counts):
    """Return classes [5, N] that are wrong on the first so many public images, run by run."""
    public = np.flatnonzero(PUBLIC)
    classes = np.tile(LABELS, (5, 1))
    for run, count in enumerate(counts):
        classes[run, public[:count]] = 1 - classes[run, public[:count]]
    return classes


def test_equal_accuracies_share_a_rank_and_the_next_one_counts_all_before_it(course):
    shutil.rmtree(course / "assignments")
    step = scores.steps(N // 2)[0]
    images = round(step * N / 2)
    for student, wrong in {
        "zoe": 100,
        "eve": 100,
        "max": 100 + images // 5,
        "ann": 100 + images,
        "pat": 135,
        "kim": 300,
    }.items():
        hand_in(course, student, wrong_on(*[wrong] * 5), 0.9 * wrong_on(*[wrong] * 5))
    # Twenty images more or fewer in single runs: another spread, the same mean.
    hand_in(course, "lea", wrong_on(60, 140, 100, 100, 100))
    lines = [line for line in board_of(course).rows if not line.reference]
    assert [(line.name, line.rank, line.tied) for line in lines] == [
        ("eve", 1, True),
        ("lea", 1, True),
        ("max", 1, True),
        ("zoe", 1, True),
        ("ann", 5, False),
        ("pat", 6, False),
        ("kim", 7, False),
    ], "within a printed step the alphabet decides, not what is not printed"
    assert [line.name for line in lines if line.overlaps] == ["ann", "pat"]
    leader, pat = (line.scores["accuracy"]["public"] for line in (lines[0], lines[5]))
    assert pat.mean < leader.low <= pat.high, "intervals overlap, not a mean and an interval"
    shown = page.page_html(board_of(course))
    assert shown.count("1 =") == 4 and shown.count("overlaps the interval of first place") == 2


def test_the_private_page_is_ranked_by_the_private_part(course):
    shutil.rmtree(course / "assignments")
    fitted = wrong_on()
    fitted[:, np.flatnonzero(~PUBLIC)[:400]] ^= 1
    hand_in(course, "fitted", fitted)
    hand_in(course, "honest", wrong_on(*[150] * 5))
    assert [line.name for line in board_of(course).rows][:2] == ["fitted", "honest"]
    assert [line.name for line in board_of(course, private=True).rows][:2] == ["honest", "fitted"]


# what is not for its readers


def test_no_private_number_is_in_the_public_files(run, course):
    """The private scores are made such that none of them could be on the page by chance."""
    shutil.rmtree(course / "assignments")
    private = np.flatnonzero(~PUBLIC)
    for number, student in enumerate(["ada", "bob", "cleo"]):
        probabilities = predicted(number, 1.5)
        probabilities[:, private[: 700 + 30 * number]] = 1 - probabilities[:, private[: 700 + 30 * number]]
        hand_in(course, student, (probabilities > 0.5).astype(int), probabilities)
    board = board_of(course, private=True)
    mine = {
        f"{value:.3f}"
        for line in board.rows
        if not line.reference
        for score in (line.scores["accuracy"]["private"], line.scores["auc"]["private"])
        for value in (score.mean, score.low, score.high)
    }
    run("--private", "--to", course / "both")
    run("--to", course / "both")
    text = "".join((course / "both" / name).read_text() for name in ("lab3.html", "lab3.csv"))
    hidden = "".join((course / "both" / name).read_text() for name in ("lab3-private.html", "lab3-private.csv"))
    assert len(mine) > 10 and all(value in hidden for value in mine)
    assert [value for value in mine if value in text] == []
    assert "private_" not in text and "(private)" not in text
    assert stat.S_IMODE((course / "both" / "lab3-private.html").stat().st_mode) == 0o600
    assert stat.S_IMODE((course / "both" / "lab3.html").stat().st_mode) == 0o644


def test_what_is_public_does_not_depend_on_private_predictions(course):
    before = page.table_csv(board_of(course))
    probabilities = predicted(0, 1.2)
    probabilities[:, ~PUBLIC] = 1 - probabilities[:, ~PUBLIC]
    hand_in(course, "ada", (probabilities > 0.5).astype(int), probabilities)
    assert page.table_csv(board_of(course)) == before


def test_it_does_not_matter_which_image_of_a_class_is_predicted_right(course):
    """So no label of a single image is on the page, nor anything that only one of them decides."""
    before = page.table_csv(board_of(course))
    rng = np.random.default_rng(9)
    order = np.arange(N)
    for label in (0, 1):
        for part in (PUBLIC, ~PUBLIC):
            rows = np.flatnonzero(part & (label == LABELS))
            order[rows] = rng.permutation(rows)
    probabilities = predicted(2, 0.6)[:, order]
    hand_in(course, "cleo", (probabilities > 0.5).astype(int), probabilities)
    assert page.table_csv(board_of(course)) == before


def test_labels_are_nowhere(run, course):
    code, reported = run("--private")
    texts = [path.read_text() for path in (course / "leaderboard-private").iterdir()]
    for text in [reported, *texts]:
        # Whatever stands between them.
        digits = "".join(re.findall(r"(?<![\d.])[01](?![\d.])", text))
        for start in range(0, N - 24, 8):
            assert "".join(map(str, LABELS[start : start + 24])) not in digits


# files that are not right


def test_who_cannot_be_understood_stands_below_with_the_first_reason(run, course):
    folder = hand_in_model(course, "eve", 5, 0.8)
    (folder / "run2.csv").write_bytes(b"\x89PNG\0")
    folder = hand_in_model(course, "flo", 6, 0.8)
    (folder / "run4.csv").write_text((folder / "run4.csv").read_text().replace(",", ";"))
    folder = hand_in_model(course, "gus", 7, 0.8)
    (folder / "run1_prob.csv").unlink()
    (course / "assignments" / "submitted" / "hal" / "lab3").mkdir(parents=True)
    code, reported = run()
    assert code == 0 and "6 of 8 have a rank" in reported and "eve: run2.csv, line 1: It is no text." in reported
    found = rows_of(course / "leaderboard" / "lab3.csv")
    assert found["eve"]["kind"] == found["hal"]["kind"] == "not ranked" and found["eve"]["accuracy"] == ""
    assert "None of them was handed in" in found["hal"]["notes"]
    assert found["flo"]["rank"] and "semicolons" in found["flo"]["notes"]
    assert found["gus"]["rank"] and found["gus"]["auc"] == "" and "No AUC. run1_prob.csv" in found["gus"]["notes"]
    page = BeautifulSoup((course / "leaderboard" / "lab3.html").read_text(), "html.parser")
    ranking, below = page.find_all("table")
    assert "eve" not in ranking.get_text() and "It is no text" in below.get_text()
    (row,) = [row for row in ranking.find_all("tr") if "gus" in row.get_text()]
    assert "–" in [cell.get_text() for cell in row.find_all("td")]
    assert all(page.find(id=link["href"][1:]) for link in page.select("a[href]")) and len(page.select("a[href]")) == 2


def test_the_files_are_those_for_kaggle(course, capsys):
    """What `cnn-course check-csv` calls right is ranked without a note, and a note is on what it calls wrong."""
    folder = course / "assignments" / "submitted" / "ada" / "lab3"
    files = [folder / name for name in NAMES["class"]]
    assert check_csv(*files, rows=N)
    assert files[0].read_text().startswith("id,class\n0,")
    line = {line.name: line for line in board_of(course).rows}["ada"]
    assert line.rank == 1 and line.notes == ()
    files[0].write_text(files[0].read_text().replace("id,class", "Id,Class"))
    assert not check_csv(*files, rows=N)
    assert {line.name: line for line in board_of(course).rows}["ada"].notes != ()
    capsys.readouterr()


# one sentence for each fault


def relabel(course, content):
    path = course / "labels" / "lab3.csv"
    path.unlink()
    if content is not None:
        path.write_text(content)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (
            ["leaderboard", "lab1", "--course", "{course}"],
            f"lab1 has no leaderboard. These labs have one: {', '.join(WITH_CONTEST)}.",
        ),
        (["leaderboard", "lab99", "--course", "{course}"], "There is no lab called 'lab99'"),
        (["leaderboard", "lab3", "--course", "{course}/nowhere"], "holds no nbgrader_config.py"),
        (["leaderboard", "lab3", "--course", "{course}", "--labels", "{course}/x.csv"], "There is no label file"),
        (["leaderboard", "lab3", "--course", "{course}", "--names", "{course}/x.csv"], "cannot be read: No such file"),
        (["leaderboard", "lab3", "--course", "{course}", "--to", "{course}/course_secret"], "cannot be written"),
        (["leaderboard", "lab3", "--course", "{course}", "--to", "/proc/nowhere"], "cannot be written to"),
    ],
)
def test_a_mistake_gets_a_sentence(run, course, arguments, says):
    code, reported = run.any(*[argument.format(course=course) for argument in arguments])
    assert code == 1 and says in reported.replace("\n", " ")
    assert not (course / "leaderboard").exists()


def test_labels_of_other_images_are_refused(run, course):
    relabel(course, "id,class\n" + "".join(f"{index},{index % 2}\n" for index in range(30)))
    code, reported = run()
    assert code == 1 and "has the labels of 30 images" in reported and "4 of 4 students predict 2000" in reported
    assert not (course / "leaderboard").exists()


def test_nobody_handed_in(run, course):
    shutil.rmtree(course / "assignments")
    code, reported = run()
    assert code == 1 and "Nobody handed in lab3 yet" in reported


@pytest.mark.parametrize("images", [N, 16, 30])
def test_a_class_of_which_nobody_can_be_understood_has_a_page_all_the_same(run, course, images):
    """Of few images, the interval of guessing is printed as a point."""
    shutil.rmtree(course / "assignments")
    (course / "assignments" / "submitted" / "ada" / "lab3").mkdir(parents=True)
    relabel(course, "id,class\n" + "".join(f"{index},{index % 2}\n" for index in range(images)))
    code, reported = run()
    assert code == 0 and "0 of 1 have a rank" in reported
    assert "None of them was handed in" in (course / "leaderboard" / "lab3.html").read_text()


# names


HOSTILE = [
    "<script>alert(1)<",
    "=HYPERLINK(1)",
    "+1",
    "-2+3",
    "@SUM(A1)",
    "[bold]x[",
    "\u202eevil",
    "a\nb",
    "\t=1",
    "'",
    "{x}",
    "%s",
    "[a-z]*",
    "bad-\udcff",
]


def test_hostile_names_do_nothing(run, course):
    for number, name in enumerate(HOSTILE):
        folder = hand_in_model(course, name, 10 + number, 0.8)
        if number % 2:
            text = f"id,{name}</td><img src=x onerror=alert(1)>\n0,1\n"
            (folder / "run1.csv").write_bytes(text.encode(errors="replace"))
    (course / "assignments" / "submitted" / "link").symlink_to(course / "assignments" / "submitted" / "ada")
    code, reported = run()
    assert code == 0 and "[bold]x[" in reported and "link" not in rows_of(course / "leaderboard" / "lab3.csv")
    page = (course / "leaderboard" / "lab3.html").read_text()
    tree = BeautifulSoup(page, "html.parser")
    assert tree.find_all(["script", "img", "iframe", "object", "form"]) == [] and "\u202e" not in page
    assert not [name for tag in tree.find_all(True) for name in tag.attrs if name.startswith("on")]
    assert "<script>alert(1)<" in tree.get_text() and "onerror=alert(1)" in tree.get_text()
    for row in csv.reader(io.StringIO((course / "leaderboard" / "lab3.csv").read_text(), newline="")):
        assert not [cell for cell in row if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]


def test_nicknames_and_pseudonyms_take_the_place_of_ids(run, course):
    names = course / "names.csv"
    names.write_text("student,nickname\nbob,The Pool\n")
    run("--names", names)
    assert {"ada", "The Pool"} <= set(rows_of(course / "leaderboard" / "lab3.csv"))
    folder = hand_in_model(course, "eve", 5, 0.8)
    (folder / "run2.csv").unlink()
    code, reported = run("--names", names, "--anonymous")
    public = "".join(path.read_text() for path in (course / "leaderboard").iterdir())
    assert not re.search(r"\b(ada|bob|cleo|di|eve)\b", public + reported.replace(str(course), ""))
    assert "The Pool" in public and pseudonym("ada", SECRET) in public and pseudonym("eve", SECRET) in public
    who = course / "leaderboard-private" / "names.csv"
    assert stat.S_IMODE(who.stat().st_mode) == 0o600
    assert entries.read_nicknames(who)["ada"] == pseudonym("ada", SECRET)
    assert run("--names", who)[0] == 0, "what was written can be read again"


# the page and its writing


def test_the_page_can_be_read_by_everybody(run, course):
    run()
    text = (course / "leaderboard" / "lab3.html").read_text()
    page = BeautifulSoup(text, "html.parser")
    assert page.html["lang"] == "en" and page.find("meta", attrs={"name": "viewport"}) and page.title.get_text()
    assert not re.search(r"https?://|//\w+\.", text) and page.find("script") is None and page.find("link") is None
    assert "prefers-color-scheme: dark" in text
    (table,) = page.find_all("table")
    assert table.caption.get_text() and all(cell["scope"] == "col" for cell in table.thead.select("th:not(.chart)"))
    assert all(row.select("th[scope=row]") for row in table.tbody.find_all("tr"))
    head = page.find("p").get_text()
    assert re.search(r"Made on \d+ \w+ 20\d\d, \d\d:\d\d", head)
    assert "PatchCamelyon" in head and "1000 public of 2000 test images" in head
    assert "steps of 0.005" in page.get_text()


def test_a_board_takes_the_place_of_the_last_one_as_a_whole(course):
    board, place = board_of(course), course / "leaderboard"
    page.write_board(board, place)
    before = {path.name: path.read_bytes() for path in place.iterdir()}
    assert set(before) == {"lab3.html", "lab3.csv"}
    # The second of two files cannot be written to its end: the first keeps what it held, and nothing is left over.
    with pytest.raises(UnicodeEncodeError):
        page.write_files({place / "lab3.html": "new", place / "lab3.csv": "new \ud800"})
    assert {path.name: path.read_bytes() for path in place.iterdir()} == before
    (place / "lab3.csv").unlink()
    (place / "lab3.csv").mkdir()
    with pytest.raises(UserError, match="cannot be written to .*lab3.csv is a folder"):
        page.write_board(replace(board, total=7), place)
    assert {path.name for path in place.iterdir()} == set(before)
    assert (place / "lab3.html").read_bytes() == before["lab3.html"]


def test_a_page_is_replaced_while_it_is_read(course):
    board, place = board_of(course), course / "leaderboard"
    page.write_board(board, place)
    with open(place / "lab3.html", encoding="utf-8") as reading:
        first = reading.read(100)
        page.write_board(replace(board, total=7), place)
        assert first + reading.read() == page.page_html(board)
    assert (place / "lab3.html").read_text() == page.page_html(replace(board, total=7))
