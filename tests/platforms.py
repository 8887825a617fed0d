"""Archives of a class as learning platforms make them, for tests and benchmarks."""

from __future__ import annotations

import datetime
import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
import yaml

WHEN = datetime.datetime(2026, 11, 3, 22, 59)
PLATFORMS = ("moodle", "moodle-flat", "canvas", "gradescope", "brightspace", "exchange", "folders")


@dataclass(frozen=True)
class Student:
    """One student, and what was handed in: contents by relative name."""

    id: str
    first: str
    last: str
    number: int
    files: Mapping[str, bytes]
    when: datetime.datetime = WHEN
    late: bool = False
    earlier: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def email(self) -> str:
        return f"{self.id}@uni.example"


def notebook(lab, answers=1, heading="A lab", outputs=0, other=""):
    """Return a notebook with the cells that a lab scores, and so many answers filled in."""
    cells = [nbformat.v4.new_markdown_cell(f"# {heading}")]
    for number, check in enumerate(lab.checks):
        text = f"def {check.function}(*given):\n    " + (
            f"return {number}" if number < answers else "# YOUR CODE HERE\n    raise NotImplementedError()"
        )
        cells.append(_cell(text + other, check.function, solution=True))
        cells.append(_cell(f'check("{check.function}")', check.grade_id, grade=True, locked=True, points=check.points))
    for number, cell in enumerate(cells):
        cell["id"] = f"c{number}"
    made = nbformat.v4.new_notebook(cells=cells)
    if outputs:
        made.cells[1].outputs = [nbformat.v4.new_output("stream", text="x" * outputs)]
    return nbformat.writes(made).encode()


def _cell(text, name, **roles):
    given = {"grade": False, "solution": False, "locked": False, "schema_version": 3, "task": False} | roles
    return nbformat.v4.new_code_cell(text, metadata={"nbgrader": {"grade_id": name, **given}})


def classmates(lab, count, **more):
    """Return so many students, each with a notebook and the files that the lab asks for."""
    asked = {name.split("|")[0].replace("*", "one"): b"x" * 1000 for name in lab.files}
    return [
        Student(f"s{n:03}", f"First{n}", f"Last{n}", 5000 + n, {f"{lab.name}.ipynb": notebook(lab, **more), **asked})
        for n in range(count)
    ]


def packed(files, **more):
    """Return a zip archive of some files as bytes."""
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED, **more) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return whole.getvalue()


def named(platform, lab, students):
    """Return what a platform's archive holds, by name: contents and times."""
    found: dict[str, tuple[bytes, datetime.datetime]] = {}
    metadata = {}
    attachment = 70000
    for one in students:
        person = f"{one.first} {one.last}"
        for attempt, files in enumerate(filter(None, (one.earlier, one.files))):
            newest = files is one.files
            when = one.when if newest else one.when - datetime.timedelta(days=2)
            if platform == "brightspace":
                clock = f"{when:%I%M %p}".lstrip("0")
                folder = f"{one.number}-60000 - {person} - {when:%b} {when.day}, {when.year} {clock}/"
            elif platform == "exchange":
                folder = f"{one.id}+{lab.name}+{when:%Y-%m-%d %H:%M:%S.%f} UTC+{attempt}/"
            elif platform == "gradescope":
                folder = f"submission_{one.number}{attempt}/"
                who = {":name": person, ":sid": one.id, ":email": one.email}
                metadata[folder[:-1]] = {":submitters": [who], ":created_at": f"{when} Z", ":score": 0.0}
            elif not newest:
                continue
            elif platform == "folders":
                folder = f"{one.id}/"
            else:
                folder = f"{one.last} {one.first}_{one.number}_assignsubmission_file_"
                folder += "/" if platform == "moodle" else ""
            for name, content in files.items():
                attachment += 1
                if platform == "canvas":
                    late = "_LATE" if one.late else ""
                    folder = f"{one.last}{one.first}{late}_{one.number}_{attachment}_".lower().replace("late_", "LATE_")
                found[folder + name] = content, when
            if platform == "exchange":
                found[f"{folder}timestamp.txt"] = f"{when:%Y-%m-%d %H:%M:%S.%f} UTC".encode(), when
    if platform == "gradescope":
        found = {f"assignment_1_export/{name}": value for name, value in found.items()}
        found["assignment_1_export/submission_metadata.yml"] = yaml.safe_dump(metadata).encode(), WHEN
    if platform == "brightspace":
        found["index.html"] = b"<html></html>", WHEN
    return found


def write_archive(place: Path, platform: str, lab, students) -> Path:
    """Write a class as a platform's zip archive, or for folders and the exchange as a folder; return its place."""
    found = named(platform, lab, students)
    if platform in ("exchange", "folders"):
        for name, (content, _) in found.items():
            path = place / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return place
    with zipfile.ZipFile(place, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, (content, when) in found.items():
            info = zipfile.ZipInfo(name, when.timetuple()[:6])
            info.compress_type, info.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            archive.writestr(info, content)
    return place


def write_roster(place: Path, students) -> Path:
    """Write a class as a roster."""
    lines = [f"{one.id},{one.first} {one.last},{one.email},{one.number}" for one in students]
    place.write_text("\n".join(["Student ID,Name,E-mail,Platform's id", *lines]) + "\n")
    return place
