"""A leaderboard as a page that needs neither scripts nor the network, and as a CSV file."""

from __future__ import annotations

import contextlib
import csv
import errno
import io
import math
import os
import tempfile
from collections.abc import Iterable, Mapping
from html import escape
from pathlib import Path

from autograder.errors import UserError
from autograder.leaderboard.board import COLORS, Board, BoardRow
from autograder.leaderboard.scores import CONFIDENCE, Score, decimals, steps
from autograder.submissions.sanitize import printable

#: A spreadsheet program takes a cell that begins with one of these for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")
_NUMBERS = ("accuracy", "accuracy_sd", "accuracy_low", "accuracy_high", "auc", "auc_sd", "auc_low", "auc_high")
_STYLE = """
:root { color-scheme: light dark; --paper: #fff; --ink: #1d2329; --soft: #59636e; --line: #d5dae0; --band: #e3effa;
  --mark: #1b62a8; --guest: #f5f6f8; }
@media (prefers-color-scheme: dark) { :root { --paper: #15191e; --ink: #e4e8ec; --soft: #a0aab5; --line: #353d46;
  --band: #1c3349; --mark: #7db8ee; --guest: #1d2228; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 62rem; padding: 1.5rem 1rem 3rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.5 system-ui, sans-serif; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 .3rem; }
h2 { font-size: 1.2rem; margin: 2.2rem 0 .3rem; }
p { margin: .3rem 0; max-width: 44rem; }
p.facts { max-width: none; }
.facts, .small { color: var(--soft); font-size: .875rem; }
a { color: var(--mark); }
.private { border-left: 4px solid #c4362b; padding: .4rem .8rem; margin: .8rem 0; font-weight: 600; }
.wide { overflow-x: auto; margin-top: 1rem; }
table { border-collapse: collapse; width: 100%; }
caption { text-align: left; color: var(--soft); font-size: .875rem; padding-bottom: .5rem; }
th, td { text-align: left; vertical-align: top; padding: .5rem .75rem .5rem 0; border-top: 1px solid var(--line); }
thead th { border-top: 0; border-bottom: 2px solid var(--line); font-size: .875rem; vertical-align: bottom; }
tbody th { font-weight: 600; overflow-wrap: anywhere; min-width: 7rem; }
.number { font-variant-numeric: tabular-nums; white-space: nowrap; }
td.rank { font-weight: 600; width: 3.5rem; }
tr.reference { background: var(--guest); }
tr.reference th { font-weight: 400; font-style: italic; }
tr.reference td:first-child { padding-left: .4rem; }
td.rank, .ranking thead th:first-child { padding-left: .4rem; }
th .small, td .small { display: block; font-weight: 400; font-style: normal; }
.chart { width: 16rem; padding: 0; }
thead .chart { padding-bottom: .5rem; }
td.chart { background: linear-gradient(90deg, transparent var(--from), var(--band) var(--from) var(--to),
  transparent var(--to)); }
.chart svg { display: block; width: 100%; height: 1.5rem; margin-top: .5rem; overflow: visible; }
.chart .scale { display: flex; justify-content: space-between; font-weight: 400; color: var(--soft); }
.reach { stroke: var(--soft); stroke-width: 2; } .mean { fill: var(--mark); }
.reference .mean { fill: var(--soft); }
ul { padding-left: 1.2rem; margin: .3rem 0; max-width: 44rem; }
@media (max-width: 46rem) {
  body { padding-top: 1rem; } .chart { display: none; }
  table { font-size: .875rem; } th, td { padding-right: .4rem; } th .small, td .small { font-size: .8rem; }
  td.rank { width: 2.4rem; } tbody th { min-width: 5.5rem; } .sd { display: block; }
}
@media print { .chart { display: table-cell; } }
"""


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
    write_files({page: page_html(board), table: table_csv(board)}, 0o600 if private else 0o644)
    return page, table


def write_files(texts: dict[Path, str], mode: int) -> None:
    """Write files that belong together: none of them takes its name before all are whole."""
    beside: dict[Path, str] = {}
    try:
        for path, text in texts.items():
            if path.is_dir():
                raise IsADirectoryError(errno.EISDIR, f"{path.name} is a folder")
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, beside[path] = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
            with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
                file.write(text)
            os.chmod(beside[path], mode)
        for path in texts:
            os.replace(beside[path], path)
            del beside[path]
    except OSError as error:
        raise UserError(f"The leaderboard cannot be written to {path.parent}: {error.strerror}.") from None
    finally:
        for left in beside.values():
            with contextlib.suppress(OSError):
                os.unlink(left)


