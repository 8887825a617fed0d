"""Nothing of a submission runs, floods or stalls the browser and the pages of whoever grades it."""

import base64
import re
import time

import nbformat
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nbconvert.exporters import HTMLExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from nbconvert.filters.strings import strip_files_prefix

from autograder.submissions import cells, sanitize
from autograder.submissions.cell_run import CellRun
from autograder.submissions.sanitize import (
    Budget,
    colorable,
    printable,
    safe_html,
    safe_markdown,
    safe_outputs,
    without_links,
)

PICTURE = base64.b64encode(b"a picture").decode()

HARMLESS = [
    "Plain text with a < b and b > c, and `h[i] < 3`.",
    "If a <b then a is less, i<n and n<= 3 & so on, or a <3 and b>4.",
    "# Title\n\n- one\n- two\n\n| a | b | c |\n|:--|--:|:-:|\n| 1 | 2 | 3 |",
    "## Why & how: Ωmega, `code` and *emphasis* in a title?",
    "Euler: $e^{i\\pi} < 0$ and $a<b$ and\n\n$$\\sum_{i<n} x_i$$\n\n\\begin{align}\na &< b \\\\\nc &> d\n\\end{align}",
    "\\\\(a < b\\\\) and \\\\[ \\frac{a}{b} < c \\\\]",
    "[a page](https://example.org/?a=1&b=2#c:d) and [a place](#below) and ![a picture](attachment:plot.png 'plot')",
    "[a file](notes/a%20file.pdf?page=2&b=3), [mail](mailto:a@example.org), [Ref][1]\n\n[1]: https://example.org 'x'",
    "<https://example.org> and <a@example.org> and https://example.org/a_b(c)",
    f"![pasted](data:image/png;base64,{PICTURE})",
    "Water is H<sub>2</sub>O, said <b>clearly</b>.<br>Next <br/> line <hr />",
    "```python\nif a < b: print('<script>')\n```",
    "~~~\n<img src=x onerror=alert(1)>\n~~~\n\n    <script>alert(1)</script>\n",
    "```\n\\href{javascript:alert(1)}{x}\n```\n\nIn `\\class{a}{b}` too.",
    "```nosuchlanguage\na < b\n```",
    "```bash\nls <b>\n```\n\n```json\n{}\n```",
    '<img src="https://example.org/a.png" alt="a" width="20">',
    "<img src=figures/plot.png width=200 align=center>",
    '<img src="plot.png" style="width:400px; height:50%">',
    "<details>\n<summary>More</summary>\n\nHidden *text*.\n\n</details>",
    "<div class='alert alert-info' align=\"center\">\n\nNote.\n\n</div>",
    '<span style="color: red">red</span> <font color="#00ff00" size=2>green</font> <center>mid</center>',
    "<a id='top'></a> [up](#top) <a name=\"down\"></a>",
    '<table border="1">\n<tr><th scope="col">a</th></tr>\n<tr><td colspan=2>1</td></tr>\n</table>',
    "- [ ] to do\n- [x] done\n\nterm\n: its meaning\n\n~~gone~~",
    "> a\n>> b\n\n1. one\n   - two\n     - three\n\n3. start",
    "Umlauts äöü, 漢字, עברית, 👩‍🔬 and ½.",
    "a\tb  \nhard break\\\nanother &amp; &lt; &copy; &nbsp;",
    "",
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
    "<a href='javascript&colon;alert(1)'>x</a>",
    "<a href='java&NewLine;script&#58alert(1)'>x</a>",
    "<a href='data:text/html,<script>alert(1)</script>'>x</a>",
    "<a href='vbscript:x'>x</a>",
    "<form action='https://example.org'><input></form>",
    "<input autofocus type='checkbox' onfocus='alert(1)'>",
    "<input type=text>",
    "<style>*{display:none}</style>",
    "<p style='position:fixed;top:0'>a page of its own</p>",
    "<p style='color:red;background:url(https://example.org)'>x</p>",
    '<div class="navbar-fixed-top">a page of its own</div>',
    '<span class="full-credit">a button that the grader\'s page obeys</span>',
    "<!--><script>alert(1)</script>-->",
    "text <!-- comment --> text",
    "<math><mtext><style><img src=x onerror=alert(1)></style></mtext></math>",
    "<meta http-equiv=refresh content='0;url=https://example.org'>",
    "text\n\n<div onclick=alert(1)>x</div>",
    "<base href='https://example.org'>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'></noscript>",
    "<textarea><img title='</textarea><img src=x onerror=alert(1)>'></textarea>",
    '<div title=="><img src=x onerror=alert(1)>">hello</div>',
    '<div =title="><img src=x onerror=alert(1)>">',
    "<div title\n=\n=\n'><img src=x onerror=alert(1)>'>",
    "<div>hello\n<img src=x onerror=alert(1) ",
    "text <b>x</b>\n\n<div\n<img src=x onerror=alert(1)",
    "<div>\n<a href='",
    "<div>\n<!-- the rest of the page",
    "<div>open",
    "</div></div></div><h1>outside of the cell</h1>",
    "<div><p>crossed</div></p>",
    "<ul><li><div><li>outside of the cell</li></div></li></ul>",
    "<dl><dd><div><dd>outside of the cell</dd></div></dd></dl>",
    "<table><div><tr><td>outside of the cell</td></tr></div></table>",
    "<h3><div><h1><h2>outside of the cell</h2></h1></div></h3>",
    "<a href=#x><div><a href=#y>outside of the cell</a></div></a>",
    '<p><img/src="x"/onerror=alert(1)></p>',
    '<p><a title="a"onmouseover=alert(1)>x</a></p>',
    "<div title=`<img src=x onerror=alert(1)>`>",
    "<div <img src=x onerror=alert(1)>>",
    "</p <img src=x onerror=alert(1)>",
    '</p "<img src=x onerror=alert(1)>"',
    "</ <img src=x onerror=alert(1)>>",
    "<div/onclick=alert(1)>x</div>",
    "<div\u00a0onclick=alert(1)>x</div>",
    "<?php <img src=x onerror=alert(1)> ?>",
    "<![CDATA[<img src=x onerror=alert(1)>]]>",
    "<img src=../../logout>",
    "<img src='/logout'>",
    "<img src='data:image/svg+xml;base64,PHN2Zz4='>",
    "a &#x202e; b turns what follows around",
]

