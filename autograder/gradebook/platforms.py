"""How learning platforms name what they give: whose a file is, which attempt it belongs to, and when it came."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

import yaml
from dateutil import parser as dates

from autograder.gradebook.archives import ArchiveError, Budget, Member, Source, without_top
from source_lib.text import shorten, visible

METADATA = "submission_metadata.yml"
_MAX_METADATA = 16 * 2**20
_MAX_NESTED = 20
_SECONDS = 60.0
#: What Moodle, Canvas, Brightspace and nbgrader's exchange call the folder or the file of a submission.
_MOODLE = re.compile(r"(?P<person>.+?)_(?P<id>\d+)_assignsubmission_(?P<kind>[a-z]+)(?:_(?P<file>.*))?")
_CANVAS = re.compile(r"(?s)(?P<person>[^/]+?)(?P<late>_LATE)?_(?P<id>\d+)_(?:(?P<number>\d+)_)?(?P<file>.+)")
_ANONYMOUS = re.compile(r"(?P<late>LATE_)?(?P<person>anon)_(?P<id>[A-Za-z0-9]{3,10})_(?P<number>\d+)_(?P<file>.+)")
_BRIGHTSPACE = re.compile(
    r"(?P<id>\d+)-\d+ ?- ?(?P<person>.+?) ?- ?"
    r"(?P<when>[A-Z][a-z]{2,8}\.? \d{1,2}, \d{4} \d{3,4} [AP]M)(?: ?- ?(?P<file>.+))?"
)
_EXCHANGE = re.compile(r"(?P<person>.+)\+(?P<lab>[^+]+)\+(?P<when>\d{4}-\d\d-\d\d[^+]*)(?:\+[^+]*)?")
_INBOUND = re.compile(r"(?:[^/]+/)?inbound/")
_GRADESCOPE = re.compile(r"(submission_)?\d+(\.\w+)?")


@dataclass
class Handed:
    """One attempt of one student.

    Attributes
    ----------
    platform : {"moodle", "canvas", "gradescope", "brightspace", "exchange", "folders"}
    name : str
        The platform's folder, or the prefix of the files' names.
    person : str
        The student's name, as far as it is known.
    user_id : str
        The platform's number of the student; empty where it has none.
    email, sid : str
        Empty where the platform does not say.
    when : datetime.datetime, optional
        When it was handed in; without a time zone where the platform gives none.
    late : bool
        Whether the platform says that it was late.
    files : dict of str to Member
        By relative name, those that were handed in last at the end.
    prefixes : dict of str to str
        By relative name, what stood before it, where that differs from file to file.
    problems : list of str
        What of it was left out.
    """

    platform: str
    name: str
    person: str
    user_id: str = ""
    email: str = ""
    sid: str = ""
    when: datetime.datetime | None = None
    late: bool = False
    files: dict[str, Member] = field(default_factory=dict)
    prefixes: dict[str, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    @property
    def identity(self) -> str:
        """What is the same for all attempts of one student."""
        return self.user_id or self.sid or self.email or self.person


@dataclass(frozen=True)
class _Part:
    """What the name of one file says."""

    key: str
    name: str
    file: str
    person: str
    user_id: str = ""
    when: datetime.datetime | None = None
    late: bool = False
    number: int = 0


def attempts(source: Source, lab: str) -> tuple[str, list[Handed], list[str]]:
    """Return which platform made an archive, all attempts that it holds, and what belongs to nobody.

    Parameters
    ----------
    source : Source
    lab : str
        The lab's name, for folders that hold several labs.

    Returns
    -------
    str, list of Handed, list of str
        The platform; the attempts; a sentence for each file that is nobody's.

    Raises
    ------
    ArchiveError
        If there is no file, or Gradescope's list of submissions cannot be read.
    """
    if not source.members and not source.problems:
        raise ArchiveError(f"{source.path} holds no file. Is it the right one?")
    inner = _below_inbound(source)
    for platform, read in (
        ("moodle", _moodle),
        ("brightspace", _brightspace),
        ("exchange", lambda name: _exchange(name, lab)),
        ("canvas", _canvas),
    ):
        for one in (inner, without_top(inner)):
            names = [member.name for member in one.members if member.name != "index.html"]
            if names and sum(read(name) is not None for name in names) * 2 > len(names):
                return platform, *_grouped(platform, one, read)
    for one in (inner, without_top(inner)):
        tops = {member.name.partition("/")[0] for member in one.members}
        if METADATA in tops:
            return "gradescope", *_gradescope(one)
        if tops and all(re.fullmatch(r"submission_\d+", top) for top in tops):
            raise ArchiveError(
                f"{source.path} looks like an export of Gradescope without {METADATA}, which says whose each folder "
                "is. Give the whole export."
            )
    return "folders", *_grouped("folders", _of_students(_students(inner, lab), lab), _folders)


def _below_inbound(source: Source) -> Source:
    """Return only what lies in ``inbound``, where a whole exchange was given."""
    found = [(member, _INBOUND.match(member.name)) for member in source.members]
    inside = [replace(member, name=member.name[match.end() :]) for member, match in found if match]
    return Source(source.path, inside, source.problems) if inside else source


def _grouped(platform: str, source: Source, read: Callable[[str], _Part | None]) -> tuple[list[Handed], list[str]]:
    handed: dict[str, Handed] = {}
    nobodys: list[str] = []
    parts = [(member, read(member.name)) for member in source.members]
    for member, part in sorted(parts, key=lambda one: one[1].number if one[1] else 0):
        if part is None:
            if member.name != "index.html":
                nobodys.append(f"{shorten(visible(member.name), 120)} is in the folder of nobody; it was not taken.")
            continue
        one = _attempt(handed, platform, part)
        if not part.file:
            continue
        if part.file in one.files:
            one.problems.append(f"{shorten(part.file, 80)} is there twice; the one that came last was taken.")
        one.files[part.file] = member
        one.prefixes[part.file] = part.name
    for name, problem in source.problems:
        part = read(name) if name else None
        (nobodys if part is None else _attempt(handed, platform, part).problems).append(problem)
    handed.pop("", None)
    return list(handed.values()), nobodys


def _attempt(handed: dict[str, Handed], platform: str, part: _Part) -> Handed:
    one = handed.setdefault(part.key, Handed(platform, part.name, part.person, part.user_id, when=part.when))
    one.late = one.late or part.late
    return one


def _moodle(name: str) -> _Part | None:
    top, _, rest = name.partition("/")
    found = _MOODLE.fullmatch(top)
    if found is None or not (rest or found["file"]):
        return None
    file = rest or found["file"]
    folder = top if rest else top.removesuffix(found["file"])
    key = f"{found['person']}_{found['id']}"
    # The folder of the files comes first, and gives the submission its name.
    return _Part(key, folder, file, found["person"], found["id"], number=int(found["kind"] != "file"))


def _canvas(name: str) -> _Part | None:
    top, _, rest = name.partition("/")
    found = _ANONYMOUS.fullmatch(top) or _CANVAS.fullmatch(top)
    if found is None or rest:
        return None
    prefix = top.removesuffix(found["file"])
    number = int(found["number"][:18]) if found["number"] else 0
    return _Part(
        found["id"], prefix, found["file"], found["person"], found["id"], late=bool(found["late"]), number=number
    )


def _brightspace(name: str) -> _Part | None:
    top, _, rest = name.partition("/")
    found = _BRIGHTSPACE.fullmatch(top)
    if found is None or not (rest or found["file"]):
        return None
    folder = top if rest else top.removesuffix(found["file"])
    return _Part(folder, folder, rest or found["file"], found["person"], found["id"], _brightspace_time(found["when"]))


def _brightspace_time(text: str) -> datetime.datetime | None:
    day, clock, half = text.replace(".", "").rsplit(" ", 2)
    for form in ("%b %d, %Y %I%M %p", "%B %d, %Y %I%M %p"):
        try:
            return datetime.datetime.strptime(f"{day} {clock:0>4} {half}", form)
        except ValueError:
            continue
    return None


def _exchange(name: str, lab: str) -> _Part | None:
    top, _, rest = name.partition("/")
    found = _EXCHANGE.fullmatch(top)
    if found is None or not rest:
        return None
    if found["lab"] != lab:
        # Of another lab: an attempt without files, which nobody looks at.
        return _Part("", "", "", "")
    return _Part(top, top, rest, found["person"], found["person"], read_time(found["when"]))


def _folders(name: str) -> _Part | None:
    top, slash, rest = name.partition("/")
    if slash:
        return _Part(top, top, rest, top)
    stem = top[: -len(".zip")] if top.lower().endswith(".zip") else ""
    return _Part(stem, stem, top, stem) if stem else None


def _students(source: Source, lab: str) -> Source:
    """Return the files without the one folder that holds those of all students, where an archive has one."""
    inner = without_top(source) if source.path.is_file() else source
    if inner is source or any("/" not in member.name or member.name.startswith(f"{lab}/") for member in inner.members):
        return source
    return inner


def _of_students(source: Source, lab: str) -> Source:
    """Return the files of each student's folder for one lab, where it has folders for labs."""
    with_labs = {member.name.split("/")[0] for member in source.members if member.name.split("/")[1:2] == [lab]}
    members = []
    for member in source.members:
        top, _, rest = member.name.partition("/")
        if top not in with_labs:
            members.append(member)
        elif rest.startswith(f"{lab}/"):
            members.append(replace(member, name=f"{top}/{rest.removeprefix(f'{lab}/')}"))
    return Source(source.path, members, source.problems)


