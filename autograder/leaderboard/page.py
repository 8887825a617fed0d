"""A leaderboard as a page that needs neither scripts nor the network, and as a CSV file."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from autograder.errors import UserError
from autograder.leaderboard.board import COLORS, Board, BoardRow
from autograder.leaderboard.scores import CONFIDENCE, METRICS, Score, decimals, round_up
from source_lib.atomic_files import write_together
from source_lib.text import spreadsheet_cell as cell
from source_lib.text import visible


def write_board(board: Board, folder: Path) -> tuple[Path, Path]:
    """Write a board as ``<lab>.html`` and ``<lab>.csv``, or ``<lab>-private…`` where it shows the private part.

    Both are written beside their places and renamed once they are whole.

    Parameters
    ----------
    board : Board
    folder : pathlib.Path
        Where to; made where it is missing.

    Returns
    -------
    page, table : pathlib.Path

    Raises
    ------
    UserError
        If a file cannot be written.
    """
    private = "private" in board.images
    name = f"{board.contest.name}-private" if private else board.contest.name
    page, table = folder / f"{name}.html", folder / f"{name}.csv"
    write_files({page: page_html(board), table: table_csv(board)}, private)
    return page, table


def write_files(texts: Mapping[Path, str], private: bool = False) -> None:
    """Write files that belong together: none of them takes its name before all are whole.

    Parameters
    ----------
    texts : mapping of pathlib.Path to str
        What to write where; folders that are missing are made.
    private : bool
        Whether only their owner may read them.

    Raises
    ------
    UserError
        If one of them cannot be written.
    """
    try:
        write_together(texts, private)
    except OSError as error:
        place = next(iter(texts)).parent
        raise UserError(f"The leaderboard cannot be written to {place}: {error.strerror}.") from None


def table_csv(board: Board) -> str:
    """Return a board as CSV: one line for each student and reference, those without a rank at the end.

    Parameters
    ----------
    board : Board

    Returns
    -------
    str
    """
    file = io.StringIO(newline="")
    writer = csv.writer(file, lineterminator="\n")
    columns = [
        f"{'' if part == 'public' else f'{part}_'}{metric}{number}"
        for part, metric in _columns(board)
        for number in ("", "_sd", "_low", "_high")
    ]
    writer.writerow(["rank", "name", "kind", *columns, "overlaps_first", "notes"])
    for row in board.rows:
        numbers = []
        for part, metric in _columns(board):
            score = row.scores.get(metric, {}).get(part)
            numbers += _digits(score, *board.steps[metric][part]) if score else [""] * 4
        kind = "reference" if row.reference else "student"
        overlaps = "" if row.reference else "yes" if row.overlaps or row.rank == 1 else "no"
        rank = "" if row.rank is None else row.rank
        writer.writerow([rank, cell(row.name), kind, *numbers, overlaps, cell(" ".join(row.notes))])
    for name, what in board.without_rank:
        writer.writerow(["", cell(name), "not ranked", *[""] * len(columns), "", cell(what)])
    return file.getvalue()


def names_csv(names: Mapping[str, str]) -> str:
    """Return who is called what, as ``student,nickname``.

    Parameters
    ----------
    names : mapping of str to str
        What each student is called, by id.

    Returns
    -------
    str
    """
    file = io.StringIO(newline="")
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["student", "nickname"])
    writer.writerows((cell(visible(student)), cell(name)) for student, name in names.items())
    return file.getvalue()


def page_html(board: Board) -> str:
    """Return a board as a whole HTML page. Everything in it that came from a student is escaped.

    Parameters
    ----------
    board : Board

    Returns
    -------
    str
    """
    contest, parts = board.contest, list(board.images)
    ranking, metric = parts[0], METRICS[contest.metric]
    students = [row for row in board.rows if not row.reference]
    made = f"{board.made.day} {board.made:%B %Y, %H:%M %Z}"
    shares = " and ".join(f"{board.images[part]} {part}" for part in sorted(parts, reverse=True))
    facts = [f"Made on {made}", board.data, f"{shares} of {board.total} test {contest.examples}"]
    low, high, places = _axis(board)
    first = [row.scores[contest.metric][ranking] for row in students if row.rank == 1]
    band = [min(score.low for score in first), max(score.high for score in first)] if first else [low] * 2
    noted = [row for row in students if row.notes]
    numbers = {id(row): number for number, row in enumerate(noted, start=1)}
    titles = [METRICS[name].title + (f" ({part})" if len(parts) > 1 else "") for part, name in _columns(board)]
    smallest = ", the smallest first" if metric.low_is_best else ""
    return _template().render(
        title=f"Leaderboard: {contest.title}",
        facts=" · ".join(filter(None, [*facts, f"{len(students)} ranked"])),
        private="private" in parts,
        caption=f"Ranked by mean {metric.word} on the {ranking} {contest.examples}{smallest}.",
        columns=["Rank", "Name", *titles],
        measure=metric.word,
        axis=[f"{end:.{places}f}" for end in (low, high)],
        band=[_position(value, low, high) for value in band],
        rows=[
            {
                "rank": "–" if row.rank is None else f"{row.rank}{' =' if row.tied else ''}",
                "name": row.name,
                "reference": row.reference,
                "note": numbers.get(id(row)),
                "scores": [_shown(row, board, part, name) for part, name in _columns(board)],
                "chart": [
                    _position(value, low, high)
                    for score in [row.scores[contest.metric][ranking]]
                    for value in (score.low, score.mean, score.high)
                ],
            }
            for row in board.rows
        ],
        notes=[{"name": row.name, "text": " ".join(row.notes)} for row in noted],
        without_rank=board.without_rank,
        explained=_explained(board, ranking),
    )


@lru_cache
def _template() -> Template:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template("page.html.jinja")


def _columns(board: Board) -> list[tuple[str, str]]:
    """Return part and metric of each score, in the order of the columns."""
    return [(part, metric) for part in board.images for metric in board.contest.files]


def _shown(row: BoardRow, board: Board, part: str, metric: str) -> dict[str, Any] | None:
    score = row.scores.get(metric, {}).get(part)
    if score is None:
        return None
    mean, sd, low, high = _digits(score, *board.steps[metric][part])
    ranks = metric == board.contest.metric and part == next(iter(board.images))
    several = board.contest.runs > 1
    return {"mean": mean, "sd": several and sd, "low": low, "high": high, "similar": row.overlaps and ranks}


def _digits(score: Score, step: float, fine: float) -> list[str]:
    numbers = ((score.mean, step), (score.sd, fine), (score.low, step), (score.high, step))
    return [f"{number:.{decimals(step)}f}" for number, step in numbers]


def _axis(board: Board) -> tuple[float, float, int]:
    """Return the ends of the picture's scale, which hold all intervals, and how many decimals they need."""
    found = [row.scores[board.contest.metric][next(iter(board.images))] for row in board.rows]
    low, high = min(score.low for score in found), max(score.high for score in found)
    # Of shares, twentieths.
    unit = round_up((high - low) / 10 or 1.0) if METRICS[board.contest.metric].low_is_best else 0.05
    left, right = math.floor(low / unit + 1e-9) * unit, math.ceil(high / unit - 1e-9) * unit
    return (left, right, decimals(unit)) if left < right else (left - unit, right + unit, decimals(unit))


