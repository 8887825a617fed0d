"""Code read without running it: the cells of a notebook, and the names that a module exports."""

from __future__ import annotations

import ast
import functools
import importlib.util
import re
import sys
import textwrap
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import MappingProxyType

#: Characters and words (names, numbers and signs) of one text that are read; a text beyond them is not.
MAX_SOURCE = 2 * 2**20
MAX_WORDS = 100_000
#: Cell magics that run their cell where the other cells run. ``%%timeit`` and ``%%python`` do not: they leave no name.
RUN_HERE = frozenset({"time", "capture", "prun", "debug"})

#: Methods of a dictionary that return an entry.
LOOKUPS = frozenset({"get", "pop", "setdefault", "__getitem__"})
_NAMESPACES = frozenset({"globals", "locals", "vars"})
_NAMESPACE_ATTRIBUTES = frozenset({"user_ns", "user_global_ns"})

_TABLES = (
    *(ast.Constant, ast.Name, ast.Attribute, ast.Lambda, ast.List, ast.Tuple, ast.Set, ast.Dict),
    *(ast.UnaryOp, ast.BinOp, ast.Starred),
)

#: Python counts the depth of a tree for all threads together, and raises SystemError where two parse at once.
_PARSER = threading.Lock()
_WORD = re.compile(r"\w+|[^\w\s]")
_CELL_MAGIC = re.compile(r"\s*%%(?P<name>\w+)[ \t]*(?P<line>[^\n]*)\n?")
_LINE_MAGIC = re.compile(
    r"^(?P<indent>[ \t]*)(?:%{1,2}(?P<name>\w+)[ \t]*(?P<rest>[^\n]*)|%{1,2}[ \t]*|[!?][^\n]*|[^\n#'\"]*\?[ \t]*)$",
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
    clean = textwrap.dedent(_without_prompts(text))
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


@functools.lru_cache(maxsize=256)
def exported(module: str) -> MappingProxyType[str, str]:
    """Return the names that ``from module import *`` brings, each with the path of what it names.

    The module's file is read, not run: importing Keras takes seconds. A module without a file in Python is asked
    where it is imported already. What cannot be found out this way has no names.

    Parameters
    ----------
    module : str
        For example ``"keras.ops"``.

    Returns
    -------
    mapping of str to str
        What a module only passes on from another package has the path there.

    Examples
    --------
    >>> exported("source_lib.data")["DataGenerator"]
    'source_lib.data.DataGenerator'
    >>> exported("no_such_module")
    mappingproxy({})
    """
    return MappingProxyType(_exports(module, 4))


def _exports(module: str, depth: int) -> dict[str, str]:
    found = _file(module, depth)
    tree = None if found is None else _tree(found)
    if tree is None:
        loaded = dir(sys.modules[module]) if found is None and module in sys.modules else []
        return {name: f"{module}.{name}" for name in loaded if not name.startswith("_")}
    package = module if found.name == "__init__.py" else module.rpartition(".")[0]
    names: dict[str, str] = {}
    public: set[str] | None = None
    for node in statements(tree.body):
        if isinstance(node, ast.ImportFrom):
            origin = absolute(node, package)
            for part in node.names:
                if part.name == "*":
                    names |= _exports(origin, depth - 1) if depth else {}
                else:
                    names[part.asname or part.name] = f"{origin}.{part.name}"
        elif isinstance(node, ast.Import):
            names |= {part.asname or part.name.partition(".")[0]: part.name for part in node.names}
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            names[node.name] = f"{module}.{node.name}"
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:
                if isinstance(target, ast.Name):
                    names[target.id] = f"{module}.{target.id}"
                    public = _listed(node.value) if target.id == "__all__" else public
    top = module.partition(".")[0]
    return {
        name: f"{module}.{name}" if path.partition(".")[0] == top else path
        for name, path in names.items()
        if (not name.startswith("_") if public is None else name in public)
    }


def _listed(node: ast.expr | None) -> set[str] | None:
    """Return the texts of a list that is written out; None for any other."""
    elements = node.elts if isinstance(node, (ast.List, ast.Tuple)) else [None]
    if not all(isinstance(element, ast.Constant) for element in elements):
        return None
    return {element.value for element in elements}


def _file(module: str, depth: int) -> Path | None:
    """Return the Python file of a module without importing it or the packages that it lies in."""
    top, *rest = module.split(".")
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError, AttributeError):
        return None
    path = Path(spec.origin) if spec is not None and spec.origin and spec.origin.endswith(".py") else None
    for number, name in enumerate(rest):
        if path is None or path.name != "__init__.py":
            return None
        places = (path.parent / name / "__init__.py", path.parent / f"{name}.py")
        inside = next((place for place in places if place.is_file()), None)
        if inside is None:
            # A package may show a module that lies elsewhere in it: tensorflow.nn is tensorflow._api.v2.nn.
            tree, package = _tree(path), ".".join([top, *rest[:number]])
            origins = [
                f"{absolute(node, package)}.{part.name}"
                for node in statements(tree.body if tree is not None else [])
                if isinstance(node, ast.ImportFrom)
                for part in node.names
                if (part.asname or part.name) == name
            ]
            inside = _file(origins[-1], depth - 1) if origins and depth else None
        path = inside
    return path


