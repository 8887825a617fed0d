"""What is said of files of predictions, and what is read from them: nothing wrong passes, nothing right is refused."""

import csv
import doctest
import io
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from source_lib import predictions
from source_lib.predictions import MAX_BYTES, among, check_predictions, read_predictions

CLASSES = b"id,class\n0,1\n1,0\n2,1\n"
PROBABILITIES = b"id,probability\n0,0.5\n1,0.25\n2,1\n"


def read(content, **options):
    return read_predictions(content, name="run1.csv", **{"rows": 3, **options})


def faults(one):
    return [problem for problem in one.problems if not problem.harmless]


def test_examples_in_docstrings():
    assert doctest.testmod(predictions).failed == 0


@pytest.mark.parametrize(
    ("content", "values"),
    [
        (CLASSES, [1, 0, 1]),
        (CLASSES.rstrip(), [1, 0, 1]),
        (PROBABILITIES, [0.5, 0.25, 1]),
        (b"id,probability\n0,1e-3\n1,.5\n2,1.\n", [0.001, 0.5, 1]),
        (b"id,probability\n0,0.12345678901234567890\n1,0\n2,1\n", [0.12345678901234568, 0, 1]),
    ],
)
def test_right_files_pass_without_a_word(content, values):
    one = read(content)
    assert one.right and not one.problems
    np.testing.assert_array_equal(one.values, values)
    assert one.values.dtype == (np.int64 if one.column == "class" else np.float64)


@pytest.mark.parametrize(
    ("content", "line", "said"),
    [
        (CLASSES.replace(b"\n", b"\r\n"), 1, "CR LF"),
        (CLASSES.replace(b"\n", b"\r"), 1, "CR, as on old Macs"),
        (CLASSES + b"\n", 5, "an empty line at the end"),
        (CLASSES + b"\n \n,\n", 5, "3 empty lines at the end"),
        (b"id,class\n2,1\n0,1\n1,0\n", 3, "not in order"),
    ],
)
def test_what_does_no_harm_is_noted_and_read(content, line, said):
    one = read(content)
    (problem,) = one.problems
    assert one.right and problem.line == line and said in problem.what
    np.testing.assert_array_equal(one.values, [1, 0, 1])


#: Wrong in form, clear in meaning: what was meant is read.
UNTIDY = [
    (b"\xef\xbb\xbf" + CLASSES, 1, "byte-order mark", "without a byte-order mark"),
    (CLASSES.decode().encode("utf-16"), 1, "UTF-16", "UTF-8"),
    (CLASSES.replace(b",", b";"), 1, "semicolons", "commas"),
    (CLASSES.replace(b",", b"\t"), 1, "tabs", "commas"),
    (CLASSES.replace(b",", b", "), 1, "spaces in the header", "id,class"),
    (b"id,class\n0,1\n1 ,0\n2,1\n", 3, "spaces around", "alone"),
    (b"id,class\n0,1.0\n1,0.0\n2,1.0\n", 2, "written as 1.0", "astype(int)"),
    (b"id,class\n0,1\n1,0\n2,1e0\n", 4, "written as 1e0", "astype(int)"),
    (b"id,class\n0.0,1\n1.0,0\n2.0,1\n", 2, "id is written as 0.0", "indices"),
    (b",id,class\n0,0,1\n1,1,0\n2,2,1\n", 1, "row numbers", "index=False"),
    (b"Unnamed: 0,id,class\n0,0,1\n1,1,0\n2,2,1\n", 1, "row numbers", "index=False"),
    (b"0,1\n1,0\n2,1\n", 1, "no header", "id,class"),
    (b"Id,Class\n0,1\n1,0\n2,1\n", 1, "'Id'", "id,class"),
    (b"id,label\n0,1\n1,0\n2,1\n", 1, "'label'", "id,class"),
    (b'"id","class"\n"0","1"\n"1","0"\n"2","1"\n', 1, "quotes", "without quotes"),
    (b"id,class\n0,True\n1,False\n2,True\n", 2, "class is written as True", "astype(int)"),
    (b"id,class\n0,1\n1,FALSE\n2,true\n", 3, "class is written as FALSE", "astype(int)"),
    (b"id,class\n0,[1]\n1,[0]\n2,[1]\n", 2, "class is written as [1]", "astype(int)"),
    (b"id,class\n0,1\n1,[[0.]]\n2,( 1 )\n", 3, "class is written as [[0.]]", "astype(int)"),
    (b"id,class\n0,np.int64(1)\n1,np.int64(0)\n2,np.int64(1)\n", 2, "np.int64(1)", "astype(int)"),
    (b"id,class\n0,[True]\n1,[False]\n2,np.True_\n", 2, "class is written as [True]", "astype(int)"),
    (b"id,class\n1,1\n2,0\n3,1\n", 2, "ids begin with 1", "0 to 2"),
    (b"id,class\n3,1\n1,1\n2,0\n", 2, "ids begin with 1", "0 to 2"),
    (b"id,class\n0,0.7\n1,0.2\n2,0.9\n", 2, "0.7 is no whole number", "argmax"),
    (b"id,class\n0,1.0\n1,0.2\n2,0.9\n", 2, "written as 1.0", "astype(int)"),
    (b"id,class\n0,[0.7]\n1,[0.2]\n2,[0.9]\n", 2, "class is written as [0.7]", "astype(int)"),
    (b"id,probability\n0,0.7\n1,0.2\n2,0.9\n", 1, "probabilities, where classes are expected", "id,class"),
    (b"id,0,1\n0,0,1\n1,1,0\n2,0,1\n", 1, "3 columns", "argmax(axis=1)"),
    (b"id,prob_0,prob_1\n0,0.3,0.7\n1,0.9,0.1\n2,0,1\n", 1, "3 columns", "argmax(axis=1)"),
]


