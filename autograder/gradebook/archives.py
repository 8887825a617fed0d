"""What a platform gave, a folder or a zip archive, as files that can be listed and read: none of it is trusted.

Nothing is unpacked by the names that an archive holds. Names are made safe first, links are never followed, and every
byte that comes out of a compressed file is counted.
"""

from __future__ import annotations

import contextlib
import datetime
import functools
import io
import os
import stat
import struct
import time
import unicodedata
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from autograder.errors import UserError
from source_lib.text import counted, shorten, visible

#: Files of one class; the nearest come first.
MAX_FILES = 200_000
#: Bytes of an archive's list of its files.
MAX_DIRECTORY = 32 * 2**20
MAX_DEPTH = 20
MAX_NAME = 200
_CHUNK = 2**20
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
#: What programs leave behind, and nobody hands in.
_LITTER = ("__MACOSX", ".DS_Store", "Thumbs.db", "desktop.ini", "__pycache__", ".ipynb_checkpoints", ".git", ".venv")
#: Archives that are not read, by their ends.
_OTHERS = (".rar", ".7z", ".tar", ".gz", ".tgz", ".bz2", ".xz")


class ArchiveError(UserError):
    """An archive or a file of it that cannot be read. The text says why and what to do."""


class Budget:
    """How many bytes, and for how long, may still be read of one student's work.

    Parameters
    ----------
    size : int
        Bytes.
    seconds : float
    """

    def __init__(self, size: int, seconds: float) -> None:
        self.size, self.left, self.end = size, size, time.monotonic() + seconds

    def spend(self, count: int) -> None:
        """Count some bytes.

        Raises
        ------
        ArchiveError
            If they are too many, or the time is over.
        """
        self.left -= count
        if self.left < 0:
            raise ArchiveError(f"it unpacks to more than {self.size // 2**20} MB")
        if time.monotonic() > self.end:
            raise ArchiveError("it takes too long to be unpacked")


@dataclass(frozen=True)
class Member:
    """One file of what a platform gave.

    Attributes
    ----------
    name : str
        Its relative name, parts joined by a slash, safe to use.
    size : int
        Bytes, as far as it says.
    modified : datetime.datetime, optional
        Without a time zone, as an archive has it.
    opened : callable
        Opens it for reading.
    """

    name: str
    size: int
    modified: datetime.datetime | None = None
    opened: Callable[[], IO[bytes]] = field(repr=False, compare=False, default=io.BytesIO)

    def chunks(self, budget: Budget) -> Iterator[bytes]:
        """Yield what the file holds.

        Parameters
        ----------
        budget : Budget

        Raises
        ------
        ArchiveError
            If it is damaged, or the budget is used up. The text completes a sentence that names the file.
        """
        try:
            with self.opened() as file:
                while part := file.read(_CHUNK):
                    budget.spend(len(part))
                    yield part
        except (zipfile.BadZipFile, EOFError, ValueError, RuntimeError, NotImplementedError, struct.error):
            raise ArchiveError("it is damaged") from None
        except OSError as error:
            raise ArchiveError(f"it cannot be read ({error.strerror or 'damaged'})") from None
        except ArchiveError:
            raise
        except Exception as error:
            # zlib.error has no public base.
            raise ArchiveError(f"it is damaged ({type(error).__name__})") from None

    def read(self, budget: Budget) -> bytes:
        """Return all that the file holds; raises as `chunks` does."""
        return b"".join(self.chunks(budget))


@dataclass
class Source:
    """All files that a platform gave.

    Attributes
    ----------
    path : pathlib.Path
    members : list of Member
    problems : list of (str, str)
        What was left out: the name of a file as far as it may be known whose it is, and a sentence.
    """

    path: Path
    members: list[Member]
    problems: list[tuple[str, str]]


