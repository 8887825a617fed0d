"""What of a submission may be shown: nothing that runs, floods or stalls a page.

nbgrader's feedback pages and its formgrader render Markdown and HTML outputs as they are, in the browser of whoever
grades. So HTML is taken apart by one strict grammar, on which no two browsers disagree: complete tags from a list, with
complete, quoted attributes from a list, closed in order. What is not of that form is no tag here.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from html import escape, unescape
from typing import Any

from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from nbconvert.filters.strings import strip_files_prefix
from nbformat.notebooknode import NotebookNode, from_dict
from pygments.lexers import find_lexer_class_by_name
from pygments.token import STANDARD_TYPES
from pygments.util import ClassNotFound

from autograder.submissions.cell_run import CellRun

MAX_TEXT = 20_000
MAX_IMAGE = 2**21
MAX_HTML = 100_000
MAX_TAGS = 6_000
MAX_DEPTH = 50
MAX_OUTPUTS = 50
MAX_MARKDOWN = 50_000
#: Longer texts are looked at anew each time, so that what is remembered of a class stays small.
MAX_REMEMBERED = 10_000
MAX_CODE = 20_000
#: Characters of a submission that its feedback page lays out.
MAX_TEXTS, MAX_CODES = 500_000, 1_000_000
#: For what mistune tries anew at each one: its own marks, and nbconvert's openings of formulas.
MAX_MARKS = 5_000
MAX_FORMULAS = 100
#: A row of a table is filled up with cells to the length of its widest.
MAX_TABLE = 50_000
#: For nbconvert's search for links to "files/", which goes through the rest of a line again and again.
MAX_STEPS = 2 * 10**7
#: What links and pictures of one text may take beyond twice their own size: each may stand in it many times.
MAX_LINKS = 200_000

_VOID = frozenset({"br", "col", "hr", "img", "input"})
_TAGS = _VOID | frozenset(
    """
    a abbr b blockquote caption center code colgroup dd del details div dl dt em figcaption figure font
    h1 h2 h3 h4 h5 h6 i ins kbd li mark ol p pre s samp small span strong sub summary sup
    table tbody td tfoot th thead tr u ul var
    """.split()  # noqa: SIM905
)
# Browsers move or end what stands elsewhere, and the text that follows could leave its cell.
_PARENTS = (
    dict.fromkeys(["li"], {"ul", "ol"})
    | dict.fromkeys(["dt", "dd"], {"dl"})
    | dict.fromkeys(["caption", "colgroup", "thead", "tbody", "tfoot"], {"table"})
    | dict.fromkeys(["tr"], {"table", "thead", "tbody", "tfoot"})
    | dict.fromkeys(["td", "th"], {"tr"})
    | dict.fromkeys(["col"], {"colgroup"})
)
_TABLE = {"table", "colgroup", "thead", "tbody", "tfoot", "tr"}
_HEADINGS = {"h1", "h2", "h3", "h4", "h5", "h6"}
_WORD = r"[\w.%#+-]*"
# Other classes and names are left out: the grader's page finds its own buttons by them.
_CLASS = "|".join(
    [re.escape(name) for name in STANDARD_TYPES.values() if name]
    + ["highlight", "anchor-link", r"language-[\w.+#-]+", "task-list-item(-checkbox)?", "dataframe", r"alert(-\w+)?"]
)
_STYLE = r"(text-align|vertical-align|color|background-color|font-weight|font-style|width|height)\s*:\s*[\w.%#-]+"
# An address without a scheme has no colon, not even one that is written as an entity.
_LOCAL = r"([^&:]|&amp;)*"
_ATTRIBUTES = {
    "*": {"title": ".*", "align": _WORD, "width": _WORD, "height": _WORD, "id": ".*"},
    "a": {"href": rf"(https?://|mailto:).*|\#([^&]|&amp;)*|{_LOCAL}", "name": ".*", "target": _WORD},
    "img": {
        "src": rf"https?://.*|data:image/(png|jpeg|gif);base64,[a-z0-9+/=]*|attachment:{_LOCAL}|(?!/|.*(\.\.|\\)){_LOCAL}",
        "alt": ".*",
    },
    "td": {"colspan": _WORD, "rowspan": _WORD},
    "th": {"colspan": _WORD, "rowspan": _WORD, "scope": _WORD},
    "table": {"border": _WORD},
    "ol": {"start": _WORD},
    "details": {"open": ""},
    "font": {"color": _WORD, "size": _WORD},
    "input": {"type": "checkbox", "disabled": "", "checked": ""},
}
_FLAGS = re.IGNORECASE | re.DOTALL | re.ASCII
_PARTS = re.compile(
    r"""
    (?P<dropped> <!--.*?(?:-->|\Z) | <(?P<block>style|script)\b.*?(?:</(?P=block)\s*>|\Z) | <[!?][^<>]*> )
    | <(?P<end>/?)(?P<name>[a-z][a-z0-9]*)
      (?P<attributes>(?:[ \t\n]++[a-z-]++(?:[ \t\n]*+=[ \t\n]*+(?:"[^"<>]*+"|'[^'<>]*+'|[\w.%\#+/:-]++))?)*+)
      [ \t\n]*+/?>
    | (?P<text>[^<]++|<)
    """,
    _FLAGS | re.VERBOSE,
)
_ATTRIBUTE = re.compile(r"""([a-z-]++)(?:\s*=\s*("[^"]*"|'[^']*'|[\w.%#+/:-]+))?""", _FLAGS)
# Of these MathJax makes links and attributes; its own filter for them is one word in the page's configuration.
_TEX = re.compile(r"(?<!\\)\\++(href|mmlToken|class|cssId|style)(?![A-Za-z])")

_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?)?")
#: A character by its number: beyond eight digits there is none, and Python refuses to read thousands.
_NUMBERED = re.compile(r"&#(?=[0-9])0*+([0-9]{0,8})[0-9]*+")
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")

_PASTED = re.compile(r"data:image/(?:png|jpeg|gif);base64,[A-Za-z0-9+/=]+")
_MARKS = re.compile(r"[*_`~$<\\\[\]]")
_LONG_LINE = re.compile(r".{200}(?=.)")
_FORMULAS = re.compile(r"\\\\[\[(]|\\begin\{")
# mistune lets an unquoted value go on after a line break and may try all ways of splitting what follows, 2**n of them.
# White space it tries from each of its characters on.
_STALLS_MISTUNE = re.compile(
    r"""
    <[a-z][a-z0-9-]*+
    (?: \s++[a-z_:][\w.:-]*+ (?: \s*+=\s*+ (?: [^\s!"'=<>`]++ | '[^']*+' | "[^"]*+" ) )?+ )*?
    \s++[a-z_:][\w.:-]*+ \s*+=\s*+ [^\s!"'=<>`]++ [^\S\ ]
    | \s{1000}
    """,
    re.IGNORECASE | re.VERBOSE,
)
# Pygments takes time of the second or third power for runs of these, and for many languages much longer.
_STALLS_PYGMENTS = re.compile(r"\s{100}|[\w.*%]{300}")
_TOO_LONG = "is too long or too complicated to be laid out here"
_LANGUAGES = frozenset(
    """
    text output python python3 py py3 ipython ipython3 pycon bash sh json toml diff latex tex c cpp c++ matlab
    """.split()  # noqa: SIM905
)


@dataclass
class Budget:
    """How many characters of one submission may still be shown.

    Attributes
    ----------
    left : int
        Goes down with everything that is shown.
    """

    left: int = 4 * 2**20

    def cut(self, text: str, most: int) -> str:
        """Return the beginning of a text, at most ``most`` characters and what is left, and count it.

        Parameters
        ----------
        text : str
        most : int
            Characters.
        """
        kept = text[: min(most, self.left)]
        self.left -= len(kept)
        return kept


def printable(text: str, lines: bool = False) -> str:
    """Return text that does nothing to a terminal, a table or a page but appear in it.

    Parameters
    ----------
    text : str
        Anything that came from a submission.
    lines : bool
        Keep line breaks and tabs. By default the text becomes one line with single spaces.

    Returns
    -------
    str
        Without terminal escapes, control characters, marks that turn the reading direction, and lone surrogates.

    Examples
    --------
    >>> printable("\\x1b[31mred\\x1b[0m\\nand \\u202eplain")
    'red and plain'
    """
    text = _ESCAPES.sub("", text).replace("\r\n", "\n").replace("\r", "\n")
    text = _UNPRINTABLE.sub("", text)
    return text if lines else " ".join(text.split())


def without_links(text: str) -> str:
    """Return text without the commands of TeX of which MathJax makes links and attributes on a page."""
    return _TEX.sub(r"\1", text)


def new_output(kind: str, **content: Any) -> NotebookNode:
    """Return an output of a cell. What nbformat makes is the same, but it validates each against the whole schema.

    Parameters
    ----------
    kind : str
        nbformat's ``output_type``.
    **content
    """
    metadata = {"metadata": {}} if kind in ("display_data", "execute_result") else {}
    return from_dict({"output_type": kind, **metadata, **content})


def safe_runs(ran: Mapping[int, CellRun]) -> dict[int, list[NotebookNode]]:
    """Return what the cells of one submission put out, as notebook outputs that run nothing, by position.

    Parameters
    ----------
    ran : mapping of int to CellRun
        What came from the sandbox; none of it is trusted.
    """
    budget = Budget()
    return {position: safe_outputs(ran[position], budget) for position in sorted(ran)}


def safe_outputs(ran: CellRun, budget: Budget | None = None) -> list[NotebookNode]:
    """Return what a cell in the sandbox put out, as notebook outputs that run nothing.

    Parameters
    ----------
    ran : CellRun
        What came from the sandbox; none of it is trusted.
    budget : Budget, optional
        One for all cells of a submission; it goes down. By default this cell has one of its own.

    Returns
    -------
    list of NotebookNode
        Streams, pictures, cleaned HTML and text, and errors. What is left out is said to be.
    """
    budget = budget or Budget()
    outputs: list[NotebookNode] = []
    raws = ran.outputs if isinstance(ran.outputs, (list, tuple)) else []
    for position, raw in enumerate(raws):
        if position == MAX_OUTPUTS or budget.left <= 0:
            text = f"[{len(raws) - position} more outputs are not shown here.]"
            outputs.append(new_output("stream", name="stdout", text=text))
            break
        if not isinstance(raw, dict):
            continue
        text, data, stream = (raw.get(key) for key in ("text", "data", "stream"))
        if isinstance(text, str):
            name = "stderr" if isinstance(stream, str) and stream == "stderr" else "stdout"
            outputs.append(new_output("stream", name=name, text=_text(text, budget)))
        elif isinstance(data, dict) and (shown := _safe_data(data, budget)):
            outputs.append(new_output("display_data", data=shown))
    if ran.error is not None:
        said = ran.error if isinstance(ran.error, dict) else {}
        said = {key: value for key, value in said.items() if isinstance(value, str)}
        outputs.append(
            new_output(
                "error",
                ename=printable(budget.cut(said.get("ename", ""), MAX_TEXT)),
                evalue=printable(budget.cut(said.get("evalue", ""), MAX_TEXT)),
                traceback=_text(said.get("traceback", ""), budget).split("\n"),
            )
        )
    if ran.cut_off is not None:
        reason = printable(ran.cut_off)
        outputs.append(new_output("error", ename="LeftOut", evalue=reason, traceback=[f"LeftOut: {reason}"]))
    return outputs


def _text(text: str, budget: Budget) -> str:
    kept = budget.cut(text, MAX_TEXT)
    return printable(kept, lines=True) + ("" if len(kept) == len(text) else "\n[The rest is not shown here.]")


def _safe_data(data: dict[str, Any], budget: Budget) -> dict[str, str]:
    safe: dict[str, str] = {}
    left_out: list[str] = []
    for kind, value in data.items():
        if not isinstance(value, str):
            continue
        if kind == "text/plain":
            safe[kind] = _text(value, budget)
        elif kind in ("image/png", "image/jpeg"):
            if len(value) > min(MAX_IMAGE, budget.left):
                left_out.append("This picture is too large to be shown here.")
                continue
            try:
                base64.b64decode(value, validate=True)
            except (binascii.Error, ValueError):
                continue
            safe[kind] = budget.cut(value, MAX_IMAGE)
        elif kind == "text/html":
            if len(value) > min(MAX_HTML, budget.left) or value.count("<") > MAX_TAGS:
                left_out.append("This HTML output is too large to be shown here.")
                continue
            safe[kind] = safe_html(budget.cut(value, MAX_HTML))
    if left_out:
        safe["text/plain"] = "\n".join([*left_out, safe.get("text/plain", "")]).rstrip("\n")
    return safe


def safe_html(html: str) -> str:
    """Return HTML with tables, text, pictures and links left in it, and nothing else."""
    return _rebuild(printable(html, lines=True))[0]


def _rebuild(html: str) -> tuple[str, bool]:
    """Return HTML put together anew from what is allowed of it, and whether that was all."""
    pieces: list[str] = []
    opened: list[str] = []
    complete = True
    for part in _PARTS.finditer(html):
        if part["dropped"] is not None:
            complete = False
        elif part["text"] is not None:
            text = unescape(_NUMBERED.sub(r"&#0\1", part["text"]))
            shown = printable(text, lines=True)
            if "pre" not in opened and "code" not in opened:
                shown = without_links(shown)
            complete = complete and shown == text and part["text"] != "<"
            pieces.append(escape(shown, quote=False))
        elif part["end"]:
            name = part["name"].lower()
            complete = complete and opened[-1:] == [name] and not part["attributes"].strip()
            while name in opened:
                last = opened.pop()
                pieces.append(f"</{last}>")
                if last == name:
                    break
        else:
            name = part["name"].lower()
            attributes, kept_all = _attributes(name, part["attributes"])
            allowed = name in _TAGS and _fits(name, opened) and (name != "input" or "checkbox" in attributes)
            complete = complete and allowed and kept_all
            if allowed:
                pieces.append(f"<{name}{attributes}>")
                opened += [] if name in _VOID else [name]
    pieces += [f"</{name}>" for name in reversed(opened)]
    return "".join(pieces), complete and not opened


def _fits(name: str, opened: list[str]) -> bool:
    """Return whether an element may stand inside the opened ones."""
    parent = opened[-1] if opened else ""
    if len(opened) >= MAX_DEPTH:
        return False
    if name in _PARENTS:
        return parent in _PARENTS[name]
    alike = _HEADINGS if name in _HEADINGS else {name} & {"a"}
    return parent not in _TABLE and alike.isdisjoint(opened)


def _attributes(tag: str, text: str) -> tuple[str, bool]:
    """Return a tag's allowed attributes, and whether those were all."""
    allowed = _ATTRIBUTES["*"] | _ATTRIBUTES.get(tag, {})
    kept = ""
    complete = True
    for name, quoted in _ATTRIBUTE.findall(text):
        name, value = name.lower(), quoted[1:-1] if quoted[:1] in ("'", '"') else quoted
        if name in ("class", "style"):
            between, pattern = (" ", _CLASS) if name == "class" else (";", _STYLE)
            words = [word.strip() for word in value.split(between)]
            value = between.join(word for word in words if re.fullmatch(pattern, word, _FLAGS))
            complete = complete and value == between.join(filter(None, words))
        elif name not in allowed or not re.fullmatch(allowed[name], value, _FLAGS):
            complete = False
            continue
        if value or not quoted:
            kept += f' {name}="{value.replace(chr(34), "&quot;")}"'
    return kept, complete


def safe_texts(
    cells: Sequence[tuple[str, str, Mapping[str, Any] | None]], laid_out: bool = True
) -> list[tuple[str, bool]]:
    """Return the texts of all cells of a submission as a page may show them, and whether it can color each.

    Parameters
    ----------
    cells : sequence of (str, str, mapping or None)
        Type, text and attachments of each cell.
    laid_out : bool
        Find out what can be laid out and colored. Otherwise all Markdown is shown as its own source, without colors.
    """
    texts, code = Budget(MAX_TEXTS), Budget(MAX_CODES)
    shown = []
    for kind, source, attachments in cells:
        if kind == "code":
            shown.append((source, laid_out and colorable(source, code)))
        elif kind == "raw":
            # A feedback page shows it as HTML.
            text = escape(without_links(printable(texts.cut(source, MAX_TEXT), lines=True)))
            shown.append((text, True))
        elif laid_out:
            shown.append((safe_markdown(source, attachments, texts), True))
        else:
            shown.append((_as_source(printable(source, lines=True), _TOO_LONG, texts), True))
    return shown


def safe_markdown(source: str, attachments: Mapping[str, Any] | None = None, budget: Budget | None = None) -> str:
    """Return a Markdown cell's text; one that a page could not safely or quickly lay out comes back as its own source.

    So does one that shows a picture which is not attached: the feedback page would fail at it.

    Parameters
    ----------
    source : str
        The cell's text.
    attachments : mapping, optional
        The cell's pictures.
    budget : Budget, optional
        One for all Markdown cells of a submission; it goes down. By default this cell has one of its own.
    """
    budget = budget or Budget()
    source = printable(source, lines=True)
    # A picture that was pasted is long, but nothing in it takes time.
    text = _PASTED.sub("", source)
    reason = _TOO_LONG
    if len(text) <= min(MAX_MARKDOWN, budget.left) and _quick(text):
        # Most cells are as they were released, and a class has them in common.
        alone = not attachments and len(source) <= MAX_REMEMBERED
        reason = _remembered_reason(source) if alone else _reason(source, attachments)
        if reason is None:
            budget.cut(text, MAX_MARKDOWN)
            return source
    return _as_source(text, reason, budget)


def _as_source(text: str, reason: str, budget: Budget) -> str:
    """Return Markdown that shows a text as it is, and says why."""
    kept = budget.cut(text, MAX_TEXT)
    which = "its text" if len(kept) == len(text) else "the beginning of its text"
    text = _LONG_LINE.sub(r"\g<0>\n", kept)
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"*This cell {reason}; this is {which}.*\n\n{fence}\n{text}\n{fence}"


def _reason(source: str, attachments: Mapping[str, Any] | None = None) -> str | None:
    """Return why a page could not safely lay out a text, or None."""
    try:
        pictures = dict(attachments or {})
        size = len(source) + sum(len(data) for kinds in pictures.values() for data in kinds.values())
        renderer = _Renderer(2 * size + MAX_LINKS, escape=False, attachments=pictures)
        whole = _rebuild(_strip_files(MarkdownWithMath(renderer=renderer).render(source)))[1]
        return None if whole else "holds HTML or links that are not shown here"
    except Exception as error:  # Whatever it is, the feedback page would fail at it too.
        return str(error) if isinstance(error, _UnshowableError) else "holds what cannot be laid out here"


_remembered_reason = lru_cache(maxsize=100)(_reason)


def _quick(text: str) -> bool:
    """Return whether mistune is done with a text in a second or two: it holds little of what takes very long."""
    lines = text.split("\n")
    return (
        len(_MARKS.findall(text)) <= MAX_MARKS
        and len(_FORMULAS.findall(text)) <= MAX_FORMULAS
        and max(line.count("|") for line in lines) * len(lines) <= MAX_TABLE
        and not _STALLS_MISTUNE.search(text)
    )


def _strip_files(rendered: str) -> str:
    """Do what nbconvert does to a rendered page, where that does not take very long."""
    lines = rendered.split("\n")
    if sum(len(line) * line.count("[") * (1 + line.count("files/")) for line in lines) > MAX_STEPS:
        raise _UnshowableError(_TOO_LONG)
    return strip_files_prefix(rendered)


class _UnshowableError(Exception):
    """Why a Markdown cell is not laid out. The text completes "This cell …"."""


class _Renderer(IPythonRenderer):
    """nbconvert's own, but for code that its highlighter may not finish, and links without end."""

    def __init__(self, room: int, **options: Any) -> None:
        super().__init__(**options)
        self.room = room

    def link(self, text: str, url: str, title: str | None = None) -> str:
        return self._fitting(super().link(text, url, title))

    def image(self, text: str, url: str, title: str | None = None) -> str:
        return self._fitting(super().image(text, url, title))

    def _fitting(self, html: str) -> str:
        self.room -= len(html)
        if self.room < 0:
            raise _UnshowableError(_TOO_LONG)
        return html

    def block_code(self, code: str, info: str | None = None) -> str:
        language = (info or "").split(maxsplit=1)[:1]
        if language and not (language[0].lower() in _LANGUAGES and colorable(code)):
            try:
                find_lexer_class_by_name(language[0])
            except ClassNotFound:
                pass
            else:
                raise _UnshowableError(f"holds code in {language[0]!r} that is not laid out here")
        return super().block_code(code, info)


def colorable(source: str, budget: Budget | None = None) -> bool:
    """Return whether a page can color code in a reasonable time, as Pygments does it.

    Parameters
    ----------
    source : str
        Code of a submission. If the answer is no, its cell should get the metadata ``magics_language: "text"``.
    budget : Budget, optional
        One for all code cells of a submission; it goes down by what is colored.
    """
    budget = budget or Budget()
    if len(source) > min(MAX_CODE, budget.left) or _STALLS_PYGMENTS.search(source):
        return False
    budget.cut(source, MAX_CODE)
    return True