def table_csv(board: Board) -> str:
    """Return a board as CSV: one line for each student and reference, those without a rank at the end."""
    file = io.StringIO(newline="")
    writer = csv.writer(file, lineterminator="\n")
    parts = list(board.images)
    columns = [name if part == "public" else f"{part}_{name}" for part in parts for name in _NUMBERS]
    writer.writerow(["rank", "name", "kind", *columns, "overlaps_first", "notes"])
    for line in board.lines:
        numbers = []
        for part in parts:
            for score in (line.accuracy.get(part), line.auc.get(part)):
                numbers += _digits(score, board.images[part]) if score else [""] * 4
        kind = "reference" if line.reference else "student"
        overlaps = "" if line.reference else "yes" if line.overlaps or line.rank == 1 else "no"
        rank = "" if line.rank is None else line.rank
        writer.writerow([rank, cell(line.name), kind, *numbers, overlaps, cell(" ".join(line.notes))])
    for name, what in board.without_rank:
        writer.writerow(["", cell(name), "not ranked", *[""] * len(columns), "", cell(what)])
    return file.getvalue()


def names_csv(names: Mapping[str, str]) -> str:
    """Return who is called what, as ``student,nickname``."""
    file = io.StringIO(newline="")
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["student", "nickname"])
    writer.writerows((cell(printable(student)), cell(name)) for student, name in names.items())
    return file.getvalue()


def cell(text: str) -> str:
    """Return text that a spreadsheet program does not take for a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def page_html(board: Board) -> str:
    """Return a board as a whole HTML page. Everything in it that came from a student is escaped."""
    parts = list(board.images)
    ranking = parts[0]
    students = [line for line in board.lines if not line.reference]
    title = escape(f"Leaderboard: {board.contest.title}")
    made = f"{board.made.day} {board.made:%B %Y, %H:%M %Z}"
    shares = " and ".join(f"{board.images[part]} {part}" for part in sorted(parts, reverse=True))
    facts = f"Made on {made} · {board.data} · {shares} of {board.total} test images · {len(students)} ranked"
    columns = ["Rank", "Name"]
    for part in parts:
        columns += [f"{what} ({part})" if len(parts) > 1 else what for what in ("Accuracy", "AUC")]
    head = "".join(f'<th scope="col">{column}</th>' for column in columns)
    axis = _axis(board.lines, ranking)
    first = [line.accuracy[ranking] for line in students if line.rank == 1]
    band = [min(score.low for score in first), max(score.high for score in first)] if first else [axis[0]] * 2
    left, right = (_place(value, axis) for value in band)
    noted = [line for line in students if line.notes]
    rows = "".join(
        _row(line, board, axis, next((at for at, one in enumerate(noted, start=1) if one is line), None))
        for line in board.lines
    )
    warning = "For instructors: this page shows the private part. Students get the one without it."
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{title}</title>
<style>{_STYLE}</style>
</head>
<body>
<main>
<h1>{title}</h1>
<p class="facts">{escape(facts)}</p>
{f'<p class="private">{warning}</p>' if "private" in parts else ""}
<div class="wide" role="region" aria-label="Ranking" tabindex="0">
<table class="ranking" style="--from: {left}%; --to: {right}%">
<caption>Ranked by mean accuracy on the {ranking} images.</caption>
<thead><tr>{head}<th class="chart" aria-hidden="true"><span class="scale"><span>{axis[0]:.2f}</span>\
<span>accuracy</span><span>{axis[1]:.2f}</span></span></th></tr></thead>
<tbody>
{rows}</tbody>
</table>
</div>
{_notes(noted)}
{_without_rank(board)}
<h2>How to read this</h2>
{_explained(board, ranking)}
</main>
</body>
</html>
"""


def _row(line: BoardRow, board: Board, axis: tuple[float, float], note: int | None) -> str:
    ranking = next(iter(board.images))
    rank = "–" if line.rank is None else f"{line.rank}{' =' if line.tied else ''}"
    below = "reference, not ranked" if line.reference else f'<a href="#note-{note}">note {note}</a>' if note else ""
    below = f'<span class="small">{below}</span>' if below else ""
    kind = ' class="reference"' if line.reference else ""
    cells = ""
    for part, images in board.images.items():
        cells += _score(line.accuracy.get(part), images, line.overlaps and part == ranking)
        cells += _score(line.auc.get(part), images)
    return (
        f'<tr{kind}><td class="rank number">{rank}</td>'
        f'<th scope="row"><bdi>{escape(line.name)}</bdi>{below}</th>{cells}'
        f'<td class="chart" aria-hidden="true">{_chart(line.accuracy[ranking], axis)}</td></tr>\n'
    )