def _gradescope(source: Source) -> tuple[list[Handed], list[str]]:
    known = _metadata(next(member for member in source.members if member.name == METADATA))
    files: dict[str, dict[str, Member]] = {}
    nobodys: list[str] = []
    for member in source.members:
        top, _, rest = member.name.partition("/")
        if top in known:
            files.setdefault(top, {})[rest or top] = member
        elif member.name != METADATA:
            nobodys.append(f"{shorten(visible(member.name), 120)} is in the folder of nobody; it was not taken.")
    handed: list[Handed] = []
    for folder, entry in known.items():
        told = [problem for name, problem in source.problems if name.partition("/")[0] == folder]
        submitters = [one for one in _list(entry.get(":submitters")) if isinstance(one, dict)]
        when = read_time(str(entry.get(":created_at", "")))
        for one in submitters:
            person, sid, email = (str(one.get(name, "")).strip() for name in (":name", ":sid", ":email"))
            handed.append(
                Handed(
                    "gradescope",
                    folder,
                    person,
                    "",
                    email,
                    sid,
                    when,
                    False,
                    dict(files.get(folder, {})),
                    {},
                    list(told),
                )
            )
        if not submitters:
            nobodys.append(f"{METADATA} does not say whose {shorten(folder, 80)} is; it was not taken.")
    return handed, nobodys


