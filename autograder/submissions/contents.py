"""What a file is that was handed in as a notebook and is none, and what its owner can do."""

from __future__ import annotations

import re

_ENOUGH = 2**16
_TITLE = re.compile(rb"<title[^>]{0,200}>([^<]{1,200})", re.IGNORECASE)
_MERGE = re.compile(rb"^(?:<{7}|={7}|>{7})(?: |\r?$)", re.MULTILINE)
#: What files of other kinds begin with, and what such a file is.
_BEGINNINGS = (
    (b"%PDF-", "a PDF"),
    (b"PK\x03\x04", "a zip archive, or a document of an office program"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"Rar!", "a RAR archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"\x89PNG", "a picture (PNG)"),
    (b"\xff\xd8\xff", "a picture (JPEG)"),
    (b"\x89HDF", "an HDF5 file, such as weights of a model"),
)
HAND_IN = "In JupyterLab choose File > Save Notebook, then File > Download, and hand in the notebook itself."


def what_it_is(content: bytes) -> str:
    """Return what a file is, in a few words; empty where that cannot be told.

    Parameters
    ----------
    content : bytes
        Of the file, or its beginning.

    Examples
    --------
    >>> what_it_is(b"%PDF-1.7 ..."), what_it_is(b"")
    ('a PDF', 'an empty file')
    """
    start = content[:_ENOUGH].lstrip(b"\xef\xbb\xbf \t\r\n")
    if not start:
        return "an empty file"
    for beginning, what in _BEGINNINGS:
        if start.startswith(beginning):
            return what
    if start.startswith(b"version https://git-lfs"):
        return "a pointer of Git LFS"
    if start[:14].lower() == b"<!doctype html" or start[:5].lower() == b"<html":
        found = _TITLE.search(start)
        title = " ".join(found[1].decode("utf-8", "replace").split()) if found else ""
        return f'a web page with the title "{title}"' if title else "a web page"
    return ""


def why_unreadable(content: bytes, name: str) -> str:
    """Return what is wrong with a file that is no notebook, and what to do; empty where only JSON's reader knows.

    Parameters
    ----------
    content : bytes
        All of the file.
    name : str
        What it is called.
    """
    what = what_it_is(content)
    if what.startswith("a pointer of Git LFS"):
        return (
            f"{name} is {what}, which stands for the notebook and does not hold it. Run git lfs pull in the "
            "repository, and hand in the file that is there then."
        )
    if what.startswith("a web page"):
        return (
            f"{name} is {what}, not a notebook: perhaps a page to log in was saved in its place, or the view of the "
            f"notebook. {HAND_IN}"
        )
    if what:
        return f"{name} is {what}, not a notebook. {HAND_IN}"
    marks = list(_MERGE.finditer(content))
    if {mark[0][:1] for mark in marks} >= {b"<", b"="}:
        line = content.count(b"\n", 0, marks[0].start()) + 1
        return (
            f"{name} holds the marks of a merge (<<<<<<<, line {line}): git found two versions and kept both. "
            "JupyterLab cannot open it. Open it in a text editor, keep one version of each such place and delete the "
            "lines with <<<<<<<, ======= and >>>>>>>, or take one version with git checkout --ours or --theirs. Then "
            "open it in JupyterLab, save it, and hand it in again."
        )
    return ""