HARMFUL_MARKDOWN = [
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](<java\tscript:alert(1)>)",
    "[x][y]\n\n[y]: javascript:alert(1)",
    "[x](data:text/html;base64,PHNjcmlwdD4=)",
    "<javascript:alert(1)>",
    "![x](javascript:alert(1))",
    # nbconvert takes "files/" off addresses after rendering.
    "[x](files/javascript:alert(1))",
    "[x](/files/javascript:alert(1))",
    "<a href='files/javascript:alert(1)'>x</a>",
    "```mermaid\n<img src=x onerror=alert(1)>\n```",
    "```mermaid\ngraph TD; click A href 'javascript:alert(1)'\n```",
    "$\\href{javascript:alert(1)}{x}$",
    "\\begin{a}\\href {javascript:alert(1)}{x}\\end{a}",
    "$\\let\\q\\href \\q{javascript:alert(1)}{x}$",
    "<div>\n$\\hr&#101;f{javascript:alert(1)}{x}$\n</div>",
    "$\\class{full-credit}{x}$ $\\cssId{discussion}{x}$ $\\style{position:fixed}{x}$",
    "$\\mmlToken{mi}[href='javascript:alert(1)']{x}$",
]

SLOW_MARKDOWN = [
    "[" * 50_000,
    "![" * 25_000,
    "*a " * 16_000,
    "*a_ " * 12_000,
    "**_* " * 10_000,
    "_*a_ " * 10_000,
    "***a a***" * 5_000,
    "`a``" * 12_000,
    "".join("`" * n + " " for n in range(300)),
    "\\\\[" * 30_000,
    "\\\\(" * 30_000,
    "\\begin{a}" * 10_000,
    "<a " * 16_000,
    "<!--" * 12_000,
    "> " * 25_000,
    "".join("  " * n + "- a\n" for n in range(200)),
    "# a\n" * 12_000,
    "a\n=\n" * 12_000,
    "a\n: b\n" * 8_000,
    "|a" * 10_000 + "\n" + "|-" * 10_000 + "\n",
    "a|" * 4_000 + "\n" + "-|" * 4_000 + "\n" + "a|b\n" * 8_000,
    "| a " * 100 + "|\n" + "|---" * 100 + "|\n" + "| b |\n" * 400,
    "<b " + "c=b\nb\n" * 40 + "<",
    "<i>\n<b x='<b y=' " + "c=b\u2003b\t" * 40 + "<",
    "<b a=" + "x\n" * 20_000,
    "# a" + " " * 45_000 + "b",
    "[a](files/" * 2_000,
    "[]](/files/" * 1_000,
    "```\n" + "[a](files/" * 2_000 + "\n```",
    "[a](b) " * 1_500 + "x" * 39_000,
    "x" * 1_000_000,
    "a\n" * 500_000,
    "```python\n" + "\n " * 10_000 + "\n```",
    "```ipython\n" + "\n " * 10_000 + "\n```",
    "```livescript\n" + "$" * 20_000 + "\n```",
    "```make\n" + "(" * 20_000 + "\n```",
    "- a\n  ```typescript\n  " + "a." * 10_000 + "\n  ```",
]


