"""A new lab: the smallest one that releases, grades, shows in the demo and passes the tests, to be rewritten."""

from __future__ import annotations

import keyword
import re
import shutil
from pathlib import Path

from autograder.errors import UserError

TEMPLATE = Path(__file__).with_name("lab_template")


class NewLabError(UserError):
    """A lab cannot be made here. The text says why and what to do."""


def new_lab(root: Path, name: str, title: str = "") -> list[Path]:
    """Write a minimal lab into a repository of the course.

    Parameters
    ----------
    root : pathlib.Path
        The repository.
    name : str
        Of the lab: lower-case letters, digits and underscores, a letter first.
    title : str, optional
        What a person calls it; made from the name by default.

    Returns
    -------
    list of pathlib.Path
        The places that are new: the lab's text, its package, its tests and its page. No other file is changed.

    Raises
    ------
    NewLabError
        If the name is none, a place is taken, or this is not the course's repository. Nothing is written then.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     new_lab(Path(folder), "lab9")
    Traceback (most recent call last):
    autograder.new_lab.NewLabError: ... is not the course's repository: there is no folder assignments...
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or keyword.iskeyword(name):
        raise NewLabError(
            f"{name!r} cannot be the name of a lab, since it is also that of a Python package. Use lower-case letters, "
            "digits and underscores, with a letter first, for example lab9."
        )
    title = title or name[:1].upper() + re.sub(r"(?<=[a-z])(?=\d)", " ", name[1:]).replace("_", " ")
    if not title.isprintable() or '"' in title or "\\" in title:
        raise NewLabError(f"The title {title!r} cannot be written into the lab. Leave out quotes and backslashes.")
    places = {
        "assignment": root / "assignments" / name,
        "package": root / "autograder" / "labs" / name,
        "tests": root / "tests" / "labs" / name,
        "page.md.txt": root / "book" / "labs" / f"{name}.md",
    }
    for place in places.values():
        if not place.parent.is_dir():
            folder = place.parent.relative_to(root)
            raise NewLabError(
                f"{root} is not the course's repository: there is no folder {folder}. Change into it first."
            )
        if place.exists() or place.is_symlink():
            raise NewLabError(f"{place} is there already. Choose another name, or delete it first.")
    made: list[Path] = []
    try:
        for part, place in places.items():
            made.append(place)
            _write(TEMPLATE / part, place, name, title)
    except OSError as error:
        for place in made:
            shutil.rmtree(place, ignore_errors=True) if place.is_dir() else place.unlink(missing_ok=True)
        raise NewLabError(f"The lab was not made: {error.strerror} ({error.filename}).") from None
    return made


def _write(template: Path, place: Path, name: str, title: str) -> None:
    if template.is_dir():
        place.mkdir()
        for part in sorted(template.iterdir()):
            _write(part, place / part.name.removesuffix(".txt").replace("LAB", name), name, title)
    else:
        text = template.read_text(encoding="utf-8").replace("@LAB@", name).replace("@TITLE@", title)
        place.write_text(text, encoding="utf-8")