@contextlib.contextmanager
def open_source(path: Path) -> Iterator[Source]:
    """List what lies in a folder or a zip archive.

    Parameters
    ----------
    path : pathlib.Path

    Yields
    ------
    Source
        Its files can be read as long as this is open.

    Raises
    ------
    ArchiveError
        If there is nothing, or it is no such archive.
    """
    if path.is_dir():
        yield _folder(path)
    elif not path.is_file():
        raise ArchiveError(f"There is no {path}. Give the archive that the platform made, or a folder.")
    elif path.name.lower().endswith(_OTHERS):
        raise ArchiveError(f"{path} is no zip archive. Unpack it and give the folder.")
    else:
        try:
            with open_zip(path, str(path)) as archive:
                yield zip_source(archive, path)
        except OSError as error:
            raise ArchiveError(f"{path} cannot be read: {error.strerror}.") from None


@contextlib.contextmanager
def open_zip(file: Path, name: str) -> Iterator[zipfile.ZipFile]:
    """Open a zip archive whose list of files is not too long.

    Parameters
    ----------
    file : pathlib.Path
    name : str
        What it is called in messages.

    Yields
    ------
    zipfile.ZipFile

    Raises
    ------
    ArchiveError
        If it is none, or damaged.
    """
    size = file.stat().st_size
    if not size:
        raise ArchiveError(f"{name} is empty. Download it again.")
    with open(file, "rb") as raw:
        raw.seek(max(0, size - 2**16 - 22))
        tail = raw.read()
        begins = tail[:2] == b"PK" if len(tail) == size else None
        place = tail.rfind(b"PK\x05\x06")
        if place < 0 or len(tail) < place + 22:
            if begins is None:
                raw.seek(0)
                begins = raw.read(2) == b"PK"
            what = "was cut off: its end is missing" if begins else "is no zip archive"
            raise ArchiveError(f"{name} {what}. Download it again.")
        (directory,) = struct.unpack("<I", tail[place + 12 : place + 16])
        # With more files than fit, the true length stands in another record, which ends just before this one.
        if directory == 0xFFFFFFFF:
            found = tail.rfind(b"PK\x06\x06", 0, place)
            (directory,) = struct.unpack("<Q", tail[found + 40 : found + 48]) if found >= 0 else (MAX_DIRECTORY + 1,)
        if directory > MAX_DIRECTORY:
            raise ArchiveError(f"{name} lists more files than are read. Unpack it, and give the folder.")
    try:
        archive = zipfile.ZipFile(file)
    except (zipfile.BadZipFile, ValueError, NotImplementedError, struct.error, UnicodeDecodeError):
        raise ArchiveError(f"{name} is damaged. Download it again.") from None
    with archive:
        yield archive


def zip_source(archive: zipfile.ZipFile, path: Path) -> Source:
    """List the files of an open zip archive.

    Parameters
    ----------
    archive : zipfile.ZipFile
    path : pathlib.Path
    """
    members: dict[str, Member] = {}
    problems: list[tuple[str, str]] = []
    for entry in archive.infolist():
        written = _decoded(entry)
        if written.endswith("/") or is_litter(written):
            continue
        name, problem = safe_name(written)
        kind = stat.S_IFMT(entry.external_attr >> 16)
        if not problem and kind not in (0, stat.S_IFREG):
            problem = "is a link, which was not followed" if kind == stat.S_IFLNK else "is no regular file"
        if not problem and entry.flag_bits & 1:
            problem = "has a password; hand it in without one"
        if not problem and entry.compress_type not in _METHODS:
            problem = "is compressed in a way that is not read; pack it as an ordinary zip"
        if not problem and name in members:
            problem = "is there twice; the last one was taken"
            problems.append((written, _sentence(written, problem)))
            problem = ""
        if problem:
            problems.append((written, _sentence(written, problem)))
            continue
        if len(members) >= MAX_FILES:
            problems.append(("", f"There are more than {MAX_FILES:,} files; some were left out."))
            break
        members[name] = Member(name, entry.file_size, _modified(entry), functools.partial(archive.open, entry))
    return Source(path, list(members.values()), problems)