def _position(value: float, low: float, high: float) -> float:
    return round(100 * (value - low) / (high - low), 1)


def _explained(board: Board, ranking: str) -> list[str]:
    contest, examples = board.contest, board.contest.examples
    references = {row.name: " ".join(row.notes) for row in board.rows if row.reference}
    several = f"the mean ± the sample standard deviation over {contest.runs} files, one of each training"
    steps = []
    for name in contest.files:
        step, fine = board.steps[name][ranking]
        spread = f", standard deviations in steps of {fine:.{decimals(fine)}f}" if contest.runs > 1 else ""
        steps.append((f"steps of {step:.{decimals(step)}f}{spread}", METRICS[name].title))
    if len({text for text, _ in steps}) == 1:
        printed = f"Means and intervals are printed in {steps[0][0]}."
    else:
        printed = " ".join(f"{title}: means and intervals are printed in {text}." for text, title in steps)
    explained = [
        f"A number is {several if contest.runs > 1 else 'the score of one file'}. Below it is the "
        f"{100 * CONFIDENCE:.0f} % confidence interval of the mean: where it could be on other {examples} of the same "
        "kind, with the same trained models.",
        f"{printed} Entries with the same printed {METRICS[contest.metric].word} share a rank, which is marked with =.",
        f"≈ marks an interval that overlaps that of first place: these {examples} do not clearly tell the two apart. "
        "In the picture, the interval of first place is shaded.",
        *(f"{name} is a reference, no student. {note}" for name, note in references.items()),
    ]
    if contest.dataset is not None and COLORS not in references:
        explained.append(
            f"The {examples} are not where this page was made, so the line of color statistics is missing."
        )
    if ranking == "public":
        within = " within each class" if METRICS[contest.metric].labels == "class" else ""
        explained.append(
            f"The public part is {board.images[ranking]} of the {board.total} test {examples}, chosen at "
            f"random{within}. The private part, which is all others, counts in the end: what fits the public part "
            "only does not help there."
        )
    else:
        explained.append(
            "Students have seen the public part. Those who fall behind on the private one may have fitted to it."
        )
    return explained
