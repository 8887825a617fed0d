"""Texts that are too long for where they are shown."""

import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from source_lib import text
from source_lib.text import counted, in_series, shorten, visible


def test_examples_in_docstrings():
    assert doctest.testmod(text).failed == 0


@pytest.mark.parametrize(
    ("given", "most", "shown"),
    [
        ("", 1, ""),
        ("ab", 2, "ab"),
        ("abc", 2, "a…"),
        ("abc", 1, "…"),
        ("one two", 5, "one…"),
        ("a\x1b[31m\u202eb", 9, "a?[31m?b"),
        ("é" * 50, 3, "éé…"),
    ],
)
def test_shortened(given, most, shown):
    assert shorten(given, most) == shown


@pytest.mark.parametrize(("count", "said"), [(0, "0 boxes"), (1, "1 box"), (2, "2 boxes"), (12_345, "12,345 boxes")])
def test_counted(count, said):
    assert counted(count, "box", "boxes") == said and counted(count, "lens").endswith("s")


@given(st.text(), st.integers(1, 20))
def test_what_is_shown_is_printable_and_not_too_long(given, most):
    assert shorten(given, most).isprintable() and len(shorten(given, most)) <= most


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("ada", "ada"),
        ("Åsa B. 漢字", "Åsa B. 漢字"),
        ("a\u202eb", "a\\u202eb"),
        ("a\\u202eb", "a\\\\u202eb"),
        ("a\u200bb\u00a0c", "a\\u200bb\\xa0c"),
        ("a\nb\x1b[0m", "a\\nb\\x1b[0m"),
        ("\udcff", "\\udcff"),
    ],
)
def test_what_does_not_show_is_written_out(name, shown):
    assert visible(name) == shown


ODD = st.text(st.one_of(st.characters(), st.sampled_from("ab\\u202e\n")), max_size=8)


@given(ODD, ODD)
def test_no_two_names_look_the_same(one, other):
    assert (visible(one) == visible(other)) == (one == other)
    assert visible(one).isprintable()


@pytest.mark.parametrize(
    ("words", "series"),
    [((), ""), (("a",), "a"), (("a", "b"), "a and b"), (["a", "b", "c", "d"], "a, b, c and d")],
)
def test_words_are_a_series(words, series):
    assert in_series(words) == series