def rendered(source, attachments=None):
    renderer = IPythonRenderer(escape=False, attachments=attachments or {})
    return strip_files_prefix(MarkdownWithMath(renderer=renderer).render(source))


def is_plain_text(shown):
    """Whether a cell's page is a sentence and one run of escaped characters."""
    return re.findall(r"<\w[^>]*>", rendered(shown)) == ["<p>", "<em>", "<pre>", "<code>"]


def feedback_page(*cells):
    """What nbgrader's feedback page shows, by the same exporter and filters."""
    page, _ = HTMLExporter(template_name="classic").from_notebook_node(nbformat.v4.new_notebook(cells=list(cells)))
    return page


@pytest.mark.parametrize("source", HARMLESS)
def test_what_an_honest_answer_holds_stays(source):
    assert safe_markdown(source, {"plot.png": {"image/png": PICTURE}}) == source


def test_a_large_pasted_picture_stays():
    source = f"Look:\n\n![pasted](data:image/png;base64,{'iVBORw0KGgo/+a9' * 50_000}==)"
    assert safe_markdown(source) == source


def test_a_picture_that_is_not_attached_is_shown_as_text():
    shown = safe_markdown("![a picture](attachment:plot.png)")
    assert "![a picture](attachment:plot.png)" in shown and shown.startswith("*This cell")
    assert "<img" not in rendered(shown)


@pytest.mark.parametrize("source", HARMFUL + HARMFUL_MARKDOWN)
def test_what_could_run_is_shown_as_text(source):
    shown = safe_markdown(source)
    assert source in shown and is_plain_text(shown)
    assert is_plain_text(safe_markdown(shown))


def test_a_fence_inside_the_text_does_not_end_the_fence_around_it():
    source = "````\n</code></pre>\n````\n<script>alert(1)</script>\n```"
    shown = safe_markdown(source)
    assert shown.splitlines()[2].startswith("`````") and safe_markdown(shown) == shown


def test_control_characters_do_not_hide_a_tag():
    assert is_plain_text(safe_markdown("<p><scr\0ipt>alert(1)</script></p>"))
    assert is_plain_text(safe_markdown("<div\x0conclick=alert(1)>x</div>"))


@pytest.mark.parametrize("source", SLOW_MARKDOWN, ids=lambda source: repr(source[:12]))
def test_no_text_stalls_the_feedback_page(source):
    start = time.process_time()
    shown = safe_markdown(source)
    feedback_page(nbformat.v4.new_markdown_cell(shown))
    assert time.process_time() - start < 10
    assert shown == source or len(shown) < 100_000


PICTURES = {"a": {"image/png": "A" * 400_000}}


@pytest.mark.parametrize(
    "source",
    [
        "![](attachment:a)\n" * 1_000,
        "[p]: attachment:a\n\n" + "![p] " * 1_000,
        "[p]: data:image/png;base64," + "A" * 400_000 + "\n\n" + "![p] " * 1_000,
        "[p]: https://example.org/" + "x" * 25_000 + "\n\n" + "[p] " * 2_000,
        "[p]: x '" + "x" * 25_000 + "'\n\n" + "![p] " * 1_000,
    ],
    ids=lambda source: source[:20],
)
def test_no_text_makes_the_page_many_times_its_size(source):
    shown = safe_markdown(source, PICTURES)
    assert shown.startswith("*This cell") and len(rendered(shown, PICTURES)) < 100_000


