"""Text that is shown to a person."""

from __future__ import annotations

from collections.abc import Sequence

#: A spreadsheet program takes a cell that begins with one of these for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")


def shorten(text: str, most: int) -> str:
    """Return the beginning of a text where it is too long, with an ellipsis at the end.

    Parameters
    ----------
    text : str
        Anything, also from a file that a person did not write.
    most : int
        Number of characters to return at most, the ellipsis included; at least 1.

    Returns
    -------
    str
        Characters that cannot be printed, such as line breaks, are question marks.

    Examples
    --------
    >>> shorten("convolution", 11), shorten("convolution", 6), shorten("two\\nlines", 20)
    ('convolution', 'convo…', 'two?lines')
    """
    shown = "".join(character if character.isprintable() else "?" for character in text[: most + 1])
    return shown if len(shown) <= most else shown[: most - 1].rstrip() + "…"


def counted(count: int, one: str, many: str = "") -> str:
    """Return a number with what is counted, in the singular where there is one.

    Parameters
    ----------
    count : int
    one : str
        The word in the singular.
    many : str
        The plural, where it is not the singular with an s.

    Returns
    -------
    str
        The number with commas between thousands, and the word.

    Examples
    --------
    >>> counted(1, "image"), counted(0, "image"), counted(1200, "class", "classes")
    ('1 image', '0 images', '1,200 classes')
    """
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def in_series(words: Sequence[str]) -> str:
    """Return words as a series: commas between them, and "and" before the last.

    Parameters
    ----------
    words : sequence of str

    Returns
    -------
    str
        Empty where there are none.

    Examples
    --------
    >>> in_series(["keras", "scipy", "numpy"]), in_series(["keras", "scipy"]), in_series(["keras"]), in_series([])
    ('keras, scipy and numpy', 'keras and scipy', 'keras', '')
    """
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))


def some_of(names: Sequence[str], most: int = 10, other: str = "other") -> str:
    """Return names as a series: of many the first ones, and how many more there are.

    Parameters
    ----------
    names : sequence of str
    most : int
        Of more names than these and one, only so many are written.
    other : str
        What one of the others is called.

    Returns
    -------
    str
        The names as `visible` writes them.

    Examples
    --------
    >>> some_of(["ada", "bob", "cleo"], 2), some_of(["ada", "bob", "cleo", "dan"], 2, "student")
    ('ada, bob and cleo', 'ada, bob and 2 students')
    """
    more = len(names) - most
    rest = [counted(more, other)] if more > 1 else [visible(name) for name in names[most:]]
    return in_series([*map(visible, names[:most]), *rest])


def visible(name: str) -> str:
    """Return a name with each character written out that does not show: no two names look the same.

    Parameters
    ----------
    name : str
        For example that of a folder that came from a learning platform.

    Examples
    --------
    >>> print(visible("ada"), visible("a\\u202eda"), visible("a\\n"))
    ada a\\u202eda a\\n
    """
    return "".join(
        one if one.isprintable() and one != "\\" else one.encode("unicode_escape").decode("ascii") for one in name
    )


def spreadsheet_cell(text: str) -> str:
    """Return text that a spreadsheet program does not take for a formula.

    Parameters
    ----------
    text : str

    Examples
    --------
    >>> spreadsheet_cell("=1+1"), spreadsheet_cell("Ada")
    ("'=1+1", 'Ada')
    """
    return f"'{text}" if text.startswith(_FORMULA) else text
