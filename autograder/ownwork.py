"""Whether an answer computes, or has a package compute that the lab is about: found by reading its code.

Nothing is run here. What can only be seen while a function runs, such as a module's name that is put together
from a file, is not found by reading.
"""

from __future__ import annotations

import ast
import builtins
import math
import re
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np

#: Magics whose cell is Python.
_PYTHON_MAGICS = frozenset({"time", "timeit", "capture", "prun", "debug", "python", "py", "python3"})
_IMPORTERS = frozenset({"import_module", "__import__", "find_spec", "find_loader", "load_module", "run_module"})
_NAMESPACES = frozenset({"globals", "locals", "vars"})
_NAMESPACE_ATTRIBUTES = frozenset({"user_ns", "user_global_ns", "__dict__", "__globals__"})
_LOOKUPS = frozenset({"get", "pop", "setdefault", "__getitem__"})
#: Numbers that a package knows; reading one computes nothing.
_HARMLESS = frozenset({"epsilon", "floatx"})
_CELL_MAGIC = re.compile(r"\s*%%(?P<name>\w*)[^\n]*\n?")
_LINE_MAGIC = re.compile(r"^(?P<indent>[ \t]*)(?:%(?P<name>\w+)[ \t]*(?P<rest>[^\n]*)|![^\n]*|\?[^\n]*)$", re.MULTILINE)
_ASSIGNED_MAGIC = re.compile(r"=[ \t]*(?:!|%[a-z])[^\n]*$", re.MULTILINE)
#: IPython reads a cell anew for every magic in it, so it is not asked about long ones.
_LONG_CELL, _MANY_MAGICS = 100_000, 50

#: What IPython puts into every notebook.
_SHELL_NAMES = frozenset({"In", "Out", "get_ipython", "display", "exit", "quit", "__name__"})

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


@dataclass(frozen=True, eq=False)
class _Meaning:
    """What a name of the notebook stands for: a piece of code, or a path that was imported.

    ``before`` holds what the names in it meant when it was run. Bodies of functions run later and see the last meaning.
    ``other`` is what the name may mean as well, for example where a branch sets it.
    """

    node: ast.AST | None = None
    path: str = ""
    before: dict[str, _Meaning] = field(default_factory=dict)
    other: _Meaning | None = None

    def all(self) -> Iterator[_Meaning]:
        meaning: _Meaning | None = self
        while meaning is not None:
            yield meaning
            meaning = meaning.other


def borrowed(cells: list[str], functions: Iterable[str], forbidden: tuple[str, ...]) -> dict[str, str]:
    """Name the answers that use a forbidden package instead of computing.

    What an answer uses is followed through the notebook's own functions, classes and names, as far as another
    answer, which is judged by itself. A name that is defined more than once has its last meaning. What a
    notebook imports or uses elsewhere does not count, and neither do texts and comments.

    Parameters
    ----------
    cells : list of str
        The code cells in the order in which they run. Magics and shell commands are skipped, and so is a cell that
        is not Python.
    functions : iterable of str
        The names of the answers.
    forbidden : tuple of str
        Top-level packages, for example ``("keras", "tensorflow")``.

    Returns
    -------
    dict of str to str
        For each answer at fault one sentence that says what it uses and through which helper.

    Examples
    --------
    >>> cells = ["import keras.ops as K", "def _sum(a, b):\\n    return K.conv(a, b)", "answer = _sum"]
    >>> borrowed(cells, ["answer"], ("keras",))["answer"].split(" instead")[0]
    'answer uses keras.ops.conv (through _sum)'
    """
    notebook = _Notebook(forbidden)
    for cell in cells:
        if isinstance(cell, str):
            notebook.read(cell)
    notebook.add_globals()
    answers = tuple(dict.fromkeys(functions))
    found = {name: notebook.borrows(name, frozenset(answers)) for name in answers}
    return {name: _sentence(name, *use) for name, use in found.items() if use is not None}


def _sentence(answer: str, path: str, helpers: tuple[str, ...]) -> str:
    through = f" (through {', '.join(helpers)})" if helpers else ""
    return (
        f"{answer} uses {path}{through} instead of computing its answer, so it scores 0. Write it with NumPy or SciPy."
    )