def test_a_picture_may_be_shown_twice_and_a_page_named_often():
    source = "![](attachment:a) again ![](attachment:a)\n\n" + "see [1] " * 100 + "\n\n[1]: https://example.org/a/b/c"
    assert safe_markdown(source, PICTURES) == source


def test_long_text_is_shown_in_part_and_says_so():
    shown = safe_markdown("word " * 100_000)
    assert (
        "too long" in shown
        and "beginning of its text.*" in shown.splitlines()[0]
        and "word word" in shown
        and len(shown) < 30_000
    )
    assert safe_markdown(shown) == shown


def test_the_texts_of_one_submission_share_a_budget():
    budget = Budget(1000)
    texts = [safe_markdown("An answer. " * 30, budget=budget) for _ in range(5)]
    assert texts[:3] == ["An answer. " * 30] * 3 and all("too long" in text for text in texts[3:])
    assert sum(map(len, texts)) < 2000 and budget.left == 0


@pytest.mark.parametrize("html", HARMFUL)
def test_html_outputs_are_cleaned(html):
    cleaned = safe_html(html)
    assert safe_html(cleaned) == cleaned and safe_markdown(f"<div>\n{cleaned}\n</div>".replace("\n\n", "\n"))
    tags = " ".join(re.findall(r"<[^>]*>", cleaned.lower())).replace(" open", "")
    for dangerous in (
        "script",
        " on",
        "java",
        'src="/',
        "svg",
        "iframe",
        "form",
        "text",
        "navbar",
        "credit",
        "url",
        "fixed",
    ):
        assert dangerous not in tags


def test_a_data_frame_keeps_its_table():
    rows = '<tr style="text-align: right"><th>a</th></tr><tr><td>1 &lt; 2</td></tr>'
    html = f'<style scoped>.x > td {{}}</style><!-- a --><table border="1" class="dataframe tabbable">{rows}</table>'
    table = f'<table border="1" class="dataframe">{rows}</table>'
    assert safe_html(html) == table
    assert safe_html("<ul><li>1<i>2</ul></div>a<b>b") == "<ul><li>1<i>2</i></li></ul>a<b>b</b>"
    assert safe_html("<center><blink>x</blink></center> < <3") == "<center>x</center> &lt; &lt;3"


@given(
    st.lists(
        st.sampled_from(["<b>", "</b>", "<p>", "<td ", " title='", '"', "'", ">", "<", "&lt;", "<!--", "-->", "a", "="])
    )
)
def test_whatever_html_comes_out_needs_no_further_cleaning(parts):
    cleaned = safe_html("".join(parts))
    assert safe_html(cleaned) == cleaned
    assert cleaned.count("<b>") == cleaned.count("</b>") and cleaned.count("<p>") == cleaned.count("</p>")


