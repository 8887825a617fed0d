"""Pieces of HTML that figures share: a browser's reader gives back what was put in, whatever it was."""

import doctest
import json

from bs4 import BeautifulSoup
from hypothesis import given
from hypothesis import strategies as st

from source_lib.interactive import markup
from source_lib.interactive.markup import data_element, option_elements

TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"])) | st.sampled_from(["</script>", "<!--<script>", "&lt;"])


def test_examples_of_the_docstrings():
    assert doctest.testmod(markup).failed == 0


@given(st.dictionaries(TEXT, TEXT | st.integers() | st.lists(TEXT)))
def test_data_come_back_as_they_were(data):
    page = BeautifulSoup(data_element(data) + "<p>after</p>", "html.parser")
    assert json.loads(page.script.string) == data and page.p.string == "after"


@given(st.lists(TEXT.map(str.strip).filter(bool), min_size=1, unique=True), st.data())
def test_options_are_counted_and_one_is_chosen(names, data):
    chosen = data.draw(st.sampled_from(names))
    options = BeautifulSoup(option_elements(names, chosen), "html.parser").find_all("option")
    assert [(option["value"], option.get_text()) for option in options] == [(str(i), n) for i, n in enumerate(names)]
    assert [option.get_text() for option in options if option.has_attr("selected")] == [chosen]
