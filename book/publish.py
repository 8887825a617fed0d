"""Put together what may be public, the built site and the released labs; refuse where it gives a solution away."""

from __future__ import annotations

import argparse
import html
import io
import json
import re
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import jupytext

from autograder.gradebook.release import compiled, solution_lines
from autograder.labs import lab_names

ROOT = Path(__file__).resolve().parent.parent
_ARCHIVES = {".whl", ".zip"}
_TAG = re.compile(r"<[^<>]*>")
_FINDS_SHOWN = 10
#: What is shorter, such as ``else:``, stands in many programs.
_SHORT = 12


class PublishError(Exception):
    """What would be published must not be, or is not there. The text says which file, and why."""


def secret_lines(names: Iterable[str] | None = None) -> dict[str, str]:
    """Return each line that stands in a solution or a model answer and nowhere else in its lab, and that lab's name.

    Parameters
    ----------
    names : iterable of str, optional
        The labs, all of them without it.
    """
    found = {}
    for name in lab_names() if names is None else names:
        for line in solution_lines(jupytext.read(ROOT / "assignments" / name / f"{name}.md")):
            # What counts is the code: a comment behind it would hide that the line is there.
            if len(code := _code(line)) >= _SHORT:
                found[code] = name
    return found


def finds(folder: Path, secrets: Mapping[str, str]) -> list[str]:
    """Return what a folder gives away, one phrase for each find.

    Parameters
    ----------
    folder : pathlib.Path
        The folder. Archives in it are looked into, pages and notebooks read as their readers see them.
    secrets : mapping of str to str
        Lines that must not be there, and the lab of each.
    """
    found = compiled(folder)
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if path.is_symlink():
            found.append(f"whatever the link {name} leads to")
        elif path.is_file():
            told = {secrets[line]: line for line in _lines(path.name, path.read_bytes()) if line in secrets}
            found += [f"a line of a solution of {lab}, in {name}: {line!r}" for lab, line in told.items()]
    return found


def _lines(name: str, data: bytes) -> Iterator[str]:
    """Yield the lines of a file, each without what surrounds its code."""
    kind = Path(name).suffix
    if kind in _ARCHIVES:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for member in archive.namelist():
                yield from _lines(member, archive.read(member))
        return
    text = data.decode("utf-8", "ignore")
    if kind == ".ipynb":
        text = "\n".join("".join(cell["source"]) for cell in json.loads(text)["cells"])
    elif kind == ".html":
        text = html.unescape(_TAG.sub("", text))
    yield from map(_code, text.splitlines())


def _code(line: str) -> str:
    return line.partition("  #")[0].strip()


def publish(site: Path, releases: Path, target: Path, secrets: Mapping[str, str]) -> Path:
    """Write a folder that holds the site, and the releases in ``releases``, and nothing else.

    Parameters
    ----------
    site : pathlib.Path
        The built site.
    releases : pathlib.Path
        The folder with one folder for each released lab.
    target : pathlib.Path
        What is there is replaced, but for a ``.git`` in it, once the new content is whole.
    secrets : mapping of str to str
        Lines that must not be there, and the lab of each.

    Returns
    -------
    pathlib.Path
        The target.

    Raises
    ------
    PublishError
        If there is no site or no release, or something of a solution would be published. The target is as it was.
    """
    if not (site / "index.html").is_file():
        raise PublishError(f"There is no site in {site}. Build it first: make book")
    if not releases.is_dir() or not any(releases.iterdir()):
        raise PublishError(f"There is no release in {releases}. Write them first: cnn-course release LAB")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".publish-", dir=target.parent) as beside:
        made = Path(beside) / "made"
        shutil.copytree(site, made, symlinks=True)
        shutil.copytree(releases, made / "releases", symlinks=True)
        # Without it GitHub Pages leaves out every folder whose name begins with an underscore.
        (made / ".nojekyll").touch()
        if problems := finds(made, secrets):
            shown = "\n".join(f"- {problem}" for problem in problems[:_FINDS_SHOWN])
            more = f"\n- and {len(problems) - _FINDS_SHOWN} more" if len(problems) > _FINDS_SHOWN else ""
            raise PublishError(f"Nothing was published, for it would give away:\n{shown}{more}")
        if (target / ".git").exists():
            (target / ".git").rename(made / ".git")
        old = Path(beside) / "old"
        if target.exists():
            target.rename(old)
        made.rename(target)
    return target


def main(argv: list[str] | None = None) -> int:
    """Put the folder together from the command line; 0 where it stands, 1 with the reason where it does not."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", type=Path, help="folder to write, such as a checkout of the public repository")
    parser.add_argument("--site", type=Path, default=ROOT / "book" / "_build" / "html", help="the built site")
    parser.add_argument("--releases", type=Path, default=ROOT / "assignments" / "release", help="the released labs")
    options = parser.parse_args(argv)
    try:
        print(f"What may be public is in {publish(options.site, options.releases, options.target, secret_lines())}")
    except PublishError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
