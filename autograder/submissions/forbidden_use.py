"""Whether an answer computes, or has a package compute that the lab is about: found by reading its code.

Nothing is run here. What can only be seen while a function runs, such as a module's name that is put together
from a file, is not found by reading; where the reading is not sure, it accuses nobody.
"""

from __future__ import annotations

import ast
import builtins
import posixpath
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from autograder.submissions.python_source import (
    LOOKUPS,
    MAX_SOURCE,
    MAX_WORDS,
    RUN_HERE,
    absolute,
    at_once,
    base_name,
    conditions,
    exported,
    inner_statements,
    is_main_test,
    is_mere,
    last_name,
    namespace_entry,
    parsed,
    text_of,
    unattributed,
    words,
)

#: How much may be read, in visits to a node of a syntax tree; a word takes a few. Counted instead of timed, so that a
#: submission is judged alike on every machine.
MAX_STEPS = 1_000_000
_STEPS_PER_WORD = 6
_STEPS_PER_STAR = 50_000
_MAX_DEPTH = 50
_MAX_NAME = 200
_MAX_MEANINGS = 10
_TOO_MUCH = (
    "The notebook and the modules beside it hold too much code to be read, "
    "so whether the answers compute by themselves is not known."
)

_IMPORTERS = frozenset({"import_module", "__import__", "find_spec", "find_loader", "load_module", "run_module"})
#: What a package has that computes nothing of a layer: its settings, its types, its data.
_HARMLESS = frozenset(
    {
        "DataGenerator",
        "KerasTensor",
        "Tensor",
        "__version__",
        "convert_to_numpy",
        "epsilon",
        "floatx",
        "image_data_format",
        "is_keras_tensor",
        "is_tensor",
        "load_data",
        "set_random_seed",
    }
)
#: Built-in functions that only look at what they are given.
_TESTS = frozenset({"isinstance", "issubclass", "hasattr", "callable"})

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
#: What has names of its own, and what a statement does not evaluate by itself.
_OWN_NAMES = (*_FUNCTIONS, *_COMPREHENSIONS, ast.ClassDef)
_BLOCKS = (ast.stmt, ast.excepthandler, ast.match_case, ast.Lambda)
_SAMENESS = (ast.Is, ast.IsNot, ast.Eq, ast.NotEq, ast.In, ast.NotIn)


class TooMuchSourceError(ValueError):
    """A submission has more code than is read, or code that takes too long to follow. A person must look."""


