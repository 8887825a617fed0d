"""Which names a cell makes and which it looks up, read without running it."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping, Set

Function = ast.FunctionDef | ast.AsyncFunctionDef

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_TRIES = (ast.Try, ast.TryStar)
#: Statements that look names up before they bind any.
_SIMPLE = (ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Expr, ast.Assert, ast.Delete, ast.Return)


def made_by(statements: Iterable[ast.AST]) -> set[str]:
    """Return the names that statements bind where they run, and not inside of functions, classes or comprehensions.

    Examples
    --------
    >>> sorted(made_by(ast.parse("import a.b\\nfor i in x:\\n    y, *z = [k for k in i]\\ndef f(): w = 1").body))
    ['a', 'f', 'i', 'y', 'z']
    """
    names: set[str] = set()
    waiting = list(statements)
    while waiting:
        node = waiting.pop()
        if isinstance(node, (*_FUNCTIONS, ast.ClassDef)):
            names.add(node.name)
            continue
        if isinstance(node, (ast.Lambda, *_COMPREHENSIONS)):
            continue
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.alias):
            names.add(node.asname or node.name.partition(".")[0])
        elif isinstance(node, (ast.MatchAs, ast.MatchStar)) and node.name:
            names.add(node.name)
        waiting.extend(ast.iter_child_nodes(node))
    return names


def looked_up(
    statements: Iterable[ast.AST],
    functions: Mapping[str, Function],
    surely: bool,
    seen: set[str] | None = None,
) -> set[str]:
    """Return the names that are looked up when statements run, also by the functions that they call.

    Parameters
    ----------
    statements : iterable of ast.AST
    functions : mapping of str to ast.FunctionDef
        The notebook's own functions, by name.
    surely : bool
        Only what is looked up in any case: nothing after a condition, and nothing where an error is caught.
    seen : set of str, optional
        Functions that are not entered again; those that are entered are added.

    Examples
    --------
    >>> cell = ast.parse("a = [b * k for k in c]\\nif d:\\n    e()").body
    >>> sorted(looked_up(cell, {}, surely=True)), sorted(looked_up(cell, {}, surely=False))
    (['c', 'd'], ['b', 'c', 'd', 'e'])
    """
    found: set[str] = set()
    inside: set[str] = set()
    seen = set() if seen is None else seen
    waiting = list(statements)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Name):
            if not isinstance(node.ctx, ast.Store):
                found.add(node.id)
            continue
        if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
            found.add(node.target.id)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in functions.keys() - seen:
            seen.add(node.func.id)
            found |= _looked_up_in(functions[node.func.id], functions, surely, seen)
        if isinstance(node, ast.ClassDef):
            inside |= made_by(node.body)
        elif isinstance(node, _COMPREHENSIONS):
            inside |= made_by(part.target for part in node.generators)
        waiting.extend(_evaluated(node, surely))
    return found - inside


def _evaluated(node: ast.AST, surely: bool) -> list[ast.AST]:
    """Return the parts of a node that are evaluated with it."""
    if isinstance(node, ast.Lambda):
        return _defaults(node.args)
    if isinstance(node, _FUNCTIONS):
        every = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs, node.args.vararg, node.args.kwarg]
        notes = [one.annotation for one in every if one is not None] + [node.returns]
        return [*node.decorator_list, *_defaults(node.args), *filter(None, notes)]
    if surely:
        if isinstance(node, (ast.If, ast.IfExp, ast.Assert)):
            return [node.test]
        if isinstance(node, ast.BoolOp):
            return node.values[:1]
        if isinstance(node, _TRIES):
            return [*([] if node.handlers else node.body), *node.finalbody]
        if isinstance(node, ast.Match):
            return [node.subject]
        if isinstance(node, _COMPREHENSIONS):
            return [node.generators[0].iter]
        if isinstance(node, ast.While):
            return [node.test]
    return list(ast.iter_child_nodes(node))


def _defaults(arguments: ast.arguments) -> list[ast.AST]:
    return [*arguments.defaults, *filter(None, arguments.kw_defaults)]


def _looked_up_in(function: Function, functions: Mapping[str, Function], surely: bool, seen: set[str]) -> set[str]:
    """Return the names of the notebook that a call of a function looks up."""
    body = function.body
    if surely:
        # What stands behind a condition that returns may never run.
        ends = [any(isinstance(part, (ast.Return, ast.Raise)) for part in ast.walk(one)) for one in body]
        body = body[: ends.index(True) + 1] if True in ends else body
    every = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
    own = {one.arg for one in (*every, function.args.vararg, function.args.kwarg) if one is not None}
    shared = {name for part in ast.walk(function) if isinstance(part, ast.Global) for name in part.names}
    return looked_up(body, functions, surely, seen) - ((own | made_by(function.body)) - shared)


def lacking(statement: ast.stmt, absent: Set[str], functions: Mapping[str, Function]) -> set[str]:
    """Return the absent names without which a statement surely stops.

    Parameters
    ----------
    statement : ast.stmt
    absent : set of str
    functions : mapping of str to ast.FunctionDef
        The notebook's own functions, by name.
    """
    found = looked_up([statement], functions, surely=True) & absent
    return found if isinstance(statement, _SIMPLE) else found - made_by([statement])


def changed_by(statements: Iterable[ast.stmt]) -> set[str]:
    """Return the names whose values statements change in place: items, attributes, and methods called for that alone.

    Examples
    --------
    >>> sorted(changed_by(ast.parse("a['k'] = 1\\nb.c = 2\\nd.e.append(3)\\nf = g.h()\\ni += 1").body))
    ['a', 'b', 'd', 'i']
    """
    names: set[str] = set()
    for statement in statements:
        for node in ast.walk(statement):
            if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
                names.add(node.target.id)
            elif isinstance(node, (ast.Subscript, ast.Attribute)) and not isinstance(node.ctx, ast.Load):
                names |= _root(node)
            elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
                names |= _root(node.value.func) if isinstance(node.value.func, ast.Attribute) else set()
    return names


def _root(node: ast.expr) -> set[str]:
    while isinstance(node, (ast.Subscript, ast.Attribute)):
        node = node.value
    return {node.id} if isinstance(node, ast.Name) else set()
