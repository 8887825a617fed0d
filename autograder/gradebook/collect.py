"""From what a learning platform gives to nbgrader's folder of submissions: first a plan, then each student in one step.

Whatever stops it leaves each student with the submission from before or with the new one, and running it again
completes it.
"""

from __future__ import annotations

import contextlib
import datetime
import fcntl
import hashlib
import json
import os
import resource
import shutil
import tempfile
import zoneinfo
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from autograder.checking.lab import Lab
from autograder.errors import UserError
from autograder.gradebook.archives import ArchiveError, Budget, Member, Source, open_source, open_zip, zip_source
from autograder.gradebook.class_tables import read_exempt, read_groups
from autograder.gradebook.course_folder import CourseFolder
from autograder.gradebook.platform_names import Collected, write_collected
from autograder.gradebook.platforms import Handed, attempts, read_time
from autograder.gradebook.roster import Roster, unfit
from autograder.labs import lab_names
from autograder.submissions.choosing import Choice, Seen, choose, look_into
from autograder.submissions.wanted import Wanted
from source_lib.atomic_files import atomic_write
from source_lib.text import counted, in_series, shorten, visible

#: What is taken of one student, and how long that may take.
MAX_FILES = 1000
MAX_BYTES = 400 * 2**20
SECONDS = 60.0
#: Archives that a student hands in are unpacked, so many and no deeper.
MAX_ARCHIVES = 5
#: A notebook that is larger is taken without a look into it.
MAX_LOOK = 50 * 2**20
#: Times in an archive that was packed as it was downloaded lie closer together.
_SPREAD = datetime.timedelta(hours=1)
STAMP = "timestamp.txt"
NEW, BEFORE, LATER, NOTHING = "new", "as before", "later there", "nothing"


@dataclass
class Planned:
    """What is to be done for one student.

    Attributes
    ----------
    student : str
    handed : Handed
        The attempt that counts.
    choice : Choice
    files : dict of str to Member
        What is taken, by the name under which it is.
    when : datetime.datetime, optional
        When it was handed in.
    state : {"new", "as before", "later there", "nothing"}
        Whether it is written, and why not.
    said, doubts : list of str
        What a person may want to know, and must look at.
    of : str
        Stands for the content of all files.
    """

    student: str
    handed: Handed
    choice: Choice = Choice()
    files: dict[str, Member] = field(default_factory=dict)
    when: datetime.datetime | None = None
    state: str = NEW
    said: list[str] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)
    of: str = ""


@dataclass
class Plan:
    """What is to be done for a class.

    Attributes
    ----------
    platform : str
        Whose form the archive has.
    students : list of Planned
        Sorted.
    problems : list of str
        What belongs to nobody, or to two.
    missing : list of str
        Those of the roster who handed in nothing, here or before, nor did another of their group.
    """

    platform: str
    students: list[Planned]
    problems: list[str]
    missing: list[str]


