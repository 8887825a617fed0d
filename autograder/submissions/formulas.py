"""TeX as MathML, which browsers lay out by themselves: no script, no network, and nothing of it leads anywhere."""

from __future__ import annotations

import re
from functools import lru_cache
from html import escape, unescape
from xml.etree.ElementTree import Element

from latex2mathml.converter import convert_to_element

MAX_TEX = 2_000
MAX_DEPTH = 60

# Definitions, and what is written twice, grow with every level: 2**n of them.
_GROWS = re.compile(r"\\(def|let|newcommand|newenvironment|DeclareMathOperator|sideset)(?![A-Za-z])")
_TAGS = frozenset(
    """
    math menclose mfrac mi mn mo mover mpadded mphantom mroot mrow mspace msqrt mstyle msub msubsup msup mtable mtd
    mtext mtr munder munderover
    """.split()  # noqa: SIM905
)
# No address, class, style or name, and no length that moves a formula over what stands beside it.
_ATTRIBUTE = re.compile(
    r"""
    display=(block|inline)
    | (accent|accentunder|displaystyle|fence|form|largeop|movablelimits|separator|stretchy|symmetric)=[a-z]+
    | (columnalign|columnlines|rowlines|mathvariant|notation)=[a-z\ -]+
    | mathcolor=([a-z]+|\#[0-9a-f]{3,6})
    | scriptlevel=[0-2]
    | (linethickness|maxsize|mathsize|minsize|width)=[0-3]?(\.\d+)?(em|ex|px|pt)?
    """,
    re.VERBOSE | re.IGNORECASE,
)
_CHILDREN = {"mfrac": 2, "mover": 2, "mroot": 2, "msub": 2, "msubsup": 3, "msup": 2, "munder": 2, "munderover": 3}
_ENVIRONMENT = re.compile(r"(\\(?:begin|end)\{)([a-z]+\*?)\}")
# What the converter does not know, by what looks the same; an equation is no more than what stands in it.
_ALIKE = (
    dict.fromkeys(["equation", "equation*", "displaymath", "math"], "")
    | dict.fromkeys(["aligned", "eqnarray", "eqnarray*"], "align*")
    | dict.fromkeys(["gather", "gather*", "gathered", "multline", "multline*"], "matrix")
)


@lru_cache(maxsize=2_000)
def formula_html(tex: str, block: bool = False) -> str:
    r"""Return a formula as MathML, or its TeX as text where it cannot be laid out.

    Parameters
    ----------
    tex : str
        What stands between the dollar signs, or a whole environment. It may come from a submission.
    block : bool
        On a line of its own.

    Returns
    -------
    str
        HTML of a list of elements and attributes that show and do nothing else. All text in it is escaped.

    Examples
    --------
    >>> formula_html("x < 1")
    '<math display="inline"><mrow><mi>x</mi><mo>&lt;</mo><mn>1</mn></mrow></math>'
    >>> formula_html(r"\frac{1}")
    '<code>\\frac{1}</code>'
    """
    try:
        if len(tex) > MAX_TEX or _GROWS.search(tex):
            raise ValueError("This formula may take very long.")
        known = _ENVIRONMENT.sub(_known, tex)
        html = _written(convert_to_element(known, display="block" if block else "inline"), MAX_DEPTH)
    except Exception:  # Whatever the converter stumbles over, the TeX can be read.
        return f"<code>{escape(tex.strip())}</code>"
    # A wide formula can be scrolled, also with the keyboard.
    return html.replace("<math", '<math tabindex="0"', 1) if block else html


def _known(mark: re.Match[str]) -> str:
    name = _ALIKE.get(mark[2], mark[2])
    return f"{mark[1]}{name}}}" if name else " "


def _written(element: Element, depth: int) -> str:
    """Write an element with what is allowed in it; the converter's own writer would turn text into tags."""
    if element.tag not in _TAGS or depth == 0 or len(element) != _CHILDREN.get(element.tag, len(element)):
        raise ValueError(f"<{element.tag}> is not written.")
    kept = "".join(
        f' {name}="{escape(value)}"'
        for name, value in element.attrib.items()
        if _ATTRIBUTE.fullmatch(f"{name}={value}")
    )
    text = escape(unescape(element.text or ""), quote=False)
    return f"<{element.tag}{kept}>{text}{''.join(_written(child, depth - 1) for child in element)}</{element.tag}>"