@functools.lru_cache(maxsize=64)
def _tree(path: Path) -> ast.Module | None:
    try:
        return parsed(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        return None


def statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Walk through statements and what is inside them, in order, but not through functions and classes."""
    waiting = list(reversed(body))
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            waiting.extend(reversed(inner_statements(node)))


def inner_statements(node: ast.stmt) -> list[ast.stmt]:
    """Return the statements that stand in the blocks of a statement."""
    parts = [part for name in ("body", "handlers", "orelse", "finalbody", "cases") for part in getattr(node, name, ())]
    blocks = [[part] if isinstance(part, ast.stmt) else part.body for part in parts]
    return [part for block in blocks for part in block]


def absolute(node: ast.ImportFrom, package: str) -> str:
    """Return the module that an import is from, as seen from code in a package."""
    if not node.level:
        return node.module or ""
    outer = package.split(".") if package else []
    return ".".join(filter(None, [*outer[: len(outer) - node.level + 1], node.module]))


def at_once(function: ast.AST) -> list[ast.expr]:
    """Return what of a function runs when it is defined."""
    arguments = function.args
    return [*arguments.defaults, *filter(None, arguments.kw_defaults), *getattr(function, "decorator_list", ())]


def unattributed(node: ast.AST) -> tuple[ast.AST, str]:
    """Take the attributes off an expression."""
    attributes: list[str] = []
    while isinstance(node, ast.Attribute):
        attributes.append(node.attr)
        node = node.value
    return node, ".".join(reversed(attributes))


def base_name(node: ast.AST) -> str | None:
    """Return the name in front of attributes and indices."""
    while isinstance(node, (ast.Attribute, ast.Subscript)):
        node = node.value
    return node.id if isinstance(node, ast.Name) else None


def last_name(node: ast.AST) -> str:
    """Return the last of a name and its attributes."""
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def is_mere(node: ast.AST) -> bool:
    """Return whether an expression is a name, with or without attributes, or several of them."""
    waiting = [node]
    while waiting:
        part = waiting.pop()
        if isinstance(part, (ast.Tuple, ast.List, ast.Set)):
            waiting.extend(part.elts)
        elif isinstance(part, ast.BinOp) and isinstance(part.op, ast.BitOr):
            waiting += [part.left, part.right]
        elif not isinstance(unattributed(part)[0], ast.Name):
            return False
    return True


def is_main_test(test: ast.expr) -> bool:
    """Return whether a condition asks if a file was started as a program."""
    if not isinstance(test, ast.Compare) or not isinstance(test.ops[0], ast.Eq):
        return False
    sides = (test.left, *test.comparators)
    return any(isinstance(side, ast.Name) and side.id == "__name__" for side in sides)


def text_of(node: ast.AST) -> str | None:
    """Return the text that constants make, also when it is put together from parts."""
    parts: list[str] = []
    waiting = [node]
    while waiting:
        part = waiting.pop()
        if isinstance(part, ast.Constant) and isinstance(part.value, str):
            parts.append(part.value)
        elif isinstance(part, ast.BinOp) and isinstance(part.op, ast.Add):
            waiting += [part.right, part.left]
        elif isinstance(part, ast.JoinedStr):
            waiting += reversed(part.values)
        elif isinstance(part, ast.FormattedValue):
            waiting.append(part.value)
        else:
            return None
    return "".join(parts)


def conditions(test: ast.expr) -> list[ast.expr]:
    """Return the parts of a condition that are joined by ``and`` and ``or``."""
    found: list[ast.expr] = []
    waiting = [test]
    while waiting:
        part = waiting.pop()
        if isinstance(part, ast.BoolOp):
            waiting.extend(part.values)
        else:
            found.append(part)
    return found


def namespace_entry(node: ast.AST) -> str | None:
    """Return ``name`` of ``globals()["name"]``, ``shell.user_ns.get("name")`` and the like."""
    if isinstance(node, ast.Subscript):
        holder, key = node.value, node.slice
    elif (
        isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in LOOKUPS and node.args
    ):
        holder, key = node.func.value, node.args[0]
    else:
        return None
    if isinstance(holder, ast.Call):
        inside = isinstance(holder.func, ast.Name) and holder.func.id in _NAMESPACES and not holder.args
    else:
        inside = isinstance(holder, ast.Attribute) and holder.attr in _NAMESPACE_ATTRIBUTES
    return text_of(key) if inside else None


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