@contextlib.contextmanager
def planned(course: CourseFolder, lab: Lab, path: Path, roster: Roster | None, zone: str = "") -> Iterator[Plan]:
    """Find out what a platform's archive holds, and what of it is to be taken. Nothing is written.

    Parameters
    ----------
    course : CourseFolder
    lab : Lab
    path : pathlib.Path
        The archive or the folder.
    roster : Roster, optional
        Says whose each submission is; without one, the platform's own names are the ids.
    zone : str
        The time zone of the platform's times, where they name none; that of nbgrader's exchange by default.

    Yields
    ------
    Plan
        As long as this is open, it can be carried out.

    Raises
    ------
    ArchiveError
        If it is no archive, damaged, empty or of another lab.
    UserError
        If there is no such time zone.
    """
    times = _zone(zone or str(course.config.get("Exchange", {}).get("timezone", "UTC")))
    with contextlib.ExitStack() as stack:
        # Each archive that a student handed in stays open.
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        stack.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="collect-")))
        source = stack.enter_context(open_source(path))
        platform, handed, problems = attempts(source, lab.name)
        problems += _forged(source, handed)
        if not handed:
            raise ArchiveError(f"{path} holds no submission. {' '.join(problems[:2])}".rstrip())
        by_archive = _times_are_told(handed)
        found, lost = _by_student(handed, roster)
        looked: list[Seen] = []
        students: list[Planned] = []
        before = _read_contents(course, lab.name)
        for number, (student, tries) in enumerate(sorted(found.items())):
            timed = [(_when(one, by_archive, roster, student, times), one) for one in tries]
            earliest = datetime.datetime.min.replace(tzinfo=datetime.UTC)
            when, newest = max(timed, key=lambda one: one[0] or earliest)
            one = Planned(student, newest, when=when, doubts=list(newest.problems))
            if len(tries) > 1:
                one.said.append(f"The newest of {len(tries)} attempts counts.")
            with_place = folder / str(number)
            looked += _fill(one, lab.wanted, with_place, stack)
            _compare(one, course, lab, before)
            if newest.late:
                _say_late(one, course, lab)
            students.append(one)
        if looked and all(seen.foreign for seen in looked):
            raise ArchiveError(
                f"{path} is of another lab: none of its {counted(len(looked), 'notebook')} has a cell that {lab.name} "
                f"scores. {looked[0].misfit} Nothing was taken."
            )
        yield Plan(platform, students, problems + lost, _missing(course, lab, roster, found))


def _zone(name: str) -> zoneinfo.ZoneInfo:
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise UserError(f"There is no time zone {name!r}. Give one such as Europe/Stockholm or UTC.") from None


def _forged(source: Source, handed: list[Handed]) -> list[str]:
    """Return which folders of an exchange belong to somebody else than they say, where students own theirs."""
    if not source.path.is_dir() or not handed or handed[0].platform != "exchange":
        return []
    import pwd

    owners: dict[str, str] = {}
    for place in (source.path, source.path / "inbound"):
        for one in handed:
            with contextlib.suppress(OSError, KeyError):
                owners[one.name] = pwd.getpwuid((place / one.name).lstat().st_uid).pw_name
    if len(set(owners.values())) < 2:
        return []
    return [
        f"{shorten(one.name, 80)} says that it is from {visible(one.person)}, and belongs to {owners[one.name]}. Who "
        "handed it in?"
        for one in handed
        if owners.get(one.name, one.person) != one.person
    ]


def _by_student(handed: Iterable[Handed], roster: Roster | None) -> tuple[dict[str, list[Handed]], list[str]]:
    """Return the attempts of each student, and a sentence for each of those whose student is not known."""
    found: dict[str, list[Handed]] = {}
    problems: list[str] = []
    for one in handed:
        student = one.sid or one.person
        if roster is not None:
            entry, problem = roster.find(one)
            if entry is None:
                problems.append(f"{_called(one)} {problem}. It was not taken.")
                continue
            student = entry.student
        if problem := unfit(student):
            problems.append(f"{_called(one)} {problem}, in a roster. It was not taken.")
            continue
        found.setdefault(student, []).append(one)
    alike: dict[str, set[str]] = {}
    for student, tries in found.items():
        alike.setdefault(student.casefold(), set()).update(one.identity for one in tries)
    for student in [student for student in found if len(alike[student.casefold()]) > 1]:
        names = in_series(list(dict.fromkeys(_called(one) for one in found[student]))[:5])
        problems.append(
            f"{visible(student)} would be more than one student ({names}). Neither was taken: give a roster that tells "
            "them apart by the platform's id."
        )
        del found[student]
    return found, problems


def _called(one: Handed) -> str:
    return f"{shorten(visible(one.person or one.name), 60)}{f' ({one.user_id})' if one.user_id else ''}"


def _times_are_told(handed: list[Handed]) -> bool:
    """Return whether the times in an archive are those of the uploads: else they are all that of the download."""
    times = [member.modified for one in handed for member in one.files.values() if member.modified]
    return handed[0].platform == "moodle" and bool(times) and max(times) - min(times) > _SPREAD


