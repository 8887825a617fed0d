"""What a class found hard, as a page that needs neither scripts nor the network, and as CSV files."""

from __future__ import annotations

import csv
import datetime
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from autograder.errors import UserError
from autograder.gradebook.item_analysis import CONFIDENCE, MIN_STUDENTS, Analysis, LineResult, Mistake
from autograder.gradebook.templates import template
from source_lib.atomic_files import write_together
from source_lib.text import counted, spreadsheet_cell

#: How many lines the beginning of the page names, how many mistakes are shown before the page is asked for more, and
#: how many reasons the table gives for a line.
MOST_FIRST, MOST_MISTAKES, MOST_REASONS = 3, 8, 3
#: Bars of the picture of the points.
BARS = 10
#: Below it, a line tells strong and weak students hardly apart, where as many as these passed and did not.
WEAK, ENOUGH = 0.2, 5


def write_report(analysis: Analysis, folder: Path) -> tuple[Path, Path, Path]:
    """Write ``<lab>.html``, ``<lab>-lines.csv`` and ``<lab>-mistakes.csv``: all of them or none.

    Parameters
    ----------
    analysis : Analysis
    folder : pathlib.Path
        Where to; made where it is missing.

    Returns
    -------
    page, lines, mistakes : pathlib.Path

    Raises
    ------
    UserError
        If a file cannot be written.
    """
    name = analysis.lab.name
    paths = folder / f"{name}.html", folder / f"{name}-lines.csv", folder / f"{name}-mistakes.csv"
    texts = report_html(analysis), lines_csv(analysis), mistakes_csv(analysis)
    try:
        write_together(dict(zip(paths, texts, strict=True)), private=True)
    except OSError as error:
        raise UserError(f"The report cannot be written to {folder}: {error.strerror}.") from None
    return paths


def lines_csv(analysis: Analysis) -> str:
    """Return one line for each line of the rubric.

    Parameters
    ----------
    analysis : Analysis
    """
    header = ["check", "line", "title", "points", "students", "passed", "share", "discrimination", "most_frequent"]
    rows = []
    for line in analysis.lines:
        numbers = [
            f"{line.points:g}",
            line.students,
            line.passed,
            f"{line.share:.4f}",
            _digits(line.discrimination, ""),
        ]
        first = f"{line.mistakes[0].id or line.mistakes[0].text}" if line.mistakes else ""
        rows.append([line.function, line.key, spreadsheet_cell(line.title), *numbers, spreadsheet_cell(first)])
    return _csv([header, *rows])


def mistakes_csv(analysis: Analysis) -> str:
    """Return one line for each known mistake that was named: by how many students, and in which third of the class.

    Parameters
    ----------
    analysis : Analysis
    """
    header = ["check", "mistake", "students", "lower_third", "middle_third", "upper_third", "hint"]
    rows = [
        [one.function, one.id, one.students, *one.by_third, spreadsheet_cell(one.text)] for one in analysis.mistakes
    ]
    return _csv([header, *rows])


def _csv(rows: Sequence[Sequence[Any]]) -> str:
    file = io.StringIO(newline="")
    csv.writer(file, lineterminator="\n").writerows(rows)
    return file.getvalue()


def report_html(analysis: Analysis) -> str:
    """Return the whole page. Everything in it that came from a student is escaped.

    Parameters
    ----------
    analysis : Analysis
    """
    made = datetime.datetime.now(datetime.UTC)
    students = len(analysis.points)
    return template("report.html.jinja").render(
        title=f"Report: {analysis.lab.title}",
        facts=" · ".join(
            [
                f"Made on {made.day} {made:%B %Y, %H:%M %Z}",
                f"{counted(students, 'student')} counted",
                *_left_out(analysis),
            ]
        ),
        students=students,
        hardest=[_line(line, analysis) for line in _hardest(analysis)],
        groups=[
            {"name": function, "lines": [_line(line, analysis) for line in analysis.lines if line.function == function]}
            for function in dict.fromkeys(line.function for line in analysis.lines)
        ],
        mistakes=[_mistake(one, analysis) for one in analysis.mistakes[:MOST_MISTAKES]],
        rare=[_mistake(one, analysis) for one in analysis.mistakes[MOST_MISTAKES:]],
        thirds=analysis.thirds,
        bars=_bars(analysis.points, analysis.lab.points),
        spread=_spread(analysis.points, analysis.lab.points),
        reliability=_reliability(analysis),
        ahead=_ahead(analysis.ahead),
        least=MIN_STUDENTS,
        weak=f"{WEAK:g}",
        both=ENOUGH,
        enough=students >= MIN_STUDENTS,
    )


