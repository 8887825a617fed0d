"""Generated slips: each formula of the lab with one step of it done in another way.

``python -m tests.labs.lab0.slips`` prints how often a slip is paid all the same.

Whoever makes a slip gives other numbers, but not for every exercise: rounding up changes nothing where nothing is left
over. A slip is *paid by chance* where it keeps a line that it loses for somebody else. One that loses nothing for
anybody is no slip: it is another way to write the formula, and `SAME` says why.
"""

from __future__ import annotations

import ast
import collections
import copy
import functools
import sys
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from autograder.labs.lab0 import checks
from autograder.labs.lab0.checks import PARTS, Part
from source_lib import exercises
from source_lib.exercises import Exercise

#: The formulas, as somebody writes them down who does everything by hand. ``e`` is the exercise.
FORMULAS = {
    "my_convolution": """
        def answer(e):
            return [[pixel(e.image, e.kernel, i, j) for j in range(5)] for i in range(3)]

        def pixel(image, kernel, i, j):
            total = 0
            for m in range(3):
                for n in range(3):
                    row = i + m - 1
                    column = j + n - 1
                    if 0 <= row and row < 3 and 0 <= column and column < 5:
                        total = total + image[row][column] * kernel[m][n]
            return total
        """,
    "my_true_convolution": """
        def answer(e):
            return [pixel(e.image, e.kernel, j) for j in range(5)]

        def pixel(image, kernel, j):
            total = 0
            for m in range(3):
                for n in range(3):
                    column = j + n - 1
                    if 0 <= column and column < 5:
                        total = total + image[m][column] * kernel[2 - m][2 - n]
            return total
        """,
    "my_padding": """
        def answer(e):
            rows, columns = e.padded_kernel
            return [side(k) for k in [rows, columns]]

        def side(k):
            return (k - 1) // 2
        """,
    "my_kernel_size": """
        def answer(e):
            rows, columns = e.image_size
            map_rows, map_columns = e.map_size
            return [side(n, m) for n, m in [[rows, map_rows], [columns, map_columns]]]

        def side(n, m):
            return n - m + 1
        """,
    "my_pooled_size": """
        def answer(e):
            rows, columns = e.map_size
            return [side(n, e.pool) for n in [rows, columns]]

        def side(n, pool):
            return (n - pool) // pool + 1
        """,
    "my_second_layer": """
        def answer(e):
            rows, columns = e.map_size
            pool, k, s, p = e.pool, e.second_kernel, e.second_stride, e.second_padding
            first, second = e.maps
            return [*[side(n // pool, k, s, p) for n in [rows, columns]], second]

        def side(n, k, s, p):
            return (n + 2 * p - k) // s + 1
        """,
    "my_parameters": """
        def answer(e):
            side = e.input_size // 2 // 2 // 2
            first, second, third = e.filters
            k1, k2, k3 = e.kernels
            hidden, classes = e.hidden, e.classes
            one = convolution(k1, 3, first)
            two = convolution(k2, first, second)
            three = convolution(k3, second, third)
            four = dense(side * side * third, hidden)
            five = dense(hidden, classes)
            return [one, two, three, four, five, one + two + three + four + five]

        def convolution(k, given, filters):
            return (k * k * given + 1) * filters

        def dense(inputs, outputs):
            return (inputs + 1) * outputs
        """,
    "my_receptive_fields": """
        def answer(e):
            field = 1
            jump = 1
            found = []
            for kind, size, stride in e.layers:
                field = field + jump * (size - 1)
                jump = jump * stride
                found.append(field)
            return found
        """,
    "my_poolings": """
        def answer(e):
            return [pooled(e.matrix, max), pooled(e.matrix, mean), pooled(e.matrix, sum)]

        def pooled(matrix, of):
            return [[of(window(matrix, 2 * i, 2 * j)) for j in range(3)] for i in range(2)]

        def window(matrix, row, column):
            return [
                matrix[row][column],
                matrix[row][column + 1],
                matrix[row + 1][column],
                matrix[row + 1][column + 1],
            ]

        def mean(numbers):
            return sum(numbers) / 4
        """,
    "my_global_average": """
        def answer(e):
            return [mean(one) for one in e.feature_maps]

        def mean(one):
            rows = 2
            columns = 5
            return sum(sum(row) for row in one) / (rows * columns)
        """,
}
#: Other ways to write a formula, by the reason why they give the same numbers for everybody: what became of a line.
SAME = {
    "A kernel's side is odd: less one it is even, and with one more half of it is the same.": (
        *("return up(k - 1, 2)", "return k * 1 // 2", "return k // 1 // 2", "return k // 2"),
        *("return (k + 1 - 1) // 2", "return (k - 0) // 2", "return [side(k + 1) for k in [rows, columns]]"),
        *("return [side(k) for k in [rows + 1, columns]]", "return [side(k) for k in [rows, columns + 1]]"),
    ),
    "The last window is never full, so one pixel less changes nothing; that it is not full shows who rounds up.": (
        "return [side(n - 1, e.pool) for n in [rows, columns]]",
        "return [side(n, e.pool) for n in [rows - 1, columns]]",
        "return [side(n, e.pool) for n in [rows, columns - 1]]",
        "return (n - 1 - pool) // pool + 1",
        "return (n - (pool + 1)) // pool + 1",
        "return [*[side((n - 1) // pool, k, s, p) for n in [rows, columns]], second]",
        "return [*[side(n // pool, k, s, p) for n in [rows - 1, columns]], second]",
        "return [*[side(n // pool, k, s, p) for n in [rows, columns - 1]], second]",
    ),
    "The image halves three times without remainder.": (
        "side = up(e.input_size // 2 // 2, 2)",
        "side = up(e.input_size // 2, 2) // 2",
        "side = up(e.input_size, 2) // 2 // 2",
    ),
    "The order of the numbers in a window does not matter.": tuple(
        f"return [{', '.join(f'matrix[{row}][{column}]' for row, column in order)}]"
        for order in (
            (("row", "column + 1"), ("row", "column"), ("row + 1", "column"), ("row + 1", "column + 1")),
            (("row", "column"), ("row + 1", "column"), ("row", "column + 1"), ("row + 1", "column + 1")),
            (("row", "column"), ("row", "column + 1"), ("row + 1", "column + 1"), ("row + 1", "column")),
        )
    ),
}
#: Slips that are right for some: on one side alone the stride drops what is too much there. On that side one pixel less
#: shows, on the other one pixel more; a slip on both sides always shows.
ON_ONE_SIDE = (
    "return [*[side(n // pool, k, s, p) for n in [rows + 1, columns]], second]",
    "return [*[side(n // pool, k, s, p) for n in [rows, columns + 1]], second]",
)


