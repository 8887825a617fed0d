"""``python -m benchmarks``: measure, print the figures, keep them, and end with 1 where one is missed."""

from __future__ import annotations

import datetime
import importlib
import warnings
from dataclasses import replace
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from autograder.errors import UserError
from benchmarks import report
from source_lib.tensorflow_settings import quiet_tensorflow

RESULTS = Path(__file__).resolve().parent / "results"
#: Modules of this package, each with a function ``figures``.
PARTS = (
    "structure",
    "convolution",
    "grading",
    "hostile",
    "corpora",
    "graders",
    "mutation",
    "scale",
    "semester",
    "canary",
)
#: Those whose figures the book shows.
KEPT = ("grading", "mutation", "scale", "canary")
DATA = Path(__file__).resolve().parents[1] / "book" / "_data"
Part = Enum("Part", {name: name for name in PARTS})


def main(
    only: Annotated[Part | None, typer.Option(help="Measure one part.", show_default="all")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Small and once: judges results, but no times.")] = False,
    results: Annotated[
        Path, typer.Option(metavar="DIR", help="Where the JSON file goes.", show_default="benchmarks/results")
    ] = RESULTS,
) -> None:
    """Measure the figures of the course on this machine. Exits with 1 where one is missed."""
    quiet_tensorflow()
    console = Console(highlight=False)
    try:
        results.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = f"The folder {results} cannot be made ({error.strerror}): choose other --results."
        console.print(f"[red]{escape(reason)}[/red]", soft_wrap=True)
        raise typer.Exit(1) from None
    before = report.machine()
    figures: list[report.Figure] = []
    failed: list[str] = []
    for name in [only.value] if only else PARTS:
        with console.status(f"Measuring: {name}"):
            try:
                part = importlib.import_module(f"benchmarks.{name}")
                found = part.figures(quick, lambda text: console.print(escape(text), soft_wrap=True))
                figures += found
                if name in KEPT and not quick:
                    measured = {"machine": before, "figures": [report.as_record(figure) for figure in found]}
                    report.write_json(DATA / f"{name}.json", measured)
            except UserError as error:
                failed.append(str(error))
    if quick:
        figures = [replace(figure, at_least=None, at_most=None) if figure.timed else figure for figure in figures]
    console.print(report.table(figures))
    load = "{:.1f} at the start, {:.1f} at the end".format(before["load_average"][0], report.load()[0])
    console.print(f"{before['cpus']} CPUs ({before['processor']}), load {load}.", soft_wrap=True)

    now = datetime.datetime.now(datetime.UTC)
    path = results / f"{now:%Y%m%dT%H%M%SZ}.json"
    document = {
        "when": now.isoformat(timespec="seconds"),
        "quick": quick,
        "machine": before | {"load_average_after": report.load()},
        "failed": failed,
        "figures": [report.as_record(figure) for figure in figures],
    }
    try:
        report.write_json(path, document)
    except OSError as error:
        failed.append(f"{path} cannot be written ({error.strerror}): choose other --results.")
    else:
        console.print(f"Kept in {path}", soft_wrap=True)
    for reason in failed:
        console.print(f"[red]{escape(reason)}[/red]", soft_wrap=True)
    raise typer.Exit(report.exit_code(figures, failed))


if __name__ == "__main__":
    # nbgrader 0.9 uses its database layer in a way that newer versions of that layer warn about.
    warnings.filterwarnings("ignore", module=r"nbgrader\..*")
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(main)
    app()
