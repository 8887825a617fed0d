"""How the code hangs together, in four numbers. ``python -m benchmarks.structure CHECKOUT ...`` compares checkouts."""

from __future__ import annotations

import ast
import io
import sys
import tokenize
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import grimp
import typer
from rich.console import Console
from rich.table import Table

from benchmarks.report import Figure

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("autograder", "source_lib")
_NO_CODE = {
    *(tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT),
    *(tokenize.ENCODING, tokenize.ENDMARKER),
}


def import_graph(checkout: Path = ROOT, external: bool = False) -> grimp.ImportGraph:
    """Return which module of the course imports which, inside of functions and for type checkers too.

    Parameters
    ----------
    checkout : Path
        A copy of the repository.
    external : bool
        Whether modules of others are in it.

    Returns
    -------
    grimp.ImportGraph

    Raises
    ------
    ValueError
        If the folder does not hold the packages.
    """
    checkout = checkout.resolve()
    for name in PACKAGES:
        if not (checkout / name / "__init__.py").is_file():
            raise ValueError(
                f"There is no package {name} in {checkout}: name a folder that is a copy of the repository."
            )
    # What is imported already would be read in the place of what lies there.
    imported = {name: sys.modules.pop(name) for name in list(sys.modules) if name.partition(".")[0] in PACKAGES}
    sys.path.insert(0, str(checkout))
    try:
        return grimp.build_graph(*PACKAGES, include_external_packages=external, cache_dir=None)
    finally:
        sys.path.remove(str(checkout))
        sys.modules |= imported


def circles(graph: grimp.ImportGraph) -> list[list[str]]:
    """Return the groups of modules that import each other, directly or through others, each group sorted."""
    groups = {
        frozenset({module, *graph.find_upstream_modules(module) & graph.find_downstream_modules(module)})
        for module in graph.modules
    }
    return sorted(sorted(group) for group in groups if len(group) > 1)


def code_lines(text: str) -> int:
    """Return how many lines of a module hold code: no blank lines, comments and docstrings.

    Examples
    --------
    >>> code_lines('\"\"\"A module.\"\"\"\\n\\n# What follows is true.\\nx = [\\n    1,  # one\\n]\\n')
    3
    """
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    lines = {line for t in tokens if t.type not in _NO_CODE for line in range(t.start[0], t.end[0] + 1)}
    for node in ast.walk(ast.parse(text)):
        documented = isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        if documented and ast.get_docstring(node, clean=False) is not None:
            lines -= set(range(node.body[0].lineno, node.body[0].end_lineno + 1))
    return len(lines)


def measure(checkout: Path = ROOT) -> list[Figure]:
    """Return the figures of a checkout.

    Parameters
    ----------
    checkout : Path
        See `import_graph`.

    Returns
    -------
    list of Figure
        Modules, imports between them, circles, and for each package its lines of code.

    Raises
    ------
    ValueError
        As `import_graph`.
    """
    graph = import_graph(checkout)
    found = circles(graph)
    imports = {module: sorted(graph.find_modules_directly_imported_by(module)) for module in sorted(graph.modules)}
    figures = [
        Figure("modules", len(graph.modules), timed=False),
        Figure("imports between them", graph.count_imports(), timed=False, raw={"imports": imports}),
        Figure("circles of imports", len(found), at_most=0, timed=False, raw={"circles": found}),
    ]
    for name in PACKAGES:
        lines = sum(code_lines(path.read_text(encoding="utf-8")) for path in (checkout / name).rglob("*.py"))
        figures.append(Figure(f"lines of code in {name}", lines, timed=False))
    return figures


def figures(quick: bool, tell: Callable[[str], None]) -> list[Figure]:
    """Return the figures of this checkout.

    Parameters
    ----------
    quick : bool
        Makes no difference.
    tell : callable
        Gets a sentence for each circle.

    Returns
    -------
    list of Figure
    """
    found = measure()
    for circle in found[2].raw["circles"]:
        tell(f"These import each other: {', '.join(circle)}")
    return found


def main(
    checkouts: Annotated[
        list[Path] | None, typer.Argument(help="Copies of the repository, or else this.")
    ] = None,
) -> None:
    """Print modules, imports between them, circles, and lines of code without docstrings, comments and blank lines."""
    shown = Table()
    shown.add_column("figure")
    columns = []
    try:
        for checkout in checkouts or [ROOT]:
            columns.append(measure(checkout))
            shown.add_column(str(checkout), justify="right", overflow="fold")
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    for row in zip(*columns, strict=True):
        shown.add_row(row[0].name, *(str(figure.measured) for figure in row))
    Console(highlight=False).print(shown)


if __name__ == "__main__":
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(main)
    app()