def _decoded(entry: zipfile.ZipInfo) -> str:
    """Return the name of a file: many programs write UTF-8 and do not say so."""
    if entry.flag_bits & 0x800:
        return entry.orig_filename
    try:
        return entry.orig_filename.encode("cp437").decode("utf-8")
    except UnicodeError:
        return entry.orig_filename


def _modified(entry: zipfile.ZipInfo) -> datetime.datetime | None:
    with contextlib.suppress(ValueError):
        return datetime.datetime(*entry.date_time)
    return None


def _folder(path: Path) -> Source:
    members: list[Member] = []
    problems: list[tuple[str, str]] = []
    waiting = [(path, "")]
    while waiting:
        folder, prefix = waiting.pop(0)
        try:
            inside = sorted(os.scandir(folder), key=lambda one: one.name)
        except OSError as error:
            problems.append((prefix, _sentence(prefix, f"cannot be read ({error.strerror})")))
            continue
        for entry in inside:
            written = f"{prefix}{entry.name}"
            if is_litter(written):
                continue
            name, problem = safe_name(written)
            if not problem and entry.is_symlink():
                problem = "is a link, which was not followed"
            if not problem and entry.is_dir(follow_symlinks=False):
                waiting.append((Path(entry.path), f"{written}/"))
                continue
            if not problem and not entry.is_file(follow_symlinks=False):
                problem = "is no regular file"
            if problem:
                problems.append((written, _sentence(written, problem)))
                continue
            if len(members) >= MAX_FILES:
                problems.append(("", f"There are more than {MAX_FILES:,} files; some were left out."))
                return Source(path, members, problems)
            opened = functools.partial(_opened, entry.path)
            members.append(Member(name, entry.stat(follow_symlinks=False).st_size, None, opened))
    return Source(path, members, problems)


def _opened(path: str) -> IO[bytes]:
    """Open a file that may have become a link, or a pipe that nobody writes to, since it was listed."""
    return os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb")


def is_litter(name: str) -> bool:
    """Return whether a file is one that a program left behind, and that nobody handed in."""
    parts = name.replace("\\", "/").split("/")
    return any(part in _LITTER or part.startswith("._") for part in parts)


def safe_name(written: str) -> tuple[str, str]:
    """Return the name of a file as it may be used, and why it may not; empty where it may.

    Parameters
    ----------
    written : str
        As an archive has it.

    Examples
    --------
    >>> safe_name("a\\\\./b.csv"), safe_name("../b")[1], safe_name("/etc/passwd")[1]
    (('a/b.csv', ''), 'leads out of its folder', 'leads out of its folder')
    """
    name = unicodedata.normalize("NFC", written.replace("\\", "/"))
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if name.startswith("/") or name[1:3] == ":/" or ".." in parts or not parts:
        return "", "leads out of its folder"
    if len(parts) > MAX_DEPTH:
        return "", f"lies in more than {MAX_DEPTH} folders, one in the other"
    if any(len(part.encode("utf-8", "replace")) > MAX_NAME for part in parts):
        return "", "has a name that is too long"
    if not all(part.isprintable() for part in parts):
        return "", "has characters in its name that do not show"
    return "/".join(parts), ""


def _sentence(name: str, problem: str) -> str:
    return f"{shorten(visible(name), 120)} {problem}."


def without_top(source: Source) -> Source:
    """Return the same files without the one folder that holds all of them, where there is one: its name says nothing.

    Parameters
    ----------
    source : Source
    """
    tops = {member.name.partition("/")[0] for member in source.members}
    if len(tops) != 1 or any("/" not in member.name for member in source.members):
        return source
    top = f"{tops.pop()}/"
    members = [
        Member(member.name.removeprefix(top), member.size, member.modified, member.opened) for member in source.members
    ]
    return Source(source.path, members, [(name.removeprefix(top), said) for name, said in source.problems])


def total(members: list[Member]) -> str:
    """Return how many files there are, and how large they are together, in words."""
    return f"{counted(len(members), 'file')}, {sum(member.size for member in members) / 2**20:.1f} MB"
