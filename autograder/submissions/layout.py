"""The texts of a submission as HTML: Markdown with formulas, and code in colors."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import pygments
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from nbconvert.filters.strings import strip_files_prefix
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name

from autograder.submissions.formulas import formula_html


class _Renderer(IPythonRenderer):
    """nbconvert's own, with formulas that need no script, and code that can be scrolled with the keyboard."""

    def block_math(self, body: str) -> str:
        return formula_html(body, block=True)

    def inline_math(self, body: str) -> str:
        return formula_html(body)

    def latex_environment(self, name: str, body: str) -> str:
        return formula_html(f"\\begin{{{name}}}{body}\\end{{{name}}}", block=True)

    def block_code(self, code: str, info: str | None = None) -> str:
        return super().block_code(code, info).replace("<pre>", '<pre tabindex="0">', 1)


def markdown_html(source: str, attachments: Mapping[str, Any] | None = None) -> str:
    """Return a Markdown cell as HTML.

    Parameters
    ----------
    source : str
        Its text, as `sanitize.safe_markdown` gives it.
    attachments : mapping, optional
        Its pictures.
    """
    renderer = _Renderer(escape=False, exclude_anchor_links=True, attachments=dict(attachments or {}))
    return strip_files_prefix(MarkdownWithMath(renderer=renderer).render(source))


def code_html(source: str, plain: bool) -> str:
    """Return a code cell as HTML.

    Parameters
    ----------
    source : str
    plain : bool
        Without colors.
    """
    colored = pygments.highlight(source, _lexer("text" if plain else "ipython3"), _formatter())
    return colored.replace("<pre>", '<pre tabindex="0">', 1)


def colors() -> str:
    """Return the style sheet for the colors of code."""
    return _formatter().get_style_defs(".highlight")


_lexer = cache(get_lexer_by_name)
_formatter = cache(HtmlFormatter)
