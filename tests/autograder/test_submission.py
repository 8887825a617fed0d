"""What one student handed in, from where it lay."""

import shutil

import pytest

from autograder.checking.lab import Lab
from autograder.gradebook.course_folder import open_course
from autograder.grading.grade import Verdict, as_record
from autograder.grading.pipeline import read_one
from autograder.labs import get_lab
from autograder.submissions.cells import UnreadableNotebookError
from autograder.submissions.submission import read_submission
from tests.conftest import ROOT
from tests.platforms import notebook

LAB = get_lab("lab1")


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "lab1.ipynb"
    path.write_text("{}")
    return path


@pytest.mark.parametrize("owner", ["ada", "Åsa B.", "uni\\ada", "[odd]*name", ""])
def test_a_name_that_can_be_read_calls_nobody(path, owner):
    assert read_submission(path, owner).notes == ()


@pytest.mark.parametrize("owner", ["a\u202eb", "a\u200bb", "ab\n", "a\udcff", "ab\u00a0", "\x1b[31mab"])
def test_a_name_with_what_does_not_show_calls_a_person_who_reads_it_written_out(path, owner):
    (note,) = read_submission(path, owner).notes
    assert "characters that do not show: " in note and note.isprintable() and "\\" in note


def test_a_report_tells_names_apart_that_look_alike():
    lab = Lab("lab1", "", (), {})
    names = ["ab", "a\u202eb", "a\u200bb", "ab\n", "a b", "a  b", "a\tb", "\x1b[0mab", "a\\u202eb", "ab\udcff"]
    told = [as_record(name, lab, Verdict([]))["student"] for name in names]
    assert len(set(told)) == len(names) and all(name.isprintable() for name in told)
    assert told[0] == "ab" and told[1] == "a\\u202eb"


@pytest.mark.parametrize(
    ("files", "answers", "says"),
    [
        ({"lab1 (1).ipynb": 2}, 2, "lab1 (1).ipynb was taken as lab1.ipynb"),
        ({"lab1/lab1.ipynb": 2, "lab1/help.py": b""}, 2, "it is the only notebook"),
        ({"lab1.ipynb": 0, "lab1-solved.ipynb": 3}, 3, "it alone holds answers to the lab"),
        ({"lab1.ipynb": 1, "lab1-solved.ipynb": 3}, 1, "Which is the last version?"),
        ({"lab1.ipynb": 1}, 1, ""),
    ],
)
def test_one_notebook_is_taken_and_said(tmp_path, files, answers, says):
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(notebook(LAB, content) if isinstance(content, int) else content)
    found = read_submission(tmp_path / "lab1.ipynb", "ada", wanted=LAB.wanted)
    assert found.content == notebook(LAB, answers) and says in " ".join(found.notes)
    assert bool(found.notes) == bool(says) and set(found.files) == {"help.py"} & {n.rpartition("/")[2] for n in files}


@pytest.mark.parametrize("name", ["lab1.pdf", "lab1.zip", "work/lab1.py"])
def test_what_is_there_instead_of_a_notebook_is_named(tmp_path, name):
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_bytes(b"x")
    with pytest.raises(UnreadableNotebookError, match=f"What was handed in: {name}. Hand in lab1.ipynb"):
        read_submission(tmp_path / "lab1.ipynb", "ada", wanted=LAB.wanted)


def test_a_folder_or_a_link_of_the_notebook_s_name_is_said_to_be_one(tmp_path):
    (tmp_path / "lab1.ipynb").mkdir()
    with pytest.raises(UnreadableNotebookError, match=r"lab1\.ipynb is a folder"):
        read_submission(tmp_path / "lab1.ipynb", "ada", wanted=LAB.wanted)
    (tmp_path / "lab1.ipynb").rmdir()
    (tmp_path / "lab1.ipynb").symlink_to("/etc/passwd")
    with pytest.raises(UnreadableNotebookError, match="is a link, which was not followed"):
        read_submission(tmp_path / "lab1.ipynb", "ada", wanted=LAB.wanted)


@pytest.mark.parametrize("stamp", [b"", b"soon", b"\xff", b"2026-11-03 23:59:00 UTC" + b"x" * 500])
def test_a_time_that_cannot_be_read_calls_a_person(tmp_path, stamp):
    shutil.copy(ROOT / "nbgrader_config.py", tmp_path)
    folder = tmp_path / "assignments" / "submitted" / "ada" / "lab1"
    folder.mkdir(parents=True)
    (folder / "lab1.ipynb").write_bytes(notebook(LAB))
    assert read_one(open_course(tmp_path), LAB, "ada").notes == ()
    (folder / "timestamp.txt").write_bytes(stamp)
    assert "whether this was late is not known" in " ".join(read_one(open_course(tmp_path), LAB, "ada").notes)
    (folder / "timestamp.txt").write_bytes(b"2026-11-03 23:59:00 UTC")
    assert read_one(open_course(tmp_path), LAB, "ada").notes == ()