def _score(score: Score | None, images: int, similar: bool = False) -> str:
    if score is None:
        return '<td class="number">–</td>'
    mean, sd, low, high = _digits(score, images)
    mark = ' <abbr title="overlaps the interval of first place">≈</abbr>' if similar else ""
    return f'<td class="number">{mean} <span class="sd">± {sd}</span><span class="small">{low}–{high}{mark}</span></td>'


def _digits(score: Score, images: int) -> list[str]:
    step, fine = (decimals(step) for step in steps(images))
    numbers = ((score.mean, step), (score.sd, fine), (score.low, step), (score.high, step))
    return [f"{number:.{places}f}" for number, places in numbers]


def _axis(lines: Iterable[BoardRow], part: str) -> tuple[float, float]:
    """Return the ends of the picture's scale, twentieths that hold all intervals."""
    found = [line.accuracy[part] for line in lines]
    low, high = min(score.low for score in found), max(score.high for score in found)
    left, right = math.floor(low * 20) / 20, math.ceil(high * 20) / 20
    return (left, right) if left < right else (left - 0.05, right + 0.05)


def _chart(score: Score, axis: tuple[float, float]) -> str:
    low, mean, high = (_place(value, axis) for value in (score.low, score.mean, score.high))
    return (
        f'<svg><line class="reach" x1="{low}%" x2="{high}%" y1="50%" y2="50%"/>'
        f'<circle class="mean" cx="{mean}%" cy="50%" r="3.5"/></svg>'
    )


def _place(value: float, axis: tuple[float, float]) -> float:
    return round(100 * (value - axis[0]) / (axis[1] - axis[0]), 1)


def _notes(lines: Iterable[BoardRow]) -> str:
    told = "".join(
        f'<li id="note-{number}"><bdi>{escape(line.name)}</bdi>: {escape(" ".join(line.notes))}</li>\n'
        for number, line in enumerate(lines, start=1)
    )
    return f"<h2>Notes</h2>\n<ol>\n{told}</ol>" if told else ""


def _without_rank(board: Board) -> str:
    rows = "".join(
        f'<tr><th scope="row"><bdi>{escape(name)}</bdi></th><td>{escape(what)}</td></tr>\n'
        for name, what in board.without_rank
    )
    if not rows:
        return ""
    return f"""<h2>Not ranked</h2>
<div class="wide" role="region" aria-label="Not ranked" tabindex="0">
<table>
<caption>What they handed in cannot be understood. The first thing that is wrong with it:</caption>
<thead><tr><th scope="col">Name</th><th scope="col">What was found</th></tr></thead>
<tbody>
{rows}</tbody>
</table>
</div>
"""


def _explained(board: Board, ranking: str) -> str:
    step, fine = steps(board.images[ranking])
    references = {line.name: " ".join(line.notes) for line in board.lines if line.reference}
    told = [
        "A number is the mean ± the sample standard deviation over five files, one of each training. Below it is the "
        f"{100 * CONFIDENCE:.0f} % confidence interval of the mean: where it could be on other images of the same "
        "kind, with the same trained models.",
        f"Means and intervals are printed in steps of {step:.{decimals(step)}f}, standard deviations in steps of "
        f"{fine:.{decimals(fine)}f}. Who has the same printed accuracy shares a rank, which is marked with =.",
        "≈ marks an interval that overlaps that of first place: these images do not clearly tell the two apart. In the "
        "picture, the interval of first place is shaded.",
        *(f"{name} is a reference, no student. {note}" for name, note in references.items()),
    ]
    if COLORS not in references:
        told.append("The images are not where this page was made, so the line of color statistics is missing.")
    if ranking == "public":
        told.append(
            f"The public part is {board.images[ranking]} of the {board.total} test images, chosen at random within "
            "each class. The private part, which is all others, counts in the end: what fits the public part only "
            "does not help there."
        )
    else:
        told.append("Students have seen the public part. Who falls behind on the private one may have fitted to it.")
    return "<ul>\n" + "".join(f"<li>{escape(text)}</li>\n" for text in told) + "</ul>"
