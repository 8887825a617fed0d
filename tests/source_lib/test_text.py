"""Texts that are too long for where they are shown."""

import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from source_lib import text
from source_lib.text import shorten


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


@given(st.text(), st.integers(1, 20))
def test_what_is_shown_is_printable_and_not_too_long(given, most):
    assert shorten(given, most).isprintable() and len(shorten(given, most)) <= most