class _Notebook:
    """What the names of a notebook mean after its cells have run."""

    def __init__(self, forbidden: tuple[str, ...]) -> None:
        self.forbidden = frozenset(forbidden)
        self.names: dict[str, _Meaning] = {}
        self.stars: list[str] = []
        self.trees: list[ast.Module] = []

    # Reading cells.

    def read(self, text: str) -> None:
        tree = _parsed(text)
        if tree is not None:
            self.trees.append(tree)
            self._statements(tree.body)

    def add_globals(self) -> None:
        """Add what functions assign to names that they declare global."""
        for tree in self.trees:
            for function in ast.walk(tree):
                if not isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
                    continue
                body = list(ast.walk(function))
                declared = {name for node in body if isinstance(node, ast.Global) for name in node.names}
                for node in body:
                    if declared and isinstance(node, (ast.Assign, ast.AugAssign, ast.AnnAssign, ast.NamedExpr)):
                        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                        for name in declared.intersection(*[{n for t in targets for n in _stored(t)}]):
                            self._bind(name, _Meaning(node.value), certain=False)
                    elif declared and isinstance(node, (ast.Import, ast.ImportFrom)):
                        for name, path in _imported(node):
                            if name in declared:
                                self._bind(name, _Meaning(path=path), certain=False)

    def _bind(self, name: str, meaning: _Meaning, certain: bool) -> None:
        self.names[name] = replace(meaning, other=None if certain else self.names.get(name))

    def _meanings(self, name: str | None) -> Iterator[_Meaning]:
        return self.names[name].all() if name in self.names else iter(())

    def _value(self, node: ast.AST) -> _Meaning:
        """Return the meaning of code that runs now."""
        return _Meaning(node, before={name: self.names[name] for name in _mentioned(node) if name in self.names})

    def _statements(self, body: list[ast.stmt]) -> None:
        waiting = [(statement, True) for statement in reversed(body)]
        while waiting:
            node, certain = waiting.pop()
            self._statement(node, certain)
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                continue
            inside = certain and isinstance(node, (ast.With, ast.AsyncWith))
            parts = [part for name in ("body", "handlers", "orelse", "finalbody") for part in getattr(node, name, ())]
            branches = [part.body if isinstance(part, ast.ExceptHandler) else [part] for part in parts]
            branches += [case.body for case in getattr(node, "cases", ())]
            waiting.extend((part, inside) for branch in reversed(branches) for part in reversed(branch))

    def _statement(self, node: ast.stmt, certain: bool) -> None:
        for part in _expressions(node):
            if isinstance(part, ast.NamedExpr):
                self._bind(part.target.id, self._value(part.value), certain=False)
        match node:
            case ast.Import() | ast.ImportFrom():
                for name, path in _imported(node):
                    if name == "*":
                        self.stars.append(path)
                    else:
                        self._bind(name, _Meaning(path=path), certain)
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                self._bind(node.name, self._value(node), certain)
            case ast.Assign():
                for target in node.targets:
                    self._assign(target, node.value, certain)
            case ast.AnnAssign() | ast.AugAssign() if node.value is not None:
                self._assign(node.target, node.value, certain and isinstance(node, ast.AnnAssign))
            case ast.For() | ast.AsyncFor():
                self._assign(node.target, node.iter, False)
            case ast.With() | ast.AsyncWith():
                for item in node.items:
                    if item.optional_vars is not None:
                        self._assign(item.optional_vars, item.context_expr, certain)
            case ast.Expr(value=ast.Call() as call):
                self._called(call)

    def _assign(self, target: ast.expr, value: ast.expr, certain: bool) -> None:
        if (
            isinstance(target, (ast.Tuple, ast.List))
            and isinstance(value, (ast.Tuple, ast.List))
            and len(target.elts) == len(value.elts)
            and not any(isinstance(part, ast.Starred) for part in (*target.elts, *value.elts))
        ):
            for part, its in zip(target.elts, value.elts, strict=True):
                self._assign(part, its, certain)
            return
        meaning = self._value(value)
        for name in _stored(target):
            self._bind(name, meaning, certain)
        for part in ast.walk(target):
            if isinstance(part, (ast.Attribute, ast.Subscript)):
                name = _namespace_entry(part) or _base(part)
                if name is not None:
                    self._bind(name, meaning, certain=False)

    def _called(self, call: ast.Call) -> None:
        """Read a call that stands alone, for what it puts where."""
        function = call.func
        if isinstance(function, ast.Attribute) and function.attr in ("run_cell_magic", "run_line_magic") and call.args:
            # This is what becomes of a magic in the history of a notebook.
            if _text(call.args[0]) in _PYTHON_MAGICS:
                self.read(_text(call.args[-1]) or "")
        elif isinstance(function, ast.Name) and function.id == "exec" and call.args:
            tree = _parsed(_text(call.args[0]) or "")
            if tree is not None:
                self.trees.append(tree)
                self._statements(tree.body)
        elif isinstance(function, ast.Name) and function.id == "setattr" and call.args:
            self._added(_base(call.args[0]), call)
        elif isinstance(function, ast.Attribute):
            self._added(_base(function), call)

    def _added(self, name: str | None, call: ast.Call) -> None:
        # A package is not changed by what it is called with: np.testing.assert_allclose(mine, theirs).
        known = self.names.get(name)
        if name is not None and known is not None and not known.path:
            self._bind(name, self._value(call), certain=False)

    # Following an answer.

    def borrows(self, answer: str, answers: frozenset[str]) -> tuple[str, tuple[str, ...]] | None:
        """Return the forbidden path that an answer uses, and the helpers through which it does."""
        seen: set[tuple[int, str]] = set()
        waiting: list[tuple[ast.AST, _Meaning, tuple[str, ...]]] = []

        def follow(first: _Meaning, attributes: str, helpers: tuple[str, ...]) -> str | None:
            for meaning in first.all():
                key = (id(meaning), attributes if meaning.path else "")
                if key in seen:
                    return None
                seen.add(key)
                if meaning.node is not None:
                    waiting.append((meaning.node, meaning, helpers))
                elif self._is_forbidden(path := ".".join(filter(None, (meaning.path, attributes)))):
                    return path
            return None

        path = follow(self.names[answer], "", ()) if answer in self.names else None
        if path is not None:
            return path, ()
        while waiting:
            node, meaning, helpers = waiting.pop()
            for name, attributes, lazy in self._uses(node):
                if name is None:
                    return attributes, helpers
                last = self.names.get(name)
                then = last if lazy else meaning.before.get(name, last)
                if name in answers and name != answer and then is last:
                    continue
                # An earlier meaning of the answer itself is no helper.
                through = helpers if name == answer else (*helpers, name)
                path = self._from_star(name) if then is None else follow(then, attributes, through)
                if path is not None:
                    return path, helpers
        return None

    def _is_forbidden(self, path: str) -> bool:
        return path.split(".")[0] in self.forbidden and path.split(".")[-1] not in _HARMLESS

    def _from_star(self, name: str) -> str | None:
        open_stars = [path for path in self.stars if self._is_forbidden(path)]
        known = [dir(builtins), *(dir(module) for module in (np, math) if module.__name__ in self.stars)]
        if not open_stars or name in _SHELL_NAMES or any(name in names for names in known):
            return None
        return f"{open_stars[-1]}.{name}"

    def _path(self, node: ast.expr, scopes: tuple[dict[str, str], ...]) -> str:
        """Return the dotted path of a name with attributes, as far as imports tell; ``""`` for anything else."""
        names: list[str] = []
        while isinstance(node, ast.Attribute):
            names.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name):
            return ".".join(reversed(names))
        start = next((scope[node.id] for scope in reversed(scopes) if node.id in scope), None)
        if start is None:
            start = next((meaning.path for meaning in self._meanings(node.id) if meaning.path), node.id)
        return ".".join([start, *reversed(names)])

    def _constant(self, node: ast.expr) -> str | None:
        if isinstance(node, ast.Name):
            nodes = (meaning.node for meaning in self._meanings(node.id))
            node = next((other for other in nodes if isinstance(other, ast.Constant)), node)
        return _text(node)

    def _uses(self, root: ast.AST) -> Iterator[tuple[str | None, str, bool]]:
        """Yield the names that code takes from the notebook, with the attributes that follow and whether later.

        A forbidden path that the code reaches by itself comes as ``(None, path, ...)``.
        """
        texts: set[str] = set()
        waiting: list[tuple[ast.AST, tuple[dict[str, str], ...], bool]] = [(root, (_comprehended(root),), False)]
        while waiting:
            node, scopes, lazy = waiting.pop()
            if isinstance(node, (ast.Name, ast.Attribute)):
                attributes: list[str] = []
                base: ast.expr = node
                while isinstance(base, ast.Attribute):
                    attributes.append(base.attr)
                    base = base.value
                after = ".".join(reversed(attributes))
                if not isinstance(base, ast.Name):
                    waiting.append((base, scopes, lazy))
                elif isinstance(base.ctx, ast.Load):
                    local = next((scope[base.id] for scope in reversed(scopes) if base.id in scope), None)
                    if local is None:
                        yield base.id, after, lazy
                    elif local and self._is_forbidden(path := ".".join(filter(None, (local, after)))):
                        yield None, path, lazy
                continue
            if isinstance(node, (ast.Call, ast.Subscript)):
                path = self._looked_up(node, scopes)
                if path is not None:
                    yield None, path, lazy
                entry = _namespace_entry(node)
                if entry is not None:
                    yield entry, "", lazy
                if isinstance(node, ast.Call) and node.args and self._path(node.func, ()) in ("exec", "eval"):
                    text = self._constant(node.args[0])
                    tree = _parsed(text) if text and text not in texts else None
                    if tree is not None:
                        texts.add(text)
                        for part in ast.walk(tree):
                            for _, imported in _imported(part):
                                if self._is_forbidden(imported):
                                    yield None, imported, lazy
                        waiting.append((tree, scopes, lazy))
            if isinstance(node, _FUNCTIONS):
                arguments = node.args
                now = [*arguments.defaults, *filter(None, arguments.kw_defaults), *getattr(node, "decorator_list", ())]
                waiting.extend((part, scopes, lazy) for part in now)
                body = node.body if isinstance(node.body, list) else [node.body]
                inner = (*scopes, _local(node))
                waiting.extend((part, inner, True) for part in reversed(body))
            elif isinstance(node, ast.ClassDef):
                imports = {n: p for part in node.body for n, p in _imported(part)}
                waiting.extend((part, (*scopes, imports), lazy) for part in ast.iter_child_nodes(node))
            elif isinstance(node, ast.AnnAssign):
                waiting.extend((part, scopes, lazy) for part in (node.target, node.value) if part is not None)
            else:
                children = [part for part in ast.iter_child_nodes(node) if not isinstance(part, ast.arg)]
                waiting.extend((part, scopes, lazy) for part in reversed(children))

    def _looked_up(self, node: ast.Call | ast.Subscript, scopes: tuple[dict[str, str], ...]) -> str | None:
        """Return the forbidden module that a call or an index looks up by its name."""
        if isinstance(node, ast.Subscript):
            texts, by_name = [node.slice], self._path(node.value, scopes).endswith("modules")
        else:
            texts = [*node.args[:1], *(keyword.value for keyword in node.keywords)]
            called = self._path(node.func, scopes).split(".")
            by_name = called[-1] in _IMPORTERS or (called[-1] in _LOOKUPS and called[-2:-1] == ["modules"])
        paths = [self._constant(part) for part in texts] if by_name else []
        return next((path for path in paths if path is not None and self._is_forbidden(path)), None)


