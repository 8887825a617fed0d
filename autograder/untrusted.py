"""What of a submission may be shown in a browser: nothing that runs.

nbgrader's feedback pages and its formgrader render Markdown and HTML outputs as they are, in the browser of whoever
grades. So both are cleaned before they are written.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any

import bleach
import nbformat
from bs4 import BeautifulSoup
from bs4.element import PreformattedString, Tag
from nbconvert.filters.markdown_mistune import InvalidNotebook, IPythonRenderer, MarkdownWithMath
from nbformat.notebooknode import NotebookNode

from autograder.student import Ran

MAX_TEXT = 20_000
MAX_IMAGE = 2**21
MAX_OUTPUTS = 50

_TAGS = frozenset(
    """
    a abbr b blockquote br caption code col colgroup dd del details div dl dt em figcaption figure h1 h2 h3 h4 h5 h6
    hr i img ins kbd li mark ol p pre s samp small span strong sub summary sup table tbody td tfoot th thead tr u ul var
    """.split()  # noqa: SIM905
)
_ATTRIBUTES = {
    "*": ["class", "id", "title", "align"],
    "a": ["href"],
    "img": ["src", "alt", "width", "height"],
    "td": ["colspan", "rowspan"],
    "th": ["colspan", "rowspan", "scope"],
    "ol": ["start"],
}
_SCHEMES = ("http", "https", "mailto")


def safe_outputs(ran: Ran) -> list[NotebookNode]:
    """Return what a cell in the sandbox put out, as notebook outputs that run nothing.

    Parameters
    ----------
    ran : Ran
        What came from the sandbox; none of it is trusted.

    Returns
    -------
    list of NotebookNode
        Streams, pictures, cleaned HTML and text, and errors.
    """
    outputs: list[NotebookNode] = []
    for raw in ran.outputs[:MAX_OUTPUTS]:
        if not isinstance(raw, dict):
            continue
        if isinstance(raw.get("text"), str):
            name = "stderr" if raw.get("stream") == "stderr" else "stdout"
            outputs.append(nbformat.v4.new_output("stream", name=name, text=raw["text"][:MAX_TEXT]))
        elif isinstance(raw.get("data"), dict) and (data := _safe_data(raw["data"])):
            outputs.append(nbformat.v4.new_output("display_data", data=data))
    if ran.error is not None:
        told = {key: str(ran.error.get(key, ""))[:MAX_TEXT] for key in ("ename", "evalue", "traceback")}
        told["traceback"] = told["traceback"].split("\n")
        outputs.append(nbformat.v4.new_output("error", **told))
    if ran.cut_off is not None:
        outputs.append(
            nbformat.v4.new_output("error", ename="LeftOut", evalue=ran.cut_off, traceback=[f"LeftOut: {ran.cut_off}"])
        )
    return outputs


def _safe_data(data: dict[str, Any]) -> dict[str, str]:
    safe: dict[str, str] = {}
    for kind, value in data.items():
        if not isinstance(value, str):
            continue
        if kind == "text/plain":
            safe[kind] = value[:MAX_TEXT]
        elif kind in ("image/png", "image/jpeg") and len(value) <= MAX_IMAGE:
            try:
                base64.b64decode(value, validate=True)
            except (binascii.Error, ValueError):
                continue
            safe[kind] = value
        elif kind == "text/html" and len(value) <= MAX_IMAGE:
            safe[kind] = safe_html(value)
    return safe


def safe_html(html: str) -> str:
    """Return HTML with tables, text and links left in it, and nothing else."""
    soup = BeautifulSoup(html, "html.parser")
    for element in soup(["style", "script"]):
        element.decompose()
    return bleach.clean(str(soup), tags=_TAGS, attributes=_ATTRIBUTES, protocols=_SCHEMES, strip=True)


def safe_markdown(source: str, attachments: Mapping[str, Any] | None = None) -> str:
    """Return a Markdown cell's text; one whose HTML could run something comes back as the text of its own source.

    So does one that shows a picture which is not attached: the feedback page would fail at it.
    """
    if not _dangerous(source, dict(attachments or {})):
        return source
    longest = max((len(run) for run in re.findall(r"`+", source)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"*This cell holds HTML that is not shown here; this is its text.*\n\n{fence}text\n{source}\n{fence}"


def _dangerous(source: str, attachments: dict[str, Any]) -> bool:
    if "<" not in source and "](" not in source and "]:" not in source:
        return False
    try:
        rendered = MarkdownWithMath(renderer=IPythonRenderer(escape=False, attachments=attachments)).render(source)
        soup = BeautifulSoup(rendered, "html.parser")
        # Comments and declarations are where parsers disagree, so none are let through.
        if any(isinstance(node, PreformattedString) for node in soup.descendants):
            return True
        return any(isinstance(node, Tag) and not _harmless(node) for node in soup.descendants)
    except (RecursionError, ValueError, AssertionError, InvalidNotebook):
        return True


def _harmless(tag: Tag) -> bool:
    if tag.name not in _TAGS:
        return False
    for name, value in tag.attrs.items():
        text = " ".join(value) if isinstance(value, list) else str(value)
        if name in ("href", "src"):
            address = re.sub(r"[\x00-\x20]", "", text).lower()
            scheme = re.match(r"[a-z][a-z0-9+.-]*:", address)
            picture = name == "src" and re.match(r"data:image/(png|jpeg|gif);base64,|attachment:", address)
            if scheme and scheme.group()[:-1] not in _SCHEMES and not picture:
                return False
        elif name == "style":
            # Alignment of table columns is the one style that Markdown itself writes.
            if not re.fullmatch(r"\s*text-align:\s*(left|right|center);?\s*", text):
                return False
        elif name not in _ATTRIBUTES["*"] and name not in _ATTRIBUTES.get(tag.name, ()):
            return False
    return True
