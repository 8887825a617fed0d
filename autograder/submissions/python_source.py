"""The cells of a notebook read without running them."""

from __future__ import annotations

import ast
import functools
import os
import re
import threading
import warnings
from collections.abc import Iterator

#: Characters and words (names, numbers and signs) of one text that are read; a text beyond them is not.
MAX_SOURCE = 2 * 2**20
MAX_WORDS = 100_000
#: Cell magics that run their cell where the other cells run. ``%%timeit`` and ``%%python`` do not: they leave no name.
RUN_HERE = frozenset({"time", "capture", "prun", "debug"})

_TABLES = (
    *(ast.Constant, ast.Name, ast.Attribute, ast.Lambda, ast.List, ast.Tuple, ast.Set, ast.Dict),
    *(ast.UnaryOp, ast.BinOp, ast.Starred),
)

#: Python counts the depth of a tree for all threads together, and raises SystemError where two parse at once.
_PARSER = threading.Lock()
_WORD = re.compile(r"\w+|[^\w\s]")
_CELL_MAGIC = re.compile(r"\s*%%(?P<name>\w+)[ \t]*(?P<line>[^\n]*)\n?")
_LINE_MAGIC = re.compile(
    r"^(?P<indent>[ \t]*+)(?:%{1,2}(?P<name>\w+)[ \t]*(?P<rest>[^\n]*)|%{1,2}[ \t]*|[!?][^\n]*|[^\n#'\"]*\?[ \t]*)$",
    re.MULTILINE,
)
_ASSIGNED_MAGIC = re.compile(r"^(?P<target>[^\n=#'\"(]*=)[ \t]*(?:!|%[a-zA-Z])[^\n]*$", re.MULTILINE)
_CALL_WITHOUT_PARENTHESES = re.compile(r"^(?P<indent>[ \t]*)[,;/][^\n]*$", re.MULTILINE)
_OPTIONS = re.compile(r"(?:--?[a-z][\w-]*[ \t]+)*")
_CONTINUED = re.compile(r"^[ \t]*[%!](?:[^\n]*\\\n)+", re.MULTILINE)
_PROMPTS = (
    (re.compile(r">>>( |$)", re.MULTILINE), re.compile(r"^(>>>|\.\.\.)( |$)", re.MULTILINE)),
    (re.compile(r"In \[\d+\]: "), re.compile(r"^(In \[\d+\]: |[ \t]*\.{3,}: ?)", re.MULTILINE)),
)


def words(text: str) -> int:
    """Return how many names, numbers and signs a text has: what it costs to read."""
    return sum(1 for _ in _WORD.finditer(text))


def parsed(text: str) -> ast.Module | None:
    """Return the syntax tree of a cell or a file, or None where it is not Python or too much of it.

    Prompts are dropped. A magic becomes the call that IPython makes of it; ``%time`` and the cell magics of
    `RUN_HERE` become the Python that they run. Shell commands and questions (``np.pad?``) become nothing. The time
    that it takes is proportional to the text, which IPython's own reading of magics does not keep.

    Parameters
    ----------
    text : str
        The text, at most `MAX_SOURCE` characters and `MAX_WORDS` words.

    Returns
    -------
    ast.Module or None

    Examples
    --------
    >>> import ast
    >>> ast.unparse(parsed("%time x = 1\\n!ls\\n%run helper.py"))
    "x = 1\\npass\\nget_ipython().run_line_magic('run', 'helper.py')"
    >>> parsed("x = = 1") is None
    True
    """
    if len(text) > MAX_SOURCE or words(text) > MAX_WORDS:
        return None
    with _PARSER, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for python in _readings(text):
            try:
                return ast.parse(python)
            except (SyntaxError, ValueError, RecursionError, MemoryError):
                continue
    return None


def _readings(text: str) -> Iterator[str]:
    """Yield a text as it is, with its magics translated, and with everything dropped that is no Python."""
    yield text
    clean = _dedented(_without_prompts(text))
    magic = _CELL_MAGIC.match(clean)
    if magic is not None:
        body = clean[magic.end() :]
        if magic["name"] not in RUN_HERE:
            yield f"get_ipython().run_cell_magic({magic['name']!r}, {magic['line']!r}, {body!r})"
            return
        yield body
        clean = body
    clean = _CONTINUED.sub(lambda lines: lines[0].replace("\\\n", " "), clean)
    yield _ASSIGNED_MAGIC.sub(r"\g<target> None", _LINE_MAGIC.sub(_translated, clean))
    # What %time runs may be no Python, and a call without parentheses looks like a line that goes on.
    clean = _CALL_WITHOUT_PARENTHESES.sub(r"\g<indent>pass", _LINE_MAGIC.sub(r"\g<indent>pass", clean))
    yield _ASSIGNED_MAGIC.sub(r"\g<target> None", clean)


def _dedented(text: str) -> str:
    """Return what `textwrap.dedent` returns, without its regular expression of as many spaces as there are."""
    lines = text.split("\n")
    full = [line for line in lines if line.strip(" \t")]
    margin = os.path.commonprefix([line[: len(line) - len(line.lstrip(" \t"))] for line in full])
    return "\n".join(line[len(margin) :] for line in lines)


def _without_prompts(text: str) -> str:
    start = text.lstrip()
    for first, prompt in _PROMPTS:
        if first.match(start):
            return prompt.sub("", start)
    return text


def _translated(line: re.Match[str]) -> str:
    name, rest = line["name"], line["rest"]
    if name is None:
        return line["indent"] + "pass"
    if name == "time":
        return line["indent"] + (rest[_OPTIONS.match(rest).end() :] or "pass")
    return f"{line['indent']}get_ipython().run_line_magic({name!r}, {rest!r})"


@functools.lru_cache(maxsize=64)
def definitions(text: str) -> str:
    """Return what a cell defines at its top level, as source: functions, classes, imports, constants and tables.

    Each stands alone: where one cannot be made, the others are.
    """
    tree = parsed(text)
    nodes = [node for node in tree.body if _defines(node)] if tree else []
    try:
        return "\n".join(ast.unparse(node if _is_future(node) else _attempt(node)) for node in nodes)
    except (RecursionError, ValueError):
        return ""


def _attempt(node: ast.stmt) -> ast.Try:
    handler = ast.ExceptHandler(type=ast.Name("Exception", ast.Load()), body=[ast.Pass()])
    return ast.Try(body=[node], handlers=[handler], orelse=[], finalbody=[])


def _is_future(node: ast.stmt) -> bool:
    """Return whether a statement must stand first and by itself."""
    return isinstance(node, ast.ImportFrom) and node.module == "__future__"


def _defines(node: ast.stmt) -> bool:
    if isinstance(node, (ast.Assign, ast.AnnAssign)):
        return node.value is not None and _is_table(node.value)
    return isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom))


def _is_table(value: ast.expr) -> bool:
    """Return whether an expression calls nothing: constants, names, lambdas, and lists, mappings and such of them."""
    waiting: list[ast.AST] = [value]
    while waiting:
        node = waiting.pop()
        if not isinstance(node, _TABLES):
            return False
        if not isinstance(node, ast.Lambda):
            waiting.extend(part for part in ast.iter_child_nodes(node) if isinstance(part, ast.expr))
    return True