@pytest.mark.parametrize(("content", "line", "what", "remedy"), UNTIDY)
def test_what_spreadsheets_do_is_reported_and_still_read(content, line, what, remedy):
    one = read(content, column="class")
    problem = faults(one)[0]
    assert not one.right and problem.line == line and what in problem.what and remedy in problem.remedy
    np.testing.assert_array_equal(one.values, [1, 0, 1])


def test_decimal_commas():
    one = read(b"id;probability\n0;0,5\n1;0,25\n2;1\n", column="probability")
    (problem,) = one.problems
    assert "decimal commas" in problem.what and not one.right
    np.testing.assert_array_equal(one.values, [0.5, 0.25, 1])


@pytest.mark.parametrize(
    ("content", "line", "what", "remedy"),
    [
        (b"", None, "empty", "util.pred_test"),
        (b" \n\n", None, "empty", "util.pred_test"),
        (b"id,class\n", 2, "no predictions", "util.pred_test"),
        (b"id,class\n0,1\n\n1,0\n2,1\n", 3, "empty line between", "Delete"),
        (b"id,class\n0,1\n1,0\n", 3, "ends after 2 predictions", "3 test images"),
        (CLASSES + b"3,1\n", 5, "ends after 4 predictions", "3 test images"),
        (b"id,class\n0,1\n1,0\n1,1\n", 4, "id 1 is there a second time", "0 to 2"),
        (b"id,class\n0,1\n1,0\n7,1\n", 4, "id 7 is out of range, and 2 is missing", "0 to 2"),
        (b"id,class\n0,1\n-1,0\n2,1\n", 3, "'-1' is no whole number", "indices"),
        (b"id,class\n0,1\n1,2\n2,1\n", 3, "class 2 is out of range", "0 to 1"),
        (b"id,class\n0,1\n1,-1\n2,1\n", 3, "-1 is negative", "from 0"),
        (b"id,class\n0,1\n1,\n2,1\n", 3, "missing", "loss"),
        (b"id,class\n0,1\n1,nan\n2,1\n", 3, "nan", "loss"),
        (b"id,class\n0,1\n1,tumor\n2,1\n", 3, "'tumor' is no number", "a class"),
        (b"id,class\n0,1\n1,[tumor]\n2,1\n", 3, "'[tumor]' is no number", "a class"),
        (b"id,class\n0,1\n1,[0 1]\n2,1\n", 3, "'[0 1]' is no number", "a class"),
        (b"id,class\n0,0.7\n1,1.2\n2,0.9\n", 2, "0.7 is no whole number", "argmax"),
        (b"id,class\n0,0.7\n1,-0.2\n2,0.9\n", 2, "0.7 is no whole number", "argmax"),
        (b"id,class\n1,1\n2,0\n4,1\n", 4, "id 4 is out of range, and 0 is missing", "0 to 2"),
        (b"id,0,1\n0,1,1\n1,0,1\n2,1,0\n", 1, "3 columns", "argmax(axis=1)"),
        (b"id,1,0\n0,1,0\n1,0,1\n2,1,0\n", 1, "3 columns", "argmax(axis=1)"),
        (b"id,a,b\n0,1,0\n1,0,1\n2,1,0\n", 1, "3 columns", "argmax(axis=1)"),
        (b"id,class\n0,1\n1\n2,1\n", 3, "1 value", "a class"),
        (b"id,class\n0,1\n1,0,0\n2,1\n", 3, "3 values", "a class"),
        (b"id,class\n0,1\n1,1 0\n2,1\n", 3, "'1 0' is no number", "a class"),
        (b"id,class\n0,1\n1,99999999999999999999\n2,1\n", 3, "out of range", "from 0"),
        (b"class\n1\n0\n1\n", 1, "one column", "id,class"),
        (b"\x89PNG\r\n\x00\x00", 2, "no text", "UTF-8"),
        ("id,class\n0,é\n".encode("latin1"), 2, "not encoded as UTF-8", "UTF-8"),
        (b"\xff\xfe\x00", 1, "no text", "UTF-8"),
    ],
)
def test_what_has_no_clear_meaning_is_reported_and_not_read(content, line, what, remedy):
    one = read(content, column="class")
    said = [problem for problem in faults(one) if what in problem.what]
    assert said and said[0].line == line and remedy in said[0].remedy
    assert one.values is None


