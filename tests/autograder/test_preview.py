"""What grading will see of a submission, as a student sees it."""

import subprocess
import sys
from dataclasses import replace

import nbformat
import pytest

from autograder.labs import get_lab
from autograder.submissions.preview import lines, preview
from tests.conftest import PROGRAM, ROOT
from tests.platforms import notebook

LAB, FILES = get_lab("lab1"), get_lab("lab2")


def seen(folder, lab=LAB):
    return preview(folder, lab.wanted, {check.grade_id for check in lab.checks}, lab.explore_cells)


def hand_in(folder, files):
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


def test_what_is_there_what_is_run_and_what_is_open(tmp_path):
    made = nbformat.reads(notebook(FILES, 1), as_version=4)
    made.cells.append(nbformat.v4.new_code_cell("train()", metadata={"tags": ["explore"]}))
    made.cells.append(nbformat.v4.new_markdown_cell("text", metadata={"nbgrader": {"grade_id": "discussion"}}))
    hand_in(tmp_path, {"lab2.ipynb": nbformat.writes(made).encode(), "runs.jsonl": b"{}", "help.py": b""})
    found = seen(tmp_path, FILES)
    assert found.problems == ()
    told = " ".join(found.told)
    assert "lab2.ipynb has 13 cells, 6 of them scored." in told
    assert "Not filled in yet: train_model" in told and "Files beside it: help.py and runs.jsonl." in told
    assert "Grading runs 5 cells of code" in told and "It skips 1 that only explore: cell 12" in told
    assert found.unfilled == ("train_model", "runs", "reported", "accuracy")
    end = "lab2 can be handed in, with 4 parts that nobody has begun."
    assert lines(found, FILES.wanted)[-1] == end
    assert lines(replace(found, unfilled=()), FILES.wanted)[-1] == "lab2 can be handed in as it is."
    assert lines(replace(found, problems=("A.",)), FILES.wanted)[-1] == "1 thing to put right."


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({}, "There is no notebook. Nothing was handed in."),
        ({"lab1.pdf": b"%PDF-"}, "What was handed in: lab1.pdf. Hand in lab1.ipynb."),
        ({"lab1.ipynb": b"%PDF-"}, "lab1.ipynb is a PDF, not a notebook."),
        ({"lab1.ipynb": b"PK\x03\x04"}, "lab1.ipynb is a zip archive"),
        ({"lab1.ipynb": b"version https://git-lfs.github.com/spec/v1\noid"}, "Run git lfs pull"),
        ({"lab1.ipynb": b'{\n<<<<<<< HEAD\n "a"\n=======\n "b"\n>>>>>>> x\n}'}, "(<<<<<<<, line 2): git found two"),
        ({"lab1.ipynb": b'{"cells": [{"cell_type": "co'}, "it ends in the middle"),
        ({"lab1.ipynb": '{"cells": [{"cell_type": "code", "source": "é"}]}'.encode("cp1252")}, "none of the cells"),
        ({"lab1.ipynb": b'{"cells": []}'}, "It is empty. Is it the right file?"),
        ({"lab1.ipynb": notebook(FILES, heading="Lab 2: Other")}, 'begins with "Lab 2: Other"'),
        ({"a.ipynb": notebook(LAB, 1), "b.ipynb": notebook(LAB, 2)}, "2 notebooks may be meant: b.ipynb was taken"),
        ({"lab1.ipynb": notebook(LAB)}, "1 cell that lab1 scores is not there: discussion."),
    ],
)
def test_what_is_wrong_is_named_with_what_to_do(tmp_path, files, says):
    hand_in(tmp_path, files)
    assert says in " ".join(seen(tmp_path).problems)


def test_an_old_encoding_is_read_and_said(tmp_path):
    made = notebook(LAB, heading="Caf\u00e9").replace(b"\\u00e9", "\u00e9".encode())
    hand_in(tmp_path, {"lab1.ipynb": made.decode().encode("cp1252")})
    assert "It was read as Windows-1252" in " ".join(seen(tmp_path).problems)


def test_files_that_are_missing_and_files_of_other_names(tmp_path):
    hand_in(tmp_path, {"lab2.ipynb": notebook(FILES), "x.csv": b""})
    assert "Not there: runs.jsonl." in " ".join(seen(tmp_path, FILES).problems)
    hand_in(tmp_path, {"data/Runs (2).jsonl": b""})
    found = seen(tmp_path, FILES)
    assert "data/Runs (2).jsonl was taken as runs.jsonl." in found.told
    hand_in(tmp_path, {"runs-3.jsonl": b""})
    assert "Several files may be runs.jsonl" in " ".join(seen(tmp_path, FILES).problems)


def test_the_command_works_without_what_instructors_install(tmp_path):
    hand_in(tmp_path, {"work.ipynb": notebook(LAB, 8)})
    code = """
import sys
sys.modules.update(dict.fromkeys(["nbgrader", "nbconvert", "jupytext", "sqlalchemy", "jinja2"]))
from autograder.cli import main
main()
"""
    command = [sys.executable, "-c", code, "check-submission", "lab1", tmp_path]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1 and done.stderr == ""
    assert "work.ipynb was taken as lab1.ipynb: it is the only notebook." in done.stdout
    assert done.stdout.endswith("1 thing to put right.\n")
    done = subprocess.run([PROGRAM, "check-submission", "lab1", tmp_path / "none"], capture_output=True, text=True)
    assert done.returncode == 1 and "There is no folder" in done.stderr


def test_the_check_of_a_notebook_looks_at_the_folder_too(tmp_path, monkeypatch, capsys):
    from autograder import open_lab

    hand_in(tmp_path, {"lab1.pdf": b"%PDF-"})
    monkeypatch.chdir(tmp_path)
    assert open_lab("lab1", {}).submission() is None
    assert capsys.readouterr().out == (
        "To put right: There is no notebook. What was handed in: lab1.pdf. Hand in lab1.ipynb.\n1 thing to put right.\n"
    )