def _left_out(analysis: Analysis) -> list[str]:
    return [
        f"{number} {what}"
        for number, what in (
            (analysis.untouched, "wrote nothing"),
            (analysis.unread, "could not be read"),
            (analysis.without, "have no verdict on this rubric"),
        )
        if number
    ]


def _hardest(analysis: Analysis) -> list[LineResult]:
    """Return the lines that cost the class most points."""
    lost = sorted(analysis.lines, key=lambda line: (-(1 - line.share) * line.points, line.function, line.key))
    return [line for line in lost if line.passed < line.students][:MOST_FIRST]


def _line(line: LineResult, analysis: Analysis) -> dict[str, Any]:
    both = min(line.passed, line.students - line.passed)
    weak = line.discrimination is not None and line.discrimination < WEAK and both >= ENOUGH
    return {
        "function": line.function,
        "anchor": f"line-{line.check}-{line.key}",
        "title": line.title,
        "points": f"{line.points:g}",
        "passed": f"{line.passed} of {line.students}",
        "percent": round(100 * line.share),
        "discrimination": _digits(line.discrimination, "–").replace("-", "−"),
        "weak": weak,
        "lost": f"{(1 - line.share) * line.points:.2f}",
        "reasons": [_mistake(one, analysis) for one in line.mistakes[:MOST_REASONS]],
        "more": max(0, len(line.mistakes) - MOST_REASONS),
    }


def _mistake(one: Mistake, analysis: Analysis) -> dict[str, Any]:
    of = max(1, len(analysis.points))
    return {
        "id": one.id,
        "text": one.text,
        "function": one.function,
        "students": one.students,
        "percent": round(100 * one.students / of),
        "by_third": [
            {"count": count, "percent": round(100 * count / size) if size else 0}
            for count, size in zip(one.by_third, analysis.thirds, strict=True)
        ],
    }


def _bars(points: np.ndarray, most: float) -> list[dict[str, Any]]:
    """Return how many students have so many points, in parts of equal width."""
    if not len(points) or most <= 0:
        return []
    counts, edges = np.histogram(points, bins=min(BARS, max(1, round(most))), range=(0, most))
    return [
        {"low": f"{low:g}", "high": f"{high:g}", "count": int(count), "percent": round(100 * count / counts.max())}
        for count, low, high in zip(counts, np.round(edges[:-1], 2), np.round(edges[1:], 2), strict=True)
    ]


def _spread(points: np.ndarray, most: float) -> str:
    if not len(points):
        return ""
    low, middle, high = np.percentile(points, [25, 50, 75])
    deviation = f", standard deviation {points.std(ddof=1):.1f}" if len(points) > 1 else ""
    return (
        f"Mean {points.mean():.1f} of {most:g} points{deviation}. Half of the class has {middle:.1f} or more; the "
        f"middle half lies between {low:.1f} and {high:.1f}."
    )


def _reliability(analysis: Analysis) -> str:
    found = analysis.reliability
    if found.alpha is None:
        return found.problem
    return (
        f"Cronbach’s α = {found.alpha:.2f}, {100 * CONFIDENCE:.0f} % confidence interval {found.low:.2f} to "
        f"{found.high:.2f}, from {len(analysis.points)} students and {len(analysis.lines)} lines."
    )


def _ahead(hours: np.ndarray) -> str:
    if not len(hours):
        return ""
    late, last = int((hours < 0).sum()), int(((hours >= 0) & (hours < 24)).sum())
    return (
        f"Of {counted(len(hours), 'student')} whose time is known, {last} handed in on the last day and {late} late. "
        f"The median is {np.median(hours):.1f} hours before the due date."
    )


def _digits(value: float | None, otherwise: str) -> str:
    return otherwise if value is None else f"{value:.2f}"