def test_of_three_classes_nothing_but_a_class_is_one():
    for content in (b"id,class\n0,0.7\n1,2\n2,1\n", PROBABILITIES, b"id,class\n0,True\n1,2\n2,1\n"):
        one = read(content, column="class", classes=3)
        assert one.values is None and faults(one)
    one = read(b"id,c0,c1,c2\n0,0.1,0.2,0.7\n1,1,0,0\n2,0,1,0\n", column="class", classes=3)
    np.testing.assert_array_equal(one.values, [2, 0, 1])


def test_names_of_classes_are_read_where_they_are_known():
    one = read(b"id,class\n0,tumor\n1,No tumor\n2,tumor\n", column="class", class_names=("no tumor", "tumor"))
    assert not one.right and "written as tumor" in faults(one)[0].what
    np.testing.assert_array_equal(one.values, [1, 0, 1])
    one = read(b"id,no tumor,tumor\n0,0,1\n1,1,0\n2,0,1\n", column="class", class_names=("no tumor", "tumor"))
    np.testing.assert_array_equal(one.values, [1, 0, 1])


@pytest.mark.parametrize(
    "content",
    [
        b"id,probability\n0,[0.5]\n1,[0.25]\n2,[1.]\n",
        b"id,probability\n0,np.float32(0.5)\n1,np.float32(2.5e-1)\n2,np.float32(1.0)\n",
        b"id,class\n0,0.5\n1,0.25\n2,1\n",
        b"id,0,1\n0,0.5,0.5\n1,0.75,0.25\n2,0,1\n",
        b'id,probability\n0,"0,5"\n1,"0,25"\n2,"1"\n',
        b"id,probability\n1,0.5\n2,0.25\n3,1\n",
    ],
)
def test_probabilities_that_are_clear_are_reported_and_read(content):
    one = read(content, column="probability")
    assert not one.right and one.column == "probability"
    np.testing.assert_array_equal(one.values, [0.5, 0.25, 1])


def test_what_is_said_is_about_the_images_that_are_predicted():
    for part, images in (("test", "test images"), ("valid", "validation images")):
        for content in (b"id,class\n0,1\n1,0\n", b"id,class\n0,1\nx,0\n2,1\n", b"id,class\n1,1\n2,0\n3,1\n"):
            said = " ".join(map(str, read(content, part=part).problems))
            assert images in said and said.count("images") == 1


@pytest.mark.parametrize("value", [b"nan", b"inf", b"-inf", b"1.5", b"-0.25", b"1e400", b""])
def test_probabilities_are_finite_and_between_0_and_1(value):
    one = read(b"id,probability\n0,0.5\n1,0.25\n2," + value + b"\n", column="probability")
    assert one.values is None and [problem.line for problem in one.problems] == [4]


