"""Columns of numbers: read strictly, understood where that is safe, and never larger than they may be."""

import doctest
import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.leaderboard import formats
from autograder.leaderboard.formats import read_numbers

COLUMNS = ["probability_0", "probability_1", "probability_2"]
HEADER = "id,probability_0,probability_1,probability_2\n"


def test_examples_in_docstrings():
    assert doctest.testmod(formats, extraglobs={"np": np, "io": io}).failed == 0


# numbers


@given(st.integers(0, 2**32), st.integers(1, 5), st.integers(1, 30))
@settings(max_examples=30, deadline=None)
def test_what_is_written_is_read_in_the_order_of_ids(seed, columns, count):
    rng = np.random.default_rng(seed)
    names = [f"c{k}" for k in range(columns)]
    values = rng.dirichlet(np.ones(columns), count) if columns > 1 else rng.random((count, 1))
    lines = [",".join(map(str, [k, *values[k].tolist()])) for k in rng.permutation(count)]
    read = read_numbers("\n".join([",".join(["id", *names]), *lines]).encode(), names, (0, 1), count)
    np.testing.assert_array_equal(read.values, values if columns > 1 else values[:, 0])


@pytest.mark.parametrize(
    "content",
    [
        HEADER.replace("\n", "\r\n") + "0,0.2,0.3,0.5\r\n1,.1,1e-1,0.8\r\n",
        HEADER + "1,0.1,0.1,0.8\n0,0.2,0.3,0.5",
        "\ufeff" + HEADER + "0,0.2,0.3,0.5\n1,0.1,0.1,0.8\n\n",
        (HEADER + "0,0.2,0.3,0.5\n1,0.1,0.1,0.8\n").replace(",", ";").replace(".", ","),
    ],
)
def test_forms_that_are_clear_are_understood(content):
    read = read_numbers(content.encode(), COLUMNS, (0, 1), 2)
    np.testing.assert_allclose(read.values, [[0.2, 0.3, 0.5], [0.1, 0.1, 0.8]])
    assert read.right == (content.startswith("id,"))


@pytest.mark.parametrize(
    ("content", "line", "says"),
    [
        (b"", 1, "Its header is ''"),
        (b"\x89PNG\xff", None, "no text in UTF-8"),
        (b"id,probability\n0,0.5\n", 1, "Its header is 'id,probability'"),
        (HEADER.encode(), 2, "no numbers in it"),
        (HEADER + "0,0.2,0.3,0.5\n1,0.5,0.5\n", 3, "It has 3 values, not 4"),
        (HEADER + "0,0.2,0.3,0.5\n1,0.5,nan,0.5\n", 3, "'nan' is no finite number"),
        (HEADER + "0,0.2,0.3,0.5\n1,0.5,1e999,0.5\n", 3, "'1e999' is no finite number"),
        (HEADER + "0,0.2,0.3,0.5\n1,1_0,0,0\n", 3, "'1_0' is no finite number"),
        (HEADER + "0,0.2,0.3,0.5\nx,1,0,0\n", 3, "The id 'x' is no whole number"),
        (HEADER + "0,0.2,0.3,0.5\n0,1,0,0\n", 3, "The id 0 is there a second time"),
        (HEADER + "0,0.2,0.3,0.5\n2,1,0,0\n", 3, "The id 2 is out of range"),
        (HEADER + "0,0.2,0.3,0.5\n", None, "It has 1 lines of numbers"),
        (HEADER + "0,0.2,0.3,0.5\n1,1.5,0,0\n", 3, "The number 1.5 is not between 0 and 1"),
        (HEADER + '0,0.2,0.3,0.5\n1,"' + "9" * 200_000, 3, "It is no CSV"),
        (HEADER + "0,0.2,0.3,0.5\n" + "9" * 5000 + ",1,0,0\n", 3, "is no whole number"),
    ],
)
def test_what_is_not_clear_is_not_read_and_says_where(content, line, says):
    read = read_numbers(content if isinstance(content, bytes) else content.encode(), COLUMNS, (0, 1), 2, "p.csv")
    assert read.values is None and read.problems[0].line == line and says in read.problems[0].what
    assert len(str(read.problems[0])) < 240


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (HEADER + "0,0.2,0.3,0.5\n1,0.9,0.9,0.9\n", "p.csv, line 3: The probabilities add up to 2.7, not to 1."),
        (HEADER + "0,0.2,0.3,0.5\n1,0.2,0.3,0.5\n", "p.csv: It predicts the same for every image."),
    ],
)
def test_what_is_untidy_is_read_and_reported(content, says):
    read = read_numbers(content.encode(), COLUMNS, (0, 1), 2, "p.csv")
    assert read.values.shape == (2, 3) and str(read.problems[0]).startswith(says)
