"""Feedback pages as an archive that a learning platform hands out, under the names that it gave the submissions.

Moodle takes *feedback files* in folders named as it named those of the submissions. Canvas takes a zip of files whose
names begin as those of the submissions did, and shows each to its student as a comment. Where it knows the groups and
gives them one grade, it shows each to the whole group: pages of the other members belong in an archive of their own.
"""

from __future__ import annotations

import base64
import re
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from html import unescape
from pathlib import Path

from autograder.checking.lab import Lab
from autograder.errors import UserError
from autograder.gradebook.course_folder import CourseFolder
from autograder.gradebook.platform_grades import CANVAS, MOODLE
from autograder.gradebook.platform_names import Collected, read_collected
from autograder.gradebook.roster import Enrolled
from autograder.submissions.sanitize import printable
from source_lib.atomic_files import atomic_write

#: Bytes of a picture that is put into a page, and of all in one page.
MAX_PICTURE, MAX_PICTURES = 2**21, 2**23
_TYPES = {".png": "png", ".jpg": "jpeg", ".jpeg": "jpeg", ".gif": "gif", ".webp": "webp"}
#: A picture beside the page; the pages are written by this package, so each attribute is quoted.
_PICTURE = re.compile(r'(<img\b[^<>]*?\bsrc=")([^":<>]{1,300})(")')
#: Zip archives hold no time before this one; the same pages give the same archive.
_EPOCH = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class Packed:
    """An archive of feedback pages.

    Attributes
    ----------
    path : pathlib.Path
    names : dict of str to str
        By student, under which name the page is in it.
    left_out : dict of str to str
        Why the pages of others are not, a sentence each.
    """

    path: Path
    names: Mapping[str, str]
    left_out: Mapping[str, str]


def pack_feedback(
    course: CourseFolder,
    lab: Lab,
    platform: str,
    students: Iterable[str],
    known: Mapping[str, Enrolled],
    path: Path,
    by: Mapping[str, str] | None = None,
) -> Packed:
    """Write an archive of feedback pages for a platform.

    Each student gets one file of HTML; pictures that lie beside the page are put into it.

    Parameters
    ----------
    course : CourseFolder
    lab : Lab
    platform : {"canvas", "moodle"}
    students : iterable of str
        Whose pages.
    known : mapping of str to Enrolled
        As `platform_grades.known_students` gives it.
    path : pathlib.Path
        Of the archive. It is written beside its place and renamed.
    by : mapping of str to str, optional
        By member of a group, who handed in for it.

    Raises
    ------
    UserError
        If two students would get each other's page, or the archive cannot be written.
    """
    collected = read_collected(course.root, lab.name)
    names: dict[str, str] = {}
    left_out: dict[str, str] = {}
    for student in sorted(students):
        entry = known.get(student)
        one = collected.get((lab.name, student)) or _shared(
            collected.get((lab.name, (by or {}).get(student, ""))), entry
        )
        prefix = _prefix(platform, one, entry)
        page = course.step("feedback", student, lab.name) / f"{lab.name}.html"
        if not prefix:
            left_out[student] = (
                f"{platform.title()}'s name of this submission is not known. Collect the lab from there, or for a "
                f"member of a group write {platform.title()}'s id into the roster."
            )
        elif not _is_plain(prefix):
            left_out[student] = f"{printable(prefix)} is no name that {platform.title()} gives."
        elif not page.is_file():
            left_out[student] = f"There is no feedback page yet. Write it with: cnn-course feedback {lab.name}"
        else:
            names[student] = f"{prefix}/{lab.name}.html" if platform == MOODLE else f"{prefix}{lab.name}.html"
    _unique(names)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path, private=True) as part, zipfile.ZipFile(part, "w") as archive:
            for student, name in names.items():
                page = course.step("feedback", student, lab.name) / f"{lab.name}.html"
                member = zipfile.ZipInfo(name, _EPOCH)
                member.compress_type, member.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
                archive.writestr(member, with_pictures(page.read_text(encoding="utf-8"), page.parent), compresslevel=1)
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror}.") from None
    return Packed(path, names, left_out)


def _prefix(platform: str, one: Collected | None, entry: Enrolled | None) -> str:
    if one is not None and one.platform == platform:
        return one.name
    # Moodle looks at the number and the words after it alone; Canvas at the number of the file that was handed in.
    if platform == MOODLE and entry is not None and entry.platform_id:
        name = re.sub(r"[\W_]+", " ", entry.name or entry.student).strip()
        return f"{name}_{entry.platform_id}_assignsubmission_file"
    return ""


def _shared(one: Collected | None, entry: Enrolled | None) -> Collected | None:
    """Return what Canvas calls the file of a group for another member: it looks at the numbers of student and file."""
    file = one and re.search(r"_(\d+)_$", one.name)
    if one is None or one.platform != CANVAS or not file or entry is None or not entry.platform_id:
        return None
    name = re.sub(r"[\W_\d]+", "", entry.name or entry.student).casefold() or "member"
    return replace(one, name=f"{name}_{entry.platform_id}_{file[1]}_", user_id=entry.platform_id)


def _is_plain(name: str) -> bool:
    """Return whether a name is that of one file or folder, and can be written into an archive."""
    return name.isprintable() and not name.startswith(".") and not any(mark in name for mark in '/\\:*?"<>|')


def _unique(names: Mapping[str, str]) -> None:
    owners: dict[str, str] = {}
    for student, name in names.items():
        other = owners.setdefault(name.casefold(), student)
        if other != student:
            raise UserError(
                f"{printable(student)} and {printable(other)} have the same name on the platform, {printable(name)}: "
                "one would get the other's page. Correct collected.jsonl or the roster."
            )


def with_pictures(page: str, folder: Path) -> str:
    """Return a feedback page with the pictures in it that lie beside it, as far as they are not too large.

    Parameters
    ----------
    page : str
        HTML as `feedback_pages.render_page` makes it.
    folder : pathlib.Path
        Where it lies.
    """
    left = MAX_PICTURES
    root = folder.resolve()

    def put_in(found: re.Match[str]) -> str:
        nonlocal left
        file = (root / unescape(found[2])).resolve()
        kind = _TYPES.get(file.suffix.lower())
        if kind is None or not file.is_relative_to(root) or not file.is_file():
            return found[0]
        size = file.stat().st_size
        if size > min(MAX_PICTURE, left):
            return found[0]
        left -= size
        return f"{found[1]}data:image/{kind};base64,{base64.b64encode(file.read_bytes()).decode('ascii')}{found[3]}"

    return _PICTURE.sub(put_in, page)