@pytest.mark.parametrize(
    "unit", ["<div>", "<b><p>", "<style x", "<!--", "<a", "<i a=b ", "&", "<b title=a><p>", "<td>x</td>"]
)
def test_html_outputs_are_bounded(unit):
    start = time.process_time()
    for html in (unit * (sanitize.MAX_TAGS // unit.count("<") if "<" in unit else 1), unit * 2**18):
        (output,) = safe_outputs(CellRun([{"data": {"text/html": html, "text/plain": "a table"}}]))
        assert len(output.data.get("text/html", "")) < 2 * sanitize.MAX_HTML
    assert "too large" in output.data["text/plain"] and "a table" in output.data["text/plain"]
    assert time.process_time() - start < 5


def test_outputs_become_what_a_notebook_can_hold():
    ran = CellRun(
        [
            {"stream": "stdout", "text": "hello"},
            {"stream": "../x", "text": "odd"},
            {"data": {"text/plain": "1", "image/png": PICTURE, "application/javascript": "1", "text/html": "<b>1</b>"}},
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
    nbformat.validate(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1", outputs=outputs)]))


def test_a_flood_of_outputs_is_cut_and_says_so():
    outputs = safe_outputs(CellRun([{"stream": "stdout", "text": "x" * 10**6}] * 1000))
    assert len(outputs) == sanitize.MAX_OUTPUTS + 1 and all(len(o.text) < 20_100 for o in outputs)
    assert outputs[0].text.endswith("not shown here.]") and "950 more" in outputs[-1].text


def test_the_outputs_of_one_submission_share_a_budget():
    budget = Budget(100_000)
    ran = CellRun([{"text": "x" * 6_000}, {"data": {"image/png": "A" * 4_000}}])
    cells = [safe_outputs(ran, budget) for _ in range(50)]
    shown = sum(len(o.get("text", "")) + len(o.get("data", {}).get("image/png", "")) for cell in cells for o in cell)
    assert 100_000 <= shown < 110_000 and all(cells)
    assert cells[0][1].data["image/png"] == "A" * 4_000 and "not shown here" in cells[-1][0].text


def test_outputs_hold_no_control_characters():
    text = "\x1b[0;31mred\x1b[0m\x1b]0;title\x07 a\x00b\x08c\x9b31m \u202egnp.exe\u2066 50%|██\r100%|███\r\ntab\tend"
    ran = CellRun(
        [{"text": text}, {"data": {"text/plain": text, "text/html": f"<b>{text}&#27;&#x202e;</b>"}}],
        error={"ename": text, "evalue": text, "traceback": text},
        cut_off=text,
    )
    plain = "red abc31m gnp.exe 50%|██\n100%|███\ntab\tend"
    stream, data, error, cut_off = safe_outputs(ran)
    assert stream.text == data.data["text/plain"] == "\n".join(error.traceback) == plain
    assert data.data["text/html"] == f"<b>{plain}</b>"
    assert error.ename == cut_off.evalue == " ".join(plain.split())


WIRE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text()
    | st.sampled_from(["stderr", "stdout", "<b>x", PICTURE, "\x1b[0m"])
    | st.sampled_from([np.zeros(0), np.zeros((2, 3)), np.array(1.5), np.array([True, False]), np.eye(2) * 1j]),
    lambda inner: st.lists(inner, max_size=4)
    | st.lists(inner, max_size=3).map(tuple)
    | st.dictionaries(
        st.sampled_from(
            ["text", "stream", "data", "text/plain", "text/html", "image/png", "ename", "evalue", "traceback"]
        )
        | st.text(max_size=3),
        inner,
        max_size=5,
    ),
    max_leaves=12,
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(outputs=WIRE | st.lists(WIRE), error=WIRE)
def test_whatever_the_sandbox_sends_can_be_shown(outputs, error):
    shown = safe_outputs(CellRun(outputs, error=error))
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1", outputs=shown)])
    nbformat.validate(notebook)
    nbformat.writes(notebook).encode()
    assert (error is not None) == any(output.output_type == "error" for output in shown)


def test_printable_text_is_one_harmless_line():
    assert printable("a\nb\t c\r\n\x1b[2J\x1b[1;1Hd\x07 \u202ee\u2069 \x85f\ud800\u2028g") == "a b c d e f g"
    assert printable("é 漢字 עברית 👩‍🔬 <b> $x$") == "é 漢字 עברית 👩‍🔬 <b> $x$"
    assert printable("a\r\nb\rc\n\td\x0b", lines=True) == "a\nb\nc\n\td"


@given(st.text())
def test_printable_text_is_printable(text):
    line = printable(text)
    assert line.splitlines() in ([line], []) and printable(line) == line
    assert not any(ord(c) < 32 or 127 <= ord(c) < 160 or c in "\u202a\u202e\u2066\u2069" for c in line)


def test_of_tex_the_commands_that_make_links_go():
    text = r"$\href{javascript:alert(1)}{x}$ \\class{a}{b} \style{c}{d} \frac12 \hrefs C:\new"
    assert without_links(text) == r"$href{javascript:alert(1)}{x}$ class{a}{b} style{c}{d} \frac12 \hrefs C:\new"


def test_ordinary_code_is_colored_and_what_stalls_the_page_is_not():
    with open(cells.__file__) as file:
        assert colorable(file.read())
    budget = Budget(100)
    assert colorable("x = 1\n" * 10, budget) and not colorable("x = 1\n" * 10, budget)
    for source in ("\n " * 10_000, "a" * 1000, "*" * 1000, "x = 1\n" * 100_000):
        assert not colorable(source)
        cell = nbformat.v4.new_code_cell(source, metadata={"magics_language": "text"})
        start = time.process_time()
        feedback_page(cell)
        assert time.process_time() - start < 5