def forbidden_uses(
    cells: Iterable[str],
    functions: Iterable[str],
    forbidden: tuple[str, ...],
    files: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Name the answers that use a forbidden package instead of computing.

    What an answer uses is followed through the notebook's own functions, classes and names and through modules
    beside it, as far as another answer, which is judged by itself. A name that is defined more than once has its
    last meaning. What a notebook imports or uses elsewhere does not count, and neither do texts, comments,
    annotations, type checks and comparisons.

    Parameters
    ----------
    cells : iterable of str
        The code cells in the order in which they run. Shell commands and most magics are skipped, and so is a cell
        that is not Python. A cell ``%%writefile name.py`` is a file beside the notebook.
    functions : iterable of str
        The names of the answers.
    forbidden : tuple of str
        Top-level packages, for example ``("keras", "tensorflow")``.
    files : mapping of str to str, optional
        The text of the Python files beside the notebook by their relative names, such as ``"pkg/mod.py"``.

    Returns
    -------
    dict of str to str
        For each answer at fault one sentence that says what it uses and through which helper.

    Raises
    ------
    TooMuchSourceError
        If there are more than `MAX_SOURCE` characters or `MAX_WORDS` words (about twenty labs), or code that takes more
        than `MAX_STEPS` steps to follow. Files that nothing imports do not count.

    Examples
    --------
    >>> cells = ["import keras.ops as K", "def _sum(a, b):\\n    return K.conv(a, b)", "answer = _sum"]
    >>> forbidden_uses(cells, ["answer"], ("keras",))["answer"].split(" instead")[0]
    'answer uses keras.ops.conv (through _sum)'
    >>> helper = {"helper.py": "from keras.ops import max_pool as pool"}
    >>> forbidden_uses(["from helper import *"], ["pool"], ("keras",), helper)["pool"].split(" instead")[0]
    'pool uses keras.ops.max_pool'
    """
    reading = _Reading(frozenset(forbidden), files or {})
    for cell in cells:
        if isinstance(cell, str):
            reading.notebook.read(cell)
    reading.notebook.add_globals()
    answers = tuple(dict.fromkeys(functions))
    found = {name: reading.borrows(name, answers) for name in answers}
    return {name: _sentence(name, *use) for name, use in found.items() if use is not None}


def _sentence(answer: str, path: str, helpers: list[str]) -> str:
    named = [_short(name) for name in helpers[:3]] + ["..."] * (len(helpers) > 3)
    through = f" (through {', '.join(named)})" if named else ""
    return (
        f"{answer} uses {_short(path)}{through} instead of computing its answer, so it scores 0. "
        "Write it with NumPy or SciPy."
    )


def _short(name: str) -> str:
    return name if len(name) <= 60 else f"{name[:57]}..."


@dataclass(frozen=True, eq=False)
class _Meaning:
    """What a name stands for: a piece of code, or a path that was imported.

    ``home`` is where the names in the code are looked up, and ``before`` holds what they meant when it was run. Bodies
    of functions run later and see the last meaning. ``other`` is what the name may mean as well, for example where a
    branch sets it.
    """

    home: _Names
    node: ast.AST | None = None
    path: str = ""
    before: Mapping[str, _Meaning] = field(default_factory=dict)
    other: _Meaning | None = None

    @property
    def is_function(self) -> bool:
        return isinstance(self.node, (ast.FunctionDef, ast.AsyncFunctionDef)) and not self.node.decorator_list


class _Use(NamedTuple):
    """What code takes: a name, or a path that it reaches by itself, and the attributes that follow.

    ``lazy`` is what a function takes when it is called.
    """

    name: str
    path: str
    attributes: str
    lazy: bool


class _ClassScope(dict[str, str]):
    """Names of a class: its functions do not see them."""


#: The local names that a piece of code sees, with the path of those that are imported; the innermost last.
_Scopes = tuple[dict[str, str], ...]


class _Reading:
    """The notebook, the files beside it, and what has been read of them."""

    def __init__(self, forbidden: frozenset[str], files: Mapping[str, str]) -> None:
        self.forbidden = forbidden
        self.steps = 0
        self.depth = 0
        self.characters = 0
        self.trees: dict[str, ast.Module | None] = {}
        self.found: dict[tuple[int, int], list[_Use]] = {}
        self.files: dict[str, str] = {}
        self.modules: dict[str, str] = {}
        self.packages: set[str] = set()
        self.imported: dict[str, _Names] = {}
        self.stars: set[str] = set()
        for name, text in files.items():
            self.write(name, text)
        self.notebook = _Names(self)

    def spend(self, steps: int = 1) -> None:
        self.steps += steps
        if self.steps > MAX_STEPS:
            raise TooMuchSourceError(_TOO_MUCH)

    def walk(self, *nodes: ast.AST, stop: tuple[type[ast.AST], ...] = ()) -> Iterator[ast.AST]:
        """Walk through code, but not into nodes of some kinds; of a function there, through what runs at once."""
        waiting = list(nodes)
        while waiting:
            node = waiting.pop()
            self.spend()
            yield node
            if not isinstance(node, stop):
                waiting.extend(ast.iter_child_nodes(node))
            elif isinstance(node, _FUNCTIONS):
                waiting.extend(at_once(node))

    def tree(self, text: str) -> ast.Module | None:
        if text not in self.trees:
            self.characters += len(text)
            if self.characters > MAX_SOURCE or (count := words(text)) > MAX_WORDS:
                raise TooMuchSourceError(_TOO_MUCH)
            self.spend(_STEPS_PER_WORD * count + 1)
            self.trees[text] = parsed(text)
        return self.trees[text]

    # Modules beside the notebook.

    def write(self, name: str, text: str, append: bool = False) -> None:
        """Take over a file, as it is given or as a cell writes it."""
        name = posixpath.normpath(name.strip().strip("'\""))
        stem, dot, ending = name.rpartition(".")
        if ending != "py" or not dot or not isinstance(text, str):
            return
        self.files[name] = self.files.get(name, "") + text if append else text
        *outer, last = stem.split("/")
        if last == "__init__" and outer:
            self.packages.add(".".join(outer))
        else:
            outer.append(last)
        for length in range(1, len(outer)):
            self.modules.setdefault(".".join(outer[:length]), "")
            self.packages.add(".".join(outer[:length]))
        module = ".".join(outer)
        self.modules[module] = self.files[name]
        if module in self.imported:
            # Who writes a module again loads it again, or restarts.
            self._run(module)

    def names(self, module: str) -> _Names:
        """Return the names of a module beside the notebook, which is read when it is first asked for."""
        if module not in self.imported:
            self.imported[module] = _Names(self, module, module in self.packages)
            self._run(module)
        return self.imported[module]

    def _run(self, module: str) -> None:
        self.imported[module].read(self.modules[module])
        self.imported[module].add_globals()

    def located(self, path: str) -> tuple[_Meaning, str, str] | None:
        """Return what a path into a module beside the notebook means, its name, and the attributes left over."""
        module, *rest = path.split(".", _MAX_DEPTH)
        if module not in self.modules or len(rest) == _MAX_DEPTH:
            return None
        while rest:
            names = self.names(module).names
            inside = f"{module}.{rest[0]}"
            if rest[0] not in names and inside in self.modules:
                module, rest = inside, rest[1:]
                continue
            meaning = names.get(rest[0]) or names.get("__getattr__")
            return meaning and (meaning, inside, ".".join(rest[1:]))
        return None

    # Following an answer.

    def is_forbidden(self, path: str) -> bool:
        return path.partition(".")[0] in self.forbidden and path.rpartition(".")[2] not in _HARMLESS

    def borrows(self, answer: str, answers: tuple[str, ...]) -> tuple[str, list[str]] | None:
        """Return the forbidden path that an answer uses, and the helpers through which it does."""
        others = {self._final(name) for name in answers if name != answer} - {self._final(answer)}
        seen: set[tuple[_Meaning, str]] = set()
        # The helpers are linked from the last one back: a chain of thousands is not copied at each step.
        waiting: deque[tuple[_Meaning | None, str, tuple | None]] = deque([(self.notebook.names.get(answer), "", None)])
        while waiting:
            self.spend()
            meaning, attributes, chain = waiting.popleft()
            if meaning is None or meaning in others:
                continue
            key = (meaning, attributes if meaning.path or meaning.other else "")
            if key in seen:
                continue
            seen.add(key)
            waiting.append((meaning.other, attributes, chain))
            if meaning.path:
                path = ".".join(filter(None, (meaning.path, attributes)))
                if self.is_forbidden(path):
                    return path, _unlinked(chain)
                found = self.located(path)
                if found is not None:
                    inside, name, rest = found
                    waiting.append((inside, rest, chain if inside.path else (name, chain)))
                continue
            home = meaning.home
            for use in self.uses(meaning):
                if use.path:
                    waiting.append((_Meaning(home, path=use.path), use.attributes, chain))
                    continue
                last = home.names.get(use.name)
                then = last if use.lazy else meaning.before.get(use.name, last)
                # An earlier meaning of the answer itself is no helper, and neither is a name for a package.
                own = home is self.notebook and use.name == answer
                link = chain if own or then is None or then.path else (use.name, chain)
                waiting.append((then, use.attributes, link))
                waiting.extend((added, rest, (name, chain)) for added, name, rest in home.added_to(use))
        return None

    def _final(self, answer: str) -> _Meaning | None:
        meaning = self.notebook.names.get(answer)
        for _ in range(_MAX_DEPTH):
            found = self.located(meaning.path) if meaning is not None and meaning.path else None
            if found is None or found[2]:
                break
            meaning = found[0]
        return meaning

    def uses(self, meaning: _Meaning) -> list[_Use]:
        key = (id(meaning.node), id(meaning.home))
        if key not in self.found:
            self.found[key] = list(meaning.home.uses(meaning.node))
        self.spend(len(self.found[key]))
        return self.found[key]


def _unlinked(chain: tuple | None) -> list[str]:
    helpers = []
    while chain is not None:
        name, chain = chain
        helpers.append(name)
    return helpers[::-1]


class _Names:
    """What the names of the notebook, or of a module beside it, mean after its code has run."""

    def __init__(self, reading: _Reading, module: str = "", is_package: bool = False) -> None:
        self.reading = reading
        self.module = module
        self.package = module if is_package else module.rpartition(".")[0]
        self.names: dict[str, _Meaning] = {}
        #: Names in front of something that was put into a package or a function, such as ``np`` after ``np.k = keras``.
        self.extended: set[str] = set()
        self.trees: list[ast.Module] = []

    def read(self, text: str) -> None:
        """Read code that runs here."""
        tree = self.reading.tree(text)
        if tree is None:
            return
        if self.reading.depth >= _MAX_DEPTH:
            raise TooMuchSourceError(_TOO_MUCH)
        self.reading.depth += 1
        self.trees.append(tree)
        self._statements(tree.body)
        self.reading.depth -= 1

    def add_globals(self) -> None:
        """Add what functions assign to names that they declare global."""
        for tree in self.trees:
            for function in self.reading.walk(tree):
                if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
                    self._add_globals(function)

    def _add_globals(self, function: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        body = list(self.reading.walk(*function.body, stop=_OWN_NAMES))
        declared = {name for node in body if isinstance(node, ast.Global) for name in node.names}
        for node in body if declared else ():
            if isinstance(node, (ast.Assign, ast.AugAssign, ast.AnnAssign, ast.NamedExpr)) and node.value is not None:
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                for name in declared.intersection(name for target in targets for name in self._stored(target)):
                    self._bind(name, _Meaning(self, node.value), certain=False)
            elif isinstance(node, (ast.Import, ast.ImportFrom)):
                for name, path in self._imported(node):
                    if name in declared:
                        self._bind(name, _Meaning(self, path=path), certain=False)

    # Reading statements.

    def _bind(self, name: str, meaning: _Meaning, certain: bool) -> None:
        self.names[name] = replace(meaning, other=None if certain else self.names.get(name))

    def _value(self, node: ast.AST) -> _Meaning:
        """Return the meaning of code that runs now: what it is another name for, if it is one."""
        base, attributes = unattributed(node)
        known = self.names.get(base.id) if isinstance(base, ast.Name) else None
        if known is not None and known.path and known.other is None and base.id not in self.extended:
            return _Meaning(self, path=".".join(filter(None, (known.path, attributes))))
        path = self._looked_up(base, ()) if isinstance(base, (ast.Call, ast.Subscript)) else None
        if path is not None:
            return _Meaning(self, path=".".join(filter(None, (path, attributes))))
        return self._code(node)

    def _code(self, node: ast.AST) -> _Meaning:
        return _Meaning(self, node, before={name: self.names[name] for name in self._mentioned(node)})

    def _mentioned(self, node: ast.AST) -> set[str]:
        """Return the known names that code takes when it runs, which is not what functions in it take."""
        names: set[str | None] = set()
        for part in self.reading.walk(node, stop=_FUNCTIONS):
            if isinstance(part, ast.Name):
                names.add(part.id)
            elif isinstance(part, (ast.Call, ast.Subscript)):
                names.add(namespace_entry(part))
        return {name for name in names if name in self.names}

    def _statements(self, body: list[ast.stmt]) -> None:
        waiting = [(statement, True) for statement in reversed(body)]
        while waiting:
            node, certain = waiting.pop()
            if self.module and isinstance(node, ast.If) and is_main_test(node.test):
                continue
            self._statement(node, certain)
            if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                inside = certain and isinstance(node, (ast.With, ast.AsyncWith))
                waiting.extend((part, inside) for part in reversed(inner_statements(node)))

    def _statement(self, node: ast.stmt, certain: bool) -> None:
        # What the statement evaluates by itself, which is not what stands in its blocks.
        for part in self.reading.walk(*ast.iter_child_nodes(node), stop=_BLOCKS):
            if isinstance(part, ast.NamedExpr):
                self._bind(part.target.id, self._value(part.value), certain=False)
        match node:
            case ast.Import() | ast.ImportFrom():
                self._import(node, certain)
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                self._bind(node.name, self._value(node), certain)
            case ast.Assign():
                for target in node.targets:
                    self._assign(target, node.value, certain)
            case ast.AnnAssign() | ast.AugAssign() if node.value is not None:
                self._assign(node.target, node.value, certain and isinstance(node, ast.AnnAssign))
            case ast.Delete() if certain:
                for target in node.targets:
                    if isinstance(target, ast.Name):
                        self.names.pop(target.id, None)
            case ast.For() | ast.AsyncFor():
                self._assign(node.target, node.iter, False)
            case ast.With() | ast.AsyncWith():
                for item in node.items:
                    if item.optional_vars is not None:
                        self._assign(item.optional_vars, item.context_expr, certain)
            case ast.Expr(value=ast.Call() as call):
                self._called(call)

    def _import(self, node: ast.Import | ast.ImportFrom, certain: bool) -> None:
        for name, path in self._imported(node):
            self._load(path)
            if name != "*":
                self._bind(name, _Meaning(self, path=path), certain)
                continue
            for name, origin in self._starred(path).items():
                known = self.names.get(name)
                forbidden = self.reading.is_forbidden(origin)
                # Who takes `max` or `zeros` from a star may well think of Python's or NumPy's.
                if forbidden and (hasattr(builtins, name) or (known and known.path and not self._is_suspect(known))):
                    continue
                self._bind(name, _Meaning(self, path=origin), certain)

    def _is_suspect(self, meaning: _Meaning) -> bool:
        top = meaning.path.partition(".")[0]
        return top in self.reading.forbidden or top in self.reading.modules

    def _load(self, path: str) -> None:
        """Read the modules beside the notebook that an import runs."""
        modules = self.reading.modules
        parts = path.split(".", _MAX_DEPTH)
        for length in range(1, len(parts) + 1):
            if (module := ".".join(parts[:length])) not in modules:
                break
            self.reading.names(module)

    def _starred(self, module: str) -> Mapping[str, str]:
        """Return the names that a star import brings, with their paths."""
        if module in self.reading.modules:
            inside = self.reading.names(module)
            listed = inside.names.get("__all__")
            public = {name for name in inside.names if not name.startswith("_") and "." not in name}
            if listed is not None and isinstance(listed.node, (ast.List, ast.Tuple)):
                public = {text_of(part) for part in listed.node.elts} & set(inside.names)
            found: Mapping[str, str] = {name: f"{module}.{name}" for name in public}
        else:
            self.reading.spend(0 if module in self.reading.stars else _STEPS_PER_STAR)
            self.reading.stars.add(module)
            # TensorFlow's Keras is Keras, made a part of TensorFlow when it is first used.
            found = exported(module.removeprefix("tensorflow.") if module.startswith("tensorflow.keras") else module)
        self.reading.spend(len(found))
        return found

    def _imported(self, node: ast.AST) -> list[tuple[str, str]]:
        """Return the names that an import statement makes, with their paths; ``*`` for all."""
        if isinstance(node, ast.Import):
            return [(part.asname, part.name) if part.asname else (part.name.split(".")[0],) * 2 for part in node.names]
        if isinstance(node, ast.ImportFrom):
            origin = absolute(node, self.package)
            return [
                ("*", origin) if part.name == "*" else (part.asname or part.name, f"{origin}.{part.name}")
                for part in node.names
            ]
        return []

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
        if isinstance(target, ast.Name) or namespace_entry(target) is not None:
            meaning = self._value(value)
        else:
            meaning = self._code(value)
        waiting: list[ast.expr] = [target]
        while waiting:
            part = waiting.pop()
            self.reading.spend()
            entry = namespace_entry(part)
            if entry is not None:
                self._bind(entry, meaning, certain=False)
            elif isinstance(part, ast.Name):
                self._bind(part.id, meaning, certain)
            elif isinstance(part, (ast.Tuple, ast.List)):
                waiting.extend(part.elts)
            elif isinstance(part, ast.Starred):
                waiting.append(part.value)
            else:
                self._put(part, value, meaning)

    def _put(self, place: ast.expr, value: ast.expr, meaning: _Meaning) -> None:
        """Put something into an object, which then is what the object means too, or into a package or a function."""
        name = base_name(place)
        if name is None:
            return
        known = self.names.get(name)
        base, attributes = unattributed(place)
        if known is None or not (known.path or known.is_function):
            self._bind(name, meaning, certain=False)
        elif isinstance(base, ast.Name):
            self.extended.add(name)
            self._bind(f"{name}.{attributes}", self._value(value), certain=False)

    def added_to(self, use: _Use) -> Iterator[tuple[_Meaning, str, str]]:
        """Yield what was put into a package or a function at the place that code uses, its name, and what is left."""
        if use.name not in self.extended:
            return
        parts = use.attributes.split(".", _MAX_DEPTH)
        for length in range(1, len(parts) + 1):
            self.reading.spend()
            name = ".".join([use.name, *parts[:length]])
            if name in self.names:
                yield self.names[name], name, ".".join(parts[length:])

    def _called(self, call: ast.Call) -> None:
        """Read a call that stands alone, for what it runs and what it puts where."""
        function, texts = call.func, [text_of(argument) for argument in call.args]
        match last_name(function), texts:
            case "run_cell_magic", [name, str(), str(body)] if name in RUN_HERE:
                self.read(body)
            case "run_cell_magic", ["writefile" | "file", str(line), str(body)]:
                *options, name = line.split() or [""]
                self.reading.write(name, body, append="-a" in options or "--append" in options)
            case "run_line_magic", ["time", str(line), *_]:
                self.read(line)
            case "run_line_magic", ["run", str(line), *_]:
                for word in line.split():
                    self._run_file(word)
            case "run_cell" | "ex", [str(text), *_]:
                self.read(text)
            case "exec", [_, *_] if isinstance(function, ast.Name):
                for text in self._executed(call, ()):
                    self.read(text)
            case "setattr", [_, name, _]:
                if name is None:
                    self._added(base_name(call.args[0]), call)
                else:
                    place = ast.Attribute(call.args[0], name, ast.Store())
                    self._assign(place, call.args[2], certain=False)
            case _, _ if isinstance(function, ast.Attribute):
                self._added(base_name(function), call)

    def _run_file(self, name: str) -> None:
        files = self.reading.files
        name = posixpath.normpath(name.strip("'\""))
        text = files.get(name, files.get(f"{name}.py"))
        if text is not None:
            self.read(text)

    def _added(self, name: str | None, call: ast.Call) -> None:
        # A package is not changed by what it is called with: np.testing.assert_allclose(mine, theirs).
        known = self.names.get(name) if name is not None else None
        if known is not None and not known.path and not known.is_function:
            self._bind(name, self._code(call), certain=False)

    # What a piece of code uses.

    def uses(self, root: ast.AST) -> Iterator[_Use]:
        """Yield the names that code takes from here, and the paths that it reaches by itself."""
        texts: set[str] = set()
        waiting: list[tuple[ast.AST, _Scopes, bool]] = [(root, (), False)]
        while waiting:
            node, scopes, lazy = waiting.pop()
            self.reading.spend(1 + len(scopes))
            if isinstance(node, (ast.Name, ast.Attribute, ast.Call, ast.Subscript)):
                base, attributes = unattributed(node)
                yield from self._taken(base, attributes, scopes, lazy)
                if isinstance(base, ast.Name):
                    continue
                for text in self._executed(base, scopes):
                    tree = self.reading.tree(text) if text not in texts else None
                    texts.add(text)
                    if tree is not None:
                        imports = [path for part in self.reading.walk(tree) for _, path in self._imported(part)]
                        yield from (_Use("", path, "", lazy) for path in imports)
                        waiting.append((tree, scopes, lazy))
                node = base
            if isinstance(node, _FUNCTIONS):
                waiting.extend((part, scopes, lazy) for part in at_once(node))
                body = node.body if isinstance(node.body, list) else [node.body]
                inner = (*(scope for scope in scopes if not isinstance(scope, _ClassScope)), self._local(node))
                waiting.extend((part, inner, True) for part in reversed(body))
            elif isinstance(node, ast.ClassDef):
                inner = (*scopes, _ClassScope(self._bound(node.body)))
                outside = (*node.decorator_list, *node.bases, *node.keywords)
                waiting.extend((part, scopes, lazy) for part in outside)
                waiting.extend((part, inner, lazy) for part in reversed(node.body))
            elif isinstance(node, _COMPREHENSIONS):
                first, *_ = loops = node.generators
                inner = (*scopes, {name: "" for loop in loops for name in self._stored(loop.target)})
                parts = [part for part in ast.iter_child_nodes(node) if not isinstance(part, ast.comprehension)]
                parts += [part for loop in loops for part in (loop.iter, *loop.ifs) if part is not first.iter]
                waiting.append((first.iter, scopes, lazy))
                waiting.extend((part, inner, lazy) for part in parts)
            else:
                waiting.extend((part, scopes, lazy) for part in reversed(self._computing(node, scopes)))

    def _taken(self, base: ast.expr, attributes: str, scopes: _Scopes, lazy: bool) -> Iterator[_Use]:
        if isinstance(base, ast.Name) and isinstance(base.ctx, ast.Load):
            local = _scoped(base.id, scopes)
            if local is None:
                yield _Use(base.id, "", attributes, lazy)
            elif local:
                yield _Use("", local, attributes, lazy)
        elif isinstance(base, (ast.Call, ast.Subscript)):
            entry, path = namespace_entry(base), self._looked_up(base, scopes)
            if entry is not None:
                yield _Use(entry, "", attributes, lazy)
            if path is not None:
                yield _Use("", path, attributes, lazy)

    def _looked_up(self, node: ast.Call | ast.Subscript, scopes: _Scopes) -> str | None:
        """Return the path of what a call or an index looks up by its name."""
        if isinstance(node, ast.Subscript):
            return self._constant(node.slice, scopes) if self._path(node.value, scopes) == "sys.modules" else None
        texts = [*node.args[:2], *(keyword.value for keyword in node.keywords)]
        holder, _, called = self._path(node.func, scopes).rpartition(".")
        if not texts:
            return None
        if called in _IMPORTERS or (called in LOOKUPS and holder == "sys.modules"):
            name, *others = (self._constant(part, scopes) for part in texts)
            return f"{others[0]}{name}" if name and name.startswith(".") and any(others) else name
        if called == "getattr" and len(texts) == 2:
            outer, name = self._path(texts[0], scopes), self._constant(texts[1], scopes)
            return f"{outer}.{name}" if name and outer.partition(".")[0] in self.reading.modules else None
        return None

    def _executed(self, node: ast.expr, scopes: _Scopes) -> list[str]:
        """Return the texts that a call of ``exec`` or ``eval`` runs, also when they stand in a file that it names."""
        if not isinstance(node, ast.Call) or self._path(node.func, scopes) not in ("exec", "eval") or not node.args:
            return []
        text = self._constant(node.args[0], scopes, limit=MAX_SOURCE)
        if text is not None:
            return [text]
        parts = (part.value for part in self.reading.walk(node.args[0]) if isinstance(part, ast.Constant))
        return [self.reading.files[part] for part in parts if isinstance(part, str) and part in self.reading.files]

    def _path(self, node: ast.expr, scopes: _Scopes) -> str:
        """Return the dotted path of a name with attributes, as far as imports tell; ``""`` for anything else."""
        base, attributes = unattributed(node)
        if not isinstance(base, ast.Name):
            return attributes
        start = _scoped(base.id, scopes)
        if start == "":
            return ""
        if start is None:
            start = next((meaning.path for meaning in self._meanings(base.id) if meaning.path), base.id)
        return ".".join(filter(None, (start, attributes)))

    def _meanings(self, name: str) -> Iterator[_Meaning]:
        """Yield the last few meanings of a name."""
        meaning = self.names.get(name)
        for _ in range(_MAX_MEANINGS):
            if meaning is None:
                return
            yield meaning
            meaning = meaning.other

    def _constant(self, node: ast.expr, scopes: _Scopes, limit: int = _MAX_NAME) -> str | None:
        """Return the text that constants make, also through a name."""
        if isinstance(node, ast.Name) and _scoped(node.id, scopes) is None:
            nodes = (meaning.node for meaning in self._meanings(node.id))
            node = next((other for other in nodes if isinstance(other, ast.Constant)), node)
        text = text_of(node)
        return text if text is not None and len(text) <= limit else None

    def _computing(self, node: ast.AST, scopes: _Scopes) -> list[ast.AST]:
        """Return the parts of a piece of code without names that are only compared, tested or written beside."""
        parts = list(ast.iter_child_nodes(node))
        looked_at: list[ast.AST] = []
        match node:
            case ast.Compare() if all(isinstance(operator, _SAMENESS) for operator in node.ops):
                looked_at = parts
            case ast.Call(func=ast.Name(id=name)) if name in _TESTS and name not in self.names:
                looked_at = parts if _scoped(name, scopes) is None else []
            case ast.If() | ast.While() | ast.IfExp() | ast.Assert():
                looked_at = conditions(node.test)
                parts = [*looked_at, *(part for part in parts if part is not node.test)]
            case ast.UnaryOp(op=ast.Not()):
                looked_at = [node.operand]
            case ast.ExceptHandler():
                looked_at = [node.type]
            case ast.AnnAssign():
                parts = [node.target, *filter(None, [node.value])]
        mere = {id(part) for part in looked_at if part is not None and is_mere(part)}
        return [part for part in parts if id(part) not in mere and not isinstance(part, ast.arg)]

    # Names that are local.

    def _bound(self, body: list[ast.AST]) -> dict[str, str]:
        """Return the names that code binds, with the path of those that it imports."""
        bound: dict[str, str] = {}
        outer: set[str] = set()
        for node in self.reading.walk(*body, stop=_OWN_NAMES):
            match node:
                case ast.Global() | ast.Nonlocal():
                    outer.update(node.names)
                case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                    bound.setdefault(node.name, "")
                case ast.Import() | ast.ImportFrom():
                    bound.update(self._imported(node))
                case ast.Name(ctx=ast.Store()):
                    bound.setdefault(node.id, "")
                case ast.ExceptHandler() | ast.MatchAs() | ast.MatchStar() if node.name:
                    bound.setdefault(node.name, "")
                case ast.MatchMapping() if node.rest:
                    bound.setdefault(node.rest, "")
        return {name: path for name, path in bound.items() if name not in outer}

    def _local(self, function: ast.AST) -> dict[str, str]:
        """Return the names that are local to a function."""
        given = {part.arg: "" for part in ast.iter_child_nodes(function.args) if isinstance(part, ast.arg)}
        return given | self._bound(function.body if isinstance(function.body, list) else [function.body])

    def _stored(self, target: ast.AST) -> list[str]:
        parts = self.reading.walk(target)
        return [part.id for part in parts if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)]


def _scoped(name: str, scopes: _Scopes) -> str | None:
    """Return the path of a local name, ``""`` where it has none, and None where the name is not local."""
    return next((scope[name] for scope in reversed(scopes) if name in scope), None)
