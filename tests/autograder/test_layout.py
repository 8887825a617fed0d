"""Texts as HTML: formulas without a script, code in colors that a keyboard can scroll."""

from autograder.submissions import layout

PICTURE = {"plot.png": {"image/png": "iVBORw0KGgo="}}


def test_markdown_has_formulas_and_pictures():
    html = layout.markdown_html("# A title\n\n$x < 1$ and ![a plot](attachment:plot.png)", PICTURE)
    assert "<h1" in html and "<math" in html and "data:image/png;base64,iVBORw0KGgo=" in html and "<script" not in html
    assert 'tabindex="0"' in layout.markdown_html("$$x$$") and "<mfrac>" in layout.markdown_html(
        "\\begin{equation}\\frac{a}{b}\\end{equation}"
    )
    assert '<pre tabindex="0">' in layout.markdown_html("```\na < b\n```")


def test_code_has_colors_unless_it_may_not():
    assert '<span class="k">def</span>' in layout.code_html("def f(): pass", plain=False)
    plain = layout.code_html("def f(): pass", plain=True)
    assert "<span></span>def f(): pass" in plain and '<pre tabindex="0">' in plain
    assert ".highlight .k " in layout.colors()
