"""What a leaderboard is made from: read strictly, understood where that is safe, and called by no wrong name."""

import shutil

import numpy as np
import pytest

from autograder.errors import UserError
from autograder.leaderboard.board import find_contest
from autograder.leaderboard.entries import (
    Entry,
    display_name,
    display_names,
    pseudonym,
    read_entry,
    read_labels,
    read_nicknames,
)
from autograder.submissions import reader
from source_lib.predictions import check_csv

CONTEST = find_contest("lab3")
FILES = {"class": CONTEST.files["accuracy"], "probability": CONTEST.files["auc"]}
N = 20
LABELS = np.arange(N) % 2


def csv_of(column, values):
    return f"id,{column}\n" + "".join(f"{index},{value}\n" for index, value in enumerate(values))


@pytest.fixture
def folder(tmp_path):
    """A student's folder with ten right files."""
    place = tmp_path / "lab3"
    place.mkdir()
    rng = np.random.default_rng(0)
    for column, names in FILES.items():
        for name in names:
            values = rng.integers(0, 2, N) if column == "class" else rng.random(N)
            (place / name).write_text(csv_of(column, values))
    return place


# labels


def test_labels_are_read_also_as_a_spreadsheet_saves_them(tmp_path):
    path = tmp_path / "labels.csv"
    path.write_text(csv_of("class", LABELS))
    np.testing.assert_array_equal(read_labels(path, CONTEST), LABELS)
    path.write_text("\ufeff" + csv_of("class", LABELS).replace(",", ";").replace("\n", "\r\n"))
    np.testing.assert_array_equal(read_labels(path, CONTEST), LABELS)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "There is no label file"),
        ("", "labels.csv is not what a label file holds"),
        ("id,class\n0,1\n1,2\n", "labels.csv, line 3, is not what a label file holds"),
        ("id,class\n0,1\n1,1731\n", "line 3, is not"),
        ("id,class\n0,1\n1,tumor1731\n", "line 3, is not"),
        ("id,probability\n0,0.1731\n", "line 1, is not"),
        (csv_of("class", [0] * 17 + [1] * 7), "17 images of class 0 and 7 of class 1"),
        (csv_of("class", [1] * 20), "0 images of class 0"),
    ],
)
def test_what_is_no_label_file_gets_a_sentence_without_a_label(tmp_path, content, says):
    path = tmp_path / "labels.csv"
    if content is not None:
        path.write_text(content)
    with pytest.raises(UserError) as caught:
        read_labels(path, CONTEST)
    assert says in str(caught.value) and "1731" not in str(caught.value) and "\n" not in str(caught.value)
    assert "cnn-course" in str(caught.value) or "at least" in str(caught.value)


# what is handed in


def test_the_files_that_check_csv_accepts_are_the_ones_that_are_read(folder, capsys):
    for column, names in FILES.items():
        assert check_csv(*(folder / name for name in names), rows=N, column=column), capsys.readouterr().out
    read = read_entry(folder, CONTEST, N)
    assert read.notes == () and read.predicted["accuracy"].shape == read.predicted["auc"].shape == (5, N)
    for position, name in enumerate(FILES["probability"]):
        np.testing.assert_array_equal(
            read.predicted["auc"][position], np.loadtxt(folder / name, skiprows=1, delimiter=",")[:, 1]
        )


@pytest.mark.parametrize(
    ("name", "content", "note"),
    [
        ("run2.csv", lambda text: text.replace(",", ";"), "run2.csv, line 1: Its columns are separated by semicolons"),
        ("run5.csv", lambda text: "\ufeff" + text, "run5.csv, line 1: It begins with a byte-order mark"),
        ("run1.csv", lambda text: csv_of("class", [1] * N), "run1.csv: It predicts 1 for every image"),
        ("run3_prob.csv", lambda text: text.replace("id,", ",id,", 1).replace("\n", "\n0,")[:-2], "row numbers"),
    ],
)
def test_what_is_wrong_in_form_but_clear_is_read_with_a_note(folder, name, content, note):
    whole = read_entry(folder, CONTEST, N)
    (folder / name).write_text(content((folder / name).read_text()))
    read = read_entry(folder, CONTEST, N)
    assert len(read.notes) == 1 and note in read.notes[0]
    if name != "run1.csv":
        np.testing.assert_array_equal(read.predicted["accuracy"], whole.predicted["accuracy"])
        np.testing.assert_array_equal(read.predicted["auc"], whole.predicted["auc"])


@pytest.mark.parametrize(
    ("content", "note"),
    [
        (b"", "run3.csv: It is empty."),
        (b"\x89PNG\0\0", "run3.csv, line 1: It is no text."),
        (b"id,class\n0,1\n", "run3.csv, line 2: It ends after 1 prediction"),
        (b"id,probability\n0,0.5\n", "run3.csv, line 1: It holds probabilities"),
        (b"id,class\n0,\x1b[31m\n", "run3.csv, line 2: "),
        (None, "run3.csv: It was not handed in."),
    ],
)
def test_without_five_clear_files_nothing_is_ranked_and_the_first_note_says_why(folder, content, note):
    # The untidy one before it is not why.
    (folder / "run1.csv").write_text((folder / "run1.csv").read_text().replace(",", ";"))
    if content is None:
        (folder / "run3.csv").unlink()
    else:
        (folder / "run3.csv").write_bytes(content)
    read = read_entry(folder, CONTEST, N)
    assert "accuracy" not in read.predicted and "auc" in read.predicted
    assert read.notes[0].startswith(note) and read.notes[0].endswith("And 1 more.") and "\x1b" not in read.notes[0]


