"""Nothing of a submission runs in the browser of whoever grades it."""

import base64

import pytest

from autograder.student import Ran
from autograder.untrusted import safe_html, safe_markdown, safe_outputs

HARMLESS = [
    "Plain text with a < b and b > c, and `h[i] < 3`.",
    "# Title\n\n- one\n- two\n\n| a | b |\n|:--|--:|\n| 1 | 2 |",
    "Euler: $e^{i\\pi} < 0$ and\n\n$$\\sum_{i<n} x_i$$",
    "[a page](https://example.org) and [a place](#below) and ![a picture](attachment:plot.png)",
    "Water is H<sub>2</sub>O, said <b>clearly</b>.<br>",
    "```python\nif a < b: print('<script>')\n```",
    '<img src="https://example.org/a.png" alt="a" width="20">',
]

HARMFUL = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<IMG SRC=x OnError=alert(1)>",
    "<svg onload=alert(1)>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<a href='javascript:alert(1)'>x</a>",
    "<a href='java\tscript:alert(1)'>x</a>",
    "<a href=' &#106;avascript:alert(1)'>x</a>",
    "<a href='data:text/html,<script>alert(1)</script>'>x</a>",
    "<form action='https://example.org'><input></form>",
    "<style>*{display:none}</style>",
    "<p style='position:fixed;top:0'>a page of its own</p>",
    "<!--><script>alert(1)</script>-->",
    "<math><mtext><style><img src=x onerror=alert(1)></style></mtext></math>",
    "<meta http-equiv=refresh content='0;url=https://example.org'>",
    "text\n\n<div onclick=alert(1)>x</div>",
    "<base href='https://example.org'>",
]


@pytest.mark.parametrize("source", HARMLESS)
def test_what_an_honest_answer_holds_stays(source):
    assert safe_markdown(source, {"plot.png": {"image/png": "aaaa"}}) == source


def test_a_picture_that_is_not_attached_is_shown_as_text():
    assert "attachment:plot.png" in safe_markdown("![a picture](attachment:plot.png)")
    assert safe_markdown("![a picture](attachment:plot.png)").startswith("*This cell holds")


@pytest.mark.parametrize("source", HARMFUL)
def test_what_could_run_is_shown_as_text(source):
    shown = safe_markdown(source)
    assert shown != source and source in shown
    assert safe_markdown(shown) == shown


def test_a_fence_inside_the_text_does_not_end_the_fence_around_it():
    source = "````\n</code></pre>\n````\n<script>alert(1)</script>\n```"
    shown = safe_markdown(source)
    assert shown.splitlines()[2].startswith("`````") and safe_markdown(shown) == shown


@pytest.mark.parametrize("html", HARMFUL)
def test_html_outputs_are_cleaned(html):
    cleaned = safe_html(html).lower()
    for dangerous in ("<script", "onerror", "onload", "onclick", "javascript:", "<style", "srcdoc", "<svg", "style="):
        assert dangerous not in cleaned


def test_a_data_frame_keeps_its_table():
    rows = "<tr><th>a</th></tr><tr><td>1</td></tr>"
    html = f'<style scoped>.x {{}}</style><table border="1" class="dataframe">{rows}</table>'
    table = '<table class="dataframe"><tbody><tr><th>a</th></tr><tr><td>1</td></tr></tbody></table>'
    assert safe_html(html) == table


def test_outputs_become_what_a_notebook_can_hold():
    picture = base64.b64encode(b"png").decode()
    ran = Ran(
        [
            {"stream": "stdout", "text": "hello"},
            {"stream": "../x", "text": "odd"},
            {"data": {"text/plain": "1", "image/png": picture, "application/javascript": "1", "text/html": "<b>1</b>"}},
            {"data": {"image/png": "not base64!"}},
            {"data": {"text/plain": 5}},
            "nonsense",
            {"text": 3},
        ],
        error={"ename": "ValueError", "evalue": "no", "traceback": "a\nb"},
        cut_off="This cell was left out.",
    )
    outputs = safe_outputs(ran)
    assert [o.output_type for o in outputs] == ["stream", "stream", "display_data", "error", "error"]
    assert outputs[1].name == "stdout"
    assert set(outputs[2].data) == {"text/plain", "image/png", "text/html"}
    assert outputs[3].traceback == ["a", "b"] and outputs[4].evalue == "This cell was left out."


def test_a_flood_of_outputs_is_cut():
    outputs = safe_outputs(Ran([{"stream": "stdout", "text": "x" * 10**6}] * 1000))
    assert len(outputs) <= 50 and all(len(o.text) <= 20_000 for o in outputs)