def _when(
    one: Handed, by_archive: bool, roster: Roster | None, student: str, zone: zoneinfo.ZoneInfo
) -> datetime.datetime | None:
    when = one.when
    if when is None and one.platform in ("exchange", "folders") and STAMP in one.files:
        with contextlib.suppress(ArchiveError):
            when = read_time(one.files[STAMP].read(Budget(200, SECONDS)).decode("utf-8", "replace").strip())
    if when is None and roster is not None:
        when = read_time(next((entry.handed for entry in roster.students if entry.student == student), ""))
    if when is None and by_archive:
        when = max((member.modified for member in one.files.values() if member.modified), default=None)
    if when is None:
        return None
    # nbgrader takes a time without a zone for UTC, and so does this for its own files.
    own = datetime.UTC if one.platform in ("exchange", "folders") else zone
    with contextlib.suppress(OverflowError, ValueError):
        return (when if when.tzinfo else when.replace(tzinfo=own)).astimezone(datetime.UTC)
    return None


def _fill(one: Planned, wanted: Wanted, folder: Path, stack: contextlib.ExitStack) -> list[Seen]:
    """Decide what is taken of one attempt; return what was seen of its notebook."""
    budget = Budget(MAX_BYTES, SECONDS)
    trusted = one.handed.platform in ("exchange", "folders")
    try:
        files = _unpacked(one, folder, budget, stack)
        if len(files) > MAX_FILES:
            nearest = sorted(files, key=lambda name: name.count("/"))[:MAX_FILES]
            one.doubts.append(f"Of {len(files):,} files, the {MAX_FILES:,} that lie nearest were taken.")
            files = {name: files[name] for name in nearest}
        contents: dict[str, Seen] = {}

        def look(name: str) -> Seen:
            if name not in contents:
                small = files[name].size <= MAX_LOOK
                content = files[name].read(Budget(MAX_LOOK, SECONDS)) if small else b""
                contents[name] = look_into(content, wanted, name) if small else Seen("", 1, 1)
            return contents[name]

        one.choice = choose(files, wanted, look)
        one.files = {target: files[name] for target, name in one.choice.placed.items() if target != STAMP}
        if STAMP in files and trusted:
            one.files[STAMP] = files[STAMP]
        seen = look(one.choice.notebook) if one.choice.notebook else None
        one.of = _digest(one.files, budget)
    except ArchiveError as error:
        one.state, one.files = NOTHING, {}
        one.doubts.append(f"It was not taken: {error}.")
        return []
    if trusted and STAMP in files and one.when is None:
        one.doubts.append(f"{STAMP} gives no time that can be read, so whether it was late is not known.")
    one.said += one.choice.said
    one.doubts += one.choice.doubts
    if not one.files:
        one.state = NOTHING
    if one.choice.missing and one.files:
        one.said.append(f"Not there: {in_series(one.choice.missing)}.")
    if seen is None:
        return []
    one.doubts += filter(None, [seen.problem, seen.misfit, *seen.cut])
    if seen.cells and not seen.filled and not seen.problem:
        one.said.append(f"{wanted.notebook} is as it was released: no answer is filled in.")
    return [] if seen.problem else [seen]


def _unpacked(one: Planned, folder: Path, budget: Budget, stack: contextlib.ExitStack) -> dict[str, Member]:
    """Return the files of an attempt, with those of the archives in it."""
    files = dict(one.handed.files)
    archives = [name for name in files if name.lower().endswith(".zip")]
    for number, name in enumerate(archives[:MAX_ARCHIVES]):
        folder.mkdir(exist_ok=True)
        place = folder / str(number)
        shown = shorten(visible(name), 80)
        try:
            with open(place, "wb") as file:
                file.writelines(files[name].chunks(budget))
            inside = zip_source(stack.enter_context(open_zip(place, shown)), place)
        except ArchiveError as error:
            if budget.left < 0:
                raise
            one.doubts.append(f"{shown} was not unpacked: {error}")
            continue
        one.doubts += [problem for _, problem in inside.problems[:5]]
        one.said.append(f"{shown} was unpacked: {counted(len(inside.members), 'file')}.")
        del files[name]
        # What lies beside an archive was not packed by mistake, so it wins.
        files = {member.name: member for member in inside.members} | files
    if len(archives) > MAX_ARCHIVES:
        one.doubts.append(f"Of {len(archives)} archives, {MAX_ARCHIVES} were unpacked.")
    return files