def test_without_five_clear_files_of_probabilities_there_is_no_auc_and_a_note_says_why(folder):
    (folder / "run2_prob.csv").write_text(csv_of("probability", [1.5] * N))
    read = read_entry(folder, CONTEST, N)
    assert "auc" not in read.predicted and read.predicted["accuracy"].shape == (5, N)
    assert read.notes[0].startswith("No AUC. run2_prob.csv, line 2: The probability 1.5 is out of range.")
    for name in FILES["probability"]:
        (folder / name).unlink()
    (note,) = read_entry(folder, CONTEST, N).notes
    assert note == "No AUC. run1_prob.csv to run5_prob.csv: None of them was handed in."


def test_a_copy_under_another_name_is_reported(folder):
    shutil.copy(folder / "run1.csv", folder / "run4.csv")
    read = read_entry(folder, CONTEST, N)
    assert "accuracy" in read.predicted and "run4.csv: It predicts the same as run1.csv" in read.notes[0]


def test_links_are_not_followed_and_huge_files_do_not_matter(folder, tmp_path):
    (folder / "run2.csv").rename(tmp_path / "labels.csv")
    (folder / "run2.csv").symlink_to(tmp_path / "labels.csv")
    with open(folder / "best.keras", "wb") as file:
        file.truncate(10**10)
    read = read_entry(folder, CONTEST, N)
    assert "accuracy" not in read.predicted and read.notes[0].startswith("run2.csv: It was not handed in.")
    (folder / "run2.csv").unlink()
    shutil.copy(tmp_path / "labels.csv", folder / "run2.csv")
    assert read_entry(folder, CONTEST, N).notes == ()
    (tmp_path / "mine").symlink_to(folder)
    assert "accuracy" not in read_entry(tmp_path / "mine", CONTEST, N).predicted


def test_a_folder_without_anything(tmp_path):
    read = read_entry(tmp_path, CONTEST, N)
    assert read == Entry({}, read.notes)
    assert read.notes[0] == "run1.csv to run5.csv: None of them was handed in."


def test_a_note_is_short_whatever_a_file_holds(folder):
    (folder / "run1.csv").write_text("id," + "x" * 10**6 + "\n0,1\n")
    (folder / ("y" * 200 + ".csv")).symlink_to("/etc/passwd")
    (folder / "run2.csv").unlink()
    assert all(len(note) <= 240 for note in read_entry(folder, CONTEST, N).notes)


# names


def test_names_are_ids_nicknames_or_pseudonyms():
    students = ["ada", "bob"]
    assert display_names(students, {}) == {"ada": "ada", "bob": "bob"}
    assert display_names(students, {"bob": "The Pool", "eve": "nobody"}) == {"ada": "ada", "bob": "The Pool"}
    hidden = display_names(students, {"bob": "The Pool"}, secret=7)
    assert hidden["bob"] == "The Pool" and hidden["ada"] == pseudonym("ada", 7)


def test_a_pseudonym_is_a_matter_of_the_secret():
    assert pseudonym("ada", 7) == pseudonym("ada", 7)
    students = [f"student{number}" for number in range(1000)]
    made = {pseudonym(student, secret) for student in students for secret in (7, 8)}
    assert len(made) == 2000 and all(len(name) == len("Student 0123-4567") for name in made)
    assert pseudonym("not-utf8-\udcff", 7)


@pytest.mark.parametrize("nicknames", [{"bob": "ADA"}, {"ada": "Pool", "bob": "pool"}])
def test_nobody_is_called_like_somebody_else(nicknames):
    with pytest.raises(UserError, match="would both be called"):
        display_names(["ada", "bob"], nicknames)


def test_nicknames_are_read_and_made_harmless(tmp_path):
    path = tmp_path / "names.csv"
    path.write_text(
        '\ufeffstudent,nickname\r\nada,"Lovelace, A."\r\n\r\nbob, \r\ncy,\x1b[31m\u202ered\r\ndi,' + "x" * 99
    )
    assert read_nicknames(path) == {"ada": "Lovelace, A.", "cy": "red", "di": "x" * 59 + "…"}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "cannot be read"),
        (b"", "first line"),
        (b"name,nick\n", "student,nickname"),
        (b"student,nickname\nada,x,y\n", "line 2"),
        (b"student,nickname\nada,x\nada,y\n", "line 3: ada is there a second time"),
        (b"student,nickname\nada,\xff\n", "UTF-8"),
        (b'student,nickname\nada,"' + b"x" * 200_000, "no CSV"),
    ],
)
def test_a_wrong_file_of_names_gets_a_sentence(tmp_path, content, says):
    path = tmp_path / "names.csv"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=says):
        read_nicknames(path)


def test_a_name_without_a_letter_to_show_is_still_a_name():
    assert display_name("\x1b[0m") != "" and display_name("a" * 300).endswith("…")


def test_a_file_that_takes_too_long_to_read_is_named_and_the_others_count(folder, monkeypatch):
    name = FILES["probability"][1]
    assert len(read_entry(folder, CONTEST, N).predicted) == 2
    (folder / name).write_bytes(b"id,probability\n" + b"1,0.5\n" * 10**6)
    monkeypatch.setattr(reader, "SECONDS", 0.03)
    monkeypatch.setattr(reader, "WALL", 10**3)
    entry = read_entry(folder, CONTEST, N)
    assert list(entry.predicted) == ["accuracy"]
    assert entry.notes == (f"No AUC. {name}: It takes more than 0.03 seconds to be read. Write it anew.",)


def test_ids_that_look_alike_are_told_apart():
    names = display_names(["ab", "a\u202eb", "a\u200bb"], {})
    assert names == {"ab": "ab", "a\u202eb": "a\\u202eb", "a\u200bb": "a\\u200bb"}
