"""Small changes to a function's syntax tree, one at a time: operators, comparisons, constants, indices and calls."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass

_OPERATORS = {
    ast.Add: (ast.Sub, ast.Mult),
    ast.Sub: (ast.Add,),
    ast.Mult: (ast.Div, ast.Add),
    ast.Div: (ast.Mult, ast.FloorDiv),
    ast.FloorDiv: (ast.Div, ast.Mult),
    ast.Mod: (ast.FloorDiv,),
    ast.Pow: (ast.Mult,),
    ast.MatMult: (ast.Mult,),
    ast.BitAnd: (ast.BitOr,),
    ast.BitOr: (ast.BitAnd,),
}
_COMPARISONS = {
    ast.Lt: (ast.LtE, ast.Gt),
    ast.LtE: (ast.Lt, ast.GtE),
    ast.Gt: (ast.GtE, ast.Lt),
    ast.GtE: (ast.Gt, ast.LtE),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
}
#: Names that are taken for each other, of functions and of methods.
_NAMES = {
    "max": ("min", "sum"),
    "amax": ("amin",),
    "min": ("max",),
    "maximum": ("minimum", "add"),
    "minimum": ("maximum",),
    "fmax": ("fmin",),
    "sum": ("mean", "max", "prod"),
    "mean": ("sum", "median"),
    "argmax": ("argmin",),
    "zeros": ("ones",),
    "zeros_like": ("ones_like",),
    "empty": ("ones",),
    "ones": ("zeros",),
    "ones_like": ("zeros_like",),
    "exp": ("exp2", "expm1", "sinh"),
    "log": ("log2", "log10", "log1p"),
    "tanh": ("sin", "arctan"),
    "abs": ("sign",),
    "prod": ("sum", "max"),
    "all": ("any",),
    "any": ("all",),
    "floor": ("ceil",),
    "ceil": ("floor",),
    "convolve2d": ("correlate2d",),
    "correlate2d": ("convolve2d",),
    "convolve": ("correlate",),
    "correlate": ("convolve",),
    "hstack": ("vstack",),
    "vstack": ("hstack",),
    "append": ("insert",),
    "logaddexp": ("logaddexp2",),
    "cumsum": ("cumprod",),
    "R": ("S",),
    "S": ("R",),
    "D_y": ("D_x",),
    "D_x": ("D_y",),
    "C_I": ("C_O",),
    "C_O": ("C_I",),
    "rows": ("columns",),
    "columns": ("rows",),
    "float64": ("float16", "int64"),
    "float32": ("float16", "int32"),
}
_TEXTS = {
    "same": ("full", "valid"),
    "valid": ("full", "same"),
    "full": ("same", "valid"),
    "constant": ("nearest", "mirror", "wrap"),
    "fill": ("wrap", "symm"),
    "C": ("F", "K"),
    "F": ("C",),
    "linear": ("relu", ""),
    "relu": ("linear", "Relu"),
    "sigmoid": ("softmax", "Sigmoid"),
    "softmax": ("sigmoid", "Softmax"),
}


@dataclass(frozen=True)
class Change:
    """One changed function.

    Attributes
    ----------
    where : str
        What was changed, where, and into what.
    source : str
        The text of the whole function.
    """

    where: str
    source: str


def changes(function: Callable) -> list[Change]:
    """Return a function with one change each, for every place that can be changed.

    Parameters
    ----------
    function : callable
        Written in a file.

    Returns
    -------
    list of Change
        All of them different from each other and from the function.
    """
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    text = ast.unparse(tree)
    seen, found = {text}, []
    # Each change is made in the tree itself and taken back: copies of it would take most of the time.
    for parent, name, node in list(_places(tree)):
        for other in _others(node):
            _put(parent, name, node, ast.copy_location(other, node))
            source = ast.unparse(tree)
            _put(parent, name, other, node)
            if source not in seen:
                seen.add(source)
                found.append(Change(_where(text, source), source))
    return found


def _places(tree: ast.AST) -> Iterator[tuple[ast.AST, str, ast.AST]]:
    """Yield all nodes but the first in the order of `ast.walk`, each with its parent and the field that it is in."""
    for parent in ast.walk(tree):
        for name, value in ast.iter_fields(parent):
            for node in value if isinstance(value, list) else [value]:
                if isinstance(node, ast.AST):
                    yield parent, name, node


def _where(before: str, after: str) -> str:
    """Say which line of a function became which."""
    old, new = before.splitlines(), after.splitlines()
    first = next(k for k, (one, other) in enumerate(zip([*old, None], [*new, None], strict=False)) if one != other)
    last = next(k for k, pair in enumerate(zip(old[::-1], new[::-1], strict=False)) if pair[0] != pair[1])
    cut = [" / ".join(line.strip() for line in lines[first : len(lines) - last]) for lines in (old, new)]
    return f"line {first + 1}: {cut[0]} -> {cut[1] or 'nothing'}"


def _put(parent: ast.AST, name: str, old: ast.AST, new: ast.AST) -> None:
    """Put a node in the place of another one."""
    value = getattr(parent, name)
    if isinstance(value, list):
        value[next(k for k, one in enumerate(value) if one is old)] = new
    else:
        setattr(parent, name, new)


def _others(node: ast.AST) -> Iterator[ast.AST]:
    """Yield what can stand in the place of a node."""
    if isinstance(node, ast.BinOp | ast.AugAssign):
        for operator in _OPERATORS.get(type(node.op), ()):
            yield _with(node, op=operator())
    if isinstance(node, ast.BinOp):
        yield node.left
        yield node.right
    if isinstance(node, ast.AugAssign):
        yield ast.Assign([node.target], node.value)
    if isinstance(node, ast.UnaryOp):
        yield node.operand
    if isinstance(node, ast.Compare):
        for k, operator in enumerate(node.ops):
            for other in _COMPARISONS.get(type(operator), ()):
                yield _with(node, ops=[*node.ops[:k], other(), *node.ops[k + 1 :]])
    if isinstance(node, ast.BoolOp):
        yield _with(node, op=ast.Or() if isinstance(node.op, ast.And) else ast.And())
    if isinstance(node, ast.If | ast.IfExp):
        yield _with(node, test=ast.Constant(True))
        yield _with(node, test=ast.Constant(False))
    if isinstance(node, ast.comprehension) and node.ifs:
        yield _with(node, ifs=[])
    if isinstance(node, ast.Constant):
        yield from (ast.Constant(value) for value in _constants(node.value))
    if isinstance(node, ast.Name | ast.Attribute):
        field = "id" if isinstance(node, ast.Name) else "attr"
        if isinstance(node.ctx, ast.Load):
            yield from (_with(node, **{field: name}) for name in _NAMES.get(getattr(node, field), ()))
    if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load):
        yield from _indices(node)
    if isinstance(node, ast.Slice):
        for bound in ("lower", "upper", "step"):
            if getattr(node, bound) is not None:
                yield _with(node, **{bound: None})
    if isinstance(node, ast.Call):
        yield from _calls(node)
    if isinstance(node, ast.Tuple) and isinstance(node.ctx, ast.Load) and len(node.elts) > 1:
        for k in range(len(node.elts) - 1):
            yield _with(node, elts=_exchanged(node.elts, k))
    if isinstance(node, ast.Assign | ast.Expr) and not isinstance(getattr(node, "value", None), ast.Constant):
        yield ast.Pass()


def _constants(value: object) -> Iterator[object]:
    if isinstance(value, bool):
        yield not value
    elif isinstance(value, int):
        yield from dict.fromkeys((value + 1, value - 1, -value, 0))
    elif isinstance(value, float):
        yield from (value * 1.01, value + 1, -value, 0.0)
    elif isinstance(value, str):
        yield from _TEXTS.get(value, ())


def _indices(node: ast.Subscript) -> Iterator[ast.AST]:
    if isinstance(node.slice, ast.Tuple):
        elements = node.slice.elts
        for k in range(len(elements) - 1):
            yield _with(node, slice=_with(node.slice, elts=_exchanged(elements, k)))
    elif isinstance(node.slice, ast.Slice):
        yield node.value
    elif isinstance(node.slice, ast.Name):
        for step in (ast.Add(), ast.Sub()):
            yield _with(node, slice=ast.BinOp(node.slice, step, ast.Constant(1)))


def _calls(node: ast.Call) -> Iterator[ast.AST]:
    if node.args:
        yield node.args[0]
    elif isinstance(node.func, ast.Attribute):
        yield node.func.value
    for k in range(len(node.args) - 1):
        yield _with(node, args=_exchanged(node.args, k))
    if len(node.args) > 1:
        yield _with(node, args=node.args[:-1])
    for k in range(len(node.keywords)):
        yield _with(node, keywords=[*node.keywords[:k], *node.keywords[k + 1 :]])
    if isinstance(node.func, ast.Name) and node.func.id == "range" and len(node.args) < 3:
        yield _with(node, args=[*node.args[:-1], ast.BinOp(node.args[-1], ast.Sub(), ast.Constant(1))])


def _exchanged(nodes: list, k: int) -> list:
    return [*nodes[:k], nodes[k + 1], nodes[k], *nodes[k + 2 :]]


def _with(node: ast.AST, **fields: object) -> ast.AST:
    """Return a node with other fields."""
    return type(node)(**{**dict(ast.iter_fields(node)), **fields})
