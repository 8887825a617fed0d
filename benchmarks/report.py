"""A measured figure, whether it is what is wanted, and how it is shown and kept."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from importlib import metadata
from pathlib import Path
from statistics import median
from typing import Any

from rich.table import Table

from source_lib.atomic_files import atomic_write

_PACKAGES = ("keras", "nbclient", "nbgrader", "numpy", "scikit-image", "scipy", "tensorflow")


@dataclass(frozen=True)
class Figure:
    """One measured number.

    Attributes
    ----------
    name : str
        What was measured.
    measured : float
    at_least, at_most : float, optional
        What is wanted. Without either the figure is only told.
    timed : bool
        Whether it depends on how fast the machine is.
    unit : str
    raw : dict
        What it was computed from; times in seconds.
    """

    name: str
    measured: float
    at_least: float | None = None
    at_most: float | None = None
    timed: bool = True
    unit: str = ""
    raw: dict[str, Any] = field(default_factory=dict)

    @property
    def wanted(self) -> str:
        """What is wanted, in a few characters."""
        limits = [("≥", self.at_least), ("≤", self.at_most)]
        return ", ".join(f"{sign} {limit:g}" for sign, limit in limits if limit is not None) or "–"

    @property
    def verdict(self) -> str:
        """``"ok"``, ``"missed"``, or ``"–"`` where nothing is wanted. What is no number is missed."""
        if self.at_least is None and self.at_most is None:
            return "–"
        enough = self.at_least is None or self.measured >= self.at_least
        not_too_much = self.at_most is None or self.measured <= self.at_most
        return "ok" if enough and not_too_much else "missed"


def ratio(over: Sequence[float], under: Sequence[float], of: Callable[[Sequence[float]], float] = median) -> float:
    """Return the ratio of two quantities that were measured several times.

    Parameters
    ----------
    over, under : sequence of float
        Seconds, all above 0.
    of : callable
        What stands for several measurements.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If there is no time, or one that nothing can take.

    Examples
    --------
    >>> ratio([6.0], [1.0, 9.0, 2.0])
    3.0
    """
    for seconds in (over, under):
        if not len(seconds) or not all(second > 0 for second in seconds):
            raise ValueError(f"A ratio needs times above 0, not {list(seconds)}.")
    return of(over) / of(under)


def table(figures: Sequence[Figure]) -> Table:
    """Return the figures as a table: what, measured, wanted, verdict."""
    shown = Table(title="Figures", title_justify="left")
    shown.add_column("figure")
    shown.add_column("measured", justify="right", no_wrap=True)
    shown.add_column("wanted", justify="right", no_wrap=True)
    shown.add_column("", no_wrap=True)
    colors = {"ok": "green", "missed": "red"}
    for figure in figures:
        value = str(figure.measured) if isinstance(figure.measured, int) else f"{figure.measured:.3g}"
        number = f"{value}{figure.unit and ' ' + figure.unit}"
        color = colors.get(figure.verdict, "dim")
        shown.add_row(figure.name, number, figure.wanted, f"[{color}]{figure.verdict}[/{color}]")
    return shown


def machine() -> dict[str, Any]:
    """Return what a reader must know of the machine to compare times: processors, versions, and how busy it is."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    models = {line.partition(":")[2].strip() for line in lines if line.startswith("model name")}
    return {
        "system": platform.platform(),
        "processor": ", ".join(sorted(models)) or platform.processor() or platform.machine(),
        "cpus": os.cpu_count(),
        "cpus_allowed": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "load_average": load(),
        "python": platform.python_version(),
        "packages": {name: metadata.version(name) for name in _PACKAGES},
    }


def exit_code(figures: Sequence[Figure], failed: Sequence[str]) -> int:
    """Return 1 where a figure is missed or a part could not be measured, else 0."""
    return int(bool(failed) or any(figure.verdict == "missed" for figure in figures))


def load() -> list[float]:
    """Return how many processes wanted a CPU on average over the last 1, 5 and 15 minutes."""
    return [round(number, 2) for number in os.getloadavg()]


def as_record(figure: Figure) -> dict[str, Any]:
    """Return a figure as one entry of the JSON file."""
    return {**asdict(figure), "wanted": figure.wanted, "verdict": figure.verdict}


def write_json(path: Path, document: dict[str, Any]) -> None:
    """Write beside the place and rename, so that there is never half a file.

    Raises
    ------
    OSError
        If it cannot be written; an earlier file is then as it was.
    TypeError
        If the document holds what JSON does not know.
    """
    text = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as part:
        part.write_text(text, encoding="utf-8")