def _digest(files: dict[str, Member], budget: Budget) -> str:
    whole = hashlib.sha256()
    for name, member in sorted(files.items()):
        content = hashlib.sha256()
        for part in member.chunks(budget):
            content.update(part)
        if name != STAMP:
            whole.update(f"{name}\0{content.hexdigest()}\n".encode())
    return whole.hexdigest()


def _digest_there(folder: Path) -> str:
    whole = hashlib.sha256()
    places = {str(path.relative_to(folder)): path for path in folder.rglob("*") if path.is_file()}
    for name, path in sorted(places.items()):
        if name != STAMP:
            with open(path, "rb") as file:
                whole.update(f"{name}\0{hashlib.file_digest(file, 'sha256').hexdigest()}\n".encode())
    return whole.hexdigest()


def _compare(one: Planned, course: CourseFolder, lab: Lab, before: dict[str, str]) -> None:
    """Find out whether an attempt is there already, or a later one."""
    place = course.step("submitted", one.student, lab.name)
    if one.state != NEW or not place.exists():
        return
    there = None
    with contextlib.suppress(OSError):
        there = read_time((place / STAMP).read_text("utf-8", "replace").strip()[:200])
    there = there if there is None or there.tzinfo else there.replace(tzinfo=datetime.UTC)
    timed = one.when is None or one.when == there
    if timed and (before.get(one.student) == one.of or _digest_there(place) == one.of):
        one.state = BEFORE
    elif there and one.when and there > one.when:
        one.state = LATER
        one.doubts.append("What is there was handed in later, so it stays. Move it away to take this one.")
    else:
        one.said.append("It takes the place of an earlier one, which is kept.")


def _say_late(one: Planned, course: CourseFolder, lab: Lab) -> None:
    settled = one.state == BEFORE and (course.step("submitted", one.student, lab.name) / STAMP).is_file()
    if one.when is not None or settled:
        one.said.append("The platform calls it late.")
    else:
        one.doubts.append(
            "The platform calls it late and does not say by how much, so it costs nothing. Where it should, write when "
            f"it came into {STAMP} beside it, such as 2026-11-03 23:10:00 UTC."
        )


def _missing(course: CourseFolder, lab: Lab, roster: Roster | None, found: Iterable[str]) -> list[str]:
    everybody = [one.student for one in (roster.students if roster is not None else ())]
    here = {*found, *(one for one in everybody if course.step("submitted", one, lab.name).exists())}
    for group in read_groups(course.root, lab.name):
        here |= {*group.members} if here & {*group.members} else set()
    return [one for one in everybody if one not in here | read_exempt(course.root, lab.name)]


def carry_out(course: CourseFolder, lab: Lab, plan: Plan) -> Iterator[Planned]:
    """Write what a plan takes, one student after the other: beside its place first, and then renamed.

    Parameters
    ----------
    course : CourseFolder
    lab : Lab
    plan : Plan

    Yields
    ------
    Planned
        Each student, done. What cannot be written is among the doubts, and keeps nobody else's from being written.

    Raises
    ------
    UserError
        If another collect is at work, or the folder cannot be written to.
    """
    submitted = course.step("submitted")
    try:
        submitted.mkdir(parents=True, exist_ok=True)
        lock = open(submitted / ".collect.lock", "w")  # noqa: SIM115
    except OSError as error:
        raise UserError(f"{submitted} cannot be written to: {error.strerror}.") from None
    contents = _read_contents(course, lab.name)
    records: list[Collected] = []
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise UserError(f"Another collect is writing to {submitted}. Wait until it is done.") from None
        try:
            for one in plan.students:
                if one.state == NEW:
                    _write_one(one, course, lab)
                if one.state in (NEW, BEFORE):
                    contents[one.student] = one.of
                    records.append(_record(one, lab))
                yield one
        finally:
            _write_contents(course, lab.name, contents)
            write_collected(course.root, records)


