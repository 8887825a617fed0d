"""Formulas are laid out by the browser alone, and nothing that a student writes in one does more than be seen."""

import re
import time

import pytest
from bs4 import BeautifulSoup
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.submissions import formulas
from autograder.submissions.formulas import formula_html
from tests.conftest import ROOT


def parsed(tex, block=False):
    return BeautifulSoup(formula_html(tex, block), "html.parser")


@pytest.mark.parametrize(
    ("tex", "tag", "text"),
    [
        (r"\frac{1}{2}", "mfrac", "12"),
        (r"x_i^2", "msubsup", "xi2"),
        (r"\sqrt{n}", "msqrt", "n"),
        (r"\mathrm{act}(z) \le 0", "math", "act(z)≤0"),
        (r"\begin{pmatrix}1 & 2\\3 & 4\end{pmatrix}", "math", "(1234)"),
        (r"\begin{cases}1 & x > 0\\0\end{cases}", "math", "{1x>00"),
        (r"\begin{equation}a < b\end{equation}", "mo", "<"),
        (r"\begin{aligned}a &= b\\c &= d\end{aligned}", "mtr", "a=b"),
        (r"\begin{gather*}a\\b\end{gather*}", "mtr", "a"),
        (r"\text{loss & more}", "mtext", "loss\xa0&\xa0more"),
    ],
)
def test_formulas_of_the_course_and_of_answers_become_mathml(tex, tag, text):
    math = parsed(tex, block=True).math
    assert math["display"] == "block"
    assert (math if tag == "math" else math.find(tag)).get_text() == text


@pytest.mark.parametrize("path", sorted((ROOT / "assignments").glob("*/*.md")), ids=lambda path: path.stem)
def test_every_formula_of_a_lab_is_laid_out(path):
    prose = re.sub(r"```.*?```|`[^`\n]*`", "", path.read_text(), flags=re.DOTALL)
    found = re.findall(r"\$\$(.+?)\$\$|\$([^$\n]+)\$", prose, re.DOTALL)
    for block, inline in found:
        html = formula_html(block or inline, block=bool(block))
        # A command that the converter does not know stays as it is.
        assert html.startswith("<math") and "\\" not in html, block or inline


@pytest.mark.parametrize("tex", [r"\frac{1}", "{", r"x^", r"\left( x", r"\def\a{x}\a", "x" * 3_000, r"\left\left"])
def test_what_cannot_be_laid_out_can_be_read(tex):
    assert parsed(tex, block=True).find_all(True)[0].name == "code"
    assert parsed(tex).get_text() == tex


HARMFUL = [
    r"\text{<script>alert(1)</script>}",
    r"\text{&lt;script&gt;alert(1)&lt;/script&gt;}",
    r"\text{</math><img src=x onerror=alert(1)>}",
    r"\verb|<script>alert(1)</script>|",
    r"\unicode{x3c}script\unicode{x3e}alert(1)",
    r"\operatorname{<b>}",
    r"\href{javascript:alert(1)}{x}",
    r"\href{https://example.org}{x}",
    r"\class{full-credit}{x}",
    r"\style{position:fixed;top:0}{x}",
    r"\color{red;background:url(https://example.org)}x",
    r"\textcolor{red\" onclick=\"alert(1)}{x}",
    r"\colorbox{\"onclick=alert(1)}{x}",
    r"\fcolorbox{red}{url(x)}{x}",
    r"\hspace{-99em}x",
    r"\raise{9em}{x}",
    r"\rule{99em}{99em}",
    r"\begin{array}{l\" onclick=\"x}1\end{array}",
    r"\begin{script}alert(1)\end{script}",
    r"<script>alert(1)</script>",
]


def harm(html):
    """Return what of a formula's HTML is not in the list of elements, attributes and values that only show."""
    elements = BeautifulSoup(html, "html.parser").find_all(True)
    found = {one.name for one in elements} - formulas._TAGS - {"code"}
    for one in elements:
        for name, value in one.attrs.items():
            long = any(float(number) >= 4 for number in re.findall(r"\d+(?:\.\d+)?", value))
            if name in ("href", "class", "style", "id", "src", "voffset") or name.startswith("on") or long:
                found.add((name, value))
    return found


@pytest.mark.parametrize("tex", HARMFUL)
def test_nothing_in_a_formula_is_a_tag_a_link_or_out_of_its_place(tex):
    for block in (False, True):
        assert harm(formula_html(tex, block)) == set()


COMMANDS = st.sampled_from(
    r"""\frac \text \href \class \style \color \textcolor \colorbox \hspace \raise \rule \sqrt \left( \right) \\ & _
    ^ { } \begin{align} \end{align} \begin{matrix} \end{matrix} [ ] ' " < > &lt; x 1 99em javascript:alert(1)
    <script> onclick=x \unicode{x3c} \operatorname{a} \verb|<b>| \mathbf \limits \over \genfrac \not \tag
    \mathchoice \sideset \def\a #1
    """.split()  # noqa: SIM905
)


@settings(deadline=None, max_examples=300)
@given(st.lists(COMMANDS, max_size=25).map(" ".join) | st.text(max_size=60))
def test_whatever_tex_comes_in_only_shows(tex):
    assert harm(formula_html(tex)) == set()


@pytest.mark.parametrize(
    "unit",
    [
        r"\sideset{_a}{_b}{",
        r"\def\a{\b\b}",
        r"\newcommand{\a}{xx}",
        "{",
        "x^{",
        r"\frac{a}{",
        r"\mathchoice{a}{b}{c}{",
        r"\pmatrix[",
        r"\begin{matrix}",
        r"\left(",
        r"\hspace{0",
        "'",
    ],
)
def test_no_formula_stalls_the_page(unit):
    start = time.process_time()
    for count in (20, formulas.MAX_TEX // len(unit)):
        formula_html(unit * count)
        formula_html(unit * count + "x" + "}" * count)
    assert time.process_time() - start < 5