def _metadata(member: Member) -> dict[str, dict]:
    wrong = ArchiveError(f"{METADATA} is not what Gradescope writes. Export the submissions again.")
    if member.size > _MAX_METADATA:
        raise wrong
    try:
        content = member.read(Budget(_MAX_METADATA, _SECONDS))
        depth = 0
        for event in yaml.parse(content, Loader=yaml.CBaseLoader):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > _MAX_NESTED:
                raise wrong
        # All values are text then: a number keeps its leading zeros, and nothing is merged.
        loaded = yaml.load(content, Loader=yaml.CBaseLoader)
    except (yaml.YAMLError, ValueError, RecursionError, ArchiveError):
        raise wrong from None
    if not isinstance(loaded, dict):
        raise wrong
    return {str(name): entry for name, entry in loaded.items() if isinstance(entry, dict)}


def _list(value: object) -> Iterable:
    return value if isinstance(value, list) else ()


def read_time(text: str) -> datetime.datetime | None:
    """Return the time that a text gives; None where it gives none.

    Parameters
    ----------
    text : str

    Examples
    --------
    >>> read_time("2026-11-03 23:59:00.5 UTC").isoformat(), read_time("soon")
    ('2026-11-03T23:59:00.500000+00:00', None)
    """
    # The date parser raises what it likes.
    try:
        return dates.parse(text) if 6 <= len(text) <= 200 and any(map(str.isdigit, text)) else None
    except Exception:
        return None
