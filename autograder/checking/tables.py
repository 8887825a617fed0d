"""How a verdict is shown: one table of items, the same in the notebook, in feedback pages and in the book."""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape

from autograder.checking.lab import Lab
from autograder.checking.rubric import Item

_PRE = (
    "margin:.5em 0 .2em;padding:.5em .7em;font-size:.85em;line-height:1.35;white-space:pre;overflow-x:auto;"
    # JupyterLab sets text in an output in a proportional font, and columns fall apart.
    "font-family:Menlo,Consolas,monospace;"
    "background:rgba(128,128,128,.12);border:0;border-left:3px solid rgba(128,128,128,.6)"
)
#: What a terminal colors, and what it writes over, as bars of progress do.
_COLORS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_REWRITTEN = re.compile(r"[\r\x08]+")
_CELL = "padding:.35em .7em;text-align:left;vertical-align:top;border-top:1px solid rgba(128,128,128,.35)"


def number(points: float) -> str:
    """Return points as a person writes them: ``4``, ``0.5``."""
    return f"{points:g}"


def items_html(items: Iterable[Item], heading: str) -> str:
    """Return a verdict as an HTML table: what was asked, the points, and what to do next.

    Parameters
    ----------
    items : iterable of Item
        The judged lines.
    heading : str
        What the table is about, for example the name of the function.

    Returns
    -------
    str
        HTML that needs neither scripts nor style sheets; everything in it is escaped.
    """
    items = list(items)
    earned, possible = sum(item.points for item in items), sum(item.max_points for item in items)
    rows = [
        f'<tr><td style="{_CELL};white-space:nowrap">'
        f'<span style="color:{"#1a7f37" if item.passed else "#b42318"};font-weight:bold">'
        f"{_result(item)}</span></td>"
        f'<td style="{_CELL};min-width:11em">{escape(item.title)}</td>'
        + (f'<td style="{_CELL};white-space:nowrap">{_of(item.points, item.max_points)}</td>' if possible else "")
        + f'<td style="{_CELL};min-width:16em">{_message(item)}</td></tr>'
        for item in items
    ]
    columns = ("Result", "Line", *(("Points",) if possible else ()), "Why, and what to do next")
    head = "".join(f'<th scope="col" style="{_CELL}">{name}</th>' for name in columns)
    caption = f"{heading}: {_of(earned, possible)} points" if possible else heading
    return (
        f'<table style="border-collapse:collapse;margin:.5em 0">'
        f'<caption style="text-align:left;font-weight:bold;padding:.35em 0;color:inherit">{escape(caption)}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    )


def _of(points: float, most: float) -> str:
    return f"{number(points)} of {number(most)}" if most else ""


def _result(item: Item) -> str:
    # What is worth nothing here was looked at for its form, and may still be wrong.
    right = "✓ passed" if item.max_points else "✓ right in form"
    return right if item.passed else "✗ not yet"


def _message(item: Item) -> str:
    """Return what was asked, what is wrong, and the example."""
    asked = item.message.removesuffix(item.reason)
    html = (f"<div>{escape(asked.strip())}</div>" if asked else "") + escape(item.reason)
    if item.example:
        html += _box(item.example, f"Example: {item.title}")
    return html


def _printed(label: str, text: str) -> str:
    """Return what an answer printed as a terminal would show it, in a box that scrolls, also with the keyboard."""
    lines = [_REWRITTEN.split(line.rstrip("\r\b"))[-1] for line in _COLORS.sub("", text).split("\n")]
    shown = escape("\n".join(lines).strip("\n"))
    pre = f'<pre tabindex="0" role="group" aria-label="{escape(label)}" style="{_PRE};max-height:20em;overflow:auto">'
    return f'<p style="margin:.35em 0">{escape(label)}</p>{pre}{shown}</pre>'


def _box(text: str, label: str) -> str:
    """Return lines of a fixed width in a box that scrolls, also with the keyboard."""
    # Whatever stands around it: some pages put a light box behind it in their dark scheme, too.
    colors = "background:#f0f0f0;color:#222"
    return f'<pre tabindex="0" role="group" aria-label="{escape(label)}" style="{_PRE};{colors}">{escape(text)}</pre>'


def _paragraphs(notes: Iterable[str]) -> str:
    return "".join(f'<p style="margin:.35em 0">{escape(note)}</p>' for note in notes)


def next_steps(items: Iterable[Item]) -> dict[str, str]:
    """Return the first thing to do for each check that lost a line, by ``grade_id``.

    Parameters
    ----------
    items : iterable of Item
        All judged lines of a submission.
    """
    steps: dict[str, str] = {}
    for item in items:
        if not item.passed:
            steps.setdefault(item.check, item.reason)
    return steps


def summary_html(items: Iterable[Item], flags: Iterable[str] = ()) -> str:
    """Return the head of a feedback page: the points of each function, and the first thing to do for it.

    Parameters
    ----------
    items : iterable of Item
        All judged lines of a submission.
    flags : iterable of str
        Why a person will look at it.
    """
    items = list(items)
    steps = next_steps(items)
    checks: dict[str, list[Item]] = {}
    for item in items:
        checks.setdefault(item.check, []).append(item)
    rows = []
    for name, judged in checks.items():
        earned, possible = sum(item.points for item in judged), sum(item.max_points for item in judged)
        rows.append(
            f'<tr><td style="{_CELL}"><code>{escape(name.removeprefix("check_"))}</code></td>'
            f'<td style="{_CELL};white-space:nowrap">{number(earned)} of {number(possible)}</td>'
            f'<td style="{_CELL}">{escape(steps.get(name, ""))}</td></tr>'
        )
    total = f"{number(sum(item.points for item in items))} of {number(sum(item.max_points for item in items))}"
    notes = "".join(f"<li>{escape(flag)}</li>" for flag in flags)
    look = f"<p>A person will look at this submission before its points are final:</p><ul>{notes}</ul>" if notes else ""
    head = "".join(f'<th scope="col" style="{_CELL}">{name}</th>' for name in ("Function", "Points", "What to do next"))
    return (
        # nbgrader's page sets the columns of a lab's own tables without any space between them.
        "<div><style>td, th {padding: .2em .7em}</style>"
        f"<p><strong>Automatic points: {total}.</strong> A person grades the written answers.</p>{look}"
        f'<table style="border-collapse:collapse"><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def rubric_html(lab: Lab) -> str:
    """Return what a lab asks and what it is worth, line by line, as an HTML table for the book."""
    bodies = []
    for check in lab.checks:
        head = f'<th scope="rowgroup" rowspan="{len(check.lines)}"><code>{escape(check.function)}</code></th>'
        rows = [f"<td>{escape(line.title)}</td><td>{number(line.points)}</td></tr>" for line in check.lines]
        bodies.append("<tr>" + head + "<tr>".join(rows))
    manual = [
        f'<tr><th scope="row">{escape(name)}</th><td>in your own words, graded by a person</td>'
        f"<td>{number(points)}</td></tr>"
        for name, points in lab.manual.items()
    ]
    together = lab.points + sum(lab.manual.values())
    automatic = f'<tr><td></td><th scope="row">automatic points</th><th>{number(lab.points)}</th></tr>'
    last = f'<tr><td></td><th scope="row">together</th><th>{number(together)}</th></tr>'
    columns = "".join(f'<th scope="col">{name}</th>' for name in ("part", "what is asked", "points"))
    return (
        f'<table class="table rubric"><thead><tr>{columns}</tr></thead>'
        + "".join(f"<tbody>{body}</tbody>" for body in [*bodies, automatic + "".join(manual) + last])
        + "</table>"
    )


class Points(float):
    """Points that a notebook shows as a table and that nbgrader reads as a number.

    The cell's one output is then both: ``text/plain`` is the number that gives partial credit in stock nbgrader,
    ``text/html`` is what the student reads.
    """

    html: str

    def __new__(
        cls, items: Iterable[Item], heading: str, notes: Iterable[str] = (), printed: Iterable[tuple[str, str]] = ()
    ) -> Points:
        items = list(items)
        points = super().__new__(cls, sum(item.points for item in items))
        shown = "".join(_printed(label, text) for label, text in printed)
        points.html = (items_html(items, heading) if items else "") + _paragraphs(notes) + shown
        return points

    @classmethod
    def practiced(cls, given: str, items: Iterable[Item], heading: str, notes: Iterable[str]) -> Points:
        """Return a round of practice, which a notebook shows and which counts nothing.

        Parameters
        ----------
        given : str
            The numbers, as lines of a fixed width.
        items : iterable of Item
            The judged lines; none while there is no answer.
        heading : str
        notes : iterable of str
        """
        points = cls((), heading, notes)
        items = list(items)
        shown = items_html(items, heading) if items else _paragraphs([heading])
        points.html = _box(given, f"Numbers: {heading}") + shown + points.html
        return points

    def __repr__(self) -> str:
        return repr(float(self))

    def _repr_html_(self) -> str:
        return self.html
