"""Small arrays side by side."""

import numpy as np

from autograder.checking.array_text import HEIGHT, WIDTH, place, side_by_side


def test_blocks_stand_beside_each_other_under_their_labels():
    parts = [("h", np.array([[1, -2, 3], [4, 5, -6]])), ("b", np.array([[0.5], [2]])), ("expected", "an error")]
    assert side_by_side(parts) == "h          b     expected\n 1 -2  3   0.5   an error\n 4  5 -6     2"


def test_each_channel_is_a_block_that_says_how_to_select_it():
    h = np.arange(1, 9).reshape(2, 2, 2)
    assert side_by_side(()) == ""
    assert side_by_side([("h", h)]) == "h[:, :, 0]   h[:, :, 1]\n1 3          2 4\n5 7          6 8"
    # One channel needs no index; of kernels the first two axes are the picture, of a batch the two in the middle.
    assert side_by_side([("h", h[..., :1])]) == "h\n1 3\n5 7"
    assert "W[:, :, 0, 1]" in side_by_side([("W", np.ones((1, 3, 1, 2)))])
    assert "x[1, :, :, 0]" in side_by_side([("x", np.ones((2, 1, 3, 1)))])


def test_what_does_not_fit_in_a_row_goes_below():
    text = side_by_side([(f"W{k}", np.full((1, 9), 10 + k)) for k in range(3)])
    assert text.count("\n\n") == 1 and max(map(len, text.split("\n"))) <= WIDTH


def test_what_does_not_fit_at_all_is_left_out():
    assert side_by_side([("h", np.ones((HEIGHT, 2)))]) == ""
    assert side_by_side([("h", np.ones((HEIGHT - 1, 2)))]) != ""
    assert side_by_side([("h", np.full((1, 40), -10))]) == ""
    assert side_by_side([("h", np.ones((50, 50)))]) == ""
    assert side_by_side([("h", None)]) == "" and side_by_side([("h", np.array(["text"]))]) == ""


def test_numbers_that_differ_never_look_the_same():
    assert side_by_side([("expected", np.array([0.5])), ("yours", np.array([0.50002]))]).endswith("0.5        0.50002")
    assert side_by_side([("yours", np.array([-0.0, 1e-12, np.nan, np.inf]))]) == "yours\n  0   0 nan inf"
    assert side_by_side([("yours", np.zeros((0, 2, 1)))]) == "yours\nempty [0, 2, 1]"


def test_the_place_where_large_arrays_differ_most():
    expected, got = np.zeros((3, 4)), np.zeros((3, 4))
    got[1, 2], got[0, 3] = -2.5, 1
    assert place(expected, got) == "at [1, 2]\nexpected            0\nyours            -2.5"
    got[2, 0] = np.nan
    assert place(expected, got).startswith("at [2, 0]")
    # Of a few numbers one would be a part of the answer that is scored.
    assert place(expected[0], got[0]) == "" and place(expected, got[:2]) == "" and place(expected, None) == ""


def test_the_place_may_have_a_name():
    expected, got = np.zeros(9), np.zeros(9)
    got[4] = 2
    assert place(expected, got, lambda at: f"number {at[0]} of the answer").startswith("at number 4 of the answer\n")