def _parsed(text: str) -> ast.Module | None:
    """Return the syntax tree of a cell, or None where it is not Python."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for python in (str, _without_magics, _transformed):
            try:
                return ast.parse(python(text))
            except (SyntaxError, ValueError, RecursionError, MemoryError):
                continue
    return None


def _without_magics(text: str) -> str:
    """Return a cell without shell commands and magics, but with the Python that magics run."""
    first = _CELL_MAGIC.match(text)
    if first:
        text = text[first.end() :] if first["name"] in _PYTHON_MAGICS else ""
    text = _LINE_MAGIC.sub(
        lambda line: line["indent"] + (line["rest"] if line["name"] in _PYTHON_MAGICS else "pass"), text
    )
    return _ASSIGNED_MAGIC.sub("= None", text)


def _transformed(text: str) -> str:
    """Return a cell as IPython reads it."""
    if len(text) > _LONG_CELL or text.count("\n%") + text.count("\n!") + text.count("?") > _MANY_MAGICS:
        return ""
    from IPython.core.inputtransformer2 import TransformerManager

    try:
        return TransformerManager().transform_cell(text)
    except Exception as error:
        # Whatever IPython cannot read it cannot run either.
        raise SyntaxError("not a cell") from error


def _imported(node: ast.AST) -> list[tuple[str, str]]:
    """Return the names that an import statement makes, with their paths; ``*`` for all."""
    if isinstance(node, ast.Import):
        return [(part.asname, part.name) if part.asname else (part.name.split(".")[0],) * 2 for part in node.names]
    if isinstance(node, ast.ImportFrom) and node.level == 0:
        return [
            ("*", node.module) if part.name == "*" else (part.asname or part.name, f"{node.module}.{part.name}")
            for part in node.names
        ]
    return []


def _expressions(statement: ast.stmt) -> Iterator[ast.AST]:
    """Walk through what a statement evaluates by itself: not its blocks, nor bodies of functions."""
    waiting: list[ast.AST] = [statement]
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, (*_FUNCTIONS, ast.ClassDef)):
            continue
        waiting.extend(part for part in ast.iter_child_nodes(node) if not isinstance(part, ast.stmt))


def _stored(target: ast.AST) -> list[str]:
    return [part.id for part in ast.walk(target) if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)]


def _mentioned(node: ast.AST) -> set[str]:
    names = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
    entries = (_namespace_entry(part) for part in ast.walk(node) if isinstance(part, (ast.Call, ast.Subscript)))
    return names.union(filter(None, entries))


def _base(node: ast.AST) -> str | None:
    """Return the name in front of attributes and indices."""
    while isinstance(node, (ast.Attribute, ast.Subscript)):
        node = node.value
    return node.id if isinstance(node, ast.Name) else None


def _namespace_entry(node: ast.AST) -> str | None:
    """Return ``name`` of ``globals()["name"]``, ``shell.user_ns.get("name")`` and the like."""
    if isinstance(node, ast.Subscript):
        holder, key = node.value, node.slice
    elif (
        isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _LOOKUPS and node.args
    ):
        holder, key = node.func.value, node.args[0]
    else:
        return None
    if isinstance(holder, ast.Call):
        inside = isinstance(holder.func, ast.Name) and holder.func.id in _NAMESPACES
    else:
        inside = isinstance(holder, ast.Attribute) and holder.attr in _NAMESPACE_ATTRIBUTES
    return _text(key) if inside else None


def _text(node: ast.AST) -> str | None:
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


def _comprehended(root: ast.AST) -> dict[str, str]:
    """Return the names that the comprehensions of an expression bind."""
    if not isinstance(root, ast.expr):
        return {}
    loops = [loop for part in ast.walk(root) if isinstance(part, _COMPREHENSIONS) for loop in part.generators]
    return {name: "" for loop in loops for name in _stored(loop.target)}


def _local(function: ast.AST) -> dict[str, str]:
    """Return the names that are local to a function, with the path of those that it imports."""
    arguments = function.args
    local = {part.arg: "" for part in ast.walk(arguments) if isinstance(part, ast.arg)}
    outer: set[str] = set()
    waiting = list(function.body) if isinstance(function.body, list) else [function.body]
    while waiting:
        node = waiting.pop()
        if isinstance(node, (ast.Global, ast.Nonlocal)):
            outer.update(node.names)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            local.setdefault(node.name, "")
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            local.update(_imported(node))
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            local.setdefault(node.id, "")
        elif isinstance(node, (ast.ExceptHandler, ast.MatchAs, ast.MatchStar)) and node.name:
            local.setdefault(node.name, "")
        if not isinstance(node, (*_FUNCTIONS, ast.ClassDef)):
            waiting.extend(ast.iter_child_nodes(node))
    return {name: path for name, path in local.items() if name not in outer}