def _record(one: Planned, lab: Lab) -> Collected:
    name = one.handed.prefixes.get(one.choice.notebook) or one.handed.name
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    return Collected(lab.name, one.student, one.handed.platform, name, one.handed.user_id, now)


def _write_one(one: Planned, course: CourseFolder, lab: Lab) -> None:
    place = course.step("submitted", one.student, lab.name)
    beside = place.with_name(f".{lab.name}.new")
    try:
        if beside.exists():
            shutil.rmtree(beside)
        beside.mkdir(parents=True)
        budget = Budget(MAX_BYTES, SECONDS)
        for name, member in one.files.items():
            target = beside / name
            try:
                target.parent.mkdir(parents=True, exist_ok=True)
                # Where a file system takes two names for one, the first one stays.
                with open(target, "xb") as file:
                    file.writelines(member.chunks(budget))
            except (FileExistsError, NotADirectoryError, IsADirectoryError):
                one.doubts.append(f"{shorten(visible(name), 80)} has the name of another file; it was left out.")
        if one.when is not None and STAMP not in one.files:
            (beside / STAMP).write_text(one.when.strftime("%Y-%m-%d %H:%M:%S.%f UTC"))
        if place.is_symlink() or place.exists():
            os.rename(place, _earlier(place, course, lab, one.student))
        os.rename(beside, place)
    except (OSError, ArchiveError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        one.state = NOTHING
        one.doubts.append(f"It could not be written: {reason}.")
        shutil.rmtree(beside, ignore_errors=True)


def _earlier(place: Path, course: CourseFolder, lab: Lab, student: str) -> Path:
    """Return where an earlier submission is kept: beside the folder of submissions."""
    kept = earlier_folder(course, student) / lab.name
    kept.mkdir(parents=True, exist_ok=True)
    return kept / str(1 + max((int(path.name) for path in kept.iterdir() if path.name.isdigit()), default=0))


def earlier_folder(course: CourseFolder, student: str) -> Path:
    """Return where the earlier submissions of a student are kept.

    Parameters
    ----------
    course : CourseFolder
    student : str
    """
    return course.step("submitted").parent / "earlier" / student


def forget_contents(course: CourseFolder, student: str, lab: str = "") -> None:
    """Forget what stands for the submissions of a student.

    Parameters
    ----------
    course : CourseFolder
    student : str
    lab : str
        The one lab that is meant; empty for all.
    """
    for name in [lab] if lab else lab_names():
        contents = _read_contents(course, name)
        if contents.pop(student, None) is not None:
            _write_contents(course, name, contents)


def _contents_file(course: CourseFolder, lab: str) -> Path:
    return course.root / f".collected-{lab}.json"


def _read_contents(course: CourseFolder, lab: str) -> dict[str, str]:
    """Return what stands for each submission as it was collected: one that a person has changed since stays."""
    with contextlib.suppress(OSError, ValueError):
        read = json.loads(_contents_file(course, lab).read_text("utf-8"))
        return {name: of for name, of in read.items() if isinstance(of, str)} if isinstance(read, dict) else {}
    return {}


def _write_contents(course: CourseFolder, lab: str, contents: dict[str, str]) -> None:
    with contextlib.suppress(OSError), atomic_write(_contents_file(course, lab), private=True) as part:
        part.write_text(json.dumps(contents, indent=0, sort_keys=True), encoding="utf-8")