def test_a_prediction_that_never_changes_is_reported_and_read():
    one = read(b"id,class\n0,1\n1,1\n2,1\n")
    assert not one.right and "1 for every image" in one.problems[0].what
    np.testing.assert_array_equal(one.values, [1, 1, 1])


def test_all_faults_are_reported_at_once_and_notes_last():
    one = read(b"\xef\xbb\xbfid;class\r\n0;1.0\r\n1;0.0\r\n2;1.0\r\n\r\n", column="class")
    assert [problem.line for problem in faults(one)] == [1, 1, 2]
    assert [problem.harmless for problem in one.problems] == [False] * 3 + [True] * 2
    np.testing.assert_array_equal(one.values, [1, 0, 1])


def test_without_the_number_of_images_every_id_counts():
    assert read(CLASSES, rows=None).right
    assert not read(b"id,class\n0,1\n2,0\n", rows=None).right


def test_files_that_are_no_files(tmp_path):
    (one,) = check_predictions({"run1.csv": tmp_path / "run1.csv"})
    assert str(one).startswith("run1.csv: There is no such file.")
    (one,) = check_predictions({"run1.csv": tmp_path})
    assert "no file" in one.what
    huge = tmp_path / "huge.csv"
    with open(huge, "wb") as file:
        file.truncate(MAX_BYTES + 1)
    (one,) = check_predictions({"huge.csv": huge})
    assert "not read" in one.what


def test_between_files():
    other = b"id,class\n0,0\n1,0\n2,1\n"
    assert check_predictions({"run1.csv": CLASSES, "run2.csv": other}) == []
    # The same predictions in another form are the same.
    (copied,) = check_predictions({"run1.csv": CLASSES, "run2.csv": other, "run3.csv": CLASSES.rstrip()})
    assert copied.file == "run3.csv" and "same as run1.csv" in copied.what and "train again" in copied.remedy
    (shorter,) = check_predictions({"run1.csv": CLASSES, "run2.csv": b"id,class\n0,0\n1,1\n"})
    assert shorter.file == "run2.csv" and "2 images, and run1.csv 3" in shorter.what
    # Probabilities that are all 0 or 1 are no copy of the classes.
    assert among([read(CLASSES), read(b"id,probability\n0,1\n1,0\n2,1\n")]) == []


def test_a_column_that_is_none():
    with pytest.raises(ValueError, match="class or probability"):
        read(CLASSES, column="label")


@settings(deadline=None, max_examples=300)
@given(st.data())
def test_no_wrong_byte_passes_unsaid(data):
    """Whatever is right here, Python's own reader of CSV files finds right as well, with the same numbers."""
    content = bytearray(data.draw(st.sampled_from([CLASSES, PROBABILITIES])))
    for _ in range(data.draw(st.integers(1, 3))):
        position = data.draw(st.integers(0, len(content)))
        replaced = data.draw(st.integers(0, 2))
        content[position : position + replaced] = data.draw(
            st.one_of(st.binary(max_size=2), st.sampled_from([b",", b"\n", b"\r", b";", b".", b"0", b"1", b" ", b'"']))
        )
    one = read(bytes(content))
    if not one.right:
        assert all(str(problem).isprintable() for problem in one.problems)
        return
    header, *rows = [row for row in csv.reader(io.StringIO(content.decode(), newline="")) if any(map(str.strip, row))]
    assert header == ["id", one.column]
    number = int if one.column == "class" else float
    assert {int(index): number(value) for index, value in rows} == dict(enumerate(one.values.tolist()))
    assert all(0 <= value <= 1 for value in one.values)


def test_a_million_rows():
    """The time of the whole check over that of reading the same numbers without any check, in one process."""
    values = np.random.default_rng(0).integers(0, 2, 10**6)
    content = ("id,class\n" + "".join(f"{index},{value}\n" for index, value in enumerate(values))).encode()
    one = read(content, rows=10**6)
    assert one.right and (one.values == values).all()
    broken = content[:-2] + b"x\n"
    (problem,) = read(broken, rows=10**6).problems
    assert problem.line == 10**6 + 1


def test_it_needs_no_keras():
    """A student's check, and the grader's, must not wait for TensorFlow."""
    code = "import sys; import source_lib.predictions; assert not {'keras', 'tensorflow'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