def up(left, right):
    return -(-left // right)


@dataclass(frozen=True)
class Slip:
    """A formula with one change.

    Attributes
    ----------
    function : str
    before, after : str
        The line of the formula that it changes.
    answer : callable
        Takes an exercise.
    """

    function: str
    before: str
    after: str
    answer: Callable[[Exercise], object]


@functools.cache
def slips(function: str) -> list[Slip]:
    """Return a formula with each change of one operator, constant, comparison, name or call."""
    return list(_slips(function))


def _slips(function: str) -> Iterator[Slip]:
    tree = ast.parse(textwrap.dedent(FORMULAS[function]))
    seen = {ast.unparse(tree)}
    for position, node in enumerate(ast.walk(tree)):
        for change in _changes(node, tree):
            changed = copy.deepcopy(tree)
            here = list(ast.walk(changed))[position]
            if isinstance(change, ast.AST):
                changed = _Put(here, change).visit(changed)
            else:
                change(here)
            ast.fix_missing_locations(changed)
            text = ast.unparse(changed)
            if text not in seen:
                seen.add(text)
                yield Slip(function, *_difference(ast.unparse(tree), text), _compiled(text))


def _compiled(text: str) -> Callable[[Exercise], object]:
    names = {"up": up}
    exec(compile(text, "a slip", "exec"), names)
    return names["answer"]


def _difference(before: str, after: str) -> tuple[str, str]:
    pairs = zip(before.split("\n"), after.split("\n"), strict=True)
    ((one, other),) = (pair for pair in pairs if len(set(pair)) > 1)
    return one.strip(), other.strip()


class _Put(ast.NodeTransformer):
    def __init__(self, old: ast.AST, new: ast.AST) -> None:
        self.old, self.new = old, new

    def visit(self, node: ast.AST) -> ast.AST:
        return self.new if node is self.old else self.generic_visit(node)


_OPERATORS = (ast.Add, ast.Sub, ast.Mult, ast.FloorDiv)


def _changes(node: ast.AST, tree: ast.Module) -> Iterator[ast.AST | Callable[[ast.AST], None]]:
    """Yield what may become of a node: another node, or what is done to it."""
    if isinstance(node, ast.Constant) and type(node.value) is int:
        for value in (node.value - 1, node.value + 1):
            yield ast.Constant(value)
    if isinstance(node, ast.BinOp):
        for operator in _OPERATORS:
            if not isinstance(node.op, operator):
                yield ast.BinOp(node.left, operator(), node.right)
        if isinstance(node.op, (ast.FloorDiv, ast.Div)):
            yield ast.Call(ast.Name("up", ast.Load()), [node.left, node.right], [])
        yield node.left
        yield node.right
        if not isinstance(node.op, (ast.Add, ast.Mult)):
            yield ast.BinOp(node.right, node.op, node.left)
    if isinstance(node, ast.Compare):
        (operator,) = node.ops
        other = {ast.Lt: ast.LtE, ast.LtE: ast.Lt}[type(operator)]
        yield ast.Compare(node.left, [other()], node.comparators)
        yield ast.Constant(True)
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
        for name in sorted(_numbers_named(node, tree) - {node.id}):
            yield ast.Name(name, ast.Load())
        if node.id in _numbers_named(node, tree):
            for operator in (ast.Add, ast.Sub):
                yield ast.BinOp(ast.Name(node.id, ast.Load()), operator(), ast.Constant(1))
        for name in {"max": ("min", "sum", "mean"), "sum": ("max", "mean"), "mean": ("max", "sum")}.get(node.id, ()):
            if name in {one.name for one in tree.body} | {"min", "max", "sum"}:
                yield ast.Name(name, ast.Load())
    if isinstance(node, (ast.Call, ast.List)):
        parts = node.args if isinstance(node, ast.Call) else node.elts
        for k in range(len(parts) - 1):
            yield functools.partial(_exchange, "args" if isinstance(node, ast.Call) else "elts", k)


def _exchange(field: str, k: int, node: ast.AST) -> None:
    parts = getattr(node, field)
    parts[k], parts[k + 1] = parts[k + 1], parts[k]


def _numbers_named(node: ast.AST, tree: ast.Module) -> set[str]:
    """Return the names of numbers in the function that a node stands in."""
    (inside,) = (one for one in tree.body if any(part is node for part in ast.walk(one)))
    named = {part.id for part in ast.walk(inside) if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)}
    named |= {argument.arg for argument in inside.args.args}
    return named - {"e", "image", "kernel", "matrix", "of", "row_", "kind", "found", "numbers", "total"}


def lost_lines(part: Part, given: Exercise, answer: object) -> frozenset[str]:
    """Return the lines that an answer loses where the others are right."""
    answers = {"my_pooled_size": _right("my_pooled_size", given)}
    try:
        answers[part.function] = checks._understood(part, _listed(answer))
    except checks._FormError:
        return frozenset(part.lines)
    return frozenset(part.lines) - checks._fitting(part, given, answers)


@functools.cache
def _right(function: str, given: Exercise) -> np.ndarray:
    (part,) = (part for part in PARTS if part.function == function)
    return checks._right(part, given)


def _listed(answer: object) -> object:
    return answer if isinstance(answer, list) else np.asarray(answer, dtype=float).tolist()


def answered(slip: Slip, given: Exercise) -> object:
    """Return what somebody answers who makes the slip; None where nothing comes out of it."""
    try:
        return slip.answer(given)
    except Exception:
        return None


@dataclass(frozen=True)
class Measured:
    """What a slip lost: the lines for each of some exercises."""

    slip: Slip
    lost: tuple[frozenset[str], ...]

    @property
    def kept(self) -> dict[str, int]:
        """How often each line that it usually loses was kept."""
        count = collections.Counter(line for lost in self.lost for line in lost)
        return {line: len(self.lost) - n for line, n in sorted(count.items()) if 2 * n > len(self.lost)}

    @property
    def paid(self) -> int:
        """For how many nothing was lost."""
        return sum(not lost for lost in self.lost)


def measured(function: str, given: list[Exercise]) -> list[Measured]:
    """Return what each slip of a function loses for each of some exercises."""
    (part,) = (part for part in PARTS if part.function == function)
    part = replace(part, right=functools.partial(_right, function))
    return [
        Measured(slip, tuple(lost_lines(part, one, answered(slip, one)) for one in given)) for slip in slips(function)
    ]


def main(count: int = 200, draw: str = "graded") -> None:
    drawn = {"graded": lambda k: exercises.draw(f"student{k}"), "practice": exercises.draw_practice}[draw]
    given = list(map(drawn, range(count)))
    print(f"{count} exercises, {draw}")
    print(f"{'function':22} {'slips':>5} {'same':>5} {'paid in full by chance':>23} {'a line by chance':>17}")
    details = []
    for function in FORMULAS:
        found = measured(function, given)
        wrong = [one for one in found if one.paid < count]
        full = sum(one.paid for one in wrong) / (len(wrong) * count)
        lines = [kept for one in wrong for kept in one.kept.values()]
        print(
            f"{function:22} {len(found):5} {len(found) - len(wrong):5} {100 * full:21.3f} % "
            f"{100 * sum(lines) / (len(lines) * count):15.3f} %"
        )
        details += [f"paid for {one.paid}: {one.slip.before} → {one.slip.after}" for one in wrong if one.paid]
    print("\n".join(details))


if __name__ == "__main__":
    main(*(int(one) if one.isdigit() else one for one in sys.argv[1:]))
